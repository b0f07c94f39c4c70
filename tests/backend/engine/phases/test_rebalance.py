from __future__ import annotations

import pytest

from backend.domain.activity import CauseKind
from backend.domain.cluster import Process
from backend.domain.node import LeavesFor, NodeState, ServerStatus
from backend.engine.phases.rebalance import rebalance
from backend.policies import termination
from tests.backend.engine.drafts import (
    backoff,
    causes,
    draft,
    kinds,
    launched,
    launches,
    node,
    owner,
    pending,
    plan,
    sick,
    terminated,
)
from tests.factories import NOW

A, B, C = "us-east-1a", "us-east-1b", "us-east-1c"


def _wishes(cluster, *nodes, **values):
    made = draft(cluster, *nodes, **values)
    rebalance(made)
    return [(wish.victim.zone, wish.zone, wish.cause.kind) for wish in made.wishes]


def _nodes(group, *zones, **values):
    return [node(group, f"{zone}{number}", zone=zone, **values) for number, zone in enumerate(zones)]


def test_an_uneven_cluster_launches_where_nodes_lack():
    group = owner(desired=3)
    assert _wishes(group, *_nodes(group, A, A, A)) == [(A, B, CauseKind.ZONE_REBALANCE_LAUNCH)]


def test_a_difference_of_one_is_even():
    group = owner(desired=3)
    assert _wishes(group, *_nodes(group, A, A, B)) == []


def test_a_tenth_of_the_maximum_moves_at_a_time():
    group = owner(desired=20, maximum=30)
    assert len(_wishes(group, *_nodes(group, *[A] * 20))) == 3


def test_victims_are_ordered_once_for_a_zone_however_many_move(monkeypatch):
    asked = []
    choose = termination.choose

    def counting(nodes, *arguments):
        asked.append(len(nodes))
        return choose(nodes, *arguments)

    monkeypatch.setattr(termination, "choose", counting)
    group = owner(desired=300, maximum=1000)
    assert len(_wishes(group, *_nodes(group, *[A] * 300))) == 100
    assert asked == [300]


@pytest.mark.parametrize(
    "values",
    [
        {"suspended": {Process.AZ_REBALANCE: NOW}},
        {"suspended": {Process.LAUNCH: NOW}},
        {"suspended": {Process.TERMINATE: NOW}},
        {"desired": 4},
        {"desired": 2},
    ],
)
def test_it_waits_for_calm(values):
    group = owner(**{"desired": 3, **values})
    assert _wishes(group, *_nodes(group, A, A, A)) == []


def test_what_is_on_its_way_is_waited_for():
    group = owner(desired=4)
    assert _wishes(group, *_nodes(group, A, A, A), pending(group, "p", zone=A)) == []


def test_a_zone_without_room_is_not_tried_and_protected_or_sick_nodes_do_not_move():
    group = owner(desired=3)
    assert _wishes(group, *_nodes(group, A, A, A), backoffs=(backoff(B),)) == []
    assert _wishes(group, *_nodes(group, A, A, A, protected=True)) == []
    assert _wishes(group, *[sick(group, f"s{number}", zone=A) for number in range(3)]) == []


def test_nodes_leave_zones_that_are_no_longer_the_clusters():
    group = owner(desired=2)
    assert _wishes(group, *_nodes(group, A, C)) == [(C, None, CauseKind.ZONE_MIGRATION)]


def test_the_successor_is_launched_first_and_the_old_node_goes_when_it_serves():
    group = owner(desired=3)
    here = _nodes(group, A, A, A)
    first = plan(group, *here)
    assert launches(first) == {B: 1}
    (new,) = launched(first)
    here = [first.changes.after.nodes[one.id] for one in here]
    (old,) = (one for one in here if one.id == new.replaces)
    assert old.leaves_for is LeavesFor.ZONE
    waiting = plan(group, *here, pending(group, "new", zone=B, replaces=old.id))
    assert kinds(waiting) == []
    after = plan(group, *here, node(group, "new", zone=B, replaces=old.id))
    assert kinds(after) == ["DeleteServer", "InService->Terminating"]
    assert (terminated(after), causes(after, old)) == ([old], [CauseKind.ZONE_REBALANCE_TERMINATE])


def test_a_successor_that_became_capacity_does_not_tie_the_old_node_down():
    group = owner(desired=2)
    old = node(group, "old", zone=C)
    successor = node(group, "new", zone=A, replaces=old.id)
    assert _wishes(group, old, successor) == [(C, None, CauseKind.ZONE_MIGRATION)]
    assert old.state is NodeState.IN_SERVICE


def test_nobody_moves_in_a_mass_failure():
    group = owner(desired=6)
    here = [node(group, f"a{number}", zone=A, server_status=ServerStatus.STOPPED) for number in range(3)]
    well = [node(group, "a-well", zone=A), node(group, "b-well", zone=B)]
    made = plan(group, *here, *well, node(group, "b", zone=B, server_status=ServerStatus.STOPPED))
    assert (launched(made), terminated(made)) == ([], [])
