from __future__ import annotations

import pytest

from backend.domain.activity import CauseKind
from backend.domain.cluster import Process
from backend.domain.node import LeavesFor, NodeState
from backend.engine.phases.hosts import leave_hosts
from tests.backend.engine.drafts import causes, draft, node, owner, pending, plan, sick, terminated
from tests.factories import NOW

LEAVING = {"drained_from": "cpu-1"}


def _left(group, *nodes):
    made = draft(group, *nodes)
    leave_hosts(made)
    return made


def test_a_successor_is_wished_for_before_one_leaves_its_host_whatever_the_group_wants_of_rebalancing():
    group = owner(desired=2, maximum=2)
    old = node(group, "old", **LEAVING)
    made = _left(group, old, node(group, "well"))
    assert [(wish.victim, wish.leaves_for) for wish in made.wishes] == [(old, LeavesFor.HOST)]
    assert terminated(made) == []


def test_a_tenth_of_what_is_desired_leaves_at_once():
    group = owner(desired=20, maximum=20)
    assert len(_left(group, *(node(group, f"n{each}", **LEAVING) for each in range(20))).wishes) == 2


def test_none_leaves_where_nothing_may_be_launched_or_ended_or_a_scale_out_is_under_way():
    for process in (Process.LAUNCH, Process.TERMINATE):
        group = owner(desired=1, suspended={process: NOW})
        assert _left(group, node(group, "old", **LEAVING)).wishes == []
    group = owner(desired=2)
    assert _left(group, node(group, "old", **LEAVING), pending(group, "new")).wishes == []


def test_it_goes_when_its_successor_has_come_also_one_that_is_protected():
    group = owner(desired=1, maximum=1)
    old = node(group, "old", protected=True, leaves_for=LeavesFor.HOST, **LEAVING)
    coming = plan(group, old, pending(group, "new", replaces=old.id))
    assert terminated(coming) == []
    gone = plan(group, old, node(group, "new", replaces=old.id))
    assert [each.id for each in terminated(gone)] == [old.id]
    assert causes(gone, old) == [CauseKind.HOST_DRAINED]
    assert gone.changes.after.nodes[old.id].state is NodeState.TERMINATING


@pytest.mark.parametrize("protected", [True, False])
@pytest.mark.parametrize("arrived", [True, False])
def test_where_the_drain_is_over_the_old_one_stays_and_its_successor_goes(arrived, protected):
    group = owner(desired=1, maximum=1)
    kept = node(group, "old", protected=protected, leaves_for=LeavesFor.HOST)
    made = plan(group, kept, (node if arrived else pending)(group, "new", replaces=kept.id))
    (gone,) = terminated(made)
    assert gone.replaces == kept.id
    assert causes(made, gone) == [CauseKind.DRAIN_UNDONE]
    assert made.changes.after.nodes[kept.id].state is NodeState.IN_SERVICE


@pytest.mark.parametrize("arrived", [True, False])
def test_a_successor_that_nobody_goes_for_any_more_stays_where_the_group_has_grown(arrived):
    group = owner(desired=2, maximum=2)
    kept = node(group, "old", leaves_for=LeavesFor.HOST)
    new = (node if arrived else pending)(group, "new", replaces=kept.id)
    made = plan(group, kept, new)
    assert terminated(made) == []
    assert made.changes.after.nodes[new.id].replaces is None


def test_a_drain_that_is_over_keeps_nobody_who_is_sick():
    group = owner(desired=1, maximum=1)
    old = sick(group, "old", leaves_for=LeavesFor.HOST)
    made = plan(group, old, node(group, "new", replaces=old.id))
    assert [each.id for each in terminated(made)] == [old.id]
