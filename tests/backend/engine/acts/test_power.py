"""Servers that are stopped or suspended for the warm pool, and started or resumed for service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from backend.domain.activity import ReasonKind
from backend.domain.node import NodeState, ServerStatus
from backend.drivers import errors
from backend.drivers.catalog import Catalog
from backend.drivers.simulated.faults import Where
from backend.engine.acts.act import Result
from backend.engine.acts.power import ChangePower, Power
from backend.engine.revision import Revision
from tests.backend.engine.drafts import SETTINGS, node, owner, rows
from tests.factories import NOW, SCOPE, World

GROUP = owner()
COMING = node(GROUP, "n", state=NodeState.WARMED_PENDING_PROCEED, activity_id="entry")
STOP = ChangePower(SCOPE, COMING, Power.STOP)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def _ask(world, server, power):
    cloud = world.simulated.cloud
    act = ChangePower(SCOPE, replace(COMING, server_id=server.id), power)
    told = act.carry_out(cloud, Catalog(cloud, world.clock))
    world.clock.move(60)
    return told, cloud.compute.get(SCOPE, server.id).status


@pytest.mark.parametrize(
    ("there", "back", "status"),
    [(Power.STOP, Power.START, ServerStatus.STOPPED), (Power.SUSPEND, Power.RESUME, ServerStatus.PAUSED)],
)
def test_there_and_back(world, there, back, status):
    server = world.server()
    told, seen = _ask(world, server, there)
    assert (told.error, told.servers, seen) == (None, (), status)
    told, seen = _ask(world, server, there)  # heard before: what the server is by now is told, and nothing is wrong
    assert (told.error, [one.status for one in told.servers], seen) == (None, [status], status)
    told, seen = _ask(world, server, back)
    assert (told.error, seen) == (None, ServerStatus.ACTIVE)


def test_what_was_not_heard_and_what_is_gone(world):
    server = world.server()
    world.simulated.faults.unavailable(Where(calls=("stop",)), times=1)
    assert isinstance(_ask(world, server, Power.STOP)[0].error, errors.CloudUnavailable)
    world.simulated.cloud.compute.delete(SCOPE, server.id)
    world.clock.move(60)
    act = ChangePower(SCOPE, replace(COMING, server_id=server.id), Power.STOP)
    assert act.carry_out(world.simulated.cloud, Catalog(world.simulated.cloud, world.clock)).gone


def _concluded(present, **result):
    revision = Revision(rows(GROUP, *present), NOW, SETTINGS, Random(1))
    STOP.conclude(Result(STOP, **result), revision)
    return revision


def test_when_it_was_asked_is_noted():
    revision = _concluded([COMING])
    assert revision.nodes[COMING.id].power_asked_at == NOW
    assert revision.entries.remarks == {"entry": None}


def test_a_refusal_is_told_and_asked_for_later():
    revision = _concluded([COMING], error=errors.NotAuthorized("no role"))
    assert revision.nodes[COMING.id].power_asked_at == NOW
    assert revision.entries.remarks["entry"].kind is ReasonKind.NOT_AUTHORIZED


def test_what_was_not_answered_is_asked_again():
    assert _concluded([COMING], error=errors.CloudUnavailable("away")).nodes[COMING.id] == COMING


def test_nothing_is_noted_of_a_node_that_has_moved_on():
    settled = replace(COMING, state=NodeState.WARMED_STOPPED, activity_id=None)
    assert _concluded([settled]).nodes[COMING.id].power_asked_at is None
    assert _concluded([]).nodes == {}
