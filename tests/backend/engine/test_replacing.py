from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.activity import Cause, CauseKind
from backend.domain.cluster import Process
from backend.domain.node import LeavesFor, NodeState, Notice
from backend.engine.draft import Draft
from backend.engine.phases.health import check_health
from backend.engine.phases.hosts import leave_hosts
from backend.engine.phases.lifetime import end_lifetimes
from backend.engine.phases.notices import heed_notices
from backend.engine.replacing import Replacing
from tests.backend.engine.drafts import causes, draft, node, owner, pending, sick, terminated
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


@pytest.mark.parametrize(("desired", "gone"), [(10, 0), (8, 1), (9, 0)])
def test_what_is_left_over_by_weights_spares_nobody_a_successor(desired, gone):
    """Three of four units each for ten: two are too much, and none of them may go before another has come."""
    group = owner(desired=desired, maximum=100, **FIRST)
    made = draft(group, *(node(group, f"n{each}", units=4) for each in range(3)))
    replacing = Replacing(made)
    replacing.begin(made.counted()[0], LeavesFor.LIFETIME, launch=LAUNCH, end=END)
    assert (len(terminated(made)), len(made.wishes)) == (gone, 1 - gone)


SOON, DAYS = NOW + timedelta(seconds=30), timedelta(days=2)
NARROW = {"maintenance_minimum_percent": 90, "maintenance_maximum_percent": 110}


def _ahead(group, **values):
    """A node that serves, and its successor, which fell ill and stays until its user's grace is over."""
    old = node(group, "old", **values)
    return old, sick(group, "new", replaces=old.id, health_due_at=SOON)


def _after(phase, group, *nodes):
    made = draft(group, *nodes)
    phase(made)
    return [each.id for each in terminated(made)], [wish.victim.id for wish in made.wishes]


@pytest.mark.parametrize(("most", "begun"), [(110, 0), (133, 0), (170, 1), (200, 1)])
def test_a_successor_that_fell_ill_keeps_its_place_above_what_is_desired_until_it_goes(most, begun):
    group = owner(desired=3, maximum=3, maintenance_minimum_percent=100, maintenance_maximum_percent=most)
    ill, well = sick(group, "ill"), node(group, "well")
    assert _after(check_health, group, *_ahead(group), ill, well) == ([], [ill.id][:begun])
    old, new = _ahead(group)
    assert _after(check_health, group, old, replace(new, health_due_at=NOW), ill, well)[0] == [new.id]


@pytest.mark.parametrize(("most", "begun"), [(110, 0), (170, 1), (200, 2)])
def test_nor_do_the_aged_get_successors_beside_it(most, begun):
    values = {"maintenance_minimum_percent": 100, "maintenance_maximum_percent": most}
    group = owner(desired=3, maximum=3, maximum_lifetime_seconds=86_400, **values)
    aged = [node(group, f"n{each}", created_at=NOW - DAYS) for each in range(2)]
    old, new = _ahead(group)
    assert _after(end_lifetimes, group, old, *aged, new) == ([], [one.id for one in aged[:begun]])


def test_what_goes_without_a_successor_waits_for_no_place_above():
    ill = "ill"
    for values in ({**NARROW, "desired": 2}, {"desired": 3}):  # one is too much, or the old go first
        group = owner(**values)
        one = sick(group, ill)
        assert _after(check_health, group, *_ahead(group), one, node(group, "well")) == ([one.id], [])


@pytest.mark.parametrize(
    ("phase", "values"), [(heed_notices, {"notice": Notice.REBALANCE}), (leave_hosts, {"drained_from": "host"})]
)
def test_what_is_launched_ahead_is_counted_in_units(phase, values):
    """Ten may be: with two of four units each that are wished for already there is room for one more."""
    policy = {"maintenance_minimum_percent": 100, "maintenance_maximum_percent": 108}
    group = owner(desired=100, maximum=100, capacity_rebalance=True, maximum_lifetime_seconds=86_400, **policy)
    aged = [node(group, f"aged{each}", units=4, created_at=NOW - DAYS) for each in range(10)]
    made = draft(group, *aged, *(node(group, f"n{each}", units=4, **values) for each in range(15)))
    end_lifetimes(made)
    assert len(made.wishes) == 2
    phase(made)
    assert len(made.wishes) == 3


@pytest.mark.parametrize(("come", "under_way"), [(0, 4), (1, 3), (3, 1), (4, 0)])
def test_several_that_come_in_the_place_of_one_count_together(come, under_way):
    group = owner(desired=8, maximum=20, **FIRST)
    old, other = (node(group, name, units=4) for name in ("old", "other"))
    light = [node(group, f"come{each}", units=1, replaces=old.id) for each in range(come)]
    light += [pending(group, f"coming{each}", units=1, replaces=old.id) for each in range(4 - come)]
    assert draft(group, old, other, *light).under_replacement() == under_way


@pytest.mark.parametrize(("come", "under_way"), [(0, 4), (1, 3), (4, 0)])
def test_what_left_first_is_under_replacement_until_as_much_has_come(come, under_way):
    group = owner(desired=8, maximum=20)
    gone = node(group, "old", units=4, state=NodeState.TERMINATING, leaves_for=LeavesFor.LIFETIME)
    light = [node(group, f"come{each}", units=1, replaces=gone.id) for each in range(come)]
    light += [pending(group, f"coming{each}", units=1, replaces=gone.id) for each in range(4 - come)]
    assert draft(group, gone, node(group, "other", units=4), *light).under_replacement() == under_way
    assert draft(group, node(group, "other", units=4), *light).under_replacement() == under_way
