"""Looks at pools: what they cost, and what they take out."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlalchemy import delete

from backend.commands import orphans as command
from backend.domain.activity import CauseKind, ReasonKind
from backend.domain.ids import balancing_id
from backend.drivers import errors
from backend.drivers.simulated.cloud import ALONE
from backend.policies.sweep import SweepRule
from backend.store import tables, traffic
from tests.factories import OTHER, SCOPE, uuid_of


@pytest.fixture
def asked(world):
    """How often the balancing port was asked for what."""
    told: Counter[str] = Counter()

    def hook(moment, call):
        if moment == "before":
            told[call.name] += 1

    world.simulated.faults.hooks.append(hook)
    return told


def _look(world, pool):
    world.store.transact(lambda conn: traffic.pull_pool(conn, SCOPE, pool.id, world.clock.now()))


def _owners(world, pool):
    return {member.owner for member in world.simulated.pools.members(pool.id)}


def test_a_deleted_pool_is_looked_for_and_added_to_less_and_less_often(world, pool, group, asked, caplog):
    world.simulated.pools.delete(pool.id)
    asked.clear()
    world.pass_time(600)
    assert asked["members"] + asked["add_members"] < 25
    asked.clear()
    world.pass_time(4 * 3600, 20)
    assert asked["members"] + asked["add_members"] < 30
    assert world.states(group) == ["InService"] * 2
    (told,) = [entry for entry in world.journal(group) if entry.causes[0].kind is CauseKind.SOURCE_MISSING]
    assert told.reason.kind is ReasonKind.SOURCE_NOT_FOUND
    assert caplog.text.count("is missing") == 1


def test_nodes_leave_while_their_pool_is_missing(world, pool, group):
    world.simulated.pools.delete(pool.id)
    world.pass_time(100)
    world.backend.clusters.resize(SCOPE, "web", 0)
    world.pass_time(30)
    assert world.nodes(group) == []
    world.backend.traffic.detach(SCOPE, "web", [balancing_id(pool.id)])
    world.pass_time(4000, 5)
    assert world.backend.clusters.get(SCOPE, "web").sources == ()
    assert world.pools() == []


def test_members_come_back_when_a_missing_pool_is_found_again(world, pool, group):
    missing = [True]

    def hook(moment, call):
        if missing and moment == "before" and "members" in call.name:
            raise errors.PoolNotFound("somewhere else")

    world.simulated.faults.hooks.append(hook)
    world.pass_time(120)
    for member in list(world.simulated.pools.members(pool.id)):
        world.simulated.pools.take_out(pool.id, member.address)
    missing.clear()
    world.pass_time(240)
    assert _owners(world, pool) == {node.id for node in world.nodes(group)}


def test_many_pools_of_a_project_are_looked_at_within_its_share(world, asked):
    for number in range(150):
        made = world.simulated.pools.create(SCOPE, f"pool-{number}")
        world.disown(made, uuid_of("nobody we know"), f"172.31.1.{number}")
        _look(world, made)
    alone = world.simulated.pools.create(OTHER, "alone")
    world.disown(alone, uuid_of("nobody we know"), "172.31.1.200")
    world.store.transact(lambda conn: traffic.pull_pool(conn, OTHER, alone.id, world.clock.now()))
    world.pass_time(300, 1)
    asked.clear()
    listings = world.measures.told["listings"]
    world.pass_time(600, 1)
    assert asked["members"] == world.measures.told["listings"] - listings
    assert 500 <= asked["members"] <= 10 * 60 + 10 * 4, "60 a minute for the one project, every 15 s for the other"


def test_members_of_a_restored_database_rest_until_an_operator_s_word(world, pool, group):
    restored = world.beside(ALONE)
    _look(restored, pool)
    restored.pass_time(400, 2)
    assert _owners(world, pool) == {node.id for node in world.nodes(group)}
    (line,) = command.listed(restored.store, world.clock, SweepRule())
    assert "member: 2 of 2 belong to no group" in line
    assert "2 held" in line
    command.release(restored.store, world.clock, SCOPE.project_id)
    restored.pass_time(60, 2)
    assert _owners(world, pool) == set()
    restored.store.close()


def test_members_of_another_installation_are_left_alone(world, pool, group):
    other = world.beside(uuid_of("another installation"))
    _look(other, pool)
    other.pass_time(400, 2)
    assert _owners(world, pool) == {node.id for node in world.nodes(group)}
    assert other.pools() == [], "nothing of its own is there"
    assert command.listed(other.store, world.clock, SweepRule()) == ["Nothing belongs to no group."]
    other.store.close()


def test_many_members_that_lost_their_rows_at_once_rest(world, pool):
    world.make(desired=12)
    world.backend.traffic.attach(SCOPE, "web", [balancing_id(pool.id)])
    world.pass_time(10)
    world.backend.clusters.suspend(SCOPE, "web", ["AddToLoadBalancer"])
    world.pass_time(2)
    world.store.transact(lambda conn: conn.execute(delete(tables.registrations)))
    world.store.transact(lambda conn: conn.execute(tables.clusters.update().values(sources=[])))
    world.pass_time(400, 2)
    assert len(_owners(world, pool)) == 12


def test_a_member_that_arrives_when_its_group_is_gone_is_taken_out(world, pool, group):
    """Of an engine that died with the call under way."""
    node = world.nodes(group)[0]
    world.backend.clusters.delete(SCOPE, "web", force=True)
    world.pass_time(100)
    assert _owners(world, pool) == set()
    world.disown(pool, node.id, "192.0.2.7")
    world.pass_time(200, 2)
    assert _owners(world, pool) == set()
    world.pass_time(400, 2)
    assert world.pools() == []
