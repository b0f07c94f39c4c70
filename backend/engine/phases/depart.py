"""Servers of leaving nodes are deleted or let go; nodes whose server is gone leave the rows. Pure."""

from __future__ import annotations

from backend.domain.hooks import Transition
from backend.domain.node import ENDED_STATUSES, PARTING, LeavesFor, Node, NodeState, ServerStatus
from backend.engine.acts.delete_server import DeleteServer
from backend.engine.acts.let_go import LetServerGo
from backend.engine.draft import Draft
from backend.engine.phases.settle import is_lost

_PROCEEDING = frozenset({NodeState.TERMINATING_PROCEED, NodeState.WARMED_TERMINATING_PROCEED})
_GOING = frozenset({NodeState.TERMINATING, NodeState.WARMED_TERMINATING}) | _PROCEEDING


def depart(draft: Draft) -> None:
    for node in draft.every(*PARTING):
        if draft.takes_traffic(node):
            continue
        draft.act(LetServerGo(draft.scope, node))
        draft.wake(draft.now + draft.settings.cloud_retry)
    room = draft.settings.deletions
    for node in draft.every(*_GOING):
        if _is_gone(draft, node):
            draft.forget(node)
        elif node.server_id is None or draft.snapshot.braked or _is_held(draft, node):
            continue  # a brake that is lifted has the cluster looked at
        elif _is_due(draft, node):
            if room:
                draft.act(DeleteServer(draft.scope, node))
                room -= 1
            else:
                draft.again = True


def _is_held(draft: Draft, node: Node) -> bool:
    """Whether its server has to stay for now: it is drained first, and then hooks are asked, where nobody did yet."""
    if node.state in _PROCEEDING:
        return False
    if draft.takes_traffic(node):
        return True
    asked = node.delete_requested_at is not None
    unheld = node.leaves_for is LeavesFor.FAILED_LAUNCH or node.server_status in ENDED_STATUSES
    if asked or unheld or not draft.asked(node, Transition.TERMINATING):
        return False
    if draft.before.nodes[node.id].state is not node.state:
        draft.again = True  # one move is written at a time
        return True
    draft.wait(node, Transition.TERMINATING)
    for action in draft.awaited(node):
        draft.wake(action.due_at)
    return True


def _is_gone(draft: Draft, node: Node) -> bool:
    if node.server_id is None:
        return is_lost(draft, node)
    return node.server_status is ServerStatus.DELETED


def _is_due(draft: Draft, node: Node) -> bool:
    """Whether to ask for the deletion: never done yet, or so long ago that it cannot have been heard."""
    if node.delete_requested_at is None:
        draft.wake(draft.now + draft.settings.delete_retry)
        return True
    again = node.delete_requested_at + draft.settings.delete_retry
    draft.wake(max(again, draft.now + draft.settings.cloud_retry))
    return again <= draft.now
