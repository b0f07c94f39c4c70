from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.activity import ActivityStatus, Reason, ReasonKind
from backend.domain.changes import Ending, Entries
from backend.domain.cluster import Process
from backend.domain.node import Health, LeavesFor, NodeState, ServerStatus
from backend.domain.profile import ProfileRef
from backend.engine.phases.settle import settle
from backend.engine.snapshot import Profile
from tests.backend.engine.drafts import PROFILE, SETTINGS, backoff, draft, kinds, node, owner, pending, plan
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
        ({"server_status": ServerStatus.ACTIVE}, "Pending->InService"),
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
        ({"server_id": None, "server_status": None, "unheard_at": NOW}, None),
        ({"attached": True, "server_status": ServerStatus.ACTIVE}, "TakeServerIn"),
        ({"in_service_at": NOW, "server_status": ServerStatus.ACTIVE}, "Pending->InService"),
        ({"in_service_at": NOW, "server_status": ServerStatus.STOPPED}, "Pending->InService"),
        ({"in_service_at": NOW, "server_status": ServerStatus.BUILDING}, None),
        ({"in_service_at": NOW, "server_status": None}, "LookAtServer"),
    ],
)
def test_what_becomes_of_a_pending_node(values, expected):
    one = pending(GROUP, "n", **values)
    made = _settled(one)
    if expected is None:
        assert (kinds(made), made.entries.ended) == ([], {})
        assert made.wakes
    elif isinstance(expected, ReasonKind):
        assert kinds(made) == ["Pending->gone" if one.server_id is None else "Pending->Terminating"]
        ending = made.entries.ended[one.activity_id]
        assert (ending.status, ending.reason.kind) == (ActivityStatus.FAILED, expected)
        assert made.backoffs[one.zone, "configuration:lc"].failures == 1
    else:
        assert kinds(made) == [expected]
        ended = {one.activity_id: Ending(ActivityStatus.SUCCESSFUL)} if expected == "Pending->InService" else {}
        assert made.entries.ended == ended


def test_why_a_server_failed_is_told_in_the_clouds_own_words():
    one = pending(GROUP, "n", server_status=ServerStatus.ERROR)
    assert _settled(one).faults_wanted == [one]
    for words, kind in (("No valid host was found", ReasonKind.NO_CAPACITY), (None, ReasonKind.SERVER_ERROR)):
        made = _settled(one, faults={one.id: words})
        assert (made.faults_wanted, made.entries.ended[one.activity_id].reason.kind) == ([], kind)


def test_launches_that_fail_together_are_one_failure_of_their_place():
    made = draft(GROUP, *(pending(GROUP, name, server_status=ServerStatus.ERROR) for name in "abc"))
    settle(made)
    assert [entry.failures for entry in made.backoffs.values()] == [1]


def test_a_launch_that_succeeds_forgives_its_zone_and_what_failed_in_it_just_now_does_not_count_as_forgiven():
    zone = GROUP.spec.zones[0]
    places = [backoff(zone, failures=4), backoff("elsewhere", failures=4)]
    nodes = [pending(GROUP, "a", server_status=ServerStatus.ACTIVE)]
    forgiven = draft(GROUP, *nodes, backoffs=places)
    settle(forgiven)
    assert [entry.zone for entry in forgiven.backoffs.values()] == ["elsewhere"]
    both = draft(GROUP, *nodes, pending(GROUP, "b", server_status=ServerStatus.ERROR), backoffs=places)
    settle(both)
    assert {entry.zone: entry.failures for entry in both.backoffs.values()} == {zone: 5, "elsewhere": 4}


def test_only_launches_of_plain_capacity_begin_a_cooldown():
    plain = pending(GROUP, "a", server_status=ServerStatus.ACTIVE)
    until = NOW + timedelta(seconds=GROUP.spec.cooldown_seconds)
    for values, ends in (({}, until), ({"replaces": "old"}, None), ({"in_service_at": NOW}, None)):
        assert _settled(replace(plain, **values)).cluster.cooldown_until == ends


def test_a_policys_own_cooldown_goes_before_the_default():
    plain = pending(GROUP, "a", server_status=ServerStatus.ACTIVE)
    for own, ends in ((7, NOW + timedelta(seconds=7)), (0, None)):
        made = draft(replace(GROUP, own_cooldown_seconds=own), plain)
        settle(made)
        assert made.cluster.cooldown_until == ends


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
        assert (kinds(made), made.nodes) == ([], {one.id: one})
        assert made.wakes == [NOW + SETTINGS.cloud_retry]


@pytest.mark.parametrize("seen_until", [None, NOW - timedelta(seconds=1)])
@pytest.mark.parametrize("status", [ServerStatus.BUILDING, ServerStatus.STOPPED])
def test_no_server_is_late_before_it_was_looked_at_since(status, seen_until):
    long_ago = NOW - SETTINGS.boot_timeout
    drawn = {"drawn_at": long_ago, "power_asked_at": long_ago} if status is ServerStatus.STOPPED else {}
    one = pending(GROUP, "n", server_status=status, created_at=long_ago, **drawn)
    made = _settled(one, seen_until=seen_until)
    assert (kinds(made), made.nodes) == ([], {one.id: one})
    assert made.wakes == [NOW + SETTINGS.cloud_retry]
    assert made.entries == Entries()
    assert kinds(_settled(one)) == ["Pending->Terminating"]


def test_one_from_the_warm_pool_is_late_only_some_time_after_the_cloud_was_told():
    long_ago = NOW - 2 * SETTINGS.boot_timeout
    one = pending(GROUP, "n", server_status=ServerStatus.STOPPED, created_at=long_ago, drawn_at=long_ago)
    assert kinds(_settled(one)) == ["ChangePower"]
    told = _settled(replace(one, power_asked_at=NOW - SETTINGS.power_retry + timedelta(seconds=1)))
    assert (kinds(told), told.wakes) == ([], [NOW + timedelta(seconds=1)])
    assert kinds(_settled(replace(one, power_asked_at=NOW - SETTINGS.power_retry))) == ["Pending->Terminating"]


def test_a_launch_that_nobody_heard_of_is_remembered_as_that_and_made_again_as_the_same():
    one = pending(GROUP, "n", server_id=None, server_status=None, created_at=PAST_GRACE)
    found = _settled(one)
    after = replace(one, unheard_at=NOW)
    assert (kinds(found), found.nodes, found.entries) == ([], {one.id: after}, Entries())
    assert found.wakes == [NOW + SETTINGS.relaunch_grace]
    again = plan(GROUP, replace(one, unheard_at=LONG_UNHEARD))
    (act,) = again.acts
    assert (act.launch_id, act.node_ids, act.zone) == (one.launch_id, (one.id,), one.zone)
    assert (again.changes.after.nodes, again.changes.entries) == ({one.id: one}, Entries())


def test_a_launch_that_is_not_wanted_any_more_is_not_made_again():
    full = owner(desired=0)
    one = pending(full, "n", server_id=None, server_status=None, unheard_at=LONG_UNHEARD)
    assert "CreateServers" not in kinds(plan(full, one))


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
    assert kinds(made) == ["Pending->gone"]
    assert made.entries.ended[one.activity_id].status is ActivityStatus.FAILED


def test_a_failed_node_with_a_server_is_terminating_and_one_without_is_gone():
    broken = pending(GROUP, "broken", server_status=ServerStatus.ERROR)
    after = _settled(broken).nodes[broken.id]
    assert (after.state, after.activity_id) == (NodeState.TERMINATING, None)
    assert after.leaves_for is LeavesFor.FAILED_LAUNCH
    lost = pending(GROUP, "lost", server_id=None, asked_at=PAST_GRACE)
    assert _settled(lost).nodes == {}


def test_standby_is_reached():
    one = node(GROUP, "n", state=NodeState.ENTERING_STANDBY, activity_id="parking")
    made = _settled(one)
    assert kinds(made) == ["EnteringStandby->Standby"]
    assert made.nodes[one.id].state is NodeState.STANDBY
    assert made.entries.ended == {"parking": Ending(ActivityStatus.SUCCESSFUL)}
