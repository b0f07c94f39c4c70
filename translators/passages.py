"""What goes along with a client's request from its begin to its end: its name for all that is done for it, its span."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from backend.tracing import NO_SPAN, UNTRACED, During, Origin, Role, Traces, Value
from translators.receivers import SERVICE

CLIENT_CONTEXTS: Final = ("ignore", "link", "follow")
"""What becomes of the trace that a client says it is in: nothing; ours names it; ours is a part of it."""
_GROUP: Final = "AutoScalingGroupName"
_GROUPS: Final = "AutoScalingGroupNames"


class Answered(Protocol):
    """What the gateway tells of a request that it has answered."""

    @property
    def service(self) -> str: ...

    @property
    def operation(self) -> str: ...

    @property
    def account(self) -> str: ...

    @property
    def region(self) -> str: ...

    @property
    def status(self) -> int: ...

    @property
    def code(self) -> str: ...

    @property
    def names(self) -> Mapping[str, str]: ...


class Passages:
    """Of all requests.

    Args:
        traces: keep the spans.
        client_context: one of CLIENT_CONTEXTS. Whether a span is kept is never the client's to say.
    """

    def __init__(self, traces: Traces = UNTRACED, client_context: str = "ignore") -> None:
        self._traces, self._client_context = traces, client_context

    def __call__(self, request_id: str, traceparent: str) -> Passage:
        """That of one request, around its answering.

        Args:
            traceparent: as the client sent it; empty where it sent none.
        """
        if self._traces is UNTRACED:  # it costs each request some millionths of a second, and nothing more
            return Passage(Origin(request_id))
        span = self._traces.begin(
            "request",
            Role.ANSWERS,
            {"coppice.request_id": request_id},
            links=(traceparent,) if traceparent and self._client_context == "link" else (),
            follows=traceparent if self._client_context == "follow" else "",
        )
        return Passage(Origin(request_id, span))


class Passage(During):
    """That of one request. Where nothing is told of it the request waits and is asked again: that is no span."""

    __slots__ = ()

    def tell(self, answered: Answered) -> None:
        """It is answered."""
        assert self.origin is not None
        span = self.origin.span
        if span is NO_SPAN:
            return
        if answered.operation:
            span.rename(f"{answered.service}.{answered.operation}")
        told: dict[str, Value] = {
            "rpc.system": "" if answered.service == SERVICE else "aws-api",
            "rpc.service": answered.service,
            "rpc.method": answered.operation,
            "coppice.account": answered.account,
            "coppice.region": answered.region,
            "http.response.status_code": answered.status,
        }
        group = answered.names.get(_GROUP) or answered.names.get(_GROUPS, "")
        if group and "," not in group:
            told["coppice.group"] = group
        if answered.code:
            told["error.type"] = answered.code
        span.tell({name: value for name, value in told.items() if value != ""})
        # A refusal is the client's error, and no failure of ours.
        span.end(answered.code if answered.status >= 500 else "")
