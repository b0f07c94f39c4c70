"""A request's whole way, on one page: bytes -> who -> which operation -> parameters -> handler -> bytes."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from secrets import token_bytes
from typing import Any, Final, Protocol, Self

from gateway import links, models, request_log
from gateway.auth import claims, sigv4
from gateway.auth.credentials import Credential, Credentials
from gateway.auth.refusals import Refusal
from gateway.dialects import Dialect
from gateway.limits import Limits, TokenBuckets
from gateway.protocol import wire
from gateway.protocol.wire import Asked
from gateway.request import Later, Request, Response
from gateway.request_log import Observe, Record, names_in
from gateway.services import UNKNOWN, Operation, Service, Services
from translators import errors, registry
from translators.errors import AWSError
from translators.registry import Call, Caller, Handler, Linked, NotYet
from translators.token_keys import TokenKeys

_log = logging.getLogger(__name__)


class Passage(Protocol):
    """What goes along with one request, around all of its answering."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *what: object) -> None: ...

    def tell(self, answered: Record) -> None:
        """It is answered; never told where it waits to be asked again."""


class _Alone:
    """Nothing goes along."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *what: object) -> None:
        pass

    def tell(self, answered: Record) -> None:
        pass


_ALONE: Final = _Alone()
Along = Callable[[str, str], Passage]
"""What goes along with a request of that id, in which that traceparent stands (empty: none)."""


def alone(_request_id: str, _traceparent: str) -> Passage:
    """Nothing does."""
    return _ALONE


Verify = Callable[[Request, claims.Claim, Credentials, datetime], Credential]
Authorize = Callable[[Caller, str, str, str, str], None]


def allow_all(_caller: Caller, _account: str, _service: str, _operation: str, _region: str) -> None:
    """On the embedded cloud whoever holds the keys may do anything."""


class Clock(Protocol):
    """Where the present comes from."""

    def now(self) -> datetime:
        """The present, aware UTC."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""


@dataclass(slots=True)
class _Way:
    """What is known of a request on its way: it is refused in the form and the words known by then."""

    request_id: str
    protocol: wire.Protocol
    dialect: Dialect
    service: str = ""
    action: str = ""
    account: str = ""
    region: str = ""
    caller: Caller | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Answers requests. Made once by the composition root, used by all threads.

    Attributes:
        credentials: where secrets are found.
        clock: the only source of time.
        regions: the cloud's region of an AWS region name, as a mapping or a function (None where there is none).
        scope_of: the project and cloud region that a caller means with an AWS region.
        account_id_of: the twelve digits of a project.
        backend: handed to handlers as it is.
        find_handler: the function that answers an operation, by service and name; None where none does.
        find_linked: the operation that links in messages ask for by its name; None for all others.
        translate: the AWS error of a finding of the backend, by service; None for exceptions that are no findings.
        default_region: the AWS region of services that have none (iam, sts) where the signature's is not the cloud's.
        page_keys: what tokens of pages are authenticated with, the same in all processes of an installation.
        share_key: see ``links.share``.
        limits: what one request may ask for.
        along: makes what goes along with each request.
        throttle: request tokens per account and region; None for no throttling.
        observe: told of every answered request.
        verify: finds out who signed a request.
        authorize: raises the AWS error of a caller (with account, service, operation and region) who may not do it.
        services: the compiled services.
        told: names of regions that clients are told of.
    """

    credentials: Credentials
    clock: Clock
    regions: Mapping[str, str] | Callable[[str], str | None]
    scope_of: Callable[[Caller, str], Any]
    account_id_of: Callable[[str], str]
    backend: Any
    find_handler: Callable[[str, str], Handler | None] = registry.find
    find_linked: links.FindLinked = registry.find_linked
    translate: Callable[[Exception, str], AWSError | None] = errors.translate
    default_region: str = "us-east-1"
    page_keys: TokenKeys = field(default_factory=TokenKeys)
    share_key: bytes = field(default_factory=partial(token_bytes, 32), repr=False)
    limits: Limits = field(default_factory=Limits)
    throttle: TokenBuckets | None = None
    observe: Observe = field(default_factory=request_log.shared)
    services: Services = field(default_factory=Services)
    verify: Verify = sigv4.verify
    authorize: Authorize = allow_all
    along: Along = alone
    told: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "told", _told(self.regions))

    def answer(self, request: Request) -> Response:
        """The answer to a request; raises nothing."""
        request_id = str(uuid.uuid4())
        with self.along(request_id, request.headers.get("traceparent", "")) as passage:
            return self._answered(request, request_id, passage)

    def _answered(self, request: Request, request_id: str, passage: Passage) -> Response:
        started, code = self.clock.monotonic(), ""
        way = _Way(request_id, *UNKNOWN)
        try:
            claimed = claims.service_of(request)
            way.protocol, way.dialect = self.services.spoken(request, claimed)
            self._admit(request, claimed)
            link = links.read(request, self.limits, self.find_linked)
            asked = self._signed(request, way) if link is None else self._followed(request, way, *link)
            operation, handler, call = asked
            answered = operation.answer(handler(call), request_id)
        except NotYet as wait:
            return Response(204, b"", later=Later(wait.seconds, wait.ready, way.account))  # told of when it is answered
        except Exception as exception:  # noqa: BLE001 - the one place where a fault of ours becomes AWS's InternalFailure
            error = self._error(exception, way.dialect, way.service, request_id)
            answered, code = way.protocol.refuse(error, request_id), error.code
        seconds = self.clock.monotonic() - started
        told = (way.service, way.action, way.account, way.region)
        record = Record(
            request_id, *told, answered.status, code, seconds, way.caller, request.peer, names_in(way.params)
        )
        passage.tell(record)
        self.observe(record)
        return answered

    def _signed(self, request: Request, way: _Way) -> tuple[Operation, Handler, Call]:
        """What somebody asks for who has signed it."""
        claim = claims.read(request)
        # What is claimed more than once was perhaps read otherwise when nothing but the form was asked for.
        way.protocol, way.dialect = self.services.spoken(request, claim.scope.service)
        credential = self.verify(request, claim, self.credentials, self.clock.now())
        caller = way.caller = credential.caller
        way.account = self.account_id_of(caller.project_id)
        way.region = self._region(claim.scope)
        way.service = self.services.named(claim.scope.service)
        # Before the body is looked at: what is costly to take apart, or to refuse, costs a token like all else.
        self._throttle(way.account, way.region, way.dialect)
        asked = way.protocol.asked(request, self.limits.of(way.service))
        operation = self._operation(self.services.choose(claim.scope.service, way.protocol.name, asked), asked, way)
        try:
            self.authorize(caller, way.account, way.service, way.action, way.region)
        except AWSError:
            way.params = _asked_about(operation, asked.content)
            raise
        handler = self._handler(way)
        params = way.params = _params(operation, way.dialect, asked.content, request)
        return operation, handler, self._call(request, way, caller, params)

    def _followed(self, request: Request, way: _Way, linked: Linked, asked: Asked) -> tuple[Operation, Handler, Call]:
        """What a link asks for that nobody signed, held against the project that it is about."""
        operation = self._operation(self.services.service(linked.service), asked, way)
        # Before anything is looked for: who follows links at random takes no caller's tokens, and few others'.
        self._throttle("", links.share(request.peer, self.share_key), way.dialect)
        params = _params(operation, way.dialect, asked.content, request)
        about = linked.concerns(self.backend, params)
        if about is None or not self._knows(about[1]):
            raise Refusal.missing_token()
        project_id, way.region = about
        way.account = self.account_id_of(project_id)
        nobody = Caller("", "", "", project_id, roles=frozenset())
        return operation, self._handler(way), replace(self._call(request, way, nobody, params), signed=False)

    def _operation(self, service: Service, asked: Asked, way: _Way) -> Operation:
        way.service, way.dialect = service.name, service.dialect
        way.protocol = service.protocols.get(way.protocol.name, way.protocol)
        operation = self.services.operation(service, way.protocol.name, asked)
        way.action = operation.name
        return operation

    def _handler(self, way: _Way) -> Handler:
        handler = self.find_handler(way.service, way.action)
        if handler is None:
            raise way.dialect.unanswered(way.service, way.action)
        return handler

    def _call(self, request: Request, way: _Way, caller: Caller, params: dict[str, Any]) -> Call:
        return Call(
            way.service,
            way.action,
            params,
            caller,
            way.region,
            way.account,
            self.scope_of(caller, way.region),
            way.request_id,
            self.backend,
            self.told,
            self.page_keys,
            request.endpoint,
            lambda name: self.scope_of(caller, name) if self._knows(name) else None,
            request.may_wait,
            request.waited,
            demand=lambda other: self.authorize(caller, way.account, way.service, other, way.region),
        )

    def _admit(self, request: Request, scope: str | None) -> None:
        if len(request.body) > (most := self.limits.body_of(scope)):
            raise AWSError("RequestEntityTooLarge", f"The request body is longer than {most} bytes.", 413)
        if len(request.query) > self.limits.query_bytes:
            most = self.limits.query_bytes
            raise AWSError("RequestEntityTooLarge", f"The query string is longer than {most} bytes.", 413)
        if request.method not in ("GET", "POST"):
            raise AWSError("UnsupportedHttpVerb", f"The requested HTTP verb is not supported: {request.method[:20]}")

    def _region(self, scope: claims.Scope) -> str:
        if self._knows(scope.region):
            return scope.region
        if any(models.is_global(name) for name in models.scopes().get(scope.service, ())):
            return self.default_region
        raise Refusal.unsound(f"Credential should be scoped to a valid region, not '{scope.region[:40]}'. ")

    def _knows(self, region: str) -> bool:
        known = self.regions.get if isinstance(self.regions, Mapping) else self.regions
        return known(region) is not None

    def _throttle(self, account: str, region: str, dialect: Dialect) -> None:
        if self.throttle is not None and not self.throttle.take(account, region, self.clock.monotonic()):
            raise AWSError(*dialect.throttled)

    def _error(self, exception: Exception, dialect: Dialect, service: str, request_id: str) -> AWSError:
        """The error that the client sees for whatever went wrong."""
        if isinstance(exception, Refusal):
            return dialect.refused(exception)
        if isinstance(exception, AWSError):
            return exception
        found = self.translate(exception, service)
        if found is None:
            _log.error("request=%s failed", request_id, exc_info=exception)
            return AWSError(dialect.internal, f"An internal error has occurred. Request id: {request_id}", 500)
        if found.status >= 500:
            _log.warning("request=%s answered %s: %r", request_id, found.code, exception)
        return found


def _told(regions: Mapping[str, str] | Callable[[str], str | None]) -> tuple[str, ...]:
    """Names of regions to tell: AWS's, and the cloud's own where AWS has none for it."""
    if not isinstance(regions, Mapping):
        return ()
    named = {cloud for name, cloud in regions.items() if name != cloud}
    return tuple(name for name, cloud in regions.items() if name != cloud or cloud not in named)


def _asked_about(operation: Operation, content: Any) -> dict[str, Any]:
    """The members of a request that is denied, for the audit trail; none where they cannot be read."""
    try:
        return operation.read(content)
    except AWSError:
        return {}


def _params(operation: Operation, dialect: Dialect, content: Any, request: Request) -> dict[str, Any]:
    params = operation.read(content)
    for name, value in dialect.located(request).items():
        params.setdefault(name, value)
    if operation.check is not None:
        failures: list[Any] = []
        operation.check(params, "", failures)
        if failures:
            raise dialect.invalid(failures)
    return params
