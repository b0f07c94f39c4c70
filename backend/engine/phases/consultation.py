"""Where somebody outside chooses who goes, only those go that were named. Pure.

Source: Auto Scaling User Guide, "Create a custom termination policy with Lambda": of more than are needed some are
chosen, of fewer all go, and for the rest it is asked again.
"""

from __future__ import annotations

from collections import Counter

from backend.domain.consultations import Question, consultant_of
from backend.domain.ids import short_id
from backend.engine.draft import Draft
from backend.engine.phases.rebalance import termination_view
from backend.policies import termination


def choosable(draft: Draft, number: int) -> frozenset[str] | None:
    """The nodes of which ``number`` may be chosen; None for all of them, where nobody is asked.

    What has no server yet is no matter of anybody outside.
    """
    target = consultant_of(draft.cluster.spec.termination_rules)
    if target is None:
        return None
    unmade = frozenset(node.id for node in draft.counted() if node.server_id is None)
    named = draft.snapshot.named
    if named is None:
        asked_at = draft.snapshot.asked_at
        if asked_at is not None and asked_at <= draft.now < asked_at + draft.settings.consult_again:
            draft.wake(asked_at + draft.settings.consult_again)
        else:
            _ask(draft, target, number)
        return unmade
    found = unmade | {node.id for node in draft.counted() if node.server_id and short_id(node.server_id) in named}
    if len(found) < number:
        draft.wake(draft.now + draft.settings.consult_again)
    return found


def _ask(draft: Draft, target: str, number: int) -> None:
    chosen = termination.choose(draft.counted(), number, termination_view(draft), draft.rng)
    nodes = [node for node in chosen if node.server_id is not None]
    if nodes:
        capacity = Counter((node.zone, node.preemptible) for node in nodes)
        draft.question = Question(draft.new_id(), target, draft.cluster, dict(capacity), nodes)
    draft.wake(draft.now + draft.settings.consult_again)
