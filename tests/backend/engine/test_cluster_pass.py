"""What a pass asks the cloud for, and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from backend.domain.cluster import PlacementRequest
from backend.drivers.errors import CloudUnavailable
from backend.drivers.simulated.faults import Moment
from backend.store import tables
from tests.factories import SCOPE


@dataclass
class Networks:
    """A network port that counts how often subnets are asked for, and may be away, or not have the youngest yet."""

    network: Any
    asked: int = 0
    away: bool = False
    most: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network, name)

    def subnets(self, scope: Any) -> Any:
        self.asked += 1
        if self.away:
            raise CloudUnavailable("no answer")
        return self.network.subnets(scope)[: self.most]


@pytest.fixture
def networks(world):
    networks = Networks(world.simulated.cloud.network)
    world.simulated = replace(world.simulated, cloud=replace(world.simulated.cloud, network=networks))
    world.engine = world.new_engine("one")
    return networks


def on_subnets(world, desired):
    subnets = [subnet.short_id for subnet in world.simulated.cloud.network.subnets(SCOPE)]
    return world.make(desired=desired, place=PlacementRequest(subnets=tuple(subnets)))


def test_where_subnets_lie_is_asked_for_only_when_something_is_launched(world, networks):
    group = on_subnets(world, desired=2)
    before = networks.asked
    world.pass_time(10)
    assert world.states(group) == ["InService"] * 2
    assert networks.asked == before + 1
    world.clock.move(timedelta(hours=3).total_seconds())  # what was told is long forgotten
    world.pass_time(60)
    world.backend.clusters.resize(SCOPE, group.name, 1)
    world.pass_time(60)
    assert world.states(group) == ["InService"]
    assert networks.asked == before + 1


def test_nodes_are_launched_on_the_clusters_subnets(world, networks):
    group = on_subnets(world, desired=3)
    world.pass_time(10)
    subnets = {subnet.id: subnet.zone for subnet in world.simulated.cloud.network.subnets(SCOPE)}
    assert [subnets[node.subnet_id] for node in world.nodes(group)] == [node.zone for node in world.nodes(group)]


def test_subnets_that_came_a_moment_ago_are_launched_into_like_all(world, networks):
    networks.most = 1
    (first,) = networks.subnets(SCOPE)
    world.make("before", desired=1, place=PlacementRequest(subnets=(first.short_id,)))
    world.pass_time(10)  # what there is has been listed
    networks.most = None
    group = on_subnets(world, desired=3)
    world.engine.tick(world.clock.now())
    subnets = {subnet.id: subnet.zone for subnet in world.simulated.cloud.network.subnets(SCOPE)}
    assert sorted(subnets[node.subnet_id] for node in world.nodes(group)) == sorted(set(subnets.values()))


def test_launches_wait_for_a_cloud_that_does_not_tell_where_the_subnets_lie(world, networks):
    group = on_subnets(world, desired=2)
    networks.away = True
    world.pass_time(20)
    assert world.states(group) == []
    networks.away = False
    world.pass_time(20)
    assert world.states(group) == ["InService"] * 2


def test_what_was_asked_for_is_looked_for_soon_though_a_look_came_between(world):
    group = world.make(desired=1)
    world.pass_time(20)

    def look(moment, asked):
        """A look that ran before the cloud heard of the deletion: it found a server like any other."""
        if moment is Moment.BEFORE and asked.name == "delete":
            later = world.clock.now() + world.engine_settings.watch_idle
            world.store.transact(lambda conn: conn.execute(update(tables.watches).values(due_at=later)))

    world.simulated.faults.hooks.append(look)
    world.backend.clusters.resize(SCOPE, group.name, 0)
    assert not world.engine.tick(world.clock.now()).faults
    with world.store.read() as conn:
        due_at = conn.execute(select(tables.watches.c.due_at)).scalar_one()
    assert due_at <= world.clock.now() + world.engine_settings.watch_busy
