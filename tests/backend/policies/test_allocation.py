"""Shares of On-Demand and Spot, and which type comes next."""

from __future__ import annotations

import pytest

from backend.domain.mixes import Distribution, Strategy
from backend.policies.allocation import Candidate, best, is_spot_next, on_demand_of, ordered

SMALL = Candidate(0, "small", 1, None, (2, 2048, 8))
LARGE = Candidate(1, "large", 4, None, (8, 8192, 8))
TINY = Candidate(2, "tiny", 1, None, (1, 512, 8), failures=2)


@pytest.mark.parametrize(
    ("desired", "base", "percent", "on_demand"),
    [(10, 0, 50, 5), (10, 2, 0, 2), (10, 2, 50, 6), (10, 0, 33, 4), (10, 12, 0, 10), (10, 0, 100, 10), (0, 5, 50, 0)],
)
def test_the_share_of_on_demand(desired: int, base: int, percent: int, on_demand: int) -> None:
    share = Distribution(on_demand_base=base, on_demand_percent=percent)
    assert on_demand_of(desired, share) == on_demand
    assert is_spot_next(desired, on_demand, share)
    assert not is_spot_next(desired, on_demand - 1, share)


@pytest.mark.parametrize(
    ("strategy", "names"),
    [
        (Strategy.PRIORITIZED, ["small", "large", "tiny"]),
        (Strategy.LOWEST_PRICE, ["tiny", "large", "small"]),  # by unit: 1, 2 and 2 CPUs; 512, 2048 and 2048 MiB
        (Strategy.CAPACITY, ["small", "large", "tiny"]),
        (Strategy.CAPACITY_PRIORITIZED, ["small", "large", "tiny"]),
        (Strategy.PRICE_CAPACITY, ["large", "small", "tiny"]),
    ],
)
def test_the_order_of_each_strategy(strategy: Strategy, names: list[str]) -> None:
    assert [one.instance_type for one in ordered(strategy, [SMALL, LARGE, TINY])] == names


def test_costs_that_are_told_come_before_sizes() -> None:
    dear, cheap = Candidate(0, "dear", 1, 9.0, (1, 1, 1)), Candidate(1, "cheap", 2, 4.0, (9, 9, 9))
    assert [one.instance_type for one in ordered(Strategy.LOWEST_PRICE, [TINY, dear, cheap])] == [
        "cheap",
        "dear",
        "tiny",
    ]


def test_of_what_costs_the_same_the_smallest_comes_first() -> None:
    large, small = Candidate(0, "c5.2xlarge", 8, None, (8, 16384, 0)), Candidate(1, "c5.large", 2, None, (2, 4096, 0))
    for strategy in (Strategy.LOWEST_PRICE, Strategy.PRICE_CAPACITY):
        assert [one.instance_type for one in ordered(strategy, [large, small])] == ["c5.large", "c5.2xlarge"]


def test_pools_are_spread_over_and_dearer_ones_left() -> None:
    chosen, held = [], {"large": 2}
    for _ in range(4):
        one = best(ordered(Strategy.LOWEST_PRICE, [SMALL, LARGE, TINY]), 2, held)
        assert one is not None
        chosen.append(one.instance_type)
        held[one.instance_type] = held.get(one.instance_type, 0) + 1
    assert chosen == ["tiny", "tiny", "tiny", "large"]
    assert best([], 2) is None
