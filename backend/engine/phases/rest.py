"""What is left when all is in place: requests are forgotten, a deleted cluster goes. Pure."""

from __future__ import annotations

from dataclasses import replace

from backend.domain.node import ARRIVING, ENDING, NodeState
from backend.engine.draft import Draft
from backend.policies import backoff

# Whoever is asked about what leaves may take days: what was requested is done as far as the cluster does it.
_UNDER_WAY = ARRIVING | ENDING - {NodeState.TERMINATING_WAIT}


def rest(draft: Draft) -> None:
    if not draft.active:
        draft.goes = not draft.nodes
        return
    if draft.every(*_UNDER_WAY):
        return
    above = draft.capacity() - draft.cluster.spec.desired
    if draft.cluster.causes and above >= 0 and not draft.is_above(above):
        draft.cluster = replace(draft.cluster, causes=())
    if draft.backoffs and above >= 0:
        _forgive(draft)


def _forgive(draft: Draft) -> None:
    """What failed before nothing lacked says nothing of what may be asked for later."""
    rule = draft.settings.backoff
    left = [backoff.forgiven(rule, entry, draft.now) for entry in draft.failures]
    draft.backoffs = {(entry.zone, entry.profile_key): entry for entry in left if entry is not None}
    draft.wake(max((entry.last_failed_at + rule.gap for entry in draft.backoffs.values()), default=None))
