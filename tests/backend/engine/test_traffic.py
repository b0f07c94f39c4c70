"""Clusters with pools: members come with nodes and go before them, whatever a pool answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.activity import ActivityKind, ActivityStatus, CauseKind
from backend.domain.cluster import ClusterChange, Process
from backend.domain.ids import balancing_id, short_id
from backend.domain.traffic import MemberHealth
from backend.drivers.errors import NotAuthorized
from backend.drivers.simulated import Where
from backend.drivers.simulated.faults import POOL_WRITES
from backend.engine import conclusion, observation
from backend.engine.settings import EngineSettings
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE

DRAIN = 300
SIGHTING = conclusion.sighting


def _members(world, pool):
    return {member.owner: member for member in world.simulated.pools.members(pool.id)}


def _weights(world, pool):
    return sorted(member.weight for member in world.simulated.pools.members(pool.id))


def _state(world, name="web"):
    return [str(source.state) for source in world.backend.clusters.get(SCOPE, name).sources]


def _ids(world, group):
    return [node.id for node in world.nodes(group)]


def _servers(world):
    return len(world.simulated.operator.servers())


def _end(world, group, number=1, decrement=True):
    victims = world.nodes(group)[:number]
    for node in victims:
        world.backend.nodes.terminate(SCOPE, short_id(node.server_id), decrement=decrement)
    return victims


def test_nodes_in_service_are_members_at_the_pools_port(world, pool, group):
    members = _members(world, pool)
    assert set(members) == set(_ids(world, group))
    addresses = {server.private_address for _, server in world.simulated.operator.servers()}
    assert {member.address for member in members.values()} == addresses
    assert {(member.port, member.weight, member.health) for member in members.values()} == {
        (8080, 1, MemberHealth.HEALTHY)
    }
    assert _state(world) == ["Added"]


def test_a_server_without_an_address_is_asked_for_calmly(world, pool, group, monkeypatch):
    for module in (conclusion, observation):
        monkeypatch.setattr(module, "sighting", lambda *told: replace(SIGHTING(*told), address=None))
    world.backend.clusters.resize(SCOPE, "web", 3)
    world.pass_time(10)
    before = world.engine.counters["passes"]
    world.pass_time(60, 0.05)
    assert world.engine.counters["passes"] - before < 20
    assert len(_members(world, pool)) == 2
    monkeypatch.undo()
    world.pass_time(30)
    assert len(_members(world, pool)) == 3


def test_a_server_that_ended_without_an_address_is_not_asked_for_one(world, pool, group, monkeypatch):
    for module in (conclusion, observation):
        monkeypatch.setattr(module, "sighting", lambda *told: replace(SIGHTING(*told), address=None))
    world.backend.clusters.resize(SCOPE, "web", 3)
    world.pass_time(10)
    world.backend.clusters.suspend(SCOPE, "web", [Process.HEALTH_CHECK])
    (late,) = [node for node in world.nodes(group) if node.address is None]
    world.simulated.operator.terminate(late.server_id)
    world.pass_time(30)
    before = world.engine.counters["passes"]
    world.pass_time(20, 0.05)
    assert world.engine.counters["passes"] - before < 10


def test_a_scale_out_costs_a_pool_one_call(world, pool, group):
    calls = []
    world.simulated.faults.hooks.append(lambda moment, call: calls.append(call.name) if moment == "before" else None)
    world.backend.clusters.resize(SCOPE, "web", 12)
    world.pass_time(8)
    assert len(_members(world, pool)) == 12
    assert calls.count("add_members") <= 3  # zones boot at their own pace
    calls.clear()
    world.pass_time(60)
    assert set(calls) <= {"list_changed", "list", "members"}
    assert calls.count("members") <= 5


def test_a_scale_in_drains_first_then_removes_then_deletes(world, pool, group):
    world.backend.clusters.resize(SCOPE, "web", 1)
    world.pass_time(10)
    assert _weights(world, pool) == [0, 1]
    assert world.states(group).count("Terminating") == 1
    assert _servers(world) == 2
    last = world.journal(group)[-1]
    assert (last.kind, last.status) == (ActivityKind.TERMINATE, ActivityStatus.DRAINING)
    world.pass_time(DRAIN - 15)
    assert (_weights(world, pool), _servers(world)) == ([0, 1], 2)
    world.pass_time(15)
    assert (_weights(world, pool), _servers(world), world.states(group)) == ([1], 1, ["InService"])
    assert world.journal(group)[-1].status is ActivityStatus.SUCCESSFUL


def test_without_a_delay_nothing_is_drained(pool, group, world):
    quick = EngineWorld(engine_settings=EngineSettings(deregistration=timedelta(0)))
    made = quick.simulated.pools.create(SCOPE, "web")
    owned = quick.make(desired=2)
    quick.backend.traffic.attach(SCOPE, "web", [balancing_id(made.id)])
    quick.pass_time(8)
    quick.backend.clusters.resize(SCOPE, "web", 0)
    quick.pass_time(5)
    assert (_weights(quick, made), _servers(quick), quick.states(owned)) == ([], 0, [])
    quick.close()


def test_standby_is_reached_when_connections_have_ended_and_left_as_a_member(world, pool, group):
    node = world.nodes(group)[0]
    world.backend.nodes.enter_standby(SCOPE, "web", [short_id(node.server_id)], decrement=True)
    world.pass_time(10)
    assert sorted(world.states(group)) == ["EnteringStandby", "InService"]
    assert _members(world, pool)[node.id].weight == 0
    world.pass_time(DRAIN)
    assert sorted(world.states(group)) == ["InService", "Standby"]
    assert node.id not in _members(world, pool)
    world.backend.nodes.exit_standby(SCOPE, "web", [short_id(node.server_id)])
    world.pass_time(8)
    assert set(_members(world, pool)) == set(_ids(world, group))
    assert _weights(world, pool) == [1, 1]


def test_a_detached_server_goes_on_without_its_member(world, pool, group):
    node = world.nodes(group)[0]
    world.backend.nodes.detach(SCOPE, "web", [short_id(node.server_id)], decrement=True)
    world.pass_time(DRAIN + 15)
    assert node.id not in _members(world, pool)
    assert (_servers(world), world.states(group)) == (2, ["InService"])


def test_an_attached_server_becomes_a_member(world, pool, group):
    server = world.server()
    world.pass_time(4)
    world.backend.nodes.attach(SCOPE, "web", [server.short_id])
    world.pass_time(5)
    assert server.private_address in {member.address for member in _members(world, pool).values()}


def test_a_vanished_server_leaves_no_member(world, pool, group):
    node = world.nodes(group)[0]
    world.simulated.operator.terminate(node.server_id)
    world.pass_time(25)
    members = _members(world, pool)
    assert node.id not in members
    assert set(members) == set(_ids(world, group))


def test_a_source_that_is_detached_empties_and_goes(world, pool, group):
    world.backend.traffic.detach(SCOPE, "web", [balancing_id(pool.id)])
    world.pass_time(10)
    assert (_state(world), _weights(world, pool)) == (["Removing"], [0, 0])
    world.pass_time(DRAIN)
    assert (_state(world), _weights(world, pool)) == ([], [])
    assert world.states(group) == ["InService"] * 2


def test_a_source_that_is_attached_again_meanwhile_stays(world, pool, group):
    world.backend.traffic.detach(SCOPE, "web", [balancing_id(pool.id)])
    world.pass_time(10)
    world.backend.traffic.attach(SCOPE, "web", [balancing_id(pool.id)])
    world.pass_time(10)
    assert (_state(world), _weights(world, pool)) == (["Added"], [1, 1])
    world.pass_time(DRAIN)
    assert _weights(world, pool) == [1, 1]


def test_a_group_without_nodes_has_its_sources_at_once(world, pool):
    world.make(desired=0)
    world.backend.traffic.attach(SCOPE, "web", [balancing_id(pool.id)])
    world.pass_time(2)
    assert _state(world) == ["Added"]
    world.backend.traffic.detach(SCOPE, "web", [balancing_id(pool.id)])
    world.pass_time(2)
    assert _state(world) == []


def test_nodes_that_came_while_the_process_was_suspended_are_never_added(world, pool, group):
    world.backend.clusters.suspend(SCOPE, "web", [Process.ADD_TO_LOAD_BALANCER])
    world.backend.clusters.resize(SCOPE, "web", 3)
    world.pass_time(8)
    assert len(_members(world, pool)) == 2
    world.backend.clusters.resume(SCOPE, "web")
    world.pass_time(30)
    assert len(_members(world, pool)) == 2
    world.backend.clusters.resize(SCOPE, "web", 4)
    world.pass_time(8)
    assert len(_members(world, pool)) == 3


def test_a_busy_pool_is_tried_again_and_keeps_nothing_else_waiting(world, pool):
    world.simulated.faults.pool_busy(seconds=30)
    group = world.make(desired=2)
    world.backend.traffic.attach(SCOPE, "web", [balancing_id(pool.id)])
    world.pass_time(10)
    assert (world.states(group), _state(world), _weights(world, pool)) == (["InService"] * 2, ["Adding"], [])
    world.pass_time(30)
    assert (_state(world), _weights(world, pool)) == (["Added"], [1, 1])


def test_a_pool_that_cannot_be_told_delays_a_deletion_but_not_for_ever(world, pool, group):
    world.simulated.faults.pool_busy()
    world.backend.clusters.resize(SCOPE, "web", 1)
    world.pass_time(DRAIN + 30)
    assert _servers(world) == 2
    world.pass_time(DRAIN)
    assert (_servers(world), world.states(group)) == (1, ["InService"])
    assert _weights(world, pool) == [1, 1]
    world.simulated.faults.lift()
    world.pass_time(30)
    assert _weights(world, pool) == [1]


@pytest.mark.parametrize("answer", ["lost", "never sent"])
def test_an_answer_that_is_lost_is_asked_for_again(world, pool, answer):
    faults = world.simulated.faults
    setter = faults.lose_answer if answer == "lost" else faults.lose_request
    setter(Where(calls=POOL_WRITES), times=1)
    group = world.make(desired=2)
    world.backend.traffic.attach(SCOPE, "web", [balancing_id(pool.id)])
    world.pass_time(15)
    assert set(_members(world, pool)) == set(_ids(world, group))
    assert _state(world) == ["Added"]


def test_a_refused_drain_is_told_by_the_activity_that_waits(world, pool, group):
    world.simulated.faults.refuse(NotAuthorized("role is missing"), Where(calls=("drain_members",)))
    world.backend.clusters.resize(SCOPE, "web", 1)
    world.pass_time(10)
    entry = world.journal(group)[-1]
    assert entry.reason is not None
    assert entry.reason.data["detail"] == "role is missing"


def test_a_pool_that_is_gone_holds_nobody_up(world, pool, group):
    world.simulated.pools.delete(pool.id)
    world.backend.clusters.resize(SCOPE, "web", 1)
    world.pass_time(15)
    assert (_servers(world), world.states(group)) == (1, ["InService"])
    world.backend.traffic.detach(SCOPE, "web", [balancing_id(pool.id)])
    world.pass_time(15)
    assert _state(world) == []


def test_a_member_that_somebody_took_out_is_put_back(world, pool, group):
    node = world.nodes(group)[0]
    world.simulated.pools.take_out(pool.id, node.address)
    world.pass_time(20)
    assert set(_members(world, pool)) == set(_ids(world, group))


def test_a_deleted_group_leaves_no_members(world, pool, group):
    world.backend.clusters.delete(SCOPE, "web", force=True)
    world.pass_time(15)
    assert _weights(world, pool) == []
    assert _servers(world) == 0
    assert world.backend.clusters.page(SCOPE, limit=10).items == []
    world.pass_time(320, 2)
    assert world.pools() == []


def test_members_of_ours_that_nobody_owns_are_swept_after_their_grace(world, pool, group):
    (gone,) = _end(world, group)
    world.pass_time(400, 2)
    world.disown(pool, gone.id, "172.31.0.77")
    world.simulated.pools.add_foreign(pool.id, "172.31.0.78", 8080)
    world.pass_time(100, 2)
    assert set(_members(world, pool)) == {*_ids(world, group), gone.id, None}
    world.pass_time(60, 2)
    assert set(_members(world, pool)) == {*_ids(world, group), None}


def test_what_a_monitor_says_counts_where_it_is_asked_for(world, pool, group):
    node = world.nodes(group)[0]
    world.simulated.pools.judge(pool.id, node.address, MemberHealth.UNHEALTHY)
    world.pass_time(40)
    assert node.id in _ids(world, group)
    world.backend.clusters.update(SCOPE, "web", ClusterChange({"health_checks": ("EC2", "ELB")}))
    world.pass_time(15)
    assert node.id not in _ids(world, group)
    assert len(_members(world, pool)) == 2
    causes = [cause.kind for entry in world.journal(group) for cause in entry.causes]
    assert CauseKind.HEALTH_BALANCER in causes
    assert _state(world) == ["InService"]


def test_a_member_that_was_never_healthy_and_one_in_grace_are_left_alone(world, pool):
    group = world.make(desired=1, health_checks=("ELB",), health_grace_seconds=120)
    world.backend.traffic.attach(SCOPE, "web", [balancing_id(pool.id)])
    world.pass_time(3.5)
    node = world.nodes(group)[0]
    world.pass_time(10)
    world.simulated.pools.judge(pool.id, node.address, MemberHealth.UNHEALTHY)
    world.pass_time(90)
    assert _ids(world, group) == [node.id]
    world.pass_time(60)
    assert _ids(world, group) != [node.id]


@pytest.mark.parametrize("silence", ["no monitor", "no answer"])
def test_who_cannot_tell_kills_nobody(world, silence):
    pool = world.simulated.pools.create(SCOPE, "mute", monitored=silence != "no monitor")
    group = world.make(desired=2, health_checks=("ELB",))
    world.backend.traffic.attach(SCOPE, "web", [balancing_id(pool.id)])
    world.pass_time(10)
    before = _ids(world, group)
    for node in world.nodes(group):
        world.simulated.pools.judge(pool.id, node.address, MemberHealth.UNHEALTHY)
    if silence == "no answer":
        world.simulated.faults.refuse(NotAuthorized("no"), Where(calls=("members",)))
        world.simulated.faults.unavailable(Where(calls=("members",)), seconds=30)
    world.pass_time(60)
    assert _ids(world, group) == before


def test_a_monitor_that_fails_everybody_is_not_believed(world):
    pool = world.simulated.pools.create(SCOPE, "web")
    group = world.make(desired=15, health_checks=("ELB",))
    world.backend.traffic.attach(SCOPE, "web", [balancing_id(pool.id)])
    world.pass_time(20)
    before = _ids(world, group)
    for node in world.nodes(group):
        world.simulated.pools.judge(pool.id, node.address, MemberHealth.UNHEALTHY)
    world.pass_time(60)
    assert _ids(world, group) == before
    for node in world.nodes(group):
        world.simulated.pools.judge(pool.id, node.address, None)
    world.pass_time(600)
    assert _ids(world, group) == before
    assert {str(node.health) for node in world.nodes(group)} == {"Healthy"}


def test_two_pools_and_two_groups_do_not_mix(world, pool, group):
    other = world.simulated.pools.create(SCOPE, "api", port=9090)
    second = world.make("second", desired=1)
    world.backend.traffic.attach(SCOPE, "web", [balancing_id(other.id)])
    world.backend.traffic.attach(SCOPE, "second", [balancing_id(other.id)])
    world.pass_time(10)
    assert set(_members(world, pool)) == set(_ids(world, group))
    assert set(_members(world, other)) == {*_ids(world, group), *_ids(world, second)}
    world.backend.traffic.detach(SCOPE, "web", [balancing_id(other.id)])
    world.pass_time(DRAIN + 20)
    assert set(_members(world, other)) == set(_ids(world, second))
    assert set(_members(world, pool)) == set(_ids(world, group))


def test_targets_are_told_as_they_are(world, pool, group):
    short = balancing_id(pool.id)
    _, targets = world.backend.traffic.targets(SCOPE, short)
    assert {(each.server, str(each.state)) for each in targets} == {
        (short_id(node.server_id), "healthy") for node in world.nodes(group)
    }
    _end(world, group)
    world.pass_time(5)
    _, targets = world.backend.traffic.targets(SCOPE, short)
    assert sorted(str(each.state) for each in targets) == ["draining", "healthy"]


def test_members_that_fall_few_at_a_time_are_a_mass_failure_once_most_have(world, pool):
    group = world.make(desired=20, health_checks=("EC2", "ELB"), health_grace_seconds=30)
    world.backend.traffic.attach(SCOPE, "web", [balancing_id(pool.id)])
    world.pass_time(60)
    before = _ids(world, group)
    for number, node in enumerate(world.nodes(group)):
        world.simulated.pools.judge(pool.id, node.address, MemberHealth.UNHEALTHY)
        if number % 5 == 4:
            world.pass_time(20)
    world.pass_time(300, 2)
    assert len(set(before) & set(_ids(world, group))) >= 15  # two at a time, until most had fallen
    held = [entry for entry in world.journal(group) if entry.kind is ActivityKind.HEALTH_CHECK]
    assert [entry.causes[0].kind for entry in held] == [CauseKind.MASS_FAILURE]
    assert world.measures.told["cluster:held"] == 1
    for node in world.nodes(group):
        world.simulated.pools.judge(pool.id, node.address, None)
    world.pass_time(60)
    assert world.cluster(group).held_since is None
