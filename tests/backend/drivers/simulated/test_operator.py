from __future__ import annotations

import pytest

from backend.domain.node import Notice, ServerStatus
from backend.drivers.errors import ServerNotFound


@pytest.fixture
def server(simulated, scope, launch, clock):
    (server,) = simulated.cloud.compute.create(scope, launch, 1)
    clock.wait(3)
    return server


@pytest.mark.parametrize(
    ("act", "at_once", "later"),
    [
        ("break_server", ServerStatus.ERROR, ServerStatus.ERROR),
        ("stop", ServerStatus.STOPPING, ServerStatus.STOPPED),
        ("start", ServerStatus.BUILDING, ServerStatus.ACTIVE),
        ("pause", ServerStatus.PAUSED, ServerStatus.PAUSED),
        ("lose_sight", ServerStatus.UNKNOWN, ServerStatus.UNKNOWN),
        ("recover", ServerStatus.ACTIVE, ServerStatus.ACTIVE),
    ],
)
def test_a_server_changes_behind_its_owner_s_back(simulated, scope, server, clock, act, at_once, later):
    clock.wait(10)
    before = clock.now()
    getattr(simulated.operator, act)(server.id)
    (told,) = simulated.cloud.compute.list_changed(scope, before)
    assert told.status is at_once
    clock.wait(5)
    assert simulated.cloud.compute.get(scope, server.id).status is later


def test_a_broken_server_tells_why(simulated, scope, server):
    simulated.operator.break_server(server.id, "power lost")
    assert simulated.cloud.compute.get(scope, server.id).fault == "power lost"
    simulated.operator.recover(server.id)
    assert simulated.cloud.compute.get(scope, server.id).fault is None


def test_a_terminated_server_is_told_and_a_vanished_one_is_not(simulated, scope, launch, clock):
    compute = simulated.cloud.compute
    terminated, vanished = compute.create(scope, launch, 2)
    begun = clock.now()
    simulated.operator.terminate(terminated.id)
    simulated.operator.vanish(vanished.id)
    assert [s.id for s in compute.list(scope)] == [terminated.id]
    clock.wait(2)
    assert [(s.id, s.status) for s in compute.list_changed(scope, begun)] == [(terminated.id, ServerStatus.DELETED)]
    for server in (terminated, vanished):
        with pytest.raises(ServerNotFound):
            compute.get(scope, server.id)
        with pytest.raises(ServerNotFound):
            simulated.operator.stop(server.id)
    assert all(s.free_addresses == 4091 for s in simulated.cloud.network.subnets(scope))


def test_a_server_that_vanishes_frees_its_place_once(simulated, scope, launch, clock):
    compute = simulated.cloud.compute
    simulated.faults.quota(scope.project_id, 2)
    first, _ = compute.create(scope, launch, 2)
    compute.delete(scope, first.id)
    simulated.operator.vanish(first.id)
    clock.wait(5)
    compute.create(scope, launch, 1)
    assert simulated.cloud.network.subnets(scope)[0].free_addresses == 4089


def test_servers_are_found_by_their_aws_style_id(simulated, scope, server):
    assert simulated.operator.scope_of(f"i-{server.short_id}") == (scope, server.id)
    assert simulated.operator.scope_of(server.id) == (scope, server.id)
    for unknown in ("i-", "", "i-00000000000000000", "%", server.id + "0"):
        with pytest.raises(ServerNotFound):
            simulated.operator.scope_of(unknown)
    assert [(where, s.id) for where, s in simulated.operator.servers()] == [(scope, server.id)]


def test_a_notice_is_told_with_its_server_which_does_what_it_did(simulated, scope, server, clock):
    compute = simulated.cloud.compute
    for notice in (Notice.REBALANCE, Notice.INTERRUPTION, None):
        clock.wait(10)
        before = clock.now()
        simulated.operator.notify(server.id, notice)
        (told,) = compute.list_changed(scope, before)
        assert (told.notice, told.status) == (notice, ServerStatus.ACTIVE)


def test_one_that_is_noticed_in_its_boot_comes_up_all_the_same(simulated, scope, launch, clock):
    (server,) = simulated.cloud.compute.create(scope, launch, 1)
    simulated.operator.notify(server.id, Notice.REBALANCE)
    clock.wait(5)
    told = simulated.cloud.compute.get(scope, server.id)
    assert (told.notice, told.status) == (Notice.REBALANCE, ServerStatus.ACTIVE)
