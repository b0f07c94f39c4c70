"""Where the new node was launched first and has arrived, the old one goes: not before, nor is it drained. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from backend.domain.activity import Cause, CauseKind
from backend.domain.cluster import Process
from backend.domain.node import SERVING, Health, LeavesFor, Node
from backend.engine.draft import Draft
from backend.engine.phases.health import cause_of
from backend.policies.replacement import Arrival


def retire(draft: Draft) -> None:
    if not draft.active:
        return
    draft.wake_for_arrivals()
    if not draft.runs(Process.TERMINATE):
        return
    pairs = list(draft.pairs())
    surplus, counts = draft.surplus(), draft.zone_counts()
    coming: Counter[str] = Counter()
    for new, old in pairs:
        coming[old.id] += 0 if draft.arrival(new) is Arrival.ARRIVED else new.weight
    for new, old in pairs:
        # One that has two successors goes but once.
        if draft.arrival(new) is not Arrival.ARRIVED or draft.nodes[old.id].state not in SERVING:
            continue
        cause = _why(draft, (new, old), surplus, counts)
        if cause is not None:
            data = {} if cause.name.startswith("HEALTH") else {"server": old.server_id or ""}
            draft.terminate(old, (Cause(cause, draft.now, data),), old.leaves_for or LeavesFor.ZONE)
            counts[old.zone] -= 1
            surplus += coming[old.id] - old.weight  # what still comes for it is capacity like any other now


def _why(draft: Draft, pair: tuple[Node, Node], surplus: int, counts: Mapping[str, int]) -> CauseKind | None:
    """Why the old node still is to go; None where it no longer is, and capacity decides who does."""
    new, old = pair
    if old.health is Health.UNHEALTHY:
        return cause_of(old, draft.now)
    if draft.outlived(old):
        return CauseKind.MAXIMUM_LIFETIME
    if old.protected or surplus <= 0:
        return None
    if old.zone not in draft.cluster.spec.zones:
        return CauseKind.ZONE_REBALANCE_TERMINATE
    return CauseKind.ZONE_REBALANCE_TERMINATE if counts[old.zone] >= counts[new.zone] else None
