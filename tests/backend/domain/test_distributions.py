"""Spreads of values, and what is asked of them."""

from __future__ import annotations

import random

import pytest

from backend.domain.distributions import EXACT, MOST, asked, merged, rounded, statistic


def of(text, spread):
    return asked(spread, statistic(text))


WEIGHTED = {2.0: 2.0, 10.0: 3.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [("tc90", 4.5), ("ts90", 28.92), ("IQM", 7.56), ("tm90", 6.43), ("PR(2:10)", 100.0), ("wm90", 6.78)],
)
def test_recorded_values_are_met_within_a_per_cent(text, value):
    assert of(text, WEIGHTED) == pytest.approx(value, rel=0.01)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("p0", 1),
        ("p50", 5),
        ("P90", 9),
        ("p99.9", 10),
        ("p100", 10),
        ("TM(:90%)", 5),
        ("TM(10%:90%)", 5.5),
        ("tm(2:4)", 3.5),
        ("TC(5:)", 5),
        ("TS(:3)", 6),
        ("WM(2:9)", 5.5),
        ("PR(:5)", 50),
        ("PR(11:)", 0),
    ],
)
def test_of_the_numbers_from_one_to_ten(text, value):
    assert of(text, {float(at): 1.0 for at in range(1, 11)}) == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "p", "p101", "pp50", "TM(:)", "TM(5:3)", "TM(5%:7)", "PR(-1:0)", "PR(1%:2%)", "x" * 9999]
)
def test_what_asks_for_nothing(text):
    assert statistic(text) is None


def test_of_negative_values_and_of_no_samples_there_is_none():
    assert of("p50", {-1.0: 1.0, 5.0: 1.0}) is None
    assert of("p50", {5.0: 0.0}) is None
    assert of("TM(7:9)", {5.0: 1.0}) is None


def test_many_values_stay_few_and_within_a_per_cent_in_whatever_order_they_come():
    rng = random.Random(4711)
    values = [rng.lognormvariate(3, 2) for _ in range(20_000)]
    spread = {}
    for value in values:
        spread = merged(spread, {value: 1.0})
    other = {}
    for value in reversed(values):
        other = merged({value: 1.0}, other)
    assert len(spread) < 800
    ordered = sorted(values)
    for percent in (1, 25, 50, 90, 99, 99.9):
        exact = ordered[int(percent / 100 * len(ordered)) - 1]
        assert of(f"p{percent}", spread) == pytest.approx(exact, rel=0.011)
        assert of(f"p{percent}", other) == pytest.approx(exact, rel=0.011)
    assert rounded(spread) == rounded(rounded(spread))


def test_few_values_stay_as_they_are():
    spread = {}
    for at in range(EXACT):
        spread = merged(spread, {at / 7: 1.0})
    assert of("p50", spread) == (EXACT // 2 - 1) / 7


def test_however_wide_values_are_spread_they_stay_few_and_in_their_order():
    spread = {}
    for start in range(-12_000, 12_000, 600):
        spread = merged(spread, {1.02**at: 2.0 for at in range(start, start + 600)})
        assert len(spread) <= MOST
    assert sum(spread.values()) == 48_000
    assert rounded(spread) == spread
    for percent in (1, 50, 99):
        exact = 1.02 ** (-12_000 + 240 * percent)
        assert exact / 2 < of(f"p{percent}", spread) < exact * 2
    assert len(merged(spread, {-value: count for value, count in spread.items()})) <= MOST


def test_a_factor_of_many_millions_is_told_within_a_per_cent():
    spread = rounded({1.02**at: 1.0 for at in range(900)})
    assert of("p90", spread) == pytest.approx(1.02**809, rel=0.0101)
