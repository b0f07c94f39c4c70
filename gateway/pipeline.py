"""A request's whole way, on one page: bytes -> who -> which operation -> parameters -> handler -> bytes."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from gateway import request_log
from gateway.auth import claims, sigv4
from gateway.auth.credentials import Credential, Credentials
from gateway.auth.refusals import Refusal
from gateway.limits import Limits, TokenBuckets
from gateway.protocol import form
from gateway.protocol.wire import Wire
from gateway.request import Request, Response
from gateway.request_log import Observe, Record
from gateway.services import GLOBAL, Operation, Services
from translators import errors, registry
from translators.errors import AWSError
from translators.registry import Call, Caller, Handler

_log = logging.getLogger(__name__)

_ENVELOPE = ("Action", "Version")

Verify = Callable[[Request, claims.Claim, Credentials, datetime], Credential]
Authorize = Callable[[Caller, str, str, str], None]


def allow_all(_caller: Caller, _account: str, _service: str, _operation: str) -> None:
    """On the embedded cloud whoever holds the keys may do anything."""


class Clock(Protocol):
    """Where the present comes from."""

    def now(self) -> datetime:
        """The present, aware UTC."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""


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
        translate: the AWS error of a finding of the backend, by service; None for exceptions that are no findings.
        default_region: the AWS region of services that have none (iam, sts) where the signature's is not the cloud's.
        page_key: what tokens of pages are authenticated with, the same in all processes of an installation.
        limits: what one request may ask for.
        throttle: request tokens per account and region; None for no throttling.
        observe: told of every answered request.
        verify: finds out who signed a request.
        authorize: raises the AWS error of a caller (with account, service and operation) who may not do it.
        services: the compiled services.
    """

    credentials: Credentials
    clock: Clock
    regions: Mapping[str, str] | Callable[[str], str | None]
    scope_of: Callable[[Caller, str], Any]
    account_id_of: Callable[[str], str]
    backend: Any
    find_handler: Callable[[str, str], Handler | None] = registry.find
    translate: Callable[[Exception, str], AWSError | None] = errors.translate
    default_region: str = "us-east-1"
    page_key: bytes = field(default=b"", repr=False)
    limits: Limits = field(default_factory=Limits)
    throttle: TokenBuckets | None = None
    observe: Observe = field(default_factory=request_log.shared)
    services: Services = field(default_factory=Services)
    verify: Verify = sigv4.verify
    authorize: Authorize = allow_all

    def answer(self, request: Request) -> Response:
        """The answer to a request; raises nothing."""
        started = self.clock.monotonic()
        request_id = str(uuid.uuid4())
        wire = self.services.wire(None)
        service_name = action = account = region = ""
        status, code = 200, ""
        try:
            claimed = claims.service_of(request)
            wire = self.services.wire(claimed)
            self._admit(request)
            claim = claims.read(request)
            credential = self.verify(request, claim, self.credentials, self.clock.now())
            caller = credential.caller
            account = self.account_id_of(caller.project_id)
            region = self._region(claim.scope)
            parameters = self._parameters(request)
            service = self.services.choose(claim.scope.service, parameters)
            service_name, wire = service.name, service.wire
            operation = self.services.operation(service, parameters)
            action = operation.name
            self._throttle(account, region, service_name)
            self.authorize(caller, account, service_name, action)
            handler = self.find_handler(service_name, action)
            if handler is None:
                raise wire.unanswered(service_name, action)
            params = self._params(operation, wire, parameters)
            scope = self.scope_of(caller, region)
            call = Call(
                service_name,
                action,
                params,
                caller,
                region,
                account,
                scope,
                request_id,
                self.backend,
                self._told(),
                self.page_key,
            )
            body = operation.serialize(handler(call), request_id)
        except Exception as exception:  # noqa: BLE001 - the one place where a fault of ours becomes AWS's InternalFailure
            error = self._error(exception, wire, service_name, request_id)
            body, status, code = wire.error(error, request_id), error.status, error.code
        seconds = self.clock.monotonic() - started
        self.observe(Record(request_id, service_name, action, account, region, status, code, seconds))
        return Response(status, body, {"Content-Type": wire.content_type, "x-amzn-requestid": request_id})

    def _told(self) -> tuple[str, ...]:
        """Names of regions to tell: AWS's, and the cloud's own where AWS has none for it."""
        if not isinstance(self.regions, Mapping):
            return ()
        named = {cloud for name, cloud in self.regions.items() if name != cloud}
        return tuple(name for name, cloud in self.regions.items() if name != cloud or cloud not in named)

    def _admit(self, request: Request) -> None:
        if len(request.body) > self.limits.body_bytes:
            most = self.limits.body_bytes
            raise AWSError("RequestEntityTooLarge", f"The request body is longer than {most} bytes.", 413)
        if len(request.query) > self.limits.query_bytes:
            most = self.limits.query_bytes
            raise AWSError("RequestEntityTooLarge", f"The query string is longer than {most} bytes.", 413)
        if request.method not in ("GET", "POST"):
            raise AWSError("UnsupportedHttpVerb", f"The requested HTTP verb is not supported: {request.method[:20]}")

    def _region(self, scope: claims.Scope) -> str:
        known = self.regions.get if isinstance(self.regions, Mapping) else self.regions
        if known(scope.region) is not None:
            return scope.region
        if scope.service in GLOBAL:
            return self.default_region
        raise Refusal.unsound(f"Credential should be scoped to a valid region, not '{scope.region[:40]}'. ")

    def _parameters(self, request: Request) -> form.Pairs:
        found: form.Pairs = {}
        if request.query:
            form.pairs(request.query.encode("utf-8", "surrogateescape"), self.limits, found)
            found = {key: value for key, value in found.items() if not key.startswith("X-Amz-")}
        if request.body:
            gzipped = request.headers.get("content-encoding") == "gzip"
            form.pairs(form.inflated(request.body, self.limits) if gzipped else request.body, self.limits, found)
        return found

    def _throttle(self, account: str, region: str, service: str) -> None:
        if self.throttle is None or self.throttle.take(account, region, self.clock.monotonic()):
            return
        if service == "ec2":
            raise AWSError("RequestLimitExceeded", "Request limit exceeded.", 503)
        raise AWSError("Throttling", "Rate exceeded")

    def _params(self, operation: Operation, wire: Wire, parameters: form.Pairs) -> dict[str, Any]:
        members = {key: value for key, value in parameters.items() if key not in _ENVELOPE}
        params = operation.parse(form.tree(members, self.limits))
        if operation.check is not None:
            failures: list[Any] = []
            operation.check(params, "", failures)
            if failures:
                raise wire.invalid(failures)
        return params

    def _error(self, exception: Exception, wire: Wire, service: str, request_id: str) -> AWSError:
        """The error that the client sees for whatever went wrong."""
        if isinstance(exception, Refusal):
            return wire.refused(exception)
        if isinstance(exception, AWSError):
            return exception
        found = self.translate(exception, service)
        if found is None:
            _log.error("request=%s failed", request_id, exc_info=exception)
            code = "InternalError" if service == "ec2" else "InternalFailure"
            return AWSError(code, f"An internal error has occurred. Request id: {request_id}", 500)
        if found.status >= 500:
            _log.warning("request=%s answered %s: %r", request_id, found.code, exception)
        return found
