"""What is left when all is in place: requests are forgotten, a deleted cluster goes. Pure."""

from __future__ import annotations

from backend.domain.node import NodeState
from backend.engine import steps
from backend.engine.draft import Draft
from backend.policies import backoff

_MOVING = (NodeState.PENDING, NodeState.TERMINATING)


def rest(draft: Draft) -> None:
    if not draft.active:
        if not draft.nodes:
            draft.add(steps.RemoveCluster())
        return
    if draft.every(*_MOVING) or _launches(draft):
        return
    if draft.cluster.causes and draft.capacity() == draft.cluster.spec.desired:
        draft.add(steps.ForgetCauses())
    if draft.snapshot.backoffs and draft.capacity() >= draft.cluster.spec.desired:
        _forgive(draft)


def _forgive(draft: Draft) -> None:
    """What failed before nothing lacked says nothing of what may be asked for later."""
    rule = draft.settings.backoff
    left = [backoff.forgiven(rule, entry, draft.now) for entry in draft.backoffs]
    kept = tuple(entry for entry in left if entry is not None)
    if kept != draft.snapshot.backoffs:
        draft.add(steps.Forgive(kept))
    draft.wake(max((entry.last_failed_at + rule.gap for entry in kept), default=None))


def _launches(draft: Draft) -> bool:
    return any(isinstance(step, steps.Launch) for step in draft.steps)
