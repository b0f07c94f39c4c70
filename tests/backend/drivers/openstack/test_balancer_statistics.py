"""Metrics of Octavia's statistics of load balancers."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from backend.drivers.errors import CloudUnavailable, NotAuthorized
from backend.drivers.metric_sources import OF_BALANCERS, Asked, Measure
from backend.drivers.openstack.cloud import open_cloud
from tests.backend.drivers.openstack.fake import CATALOG, HOST, Reply, granted, octavia_fault
from tests.factories import NOW

BALANCER = "607226db-27ef-4d41-ae89-f2a800e9c2db"
PATH = f"/lb/v2/lbaas/loadbalancers/{BALANCER}/stats"


def stats(bytes_in=0, bytes_out=0, total=0, active=0):
    """Source: octavia/api/v2/types/load_balancer.py, LoadBalancerStatisticsResponse."""
    return Reply(
        200,
        {
            "stats": {
                "bytes_in": bytes_in,
                "bytes_out": bytes_out,
                "active_connections": active,
                "total_connections": total,
                "request_errors": 0,
            }
        },
    )


@pytest.fixture
def source(settings, services, clock):
    services.login = partial(granted, catalog={**CATALOG, "load-balancer": f"{HOST}/lb"})
    return next(each for each in open_cloud(settings, clock, services).sources if each.name == "octavia")


def ask(source, scope, readings=None):
    subjects = dict.fromkeys(OF_BALANCERS, frozenset({BALANCER}))
    return source.ask(scope, Asked(subjects, NOW - timedelta(minutes=1), NOW, readings=readings or {}))


def test_bytes_and_connections_of_a_minute(source, services, scope, clock):
    services.on("GET", PATH, stats(100, 1000, 5, 2), stats(400, 1600, 15, 3))
    first = ask(source, scope)
    clock.move(30)
    found = {
        measure: set(series.values()) for (measure, _), series in ask(source, scope, first.readings).series.items()
    }
    assert found == {
        Measure.BYTES: {1800.0},
        Measure.NEW_CONNECTIONS: {20.0},
        Measure.ACTIVE_CONNECTIONS: {3.0},
    }


def test_one_that_is_gone_or_began_anew(source, services, scope, clock):
    services.on("GET", PATH, stats(100, 0, 5), stats(1, 0, 1, 1), octavia_fault(404, "Load Balancer not found"))
    first = ask(source, scope)
    clock.move(60)
    second = ask(source, scope, first.readings)
    assert {measure for measure, _ in second.series} == {Measure.ACTIVE_CONNECTIONS}
    clock.move(60)
    third = ask(source, scope, second.readings)
    assert (third.series, {counted for _, counted in third.readings.values()}) == ({}, {None})


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (Reply(200, {"stats": []}), CloudUnavailable),
        (Reply(200, {}), CloudUnavailable),
        (octavia_fault(403, "Policy does not allow this request to be performed."), NotAuthorized),
        (octavia_fault(503, "busy"), CloudUnavailable),
    ],
)
def test_what_is_no_answer(source, services, scope, answer, finding):
    services.on("GET", PATH, answer)
    with pytest.raises(finding):
        ask(source, scope)
