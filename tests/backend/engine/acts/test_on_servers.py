"""Acts on the server of one node: deleting it, letting it go, taking it in, looking at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from backend.domain.activity import ActivityStatus, ReasonKind
from backend.domain.changes import Ending
from backend.domain.node import GROUP_TAG, NodeState, ServerStatus
from backend.drivers import errors
from backend.drivers.catalog import Catalog
from backend.drivers.simulated.faults import Where
from backend.engine.acts.act import Result
from backend.engine.acts.delete_server import DeleteServer
from backend.engine.acts.let_go import LetServerGo
from backend.engine.acts.look import LookAtServer
from backend.engine.acts.take_in import TakeServerIn
from backend.engine.revision import Revision
from tests.backend.engine.drafts import SETTINGS, node, owner, pending, rows
from tests.factories import NOW, SCOPE, World

GROUP = owner()
REFUSAL = errors.NotAuthorized("no role")
SUCCESSFUL = Ending(ActivityStatus.SUCCESSFUL)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


@pytest.fixture
def server(world):
    return world.server()


def _carry_out(world, act):
    cloud = world.simulated.cloud
    return act.carry_out(cloud, Catalog(cloud, world.clock))


def _of(server, **values):
    return node(GROUP, "n", server_id=server.id, **values)


def test_servers_are_deleted_and_what_is_gone_is_told(world, server):
    act = DeleteServer(SCOPE, _of(server, state=NodeState.TERMINATING))
    world.simulated.faults.unavailable(Where(calls=("delete",)), times=1)
    assert isinstance(_carry_out(world, act).error, errors.CloudUnavailable)
    assert _carry_out(world, act) == Result(act)
    world.clock.move(5)
    assert _carry_out(world, act).gone


def test_taking_in_and_letting_go_are_opposites(world, server):
    here = _of(server)
    (taken,) = _carry_out(world, TakeServerIn(SCOPE, here, "web")).servers
    assert (taken.launch_id, taken.tags[GROUP_TAG], taken.status) == (here.launch_id, "web", ServerStatus.ACTIVE)
    assert _carry_out(world, LetServerGo(SCOPE, here)).servers == ()
    (left,) = _carry_out(world, LookAtServer(SCOPE, here)).servers
    assert (left.launch_id, GROUP_TAG in left.tags) == (None, False)


def _concluded(act, present, **result):
    revision = Revision(rows(GROUP, *present), NOW, SETTINGS, Random(1))
    act.conclude(Result(act, **result), revision)
    return revision


LEAVING = node(GROUP, "n", state=NodeState.TERMINATING, activity_id="entry")
DELETE = DeleteServer(SCOPE, LEAVING)


@pytest.mark.parametrize("gone", [False, True])
def test_a_deletion_that_was_heard_is_written_down(gone):
    revision = _concluded(DELETE, [LEAVING], gone=gone)
    assert revision.nodes[LEAVING.id].delete_requested_at == NOW
    assert (revision.entries.remarks, revision.again) == ({"entry": None}, gone)


def test_a_deletion_that_was_refused_is_told_and_asked_for_later():
    revision = _concluded(DELETE, [LEAVING], error=REFUSAL)
    assert revision.nodes[LEAVING.id].delete_requested_at == NOW
    assert revision.entries.remarks["entry"].kind is ReasonKind.NOT_AUTHORIZED
    assert DELETE.rest(REFUSAL, SETTINGS) == SETTINGS.refused_retry


def test_a_deletion_that_was_not_heard_is_asked_for_again():
    away = errors.CloudUnavailable("away")
    revision = _concluded(DELETE, [LEAVING], error=away)
    assert (revision.nodes[LEAVING.id], revision.entries.remarks) == (LEAVING, {})
    assert DELETE.rest(away, SETTINGS) == SETTINGS.cloud_retry


@pytest.mark.parametrize("act", [DELETE, LetServerGo(SCOPE, LEAVING), TakeServerIn(SCOPE, LEAVING, "web")])
def test_nothing_follows_for_a_node_that_is_no_more(act):
    revision = _concluded(act, [])
    assert (revision.nodes, revision.entries.ended, revision.again) == ({}, {}, False)


def test_a_server_that_was_let_go_has_no_node_any_more():
    parting = node(GROUP, "n", state=NodeState.DETACHING, activity_id="entry")
    revision = _concluded(LetServerGo(SCOPE, parting), [parting])
    assert (revision.nodes, revision.entries.ended) == ({}, {"entry": SUCCESSFUL})


ATTACHED = pending(GROUP, "n", attached=True, protected=True, activity_id="entry")
TAKE = TakeServerIn(SCOPE, ATTACHED, "web")


def test_what_was_taken_in_is_in_service_with_the_protection_it_came_with():
    revision = _concluded(TAKE, [ATTACHED])
    after = revision.nodes[ATTACHED.id]
    assert (after.state, after.in_service_at, after.protected) == (NodeState.IN_SERVICE, NOW, True)
    assert (revision.entries.ended, revision.cluster.cooldown_until) == ({"entry": SUCCESSFUL}, None)


def test_that_a_server_is_gone_must_be_said_twice_before_it_is_believed():
    revision = _concluded(TAKE, [ATTACHED], gone=True)
    assert (revision.nodes[ATTACHED.id], revision.entries.ended) == (ATTACHED, {})


def test_what_vanished_before_it_was_taken_in_has_failed():
    revision = _concluded(TAKE, [replace(ATTACHED, server_status=ServerStatus.DELETED)], gone=True)
    assert revision.nodes[ATTACHED.id].state is NodeState.TERMINATING
    assert revision.entries.ended["entry"].reason.kind is ReasonKind.SERVER_VANISHED


def test_what_is_to_go_meanwhile_is_not_taken_in():
    leaving = node(GROUP, "n", state=NodeState.TERMINATING, activity_id="other", attached=True)
    assert _concluded(TAKE, [leaving]).nodes[leaving.id] == leaving
