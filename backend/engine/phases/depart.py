"""Servers of leaving nodes are deleted or let go; nodes whose server is gone leave the rows. Pure."""

from __future__ import annotations

from backend.domain.node import PARTING, Node, NodeState, ServerStatus
from backend.engine.acts.delete_server import DeleteServer
from backend.engine.acts.let_go import LetServerGo
from backend.engine.draft import Draft
from backend.engine.phases.settle import is_lost


def depart(draft: Draft) -> None:
    for node in draft.every(*PARTING):
        if draft.takes_traffic(node):
            continue
        draft.act(LetServerGo(draft.scope, node))
        draft.wake(draft.now + draft.settings.cloud_retry)
    room = draft.settings.deletions
    for node in draft.every(NodeState.TERMINATING):
        if _is_gone(draft, node):
            draft.forget(node)
        elif node.server_id is not None and not draft.takes_traffic(node) and _is_due(draft, node):
            if room:
                draft.act(DeleteServer(draft.scope, node))
                room -= 1
            else:
                draft.again = True


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
