"""Points put together by period: the same as one after the other, and not copied for each."""

from datetime import UTC, datetime, timedelta
from functools import reduce

from backend.domain.metrics import Datapoint, by_period, merged

NOW = datetime(2026, 11, 22, 13, tzinfo=UTC)


def points(number, spread):
    for each in range(number):
        values = spread(each)
        at = NOW + timedelta(seconds=each)
        total = sum(value * count for value, count in values.items())
        yield Datapoint(at, sum(values.values()), total, min(values), max(values), values, "Count")


def test_a_period_is_what_its_points_are_together():
    few = list(points(10, lambda each: {float(each % 3): 2.0, 5.0: 1.0}))
    (told,) = by_period(few, 60, NOW)
    assert told == reduce(merged, few)
    (told,) = by_period([*few, Datapoint(NOW, 1.0, 2.0, 1.0, 3.0)], 60, NOW)
    assert (told.spread, told.unit) == (None, None)
    assert by_period([Datapoint(NOW, 1.0, 4.0, 4.0, 4.0)] * 3, 60, NOW) == [Datapoint(NOW, 3.0, 12.0, 4.0, 4.0)]


def test_many_values_are_told_as_fewer_that_are_close():
    many = list(points(200, lambda each: {1.0 + each + number / 100: 1.0 for number in range(100)}))
    (told,) = by_period(many, 3600, NOW)
    assert sum(told.spread.values()) == told.samples == 20_000
    assert len(told.spread) < 300
    assert abs(told.value("p50") - 101.0) < 1.5
