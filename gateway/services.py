"""Which service and operation a request is for, and the compiled operations; one URL serves all services.

The SigV4 scope names the service. Both load balancing services share a scope, so there the Version decides, and where
it is absent the Action. Unknown things are refused with status 400, never 5xx, which clients would retry for minutes.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from gateway import models
from gateway.protocol.ec2 import EC2Wire, member_name
from gateway.protocol.form import Pairs, shown
from gateway.protocol.query import QueryWire
from gateway.protocol.wire import Parse, Serialize, Wire
from gateway.validation import Check, Validators, lower_first
from translators.errors import AWSError

# The service of a credential scope -> botocore's names behind it, the first for requests that do not say which.
SCOPES: Final[dict[str, tuple[str, ...]]] = {
    "autoscaling": ("autoscaling",),
    "ec2": ("ec2",),
    "sts": ("sts",),
    "elasticloadbalancing": ("elbv2", "elb"),
    "iam": ("iam",),
    "sns": ("sns",),
    "monitoring": ("cloudwatch",),
}

# Services that have one endpoint for the world: clients sign for AWS's region of it, whatever region they are set to.
GLOBAL: Final = frozenset({"iam", "sts"})

_UNKNOWN: Final = QueryWire(None)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, compiled.

    Attributes:
        service: botocore's service name.
        name: the operation's name.
        parse: the tree of parameters to input members.
        check: constraints of the input; None where there are none.
        serialize: output members and request id to the answer's body.
    """

    service: str
    name: str
    parse: Parse
    check: Check | None
    serialize: Serialize


class Service:
    """One service: its wire form and those of its operations that were asked for, compiled."""

    def __init__(self, name: str, *, strict: bool = True) -> None:
        self.name = name
        model = models.service_model(name)
        self.version: str = model.metadata["apiVersion"]
        self.names = frozenset(model.operation_names)
        ec2 = model.metadata["protocol"] == "ec2"
        self.wire: Wire = EC2Wire(model, strict=strict) if ec2 else QueryWire(model, strict=strict)
        self._validators = Validators(name, member_name if ec2 else lower_first, "" if ec2 else ".member")
        self._compiled: dict[str, Operation] = {}
        self._lock = threading.Lock()

    def operation(self, name: str) -> Operation | None:
        """An operation, compiled when first asked for; None where the service has none of that name."""
        found = self._compiled.get(name)
        if found is None and name in self.names:
            with self._lock:
                found = self._compiled.get(name) or self._compile(name)
                self._compiled[name] = found
        return found

    def _compile(self, name: str) -> Operation:
        model = models.service_model(self.name).operation_model(name)
        check = self._validators.of(model.input_shape) if model.input_shape else None
        return Operation(self.name, name, self.wire.parser(model), check, self.wire.serializer(model))


class Services:
    """All services, each loaded when it is first asked for.

    Args:
        strict: whether a member of an answer that no model has is a fault: so in every suite; in production it is
            dropped and told in the log.
    """

    def __init__(self, *, strict: bool = True) -> None:
        self._strict = strict
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

    def wire(self, scope: str | None) -> Wire:
        """The form in which a request that claims a scope is answered, whatever else is wrong with it."""
        names = SCOPES.get(scope or "")
        return self.service(names[0]).wire if names else _UNKNOWN

    def choose(self, scope: str, form: Pairs) -> Service:
        """The service that a request is for.

        Raises:
            AWSError: InvalidAction for a scope that no service here has.
        """
        names = SCOPES.get(scope)
        if names is None:
            known = ", ".join(sorted(SCOPES))
            message = f"The service {shown(scope)} is not supported by Coppice, which has {known}."
            raise AWSError("InvalidAction", message)
        candidates = [self.service(name) for name in names]
        version, action = form.get("Version"), form.get("Action", "")
        for service in candidates:
            if version == service.version or (version is None and action in service.names):
                return service
        return candidates[0]

    def operation(self, service: Service, form: Pairs) -> Operation:
        """The operation that a request asks of a service.

        Raises:
            AWSError: MissingAction, or InvalidAction for an operation or a version that the service does not have.
        """
        action, version = form.get("Action"), form.get("Version", service.version)
        if not action:
            message = "The request must contain the parameter Action (Coppice speaks the query form of this service)."
            raise AWSError("MissingAction", message)
        # EC2 takes every older version of its API; the models hold the newest.
        known = version == service.version or service.name == "ec2"
        operation = service.operation(action) if known else None
        if operation is None:
            raise service.wire.unknown_action(action, version)
        return operation
