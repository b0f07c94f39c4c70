"""Which service and operation a request is for, and the compiled operations; one URL serves all services.

The SigV4 scope names the service. Both load balancing services share a scope, so there the request's own name of it
(in forms the Version) decides, and where it has none the operation. Unknown things are refused with status 400, never
5xx, which clients would retry for minutes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from botocore.model import ServiceModel

from gateway import dialects, models
from gateway.dialects import Dialect
from gateway.limits import Limits
from gateway.protocol.aws_json import JsonProtocol
from gateway.protocol.ec2 import EC2Protocol
from gateway.protocol.form import shown
from gateway.protocol.query import QueryProtocol
from gateway.protocol.rpc_cbor import CborProtocol
from gateway.protocol.wire import Answer, Asked, Protocol, Read
from gateway.request import Request
from gateway.validation import Check, Validators
from translators.errors import AWSError

# The forms by botocore's names, in the order in which they are asked whether a request is theirs.
_FORMS: Final[dict[str, Callable[[ServiceModel, Dialect, bool], Protocol]]] = {
    "smithy-rpc-v2-cbor": lambda model, dialect, strict: CborProtocol(model, dialect, strict=strict),
    "json": lambda model, dialect, strict: JsonProtocol(model, dialect, strict=strict),
    "ec2": lambda model, _, strict: EC2Protocol(model, strict=strict),
    "query": lambda model, _, strict: QueryProtocol(model, strict=strict),
}

# In these a request is answered that is for no service we know, or in a form that its service does not speak.
_UNBOUND: Final[tuple[Protocol, ...]] = (
    CborProtocol(None, dialects.of("")),
    JsonProtocol(None, dialects.of("")),
    QueryProtocol(None),
)


class _Unclaimed(QueryProtocol):
    """Refuses, as a form, what is of no form that we have: another value of smithy-protocol."""

    def asked(self, request: Request, limits: Limits) -> Asked:
        del limits
        given = shown(request.headers.get("smithy-protocol", ""))
        raise AWSError("InvalidAction", f"The protocol {given} is not supported by Coppice.")


UNKNOWN: Final[tuple[Protocol, Dialect]] = (_Unclaimed(None), dialects.of(""))
"""Form and words for requests of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation in one wire form, compiled.

    Attributes:
        service: botocore's service name.
        name: the operation's name.
        read: the content of what was asked to input members.
        check: constraints of the input; None where there are none.
        answer: output members and request id to the answer.
    """

    service: str
    name: str
    read: Read
    check: Check | None
    answer: Answer


class Service:
    """One service: its dialect, its wire forms, and those of its operations that were asked for, compiled.

    Attributes:
        name: botocore's.
        version: of its API.
        names: of all its operations.
        protocols: the forms that it is spoken to in and that we have.
    """

    def __init__(self, name: str, *, strict: bool = True) -> None:
        self.name = name
        self.dialect = dialects.of(name)
        model = models.service_model(name)
        self.version: str = model.metadata["apiVersion"]
        self.names = frozenset(model.operation_names)
        listed = models.forms(name)
        self.protocols: dict[str, Protocol] = {
            form: make(models.form_model(name, form), self.dialect, strict)
            for form, make in _FORMS.items()
            if form in listed
        }
        self._asked = tuple(self.protocols.values())
        self._validators = Validators(name, self.dialect.naming, self.dialect.element)
        self._compiled: dict[tuple[str, str], Operation] = {}
        self._lock = threading.Lock()

    def protocol(self, request: Request) -> Protocol | None:
        """The form of a request; None where the service does not speak it."""
        for protocol in self._asked:
            if protocol.claims(request):
                return protocol
        return None

    def operation(self, name: str, form: str) -> Operation | None:
        """An operation in one of the service's forms, compiled when first asked for; None where it has no such one."""
        found = self._compiled.get((form, name))
        if found is None and name in self.names:
            with self._lock:
                found = self._compiled.get((form, name)) or self._compile(name, self.protocols[form])
                self._compiled[form, name] = found
        return found

    def _compile(self, name: str, protocol: Protocol) -> Operation:
        model = models.form_model(self.name, protocol.name).operation_model(name)
        check = self._validators.of(model.input_shape) if model.input_shape else None
        return Operation(self.name, name, protocol.reader(model), check, protocol.answerer(model))


class Services:
    """All services, each loaded when it is first asked for.

    Args:
        strict: whether a member of an answer that no model has is a fault: so in every suite; in production it is
            dropped and told in the log.

    Attributes:
        forms: the wire forms that we have, by botocore's names.
    """

    forms: Final = tuple(_FORMS)

    def __init__(self, *, strict: bool = True) -> None:
        self._strict = strict
        self._scopes = models.scopes()
        self._loaded: dict[str, Service] = {}
        self._lock = threading.Lock()

    def service(self, name: str) -> Service:
        """A service by botocore's name."""
        found = self._loaded.get(name)
        if found is None:
            with self._lock:
                found = self._loaded.get(name) or Service(name, strict=self._strict)
                self._loaded[name] = found
        return found

    def named(self, scope: str) -> str:
        """The service of a scope, where no other has the same; else empty."""
        names = self._scopes.get(scope, ())
        return names[0] if len(names) == 1 else ""

    def spoken(self, request: Request, scope: str | None) -> tuple[Protocol, Dialect]:
        """The form and the words in which a request is refused that claims a scope, whatever else is wrong with it."""
        names = self._scopes.get(scope or "")
        if names is not None:
            service = self.service(names[0])
            protocol = service.protocol(request)
            if protocol is not None:
                return protocol, service.dialect
        dialect = dialects.of("" if names is None else names[0])
        return next((protocol for protocol in _UNBOUND if protocol.claims(request)), UNKNOWN[0]), dialect

    def choose(self, scope: str, form: str, asked: Asked) -> Service:
        """The service that a request is for.

        Args:
            form: that of the request, by botocore's name.

        Raises:
            AWSError: InvalidAction for a scope that no service here has.
        """
        names = self._scopes.get(scope)
        if names is None:
            raise AWSError("InvalidAction", f"The service {shown(scope)} is not supported by Coppice.")
        if len(names) == 1:
            return self.service(names[0])
        for name in names:
            service = self.service(name)
            protocol = service.protocols.get(form)
            if protocol is None:
                continue
            if asked.service == protocol.service or (asked.service is None and asked.operation in service.names):
                return service
        return self.service(names[0])

    def operation(self, service: Service, form: str, asked: Asked) -> Operation:
        """The operation that a request asks of a service.

        Raises:
            AWSError: MissingAction; InvalidAction for an operation, a version or a form that the service does not have.
        """
        protocol = service.protocols.get(form)
        if protocol is None:
            spoken = ", ".join(service.protocols)
            message = f"The service {service.name} is not asked in the protocol {form}, but in {spoken}."
            raise AWSError("InvalidAction", message)
        if not asked.operation:
            message = "The request must contain the parameter Action (Coppice speaks the query form of this service)."
            raise AWSError("MissingAction", message)
        by_version = protocol.service == service.version
        known = asked.service in (None, protocol.service) or (by_version and not service.dialect.versioned)
        operation = service.operation(asked.operation, form) if known else None
        if operation is not None:
            return operation
        if by_version:
            raise service.dialect.unknown_action(asked.operation, asked.service or service.version)
        message = f"Could not find operation {shown(asked.operation)} of {shown(asked.service or service.name)}"
        raise AWSError("InvalidAction", message)
