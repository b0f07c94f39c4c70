"""Metrics of Gnocchi, in the words of a real one (4.7.0 over PostgreSQL and files), and what is not believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from backend.drivers.errors import CloudUnavailable, NotAuthorized
from backend.drivers.metric_sources import Asked, Measure
from backend.drivers.openstack.cloud import open_cloud
from tests.backend.drivers.openstack.fake import (
    CATALOG,
    HOST,
    Reply,
    granted,
    keystone_error,
    lost,
    proxy_page,
    timed_out,
)

MINUTE = timedelta(minutes=1)
START = datetime(2026, 11, 29, 10, 5, tzinfo=UTC)
ONE, TWO = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
PATH = "/metric/v1/aggregates"
CPU = frozenset({ONE, TWO})


def told(description, status, title):
    return Reply(status, {"code": status, "title": title, "description": description})


UNKNOWN = told("Metric ['cpu'] does not exist", 404, "Not Found")
NO_METHOD = told(
    {"cause": "Metrics with unknown aggregation", "detail": [["efc0dc2a-2925-472d-be0f-cb097e055316", "rate:mean"]]},
    404,
    "Not Found",
)
NO_PERIODS = told(
    {
        "cause": "Metrics cannot be aggregated",
        "reason": "Granularities are missing",
        "detail": [["cpu", "rate:mean", 60.0]],
    },
    400,
    "Bad Request",
)


def rates(value, *minutes, granularity=60.0):
    return [[f"2026-11-29T10:{minute:02}:00+00:00", granularity, value] for minute in minutes]


def of_cpu(**points):
    measures = {server: {"cpu": {"rate:mean": each}} for server, each in points.items()}
    references = [{"id": server, "original_resource_id": server, "type": "instance"} for server in points]
    return Reply(200, {"measures": measures, "references": references})


def of_ports(**ports):
    """Two ports a server: a resource's id is of Gnocchi's own making."""
    measures = {port: {"network.incoming.bytes": {"rate:mean": points}} for port, (_, points) in ports.items()}
    references = [
        {"id": port, "original_resource_id": f"instance-0001-{server}-tap", "instance_id": server}
        for port, (server, _) in ports.items()
    ]
    return Reply(200, {"measures": measures, "references": references})


@pytest.fixture
def source(settings, services, clock):
    services.login = partial(granted, catalog={**CATALOG, "metric": f"{HOST}/metric"})
    found = {each.name: each for each in open_cloud(settings, clock, services).sources}
    return found["gnocchi"]


def asked(measure=Measure.CPU, ids=CPU, processors=None):
    known = dict.fromkeys(ids, 2) if processors is None else processors
    return Asked({measure: frozenset(ids)}, START, START + 5 * MINUTE, known)


def test_nanoseconds_become_per_cent_of_all_processors(source, services, scope):
    answer = of_cpu(**{ONE: rates(30e9, 4, 5, 6), TWO: rates(60e9, 5, 6)})
    services.on("POST", PATH, answer)
    assert source.ask(scope, asked()).series == {
        (Measure.CPU, ONE): {START: 25.0, START + MINUTE: 25.0},
        (Measure.CPU, TWO): {START + MINUTE: 50.0},  # the minute before it has no rate: who knows since when it counts
    }
    (question,) = services.asked
    assert question.body == {
        "operations": "(metric cpu rate:mean)",
        "resource_type": "instance",
        "search": {"in": {"id": [ONE, TWO]}},
    }
    assert question.query == {
        "start": ["2026-11-29T10:04:00+00:00"],
        "stop": ["2026-11-29T10:10:00+00:00"],
        "granularity": ["60"],
        "details": ["true"],
    }
    assert services.logins[-1]["scope"] == {"project": {"id": scope.project_id}}
    assert services.times == [8.0]


def test_bytes_are_of_all_ports_of_a_server_and_only_where_each_of_them_tells(source, services, scope):
    answer = of_ports(
        a=(ONE, rates(600.0, 4, 5, 6)), b=(ONE, rates(300.0, 4, 5)), c=(TWO, rates(1.0, 4, 5)), d=("x", [])
    )
    services.on("POST", PATH, answer)
    assert source.ask(scope, asked(Measure.NETWORK_IN)).series == {
        (Measure.NETWORK_IN, ONE): {START: 900.0},
        (Measure.NETWORK_IN, TWO): {START: 1.0},
    }
    (question,) = services.asked
    assert question.body["operations"] == "(metric network.incoming.bytes rate:mean)"
    assert question.body["search"] == {"in": {"instance_id": [ONE, TWO]}}


@pytest.mark.parametrize("answer", [UNKNOWN, NO_METHOD, of_cpu(), of_cpu(**{ONE: []})])
def test_what_it_does_not_know_is_missing(source, services, scope, answer):
    services.on("POST", PATH, answer)
    assert source.ask(scope, asked()).series == {}


@pytest.mark.parametrize(
    "points",
    [
        rates(30e9, 4, 5, granularity=300.0),
        rates("NaN", 4, 5),
        rates(float("nan"), 4, 5),
        rates(float("inf"), 4, 5),
        rates(-30e9, 4, 5),  # a counter that began anew
        rates(None, 4, 5),
        rates(True, 4, 5),
        [["2026-11-29T10:05:00", 60.0, 1.0], ["yesterday", 60.0, 1.0], [5, 60.0, 1.0], ["x"], "x", None],
        "points",
        {},
    ],
)
def test_what_is_no_rate_of_a_minute_is_not_believed(source, services, scope, points):
    services.on("POST", PATH, of_cpu(**{ONE: points}))
    assert source.ask(scope, asked()).series == {}


def test_nobody_is_asked_of_whom_it_is_not_known_how_many_processors_they_have(source, services, scope):
    services.on("POST", PATH, of_cpu(**{ONE: rates(30e9, 4, 5)}))
    assert source.ask(scope, asked(processors={})).series == {}


@pytest.mark.parametrize(
    ("answer", "finding", "words"),
    [
        (NO_PERIODS, CloudUnavailable, "Granularities are missing"),
        (keystone_error(401, "The request you have made requires authentication."), NotAuthorized, "."),
        (told("Forbidden", 403, "Forbidden"), NotAuthorized, "Forbidden"),
        (told("x", 503, "Service Unavailable"), CloudUnavailable, "503"),
        (proxy_page(404), CloudUnavailable, "not by the service"),
        (Reply(200, "<html>"), CloudUnavailable, "without a document"),
        (Reply(200, "[1]"), CloudUnavailable, "without a document"),
        (Reply(200, "[" * 100_000), CloudUnavailable, "without a document"),
        (Reply(200, {"measures": [1]}), CloudUnavailable, "without measures"),
        (Reply(307, None, {"Location": "http://169.254.169.254/"}), CloudUnavailable, "307"),
        (lost(), CloudUnavailable, "."),
        (timed_out(), CloudUnavailable, "."),
    ],
)
def test_what_is_no_answer(source, services, scope, answer, finding, words):
    services.on("POST", PATH, answer)
    with pytest.raises(finding, match=words):
        source.ask(scope, asked())
    assert len(services.asked) == 1 or finding is NotAuthorized  # which logs in again


def test_a_cloud_without_gnocchi(settings, services, clock, scope):
    (source,) = (each for each in open_cloud(settings, clock, services).sources if each.name == "gnocchi")
    with pytest.raises(CloudUnavailable, match="no metric service"):
        source.ask(scope, asked())
