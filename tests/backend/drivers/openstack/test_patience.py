from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from backend.domain.scope import Scope
from backend.drivers.errors import CloudUnavailable, OutcomeUnknown
from backend.drivers.openstack.faults import COMPUTE, IMAGE
from backend.drivers.openstack.patience import Brief
from backend.drivers.openstack.rest import Rest
from tests.backend.drivers.openstack.fake import REGION, Reply, nova_fault, timed_out

SERVERS = "/compute/v2.1/servers"
FINE = Reply(200, {"servers": []})


@pytest.fixture
def brief(settings, clock):
    return Brief(settings, clock, place_seconds=0)


@pytest.fixture
def rest(access, clock, brief):
    return Rest(access, clock, patience=brief)


@pytest.fixture
def hang(services, clock):
    """Nova answers nothing any more: each call takes all of its time."""

    def answer(_asked):
        clock.move(services.times[-1] or 60)
        raise timed_out()

    def start():
        services.on("GET", SERVERS, answer).on("POST", SERVERS, answer)

    return start


def ask(rest, project="p-1", service=COMPUTE, path="/servers"):
    return rest.read(Scope(project, REGION), service, path)


def test_a_request_waits_for_a_hanging_cloud_once_and_briefly(rest, hang, services, clock, scope):
    hang()
    with pytest.raises(CloudUnavailable):
        ask(rest)
    assert (services.times, clock.monotonic()) == ([8.0], 8.0)
    with pytest.raises(OutcomeUnknown):
        rest.write(scope, COMPUTE, "POST", "/servers", {}, repeat=True)
    assert (services.times, clock.monotonic()) == ([8.0, 20.0], 28.0)


def test_the_engine_waits_as_long_as_its_connections_do(access, clock, hang, services):
    hang()
    with pytest.raises(CloudUnavailable):
        ask(Rest(access, clock))
    assert services.times == [None] * 3


def test_all_that_a_request_asks_for_has_one_end(rest, brief, services, clock):
    def slow(_asked):
        clock.move(7)
        return FINE

    services.on("GET", SERVERS, slow)
    with brief.request():
        for _ in range(3):
            ask(rest)
        ask(rest)
        assert services.times == [8.0, 8.0, 8.0, 4.0]
        with pytest.raises(CloudUnavailable, match="used up"):
            ask(rest)
    assert len(services.asked) == 4
    ask(rest)


def test_after_some_hangs_the_next_are_answered_at_once_until_one_gets_through(rest, hang, services, clock):
    hang()
    for _ in range(3):
        with pytest.raises(CloudUnavailable):
            ask(rest)
    before = clock.now()
    for _ in range(10):
        with pytest.raises(CloudUnavailable, match="not asked at the moment"):
            ask(rest)
    assert (clock.now(), len(services.asked)) == (before, 3)
    clock.move(5)
    with pytest.raises(CloudUnavailable):
        ask(rest)
    with pytest.raises(CloudUnavailable, match="not asked at the moment"):
        ask(rest)
    assert len(services.asked) == 4
    clock.move(5)
    services.on("GET", SERVERS, FINE)
    for _ in range(3):
        ask(rest)
    assert len(services.asked) == 7


def test_another_service_and_another_region_are_asked_all_the_same(rest, hang, services):
    hang()
    for project in ("p-1", "p-1", "p-1", "p-2", "p-3"):
        with pytest.raises(CloudUnavailable):
            ask(rest, project)
    services.on("GET", "/image/v2/images", Reply(200, {"images": []}))
    ask(rest, service=IMAGE, path="/images")


def test_a_project_whose_calls_take_too_long_stops_its_own_alone(rest, hang, services):
    hang()
    for _ in range(3):
        with pytest.raises(CloudUnavailable):
            ask(rest, "slow")
    services.on("GET", SERVERS, FINE)
    ask(rest, "other")
    with pytest.raises(CloudUnavailable, match="not asked at the moment"):
        ask(rest, "slow")


def test_where_the_calls_of_three_projects_hang_nobody_s_are_sent(rest, hang, services):
    hang()
    for project in ("p-1", "p-2", "p-3"):
        with pytest.raises(CloudUnavailable):
            ask(rest, project)
    with pytest.raises(CloudUnavailable, match="not asked at the moment"):
        ask(rest, "p-4")
    assert len(services.asked) == 3


@pytest.mark.parametrize("answer", [Reply(503), nova_fault(404, "no")])
def test_a_quick_no_is_no_hang(rest, services, answer):
    services.on("GET", SERVERS, answer)
    for _ in range(5):
        with pytest.raises(Exception, match=r"404|503"):
            ask(rest)
    assert len(services.asked) in {5, 15}


def test_requests_that_wait_for_the_cloud_leave_threads_to_those_that_do_not(access, services, clock, settings):
    """Eight threads, six places: what asks the store alone is answered while as many as may wait do."""
    brief = Brief(settings, clock, place_seconds=0)
    rest = Rest(access, clock, patience=brief)
    access.project("p-1")
    arrived, go_on = threading.Semaphore(0), threading.Event()

    def held(_asked):
        arrived.release()
        go_on.wait(30)
        return FINE

    services.on("GET", SERVERS, held)
    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(brief.during(ask), rest) for _ in range(6)]
        for _ in waiting:
            assert arrived.acquire(timeout=30)
        late = [threads.submit(brief.during(ask), rest) for _ in range(20)]
        assert {type(each.exception(30)) for each in late} == {CloudUnavailable}
        assert threads.submit(brief.during(lambda: "of the store")).result(30) == "of the store"
        go_on.set()
        assert all(each.result(30) == {"servers": []} for each in waiting)
        assert threads.submit(brief.during(ask), rest).result(30) == {"servers": []}


def test_a_place_is_held_by_a_request_once_however_much_it_asks(rest, brief, services):
    services.on("GET", SERVERS, FINE)
    for _ in range(20):
        with brief.request(), brief.request():
            ask(rest)
            ask(rest)


@pytest.mark.parametrize(("told", "seconds"), [("3", 3.0), ("3600", 5.0), ("soon", 0.2), ("9" * 400, 0.2)])
def test_a_service_is_left_alone_as_long_as_it_asks_for_within_bounds(access, services, clock, told, seconds):
    services.on("GET", SERVERS, Reply(503, None, {"Retry-After": told}), FINE)
    ask(Rest(access, clock))
    assert clock.monotonic() == seconds


def test_a_request_does_not_wait_that_long(rest, services, clock):
    services.on("GET", SERVERS, Reply(503, None, {"Retry-After": "3", "x-openstack-request-id": "req-1"}), FINE)
    with pytest.raises(CloudUnavailable, match="req-1"):
        ask(rest)
    assert clock.monotonic() == 0


def test_a_place_is_waited_for_only_while_places_come_free(access, services, clock, settings):
    """Ten seconds are waited for one, unless the last one was given away as long ago: here it was."""
    brief = Brief(replace(settings, request_calls=1), clock, place_seconds=10)
    rest = Rest(access, clock, patience=brief)
    services.on("GET", SERVERS, FINE)
    with ThreadPoolExecutor(1) as threads:
        with brief.request():
            ask(rest)
            waits = threads.submit(brief.during(ask), rest)
        assert waits.result(30) == {"servers": []}
        with brief.request():
            ask(rest)
            clock.move(10)
            assert type(threads.submit(brief.during(ask), rest).exception(5)) is CloudUnavailable
