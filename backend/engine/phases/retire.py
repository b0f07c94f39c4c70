"""Where the new node was launched first and has arrived, the old one goes: not before, nor is it drained. Pure.

Where an operator took back what the new one was launched for, the old one stays and the new one goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from backend.domain.activity import Cause, CauseKind
from backend.domain.cluster import Process
from backend.domain.node import SERVING, LeavesFor, Node
from backend.engine.draft import Draft
from backend.engine.phases.health import cause_of
from backend.policies.replacement import Arrival

_CAUSES = {
    LeavesFor.LIFETIME: CauseKind.MAXIMUM_LIFETIME,
    LeavesFor.NOTICE: CauseKind.REBALANCE_RECOMMENDED,
    LeavesFor.HOST: CauseKind.HOST_DRAINED,
}


def retire(draft: Draft) -> None:
    if not draft.active:
        return
    draft.wake_for_arrivals()
    _part(draft, _end_followed(draft) if draft.runs(Process.TERMINATE) else draft.surplus())


def _end_followed(draft: Draft) -> int:
    """Returns: the surplus that is left."""
    pairs = list(draft.pairs())
    surplus, counts = draft.surplus(), draft.zone_counts()
    coming: Counter[str] = Counter()
    succeeded = draft.succeeded()
    for new, old in pairs:
        coming[old.id] += 0 if _has_come(draft, new) else new.weight
    for new, old in pairs:
        if _is_undone(draft, old):
            surplus = _let_go(draft, (new, old), surplus, is_ahead=old.id not in succeeded or not _has_come(draft, new))
            counts = draft.zone_counts()
            continue
        # One that has two successors goes but once.
        if old.id not in succeeded or not _has_come(draft, new) or draft.nodes[old.id].state not in SERVING:
            continue
        leaves_for = _why(draft, (new, old), surplus, counts)
        if leaves_for is not None:
            draft.terminate(old, (_cause(draft, old, leaves_for),), leaves_for)
            counts[old.zone] -= old.weight
            surplus += coming[old.id] - old.weight  # what still comes for it is capacity like any other now
    return surplus


def _part(draft: Draft, surplus: int) -> None:
    """A successor that has arrived, and is wanted beside who stays, follows nobody any more.

    More are desired meanwhile, or another went. Else it would be ahead again when it fails, and one more launched then.
    """
    succeeded = draft.succeeded()
    for new, old in list(draft.pairs()):
        is_capacity = old.id in succeeded and _has_come(draft, new)
        if is_capacity and surplus < new.weight and draft.has_to_go(old) is None:
            draft.put(replace(new, replaces=None))


def _has_come(draft: Draft, new: Node) -> bool:
    return draft.arrival(new) is Arrival.ARRIVED


def _why(draft: Draft, pair: tuple[Node, Node], surplus: int, counts: Mapping[str, int]) -> LeavesFor | None:
    """Why the old node is to go by now, whatever its successor was launched for; None where capacity decides who does.

    What it was to leave for may be over, and another reason may have come: it leaves for the one that holds.
    """
    new, old = pair
    holds = draft.has_to_go(old)
    if holds is not None:
        return holds
    if old.protected or surplus < old.weight:
        return None
    if old.leaves_for is LeavesFor.REFRESH:  # which may be over: what it began comes to an end
        return LeavesFor.REFRESH
    unwanted = old.zone not in draft.cluster.spec.zones or counts[old.zone] >= counts[new.zone]
    return LeavesFor.ZONE if unwanted else None


def _is_undone(draft: Draft, old: Node) -> bool:
    """Whether a node need not leave its host any more, and nothing else makes it go."""
    wanted = old.zone in draft.cluster.spec.zones and draft.has_to_go(old) is None
    return old.leaves_for is LeavesFor.HOST and old.state in SERVING and wanted


def _let_go(draft: Draft, pair: tuple[Node, Node], surplus: int, *, is_ahead: bool) -> int:
    """A successor that nobody needs goes, protected or not as the old one would have; where more is desired it stays.

    Args:
        is_ahead: it does not count towards the surplus.

    Returns:
        The surplus that is left.
    """
    new, old = pair
    if surplus < (0 if is_ahead else new.weight):
        draft.put(replace(new, replaces=None))
        return surplus + (new.weight if is_ahead else 0)
    why = Cause(CauseKind.DRAIN_UNDONE, draft.now, {"server": old.server_id or ""})
    draft.terminate(new, (why,), LeavesFor.CAPACITY)
    return surplus - (0 if is_ahead else new.weight)


def _cause(draft: Draft, old: Node, leaves_for: LeavesFor) -> Cause:
    """What the entry of its end names."""
    if leaves_for is LeavesFor.HEALTH:
        return Cause(cause_of(old, draft.now), draft.now)
    if leaves_for is LeavesFor.REFRESH:
        return Cause(CauseKind.REFRESH_TERMINATE, draft.now)
    kind = _CAUSES.get(leaves_for, CauseKind.ZONE_REBALANCE_TERMINATE)
    return Cause(kind, draft.now, {"server": old.server_id or ""})
