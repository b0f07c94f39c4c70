"""Capacity counts in units: what each node counts, asked wherever capacity is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from random import Random

from backend.domain.activity import Cause, CauseKind
from backend.domain.node import LeavesFor, Node, NodeState, capacity
from backend.engine.phases.capacity import meet_capacity
from backend.engine.phases.health import check_health
from backend.engine.phases.rebalance import rebalance
from backend.engine.phases.rest import rest
from backend.engine.phases.retire import retire
from backend.policies import termination
from tests.backend.engine.drafts import causes, draft, launches, node, opened, owner, sick, terminated
from tests.factories import NOW

A, B = "us-east-1a", "us-east-1b"


def test_capacity_is_the_sum_of_what_counts() -> None:
    group = owner()
    here = [node(group, "a", units=4), node(group, "b"), node(group, "c", units=8, state=NodeState.STANDBY)]
    assert capacity(here) == 5


def test_scale_in_leaves_as_much_as_is_desired() -> None:
    group = owner(desired=5, termination_rules=("OldestInstance",))
    ages = ((4, 3), (3, 2), (1, 1))  # the oldest counts more than may go
    here = [node(group, f"n{units}", units=units, created_at=NOW - timedelta(hours=age)) for units, age in ages]
    made = draft(group, *here)
    meet_capacity(made)
    assert capacity(made.nodes.values()) == 5
    (gone,) = terminated(made)
    assert gone.weight == 3
    assert opened(made, gone).causes[0].data == {"before": 8, "after": 5}


def test_a_surplus_that_is_smaller_than_any_node_is_left() -> None:
    group = owner(desired=5, causes=(Cause(CauseKind.USER_CREATED, NOW, {"before": 0, "after": 5}),))
    made = draft(group, node(group, "a", units=3), node(group, "b", units=3))
    meet_capacity(made)
    rest(made)
    assert (terminated(made), launches(made), made.entries.notes) == ([], Counter(), [])
    assert made.cluster.causes == ()


def test_a_surplus_that_only_light_protected_nodes_fit_is_told_as_no_protection_of_all() -> None:
    group = owner(desired=4)
    made = draft(group, node(group, "a", units=4), node(group, "b", units=1, protected=True))
    meet_capacity(made)
    assert (terminated(made), made.entries.notes) == ([], [])


def test_scale_in_begins_where_most_units_are() -> None:
    group = owner()
    here = [node(group, "a", zone=A, units=5), node(group, "b", zone=B), node(group, "c", zone=B)]
    view = termination.TerminationView(("OldestInstance",), group.spec.source, NOW)
    assert termination.choose(here, 7, view, Random(1))[0].id == here[0].id


def test_launches_go_where_fewest_units_are() -> None:
    group = owner(desired=8)
    made = draft(group, node(group, "a", zone=A, units=6))
    meet_capacity(made)
    assert launches(made) == {B: 2}
    assert all(causes(made, new) == [CauseKind.CAPACITY_INCREASE] for new in _new(made.nodes, made.before.nodes))


def test_the_pace_of_replacement_is_in_units_and_never_none() -> None:
    group = owner(desired=20, maximum=20)
    made = draft(group, *(sick(group, f"s{number}", units=2) for number in range(10)))
    check_health(made)
    assert len(terminated(made)) == 1

    group = owner(desired=20, maximum=20)
    made = draft(group, *(sick(group, f"s{number}", units=10) for number in range(2)))
    check_health(made)
    assert len(terminated(made)) == 1


def test_zones_that_one_node_more_would_not_bring_nearer_are_even() -> None:
    group = owner(desired=9, maximum=20)
    here = [node(group, "a", zone=A, units=3), node(group, "b", zone=A, units=3), node(group, "c", zone=B, units=3)]
    made = draft(group, *here)
    rebalance(made)
    assert made.wishes == []

    made = draft(group, *(replace(each, zone=A) for each in here))
    rebalance(made)
    assert len(made.wishes) == 1


def test_what_moved_goes_only_when_as_much_has_come() -> None:
    group = owner(desired=3)
    old = node(group, "old", zone=A, units=3, leaves_for=LeavesFor.ZONE)
    light = node(group, "light", zone=B, replaces=old.id, in_service_at=NOW - timedelta(hours=1))
    made = draft(group, old, light)
    retire(made)
    assert terminated(made) == []
    made = draft(group, old, replace(light, units=3))
    retire(made)
    assert [each.id for each in terminated(made)] == [old.id]


def _new(after: dict[str, Node], before: dict[str, Node]) -> list[Node]:
    return [each for each in after.values() if each.id not in before]
