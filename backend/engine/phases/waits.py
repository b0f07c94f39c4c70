"""Waits for answers of lifecycle hooks: what nobody answers in time is decided; who has all answers goes on. Pure."""

from __future__ import annotations

from backend.domain.activity import Cause, CauseKind, Reason, ReasonKind
from backend.domain.lifecycle import WAITING, leave
from backend.domain.node import ENDED_STATUSES, KEPT_WARM, LeavesFor, Node, NodeState, ServerStatus
from backend.engine.draft import Draft

_RETAINED = KEPT_WARM | {NodeState.TERMINATING_RETAINED}
_LEAVING_WAITS = frozenset({NodeState.TERMINATING_WAIT, NodeState.WARMED_TERMINATING_WAIT})


def lead_waits(draft: Draft) -> None:
    """Requests let nodes go on where an answer does; deadlines, and servers that end meanwhile, are met here."""
    for node in draft.every(*WAITING):
        if _has_ended(node):
            _end(draft, node)
        else:
            _wait(draft, node)
    for node in draft.every(NodeState.PENDING_PROCEED):
        if _has_ended(node):
            _end(draft, node)
        elif draft.before.nodes[node.id].state is NodeState.PENDING_PROCEED:
            draft.enter_service(node)
        else:
            draft.again = True  # one move is written at a time
    for node in draft.every(*_RETAINED):
        if node.server_status is ServerStatus.DELETED:
            draft.forget(node)
    for node in draft.every(NodeState.TERMINATING, NodeState.WARMED_TERMINATING):
        if node.leaves_for is LeavesFor.ABANDONED:
            _slow_down(draft, node)


def _has_ended(node: Node) -> bool:
    """Whether its server ended under it: nothing is held any more, and nobody has to be waited for."""
    if node.state in _LEAVING_WAITS:
        return node.server_status is ServerStatus.DELETED
    return node.server_status in ENDED_STATUSES


def _end(draft: Draft, node: Node) -> None:
    if node.state in _LEAVING_WAITS:
        draft.forget(node)
    elif node.is_rebuilt:
        draft.fail_rebuild(node, Reason(ReasonKind.SERVER_VANISHED))
    elif node.returns:
        cause = Cause(CauseKind.HEALTH_TERMINATED_OR_STOPPED, draft.now)
        draft.terminate(node, (cause,), LeavesFor.HEALTH)
    else:
        draft.fail_launch(node, Reason(ReasonKind.SERVER_VANISHED))


def _wait(draft: Draft, node: Node) -> None:
    for action in draft.awaited(node):
        expired = action.expired(draft.now)
        if expired is not action:
            draft.actions[action.id] = expired
            draft.overdue.add(action.id)
    left = leave(draft.cluster, node, draft.awaited(node), draft.now, draft.new_id)
    if left is not None:
        draft.go_on(node, left)
        return
    for action in draft.awaited(node):
        if action.result is None:
            draft.wake(action.due_at)


def _slow_down(draft: Draft, node: Node) -> None:
    """Launches that hooks give up, one after the other, come ever more slowly; each is counted once.

    Source: Auto Scaling User Guide, "How lifecycle hooks work": abandoned launches are slowed down.
    """
    key = draft.key_of(node)
    standing = draft.before.backoffs.get((node.zone, key))
    if node.delete_requested_at is None and (standing is None or standing.last_failed_at < node.state_at):
        draft.back_off(node.zone, key, refused=False)
