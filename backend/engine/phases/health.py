"""Nodes in service whose servers went bad are marked, and replaced a few at a time. Pure.

Could-not-ask is no finding: only what the cloud said of a server, or a caller of a node, is.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from backend.domain.activity import ActivityKind, ActivityStatus, Cause, CauseKind
from backend.domain.cluster import VOLUME_CHECK, Process
from backend.domain.node import ENDED_STATUSES, SERVING, Health, LeavesFor, Node, ServerStatus
from backend.domain.traffic import MemberHealth, RegistrationState
from backend.engine.acts.look import LookAtServer
from backend.engine.draft import BALANCER_CHECK, Draft
from backend.engine.replacing import Replacing
from backend.policies import brake
from backend.policies.brake import Extent, Tally

BAD = {
    ServerStatus.STOPPING: CauseKind.HEALTH_TERMINATED_OR_STOPPED,
    ServerStatus.STOPPED: CauseKind.HEALTH_TERMINATED_OR_STOPPED,
    ServerStatus.PAUSED: CauseKind.HEALTH_TERMINATED_OR_STOPPED,
    ServerStatus.DELETING: CauseKind.HEALTH_TERMINATED_OR_STOPPED,
    ServerStatus.DELETED: CauseKind.HEALTH_TERMINATED_OR_STOPPED,
    ServerStatus.ERROR: CauseKind.HEALTH_STATUS_CHECK,
}
_OBSERVED = frozenset({CauseKind.HEALTH_TERMINATED_OR_STOPPED, CauseKind.HEALTH_STATUS_CHECK})
_HELD = _OBSERVED | {CauseKind.HEALTH_BALANCER, CauseKind.HEALTH_VOLUME}


def check_health(draft: Draft) -> None:
    if not draft.active:
        return
    if draft.runs(Process.HEALTH_CHECK):
        for node in draft.every(*SERVING):
            _judge(draft, node)
        if BALANCER_CHECK in draft.cluster.spec.health_checks:
            for node in draft.every(*SERVING):
                _judge_traffic(draft, node)
        if VOLUME_CHECK in draft.cluster.spec.health_checks:
            for node in draft.every(*SERVING):
                _judge_after_grace(draft, node, CauseKind.HEALTH_VOLUME, failing=node.volume_failed)
    hold = _brake(draft)
    if draft.runs(Process.REPLACE_UNHEALTHY, Process.TERMINATE):
        _replace(draft, hold)


def _judge(draft: Draft, node: Node) -> None:
    cause = None if node.server_status is None else BAD.get(node.server_status)
    if cause is not None and node.health is Health.HEALTHY:
        _mark(draft, node, cause)
    elif node.server_status is ServerStatus.ACTIVE and node.health_cause in _OBSERVED:
        # Only reached where replacement was held back and the server came back meanwhile.
        _clear(draft, node)


def _judge_traffic(draft: Draft, node: Node) -> None:
    """By what the pools' monitors say: a member counts once it was healthy, and when its node's grace is over."""
    failing = any(
        each.state is RegistrationState.REGISTERED and each.served and each.health is MemberHealth.UNHEALTHY
        for each in draft.registered(node)
    )
    _judge_after_grace(draft, node, CauseKind.HEALTH_BALANCER, failing=failing)


def _judge_after_grace(draft: Draft, node: Node, cause: CauseKind, *, failing: bool) -> None:
    """By what is no matter of its server's status: it counts when the node's grace is over."""
    if not failing:
        if node.health_cause == cause:
            _clear(draft, node)
        return
    grace_ends_at = (node.in_service_at or draft.now) + timedelta(seconds=draft.cluster.spec.health_grace_seconds)
    if node.health is Health.HEALTHY and draft.now < grace_ends_at:
        draft.wake(grace_ends_at)
    elif node.health is Health.HEALTHY:
        _mark(draft, node, cause)


def _mark(draft: Draft, node: Node, cause: CauseKind) -> None:
    draft.put(replace(node, health=Health.UNHEALTHY, health_cause=cause, health_due_at=draft.now))


def _clear(draft: Draft, node: Node) -> None:
    stays = None if node.leaves_for is LeavesFor.HEALTH else node.leaves_for
    draft.put(replace(node, health=Health.HEALTHY, health_cause=None, health_due_at=None, leaves_for=stays))


def _brake(draft: Draft) -> datetime | None:
    """Since when a mass failure lasts that the cluster has a part in, judged anew by what is bad now."""
    cluster, snapshot = draft.cluster, draft.snapshot
    serving = draft.every(*SERVING)
    group = Tally(len(serving), sum(_is_failing(draft, node) for node in serving))
    extent = brake.extent(draft.settings.brake, group, snapshot.project, snapshot.region)
    if extent is None:
        if cluster.held_since is not None:
            draft.cluster = replace(cluster, held_since=None)
        return None
    if cluster.held_since is None:
        _begin_hold(draft, extent, group)
    if extent is not Extent.GROUP:
        draft.wake(draft.now + draft.settings.watch_idle)  # what ends it is news of others
    return cluster.held_since or draft.now


def _begin_hold(draft: Draft, extent: Extent, group: Tally) -> None:
    """Replacement of live servers is put off from now on, and told so."""
    minutes = int(draft.settings.brake.most.total_seconds() // 60)
    data = {**group._asdict(), "extent": str(extent), "minutes": minutes}
    causes = (Cause(CauseKind.MASS_FAILURE, draft.now, data),)
    draft.tell(ActivityKind.HEALTH_CHECK, ActivityStatus.CANCELLED, causes)
    draft.cluster = replace(draft.cluster, held_since=draft.now)


def _is_failing(draft: Draft, node: Node) -> bool:
    """Whether it was observed to be bad; what a user said of it is no failure."""
    return node.health is Health.UNHEALTHY and (
        cause_of(node, draft.now) in _HELD or (node.server_status in BAD and draft.runs(Process.HEALTH_CHECK))
    )


def _replace(draft: Draft, hold: datetime | None) -> None:
    """Args:
    hold: since when a mass failure lasts.
    """
    waiting = {old.id for _, old in draft.pairs()}
    due = [
        node
        for node in draft.every(*SERVING)
        if node.health is Health.UNHEALTHY and (_is_dead(draft, node) or _is_due(draft, node))
    ]
    gone = [node for node in due if node.server_status in ENDED_STATUSES]
    for node in _surely_gone(draft, gone, hold):
        _terminate(draft, node)
    replacing = Replacing(draft)
    launch = Cause(CauseKind.REPLACING_UNHEALTHY, draft.now)
    for node in sorted(due, key=lambda node: node.id not in replacing.extra):
        if node.server_status in ENDED_STATUSES or node.id in waiting or _is_held(draft, node, hold):
            continue
        if replacing.room <= 0:
            break
        end = Cause(cause_of(node, draft.now), draft.now)
        replacing.begin(node, LeavesFor.HEALTH, launch=launch, end=end)


def _surely_gone(draft: Draft, gone: list[Node], hold: datetime | None) -> list[Node]:
    """Those whose servers are gone beyond doubt: of many together that the cloud does not know it is asked again."""
    if hold is None:
        return gone
    rule = draft.settings.brake
    sure = [node for node in gone if brake.is_confirmed(rule, hold, node.missing_at)]
    doubtful = [node for node in gone if not brake.is_confirmed(rule, hold, node.missing_at)]
    if doubtful and draft.now < hold + rule.confirm:
        draft.wake(hold + rule.confirm)
    elif doubtful:
        for node in doubtful[: draft.settings.confirmations]:
            draft.act(LookAtServer(draft.scope, node))
        draft.wake(draft.now + draft.settings.cloud_retry)
    return sure


def _is_dead(draft: Draft, node: Node) -> bool:
    """Whether its server stopped or went, which no grace waits for: a user's verdict with one does not, either.

    Source: Auto Scaling User Guide, "Health checks for instances in an Auto Scaling group": the grace.
    """
    return node.server_status in BAD and draft.runs(Process.HEALTH_CHECK)


def _is_due(draft: Draft, node: Node) -> bool:
    if node.health_due_at is not None and node.health_due_at > draft.now:
        draft.wake(node.health_due_at)
        return False
    return True


def _is_held(draft: Draft, node: Node, hold: datetime | None) -> bool:
    rule = draft.settings.brake
    if hold is None or not brake.holds(rule, hold, draft.now) or cause_of(node, draft.now) not in _HELD:
        return False
    draft.wake(hold + rule.most)
    return True


def cause_of(node: Node, now: datetime) -> CauseKind:
    """The cause that the activity of an unhealthy node's termination names."""
    if node.health_due_at is not None and node.health_due_at > now and node.server_status in BAD:
        return BAD[node.server_status]  # what was said of it counts only later
    return CauseKind(node.health_cause) if node.health_cause else CauseKind.HEALTH_CUSTOM


def _terminate(draft: Draft, node: Node) -> None:
    draft.terminate(node, (Cause(cause_of(node, draft.now), draft.now),), LeavesFor.HEALTH)
