from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.activity import ActivityKind, ActivityStatus, CauseKind
from backend.domain.cluster import Process
from backend.domain.node import Health, LeavesFor, ServerStatus
from backend.domain.traffic import MemberHealth
from backend.engine.phases.health import check_health
from backend.policies.brake import Extent, Tally
from tests.backend.engine.drafts import (
    SETTINGS,
    SOURCE,
    backoff,
    causes,
    draft,
    kinds,
    member,
    node,
    owner,
    pending,
    sick,
    terminated,
)
from tests.factories import NOW

LATER = NOW + timedelta(seconds=30)
MARKED, HELD = "Healthy->Unhealthy", "cluster:held"
BRAKE = SETTINGS.brake
MANY = Tally(20, 12)


def _checked(cluster, *nodes, **values):
    made = draft(cluster, *nodes, **values)
    check_health(made)
    return made


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (ServerStatus.STOPPED, CauseKind.HEALTH_TERMINATED_OR_STOPPED),
        (ServerStatus.STOPPING, CauseKind.HEALTH_TERMINATED_OR_STOPPED),
        (ServerStatus.PAUSED, CauseKind.HEALTH_TERMINATED_OR_STOPPED),
        (ServerStatus.DELETING, CauseKind.HEALTH_TERMINATED_OR_STOPPED),
        (ServerStatus.DELETED, CauseKind.HEALTH_TERMINATED_OR_STOPPED),
        (ServerStatus.ERROR, CauseKind.HEALTH_STATUS_CHECK),
    ],
)
def test_a_bad_server_is_marked_and_replaced_at_once(status, cause):
    group = owner(desired=1, health_grace_seconds=3600)
    one = node(group, "n", server_status=status, in_service_at=NOW)
    made = _checked(group, one)
    assert kinds(made) == ["Healthy->Unhealthy", "InService->Terminating"]
    after = made.nodes[one.id]
    assert (after.health_cause, after.health_due_at, after.leaves_for) == (cause, NOW, LeavesFor.HEALTH)
    assert causes(made, one) == [cause]


@pytest.mark.parametrize("status", [None, ServerStatus.UNKNOWN, ServerStatus.ACTIVE, ServerStatus.BUILDING])
def test_what_is_not_known_to_be_bad_is_left_alone(status):
    group = owner(desired=1)
    assert kinds(_checked(group, node(group, "n", server_status=status))) == []


def test_a_users_verdict_waits_for_its_time():
    group = owner(desired=1)
    made = _checked(group, sick(group, "n", health_due_at=LATER))
    assert (kinds(made), made.wakes) == ([], [LATER])


@pytest.mark.parametrize("status", [ServerStatus.STOPPED, ServerStatus.DELETED, ServerStatus.DELETING])
def test_a_dead_server_does_not_wait_for_the_grace_of_a_users_verdict(status):
    group = owner(desired=1, health_grace_seconds=3600)
    dead = sick(group, "n", server_status=status, health_due_at=LATER)
    made = _checked(group, dead)
    assert (terminated(made), causes(made, dead)) == ([dead], [CauseKind.HEALTH_TERMINATED_OR_STOPPED])
    unjudged = owner(desired=1, suspended={Process.HEALTH_CHECK: NOW})
    assert kinds(_checked(unjudged, replace(dead, cluster_id=unjudged.id))) == []


def test_a_dead_server_within_a_users_grace_is_held_like_any_other():
    group = owner(desired=1)
    dead = sick(group, "n", server_status=ServerStatus.STOPPED, health_due_at=LATER)
    assert kinds(_checked(group, dead, project=MANY)) == [HELD]


@pytest.mark.parametrize(
    ("process", "expected"),
    [
        (Process.HEALTH_CHECK, []),
        (Process.REPLACE_UNHEALTHY, ["Healthy->Unhealthy"]),
        (Process.TERMINATE, ["Healthy->Unhealthy"]),
        (Process.LAUNCH, ["Healthy->Unhealthy", "InService->Terminating"]),
    ],
)
def test_suspended_processes(process, expected):
    group = owner(desired=1, suspended={process: NOW})
    assert kinds(_checked(group, node(group, "n", server_status=ServerStatus.STOPPED))) == expected


def test_custom_verdicts_count_without_the_health_check():
    group = owner(desired=1, suspended={Process.HEALTH_CHECK: NOW})
    assert kinds(_checked(group, sick(group, "n"))) == ["InService->Terminating"]


def test_a_tenth_at_a_time_but_whatever_is_gone():
    group = owner(desired=20, maximum=20)
    live = [sick(group, f"live{number}") for number in range(5)]
    live += [node(group, f"well{number}") for number in range(5)]
    gone = [node(group, f"gone{number}", server_status=ServerStatus.DELETED) for number in range(4)]
    going = terminated(_checked(group, *live, *gone))
    assert [one.id for one in going] == [one.id for one in (*gone, *live[:2])]


def test_what_is_under_way_counts_until_its_successor_serves():
    group = owner(desired=2)
    bad = sick(group, "bad")
    on_its_way = pending(group, "new", replaces="old")
    assert kinds(_checked(group, bad, on_its_way)) == []
    assert kinds(_checked(group, bad, node(group, "new", replaces="old"))) == ["InService->Terminating"]


def test_nothing_live_is_killed_while_launches_fail_and_nodes_lack():
    group = owner(desired=3)
    bad = sick(group, "bad")
    assert kinds(_checked(group, bad, backoffs=(backoff("us-east-1a"),))) == []


def test_a_mass_failure_holds_what_was_observed_but_not_what_a_user_said():
    group = owner(desired=20, maximum=20)
    observed = node(group, "observed", server_status=ServerStatus.STOPPED)
    said = sick(group, "said")
    gone = node(group, "gone", server_status=ServerStatus.DELETED)
    made = _checked(group, observed, said, gone, project=MANY)
    assert [one.id for one in terminated(made)] == [gone.id, said.id]
    assert NOW + BRAKE.most in made.wakes


def test_a_held_server_that_runs_again_is_healthy_again():
    group = owner(desired=1)
    one = sick(group, "n", health_cause=str(CauseKind.HEALTH_TERMINATED_OR_STOPPED))
    made = _checked(group, one)
    assert kinds(made) == ["Unhealthy->Healthy"]
    after = made.nodes[one.id]
    assert (after.health, after.health_cause, after.health_due_at) == (Health.HEALTHY, None, None)


def test_who_is_healthy_again_is_not_to_go_any_more():
    group = owner(desired=1)
    for leaves_for, after in ((LeavesFor.HEALTH, None), (LeavesFor.LIFETIME, LeavesFor.LIFETIME)):
        cause = str(CauseKind.HEALTH_TERMINATED_OR_STOPPED)
        one = sick(group, "n", health_cause=cause, leaves_for=leaves_for)
        assert _checked(group, one).nodes[one.id].leaves_for is after


def test_a_policy_above_a_hundred_percent_launches_first():
    group = owner(desired=10, maintenance_minimum_percent=90, maintenance_maximum_percent=120)
    bad = [sick(group, f"n{number}") for number in range(3)]
    made = _checked(group, *bad, *(node(group, f"g{number}") for number in range(7)))
    assert kinds(made) == []
    assert [wish.victim for wish in made.wishes] == bad[:2]


def test_what_is_too_much_anyway_needs_no_successor():
    group = owner(desired=0, maintenance_minimum_percent=100, maintenance_maximum_percent=100)
    assert kinds(_checked(group, sick(group, "n"))) == ["InService->Terminating"]


def _stopped(group, number, **values):
    return [node(group, f"bad{each}", server_status=ServerStatus.STOPPED, **values) for each in range(number)]


def _well(group, number):
    return [node(group, f"well{each}") for each in range(number)]


@pytest.mark.parametrize(("bad", "well", "held"), [(1, 0, False), (1, 1, False), (2, 1, True), (2, 2, False)])
def test_more_than_half_of_a_group_is_held(bad, well, held):
    group = owner(desired=bad + well)
    made = _checked(group, *_stopped(group, bad), *_well(group, well))
    marks = [MARKED] * bad
    assert kinds(made) == sorted([*marks, HELD if held else "InService->Terminating"])
    assert made.cluster.held_since == (NOW if held else None)
    assert (NOW + BRAKE.most in made.wakes) is held


def test_a_hold_is_told_once_and_goes_on_while_what_it_is_for_does():
    group = owner(desired=3, held_since=NOW - BRAKE.most + timedelta(seconds=1))
    assert kinds(_checked(group, *_stopped(group, 2), *_well(group, 1))) == [MARKED] * 2


def test_after_a_hold_what_did_not_come_back_is_replaced_slowly():
    group = owner(desired=3, held_since=NOW - BRAKE.most)
    assert kinds(_checked(group, *_stopped(group, 2), *_well(group, 1))) == [MARKED, MARKED, "InService->Terminating"]


def test_a_hold_ends_with_what_it_was_for():
    group = owner(desired=3, held_since=NOW - timedelta(seconds=30))
    made = _checked(group, *_stopped(group, 1), *_well(group, 2))
    assert kinds(made) == [MARKED, "InService->Terminating", "cluster:let go"]
    assert made.cluster.held_since is None


def test_verdicts_of_pools_are_counted_by_all_that_are_bad_not_by_those_that_fell_now():
    group = owner(desired=3, health_checks=("EC2", "ELB"), sources=(SOURCE,))
    before = sick(group, "before", health_cause=str(CauseKind.HEALTH_BALANCER))
    now, well = node(group, "now"), node(group, "well")
    told = [member(one, MemberHealth.UNHEALTHY) for one in (before, now)] + [member(well, MemberHealth.HEALTHY)]
    assert kinds(_checked(group, before, now, well, registrations=tuple(told))) == [MARKED, HELD]


def test_what_nova_tells_the_end_of_is_replaced_at_once_and_what_it_does_not_know_is_asked_for_again():
    group = owner(desired=3)
    told = [node(group, f"told{number}", server_status=ServerStatus.DELETED) for number in range(2)]
    assert [one.id for one in terminated(_checked(group, *told, *_well(group, 1)))] == [one.id for one in told]
    missing = [replace(one, missing_at=NOW) for one in told]
    first = _checked(group, *missing, *_well(group, 1))
    assert kinds(first) == [MARKED, MARKED, HELD]
    assert NOW + BRAKE.confirm in first.wakes
    later = owner(desired=3, held_since=NOW - BRAKE.confirm)
    again = [replace(one, missing_at=NOW - BRAKE.confirm) for one in missing]
    assert kinds(_checked(later, *again, *_well(group, 1))) == [MARKED, MARKED, "LookAtServer", "LookAtServer"]
    assert kinds(_checked(later, *missing, *_well(group, 1))) == [MARKED] * 2 + ["InService->Terminating"] * 2


def test_one_that_nova_does_not_know_is_replaced_at_once():
    group = owner(desired=2)
    one = node(group, "one", server_status=ServerStatus.DELETED, missing_at=NOW)
    assert kinds(_checked(group, one, *_well(group, 1))) == [MARKED, "InService->Terminating"]


def test_a_wider_failure_is_looked_at_again_soon():
    group = owner(desired=1)
    made = _checked(group, *_stopped(group, 1), region=Tally(500, 300))
    (entry,) = made.entries.opened.values()
    (cause,) = entry.causes
    assert (entry.kind, entry.status, cause.kind) == (
        ActivityKind.HEALTH_CHECK, ActivityStatus.CANCELLED, CauseKind.MASS_FAILURE
    )  # fmt: skip
    assert cause.data == {**Tally(1, 1)._asdict(), "extent": str(Extent.REGION), "minutes": 15}
    assert NOW + SETTINGS.watch_idle in made.wakes


def test_a_successor_that_failed_leaves_room_for_another():
    group = owner(desired=2)
    failed = sick(group, "failed", replaces="gone")
    coming = node(group, "new", replaces="other", in_service_at=NOW)
    assert kinds(_checked(group, failed, node(group, "well"))) == ["InService->Terminating"]
    warming = owner(desired=2, warmup_seconds=60)
    assert kinds(_checked(warming, failed, coming)) == []
