"""Nodes whose servers the cloud will take back are replaced before it does, where the cluster wants that. Pure.

Source: Auto Scaling User Guide, "Use Capacity Rebalancing": on a recommendation the new instance is launched first and
waited for, a tenth of the desired capacity above the maximum if need be, and scale-outs go first; at the notice of an
interruption nobody is waited for.
"""

from __future__ import annotations

from backend.domain.activity import Cause, CauseKind
from backend.domain.cluster import Process
from backend.domain.node import SERVING, LeavesFor, Notice
from backend.engine.draft import Draft
from backend.engine.replacing import launch_ahead


def heed_notices(draft: Draft) -> None:
    if not draft.cluster.spec.capacity_rebalance or not draft.active:
        return
    noticed = [node for node in draft.every(*SERVING) if node.notice is not None]
    if not noticed or not draft.runs(Process.TERMINATE):
        return
    for node in noticed:
        if node.notice is Notice.INTERRUPTION:
            cause = Cause(CauseKind.INTERRUPTED, draft.now, {"server": node.server_id or ""})
            draft.terminate(node, (cause,), LeavesFor.NOTICE)
    if draft.runs(Process.LAUNCH):  # who is taken back in minutes is led out in any case
        recommended = [node for node in noticed if node.notice is Notice.REBALANCE]
        launch_ahead(draft, recommended, CauseKind.REBALANCE_RECOMMENDED, LeavesFor.NOTICE)
