from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.activity import Reason, ReasonKind
from backend.domain.cluster import Process
from backend.domain.node import Health, NodeState, ServerStatus
from backend.domain.profile import ProfileRef
from backend.engine import steps
from backend.engine.phases.settle import settle
from backend.engine.snapshot import Profile
from tests.backend.engine.drafts import PROFILE, SETTINGS, draft, node, owner, pending
from tests.factories import NOW

GROUP = owner(desired=1, protect_new=True)
PAST_GRACE = NOW - SETTINGS.launch_grace
LONG_UNHEARD = NOW - SETTINGS.relaunch_grace


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
        ({"server_id": None, "server_status": None, "asked_at": NOW}, None),
        ({"server_id": None, "server_status": None, "asked_at": NOW, "created_at": PAST_GRACE}, None),
        ({"server_id": None, "server_status": None, "asked_at": PAST_GRACE}, ReasonKind.LAUNCH_LOST),
        ({"server_id": None, "server_status": None, "created_at": PAST_GRACE}, steps.Unheard),
        ({"server_id": None, "server_status": None, "unheard_at": NOW}, None),
        ({"server_id": None, "server_status": None, "unheard_at": LONG_UNHEARD}, steps.Relaunch),
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
    for values in ({"asked_at": PAST_GRACE}, {"unheard_at": LONG_UNHEARD}):
        one = pending(GROUP, "n", server_id=None, server_status=None, **values)
        made = _settled(one, seen_until=seen_until)
        assert made.steps == []
        assert made.wakes == [NOW + SETTINGS.cloud_retry]


@pytest.mark.parametrize(
    "values",
    [
        {"profile": Profile(PROFILE.spec, ProfileRef("new"))},
        {"profile": Reason(ReasonKind.PROFILE_NOT_FOUND, {"name": "lc"})},
        {"suspended": {Process.LAUNCH: NOW}},
        {"zones": ("us-east-1b",)},
    ],
)
def test_a_launch_that_nobody_would_make_now_is_not_made_again(values):
    given = {"profile": values.pop("profile")} if "profile" in values else {}
    group = owner(desired=1, **values)
    one = pending(group, "n", server_id=None, server_status=None, unheard_at=LONG_UNHEARD, zone="us-east-1a")
    made = draft(group, one, **given)
    settle(made)
    (step,) = made.steps
    assert isinstance(step, steps.FailLaunch)


def test_a_failed_node_with_a_server_is_terminating_and_one_without_is_gone():
    broken = pending(GROUP, "broken", server_status=ServerStatus.ERROR)
    assert _settled(broken).nodes[broken.id].state is NodeState.TERMINATING
    lost = pending(GROUP, "lost", server_id=None, asked_at=PAST_GRACE)
    assert _settled(lost).nodes == {}


def test_standby_is_reached():
    one = node(GROUP, "n", state=NodeState.ENTERING_STANDBY)
    made = _settled(one)
    assert made.steps == [steps.Park(one)]
    assert made.nodes[one.id].state is NodeState.STANDBY
