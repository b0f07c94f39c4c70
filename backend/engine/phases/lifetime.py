"""Nodes that reached the cluster's maximum lifetime are replaced, oldest first, a few at a time. Pure."""

from __future__ import annotations

from datetime import timedelta

from backend.domain.activity import Cause, CauseKind
from backend.domain.cluster import Process
from backend.domain.node import SERVING, LeavesFor
from backend.engine.draft import Draft
from backend.engine.replacing import Replacing, followed
from backend.policies import brake


def end_lifetimes(draft: Draft) -> None:
    lifetime = draft.cluster.spec.maximum_lifetime_seconds
    if lifetime is None or not draft.active or not draft.runs(Process.LAUNCH, Process.TERMINATE):
        return
    held_since = draft.cluster.held_since
    if held_since is not None and brake.holds(draft.settings.brake, held_since, draft.now):
        return  # health wakes the cluster; what serves still is not given up in a mass failure
    if draft.is_refused():
        return
    replacing = Replacing(draft)
    busy = followed(draft, replacing.shortfalls)
    for node in draft.every(*SERVING):
        if node.id in busy:
            continue
        if not draft.outlived(node):
            draft.wake(node.created_at + timedelta(seconds=lifetime))
            break  # the rest is younger
        if replacing.room <= 0:
            break
        cause = Cause(CauseKind.MAXIMUM_LIFETIME, draft.now, {"server": node.server_id or ""})
        replacing.begin(node, LeavesFor.LIFETIME, launch=cause, end=cause)
