"""Notices of the cloud, from the operator's hand to the successor in service."""

from __future__ import annotations

import pytest

from backend.domain.node import Notice
from tests.backend.engine.world import EngineWorld


@pytest.fixture
def world():
    world = EngineWorld()
    yield world
    world.close()


def _living(world, group):
    return {node.server_id for node in world.nodes(group) if node.counted}


def test_a_recommended_server_is_replaced_first(world):
    group = world.make(desired=2, maximum=2, capacity_rebalance=True)
    world.pass_time(6)
    old = world.nodes(group)[0]
    world.simulated.operator.notify(old.server_id, Notice.REBALANCE)
    fewest = 2
    for _ in range(80):
        world.pass_time(1)
        fewest = min(fewest, world.states(group).count("InService"))
    assert fewest == 2
    assert old.server_id not in _living(world, group)
    assert len(_living(world, group)) == len(world.servers()) == 2


def test_an_interrupted_one_goes_at_once(world):
    group = world.make(desired=2, capacity_rebalance=True)
    world.pass_time(6)
    old = world.nodes(group)[0]
    world.simulated.operator.notify(old.server_id, Notice.INTERRUPTION)
    world.pass_time(80)
    assert old.server_id not in _living(world, group)
    assert world.states(group) == ["InService"] * 2


def test_a_notice_that_is_withdrawn_is_forgotten_and_one_that_nobody_wants_is_noted(world):
    group = world.make(desired=1)
    world.pass_time(6)
    (node,) = world.nodes(group)
    world.simulated.operator.notify(node.server_id, Notice.REBALANCE)
    world.pass_time(70)
    assert [(each.server_id, each.notice) for each in world.nodes(group)] == [(node.server_id, Notice.REBALANCE)]
    world.simulated.operator.notify(node.server_id, None)
    world.pass_time(70)
    assert world.nodes(group)[0].notice is None
