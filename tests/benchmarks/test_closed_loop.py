"""How policies hold a load in the model: the same for the same seed, and as near to the optimum as is told of them."""

from __future__ import annotations

import pytest

from benchmarks.closed_loop import Held, held, needed, steps, tracking
from benchmarks.load_curves import CURVES, DAY, HISTORY_DAYS, TRIED_DAYS, made


@pytest.fixture(scope="module")
def opening():
    """Until two o'clock of the first day that is tried, a Monday."""
    return made("opening hours", 1)[: HISTORY_DAYS * DAY + 14 * 60]


@pytest.mark.parametrize("name", CURVES)
def test_curves_are_the_same_for_the_same_seed(name):
    loads = made(name, 3)
    assert loads == made(name, 3)
    assert loads != made(name, 4)
    assert len(loads) == (HISTORY_DAYS + TRIED_DAYS) * DAY
    assert min(loads) >= 0


def test_who_knows_all_before_needs_the_least(opening):
    best = held(opening, None)
    assert (best.above, best.unserved, best.overshoot, best.settling) == (0.0, 0.0, 0.0, 0)
    assert best.node_hours == sum(needed(load) for load in opening[HISTORY_DAYS * DAY :]) / 60


def test_policies_hold_a_load(opening):
    """What is foreseen is there when offices open; what only follows comes minutes later, and some load is lost."""
    best = held(opening, None).node_hours
    behind = {policy.__name__: held(opening, policy) for policy in (steps, tracking)}
    ahead = held(opening, tracking, predictive=True)
    assert all(0.005 < each.unserved < 0.03 for each in behind.values())
    assert ahead.unserved < 0.001
    assert ahead.above < min(each.above for each in behind.values()) / 5
    assert ahead.settling == 0
    assert all(5 <= (each.settling or 0) <= 40 for each in behind.values())
    assert all(best < each.node_hours < 1.15 * best for each in (ahead, *behind.values()))


def test_a_load_that_stays_is_left_alone():
    """No flapping: what comes of a load that never changes is what there is."""
    constant = [400.0] * (HISTORY_DAYS * DAY + 6 * 60)
    for predictive in (False, True):
        assert held(constant, tracking, predictive=predictive) == Held(8.0 * 6, 0.0, 0.0, 0.0, 0)
