"""What is left when all is in place: requests are forgotten, a deleted cluster goes. Pure."""

from __future__ import annotations

from backend.domain.node import NodeState
from backend.engine import steps
from backend.engine.draft import Draft

_MOVING = (NodeState.PENDING, NodeState.TERMINATING)


def rest(draft: Draft) -> None:
    if not draft.active:
        if not draft.nodes:
            draft.add(steps.RemoveCluster())
        return
    if not draft.cluster.causes or draft.every(*_MOVING):
        return
    if draft.capacity() == draft.cluster.spec.desired and not _launches(draft):
        draft.add(steps.ForgetCauses())


def _launches(draft: Draft) -> bool:
    return any(isinstance(step, steps.Launch) for step in draft.steps)
