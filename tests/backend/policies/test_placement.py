from __future__ import annotations

import pytest

from backend.domain.cluster import ZoneDistribution
from backend.policies.placement import imbalance, spread

ZONES = ("a", "b", "c")


@pytest.mark.parametrize(
    ("counts", "number", "failing", "expected"),
    [
        ({}, 0, (), {}),
        ({}, 1, (), {"a": 1}),
        ({}, 5, (), {"a": 2, "b": 2, "c": 1}),
        ({"a": 3}, 3, (), {"b": 2, "c": 1}),
        ({"a": 1, "b": 1}, 1, (), {"c": 1}),
        ({"elsewhere": 9}, 3, (), {"a": 1, "b": 1, "c": 1}),
        ({}, 4, ("a",), {"b": 2, "c": 2}),
        ({}, 4, ("a", "b", "c"), {}),
    ],
)
def test_nodes_go_to_the_emptiest_zones_that_work(counts, number, failing, expected):
    assert spread(counts, ZONES, number, failing=failing) == expected


def test_balanced_only_waits_for_a_failing_zone():
    chosen = spread({}, ZONES, 5, failing=("a",), distribution=ZoneDistribution.ONLY)
    assert chosen == {"b": 2, "c": 1}


@pytest.mark.parametrize(
    ("counts", "zones", "expected"),
    [
        ({"a": 3}, ("a",), None),
        ({"a": 3, "b": 1}, ("a", "b"), ("b", "a", 2)),
        ({"a": 1, "b": 1, "x": 7}, ("a", "b"), ("a", "a", 0)),
        ({"c": 4}, ZONES, ("a", "c", 4)),
    ],
)
def test_imbalance_is_between_the_emptiest_and_the_fullest(counts, zones, expected):
    assert imbalance(counts, zones) == expected
