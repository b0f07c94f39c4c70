"""Spans to a collector by OTLP over HTTP, with OpenTelemetry's SDK. The library is loaded where it is wanted alone.

What is ended is put on a queue that has an end, and a thread sends it: a collector that is away, slow or hostile costs
spans and nothing else. How it is sent is said in OpenTelemetry's own environment (``OTEL_EXPORTER_OTLP_ENDPOINT``,
``OTEL_TRACES_SAMPLER``, ``OTEL_BSP_MAX_QUEUE_SIZE``...), which the SDK reads.

Source: OpenTelemetry specification, "SDK environment variables"; W3C Trace Context, "traceparent".
"""

from __future__ import annotations

import logging
import random
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from backend.drivers.optional import NoLibrary
from backend.tracing import Role, Span, Value

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

LOG = logging.getLogger(__name__)
_CONTEXT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.DOTALL)
_LONGEST_CONTEXT: Final = 512
_LONGEST: Final = 256
_MOST: Final = 50
_AGAIN_SECONDS: Final = 60.0


class OtlpTraces:
    """See ``tracing.Traces``.

    Args:
        provider: of OpenTelemetry's tracers, whose sampler decides of every span that is a part of none of ours.
    """

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import trace
        from opentelemetry.context import Context

        self._provider = provider
        self._api, self._nothing = trace, Context()
        self._kinds = {
            Role.ANSWERS: trace.SpanKind.SERVER,
            Role.ASKS: trace.SpanKind.CLIENT,
            Role.WORKS: trace.SpanKind.INTERNAL,
        }
        sampler: Any = _Ours(provider.sampler, trace, self._nothing)
        provider.sampler = sampler
        self._tracer = provider.get_tracer("coppice")
        self._closed = threading.Event()
        # It begins now and waits, for where an interpreter ends no thread can begin any more (from Python 3.12 on).
        self._ending = threading.Thread(target=self._end, name="spans-end", daemon=True)
        self._ending.start()

    def begin(
        self,
        name: str,
        role: Role,
        told: Mapping[str, Value],
        *,
        under: Span | None = None,
        links: Sequence[str] = (),
        follows: str = "",
    ) -> Span:
        parent = self._nothing
        if isinstance(under, _Kept):
            parent = self._api.set_span_in_context(under.kept, self._nothing)
        elif (outside := self._context(follows)) is not None:
            parent = self._api.set_span_in_context(self._api.NonRecordingSpan(outside), self._nothing)
        linked = [self._api.Link(found) for found in map(self._context, links) if found is not None]
        return _Kept(
            self._api,
            self._tracer.start_span(
                name, context=parent, kind=self._kinds[role], attributes=_bounded(told), links=linked
            ),
        )

    def close(self, seconds: float) -> None:
        # Whoever sends may hang for longer, and nobody waits for that.
        self._closed.set()
        self._ending.join(seconds)

    def _end(self) -> None:
        self._closed.wait()
        self._provider.shutdown()

    def _context(self, told: str) -> Any | None:
        """The span that a traceparent names; None where it names none."""
        found = _CONTEXT.fullmatch(told) if len(told) <= _LONGEST_CONTEXT else None
        if found is None:
            return None
        # Of its flags nothing is taken: whether a span is kept is not said by who asks.
        context = self._api.SpanContext(int(found[1], 16), int(found[2], 16), is_remote=True)
        return context if context.is_valid else None


class _Kept:
    """A span of OpenTelemetry's."""

    __slots__ = ("_api", "kept")

    def __init__(self, api: Any, kept: Any) -> None:
        self._api, self.kept = api, kept

    @property
    def context(self) -> str:
        found = self.kept.get_span_context()
        if not found.is_valid:
            return ""
        return f"00-{found.trace_id:032x}-{found.span_id:016x}-{int(found.trace_flags):02x}"

    def rename(self, name: str) -> None:
        self.kept.update_name(name)

    def tell(self, told: Mapping[str, Value]) -> None:
        self.kept.set_attributes(_bounded(told))

    def end(self, failed: str = "") -> None:
        if failed:
            self.kept.set_attribute("error.type", failed[:_LONGEST])
            self.kept.set_status(self._api.StatusCode.ERROR)
        self.kept.end()


def _bounded(told: Mapping[str, Value]) -> dict[str, Any]:
    return {name: _shortened(value) for name, value in told.items()}


def _shortened(value: Value) -> Any:
    if isinstance(value, str):
        return _told(value)
    if isinstance(value, int | float):
        return value
    return [_told(each) for each in value[:_MOST]]


def _told(text: str) -> str:
    """Short, and such that it can be written down: half of a pair of surrogates would cost the whole batch."""
    return text[:_LONGEST].encode("utf-8", "replace").decode()


class _Ours:
    """The sampler that is chosen, which knows nothing of what others decided, or of the number of their trace.

    Of a trace that somebody else began the chosen one would do as told, and with a ratio it looks at the number of the
    trace, which they chose. It is asked once: a part of a span of ours is kept where that is.
    """

    def __init__(self, chosen: Any, api: Any, nothing: Any) -> None:
        from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

        self._chosen, self._api, self._nothing = chosen, api, nothing
        self._always: Any = ALWAYS_ON
        self._never: Any = ALWAYS_OFF

    def should_sample(self, parent_context: Any, trace_id: int, *given: Any, **named: Any) -> Any:
        found = self._api.get_current_span(parent_context).get_span_context()
        if not found.is_valid:
            decides = self._chosen
        elif found.is_remote:
            decides, parent_context, trace_id = self._chosen, self._nothing, random.getrandbits(128) or 1
        else:  # whose trace may have a number that others chose
            decides = self._always if found.trace_flags.sampled else self._never
        return decides.should_sample(parent_context, trace_id, *given, **named)

    def get_description(self) -> str:
        return f"Ours{{{self._chosen.get_description()}}}"


class _Seldom(logging.Handler):
    """What the SDK tells, once a minute: a collector that is away would fill the log."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(logging.WARNING)
        self._now = now
        self._again_at = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        now = self._now()
        if now >= self._again_at:
            self._again_at = now + _AGAIN_SECONDS
            words = " ".join(record.getMessage().split())[:_LONGEST]
            if "header" in words.lower():  # behind the colon stands one, with what is a secret mostly
                words = words.partition(":")[0]
            LOG.warning("spans may be lost (told once a minute): %s", words)


def hush(now: Callable[[], float]) -> None:
    """Tell seldom what the SDK tells often.

    Args:
        now: seconds of a clock that never goes back.
    """
    theirs = logging.getLogger("opentelemetry")
    theirs.propagate = False
    theirs.handlers = [_Seldom(now)]


def opened(name: str, instance: str, now: Callable[[], float], processor: SpanProcessor | None = None) -> OtlpTraces:
    """Spans of this process. After a fork, for its thread stays behind.

    Args:
        name: of the service, where OpenTelemetry's environment gives it none.
        instance: of this process, which is no other's.
        now: seconds of a clock that never goes back.
        processor: takes ended spans; by default a queue for OTLP.

    Raises:
        NoLibrary
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        told = "OpenTelemetry's SDK is not installed, which [tracing] enabled needs: requirements-tracing.txt"
        raise NoLibrary(told) from error
    hush(now)
    try:
        found = Resource.create()
        if str(found.attributes.get("service.name", "")).startswith("unknown_service"):
            found = found.merge(Resource({"service.name": name}))
        if "service.instance.id" not in found.attributes:
            found = found.merge(Resource({"service.instance.id": instance}))
        provider = TracerProvider(resource=found, shutdown_on_exit=False)
        provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
    except ValueError as error:
        raise NoLibrary(f"OpenTelemetry's environment cannot be used: {error}") from error
    return OtlpTraces(provider)
