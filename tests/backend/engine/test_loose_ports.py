"""Ports that no server has go, a few at a time."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlalchemy import select

from backend.commands import orphans as command
from backend.domain.activity import CauseKind
from backend.drivers import errors
from backend.drivers.simulated.cloud import ALONE
from backend.policies.sweep import SweepRule
from backend.store import tables
from tests.factories import SCOPE, uuid_of

OTHERS = uuid_of("another installation")


@pytest.fixture
def group(world):
    made = world.make(desired=2)
    world.pass_time(6)
    return made


@pytest.fixture
def wrong():
    """Which calls fail, with what."""
    return {}


@pytest.fixture
def asked(world, wrong):
    """How often the cloud was asked for what."""
    told: Counter[str] = Counter()

    def hook(moment, call):
        if moment == "before":
            told[call.name] += 1
            if call.name in wrong:
                raise wrong[call.name]

    world.simulated.faults.hooks.append(hook)
    return told


def _leave(world, number, installation=ALONE):
    world.simulated.operator.leave_ports(SCOPE, installation, [f"{installation[:4]}-{one:02}" for one in range(number)])


def test_a_few_go_after_their_grace(world, group, caplog):
    _leave(world, 3)
    world.pass_time(890, 2)
    assert len(world.simulated.operator.ports()) == 3
    world.pass_time(60, 2)
    assert len(world.simulated.operator.ports()) == 3, "seen, and within the grace"
    world.pass_time(120, 2)
    assert world.simulated.operator.ports() == []
    assert caplog.text.count("ports of no server, deleted") == 1
    world.pass_time(200, 2)
    assert command.listed(world.store, world.clock, SweepRule()) == ["Nothing belongs to no group."]


def test_many_go_a_few_at_a_time_and_none_is_held(world, group):
    """Engines that die while servers go leave more ports than there are nodes: nobody has to say a word for that."""
    _leave(world, 50)
    world.pass_time(960, 2)
    assert "held" not in command.listed(world.store, world.clock, SweepRule())[0]
    seen = []
    for _ in range(60):
        world.pass_time(2, 2)
        seen.append(len(world.simulated.operator.ports()))
    assert seen[-1] == 0
    assert {30, 10} <= set(seen), "twenty with each look"
    told = [entry for entry in world.journal(group) if entry.causes[0].kind is CauseKind.ORPHANS_HELD]
    assert told == []


def test_those_of_another_installation_are_left_alone(world, group):
    _leave(world, 3, OTHERS)
    world.pass_time(2200, 4)
    assert len(world.simulated.operator.ports()) == 3


def test_one_that_a_server_has_again_is_forgotten(world, group, asked):
    _leave(world, 1)
    world.pass_time(950, 2)
    world.simulated.operator.take_port("a100-00")
    world.pass_time(300, 2)
    assert asked["delete_ports"] == 0
    assert asked["loose_ports"] == 2, "in a complete look, and when it was to end"
    assert command.listed(world.store, world.clock, SweepRule()) == ["Nothing belongs to no group."]


def test_those_that_cannot_be_asked_for_stay_and_are_asked_for_calmly(world, group, asked, wrong):
    _leave(world, 2)
    world.pass_time(950, 2)
    wrong["loose_ports"] = errors.CloudUnavailable("no answer")
    asked.clear()
    world.pass_time(600, 1)
    assert len(world.simulated.operator.ports()) == 2
    assert 0 < asked["loose_ports"] <= 120
    wrong.clear()
    world.pass_time(60, 1)
    assert world.simulated.operator.ports() == []


@pytest.mark.parametrize("error", [errors.CloudUnavailable("no answer"), errors.NotAuthorized("no role")])
def test_a_cloud_that_does_not_tell_of_ports_is_asked_until_it_does(world, group, asked, wrong, error):
    _leave(world, 1)
    wrong["loose_ports"] = error
    world.backend.clusters.delete(SCOPE, "web", force=True)
    world.pass_time(2400, 4)
    assert len(world.simulated.operator.ports()) == 1
    wrong.clear()
    world.pass_time(3600, 10)
    assert world.simulated.operator.ports() == []
    with world.store.read() as conn:
        assert conn.execute(select(tables.watches)).all() == []


def test_a_deletion_without_effect_is_asked_for_again_after_the_grace(world, group, asked, wrong):
    _leave(world, 2)
    wrong["delete_ports"] = errors.OutcomeUnknown("no answer")
    world.pass_time(1100, 2)
    assert asked["delete_ports"] == 1
    wrong.clear()
    assert len(world.simulated.operator.ports()) == 2
    world.pass_time(130, 2)
    assert asked["delete_ports"] == 2
    assert world.simulated.operator.ports() == []


def test_a_project_is_looked_at_until_no_port_of_ours_may_be_left(world, group):
    """Ports that are young when the last group has gone may be meant for servers that come, and are nobody's after."""
    world.backend.clusters.delete(SCOPE, "web", force=True)
    world.pass_time(880, 2)
    _leave(world, 1)
    world.pass_time(1200, 4)
    assert world.simulated.operator.ports() == []
    world.pass_time(1000, 4)
    with world.store.read() as conn:
        assert conn.execute(select(tables.watches)).all() == []
