from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.activity import ReasonKind
from backend.domain.node import Health, NodeState, ServerStatus
from backend.engine import steps
from backend.engine.phases.settle import settle
from tests.backend.engine.drafts import SETTINGS, draft, node, owner, pending
from tests.factories import NOW

GROUP = owner(desired=1, protect_new=True)
PAST_GRACE = NOW - SETTINGS.launch_grace


def _settled(one, **values):
    made = draft(GROUP, one, **values)
    settle(made)
    return made


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"server_status": ServerStatus.ACTIVE}, steps.EnterService),
        ({"server_status": ServerStatus.BUILDING}, None),
        ({"server_status": ServerStatus.UNKNOWN}, None),
        ({"server_status": None}, None),
        ({"server_status": ServerStatus.ERROR}, ReasonKind.SERVER_ERROR),
        ({"server_status": ServerStatus.STOPPED}, ReasonKind.SERVER_ERROR),
        ({"server_status": ServerStatus.PAUSED}, ReasonKind.SERVER_ERROR),
        ({"server_status": ServerStatus.DELETED}, ReasonKind.SERVER_VANISHED),
        ({"server_status": ServerStatus.DELETING}, ReasonKind.SERVER_VANISHED),
        ({"created_at": NOW - SETTINGS.boot_timeout}, ReasonKind.START_TIMEOUT),
        ({"server_id": None, "server_status": None}, None),
        ({"server_id": None, "server_status": None, "created_at": PAST_GRACE}, ReasonKind.LAUNCH_LOST),
        ({"attached": True, "server_status": ServerStatus.ACTIVE}, steps.TakeIn),
        ({"in_service_at": NOW, "server_status": ServerStatus.ACTIVE}, steps.EnterService),
        ({"in_service_at": NOW, "server_status": ServerStatus.STOPPED}, steps.EnterService),
        ({"in_service_at": NOW, "server_status": ServerStatus.BUILDING}, None),
        ({"in_service_at": NOW, "server_status": None}, steps.Look),
    ],
)
def test_what_becomes_of_a_pending_node(values, expected):
    made = _settled(pending(GROUP, "n", **values))
    if expected is None:
        assert made.steps == []
        assert made.wakes
    elif isinstance(expected, ReasonKind):
        (step,) = made.steps
        assert isinstance(step, steps.FailLaunch)
        assert step.reason.kind is expected
    else:
        assert [type(step) for step in made.steps] == [expected]


def test_a_node_that_enters_service_takes_the_clusters_protection():
    one = pending(GROUP, "n", server_status=ServerStatus.ACTIVE)
    after = _settled(one).nodes[one.id]
    assert (after.state, after.protected, after.in_service_at) == (NodeState.IN_SERVICE, True, NOW)


def test_a_node_from_standby_keeps_its_protection_and_what_was_said_of_it():
    for protected in (True, False):
        one = pending(GROUP, "n", in_service_at=NOW, protected=protected, health=Health.UNHEALTHY, health_due_at=NOW)
        after = _settled(replace(one, server_status=ServerStatus.ACTIVE)).nodes[one.id]
        assert (after.protected, after.health, after.health_due_at) == (protected, Health.UNHEALTHY, NOW)


@pytest.mark.parametrize("seen_until", [None, NOW - timedelta(seconds=1)])
def test_a_launch_is_not_lost_before_the_servers_were_looked_at(seen_until):
    one = pending(GROUP, "n", server_id=None, server_status=None, created_at=PAST_GRACE)
    made = _settled(one, seen_until=seen_until)
    assert made.steps == []
    assert made.wakes == [NOW + SETTINGS.cloud_retry]


def test_a_failed_node_with_a_server_is_terminating_and_one_without_is_gone():
    broken = pending(GROUP, "broken", server_status=ServerStatus.ERROR)
    assert _settled(broken).nodes[broken.id].state is NodeState.TERMINATING
    lost = pending(GROUP, "lost", server_id=None, created_at=PAST_GRACE)
    assert _settled(lost).nodes == {}


def test_standby_is_reached():
    one = node(GROUP, "n", state=NodeState.ENTERING_STANDBY)
    made = _settled(one)
    assert made.steps == [steps.Park(one)]
    assert made.nodes[one.id].state is NodeState.STANDBY
