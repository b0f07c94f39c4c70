from __future__ import annotations

from backend.domain.activity import CauseKind
from backend.domain.cluster import Process
from backend.domain.node import LeavesFor, NodeState, Notice
from backend.engine.phases.notices import heed_notices
from tests.backend.engine.drafts import causes, draft, kinds, node, owner, pending, plan, terminated
from tests.factories import NOW

SAFE, TOLD = {"capacity_rebalance": True}, {"notice": Notice.REBALANCE}


def _heeded(group, *nodes):
    made = draft(group, *nodes)
    heed_notices(made)
    return made


def test_a_successor_is_wished_for_before_the_recommended_goes():
    group = owner(desired=2, maximum=2, **SAFE)
    old = node(group, "old", **TOLD)
    made = _heeded(group, old, node(group, "well"))
    assert [(wish.victim, wish.leaves_for, wish.zone) for wish in made.wishes] == [(old, LeavesFor.NOTICE, None)]
    assert terminated(made) == []


def test_a_tenth_of_what_is_desired_at_once():
    group = owner(desired=20, maximum=20, **SAFE)
    made = _heeded(group, *(node(group, f"n{each}", **TOLD) for each in range(20)))
    assert len(made.wishes) == 2


def test_an_interruption_waits_for_nobody():
    group = owner(desired=2, **SAFE)
    old = node(group, "old", notice=Notice.INTERRUPTION, protected=True)
    made = _heeded(group, old, node(group, "well"))
    assert (terminated(made)[0].id, made.wishes) == (old.id, [])
    assert causes(made, old) == [CauseKind.INTERRUPTED]
    assert made.nodes[old.id].leaves_for is LeavesFor.NOTICE


def test_a_scale_out_goes_first():
    group = owner(desired=2, **SAFE)
    assert _heeded(group, node(group, "old", **TOLD)).wishes == []
    assert _heeded(group, node(group, "old", **TOLD), pending(group, "new")).wishes == []


def test_nothing_is_done_where_nobody_wants_it_or_may():
    for values in ({}, {**SAFE, "suspended": {Process.TERMINATE: NOW}}):
        group = owner(desired=2, **values)
        noticed = [node(group, "old", **TOLD), node(group, "other", notice=Notice.INTERRUPTION)]
        assert kinds(_heeded(group, *noticed)) == []


def test_who_has_a_successor_is_waited_for_and_then_goes():
    group = owner(desired=1, maximum=1, **SAFE)
    old = node(group, "old", protected=True, leaves_for=LeavesFor.NOTICE, **TOLD)
    coming = plan(group, old, pending(group, "new", replaces=old.id))
    assert (terminated(coming), len(coming.changes.after.nodes)) == ([], 2)
    gone = plan(group, old, node(group, "new", replaces=old.id))
    assert [each.id for each in terminated(gone)] == [old.id]
    assert causes(gone, old) == [CauseKind.REBALANCE_RECOMMENDED]
    assert gone.changes.after.nodes[old.id].state is NodeState.TERMINATING


def test_who_is_interrupted_is_led_out_also_where_nothing_is_launched():
    group = owner(desired=2, **SAFE, suspended={Process.LAUNCH: NOW})
    old = node(group, "old", notice=Notice.INTERRUPTION)
    made = _heeded(group, old, node(group, "told", **TOLD))
    assert ([each.id for each in terminated(made)], made.wishes) == ([old.id], [])
