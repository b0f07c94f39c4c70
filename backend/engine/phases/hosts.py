"""Nodes whose hosts are drained are replaced: the new one is launched first, a few at a time. Pure."""

from __future__ import annotations

from backend.domain.activity import CauseKind
from backend.domain.cluster import Process
from backend.domain.node import SERVING, LeavesFor
from backend.engine.draft import Draft
from backend.engine.replacing import launch_ahead


def leave_hosts(draft: Draft) -> None:
    if not draft.active or not draft.runs(Process.LAUNCH, Process.TERMINATE):
        return
    drained = [node for node in draft.every(*SERVING) if node.drained_from is not None]
    if drained and not draft.is_refused():
        launch_ahead(draft, drained, CauseKind.HOST_DRAINED, LeavesFor.HOST)
