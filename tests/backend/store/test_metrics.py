"""Series of metrics, on every database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.domain.metrics import Datapoint, MetricLimits, measured, metric
from backend.domain.steps import Steps, TooManySteps
from backend.store import metric_packing, metrics
from backend.store.metric_batches import points_of
from backend.store.metric_tables import metric_points
from backend.store.metrics import MetricQuery
from tests.factories import NOW, OTHER, SCOPE

CPU = metric("App", "Cpu", {"Host": "a", "Area": "b"})
MINUTE = timedelta(minutes=1)


def datum(value=1.0, minutes=0.0, of=CPU, **values):
    return measured(of, NOW + minutes * MINUTE, value if isinstance(value, list) else [value], **values)


def add(store, *data, scope=SCOPE, **values):
    return store.transact(lambda conn: metrics.add(conn, scope, data, NOW, **values))


def points(store, of=CPU, period=60, minutes=60, scope=SCOPE, unit=None, start=NOW):
    with store.read() as conn:
        return metrics.points(conn, scope, of, period, start, start + minutes * MINUTE, unit)


def test_samples_of_a_minute_add_up_whoever_measured_them(store):
    add(store, datum(2, 0.1), datum(5, 0.5))
    add(store, datum([1, 9], 0.9, counts=[2, 1]), datum(4, 3))
    first, second = points(store)
    assert (first.at, first.samples, first.total, first.least, first.most) == (NOW, 5, 18, 1, 9)
    assert first.spread == {1: 2, 2: 1, 5: 1, 9: 1}
    assert second == Datapoint(NOW + 3 * MINUTE, 1, 4, 4, 4, unit="None")


def test_another_project_has_metrics_of_its_own(store):
    add(store, datum(2))
    add(store, datum(7), scope=OTHER)
    assert [point.total for point in points(store)] == [2]
    assert [point.total for point in points(store, scope=OTHER)] == [7]


def test_dimensions_name_a_metric_in_any_order_and_none_is_another(store):
    add(
        store,
        datum(2),
        datum(3, of=metric("App", "Cpu", [("Area", "b"), ("Host", "a")])),
        datum(9, of=metric("App", "Cpu")),
    )
    assert [point.total for point in points(store)] == [5]
    assert [point.total for point in points(store, metric("App", "Cpu"))] == [9]


def test_units_are_kept_apart_and_put_together_where_none_is_asked_for(store):
    add(store, datum(2, unit="Seconds"), datum(3, unit="Count"), datum(4, 1, unit="Count"))
    assert [point.total for point in points(store, unit="Count")] == [3, 4]
    assert [(point.total, point.unit) for point in points(store)] == [(5, None), (4, None)]
    assert points(store, unit="Bytes") == []
    with store.read() as conn:
        found = metrics.by_unit(conn, SCOPE, CPU, 60, NOW, NOW + MINUTE)
    assert {unit: [point.total for point in each] for unit, each in found.items()} == {"Count": [3], "Seconds": [2]}


def test_periods_begin_at_the_start_that_is_asked_for(store):
    add(store, *(datum(value, value) for value in range(10)))
    assert [(point.at, point.total) for point in points(store, period=300, start=NOW + 3 * MINUTE, minutes=10)] == [
        (NOW + 3 * MINUTE, 3 + 4 + 5 + 6 + 7),
        (NOW + 8 * MINUTE, 8 + 9),
    ]


def test_fine_points_are_told_by_the_second_and_others_by_the_minute(store):
    fine = metric("App", "Fine")
    add(store, *(datum(at, at / 60, of=of, fine=of is fine) for of in (fine, CPU) for at in (1, 2, 5, 61)))
    assert [point.total for point in points(store, fine, 1)] == [1, 2, 5, 61]
    assert [point.total for point in points(store, fine, 5)] == [3, 5, 61]
    assert [(point.at, point.total) for point in points(store, period=1)] == [(NOW, 8), (NOW + MINUTE, 61)]


def test_reading_a_point_costs_by_how_its_samples_are_spread(store):
    add(store, datum([*range(1, 101)]), datum([*range(101)], 0.5), datum(7, 1))

    def read(most, **further):
        with store.read() as conn:
            return metrics.by_unit(conn, SCOPE, CPU, 60, NOW, NOW + 9 * MINUTE, Steps(most), **further)["None"]

    assert [len(point.spread or ()) for point in read(103)] == [101, 0]
    with pytest.raises(TooManySteps):
        read(102)
    assert [(point.samples, point.total, point.spread) for point in read(2, spreads=False)] == [
        (201, 10100, None),
        (1, 7, None),
    ]


class _Disturbed:
    """A connection that has something done after each of its statements."""

    def __init__(self, conn, disturb):
        self._conn, self._disturb = conn, disturb

    def execute(self, *statement):
        found = self._conn.execute(*statement)
        rows = found.all()
        self._disturb()
        return _Rows(rows)


class _Rows(list):
    def all(self):
        return self


def test_what_is_packed_while_it_is_read_is_told_once(store):
    add(store, datum(5), datum([1, 2, 3], 2))
    later = NOW + 70 * MINUTE

    def disturb():
        store.transact(lambda conn: metric_packing.pack_due(conn, SCOPE, later, 100))

    with store.read() as conn:
        found = metrics.points(_Disturbed(conn, disturb), SCOPE, CPU, 60, NOW, later)
    assert [(point.samples, point.total) for point in found] == [(1, 5), (3, 6)]
    assert [(point.samples, point.total) for point in points(store)] == [(1, 5), (3, 6)]


def test_a_project_has_so_many_series_and_no_more(store):
    limits = MetricLimits(series=2)
    add(store, datum(1), datum(1, unit="Count"), limits=limits)
    other = metric("App", "Other")
    assert add(store, datum(5), datum(1, of=other), limits=limits) == 1
    assert [point.total for point in points(store, unit="None")] == [6]  # what is known is not refused along with it
    assert points(store, other) == []
    assert add(store, datum(5), limits=limits) == 0
    assert add(store, datum(5, of=other), datum(5), datum(5, unit="Count"), limits=limits, scope=OTHER) == 1


def test_series_without_data_for_long_are_not_counted(store):
    limits = MetricLimits(series=1)
    add(store, datum(1), limits=limits)
    other, later = metric("App", "Other"), NOW + timedelta(days=15)

    def more():
        return store.transact(lambda conn: metrics.add(conn, SCOPE, [datum(1, of=other)], later, limits))

    assert more() == 1
    later += MINUTE
    assert more() == 0


def test_names_are_listed_in_their_order_page_by_page(store):
    named = [metric(f"N{at}", name, {"D": str(at)}) for at in range(3) for name in ("b", "a")]
    add(store, *(datum(1, of=of, unit=unit) for of in named for unit in ("Count", "None")))
    add(store, datum(1, of=metric("Other", "x")), scope=OTHER)
    found, after = [], None
    with store.read() as conn:
        while True:
            page = metrics.page(conn, SCOPE, MetricQuery(), 4, after)
            found += [of for of, _ in page.items]
            if page.marker is None:
                break
            last, key = page.items[-1]
            after = (last.namespace, last.name, key)
    assert found == sorted(named, key=lambda each: (each.namespace, each.name))


def test_names_are_found_by_what_is_asked_of_them(store):
    plain, one, both = (metric("N", "m", pairs) for pairs in ({}, {"A": "1"}, {"A": "2", "B": "x"}))
    add(store, *(datum(1, of=of) for of in (plain, one, both, metric("N", "other"))))

    def found(**query):
        with store.read() as conn:
            return {of for of, _ in metrics.page(conn, SCOPE, MetricQuery(**query), 10).items}

    assert found(name="m") == {plain, one, both}
    assert found(namespace="N", dimensions=[("A", None)]) == {one, both}
    assert found(dimensions=[("A", "2"), ("B", None)]) == {both}
    assert found(namespace="n") == set()
    assert found(since=NOW + MINUTE) == set()


def test_many_read_at_once_say_the_same_as_each_by_itself(store):
    """Loose and packed, of one unit, of another and of any, of one project alone."""
    other, none = metric("App", "Other"), metric("App", "None")
    for minutes in range(0, 120, 7):
        add(store, datum(minutes, minutes), datum(1, minutes, unit="Count"), datum(minutes / 2, minutes, of=other))
    add(store, datum(100), scope=OTHER)
    later = NOW + timedelta(minutes=90)
    store.transact(lambda conn: metric_packing.pack_due(conn, SCOPE, later, 10))
    wanted = [(CPU, None), (CPU, "Count"), (CPU, "Bytes"), (other, None), (none, None)]
    for period, minutes in ((60, 30), (300, 0), (600, 7), (10, 100)):
        start = NOW + timedelta(minutes=minutes)
        end = start + timedelta(minutes=60)
        with store.read() as conn:
            together = points_of(conn, SCOPE, wanted, period, start, end)
            for of, unit in wanted:
                alone = metrics.points(conn, SCOPE, of, period, start, end, unit, spreads=False)
                assert [_figures(each) for each in together[of, unit]] == [_figures(each) for each in alone]


def _figures(point):
    return point.at, point.samples, point.total, point.least, point.most


def test_old_data_need_no_row_for_each_second(store):
    old = [datum(1, -300 + second / 60, fine=True) for second in range(120)]
    add(store, *old)
    with store.read() as conn:
        assert len(conn.execute(select(metric_points)).all()) == 2
    assert [point.samples for point in points(store, start=NOW - 300 * MINUTE)] == [60, 60]


def test_what_is_packed_already_weighs_where_more_is_packed_into_it(store):
    """Each hour is read and written whole: of wide ones few are packed at once."""
    hours = range(-60, -12, 6)
    values = [float((value * 7919) % 10007) for value in range(140)]
    add(store, *(datum(values, 60 * hour) for hour in hours))
    later = NOW + timedelta(hours=2)
    store.transact(lambda conn: metric_packing.pack_due(conn, SCOPE, later, 10, 10**6))
    add(store, *(datum(1, 60 * hour + 5) for hour in hours))
    rounds = 0
    while True:
        rounds += 1
        store.transact(lambda conn: metric_packing.pack_due(conn, SCOPE, later, 10, 100))
        with store.read() as conn:
            if not conn.execute(select(metric_points)).first():
                break
    assert rounds >= 4
    assert [point.samples for point in points(store, start=NOW - 3600 * MINUTE, minutes=60 * 60)] == [140, 1] * len(
        hours
    )


def test_packing_that_is_long_due_is_told(store):
    add(store, datum(1, -600))
    with store.read() as conn:
        assert not metrics.is_behind(conn, SCOPE, NOW + 20 * MINUTE)
        assert metrics.is_behind(conn, SCOPE, NOW + 30 * MINUTE)
        assert not metrics.is_behind(conn, OTHER, NOW + 30 * MINUTE)
