from __future__ import annotations

import pytest

from backend.domain.activity import Cause, CauseKind
from backend.domain.cluster import Process
from backend.domain.node import LeavesFor
from backend.engine.draft import Draft
from backend.engine.replacing import Replacing
from tests.backend.engine.drafts import causes, draft, node, owner, terminated
from tests.factories import NOW

LAUNCH, END = Cause(CauseKind.REPLACING_UNHEALTHY, NOW), Cause(CauseKind.HEALTH_CUSTOM, NOW)
FIRST = {"maintenance_minimum_percent": 100, "maintenance_maximum_percent": 200}


def _replaced(number, **values):
    group = owner(maximum=100, **values)
    nodes = [node(group, f"n{each}") for each in range(number)]
    made = draft(group, *nodes)
    replacing = Replacing(made)
    while replacing.room > 0 and nodes:
        replacing.begin(nodes.pop(0), LeavesFor.HEALTH, launch=LAUNCH, end=END)
    return made


def test_without_a_policy_the_old_go_a_tenth_at_a_time():
    made = _replaced(20, desired=20)
    assert (len(terminated(made)), made.wishes) == (2, [])
    assert all(causes(made, gone) == [END.kind] for gone in terminated(made))


def test_above_a_hundred_percent_successors_are_wished_for():
    made = _replaced(10, desired=10, **FIRST)
    assert (terminated(made), len(made.wishes)) == ([], 10)
    assert all((wish.cause, wish.leaves_for) == (LAUNCH, LeavesFor.HEALTH) for wish in made.wishes)


def test_what_is_too_much_anyway_goes_without_one():
    made = _replaced(10, desired=7, **FIRST)
    assert (len(terminated(made)), len(made.wishes)) == (3, 4)


def test_nobody_is_waited_for_that_may_not_be_launched():
    made = _replaced(10, desired=10, suspended={Process.LAUNCH: NOW}, **FIRST)
    assert (len(terminated(made)), made.wishes) == (10, [])


@pytest.mark.parametrize("values", [{}, FIRST])
def test_a_cluster_is_counted_once_however_many_are_replaced(values, monkeypatch):
    counted = []
    for name in ("surplus", "under_replacement"):
        kept = getattr(Draft, name)
        monkeypatch.setattr(Draft, name, lambda self, kept=kept, name=name: counted.append(name) or kept(self))
    _replaced(50, desired=50, **values)
    assert len(counted) <= 2
