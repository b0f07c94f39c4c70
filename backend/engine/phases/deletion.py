"""A cluster that is being deleted gives up every node, protected or not. Pure."""

from __future__ import annotations

from backend.domain.activity import Cause, CauseKind
from backend.domain.node import LeavesFor, NodeState, leading_to
from backend.engine.draft import Draft
from backend.engine.drawing import dismiss


def delete_all(draft: Draft) -> None:
    if draft.active:
        return
    for node in draft.every(*leading_to(NodeState.TERMINATING)):
        draft.terminate(node, (Cause(CauseKind.USER_DELETED_CLUSTER, draft.now),), LeavesFor.DELETION)
    for node in draft.every(*leading_to(NodeState.WARMED_TERMINATING)) if draft.cluster.warm_pool else ():
        dismiss(draft, node, LeavesFor.DELETION)
