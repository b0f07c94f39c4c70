"""The warm pool as rows in and rows out: who comes, who rests, who leaves, and how many there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from backend.domain.activity import ActivityKind, ActivityStatus, Cause, CauseKind, Reason, ReasonKind
from backend.domain.cluster import Process
from backend.domain.node import Health, LeavesFor, Node, NodeState, ServerStatus
from backend.domain.warm_pools import PoolState, WarmPool
from backend.engine.acts.power import ChangePower, Power
from backend.engine.phases.warm_pool import lead_warm_pool
from backend.engine.plan import make_plan
from tests.backend.engine.drafts import (
    SETTINGS,
    backoff,
    causes,
    draft,
    kinds,
    launched,
    node,
    opened,
    owner,
    plan,
    sick,
    snapshot,
)
from tests.factories import NOW

LONG_AGO = NOW - timedelta(hours=1)
ASLEEP = {Process.TERMINATE: NOW}


def group(pool: WarmPool | None = None, **values: Any):
    return owner(**{"maximum": 2, "warm_pool": pool or WarmPool(), **values})


def warm(cluster, name: str, state: NodeState = NodeState.WARMED_STOPPED, **values: Any) -> Node:
    status = {
        NodeState.WARMED_RUNNING: ServerStatus.ACTIVE,
        NodeState.WARMED_HIBERNATED: ServerStatus.PAUSED,
    }.get(state, ServerStatus.STOPPED)
    return node(cluster, name, **{"state": state, "server_status": status, "in_service_at": None, **values})


def coming(cluster, name: str, state: NodeState = NodeState.WARMED_PENDING_PROCEED, **values: Any) -> Node:
    usual = {"server_status": ServerStatus.ACTIVE, "state_at": NOW, "warms_to": NodeState.WARMED_STOPPED}
    return warm(cluster, name, state, **{**usual, "activity_id": f"activity-{name}", **values})


def power(made) -> list[Power]:
    return [act.power for act in made.acts if isinstance(act, ChangePower)]


@pytest.mark.parametrize(
    ("to", "status", "expected"),
    [
        (NodeState.WARMED_STOPPED, ServerStatus.ACTIVE, Power.STOP),
        (NodeState.WARMED_STOPPED, ServerStatus.STOPPING, None),
        (NodeState.WARMED_STOPPED, ServerStatus.STOPPED, "Warmed:Stopped"),
        (NodeState.WARMED_HIBERNATED, ServerStatus.ACTIVE, Power.SUSPEND),
        (NodeState.WARMED_HIBERNATED, ServerStatus.PAUSED, "Warmed:Hibernated"),
        (NodeState.WARMED_STOPPED, ServerStatus.PAUSED, "Warmed:Hibernated"),
        (NodeState.WARMED_HIBERNATED, ServerStatus.STOPPED, "Warmed:Stopped"),
        (NodeState.WARMED_RUNNING, ServerStatus.ACTIVE, "Warmed:Running"),
        (NodeState.WARMED_RUNNING, ServerStatus.STOPPED, None),
        (NodeState.WARMED_RUNNING, ServerStatus.UNKNOWN, None),
        (NodeState.WARMED_STOPPED, ServerStatus.ERROR, "Warmed:Terminating"),
        (NodeState.WARMED_STOPPED, ServerStatus.DELETED, "Warmed:Terminating"),
    ],
)
def test_who_comes_in_rests_as_the_pool_was_to_have_it_when_it_set_out(to, status, expected):
    cluster = group(WarmPool(state=PoolState.RUNNING), maximum=1)
    made = draft(cluster, one := coming(cluster, "n", server_status=status, warms_to=to))
    lead_warm_pool(made)
    if isinstance(expected, Power):
        assert power(made) == [expected]
    elif expected is None:
        assert (power(made), made.nodes[one.id]) == ([], one)
        assert made.wakes
    else:
        assert made.nodes[one.id].state == expected


def test_a_server_is_told_once_in_a_while():
    cluster = group(maximum=1)
    asked = coming(cluster, "n", power_asked_at=NOW - SETTINGS.power_retry + timedelta(seconds=1))
    assert power(plan(cluster, asked)) == []
    assert power(plan(cluster, replace(asked, power_asked_at=NOW - SETTINGS.power_retry))) == [Power.STOP]


def test_one_that_is_not_suspended_is_stopped():
    cluster = group(WarmPool(state=PoolState.HIBERNATED), maximum=1)
    tried = coming(cluster, "n", warms_to=NodeState.WARMED_HIBERNATED, state_at=NOW - 3 * SETTINGS.power_retry)
    made = plan(cluster, replace(tried, power_asked_at=NOW))
    assert power(made) == [Power.STOP]
    assert made.changes.after.nodes[tried.id].warms_to is NodeState.WARMED_STOPPED


def test_more_than_one_pass_launches_are_launched_by_the_next():
    settings = replace(SETTINGS, first_launches=2)
    made = plan(group(maximum=5), settings=settings)
    assert len(launched(made)) == 2
    assert made.due_at == NOW


@pytest.mark.parametrize("returns", [False, True])
def test_one_that_cannot_be_stopped_is_given_up(returns):
    cluster = group(WarmPool(reuse=True), maximum=1)
    late = NOW - SETTINGS.boot_timeout
    served = LONG_AGO if returns else None
    one = coming(cluster, "n", state_at=late, power_asked_at=NOW - SETTINGS.power_retry, in_service_at=served)
    made = plan(cluster, one)
    after = made.changes.after.nodes[one.id]
    assert (after.state, after.leaves_for) == (
        NodeState.WARMED_TERMINATING,
        LeavesFor.WARM_POOL if returns else LeavesFor.FAILED_LAUNCH,
    )
    ended = made.changes.entries.ended[one.activity_id or ""]
    assert ended.status is (ActivityStatus.CANCELLED if returns else ActivityStatus.FAILED)


@pytest.mark.parametrize("returns", [False, True])
def test_one_that_the_cloud_could_not_be_told_to_stop_is_not(returns):
    cluster = group(WarmPool(reuse=True), maximum=1)
    late, served = NOW - 2 * SETTINGS.boot_timeout, LONG_AGO if returns else None
    one = coming(cluster, "n", state_at=late, in_service_at=served)
    assert power(plan(cluster, one)) == [Power.STOP]
    told = replace(one, power_asked_at=NOW - timedelta(seconds=1))
    assert kinds(plan(cluster, told)) == []
    unseen = replace(one, power_asked_at=late)
    assert kinds(plan(cluster, unseen, seen_until=NOW - SETTINGS.boot_timeout - timedelta(seconds=1))) == []
    sleepy = replace(one, warms_to=NodeState.WARMED_HIBERNATED)
    assert power(plan(cluster, sleepy)) == [Power.SUSPEND]


def test_a_launch_that_fails_is_told_as_one_into_the_pool():
    cluster = group(maximum=1)
    failed = coming(cluster, "n", NodeState.WARMED_PENDING, server_status=ServerStatus.DELETED)
    made = plan(cluster, failed, backoffs=())
    assert made.changes.entries.ended[failed.activity_id or ""].reason == Reason(ReasonKind.SERVER_VANISHED)
    assert [each.zone for each in made.changes.after.backoffs.values()] == [failed.zone]


@pytest.mark.parametrize(
    ("state", "values", "cause"),
    [
        (NodeState.WARMED_STOPPED, {}, None),
        (NodeState.WARMED_STOPPED, {"server_status": ServerStatus.UNKNOWN}, None),
        (NodeState.WARMED_STOPPED, {"server_status": ServerStatus.ERROR}, CauseKind.HEALTH_VOLUME),
        (NodeState.WARMED_HIBERNATED, {"server_status": ServerStatus.ERROR}, CauseKind.HEALTH_VOLUME),
        (NodeState.WARMED_STOPPED, {"server_status": ServerStatus.DELETED}, CauseKind.HEALTH_TERMINATED_OR_STOPPED),
        (NodeState.WARMED_RUNNING, {"server_status": ServerStatus.STOPPED}, CauseKind.HEALTH_TERMINATED_OR_STOPPED),
        (NodeState.WARMED_RUNNING, {"server_status": ServerStatus.ERROR}, CauseKind.HEALTH_STATUS_CHECK),
        (
            NodeState.WARMED_STOPPED,
            {"health": Health.UNHEALTHY, "health_cause": "health_custom", "health_due_at": NOW},
            CauseKind.HEALTH_CUSTOM,
        ),
    ],
)
def test_who_went_bad_leaves_the_pool(state, values, cause):
    cluster = group(maximum=1)
    one = warm(cluster, "n", state, **values)
    made = plan(cluster, one)
    if cause is None:
        assert kinds(made) == []
        return
    after = made.changes.after.nodes.get(one.id)
    assert causes(made, one) == [cause]
    assert after is None or after.leaves_for is LeavesFor.HEALTH


@pytest.mark.parametrize("values", [{"suspended": ASLEEP}, {"suspended": {Process.REPLACE_UNHEALTHY: NOW}}])
def test_with_its_processes_suspended_nobody_leaves_for_health(values):
    cluster = group(maximum=1, **values)
    assert kinds(plan(cluster, warm(cluster, "n", server_status=ServerStatus.ERROR))) == []


def test_a_pool_is_not_replaced_all_at_once():
    cluster = group(maximum=9)
    bad = [warm(cluster, str(number), server_status=ServerStatus.ERROR) for number in range(9)]
    assert kinds(plan(cluster, *bad)).count("Warmed:Stopped->Warmed:Terminating") == 1


def test_one_that_was_started_behind_our_back_is_put_to_rest():
    cluster = group(maximum=1)
    assert power(plan(cluster, warm(cluster, "n", server_status=ServerStatus.ACTIVE))) == [Power.STOP]


def test_it_is_filled_evenly_with_the_cluster_s_own_nodes():
    cluster = group(maximum=4, desired=1)
    made = plan(cluster, node(cluster, "serving", zone="us-east-1a"))
    new = launched(made)
    assert {(one.state, one.warms_to) for one in new} == {(NodeState.WARMED_PENDING, NodeState.WARMED_STOPPED)}
    assert sorted(one.zone for one in new) == ["us-east-1a", "us-east-1b", "us-east-1b"]
    assert {opened(made, one).kind for one in new} == {ActivityKind.WARM_LAUNCH}


def test_the_cluster_s_own_launches_go_first():
    cluster = group(maximum=3, desired=1)
    made = plan(cluster, backoffs=[backoff("us-east-1a"), backoff("us-east-1b")])
    assert launched(made) == []
    made = plan(group(maximum=3, desired=1))
    assert [one.state for one in launched(made)] == [NodeState.PENDING, *[NodeState.WARMED_PENDING] * 2]


def test_zones_where_launches_failed_are_left_alone():
    cluster = group(maximum=2)
    made = plan(cluster, backoffs=[backoff("us-east-1a")])
    assert [one.zone for one in launched(made)] == ["us-east-1b"] * 2


def test_without_what_nodes_are_made_from_that_is_told():
    cluster = group(maximum=1)
    gone = Reason(ReasonKind.PROFILE_NOT_FOUND, {"name": "lc"})
    made = plan(cluster, profile=gone)
    (entry,) = made.changes.entries.opened.values()
    assert (entry.kind, entry.status, entry.reason) == (ActivityKind.WARM_LAUNCH, ActivityStatus.FAILED, gone)
    waiting = plan(cluster, profile=gone, backoffs=made.changes.after.backoffs.values())
    assert (kinds(waiting), waiting.changes.entries.opened) == ([], {})
    assert waiting.due_at > NOW


def test_where_subnets_lie_is_asked_for():
    assert plan(group(maximum=1), subnets=None).places_wanted


def test_who_is_in_another_zone_goes_and_another_comes():
    cluster = group(maximum=1)
    stray = warm(cluster, "n", zone="us-east-1f")
    made = plan(cluster, stray)
    assert made.changes.after.nodes[stray.id].state is NodeState.WARMED_TERMINATING
    assert [one.zone for one in launched(made)] != ["us-east-1f"]
    assert len(launched(made)) == 1


@pytest.mark.parametrize("rule", ["NewestInstance", "OldestInstance"])
def test_what_is_too_much_goes_by_the_default_policy(rule):
    cluster = group(WarmPool(minimum=1, prepared=0), termination_rules=(rule,))
    old = warm(cluster, "old", created_at=NOW - timedelta(minutes=61))
    new = warm(cluster, "new", created_at=NOW - timedelta(minutes=59))
    made = plan(cluster, old, new)
    # The one that is closest to its next hour.
    assert made.changes.after.nodes[new.id].state is NodeState.WARMED_TERMINATING
    assert made.changes.after.nodes[old.id].state is NodeState.WARMED_STOPPED


def test_with_terminate_suspended_nothing_is_trimmed():
    cluster = group(WarmPool(prepared=0), suspended=ASLEEP)
    assert kinds(plan(cluster, warm(cluster, "n"))) == []


def test_what_may_be_drawn_is_not_trimmed():
    cluster = group(maximum=1, desired=1, suspended={Process.LAUNCH: NOW})
    assert kinds(plan(cluster, warm(cluster, "n"))) == []


@pytest.mark.parametrize(
    "state", [NodeState.WARMED_PENDING, NodeState.WARMED_PENDING_RETAINED, NodeState.WARMED_TERMINATING_RETAINED]
)
def test_a_deleted_pool_lets_everybody_go(state):
    cluster = group(WarmPool(reuse=True).deleted())
    one = coming(cluster, "n", state, state_at=LONG_AGO)
    made = plan(cluster, one)
    assert made.changes.after.nodes[one.id].state is NodeState.WARMED_TERMINATING
    kept = state is not NodeState.WARMED_PENDING
    assert causes(made, one)[0] is (CauseKind.WARM_POOL_DELETED if kept else CauseKind.WARM_POOL_DECREASE)


def test_what_is_kept_again_is_ended_again_after_a_while():
    """Source: conformance/recorded stackd.autoscaling.warm_pool_force_retained_native.forced-end-of-retained."""
    cluster = group(WarmPool().deleted())
    one = warm(cluster, "n", NodeState.WARMED_TERMINATING_RETAINED, state_at=NOW)
    made = plan(cluster, one)
    assert kinds(made) == []
    assert made.due_at <= NOW + SETTINGS.cloud_retry


def test_an_empty_pool_that_is_deleted_is_gone():
    cluster = group(WarmPool().deleted())
    assert plan(cluster).changes.after.cluster.warm_pool is None


def test_requests_are_forgotten_when_the_pool_has_its_size():
    cause = Cause(CauseKind.USER_PUT_WARM_POOL, NOW, {"minimum": 0, "before": 0, "after": 1})
    cluster = group(WarmPool(causes=(cause,)), maximum=1)
    assert plan(cluster, warm(cluster, "n")).changes.after.cluster.warm_pool == WarmPool()
    assert plan(cluster, coming(cluster, "n")).changes.after.cluster.warm_pool.causes == (cause,)


def test_those_drawn_heal_gaps_first():
    cluster = group(maximum=2, desired=1)
    gone = sick(
        cluster, "gone", state=NodeState.TERMINATING, leaves_for=LeavesFor.HEALTH, delete_requested_at=NOW, state_at=NOW
    )
    ready = warm(cluster, "ready", NodeState.WARMED_RUNNING)
    made = plan(cluster, gone, ready)
    after = made.changes.after.nodes[ready.id]
    assert (after.state, after.replaces, after.drawn_at) == (NodeState.PENDING, gone.id, NOW)
    assert causes(made, ready) == [CauseKind.REPLACING_UNHEALTHY]


def test_the_emptiest_zone_is_drawn_from_and_the_quickest_there():
    cluster = group(maximum=3, desired=2)
    serving = node(cluster, "serving", zone="us-east-1a")
    near = warm(cluster, "near", NodeState.WARMED_RUNNING, zone="us-east-1a")
    slow = warm(cluster, "slow", zone="us-east-1b")
    quick = warm(cluster, "quick", NodeState.WARMED_HIBERNATED, zone="us-east-1b")
    made = plan(cluster, serving, near, slow, quick)
    drawn = [one for one in (near, slow, quick) if made.changes.after.nodes[one.id].state is NodeState.PENDING]
    assert drawn == [quick]
    assert power(made) == [Power.RESUME]


@pytest.mark.parametrize(
    "values",
    [
        {"health": Health.UNHEALTHY, "health_cause": "health_custom", "health_due_at": NOW},
        {"server_status": ServerStatus.ERROR},
        {"zone": "us-east-1f"},
    ],
)
def test_who_is_not_well_or_elsewhere_is_not_drawn(values):
    cluster = group(maximum=1, desired=1)
    one = warm(cluster, "n", **values)
    made = plan(cluster, one)
    assert made.changes.after.nodes[one.id].state is not NodeState.PENDING
    assert [new.state for new in launched(made)] == [NodeState.PENDING]


@pytest.mark.parametrize(
    ("pool", "values", "back"),
    [
        (WarmPool(reuse=True), {}, True),
        (WarmPool(), {}, False),
        (WarmPool(prepared=0, reuse=True), {}, False),
        (WarmPool(reuse=True), {"health": Health.UNHEALTHY, "health_cause": "health_custom"}, False),
        (WarmPool(reuse=True), {"server_status": ServerStatus.STOPPED}, False),
    ],
)
def test_who_goes_back_is_well_and_there_is_room(pool, values, back):
    cluster = group(pool, maximum=1, suspended={Process.REPLACE_UNHEALTHY: NOW})
    one = node(cluster, "n", **values)
    after = plan(cluster, one).changes.after.nodes[one.id]
    assert after.state is (NodeState.WARMED_PENDING if back else NodeState.TERMINATING)


def test_a_cluster_without_a_pool_is_planned_as_ever():
    """No chance is drawn for a pool that is not there."""
    cluster = owner(desired=1, maximum=2)
    one = node(cluster, "n")
    with_pool = replace(cluster, warm_pool=WarmPool(prepared=0))
    plain, pooled = (make_plan(snapshot(each, one), NOW, SETTINGS, Random(3)) for each in (cluster, with_pool))
    assert (kinds(plain), plain.due_at) == (kinds(pooled), pooled.due_at)
