from __future__ import annotations

from datetime import timedelta

import pytest

from backend.domain.activity import CauseKind
from backend.domain.cluster import Process
from backend.engine.phases.retire import retire
from tests.backend.engine.drafts import draft, node, owner, pending, sick
from tests.factories import NOW

A, B = "us-east-1a", "us-east-1b"


def _causes(group, *nodes):
    made = draft(group, *nodes)
    retire(made)
    return [(step.node.id, step.causes[0].kind) for step in made.steps]


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
