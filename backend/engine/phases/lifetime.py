"""Nodes that reached the cluster's maximum lifetime are replaced, oldest first, a few at a time. Pure."""

from __future__ import annotations

from datetime import timedelta

from backend.domain.activity import Cause, CauseKind
from backend.domain.cluster import Process
from backend.domain.node import SERVING, LeavesFor
from backend.engine.draft import Draft, Wish


def end_lifetimes(draft: Draft) -> None:
    lifetime = draft.cluster.spec.maximum_lifetime_seconds
    if lifetime is None or not draft.active or not draft.runs(Process.LAUNCH, Process.TERMINATE):
        return
    busy = {old.id for _, old in draft.pairs()} | {wish.victim.id for wish in draft.wishes}
    for node in draft.every(*SERVING):
        if node.id in busy:
            continue
        if not draft.outlived(node):
            draft.wake(node.created_at + timedelta(seconds=lifetime))
            break  # the rest is younger
        if not draft.replaceable():
            break
        cause = Cause(CauseKind.MAXIMUM_LIFETIME, draft.now, {"server": node.server_id or ""})
        if draft.launches_first():
            draft.wishes.append(Wish(node, cause, LeavesFor.LIFETIME))
        else:
            draft.terminate(node, (cause,), LeavesFor.LIFETIME)
