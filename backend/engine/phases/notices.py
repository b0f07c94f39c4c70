"""Nodes whose servers the cloud will take back are replaced before it does, where the cluster wants that. Pure.

Source: Auto Scaling User Guide, "Use Capacity Rebalancing": on a recommendation the new instance is launched first and
waited for, a tenth of the desired capacity above the maximum if need be, and scale-outs go first; at the notice of an
interruption nobody is waited for.
"""

from __future__ import annotations

from backend.domain.activity import Cause, CauseKind
from backend.domain.cluster import Process
from backend.domain.node import ARRIVING, SERVING, LeavesFor, Node, Notice
from backend.engine.draft import Draft, Wish
from backend.policies.replacement import margin


def heed_notices(draft: Draft) -> None:
    if not draft.cluster.spec.capacity_rebalance or not draft.active:
        return
    noticed = [node for node in draft.every(*SERVING) if node.notice is not None]
    if not noticed or not draft.runs(Process.TERMINATE):
        return
    for node in noticed:
        if node.notice is Notice.INTERRUPTION:
            draft.terminate(node, (_cause(draft, node, CauseKind.INTERRUPTED),), LeavesFor.NOTICE)
    if draft.runs(Process.LAUNCH):  # who is taken back in minutes is led out in any case
        _launch_first(draft, [node for node in noticed if node.notice is Notice.REBALANCE])


def _launch_first(draft: Draft, recommended: list[Node]) -> None:
    """A successor is wished for each, as far as the margin goes; what is wanted anyway comes before."""
    busy = {old.id for _, old in draft.pairs()} | {wish.victim.id for wish in draft.wishes}
    room = margin(draft.cluster.spec.desired) - draft.ahead() - len(draft.wishes)
    scales_out = draft.surplus() < 0 or any(node.replaces is None for node in draft.every(*ARRIVING))
    if scales_out:
        return
    for node in recommended:
        if node.id not in busy and room > 0:
            room -= node.weight
            cause = _cause(draft, node, CauseKind.REBALANCE_RECOMMENDED)
            draft.wishes.append(Wish(node, cause, LeavesFor.NOTICE))


def _cause(draft: Draft, node: Node, kind: CauseKind) -> Cause:
    return Cause(kind, draft.now, {"server": node.server_id or ""})
