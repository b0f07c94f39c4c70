"""Which function answers which AWS operation; the gateway asks here and knows nothing else of the translators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from translators.token_keys import TokenKeys

if TYPE_CHECKING:
    from backend import Backend
    from backend.domain.scope import Scope

Params = Mapping[str, Any]
Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed the request.

    Attributes:
        access_key: the AWS access key id of the signature.
        user_id: the cloud's id of the user.
        user_name: the name shown in the caller's ARN.
        project_id: the cloud's project, which is the AWS account.
        project_name: for the operator's eyes (logs).
        roles: lower-case role names, for authorisation.
        assumed_role: ``ROLE/SESSION`` of a session of an assumed role; empty for users.
    """

    access_key: str
    user_id: str
    user_name: str
    project_id: str
    project_name: str = ""
    roles: frozenset[str] = frozenset({"member"})
    assumed_role: str = ""


class NotYet(Exception):
    """There is no answer yet, though one may come: the request is to be asked again.

    Args:
        seconds: when at the latest.
        ready: whether it is worth while already; asked often, and from any thread.
    """

    def __init__(self, seconds: float, ready: Callable[[], bool]) -> None:
        super().__init__(f"no answer yet, for {seconds} s at the most")
        self.seconds = seconds
        self.ready = ready


def nowhere(_region: str) -> None:
    """Where no other region is known."""


def demand_nothing(_operation: str) -> None:
    """Where who may ask for one thing may ask for all."""


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated, parsed and validated request.

    Attributes:
        service: botocore's service name (``autoscaling``, ``ec2``, ``sts``, ``iam``, ``elb``, ``elbv2``...).
        operation: the operation's name in the model.
        params: input members by their model names, typed as botocore's parser would type them
            (timestamps are aware datetimes, blobs are bytes); absent members are absent.
        caller: who asks.
        region: the AWS region name the request was signed for.
        account_id: the 12-digit account of ``caller.project_id``.
        scope: the project and the cloud region; every backend call takes it first.
        regions: AWS region names that callers are told of; empty where only the call's own is known.
        request_id: the id in the answer and in the log.
        backend: the services by noun.
        page_keys: the installation's, which authenticate tokens of pages; no caller has them.
        scope_in: the caller's project in another region, by AWS's name; None where requests cannot be signed for it.
        may_wait: whether the caller can be left without an answer for a while: a handler may raise NotYet.
        waited: for how many seconds they have been.
        endpoint: where the caller reached us, ``https://cloud.example:8080``; empty where that is not known.
        signed: whether anybody signed the request; a link in a message was followed by who knows whom.
        demand: raises the AWS error of a caller who may not do another operation of the service, by its name: for an
            answer that tells what only that one tells otherwise.
    """

    service: str
    operation: str
    params: Params
    caller: Caller
    region: str
    account_id: str
    scope: Scope
    request_id: str
    backend: Backend
    regions: tuple[str, ...] = ()
    page_keys: TokenKeys = field(default_factory=TokenKeys)
    endpoint: str = ""
    scope_in: Callable[[str], Scope | None] = nowhere
    may_wait: bool = False
    waited: float = 0.0
    signed: bool = True
    demand: Callable[[str], None] = demand_nothing


Handler = Callable[[Call], Result]

Concerns = Callable[["Backend", Params], tuple[str, str] | None]
"""The project and the region, by AWS's name, that a link is about; None where it holds nothing that is good for any.

It may raise findings, and AWSError.
"""


@dataclass(frozen=True, slots=True)
class Linked:
    """An operation that a link in a message asks for, which nobody signs.

    Attributes:
        concerns: whom it is about; the handler looks there, and nowhere else.
    """

    service: str
    operation: str
    concerns: Concerns


_handlers: dict[tuple[str, str], Handler] = {}
_linked: dict[str, Linked] = {}


def operation(service: str, name: str) -> Callable[[Handler], Handler]:
    """Register the decorated function as the answer to an operation; its result is the output shape's members."""

    def register(handler: Handler) -> Handler:
        key = (service, name)
        if key in _handlers:
            raise ValueError(f"{service}:{name} is registered twice")
        _handlers[key] = handler
        return handler

    return register


def find(service: str, name: str) -> Handler | None:
    """The handler of an operation, or None where Coppice does not answer it."""
    return _handlers.get((service, name))


def supported() -> dict[str, list[str]]:
    """Every answered operation by service, sorted: the source of the support table."""
    table: dict[str, list[str]] = {}
    for service, name in sorted(_handlers):
        table.setdefault(service, []).append(name)
    return table


def linked(service: str, name: str) -> Callable[[Concerns], Concerns]:
    """Register that links ask for an operation; the decorated function says whom one is about."""

    def register(concerns: Concerns) -> Concerns:
        if name in _linked:
            raise ValueError(f"{name} is linked twice")
        _linked[name] = Linked(service, name, concerns)
        return concerns

    return register


def find_linked(name: str) -> Linked | None:
    """The operation of that name, if links ask for it."""
    return _linked.get(name)
