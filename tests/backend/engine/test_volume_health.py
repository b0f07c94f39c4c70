"""Volumes in error, from the operator's hand to the successor of the node that has one."""

from __future__ import annotations

import pytest

from backend.domain.activity import CauseKind
from backend.domain.node import Health
from backend.drivers.simulated.faults import Where
from backend.drivers.volumes import Kind, NewVolume
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE


@pytest.fixture
def world():
    world = EngineWorld()
    yield world
    world.close()


def _attached(world, node):
    """A volume of a node's server."""
    volumes = world.simulated.cloud.volumes
    made = volumes.create(SCOPE, NewVolume(1, node.zone, Kind("gp3")))
    volumes.attach(SCOPE, made.id, node.server_id, "/dev/sdf")
    return made


def test_a_node_with_a_broken_volume_is_replaced_when_its_grace_is_over(world):
    group = world.make(desired=2, health_checks=("EBS",), health_grace_seconds=120)
    world.pass_time(6)
    node = world.nodes(group)[0]
    world.simulated.operator.break_volume(_attached(world, node).id)
    world.pass_time(70)
    assert [each.health for each in world.nodes(group)] == [Health.HEALTHY] * 2
    assert [each.volume_failed for each in world.nodes(group)] == [True, False]
    world.pass_time(120)
    assert node.id not in {each.id for each in world.nodes(group)}
    assert world.states(group) == ["InService"] * 2
    assert any(CauseKind.HEALTH_VOLUME in {cause.kind for cause in each.causes} for each in world.journal(group))


def test_one_that_is_mended_in_time_makes_it_healthy_again(world):
    group = world.make(desired=1, health_checks=("EBS", "ELB"))
    world.pass_time(6)
    (node,) = world.nodes(group)
    volume = _attached(world, node)
    world.backend.clusters.suspend(SCOPE, "web", ["ReplaceUnhealthy"])
    world.simulated.operator.break_volume(volume.id)
    world.pass_time(70)
    assert world.nodes(group)[0].health is Health.UNHEALTHY
    world.simulated.operator.break_volume(volume.id, broken=False)
    world.pass_time(70)
    assert world.nodes(group)[0].health is Health.HEALTHY


def test_nobody_asks_for_volumes_where_no_cluster_goes_by_them(world):
    group = world.make(desired=1)
    world.pass_time(6)
    world.simulated.operator.break_volume(_attached(world, world.nodes(group)[0]).id)
    world.pass_time(100)
    (node,) = world.nodes(group)
    assert (node.volume_failed, node.health) == (False, Health.HEALTHY)


def test_block_storage_that_cannot_be_asked_says_nothing(world):
    group = world.make(desired=1, health_checks=("EBS",))
    world.pass_time(6)
    world.simulated.faults.unavailable(Where(calls=("volumes",)))
    world.simulated.operator.break_volume(_attached(world, world.nodes(group)[0]).id)
    world.pass_time(100)
    assert world.nodes(group)[0].volume_failed is False
    world.simulated.faults.lift()
    world.pass_time(100)
    assert world.states(group) == ["InService"]
    assert len(world.journal(group)) > 1
