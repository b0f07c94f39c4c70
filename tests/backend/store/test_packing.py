"""Points of a series in bytes, and out of them again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.domain.distributions import rounded
from backend.domain.metrics import Datapoint, measured, metric
from backend.store.packing import pack, unpack
from tests.factories import NOW

MINUTE = timedelta(minutes=1)


def point(minutes, values, unit=None):
    told = measured(metric("N", "m"), NOW, values)
    return Datapoint(NOW + minutes * MINUTE, told.samples, told.total, told.least, told.most, told.spread, unit)


def test_what_was_packed_comes_out_with_its_unit():
    points = [point(0, [2.5]), point(1, [1, 2, 2]), point(59, [-1, -2]), point(1439, [7])]
    first, second, third, last = unpack(NOW, pack(NOW, points, exact=True), "Count")
    assert [first, second, last] == [point(0, [2.5], "Count"), point(1, [1, 2, 2], "Count"), point(1439, [7], "Count")]
    assert (third.total, third.spread) == (-3, None)
    assert unpack(NOW, pack(NOW, [])) == []


@pytest.mark.parametrize("exact", [True, False])
def test_many_values_are_told_within_a_per_cent_and_never_beyond_the_least_and_the_largest(exact):
    values = [0.0, 2.0**-300, *(1.03**at for at in range(200)), 2.0**360]
    (found,) = unpack(NOW, pack(NOW, [point(0, values)], exact=exact))
    for percent in (0, 1, 50, 99, 100):
        wanted = sorted(values)[max(-(-percent * len(values) // 100) - 1, 0)]
        assert found.value(f"p{percent}") == pytest.approx(wanted, rel=0.0101)
    assert (found.value("p0"), found.value("p100")) == (0, 2.0**360)


def test_spreads_are_left_out_where_nobody_asks_for_them():
    (found,) = unpack(NOW, pack(NOW, [point(0, [1, 2, 7])], exact=True), spreads=False)
    assert (found.samples, found.total, found.least, found.most, found.spread) == (3, 10, 1, 7, None)


def test_a_day_of_points_as_wide_as_may_be_fits_into_a_row():
    spread = rounded({1.02**at: 1 / (abs(at) + 3) for at in range(-12_500, 12_500)})
    points = [Datapoint(NOW + at * MINUTE, 1, 1, 2.0**-360, 2.0**360, spread) for at in range(288)]
    packed = pack(NOW, points)
    assert len(packed) < 4_000_000 < 2**24
    assert unpack(NOW, packed)[-1].spread == pytest.approx(spread)


def test_an_hour_of_numbers_without_order_takes_little_more_than_the_numbers():
    points = [point(at, [1 / (at + 3.1)]) for at in range(60)]
    assert len(pack(NOW, points, exact=True)) < 60 * 8 + 120
