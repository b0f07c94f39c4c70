"""A cluster that is being deleted gives up every node, protected or not. Pure."""

from __future__ import annotations

from backend.domain.activity import Cause, CauseKind
from backend.domain.node import NodeState
from backend.engine import steps
from backend.engine.draft import Draft

_LEAVING = (NodeState.PENDING, NodeState.IN_SERVICE, NodeState.ENTERING_STANDBY, NodeState.STANDBY)


def delete_all(draft: Draft) -> None:
    if draft.active:
        return
    for node in draft.every(*_LEAVING):
        draft.add(steps.Terminate(node, (Cause(CauseKind.USER_DELETED_CLUSTER, draft.now),)))
        draft.move(node, NodeState.TERMINATING)
