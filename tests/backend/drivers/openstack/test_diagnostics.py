"""Metrics of Nova's diagnostics: two readings make a value, and there is an end to how many are asked for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.drivers.errors import CloudUnavailable, NotAuthorized
from backend.drivers.metric_sources import OF_SERVERS, Asked, Measure
from backend.drivers.openstack import counters
from backend.drivers.openstack.cloud import open_cloud
from tests.backend.drivers.openstack.fake import Reply, lost, nova_fault
from tests.factories import NOW

MINUTE = timedelta(minutes=1)
ONE, TWO = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
MICROVERSION = "compute 2.72"


def told(seconds, received=0, sent=0, processors=2, **more):
    """As of libvirt, by the API reference: nanoseconds of each processor, octets of each port."""
    time = int(seconds * 1e9 / processors) if processors else 0
    document = {
        "state": "running",
        "driver": "libvirt",
        "hypervisor": "kvm",
        "uptime": 46664,
        "num_cpus": processors,
        "num_nics": 1,
        "cpu_details": [{"id": number, "time": time, "utilisation": None} for number in range(processors)],
        "nic_details": [{"mac_address": "01:23:45:67:89:ab", "rx_octets": received, "tx_octets": sent}],
        "memory_details": {"maximum": 524288, "used": 0},
    }
    return Reply(200, {**document, **more})


@pytest.fixture
def source(settings, services, clock):
    return next(each for each in open_cloud(settings, clock, services).sources if each.name == "diagnostics")


def ask(source, scope, readings=None, ids=(ONE,), measures=OF_SERVERS):
    subjects = dict.fromkeys(measures, frozenset(ids))
    return source.ask(scope, Asked(subjects, NOW - MINUTE, NOW, readings=readings or {}))


def on(services, *answers, server=ONE):
    services.on("GET", f"/compute/v2.1/servers/{server}/diagnostics", *answers)


def test_two_readings_make_a_value(source, services, scope, clock):
    on(services, told(100, 1000, 50), told(145, 4000, 110))
    first = ask(source, scope)
    assert first.series == {}
    clock.move(90)
    second = ask(source, scope, first.readings)
    assert second.series == {
        (Measure.CPU, ONE): {NOW - MINUTE: pytest.approx(25.0)},
        (Measure.NETWORK_IN, ONE): {NOW - MINUTE: 2000.0},
        (Measure.NETWORK_OUT, ONE): {NOW - MINUTE: 40.0},
    }
    assert services.asked[0].headers["OpenStack-API-Version"] == MICROVERSION


def test_only_what_is_asked_for_is_told(source, services, scope, clock):
    on(services, told(100), told(145))
    first = ask(source, scope, measures=[Measure.CPU])
    clock.move(60)
    assert set(ask(source, scope, first.readings, measures=[Measure.CPU]).series) == {(Measure.CPU, ONE)}
    assert set(ask(source, scope, first.readings, ids=[TWO], measures=[]).readings) == set()


@pytest.mark.parametrize("seconds", [5, 400])
def test_readings_that_are_too_near_or_too_far_make_none(source, services, scope, clock, seconds):
    on(services, told(100), told(101))
    first = ask(source, scope)
    clock.move(seconds)
    assert ask(source, scope, first.readings).series == {}


@pytest.mark.parametrize(
    "second",
    [
        told(1),  # it began anew
        told(200, processors=4),
        told(0, processors=0),
        told(200, cpu_details=None, nic_details=None),
        told(200, cpu_details=[{"time": None}, {"time": 5}], nic_details=[{"rx_octets": "many"}]),
        told(200, cpu_details=[{"time": 2**70}, {"time": True}], nic_details=[7, [], None]),
        Reply(200, {}),
    ],
)
def test_counters_that_began_anew_or_tell_nothing(source, services, scope, clock, second):
    on(services, told(100, 500, 500), second)
    first = ask(source, scope)
    clock.move(60)
    found = ask(source, scope, first.readings)
    assert (Measure.CPU, ONE) not in found.series
    assert (Measure.NETWORK_IN, ONE) not in found.series


@pytest.mark.parametrize("status", [404, 409])
def test_a_server_that_does_not_run_has_no_value_and_is_forgotten(source, services, scope, clock, status):
    on(services, told(100), nova_fault(status, "no"))
    first = ask(source, scope)
    clock.move(60)
    found = ask(source, scope, first.readings)
    assert (found.series, found.readings) == ({}, {})


def test_a_host_that_does_not_answer_keeps_the_others_from_nothing(source, services, scope, clock):
    on(services, lost())
    on(services, told(100), told(160), server=TWO)
    first = ask(source, scope, ids=(ONE, TWO))
    clock.move(60)
    found = ask(source, scope, first.readings, ids=(ONE, TWO))
    assert set(found.series) == {(measure, TWO) for measure in OF_SERVERS}


def test_where_none_answers_it_has_failed(source, services, scope):
    on(services, nova_fault(501, "The requested functionality is not supported.", "notImplemented"))
    with pytest.raises(CloudUnavailable):
        ask(source, scope)


def test_where_it_is_for_administrators_alone(source, services, scope):
    words = "Policy doesn't allow os_compute_api:os-server-diagnostics to be performed."
    on(services, nova_fault(403, words))
    with pytest.raises(NotAuthorized, match="os-server-diagnostics"):
        ask(source, scope)


def test_so_many_are_asked_for_in_turn(source, services, scope, clock, monkeypatch):
    monkeypatch.setattr(counters, "MOST", 2)
    on(services, told(100), server="[^/]*")
    ids = [f"{number:08x}-1111-4111-8111-111111111111" for number in range(3)]
    first = ask(source, scope, ids=ids)
    assert sorted(first.readings) == ids[:2]
    clock.move(60)
    second = ask(source, scope, first.readings, ids=ids)
    assert [asked.path.split("/")[4] for asked in services.asked[2:]] == [ids[2], ids[0]]
    assert sorted(second.readings) == ids


def test_a_minute_has_an_end(source, services, scope, clock):
    def slowly(_):
        clock.move(15)
        return told(100)

    on(services, slowly, server="[^/]*")
    ids = [f"{number:08x}-1111-4111-8111-111111111111" for number in range(9)]
    assert len(ask(source, scope, ids=ids).readings) == 2
