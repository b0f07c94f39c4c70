from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.activity import CauseKind
from backend.domain.cluster import Process
from backend.domain.node import Health, ServerStatus
from backend.engine import steps
from backend.engine.phases.health import check_health
from tests.backend.engine.drafts import backoff, draft, kinds, node, owner, pending, sick, terminated
from tests.factories import NOW

LATER = NOW + timedelta(seconds=30)


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
    assert made.steps[0] == steps.Mark(one, cause)
    assert [step.causes[0].kind for step in made.steps[1:]] == [cause]


@pytest.mark.parametrize("status", [None, ServerStatus.UNKNOWN, ServerStatus.ACTIVE, ServerStatus.BUILDING])
def test_what_is_not_known_to_be_bad_is_left_alone(status):
    group = owner(desired=1)
    assert _checked(group, node(group, "n", server_status=status)).steps == []


def test_a_users_verdict_waits_for_its_time():
    group = owner(desired=1)
    made = _checked(group, sick(group, "n", health_due_at=LATER))
    assert (made.steps, made.wakes) == ([], [LATER])


@pytest.mark.parametrize("status", [ServerStatus.STOPPED, ServerStatus.DELETED, ServerStatus.DELETING])
def test_a_dead_server_does_not_wait_for_the_grace_of_a_users_verdict(status):
    group = owner(desired=1, health_grace_seconds=3600)
    dead = sick(group, "n", server_status=status, health_due_at=LATER)
    (step,) = _checked(group, dead).steps
    assert (step.node, step.causes[0].kind) == (dead, CauseKind.HEALTH_TERMINATED_OR_STOPPED)
    unjudged = owner(desired=1, suspended={Process.HEALTH_CHECK: NOW})
    assert _checked(unjudged, replace(dead, cluster_id=unjudged.id)).steps == []


def test_a_dead_server_within_a_users_grace_is_held_like_any_other():
    group = owner(desired=1)
    dead = sick(group, "n", server_status=ServerStatus.STOPPED, health_due_at=LATER)
    assert _checked(group, dead, held_until=LATER).steps == []


@pytest.mark.parametrize(
    ("process", "expected"),
    [
        (Process.HEALTH_CHECK, []),
        (Process.REPLACE_UNHEALTHY, ["Mark"]),
        (Process.TERMINATE, ["Mark"]),
        (Process.LAUNCH, ["Mark", "Terminate"]),
    ],
)
def test_suspended_processes(process, expected):
    group = owner(desired=1, suspended={process: NOW})
    assert kinds(_checked(group, node(group, "n", server_status=ServerStatus.STOPPED)).steps) == expected


def test_custom_verdicts_count_without_the_health_check():
    group = owner(desired=1, suspended={Process.HEALTH_CHECK: NOW})
    assert kinds(_checked(group, sick(group, "n")).steps) == ["Terminate"]


def test_a_tenth_at_a_time_but_whatever_is_gone():
    group = owner(desired=20, maximum=20)
    live = [sick(group, f"live{number}") for number in range(5)]
    gone = [node(group, f"gone{number}", server_status=ServerStatus.DELETED) for number in range(4)]
    going = terminated(_checked(group, *live, *gone).steps)
    assert [one.id for one in going] == [one.id for one in (*live[:2], *gone)]


def test_what_is_under_way_counts_until_its_successor_serves():
    group = owner(desired=2)
    bad = sick(group, "bad")
    on_its_way = pending(group, "new", replaces="old")
    assert _checked(group, bad, on_its_way).steps == []
    assert kinds(_checked(group, bad, node(group, "new", replaces="old")).steps) == ["Terminate"]


def test_nothing_live_is_killed_while_launches_fail_and_nodes_lack():
    group = owner(desired=3)
    bad = sick(group, "bad")
    assert _checked(group, bad, backoffs=(backoff("us-east-1a"),)).steps == []


def test_a_mass_failure_holds_what_was_observed_but_not_what_a_user_said():
    group = owner(desired=20, maximum=20)
    observed = node(group, "observed", server_status=ServerStatus.STOPPED)
    said = sick(group, "said")
    gone = node(group, "gone", server_status=ServerStatus.DELETED)
    made = _checked(group, observed, said, gone, held_until=LATER)
    assert [one.id for one in terminated(made.steps)] == [said.id, gone.id]
    assert LATER in made.wakes


def test_a_held_server_that_runs_again_is_healthy_again():
    group = owner(desired=1)
    one = sick(group, "n", health_cause=str(CauseKind.HEALTH_TERMINATED_OR_STOPPED))
    made = _checked(group, one)
    assert made.steps == [steps.Mark(one, None)]
    assert made.nodes[one.id].health is Health.HEALTHY


def test_a_policy_above_a_hundred_percent_launches_first():
    group = owner(desired=10, maintenance_minimum_percent=90, maintenance_maximum_percent=120)
    bad = [sick(group, f"n{number}") for number in range(3)]
    made = _checked(group, *bad, *(node(group, f"g{number}") for number in range(7)))
    assert made.steps == []
    assert [wish.victim for wish in made.wishes] == bad[:2]


def test_what_is_too_much_anyway_needs_no_successor():
    group = owner(desired=0, maintenance_minimum_percent=100, maintenance_maximum_percent=100)
    assert kinds(_checked(group, sick(group, "n")).steps) == ["Terminate"]
