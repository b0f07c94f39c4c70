"""Nodes in service whose servers went bad are marked, and replaced a few at a time. Pure.

Could-not-ask is no finding: only what the cloud said of a server, or a caller of a node, is.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from backend.domain.activity import Cause, CauseKind
from backend.domain.cluster import Process
from backend.domain.node import Health, Node, NodeState, ServerStatus
from backend.domain.traffic import MemberHealth, RegistrationState
from backend.engine import steps
from backend.engine.draft import Draft, Wish

BAD = {
    ServerStatus.STOPPING: CauseKind.HEALTH_TERMINATED_OR_STOPPED,
    ServerStatus.STOPPED: CauseKind.HEALTH_TERMINATED_OR_STOPPED,
    ServerStatus.PAUSED: CauseKind.HEALTH_TERMINATED_OR_STOPPED,
    ServerStatus.DELETING: CauseKind.HEALTH_TERMINATED_OR_STOPPED,
    ServerStatus.DELETED: CauseKind.HEALTH_TERMINATED_OR_STOPPED,
    ServerStatus.ERROR: CauseKind.HEALTH_STATUS_CHECK,
}
_OBSERVED = frozenset({CauseKind.HEALTH_TERMINATED_OR_STOPPED, CauseKind.HEALTH_STATUS_CHECK})
_HELD = _OBSERVED | {CauseKind.HEALTH_BALANCER}
BALANCER_CHECK = "ELB"
_GONE = frozenset({ServerStatus.DELETING, ServerStatus.DELETED})


def check_health(draft: Draft) -> None:
    if not draft.active:
        return
    if draft.runs(Process.HEALTH_CHECK):
        for node in draft.every(NodeState.IN_SERVICE):
            _judge(draft, node)
        if BALANCER_CHECK in draft.cluster.spec.health_checks:
            for node in draft.every(NodeState.IN_SERVICE):
                _judge_traffic(draft, node)
    if draft.runs(Process.REPLACE_UNHEALTHY, Process.TERMINATE):
        _replace(draft)


def _judge(draft: Draft, node: Node) -> None:
    cause = None if node.server_status is None else BAD.get(node.server_status)
    if cause is not None and node.health is Health.HEALTHY:
        draft.add(steps.Mark(node, cause))
        draft.put(replace(node, health=Health.UNHEALTHY, health_cause=cause, health_due_at=draft.now))
    elif node.server_status is ServerStatus.ACTIVE and node.health_cause in _OBSERVED:
        # Only reached where replacement was held back and the server came back meanwhile.
        draft.add(steps.Mark(node, None))
        draft.put(replace(node, health=Health.HEALTHY, health_cause=None, health_due_at=None))


def _judge_traffic(draft: Draft, node: Node) -> None:
    """By what the pools' monitors say: a member counts once it was healthy, and when its node's grace is over."""
    failing = any(
        each.state is RegistrationState.REGISTERED and each.served and each.health is MemberHealth.UNHEALTHY
        for each in draft.registrations(node)
    )
    if not failing:
        if node.health_cause == CauseKind.HEALTH_BALANCER:
            draft.add(steps.Mark(node, None))
            draft.put(replace(node, health=Health.HEALTHY, health_cause=None, health_due_at=None))
        return
    grace_ends_at = (node.in_service_at or draft.now) + timedelta(seconds=draft.cluster.spec.health_grace_seconds)
    if node.health is Health.HEALTHY and draft.now < grace_ends_at:
        draft.wake(grace_ends_at)
    elif node.health is Health.HEALTHY:
        cause = CauseKind.HEALTH_BALANCER
        draft.add(steps.Mark(node, cause))
        draft.put(replace(node, health=Health.UNHEALTHY, health_cause=cause, health_due_at=draft.now))


def _replace(draft: Draft) -> None:
    waiting = {old.id for _, old in draft.pairs()}
    for node in draft.every(NodeState.IN_SERVICE):
        if node.health is not Health.UNHEALTHY or not (_is_dead(draft, node) or _is_due(draft, node)):
            continue
        if node.server_status in _GONE:
            _terminate(draft, node)
        elif node.id in waiting or _is_held(draft, node) or not draft.replaceable():
            continue
        elif draft.launches_first():
            draft.wishes.append(Wish(node, Cause(CauseKind.REPLACING_UNHEALTHY, draft.now)))
        else:
            _terminate(draft, node)


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


def _is_held(draft: Draft, node: Node) -> bool:
    held_until = draft.snapshot.held_until
    if held_until is None or held_until <= draft.now or cause_of(node, draft.now) not in _HELD:
        return False
    draft.wake(held_until)
    return True


def cause_of(node: Node, now: datetime) -> CauseKind:
    """The cause that the activity of an unhealthy node's termination names."""
    if node.health_due_at is not None and node.health_due_at > now and node.server_status in BAD:
        return BAD[node.server_status]  # what was said of it counts only later
    return CauseKind(node.health_cause) if node.health_cause else CauseKind.HEALTH_CUSTOM


def _terminate(draft: Draft, node: Node) -> None:
    draft.add(steps.Terminate(node, (Cause(cause_of(node, draft.now), draft.now),)))
    draft.move(node, NodeState.TERMINATING)
