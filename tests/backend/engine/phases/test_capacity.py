from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from backend.domain.activity import ActivityKind, ActivityStatus, Cause, CauseKind, Reason, ReasonKind
from backend.domain.backoff import NO_PROFILE
from backend.domain.changes import Entries
from backend.domain.cluster import Process, ZoneDistribution
from backend.domain.direct_launches import Claim, DirectLaunch
from backend.domain.node import LeavesFor, NodeState, ServerStatus
from backend.domain.profile import ProfileRef
from backend.drivers.compute import Quota
from backend.engine.draft import Draft
from backend.engine.phases.capacity import meet_capacity
from backend.engine.snapshot import Headroom
from backend.policies.window import WindowRule
from tests.backend.engine.drafts import (
    SETTINGS,
    backoff,
    causes,
    draft,
    kinds,
    launched,
    launches,
    node,
    opened,
    owner,
    pending,
    plan,
    requests,
    sick,
    snapshot,
    terminated,
)
from tests.factories import NOW

A, B = "us-east-1a", "us-east-1b"
GONE = Reason(ReasonKind.PROFILE_NOT_FOUND, {"name": "lc"})


def _met(cluster, *nodes, **values):
    made = draft(cluster, *nodes, **values)
    meet_capacity(made)
    return made


def test_what_lacks_is_launched_level_over_the_zones():
    group = owner(desired=5)
    made = _met(group, node(group, "n", zone=B))
    assert launches(made) == {A: 3, B: 1}
    assert [causes(made, new) for new in launched(made)] == [[CauseKind.CAPACITY_INCREASE]] * 4
    assert opened(made, launched(made)[0]).causes[0].data == {"before": 1, "after": 5}


@pytest.mark.parametrize(
    ("quotas", "number", "told"),
    [
        ([Quota("instances", 10, 7)], 3, {"resource": "instances", "requested": 1, "limit": 10}),
        ([Quota("ports", 10, 8), Quota("instances", 10, 7)], 2, {"resource": "ports", "requested": 1, "limit": 10}),
        ([Quota("cores", 9, 0), Quota("ram", 99_999, 0)], 4, {"resource": "cores", "requested": 2, "limit": 9}),
        ([Quota("ram", 4096, 1024)], 3, {"resource": "ram", "requested": 1024, "limit": 4096}),
        ([Quota("ram", 4096, 5000)], 0, {"resource": "ram", "requested": 1024, "limit": 4096}),
        ([Quota("instances", 10, 5), Quota("cores", 30, 20)], 5, None),
    ],
)
def test_no_more_is_launched_than_the_cloud_lets_the_project_have(quotas, number, told):
    group = owner(desired=5)
    # Proven, so that the pace of first launches keeps nothing back.
    made = _met(group, headroom=Headroom(quotas, {"t3.micro": (2, 1024)}), settings=replace(SETTINGS, first_launches=9))
    assert len(launched(made)) == number
    failed = [each.reason for each in made.entries.opened.values() if each.status is ActivityStatus.FAILED]
    assert [{**each.data} for each in failed] == ([] if told is None else [{**told, "type": ""}])


def test_of_several_types_the_smallest_counts_in_what_the_cloud_lets_the_project_have():
    group = owner(desired=5)
    sizes = {"t3.micro": (2, 1024)}
    made = _met(group, headroom=Headroom([Quota("cores", 0, 0)], {}))
    assert len(launched(made)) > 0, "what is not known of a type keeps nothing back"
    made = _met(group, headroom=Headroom([Quota("cores", 1, 0)], sizes))
    assert launched(made) == []


def test_launches_wait_to_be_told_what_the_cloud_lets_the_project_have():
    made = _met(owner(desired=5), headroom=None)
    assert (launched(made), made.quotas_wanted) == ([], True)
    made = _met(owner(desired=0), headroom=None)
    assert not made.quotas_wanted


def test_requests_are_told_before_the_act():
    asked = Cause(CauseKind.USER_SET_DESIRED, NOW, {"before": 0, "after": 1})
    group = owner(desired=1, causes=(asked,))
    made = _met(group)
    (new,) = launched(made)
    assert causes(made, new) == [CauseKind.USER_SET_DESIRED, CauseKind.CAPACITY_INCREASE]


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        (NodeState.PENDING, True),
        (NodeState.IN_SERVICE, True),
        (NodeState.STANDBY, False),
        (NodeState.ENTERING_STANDBY, False),
        (NodeState.DETACHING, False),
        (NodeState.TERMINATING, False),
    ],
)
def test_which_states_count(state, counts):
    group = owner(desired=1)
    assert sum(launches(_met(group, node(group, "n", state=state))).values()) == (0 if counts else 1)


def test_one_pass_launches_only_so_many_in_batches():
    group = owner(desired=2000, maximum=2000)
    made = _met(group, pending(group, "proof"))
    assert sum(launches(made).values()) == SETTINGS.launches
    assert max(len(act.node_ids) for act in requests(made)) == SETTINGS.launch_batch
    assert made.again


@pytest.mark.parametrize(
    ("lacking", "sizes"), [(1, [1]), (15, [15]), (16, [8, 8]), (25, [13, 12]), (60, [20, 20, 20]), (500, [25] * 20)]
)
def test_requests_are_for_many_and_two_where_both_are_worth_it(lacking, sizes):
    group = owner(desired=lacking + 1, maximum=1000, zones=(A,))
    made = _met(group, pending(group, "proof", zone=A))
    assert [len(act.node_ids) for act in requests(made)] == sizes


def test_what_never_made_a_server_is_tried_with_a_few():
    group = owner(desired=2000, maximum=2000)
    made = _met(group, pending(group, "unseen", server_id=None), node(group, "other", profile=ProfileRef("old")))
    assert sum(launches(made).values()) == SETTINGS.first_launches
    assert made.again


WINDOW = replace(SETTINGS, window=WindowRule(8))


def test_no_more_are_built_at_once_than_the_window_takes():
    group = owner(desired=30, maximum=30)
    made = _met(group, settings=WINDOW)
    assert sum(launches(made).values()) == 8
    assert not made.again


def test_a_full_window_holds_back_until_a_good_part_of_it_is_free():
    group = owner(desired=30, maximum=30)
    for building, wanted in ((8, 0), (6, 0), (5, 2), (4, 4), (0, 8)):
        nodes = [pending(group, f"n{number}", zone=(A, B)[number % 2]) for number in range(building)]
        made = _met(group, *nodes, settings=WINDOW)
        assert sum(launches(made).values()) == wanted, building
        assert not made.again


def test_the_last_few_do_not_wait_for_more_room_than_they_take():
    group = owner(desired=8, maximum=30)
    nodes = [pending(group, f"n{number}") for number in range(7)]
    assert sum(launches(_met(group, *nodes, settings=WINDOW)).values()) == 1


def test_servers_that_are_up_or_have_failed_leave_room():
    group = owner(desired=30, maximum=30)
    up = [pending(group, f"up{number}", server_status=ServerStatus.ACTIVE) for number in range(4)]
    failed = [pending(group, f"bad{number}", server_status=ServerStatus.ERROR) for number in range(4)]
    assert sum(launches(_met(group, *up, *failed, settings=WINDOW)).values()) == 8


def test_as_many_as_came_up_lately_are_built_at_once():
    group = owner(desired=100, maximum=100)
    ago = NOW - timedelta(minutes=5)
    nodes = [node(group, f"n{number}", created_at=ago, zone=(A, B)[number % 2]) for number in range(20)]
    others = [node(group, f"old{number}", zone=(A, B)[number % 2]) for number in range(20)]
    came = {"created_at": NOW, "attached": True}
    attached = [node(group, f"a{number}", zone=(A, B)[number % 2], **came) for number in range(20)]
    made = _met(group, *nodes, *others, *attached, settings=WINDOW)
    assert sum(launches(made).values()) == 20


LATELY = NOW - timedelta(minutes=4)
LONG_AGO = NOW - WINDOW.window.memory


def test_what_is_built_in_one_zone_takes_no_room_in_another():
    group = owner(desired=30, maximum=30)
    building = [pending(group, f"n{number}", zone=A, created_at=LATELY) for number in range(8)]
    made = _met(group, *building, settings=WINDOW)
    assert launches(made) == {B: 4}
    assert LATELY + WINDOW.window.memory in made.wakes


def test_a_zone_where_builds_hang_is_left_alone():
    group = owner(desired=30, maximum=30)
    hung = [pending(group, f"n{number}", zone=A, created_at=LONG_AGO) for number in range(8)]
    assert launches(_met(group, *hung, settings=WINDOW)) == {B: 8}
    younger = node(group, "younger", zone=A, created_at=LATELY)
    assert launches(_met(group, *hung[:1], younger, settings=WINDOW)) == {A: 3, B: 4}


def test_a_launch_of_which_no_server_is_known_says_nothing_of_its_zone():
    group = owner(desired=8, zones=(A, B))
    unknown = {"server_id": None, "server_status": None, "created_at": LONG_AGO}
    serving = node(group, "serving", zone=A, created_at=LONG_AGO)
    for asked_at in (None, LONG_AGO):
        unseen = pending(group, "unseen", zone=B, asked_at=asked_at, **unknown)
        assert launches(_met(group, serving, unseen)) == {A: 3, B: 3}


def test_where_all_zones_are_slow_none_hangs():
    group = owner(desired=30, maximum=30)
    slow = [pending(group, f"n{number}", zone=(A, B)[number], created_at=LONG_AGO) for number in range(2)]
    assert launches(_met(group, *slow, settings=WINDOW)) == {A: 3, B: 3}
    only = owner(desired=30, maximum=30, zones=(A,))
    assert launches(_met(only, slow[0], settings=WINDOW)) == {A: 7}


def test_what_heals_a_cluster_waits_for_no_room():
    group = owner(desired=17, maximum=30)
    hung = [pending(group, f"n{number}", zone=(A, B)[number % 2], created_at=LATELY) for number in range(16)]
    dead = node(group, "dead", server_status=ServerStatus.DELETED)
    made = plan(group, *hung, dead, settings=WINDOW)
    assert kinds(made) == ["CreateServers", "InService->gone", "new->Pending"]
    assert [new.replaces for new in launched(made)] == [dead.id]
    assert opened(made, dead).status is ActivityStatus.SUCCESSFUL
    assert causes(made, dead) == [CauseKind.HEALTH_TERMINATED_OR_STOPPED]


def test_a_failing_zone_is_left_alone_and_looked_at_again():
    group = owner(desired=4)
    made = _met(group, backoffs=(backoff(A, 60),))
    assert launches(made) == {B: 4}
    assert NOW + timedelta(seconds=60) in made.wakes


def test_balanced_only_does_not_go_elsewhere():
    group = owner(desired=4, zone_distribution=ZoneDistribution.ONLY)
    assert launches(_met(group, backoffs=(backoff(A),))) == {B: 2}


def test_after_its_delay_a_failing_zone_is_tried_with_one_node():
    group = owner(desired=6)
    made = _met(group, backoffs=(backoff(A, -1),))
    assert launches(made) == {A: 1, B: 3}
    trying = pending(group, "n", zone=A)
    assert launches(_met(group, trying, backoffs=(backoff(A, -1),))) == {B: 5}


def test_another_profile_starts_afresh():
    group = owner(desired=2)
    assert launches(_met(group, backoffs=(backoff(A, key="configuration:old"),))) == {A: 1, B: 1}


def test_a_source_that_is_gone_is_told_after_each_delay():
    group = owner(desired=2)
    told = _met(group, profile=GONE)
    (entry,) = told.entries.opened.values()
    assert (entry.kind, entry.status, entry.reason) == (ActivityKind.LAUNCH, ActivityStatus.FAILED, GONE)
    assert (kinds(told), told.backoffs["", NO_PROFILE].failures) == ([], 1)
    waiting = _met(group, profile=GONE, backoffs=(backoff("", 60, key=NO_PROFILE),))
    assert (kinds(waiting), waiting.entries.opened) == ([], {})
    assert waiting.wakes == [NOW + timedelta(seconds=60)]


def _hopeless(key="configuration:lc"):
    return replace(backoff(A, -1, key=key), refusals=15, failing=timedelta(hours=24))


def test_a_day_of_failures_suspends_launching():
    group = owner(desired=1)
    made = _met(group, backoffs=(_hopeless(),))
    assert (kinds(made), made.cluster.suspended) == (["cluster:suspended"], {Process.LAUNCH: NOW})
    assert (made.cluster.given_up, made.backoffs) == ({Process.LAUNCH}, {})
    (entry,) = made.entries.opened.values()
    assert (entry.kind, entry.status) == (ActivityKind.LAUNCH, ActivityStatus.FAILED)
    assert entry.reason == Reason(ReasonKind.GIVEN_UP, {"hours": 24})
    assert [cause.kind for cause in entry.causes] == [CauseKind.CAPACITY_INCREASE]
    assert kinds(_met(owner(desired=0), backoffs=(_hopeless(),))) == []


def test_what_another_profile_failed_for_suspends_nothing():
    group = owner(desired=1)
    assert len(launched(_met(group, backoffs=(_hopeless("configuration:gone"),)))) == 1


@pytest.mark.parametrize("state", [NodeState.IN_SERVICE, NodeState.STANDBY])
def test_a_cluster_that_launched_some_node_goes_on_trying(state):
    group = owner(desired=2)
    made = _met(group, node(group, "n", state=state), backoffs=(_hopeless(),))
    assert (len(launched(made)) > 0, made.cluster.suspended) == (True, {})


def test_what_failed_before_nothing_lacked_is_forgiven():
    group = owner(desired=1)
    made = plan(group, node(group, "n"), backoffs=(_hopeless(), _hopeless("configuration:gone")))
    left = made.changes.after.backoffs
    assert list(left.values()) == [replace(_hopeless(), refusals=0, failing=timedelta(0))]
    again = plan(group, node(group, "n"), backoffs=left.values())
    assert again.changes.after.backoffs == left
    waiting = plan(group, pending(group, "n"), backoffs=(_hopeless(),))
    assert list(waiting.changes.after.backoffs.values()) == [_hopeless()]


def test_each_nodes_subnet_is_drawn_among_the_zones():
    group = owner(desired=30, maximum=30)
    made = _met(group, subnets={A: ("s1", "s2"), B: ("s3",)})
    by_subnet = {act.subnet_id: len(act.node_ids) for act in requests(made)}
    assert by_subnet == Counter(new.subnet_id for new in launched(made))
    assert set(by_subnet) == {"s1", "s2", "s3"}
    assert by_subnet["s1"] + by_subnet["s2"] == by_subnet["s3"] == 15


def test_nothing_is_launched_while_the_subnets_cannot_be_asked_for():
    group = owner(desired=1)
    made = _met(group, subnets=None)
    assert (kinds(made), made.places_wanted, made.wakes) == ([], True, [NOW + SETTINGS.cloud_retry])


def test_the_successor_of_an_unhealthy_node_says_so():
    group = owner(desired=2)
    old = sick(group, "old", state=NodeState.TERMINATING, leaves_for=LeavesFor.HEALTH)
    made = _met(group, old)
    assert [(new.replaces, causes(made, new)[-1]) for new in launched(made)] == [
        (old.id, CauseKind.REPLACING_UNHEALTHY),
        (None, CauseKind.CAPACITY_INCREASE),
    ]
    assert launches(_met(owner(desired=1), old, pending(group, "new", replaces=old.id))) == {}


def test_the_successor_of_an_old_node_is_tied_to_it():
    group = owner(desired=1, maximum_lifetime_seconds=86_400)
    old = node(group, "old", state=NodeState.TERMINATING, leaves_for=LeavesFor.LIFETIME)
    made = _met(group, old)
    (new,) = launched(made)
    assert (new.replaces, causes(made, new)) == (old.id, [CauseKind.CAPACITY_INCREASE])


def test_launch_suspended_launches_nothing():
    assert kinds(_met(owner(desired=3, suspended={Process.LAUNCH: NOW}))) == []


def test_what_is_too_much_goes():
    group = owner(desired=1)
    nodes = [node(group, f"n{number}", zone=zone) for number, zone in enumerate((A, A, B))]
    made = _met(group, *nodes)
    assert len(terminated(made)) == 2
    for gone in terminated(made):
        assert causes(made, gone) == [CauseKind.CAPACITY_DECREASE, CauseKind.SELECTED_FOR_TERMINATION]
        decrease, selected = opened(made, gone).causes
        assert (decrease.data, selected.data) == ({"before": 3, "after": 1}, {"server": gone.server_id})
        assert made.nodes[gone.id].leaves_for is LeavesFor.CAPACITY


def test_terminate_suspended_ends_nothing():
    group = owner(desired=0, suspended={Process.TERMINATE: NOW})
    assert kinds(_met(group, node(group, "n"))) == []


def test_where_all_are_protected_it_is_noted():
    group = owner(desired=0)
    made = _met(group, node(group, "n", protected=True))
    (note,) = made.entries.notes
    assert (kinds(made), note.kind, [cause.kind for cause in note.causes]) == (
        [], ActivityKind.NOTE, [CauseKind.ALL_PROTECTED]
    )  # fmt: skip


def test_a_successor_on_its_way_is_no_surplus():
    group = owner(desired=1)
    old = node(group, "old")
    assert kinds(_met(group, old, pending(group, "new", replaces=old.id))) == []


def test_a_plan_with_nothing_to_do_sleeps_until_the_sweep():
    group = owner(desired=1)
    quiet = plan(group, node(group, "n"))
    assert (kinds(quiet), quiet.changes.entries) == ([], Entries())
    assert SETTINGS.sweep / 2 <= quiet.due_at - NOW <= SETTINGS.sweep


def test_a_build_that_hangs_tries_no_zone_again():
    group = owner(desired=4, zones=(A,))
    hung = pending(group, "hung", zone=A, created_at=NOW - timedelta(minutes=25), server_id="hung-server")
    assert launches(_met(group, hung, node(group, "n", zone=A), backoffs=(backoff(A, -1200),))) == {A: 1}


def test_a_node_back_from_standby_is_no_build_that_hangs():
    group = owner(desired=3, zones=(A, B))
    back = node(group, "back", zone=A, state=NodeState.PENDING, server_status=ServerStatus.UNKNOWN)
    other = node(group, "other", zone=B, created_at=NOW - timedelta(hours=3))
    assert launches(_met(group, back, other)) == {A: 1}


def test_what_is_launched_by_number_is_not_too_much():
    """Somebody waits for it: of the others those go that are beyond what is desired."""
    group = owner(desired=2, launching=True)
    there = [node(group, "a", zone=A), node(group, "b", zone=B), node(group, "c", zone=A)]
    asked = pending(group, "asked", server_id=None, server_status=None, zone=A)
    claims = (Claim(asked.activity_id, asked.id, asked.instance_type, 1, False),)
    launch = DirectLaunch("launch", group.id, group.name, "t", "f", 1, A, None, False, NOW, claims=claims)
    here = snapshot(group, *there, asked)
    made = Draft(replace(here, rows=replace(here.rows, direct={"launch": launch})), NOW, SETTINGS, Random(1))
    meet_capacity(made)
    (gone,) = terminated(made)
    assert gone.id in {each.id for each in there}
