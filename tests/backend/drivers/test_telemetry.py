"""Spans through OpenTelemetry's SDK: to its exporter in memory, and over HTTP to a collector of a test's own."""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from backend.clock import SystemClock
from backend.drivers import telemetry
from backend.drivers.optional import NoLibrary
from backend.drivers.telemetry import OtlpTraces, opened
from backend.tracing import NO_SPAN, Role
from tests.collector import attributes, collector

NUMBER = "4bf92f3577b34da6a3ce929d0e0e4736"
THEIRS = f"00-{NUMBER}-00f067aa0ba902b7-01"
NEVER = f"00-{NUMBER}-00f067aa0ba902b7-00"
LEAST = f"00-{'0' * 16}{'0' * 15}1-00f067aa0ba902b7-01"
"""Of a number that a ratio always keeps."""
MOST = f"00-{'f' * 32}-00f067aa0ba902b7-01"
"""Of one that it never keeps."""


@pytest.fixture(autouse=True)
def environment(monkeypatch) -> Iterator[None]:
    """OpenTelemetry's is empty, and what it logs goes where it went before."""
    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)
    theirs = logging.getLogger("opentelemetry")
    handlers, propagates = theirs.handlers, theirs.propagate
    yield
    theirs.handlers, theirs.propagate = handlers, propagates


class Hand:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def in_memory() -> tuple[OtlpTraces, InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    return opened("coppice-engine", "host-1", Hand(), SimpleSpanProcessor(kept)), kept


def test_spans_have_their_names_their_kinds_and_their_place():
    traces, kept = in_memory()
    work = traces.begin("request", Role.ANSWERS, {"a": 1})
    call = traces.begin("compute POST /servers", Role.ASKS, {"names": ("x", "y")}, under=work)
    call.tell({"b": True})
    call.end()
    work.rename("autoscaling.SetDesiredCapacity")
    work.end("InternalFailure")
    inner, outer = kept.get_finished_spans()
    assert (outer.name, outer.kind.name, outer.parent) == ("autoscaling.SetDesiredCapacity", "SERVER", None)
    assert (outer.attributes, outer.status.status_code.name) == ({"a": 1, "error.type": "InternalFailure"}, "ERROR")
    assert (inner.kind.name, inner.attributes) == ("CLIENT", {"names": ("x", "y"), "b": True})
    assert inner.parent.span_id == outer.context.span_id
    assert (
        work.context == f"00-{outer.context.trace_id:032x}-{outer.context.span_id:016x}-{outer.context.trace_flags:02x}"
    )


def test_who_is_under_nobody_who_keeps_spans_begins_a_trace():
    traces, kept = in_memory()
    traces.begin("engine pools", Role.WORKS, {}, under=NO_SPAN).end()
    assert kept.get_finished_spans()[0].parent is None


def test_what_caused_it_is_linked_and_what_names_nothing_is_not():
    traces, kept = in_memory()
    traces.begin(
        "engine clusters", Role.WORKS, {}, links=[THEIRS, "", "00-zz", f"ff{THEIRS[2:]}", f"{THEIRS}-{'x' * 1000}"]
    ).end()
    (span,) = kept.get_finished_spans()
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [NUMBER]


def test_a_trace_of_others_is_gone_on_with_where_that_is_asked_for():
    traces, kept = in_memory()
    traces.begin("request", Role.ANSWERS, {}, follows=THEIRS).end()
    (span,) = kept.get_finished_spans()
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (NUMBER, "00f067aa0ba902b7")


@pytest.mark.parametrize(
    "told", [f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{NUMBER}-{'0' * 16}-01", "garbage", "\n", f"00-{NUMBER}"]
)
def test_what_is_no_context_begins_a_trace_of_our_own(told):
    traces, kept = in_memory()
    traces.begin("request", Role.ANSWERS, {}, follows=told).end()
    assert kept.get_finished_spans()[0].parent is None


@pytest.mark.parametrize("sampler", ["always_off", "parentbased_always_off"])
@pytest.mark.parametrize("told", [THEIRS, LEAST])
def test_nobody_outside_has_spans_kept(monkeypatch, sampler, told):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    traces, kept = in_memory()
    request = traces.begin("request", Role.ANSWERS, {}, follows=told)
    traces.begin("compute GET /servers", Role.ASKS, {}, under=request).end()
    request.end()
    assert kept.get_finished_spans() == ()


@pytest.mark.parametrize("sampler", ["traceidratio", "parentbased_traceidratio"])
def test_nor_by_the_number_of_their_trace(monkeypatch, sampler):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.1")
    traces, kept = in_memory()
    for _ in range(400):
        traces.begin("request", Role.ANSWERS, {}, follows=LEAST).end()
    assert 0 < len(kept.get_finished_spans()) < 120  # all 400 by the number; by chance 40, and never 120


def test_nor_does_anybody_have_them_dropped():
    traces, kept = in_memory()
    traces.begin("request", Role.ANSWERS, {}, follows=NEVER).end()
    assert len(kept.get_finished_spans()) == 1


@pytest.mark.parametrize("sampler", ["traceidratio", "parentbased_traceidratio"])
@pytest.mark.parametrize("follows", [LEAST, MOST, ""])
def test_a_part_of_what_is_not_kept_is_not_kept_and_of_what_is_is(monkeypatch, sampler, follows):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    traces, kept = in_memory()
    for number in range(100):
        request = traces.begin("request", Role.ANSWERS, {"number": number}, follows=follows)
        traces.begin("compute GET /servers", Role.ASKS, {"number": number}, under=request).end()
        request.end()
    numbers: dict[str, list[int]] = {"request": [], "compute GET /servers": []}
    for each in kept.get_finished_spans():
        numbers[each.name].append(each.attributes["number"])
    assert 0 < len(numbers["request"]) < 100
    assert numbers["request"] == numbers["compute GET /servers"]


def test_values_are_bounded_and_can_be_written():
    traces, kept = in_memory()
    span = traces.begin("request", Role.ANSWERS, {"long": "x" * 10_000, "odd": "\ud800a"})
    span.tell({"many": ["y" * 1000] * 1000})
    span.end("Z" * 1000)
    told = kept.get_finished_spans()[0].attributes
    assert (len(told["long"]), told["odd"], len(told["many"]), len(told["many"][0])) == (256, "?a", 50, 256)
    assert len(told["error.type"]) == 256


def test_a_process_tells_who_it_is_and_the_environment_says_otherwise(monkeypatch):
    traces, kept = in_memory()
    traces.begin("x", Role.WORKS, {}).end()
    told = kept.get_finished_spans()[0].resource.attributes
    assert told["service.name"] == "coppice-engine"
    assert told["service.instance.id"]
    monkeypatch.setenv("OTEL_SERVICE_NAME", "theirs")
    traces, kept = in_memory()
    traces.begin("x", Role.WORKS, {}).end()
    assert kept.get_finished_spans()[0].resource.attributes["service.name"] == "theirs"


def test_the_sdk_can_be_switched_off_as_its_manual_says(monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    traces, kept = in_memory()
    span = traces.begin("x", Role.WORKS, {"a": 1})
    span.tell({"b": 1})
    span.end()
    assert (span.context, kept.get_finished_spans()) == ("", ())


def test_without_the_library_it_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(NoLibrary, match=r"requirements-tracing\.txt"):
        opened("x", "y", Hand())


def test_an_environment_that_cannot_be_is_told(monkeypatch):
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    with pytest.raises(NoLibrary, match="max_queue_size"):
        opened("x", "y", Hand())


# Over the wire


@pytest.fixture
def sent(monkeypatch):
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    with collector() as kept:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", kept.url)
        yield kept


def test_a_collector_gets_them_by_otlp(sent, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    traces = opened("coppice-gateway", "host-1", SystemClock().monotonic)
    request = traces.begin("request", Role.ANSWERS, {"coppice.account": "123456789012"}, links=[THEIRS])
    traces.begin("compute GET /servers", Role.ASKS, {}, under=request).end("503")
    request.end()
    inner, outer = sent.wait_for(2)
    traces.close(10.0)
    assert (inner.name, outer.name, inner.parent_span_id) == ("compute GET /servers", "request", outer.span_id)
    assert attributes(outer)["coppice.account"] == "123456789012"
    assert outer.links[0].trace_id.hex() == NUMBER
    assert (inner.status.code, attributes(inner)) == (2, {"error.type": "503"})
    assert sent.resources[0]["service.name"] == "coppice-gateway"
    assert sent.headers[0]["authorization"] == "Bearer x"


def test_what_is_kept_at_the_end_is_sent(sent, monkeypatch):
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    traces = opened("x", "y", SystemClock().monotonic)
    traces.begin("last", Role.WORKS, {}).end()
    traces.close(30.0)
    assert [each.name for each in sent.spans] == ["last"]
    traces.begin("after it", Role.WORKS, {}).end()  # harmless


def test_it_is_sent_also_where_no_thread_can_begin_any_more(sent, monkeypatch):
    """As from Python 3.12 on where an interpreter ends."""
    begin = threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if "serve_forever" not in threading.current_thread().name:  # the collector's own
            raise RuntimeError("can't create new thread at interpreter shutdown")
        begin(thread)

    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    traces = opened("x", "y", SystemClock().monotonic)
    traces.begin("last", Role.WORKS, {}).end()
    monkeypatch.setattr(threading.Thread, "start", refused)
    traces.close(30.0)
    traces.close(30.0)  # again it does nothing
    assert [each.name for each in sent.spans] == ["last"]


class Counting(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.words.append(record.getMessage())


def told_of(name: str, monkeypatch: Any) -> list[str]:
    logger, counting = logging.getLogger(name), Counting()
    monkeypatch.setattr(logger, "handlers", [counting])
    monkeypatch.setattr(logger, "propagate", False)
    return counting.words


def test_a_collector_that_hangs_holds_nobody_up_and_costs_the_oldest_of_a_queue_with_an_end(sent, monkeypatch):
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    sent.hangs = threading.Event()
    words, hand = told_of(telemetry.LOG.name, monkeypatch), Hand()
    others = set(threading.enumerate())
    traces = opened("x", "y", hand)
    done = threading.Event()

    def busy() -> None:
        for number in range(1000):
            traces.begin("request", Role.ANSWERS, {"number": number}).end()
        done.set()

    worker = threading.Thread(target=busy, daemon=True)
    worker.start()
    assert done.wait(30), "somebody waited for the collector"
    traces.close(0.05)  # nor at the end
    assert "spans-end" in {thread.name for thread in set(threading.enumerate()) - others}, (
        "it was waited for to the end"
    )
    assert len(words) == 1
    assert "Queue full" in words[0]
    sent.hangs.set()


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_a_collector_that_refuses_is_told_of_once_a_minute(sent, monkeypatch, status):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    sent.status = status
    words, hand = told_of(telemetry.LOG.name, monkeypatch), Hand()
    elsewhere = told_of("", monkeypatch)
    traces = opened("x", "y", hand)
    theirs = logging.getLogger("opentelemetry.exporter")
    traces.begin("lost", Role.WORKS, {}).end()
    traces.close(30.0)
    assert len(words) == 1
    assert elsewhere == []
    theirs.error("again")
    assert len(words) == 1
    hand.seconds += 61
    theirs.error("again\nand again")
    assert words[1:] == ["spans may be lost (told once a minute): again and again"]


@pytest.mark.parametrize("told", ["Authorization: Bearer s3cret-token", "authorization=Bearer s3cret\x00token"])
def test_of_a_header_that_cannot_be_its_value_is_not_told(sent, monkeypatch, told):
    words = told_of(telemetry.LOG.name, monkeypatch)
    monkeypatch.setattr(os, "environ", {**os.environ, "OTEL_EXPORTER_OTLP_HEADERS": told})  # a NUL, too
    opened("x", "y", Hand()).close(30.0)
    assert len(words) == 1
    assert words[0].startswith("spans may be lost (told once a minute): Header format invalid! Header values")
    assert not {"s3cret", "Bearer", "Authorization"} & set(re.findall(r"\w+", words[0]))


def test_nor_where_it_is_met_while_spans_are_sent(sent, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret%0Atoken")
    words = told_of(telemetry.LOG.name, monkeypatch)
    traces = opened("x", "y", Hand())
    traces.begin("lost", Role.WORKS, {}).end()
    traces.close(30.0)
    assert len(words) == 1
    assert "s3cret" not in words[0]


def test_where_there_is_no_collector_nothing_else_is_lost(monkeypatch):
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{unheard.getsockname()[1]}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        words = told_of(telemetry.LOG.name, monkeypatch)
        traces = opened("x", "y", Hand())
        traces.begin("lost", Role.WORKS, {}).end()
        traces.close(30.0)
    assert len(words) == 1
