"""Each exchange with the cloud carries for whose request it is, and is a span, which tells no id, parameter or body.

Source: oslo.middleware, ``request_id`` (``X-OpenStack-Request-ID`` of a request is the global request id where it is
``req-`` and a UUID); OpenTelemetry's semantic conventions of HTTP clients.
"""

from __future__ import annotations

import re
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from backend import tracing
from backend.drivers import terms
from backend.tracing import NO_SPAN, Role, Span, Traces, Value

REQUEST_ID: Final = "X-OpenStack-Request-ID"
ANSWERED_IDS: Final = ("x-openstack-request-id", "x-compute-request-id")
"""Where services tell the id of their own that they gave a request."""
_TOLD_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LOGIN: Final = "/auth/tokens"
_CHANGE: Final = frozenset({"POST", "PUT", "PATCH"})
WORDS: Final = frozenset(
    {
        *("OS-TRUST", "action", "add_extraroutes", "add_router_interface", "address-groups", "aggregates"),
        *("application_credentials", "remove_extraroutes"),
        *("auth", "credentials", "detail", "details", "diagnostics", "domains", "ec2tokens", "extensions", "flavors"),
        *("floatingips", "add_addresses", "remove_addresses"),
        *("healthmonitors", "images", "l7policies", "lbaas", "limits", "listeners", "loadbalancers", "members"),
        *("messages", "metadata", "metric", "measures", "networks", "os-availability-zone", "os-interface"),
        *("os-keypairs", "os-quota-sets", "os-server-groups", "os-volume_attachments", "pools", "ports"),
        *("projects", "queues", "quotas", "remove_router_interface", "resource", "role_assignments", "roles"),
        *("routers", "rules", "secrets", "security-group-rules", "security-groups", "servers", "snapshots", "stats"),
        *("subnets", "tags", "tokens", "trusts", "types", "users", "volumes"),
    }
)
"""What paths are made of beside ids, names and versions: all else of a path is told as ``{id}``."""
_VERSION: Final = re.compile(r"v\d+(\.\d+)?")
_MOST_PARTS: Final = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the cloud is asked.

    Attributes:
        service: by its type in the catalog.
        path: below the service's own.
        project, region: where; empty where the service user asks for itself.
        attempt: how often the same was sent before.
    """

    service: str
    path: str
    project: str = ""
    region: str = ""
    attempt: int = 0


_ASKED: ContextVar[Asked | None] = ContextVar("asked", default=None)


class Asking:
    """Around what a session sends for a question: it tells what the question is."""

    __slots__ = ("_asked", "_token")

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def __enter__(self) -> None:
        self._token: Token[Asked | None] = _ASKED.set(self._asked)

    def __exit__(self, *_: object) -> None:
        _ASKED.reset(self._token)


def template(path: str) -> str:
    """A path without what is in it of ids and names: few of them, for spans to be called by."""
    parts = [part for part in path.partition("?")[0].split("/") if part]
    told = [part if part in WORDS or _VERSION.fullmatch(part) else "{id}" for part in parts[:_MOST_PARTS]]
    return "/" + "/".join(told)


def answered_id(response: requests.Response) -> str | None:
    """The id of its own that a service gave a request."""
    return next((response.headers[name] for name in ANSWERED_IDS if name in response.headers), None)


class TracedSession(requests.Session):
    """Sends requests with the id of what they are for, each as a span of it.

    What makes, begins or changes something is sent only while whoever asks holds what it is for: another may have led
    an address elsewhere by then, or taken a member out. What deletes may be late.
    """

    def __init__(self, traces: Traces) -> None:
        super().__init__()
        self._traces = traces

    def send(self, request: requests.PreparedRequest, **given: Any) -> requests.Response:
        origin = tracing.present()
        if origin is not None and (named := origin.global_id()):
            request.headers.setdefault(REQUEST_ID, named)
        if request.method in _CHANGE and not urlsplit(request.url or "").path.endswith(_LOGIN):
            terms.check()
        if self._traces is tracing.UNTRACED:
            return super().send(request, **given)
        span = self._begun(request, NO_SPAN if origin is None else origin.span)
        try:
            response = super().send(request, **given)
        except BaseException as error:
            span.end(type(error).__name__)
            raise
        told: dict[str, Value] = {"http.response.status_code": response.status_code}
        its_own = answered_id(response)
        if its_own is not None and _TOLD_ID.fullmatch(its_own):
            told["openstack.request_id"] = its_own
        span.tell(told)
        span.end(str(response.status_code) if response.status_code >= 400 else "")
        return response

    def _begun(self, request: requests.PreparedRequest, under: Span) -> Span:
        path = urlsplit(request.url or "").path
        asked = _ASKED.get()
        if asked is None or path.endswith(_LOGIN):  # which a session may need before it sends what is asked
            asked = Asked("identity", _LOGIN if path.endswith(_LOGIN) else path)
        method, shown = request.method or "", template(asked.path)
        told: dict[str, Value] = {
            "http.request.method": method,
            "url.template": shown,
            "server.address": urlsplit(request.url or "").hostname or "",
            "openstack.service": asked.service,
            "http.request.resend_count": asked.attempt,
        }
        if asked.project:
            told |= {"coppice.project": asked.project, "coppice.region": asked.region}
        return self._traces.begin(f"{asked.service} {method} {shown}", Role.ASKS, told, under=under)
