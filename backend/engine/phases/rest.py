"""What is left when all is in place: requests are forgotten, a deleted cluster goes. Pure."""

from __future__ import annotations

from dataclasses import replace

from backend.domain.node import ARRIVING, ENDING, IN_WARM_POOL, WARM, NodeState
from backend.engine.draft import Draft
from backend.policies import backoff

# Whoever is asked about what leaves may take days: what was requested is done as far as the cluster does it.
_UNDER_WAY = ARRIVING | ENDING - {NodeState.TERMINATING_WAIT}


def rest(draft: Draft) -> None:
    if not draft.active:
        draft.goes = not draft.nodes
        return
    _rest_warm_pool(draft)
    if draft.every(*_UNDER_WAY):
        return
    above = draft.capacity() - draft.cluster.spec.desired
    if draft.cluster.causes and above >= 0 and not draft.is_above(above):
        draft.cluster = replace(draft.cluster, causes=())
    if draft.backoffs and above >= 0:
        _forgive(draft)


def _rest_warm_pool(draft: Draft) -> None:
    """A warm pool that came to its size tells no request any more; one that is deleted goes when it is empty."""
    pool = draft.cluster.warm_pool
    if pool is None:
        return
    here = draft.every(*IN_WARM_POOL)
    if pool.deleting and not here:
        draft.cluster = replace(draft.cluster, warm_pool=None)
    elif pool.causes and all(node.state in WARM for node in here):
        spec = draft.cluster.spec
        if len(here) == pool.size(spec.maximum, spec.desired):
            draft.cluster = replace(draft.cluster, warm_pool=replace(pool, causes=()))


def _forgive(draft: Draft) -> None:
    """What failed before nothing lacked says nothing of what may be asked for later."""
    rule = draft.settings.backoff
    left = [backoff.forgiven(rule, entry, draft.now) for entry in draft.failures]
    draft.backoffs = {(entry.zone, entry.profile_key): entry for entry in left if entry is not None}
    draft.wake(max((entry.last_failed_at + rule.gap for entry in draft.backoffs.values()), default=None))
