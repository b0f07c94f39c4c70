from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.activity import CauseKind
from backend.domain.cluster import Process
from backend.domain.node import LeavesFor, NodeState, Notice, ServerStatus, capacity
from backend.domain.traffic import MemberHealth, RegistrationState
from backend.engine.draft import Draft
from backend.engine.phases.retire import retire
from tests.backend.engine.drafts import (
    SETTINGS,
    SOURCE,
    causes,
    draft,
    kinds,
    member,
    node,
    owner,
    pending,
    plan,
    sick,
    terminated,
)
from tests.factories import NOW

A, B = "us-east-1a", "us-east-1b"


def _causes(group, *nodes):
    made = draft(group, *nodes)
    retire(made)
    assert len(kinds(made)) == len(terminated(made))
    return [(gone.id, causes(made, gone)[0]) for gone in terminated(made)]


def _successor(group, old, **values):
    return node(group, "new", replaces=old.id, **values)


def test_a_sick_node_goes_when_its_successor_serves():
    group = owner(desired=1)
    old = sick(group, "old")
    assert _causes(group, old, _successor(group, old)) == [(old.id, CauseKind.HEALTH_CUSTOM)]
    assert _causes(group, old, pending(group, "new", replaces=old.id)) == []


def test_an_old_node_goes_when_its_successor_serves():
    group = owner(desired=1, maximum_lifetime_seconds=86_400)
    old = node(group, "old", created_at=NOW - timedelta(days=2))
    assert _causes(group, old, _successor(group, old)) == [(old.id, CauseKind.MAXIMUM_LIFETIME)]


@pytest.mark.parametrize("stored", [None, LeavesFor.ZONE, LeavesFor.HEALTH, LeavesFor.LIFETIME])
def test_a_node_leaves_for_the_reason_that_holds(stored):
    """It was to make room in its zone, say, and has fallen ill since."""
    group = owner(desired=1, maximum_lifetime_seconds=86_400)
    ill = sick(group, "old", leaves_for=stored)
    aged = node(group, "old", created_at=NOW - timedelta(days=2), leaves_for=stored)
    moved = node(group, "old", zone="us-east-1z", leaves_for=stored)
    for old, reason in ((ill, LeavesFor.HEALTH), (aged, LeavesFor.LIFETIME), (moved, LeavesFor.ZONE)):
        made = draft(group, old, _successor(group, old, zone=A))
        retire(made)
        assert made.nodes[old.id].leaves_for is reason


@pytest.mark.parametrize(
    ("desired", "zone", "protected", "goes"),
    [(1, B, False, True), (2, B, False, False), (1, B, True, False), (1, "us-east-1z", False, True)],
)
def test_a_moved_node_goes_only_as_surplus_and_unprotected(desired, zone, protected, goes):
    group = owner(desired=desired)
    old = node(group, "old", zone=zone, protected=protected)
    expected = [(old.id, CauseKind.ZONE_REBALANCE_TERMINATE)] if goes else []
    assert _causes(group, old, _successor(group, old, zone=A)) == expected


def test_nobody_goes_while_terminating_is_suspended():
    group = owner(desired=1, suspended={Process.TERMINATE: NOW})
    old = sick(group, "old")
    assert _causes(group, old, _successor(group, old)) == []


def test_a_node_with_two_successors_goes_once():
    group = owner(desired=1)
    old = node(group, "old", zone="us-east-1z")
    successors = [node(group, name, replaces=old.id, zone=A) for name in ("one", "two")]
    assert _causes(group, old, *successors) == [(old.id, CauseKind.ZONE_REBALANCE_TERMINATE)]


def _arrived(group, new, *registrations):
    """Whether the old node of a group goes."""
    old = sick(group, "old")
    made = draft(group, old, replace(new, replaces=old.id), registrations=registrations)
    retire(made)
    return bool(terminated(made)), made.wakes


@pytest.mark.parametrize(
    ("values", "seconds", "goes"),
    [
        ({}, 0, True),
        ({"warmup_seconds": 300}, 299, False),
        ({"warmup_seconds": 300}, 300, True),
        ({"health_grace_seconds": 300}, 299, False),
        ({"warmup_seconds": 0, "health_grace_seconds": 300}, 0, True),
    ],
)
def test_the_old_node_stays_until_the_new_one_is_warm(values, seconds, goes):
    group = owner(desired=1, **values)
    new = node(group, "new", in_service_at=NOW - timedelta(seconds=seconds))
    went, wakes = _arrived(group, new)
    assert went is goes
    assert went or NOW + timedelta(seconds=1) in wakes


@pytest.mark.parametrize(
    ("checks", "state", "health", "goes"),
    [
        ("EC2", None, None, False),
        ("EC2", RegistrationState.ADDING, MemberHealth.UNKNOWN, False),
        ("EC2", RegistrationState.REGISTERED, MemberHealth.INITIAL, True),
        ("EC2", RegistrationState.SKIPPED, MemberHealth.UNKNOWN, True),
        ("ELB", RegistrationState.REGISTERED, MemberHealth.HEALTHY, True),
        ("ELB", RegistrationState.REGISTERED, MemberHealth.INITIAL, False),
        ("ELB", RegistrationState.REGISTERED, MemberHealth.UNHEALTHY, False),
        ("ELB", RegistrationState.REGISTERED, MemberHealth.UNKNOWN, False),
    ],
)
def test_the_old_node_stays_until_the_new_one_takes_traffic(checks, state, health, goes):
    group = owner(desired=1, health_checks=(checks,), sources=(SOURCE,))
    new = node(group, "new", in_service_at=NOW)
    told = () if state is None else (member(new, health, state),)
    assert _arrived(group, new, *told)[0] is goes


@pytest.mark.parametrize(
    ("health", "goes"), [(MemberHealth.INITIAL, True), (MemberHealth.UNKNOWN, True), (MemberHealth.UNHEALTHY, False)]
)
def test_a_pool_that_says_nothing_is_not_waited_for_for_ever(health, goes):
    group = owner(desired=1, health_checks=("ELB",), sources=(SOURCE,))
    new = node(group, "new", in_service_at=NOW - SETTINGS.arrival_patience)
    told = replace(member(new, health), state_at=NOW - SETTINGS.arrival_patience)
    assert _arrived(group, new, told)[0] is goes


def test_nothing_is_drained_before_the_new_node_is_a_member():
    group = owner(
        desired=2,
        maintenance_minimum_percent=100,
        maintenance_maximum_percent=150,
        warmup_seconds=300,
        sources=(SOURCE,),
    )
    old, other = sick(group, "old"), node(group, "other", zone=B)
    new = pending(group, "new", server_status=ServerStatus.ACTIVE, replaces=old.id, address="10.0.0.9")
    told = [member(one, MemberHealth.HEALTHY) for one in (old, other)]
    made = plan(group, old, other, new, registrations=tuple(told))
    assert kinds(made) == ["ChangeMembers", "Pending->InService", "member:new->adding"]


def test_a_large_cluster_is_counted_once_however_many_go(monkeypatch):
    counted = []
    kept = Draft.surplus
    monkeypatch.setattr(Draft, "surplus", lambda self: counted.append(1) or kept(self))
    group = owner(desired=300, maximum=1000)
    old = [node(group, f"old{number}", zone="us-east-1z") for number in range(300)]
    new = [node(group, f"new{number}", replaces=one.id, zone=(A, B)[number % 2]) for number, one in enumerate(old)]
    assert len(_causes(group, *old, *new)) == 300
    assert len(counted) == 1


def test_only_as_many_moved_nodes_go_as_there_are_too_many():
    group = owner(desired=3)
    old = [node(group, f"old{number}", zone="us-east-1z") for number in range(3)]
    new = [node(group, f"new{number}", replaces=one.id, zone=A) for number, one in enumerate(old[:2])]
    assert [gone for gone, _ in _causes(group, *old, *new)] == [one.id for one in old[:2]]
    few = owner(desired=4)
    assert len(_causes(few, *old, *new)) == 1


@pytest.mark.parametrize("processes", [(), (Process.TERMINATE,)])
def test_what_became_capacity_is_not_ahead_of_anybody_when_it_fails(processes):
    """More were desired meanwhile: the old one stays, and what was to follow it is as good as any."""
    group = owner(desired=4, maximum=4, suspended=dict.fromkeys(processes, NOW))
    old = [node(group, f"old{each}") for each in range(2)]
    new = [node(group, f"new{each}", replaces=one.id) for each, one in enumerate(old)]
    after = plan(group, *old, *new).changes.after.nodes
    ill = [replace(after[one.id], server_status=ServerStatus.STOPPED) for one in new]
    assert capacity(plan(group, *old, *ill).changes.after.nodes.values()) == 4


def test_a_heavy_node_waits_for_all_that_comes_in_its_place():
    """Four light ones follow it, and one of them has come: what failed is waited for no longer, but launched again."""
    group = owner(desired=4, maximum_lifetime_seconds=86_400)
    old = node(group, "old", units=4, created_at=NOW - timedelta(days=2))
    come = [node(group, f"come{number}", units=1, replaces=old.id) for number in range(4)]
    coming = [pending(group, f"coming{number}", units=1, replaces=old.id) for number in range(3)]
    assert _causes(group, old, come[0], *coming) == []
    assert _causes(group, old, *come[:3], sick(group, "failed", units=1, replaces=old.id)) == []
    assert _causes(group, old, *come, *coming) != []


WELL = {
    "lifetime": {"created_at": NOW - timedelta(days=2)},
    "notice": {"notice": Notice.REBALANCE},
    "host": {"drained_from": "host"},
}
LONG = {"maximum_lifetime_seconds": 86_400, "capacity_rebalance": True}


@pytest.mark.parametrize("values", WELL.values(), ids=WELL)
@pytest.mark.parametrize(("desired", "goes"), [(7, False), (4, False), (3, True)])
def test_a_heavy_node_whose_successors_came_in_part_goes_where_enough_is_there(values, desired, goes):
    """Three units of its four have come, and the fourth is gone: nobody was promised less than is desired."""
    group = owner(desired=desired, maximum=9, **LONG)
    old = node(group, "old", units=4, **values)
    come = [node(group, f"come{number}", units=1, replaces=old.id) for number in range(3)]
    assert bool(_causes(group, old, *come)) is goes
    assert bool(_causes(group, old, *come, sick(group, "failed", units=1, replaces=old.id))) is goes


def test_a_sick_heavy_node_goes_with_the_first_that_comes():
    """It does nobody any good: what lacks is launched at once when it has gone."""
    group = owner(desired=4)
    old = sick(group, "old", units=4)
    assert _causes(group, old, _successor(group, old, units=1)) == [(old.id, CauseKind.HEALTH_CUSTOM)]


def test_two_heavy_nodes_share_what_is_there_without_them():
    group = owner(desired=7, maximum=20, **LONG)
    old = [node(group, f"old{each}", units=4, **WELL["host"]) for each in range(2)]
    come = [node(group, f"come{each}{one.id}", units=1, replaces=one.id) for one in old for each in range(3)]
    assert [gone for gone, _ in _causes(group, *old, *come)] == [old[0].id]


@pytest.mark.parametrize("values", WELL.values(), ids=WELL)
def test_what_lacks_in_the_place_of_a_heavy_node_is_launched_again(values):
    """It waits for no place above what is desired: what came has its own already."""
    first = {"maintenance_minimum_percent": 100, "maintenance_maximum_percent": 101}
    group = owner(desired=4, maximum=9, **LONG, **first)
    old = node(group, "old", units=4, **values)
    come = [node(group, f"come{number}", units=1, replaces=old.id) for number in range(3)]
    made = plan(group, old, *come)
    new = [each for each in made.changes.after.nodes.values() if each.id not in {old.id, *(one.id for one in come)}]
    assert [(each.replaces, each.state) for each in new] == [(old.id, NodeState.PENDING)]
    failed = sick(group, "failed", units=1, replaces=old.id, health_due_at=NOW + timedelta(seconds=30))
    assert len(plan(group, old, *come, failed).changes.after.nodes) == 5
