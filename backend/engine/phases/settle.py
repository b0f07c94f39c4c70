"""Pending nodes come into service, or are given up; standby is reached. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from backend.domain.activity import Reason, ReasonKind
from backend.domain.cluster import Process
from backend.domain.node import Node, NodeState, ServerStatus
from backend.engine import steps
from backend.engine.draft import Draft

_FAILED = frozenset({ServerStatus.ERROR, ServerStatus.STOPPED, ServerStatus.STOPPING, ServerStatus.PAUSED})
_GONE = frozenset({ServerStatus.DELETING, ServerStatus.DELETED})
_UNCLEAR = frozenset({None, ServerStatus.UNKNOWN})


def settle(draft: Draft) -> None:
    for node in draft.every(NodeState.PENDING):
        _pending(draft, node)
    for node in draft.every(NodeState.ENTERING_STANDBY):
        if draft.takes_traffic(node):
            continue
        draft.add(steps.Park(node))
        draft.move(node, NodeState.STANDBY)


def _pending(draft: Draft, node: Node) -> None:
    if node.server_id is None:
        _unseen(draft, node)
    elif node.in_service_at is not None:
        _returning(draft, node)
    elif node.attached:
        draft.add(steps.TakeIn(node))
        draft.wake(draft.now + draft.settings.cloud_retry)
    else:
        _booting(draft, node)


def _unseen(draft: Draft, node: Node) -> None:
    """No server is known: the answer to the call that makes it was lost, or whoever was to ask for it died.

    The pass that claimed it is over, and wrote down if the answer was lost. Where it did not, it may never have asked:
    nothing failed, so it is asked for again, as the same launch.
    """
    if node.asked_at is not None:
        if is_lost(draft, node):
            _fail(draft, node, Reason(ReasonKind.LAUNCH_LOST))
    elif node.unheard_at is None:
        draft.add(steps.Unheard(node))
        draft.wake(draft.now + draft.settings.relaunch_grace)
    elif not _was_seen_since(draft, node.unheard_at + draft.settings.relaunch_grace):
        return
    elif _is_wanted_still(draft, node):
        draft.add(steps.Relaunch(node))
        draft.wake(draft.now + draft.settings.launch_grace)
    else:
        _fail(draft, node, Reason(ReasonKind.LAUNCH_LOST))


def _is_wanted_still(draft: Draft, node: Node) -> bool:
    """Whether what would be launched now is what was to be launched then."""
    profile = draft.snapshot.profile
    same = not isinstance(profile, Reason) and profile.ref == node.profile
    return same and draft.active and draft.runs(Process.LAUNCH) and node.zone in draft.cluster.spec.zones


def is_lost(draft: Draft, node: Node) -> bool:
    """Whether the servers were looked at late enough to say that the node's launch made none."""
    return _was_seen_since(draft, (node.asked_at or node.created_at) + draft.settings.launch_grace)


def _was_seen_since(draft: Draft, deadline: datetime) -> bool:
    if draft.now < deadline:
        draft.wake(deadline)
        return False
    seen_until = draft.snapshot.seen_until
    if seen_until is None or seen_until < deadline:
        draft.wake(draft.now + draft.settings.cloud_retry)
        return False
    return True


def _booting(draft: Draft, node: Node) -> None:
    status = node.server_status
    if status is ServerStatus.ACTIVE:
        _enter(draft, node)
    elif status in _GONE:
        _fail(draft, node, Reason(ReasonKind.SERVER_VANISHED))
    elif status in _FAILED:
        _fail(draft, node, Reason(ReasonKind.SERVER_ERROR, {"detail": f"the server is {status}"}))
    else:
        deadline = node.created_at + draft.settings.boot_timeout
        if draft.now >= deadline:
            _fail(draft, node, Reason(ReasonKind.START_TIMEOUT))
        else:
            draft.wake(deadline)


def _returning(draft: Draft, node: Node) -> None:
    """From standby: whatever its server does now is for the health checks to judge."""
    if node.server_status in _UNCLEAR:
        draft.add(steps.Look(node))
        draft.wake(draft.now + draft.settings.cloud_retry)
    elif node.server_status is not ServerStatus.BUILDING:
        _enter(draft, node)
    else:
        draft.wake(draft.now + draft.settings.cloud_retry)


def _enter(draft: Draft, node: Node) -> None:
    """A new node takes the cluster's protection; one from standby keeps its own. Verdicts of users stand for both.

    Source: Auto Scaling User Guide, "Use instance scale-in protection": reset only by detaching and, for what is
    launched or attached or leaves a warm pool, set to the group's; "Temporarily remove instances": in standby the
    health status stays what it was.
    """
    draft.add(steps.EnterService(node))
    protected = draft.cluster.spec.protect_new if node.in_service_at is None else node.protected
    moved = draft.move(node, NodeState.IN_SERVICE)
    draft.put(replace(moved, in_service_at=draft.now, protected=protected))


def _fail(draft: Draft, node: Node, reason: Reason) -> None:
    draft.add(steps.FailLaunch(node, reason))
    moved = draft.move(node, NodeState.TERMINATING)
    if node.server_id is None:
        draft.remove(moved)
    else:
        draft.put(replace(moved, activity_id=None))
