from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.activity import CauseKind
from backend.domain.cluster import Process
from backend.domain.mixes import Distribution, Mix, Override
from backend.domain.node import LeavesFor, NodeState, ServerStatus, capacity
from backend.domain.profile import LaunchSource, ProfileRef
from backend.domain.refreshes import Handling, RefreshStatus, RefreshStrategy, RollbackCause
from backend.domain.requirements import Bounds, Requirements
from backend.domain.traffic import MemberHealth
from backend.engine.phases.refresh import LONGEST, STALLED_AFTER
from backend.engine.snapshot import Profile
from tests import factories
from tests.backend.engine import drafts
from tests.backend.engine.drafts import NOW, causes, launched, node, pending, plan, sick, terminated

V1, V2 = (ProfileRef(template_id="t", template_name="web", template_version=number) for number in (1, 2))
BROUGHT = {"template_id": "t", "template_name": "web", "template_version": "2"}
TO_V2 = {"profile": Profile(drafts.PROFILE.spec, V2)}
HOUR = timedelta(hours=1)
FIRST = {"minimum_percent": 100, "maximum_percent": 200}
AT_ONCE = {"minimum_percent": 0}


def group(desired=10, **values):
    return drafts.owner(desired=desired, maximum=100, refresh_id=factories.uuid_of("refresh"), **values)


def old(cluster, number, **values):
    return [node(cluster, f"old{each}", profile=V1, **values) for each in range(number)]


def new(cluster, name="new", of="", **values):
    """A node that the refresh made, in the place of another."""
    replaced = {"replaces": factories.node(cluster, of).id} if of else {}
    return node(cluster, name, profile=V2, refresh_id=cluster.refresh_id, **{**replaced, **values})


def planned(cluster, *nodes, processes=(), alarms=(), **values):
    cluster = replace(cluster, suspended=dict.fromkeys(processes, NOW))
    refresh = factories.refresh(cluster, **values)
    return plan(cluster, *nodes, refresh=refresh, alarms=dict.fromkeys(alarms, True), **TO_V2)


def after(made):
    return made.changes.after.refresh


# how many at once ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("desired", "preferences", "ended"),
    [
        (10, {}, 1),
        (20, {}, 2),
        (5, {}, 1),  # 90 % of 5 rounds up to 5: nothing fits between, and one goes all the same
        (1, {"minimum_percent": 100}, 1),
        (10, {"minimum_percent": 50}, 5),
        (10, {"minimum_percent": 55}, 4),
        (10, AT_ONCE, 10),
        (10, {"minimum_percent": 80, "maximum_percent": 100}, 2),
    ],
)
def test_without_room_above_the_old_go_first(desired, preferences, ended):
    made = planned(group(desired), *old(group(desired), desired), **preferences)
    gone = terminated(made)
    assert (len(gone), len(launched(made))) == (ended, ended)
    assert all(causes(made, each) == [CauseKind.REFRESH_TERMINATE] for each in gone)
    assert all(causes(made, each) == [CauseKind.REFRESH_LAUNCH] for each in launched(made))
    assert {each.replaces for each in launched(made)} == {each.id for each in gone}
    assert {each.refresh_id for each in launched(made)} == {factories.uuid_of("refresh")}


@pytest.mark.parametrize(
    ("desired", "preferences", "begun"),
    [
        (10, {"minimum_percent": 100, "maximum_percent": 110}, 1),
        (10, {"minimum_percent": 100, "maximum_percent": 150}, 5),
        (10, FIRST, 10),
        (5, {"minimum_percent": 100, "maximum_percent": 110}, 1),
        (10, {"minimum_percent": 100, "maximum_percent": 100}, 1),
        (5, {"minimum_percent": 90, "maximum_percent": 100}, 1),
    ],
)
def test_with_room_above_the_new_come_first(desired, preferences, begun):
    made = planned(group(desired), *old(group(desired), desired), **preferences)
    assert (terminated(made), len(launched(made))) == ([], begun)
    assert all(causes(made, each) == [CauseKind.REFRESH_LAUNCH] for each in launched(made))


def test_with_room_on_both_sides_both_are_used():
    made = planned(group(), *old(group(), 10), minimum_percent=80, maximum_percent=120)
    assert (len(terminated(made)), len(launched(made))) == (2, 4)


def test_what_is_not_ready_yet_is_missing_from_what_may_go():
    cluster = group(10)
    nodes = [*old(cluster, 9), new(cluster, of="gone", in_service_at=NOW)]
    assert not terminated(planned(cluster, *nodes, warmup_seconds=60))
    assert len(terminated(planned(cluster, *nodes))) == 1


def test_the_old_one_goes_when_its_follower_is_ready():
    cluster = group(1)
    (before,) = old(cluster, 1, leaves_for=LeavesFor.REFRESH)
    follower = new(cluster, of="old0", in_service_at=NOW)
    made = planned(cluster, before, follower, warmup_seconds=60, **FIRST)
    assert (terminated(made), after(made).percent, after(made).to_update) == ([], 25, 1)
    assert made.due_at <= NOW + timedelta(seconds=60)
    made = planned(cluster, before, follower, **FIRST)
    assert ([each.id for each in terminated(made)], after(made).percent) == ([before.id], 50)
    assert causes(made, before) == [CauseKind.REFRESH_TERMINATE]
    going = replace(before, state=NodeState.TERMINATING, activity_id="x")
    assert after(planned(cluster, going, follower, **FIRST)).percent == 50
    gone = replace(going, server_status=ServerStatus.DELETED)
    assert after(planned(cluster, gone, follower, **FIRST)).status is RefreshStatus.SUCCESSFUL


def test_old_before_those_of_an_aborted_refresh():
    cluster = group(2)
    matching = node(cluster, "a", profile=V2)
    made = planned(cluster, matching, *old(cluster, 1), minimum_percent=50)
    assert [each.profile for each in terminated(made)] == [V1]


@pytest.mark.parametrize("process", [Process.LAUNCH, Process.TERMINATE, Process.INSTANCE_REFRESH])
def test_suspended_processes_hold_it(process):
    made = planned(group(1), *old(group(1), 1), processes=[process], **AT_ONCE)
    assert (terminated(made), launched(made), after(made).status) == ([], [], RefreshStatus.IN_PROGRESS)


def test_the_hour_does_not_run_while_the_refresh_itself_is_suspended():
    cluster = group(2)
    late = {"progress_at": NOW - STALLED_AFTER, "started_at": NOW - STALLED_AFTER, "to_update": 2}
    made = planned(cluster, *old(cluster, 2), processes=[Process.INSTANCE_REFRESH], **late)
    assert (after(made).status, after(made).held) == (RefreshStatus.IN_PROGRESS, True)
    resumed = planned(cluster, *old(cluster, 2), **late, held=True)
    assert (after(resumed).status, after(resumed).held) == (RefreshStatus.IN_PROGRESS, False)
    assert (
        planned(cluster, *old(cluster, 2), processes=[Process.LAUNCH], **late).changes.after.refresh.status == "Failed"
    )


# who is left alone --------------------------------------------------------------------------------------------------


def test_protected_nodes():
    cluster = group(2)
    guarded, free = node(cluster, "a", profile=V1, protected=True), node(cluster, "b", profile=V1)
    waits = planned(cluster, guarded, free, **AT_ONCE)
    assert [each.id for each in terminated(waits)] == [free.id]
    alone = planned(group(1), node(group(1), "a", profile=V1, protected=True), **AT_ONCE)
    assert after(alone).reason == {"kind": "protected", "server": guarded.server_id}
    ignored = planned(group(1), node(group(1), "a", profile=V1, protected=True), protected=Handling.IGNORE)
    assert (after(ignored).status, after(ignored).percent) == (RefreshStatus.SUCCESSFUL, 100)
    taken = planned(cluster, guarded, free, protected=Handling.REFRESH, **AT_ONCE)
    assert len(terminated(taken)) == 2


def test_nodes_in_standby():
    cluster = group(0)
    parked = node(cluster, "a", profile=V1, state=NodeState.STANDBY)
    waits = planned(cluster, parked)
    assert (after(waits).to_update, after(waits).reason) == (1, {"kind": "standby", "server": parked.server_id})
    assert after(planned(cluster, parked, standby=Handling.IGNORE)).status is RefreshStatus.SUCCESSFUL
    ended = planned(cluster, parked, standby=Handling.TERMINATE)
    assert [each.id for each in terminated(ended)] == [parked.id]
    assert after(ended).reason == {"kind": "terminating", "server": parked.server_id}


def test_matching_nodes_are_skipped_where_that_is_wanted():
    cluster = group(2)
    nodes = [node(cluster, "a", profile=V2), node(cluster, "b", profile=V1)]
    made = planned(cluster, *nodes, skip_matching=True, desired=BROUGHT, **AT_ONCE)
    assert [each.profile for each in terminated(made)] == [V1]
    assert after(made).percent == 50
    done = planned(cluster, *[node(cluster, name, profile=V2) for name in "ab"], skip_matching=True, desired=BROUGHT)
    assert (after(done).status, after(done).percent) == (RefreshStatus.SUCCESSFUL, 100)
    assert done.changes.after.cluster.spec.source.template_version == "2"
    assert len(terminated(planned(cluster, *nodes, **AT_ONCE))) == 2


def test_servers_that_failed_for_everybody_are_not_given_up_too():
    cluster = group(4, held_since=NOW)
    nodes = [
        sick(cluster, f"s{each}", health_cause="health_status_check", server_status=ServerStatus.ERROR)
        for each in range(3)
    ]
    made = planned(cluster, *nodes, node(cluster, "old", profile=V1), minimum_percent=50)
    assert not [each for each in terminated(made) if each.profile == V1]


# checkpoints --------------------------------------------------------------------------------------------------------


def test_a_checkpoint_bounds_what_is_begun():
    cluster = group(10)
    made = planned(cluster, *old(cluster, 10), checkpoints=(20, 100), checkpoint_seconds=60, **AT_ONCE)
    assert len(terminated(made)) == 2


def test_a_checkpoint_that_is_reached_pauses():
    cluster = group(4)
    nodes = [*old(cluster, 2), new(cluster, "x", of="g1"), new(cluster, "y", of="g2")]
    steps = {"checkpoints": (50, 100), "checkpoint_seconds": 60, **AT_ONCE}
    made = planned(cluster, *nodes, **steps)
    pause = {"checkpoint": 50, "paused_until": NOW + timedelta(seconds=60)}
    assert {name: getattr(after(made), name) for name in pause} == pause
    assert (terminated(made), made.due_at <= NOW + timedelta(seconds=60)) == ([], True)
    over = planned(cluster, *nodes, **steps, **{**pause, "paused_until": NOW})
    assert (len(terminated(over)), after(over).paused_until, after(over).checkpoint) == (2, None, 50)


def test_passed_over_checkpoints_are_skipped():
    cluster = group(2)
    nodes = [*old(cluster, 1), new(cluster, of="gone")]
    made = planned(cluster, *nodes, checkpoints=(10, 40, 100), checkpoint_seconds=60, **AT_ONCE)
    assert after(made).checkpoint == 40
    first = planned(cluster, *old(cluster, 2), checkpoints=(10, 40, 100), checkpoint_seconds=60, **AT_ONCE)
    assert len(terminated(first)) == 1


def test_a_larger_fleet_comes_to_a_checkpoint_again():
    cluster = group(8)
    steps = {"checkpoints": (50, 100), "checkpoint_seconds": 60, "checkpoint": 50, **AT_ONCE}
    here = [*old(cluster, 2), new(cluster, "x", of="g1"), new(cluster, "y", of="g2")]
    coming = [
        pending(cluster, f"p{each}", profile=V2, refresh_id=cluster.refresh_id, activity_id=f"a{each}")
        for each in range(4)
    ]
    made = planned(cluster, *here, *coming, **steps)
    assert (after(made).checkpoint, after(made).percent) == (None, 25)
    come = [new(cluster, f"p{each}") for each in range(4)]
    again = planned(cluster, *here, *come, **{**steps, "checkpoint": None})
    assert (after(again).checkpoint, after(again).paused_until) == (50, NOW + timedelta(seconds=60))


def test_a_last_checkpoint_below_all_is_the_end():
    cluster = group(2)
    nodes = [*old(cluster, 1), new(cluster, of="gone")]
    made = planned(cluster, *nodes, checkpoints=(50,), checkpoint_seconds=60, desired=BROUGHT)
    assert (after(made).status, after(made).percent, after(made).checkpoint) == (RefreshStatus.SUCCESSFUL, 50, 50)


# its ends -----------------------------------------------------------------------------------------------------------


def test_of_no_members_it_succeeds_at_once():
    made = planned(group(0), status=RefreshStatus.PENDING, started_at=None, progress_at=None)
    told = after(made)
    assert (told.status, told.percent, told.to_update) == (RefreshStatus.SUCCESSFUL, 100, 0)
    assert told.started_at == told.ended_at == NOW
    assert made.changes.after.cluster.refresh_id is None


def test_members_that_lack_are_waited_for():
    made = planned(group(2), new(group(2)))
    assert (after(made).status, after(made).to_update) == (RefreshStatus.IN_PROGRESS, 1)


def test_a_bake_keeps_what_was_until_it_is_over():
    cluster = group(1)
    made = planned(cluster, new(cluster), bake_seconds=60, desired=BROUGHT)
    assert (after(made).status, after(made).bakes_until) == (RefreshStatus.BAKING, NOW + timedelta(seconds=60))
    assert made.due_at <= NOW + timedelta(seconds=60)
    baking = {"status": RefreshStatus.BAKING, "desired": BROUGHT, "percent": 100, "to_update": 0}
    waits = planned(cluster, new(cluster), bakes_until=NOW + timedelta(seconds=1), **baking)
    assert waits.changes.after.cluster.spec.source == cluster.spec.source
    done = planned(cluster, new(cluster), bakes_until=NOW, **baking)
    assert (after(done).status, done.changes.after.cluster.spec.source.template_version) == ("Successful", "2")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"progress_at": NOW - STALLED_AFTER, "to_update": 1}, {"kind": "stalled", "waits": "protected"}),
        ({"started_at": NOW - LONGEST}, {"kind": "overdue"}),
        ({"alarms": ("a", "b")}, {"kind": "alarm", "alarm": "b"}),
    ],
)
def test_what_cannot_go_on_fails_or_goes_back(values, reason):
    cluster = group(1)
    stuck = node(cluster, "a", profile=V1, protected=True)

    def made(**more):
        refresh = factories.refresh(cluster, desired=BROUGHT, **{**values, **more})
        return plan(cluster, stuck, refresh=refresh, alarms={"a": False, "b": True}, **TO_V2)

    failed = made()
    assert after(failed).status is RefreshStatus.FAILED
    assert reason.items() <= after(failed).reason.items()
    assert (failed.changes.after.cluster.refresh_id, failed.due_at) == (None, NOW)
    back = made(auto_rollback=True)
    assert after(back).status is RefreshStatus.ROLLING_BACK
    assert after(back).rollback_cause == reason["kind"]
    assert (back.changes.after.cluster.refresh_id, back.due_at, launched(back)) == (cluster.refresh_id, NOW, [])


def test_a_rollback_that_cannot_go_on_fails():
    cluster = group(1)
    stuck = new(cluster, protected=True)
    rolling = {"status": RefreshStatus.ROLLING_BACK, "auto_rollback": True, "rollback_at": NOW - HOUR}
    refresh = factories.refresh(cluster, desired=BROUGHT, to_update=0, percent=100, progress_at=NOW - HOUR, **rolling)
    assert after(plan(cluster, stuck, refresh=refresh)).status is RefreshStatus.ROLLBACK_FAILED


def rolled_back(cluster, *nodes, **values):
    refresh = factories.refresh(cluster, desired=BROUGHT, percent=100, to_update=0)
    refresh = replace(refresh.rolled_back(RollbackCause.USER, {}, NOW), **values)
    return plan(cluster, *nodes, refresh=refresh, profile=Profile(drafts.PROFILE.spec, V1))


def test_a_rollback_replaces_what_the_refresh_made():
    cluster = group(2)
    kept, made = node(cluster, "kept", profile=V2), new(cluster)
    back = rolled_back(cluster, kept, made, minimum_percent=50)
    assert [each.id for each in terminated(back)] == [made.id]
    assert [each.refresh_id for each in launched(back)] == [None]
    assert (after(back).percent, after(back).to_update) == (50, 1)
    assert (after(back).rollback_percent, after(back).rollback_to_update) == (100, 0)
    restored = node(cluster, "restored", profile=V1, replaces=made.id, created_at=NOW)
    done = rolled_back(cluster, kept, restored)
    assert (after(done).status, after(done).percent, after(done).to_update) == (RefreshStatus.ROLLED_BACK, 0, 2)
    assert done.changes.after.cluster.spec.source == cluster.spec.source


def test_a_rollback_leaves_alone_what_was_to_go():
    cluster = group(1)
    before = node(cluster, "old0", profile=V1, leaves_for=LeavesFor.REFRESH)
    back = rolled_back(cluster, before, new(cluster, of="old0"))
    assert [each.profile for each in terminated(back)] == [V2]
    assert back.changes.after.nodes[before.id].leaves_for is None


def test_a_rollback_does_not_wait_for_what_is_on_its_way():
    cluster = group(1)
    coming = pending(cluster, "p", profile=V2, refresh_id=cluster.refresh_id)
    assert [each.id for each in terminated(rolled_back(cluster, coming))] == [coming.id]


@pytest.mark.parametrize("reason", ["cancelled", "cancelled_at_once"])
def test_a_cancel_waits_for_what_is_under_way_where_that_is_wanted(reason):
    cluster = group(2)
    coming = pending(cluster, "p", profile=V2, refresh_id=cluster.refresh_id)
    cancelled = {"status": RefreshStatus.CANCELLING, "reason": {"kind": reason}}
    made = planned(cluster, *old(cluster, 1), coming, **cancelled)
    waits = reason == "cancelled"
    assert after(made).status is (RefreshStatus.CANCELLING if waits else RefreshStatus.CANCELLED)
    assert not terminated(made)
    assert after(planned(cluster, *old(cluster, 2), **cancelled)).status is RefreshStatus.CANCELLED
    late = planned(cluster, *old(cluster, 1), coming, progress_at=NOW - STALLED_AFTER, **cancelled)
    assert (after(late).status, after(late).reason) == (RefreshStatus.CANCELLED, {"kind": reason})


def test_what_was_begun_comes_to_its_end_when_the_refresh_is_over():
    cluster = replace(group(1), refresh_id=None)
    before = node(cluster, "old0", profile=V1, leaves_for=LeavesFor.REFRESH)
    follower = node(cluster, "new", profile=V2, replaces=before.id)
    made = plan(cluster, before, follower)
    assert [each.id for each in terminated(made)] == [before.id]
    assert causes(made, before) == [CauseKind.REFRESH_TERMINATE]


def test_scale_in_takes_what_was_before_what_is_brought():
    cluster = group(1, source=LaunchSource(template_id="u", template_name="other", template_version="1"))
    before = node(cluster, "old0", profile=ProfileRef(template_id="u", template_name="other", template_version=1))
    refresh = factories.refresh(cluster, status=RefreshStatus.BAKING, desired=BROUGHT, bakes_until=NOW + HOUR)
    made = plan(cluster, before, new(cluster), refresh=refresh, **TO_V2)
    assert [each.id for each in terminated(made)] == [before.id]
    held = replace(cluster, suspended={Process.INSTANCE_REFRESH: NOW})
    back = rolled_back(held, before, new(held))
    assert [each.profile for each in terminated(back)] == [V2]


@pytest.mark.parametrize(
    "preferences",
    [{}, {"minimum_percent": 100, "maximum_percent": 110}, {"minimum_percent": 90, "maximum_percent": 100}],
)
@pytest.mark.parametrize("sick_first", [True, False])
def test_one_that_serves_nobody_goes_before_those_that_do(preferences, sick_first):
    cluster = group(2)
    well, bad = node(cluster, "a", profile=V1), sick(cluster, "b", profile=V1)
    nodes = (bad, well) if sick_first else (well, bad)
    made = planned(cluster, *nodes, processes=[Process.REPLACE_UNHEALTHY, Process.AZ_REBALANCE], **preferences)
    assert [each.id for each in terminated(made)] == [bad.id]


def by_requirements(number=2, **values):
    """A cluster whose types are chosen by what they have, before the cloud told what types there are."""
    wanted = Requirements(Bounds(1), Bounds(1))
    mix = Mix((Override(requirements=wanted),), Distribution(on_demand_strategy="lowest-price"))
    cluster = group(number, mix=mix)
    nodes = [node(cluster, f"n{each}", profile=V2, instance_type="t3.micro") for each in range(number)]
    profile = Profile(drafts.PROFILE.spec, V2, mixed=True, requirements=wanted)
    refresh = factories.refresh(cluster, **AT_ONCE, **values)
    return plan(cluster, *nodes, refresh=refresh, profile=profile, mixed=(profile,))


@pytest.mark.parametrize("skips", [True, False])
def test_nobody_goes_before_it_is_known_what_types_there_are(skips):
    made = by_requirements(skip_matching=skips)
    assert (terminated(made), made.types_wanted) == ([], True)
    assert after(made).active


WARMUP = timedelta(seconds=7200)


@pytest.mark.parametrize(
    ("since", "status"),
    [
        (timedelta(hours=1), "InProgress"),
        (timedelta(hours=2), "InProgress"),
        (timedelta(hours=2, minutes=11), "Failed"),
    ],
)
def test_a_node_that_warms_up_is_waited_for(since, status):
    """Its replacement has come; nobody takes the next away before it is warm."""
    cluster = group(2)
    here = [new(cluster, "new", in_service_at=NOW - since), *old(cluster, 1)]
    made = planned(
        replace(cluster, sources=(drafts.SOURCE,)),
        *here,
        warmup_seconds=int(WARMUP.total_seconds()),
        status=RefreshStatus.IN_PROGRESS,
        started_at=NOW - since,
        progress_at=NOW - since,
        to_update=1,
    )
    assert after(made).status == status


def test_nodes_that_come_one_after_another_do_not_put_the_end_off_for_ever():
    cluster = group(2)
    here = [new(cluster, "new", in_service_at=NOW), *old(cluster, 1)]
    since = NOW - timedelta(hours=1, minutes=20)
    begun = {"status": RefreshStatus.IN_PROGRESS, "started_at": since, "progress_at": since, "to_update": 1}
    assert after(planned(cluster, *here, warmup_seconds=300, **begun)).status == "Failed"


def weighty(wanted, units, *nodes, **values):
    """A cluster whose nodes count so many units each."""
    cluster = group(wanted, mix=Mix((Override("t3.micro", units),)))
    here = [
        node(cluster, name, **{"profile": V1, "units": units, **more}, instance_type="t3.micro") for name, more in nodes
    ]
    profile = Profile(drafts.PROFILE.spec, V2, mixed=True, units=units)
    refresh = factories.refresh(cluster, **values)
    return plan(cluster, *here, refresh=refresh, profile=profile, mixed=(profile,))


def test_what_lacks_is_told_in_nodes_and_not_in_units():
    made = weighty(8, 4, ("old", {"protected": True}))
    assert after(made).to_update == 2


def test_what_comes_ahead_keeps_to_the_maximum_though_it_counts_more_than_what_goes():
    light = [(f"n{each}", {"units": 1}) for each in range(8)]
    made = weighty(8, 4, *light, **FIRST)
    assert (terminated(made), capacity(made.changes.after.nodes.values())) == ([], 16)


@pytest.mark.parametrize(("come", "gone"), [(1, 0), (4, 1)])
def test_who_counts_much_goes_when_as_much_has_come(come, gone):
    cluster = group(4)
    heavy = node(cluster, "heavy", profile=V1, units=4)
    light = [new(cluster, f"new{each}", "heavy", units=1) for each in range(come)]
    light += [
        pending(cluster, f"late{each}", profile=V2, units=1, refresh_id=cluster.refresh_id, replaces=heavy.id)
        for each in range(4 - come)
    ]
    made = planned(cluster, heavy, *light, **FIRST)
    assert len(terminated(made)) == gone


@pytest.mark.parametrize(("least", "gone"), [(100, 0), (75, 0), (50, 1)])
def test_who_counts_much_stays_where_too_little_came_and_nothing_more_does(least, gone):
    """Two of four: the others found no room."""
    cluster = group(4)
    heavy = node(cluster, "heavy", profile=V1, units=4)
    light = [new(cluster, f"new{each}", "heavy", units=1) for each in range(2)]
    made = planned(cluster, heavy, *light, **{**FIRST, "minimum_percent": least})
    assert [each.id for each in terminated(made) if each.id == heavy.id] == [heavy.id] * gone


def test_no_other_comes_ahead_while_one_that_failed_there_is_kept():
    """What nothing else fits for may go beyond the maximum one at a time: not beside what does already."""
    cluster = group(3)
    kept = node(cluster, "kept", profile=V1)
    failed = sick(cluster, "failed", profile=V1, protected=True, replaces=kept.id, health_due_at=NOW + HOUR)
    others = [replace(each, zone="us-east-1b") for each in old(cluster, 2)]
    made = planned(cluster, kept, failed, *others, minimum_percent=100, maximum_percent=100)
    assert (terminated(made), launched(made)) == ([], [])


def test_those_that_serve_nobody_go_by_what_they_count():
    out = {"state": NodeState.PENDING, "server_status": ServerStatus.BUILDING}
    idle = [(f"n{each}", {**out, "refresh_id": factories.uuid_of("refresh")}) for each in range(4)]
    made = weighty(16, 4, *idle, **AT_ONCE, status=RefreshStatus.ROLLING_BACK, rollback_at=NOW, desired=BROUGHT)
    assert len(terminated(made)) == 4
    made = weighty(
        16, 4, *idle, minimum_percent=50, status=RefreshStatus.ROLLING_BACK, rollback_at=NOW, desired=BROUGHT
    )
    assert len(terminated(made)) == 2


REBUILT = {"strategy": RefreshStrategy.REPLACE_ROOT_VOLUME}


def with_newcomers(came_at=NOW, health=MemberHealth.INITIAL, *, back=False, **values):
    """Four nodes, at least two of which are to be ready: one is, and the pool has to take the others in.

    Args:
        health: what the pool says of the first of these.
        back: the refresh made them, and is rolled back.
    """
    cluster = group(4, sources=(drafts.SOURCE,), health_checks=("ELB",), suspended={Process.REPLACE_UNHEALTHY: NOW})
    made = {"refresh_id": cluster.refresh_id} if back else {}
    refresh = factories.refresh(cluster, minimum_percent=50, progress_at=NOW, desired=BROUGHT, **values)
    if back:
        refresh = refresh.rolled_back(RollbackCause.USER, {}, NOW)
    ready = node(cluster, "ready", profile=V1, **made)
    coming = [node(cluster, f"coming{each}", profile=V1, in_service_at=came_at, **made) for each in range(3)]
    told = (health, MemberHealth.INITIAL, MemberHealth.INITIAL)
    registered = [drafts.member(ready, MemberHealth.HEALTHY), *map(drafts.member, coming, told)]
    here = {"refresh": refresh, "registrations": registered, "mixed": (TO_V2["profile"],), **TO_V2}
    return plan(cluster, ready, *coming, **here), coming


def renewed(made):
    """Nodes that are taken out of service by a refresh."""
    gone = [each for each in made.changes.before.nodes.values() if each.state is NodeState.IN_SERVICE]
    return [each for each in gone if made.changes.after.nodes[each.id].state is not NodeState.IN_SERVICE]


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("strategy", [{}, REBUILT])
def test_who_is_about_to_serve_is_waited_for_while_too_few_do(strategy, back):
    made, _ = with_newcomers(back=back, **strategy)
    assert not renewed(made)
    assert made.due_at <= NOW + drafts.SETTINGS.arrival_patience


@pytest.mark.parametrize("strategy", [{}, REBUILT])
def test_who_is_about_to_serve_is_waited_for_no_longer_than_that(strategy):
    made, _ = with_newcomers(NOW - drafts.SETTINGS.arrival_patience, **strategy)
    assert len(renewed(made)) == 2  # of whom nothing is told counts as ready


@pytest.mark.parametrize("strategy", [{}, REBUILT])
def test_who_is_refused_is_not_waited_for(strategy):
    made, coming = with_newcomers(NOW, MemberHealth.UNHEALTHY, **strategy)
    assert renewed(made) == coming[:1]
