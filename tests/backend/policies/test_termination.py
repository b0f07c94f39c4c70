from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random

import pytest

from backend.domain.node import Health, NodeState
from backend.domain.profile import LaunchSource, ProfileRef
from backend.policies.termination import TerminationView, choose, may_go
from tests import factories
from tests.factories import NOW

OWNER = factories.cluster()
TEMPLATE = LaunchSource(template_id="current", template_name="t")
CONFIGURATION = LaunchSource("new")


def _node(name, zone="a", age=0, **values):
    made = {"zone": zone, "created_at": NOW - timedelta(minutes=age), **values}
    return factories.node(OWNER, name, **made)


def _version(number, template="current"):
    return ProfileRef(template_id=template, template_name=template, template_version=number)


def _view(*rules, source=CONFIGURATION, **values):
    return TerminationView(rules or ("Default",), source, NOW, **values)


def _chosen(nodes, number, view, seed=0):
    names = {node.id: node for node in nodes}
    return [names[node.id] for node in choose(nodes, number, view, Random(seed))]


def test_the_fullest_zone_gives_first_whatever_the_rules_say():
    old = _node("old", "a", age=500)
    young = [_node("y1", "b", age=1), _node("y2", "b", age=2)]
    assert _chosen([old, *young], 1, _view("OldestInstance")) == [young[1]]


def test_of_equally_full_zones_the_one_with_the_best_candidate_gives():
    nodes = [_node("a1", "a", age=10), _node("b1", "b", age=20)]
    assert _chosen(nodes, 1, _view("OldestInstance")) == [nodes[1]]
    assert _chosen(nodes, 1, _view("NewestInstance")) == [nodes[0]]


def test_a_zone_whose_nodes_are_all_protected_gives_nothing():
    full = [_node(f"a{number}", "a", protected=True) for number in range(3)]
    other = _node("b", "b")
    assert _chosen([*full, other], 2, _view()) == [other]


def test_zones_stay_level_while_many_go():
    nodes = [_node(f"{zone}{number}", zone, age=number) for zone in "abc" for number in range(4)]
    left = Counter(node.zone for node in nodes)
    left.subtract(Counter(node.zone for node in choose(nodes, 7, _view(), Random(3))))
    assert sorted(left.values()) == [1, 2, 2]


@pytest.mark.parametrize(
    ("rules", "source", "expected"),
    [
        (("OldestInstance",), CONFIGURATION, "oldest"),
        (("NewestInstance",), CONFIGURATION, "newest"),
        (("OldestLaunchConfiguration",), CONFIGURATION, "old-configuration"),
        (("Default",), CONFIGURATION, "foreign-template"),
        (("OldestLaunchTemplate",), TEMPLATE, "foreign-template"),
        (("Default",), TEMPLATE, "old-configuration"),
        (("AllocationStrategy", "OldestInstance"), CONFIGURATION, "oldest"),
        (("arn:aws:lambda:us-east-1:1:function:f", "NewestInstance"), CONFIGURATION, "newest"),
    ],
)
def test_predefined_rules(rules, source, expected):
    nodes = {
        "oldest": _node("oldest", age=900, profile=_version(2)),
        "newest": _node("newest", age=1, profile=_version(2)),
        "old-configuration": _node("old-configuration", age=60, profile=ProfileRef("old")),
        "foreign-template": _node("foreign-template", age=61, profile=_version(7, "other")),
    }
    if expected == "foreign-template" and source is TEMPLATE:
        nodes.pop("old-configuration")
    view = _view(*rules, source=source, configurations={"old": NOW - timedelta(days=9)})
    assert _chosen(list(nodes.values()), 1, view) == [nodes[expected]]


def test_default_takes_the_oldest_version_then_the_next_instance_hour():
    nodes = [
        _node("v2", age=59, profile=_version(2)),
        _node("v1-far", age=61, profile=_version(1)),
        _node("v1-near", age=58, profile=_version(1)),
    ]
    assert _chosen(nodes, 2, _view(source=TEMPLATE)) == [nodes[2], nodes[1]]


def test_the_oldest_launch_configuration_goes_by_its_creation_and_a_deleted_one_is_older():
    nodes = [_node(name, profile=ProfileRef(name)) for name in ("young", "old", "deleted")]
    created = {"young": NOW, "old": NOW - timedelta(days=1)}
    view = _view("OldestLaunchConfiguration", configurations=created)
    assert _chosen(nodes, 3, view) == [nodes[2], nodes[1], nodes[0]]


def test_rules_are_filters_one_after_the_other():
    nodes = [
        _node("v1-young", age=1, profile=_version(1)),
        _node("v1-old", age=90, profile=_version(1)),
        _node("v2-oldest", age=500, profile=_version(2)),
    ]
    view = _view("OldestLaunchTemplate", "OldestInstance", source=TEMPLATE)
    assert _chosen(nodes, 2, view) == [nodes[1], nodes[0]]


def test_equal_nodes_go_by_chance_and_the_same_seed_chooses_the_same():
    nodes = [_node(f"n{number}", profile=ProfileRef("lc")) for number in range(8)]
    picks = {choose(nodes, 1, _view(), Random(seed))[0].id for seed in range(40)}
    assert len(picks) > 3
    assert _chosen(nodes, 3, _view(), 5) == _chosen(nodes, 3, _view(), 5)


def test_what_does_not_serve_goes_first():
    nodes = [
        _node("serving", age=900),
        _node("booting", age=1, state=NodeState.PENDING),
        _node("sick", age=2, health=Health.UNHEALTHY),
    ]
    assert {node.id for node in choose(nodes, 2, _view("OldestInstance"), Random(1))} == {nodes[1].id, nodes[2].id}


@pytest.mark.parametrize(
    ("state", "protected", "expected"),
    [
        (NodeState.IN_SERVICE, False, True),
        (NodeState.IN_SERVICE, True, False),
        (NodeState.PENDING, True, True),
        (NodeState.STANDBY, False, False),
        (NodeState.TERMINATING, False, False),
        (NodeState.DETACHING, False, False),
    ],
)
def test_who_may_go(state, protected, expected):
    assert may_go(_node("n", state=state, protected=protected)) is expected
