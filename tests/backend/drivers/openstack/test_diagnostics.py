"""Metrics of Nova's diagnostics: two readings make a value, and there is an end to how many are asked for."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from backend.drivers.errors import CloudUnavailable, NotAuthorized
from backend.drivers.metric_sources import OF_SERVERS, Asked, Measure, Told, Unanswered
from backend.drivers.openstack import counters
from backend.drivers.openstack.cloud import open_cloud
from tests.backend.drivers.openstack.fake import Reply, lost, nova_fault, timed_out
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
    assert services.times[0] == 4.0


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
    assert found.series == {}
    on(services, told(200), told(230))
    clock.move(60)
    again = ask(source, scope, found.readings)
    assert again.series == {}  # nothing of before is taken for a reading
    clock.move(60)
    assert (Measure.CPU, ONE) in ask(source, scope, again.readings).series


def test_a_host_that_does_not_answer_keeps_the_others_from_nothing(source, services, scope, clock):
    on(services, lost())
    on(services, told(100), told(160), server=TWO)
    first = ask(source, scope, ids=(ONE, TWO))
    clock.move(60)
    found = ask(source, scope, first.readings, ids=(ONE, TWO))
    assert set(found.series) == {(measure, TWO) for measure in OF_SERVERS}


def rounds(source, scope, clock, ids, number):
    """What of CPU was told in each of so many minutes, as the engine asks: with what was kept, also of a failure."""
    kept, found = {}, []
    for _ in range(number):
        began = clock.monotonic()
        try:
            told = ask(source, scope, kept, ids=ids, measures=[Measure.CPU])
        except Unanswered as nobody:
            told = Told({}, nobody.readings)
        kept = json.loads(json.dumps(told.readings))
        found.append({subject for _, subject in told.series})
        clock.move(max(0.0, 60 - (clock.monotonic() - began)))
    return found, kept


def numbered(first, number):
    return [f"{each:08x}-1111-4111-8111-111111111111" for each in range(first, first + number)]


def hung(clock, seconds=8):
    def answer(_):
        clock.move(seconds)
        raise timed_out()

    return answer


def shortly(clock, reply):
    def answer(_):
        clock.move(0.01)
        return reply

    return answer


def test_hosts_that_are_dead_do_not_take_the_minutes_of_the_others(source, services, scope, clock):
    dead, healthy = numbered(0, 4), numbered(100, 20)
    on(services, told(100), server="[^/]*")
    for server in dead:
        on(services, hung(clock), server=server)
    found, _ = rounds(source, scope, clock, [*dead, *healthy], 8)
    assert [len(each) for each in found[3:]] == [20] * 5


def test_a_host_that_is_back_is_told_of_again(source, services, scope, clock):
    dead, healthy = numbered(0, 2), numbered(100, 3)
    on(services, told(100), server="[^/]*")
    for server in dead:
        on(services, *[hung(clock)] * 2, told(100), server=server)
    found, _ = rounds(source, scope, clock, [*dead, *healthy], 8)
    assert found[-1] == {*dead, *healthy}


def test_the_many_that_do_not_run_do_not_take_the_minutes_of_the_others(source, services, scope, clock, monkeypatch):
    monkeypatch.setattr(counters, "MOST", 10)
    off, healthy = numbered(0, 10), numbered(100, 2)
    on(services, told(100), server="[^/]*")
    for server in off:
        on(services, shortly(clock, nova_fault(409, "not running")), server=server)
    found, _ = rounds(source, scope, clock, [*off, *healthy], 12)
    assert [bool(each) for each in found].count(True) >= 8
    assert {subject for each in found for subject in each} == set(healthy)


def test_of_too_many_the_same_are_asked_for_and_it_is_told_once(source, services, scope, clock, monkeypatch, caplog):
    monkeypatch.setattr(counters, "MOST", 4)
    on(services, told(100), server="[^/]*")
    found, kept = rounds(source, scope, clock, numbered(0, 26), 8)
    assert found[1:] == [set(numbered(0, 4))] * 7
    assert set(kept) == set(numbered(0, 4))
    assert [record.args for record in caplog.records if "always the same ones" in record.msg] == [
        ("diagnostics", scope.project_id, scope.region, 26)
    ]


def test_of_those_that_answer_slowly_some_are_told_of_each_minute(source, services, scope, clock, caplog):
    def slowly(_):
        clock.move(4)
        return told(100)

    on(services, slowly, server="[^/]*")
    found, _ = rounds(source, scope, clock, numbered(0, 40), 16)
    assert all(found[5:])
    assert sum("always the same ones" in record.msg for record in caplog.records) == 1


def test_what_can_be_asked_for_in_turn_is_and_nobody_is_told_of_it(source, services, scope, clock, monkeypatch, caplog):
    monkeypatch.setattr(counters, "MOST", 4)
    on(services, told(100), server="[^/]*")
    found, _ = rounds(source, scope, clock, numbered(0, 12), 9)
    assert {subject for each in found for subject in each} == set(numbered(0, 12))
    assert all(found[3:])
    assert not [record for record in caplog.records if "always the same ones" in record.msg]


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
