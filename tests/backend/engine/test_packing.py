"""Points of metrics are packed when their hour is over, rolled up, dropped when they are old, and read all the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from backend.domain.metrics import measured, metric
from backend.engine.settings import EngineSettings
from backend.store import metric_packing, metric_tables, metrics
from backend.store.metrics import PACKINGS
from tests.backend.engine.world import EngineWorld
from tests.factories import NOW, OTHER, SCOPE, longest_due

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
CPU = metric("App", "Cpu")


@pytest.fixture
def world():
    made = EngineWorld(engine_settings=EngineSettings(garbage=timedelta(minutes=1)))
    yield made
    made.close()


def add(world, *minutes, of=CPU, value=1.0, scope=SCOPE, **further):
    data = [measured(of, NOW + at * MINUTE, value if isinstance(value, list) else [value], **further) for at in minutes]
    world.store.transact(lambda conn: metrics.add(conn, scope, data, world.clock.now()))


def told(world, period=60, start=NOW, hours=2.0, of=CPU, scope=SCOPE):
    with world.store.read() as conn:
        found = metrics.points(conn, scope, of, period, start, start + hours * HOUR)
    return [((point.at - NOW) / MINUTE, point.samples, point.total) for point in found]


def rows(world):
    """How many rows there are: loose ones, minutes, five minutes, hours."""
    names = ("metric_points", "metric_minutes", "metric_fives", "metric_hours")
    with world.store.read() as conn:
        counts = [conn.execute(select(func.count()).select_from(getattr(metric_tables, n))).scalar_one() for n in names]
    return tuple(counts)


def leap(world, to):
    world.clock.at = to
    world.pass_time(3, step=1)


def test_an_hour_is_packed_when_it_is_over_and_told_as_before(world):
    add(world, *range(60), value=[2.0, 5.0])
    add(world, 61, 62)
    before = {period: told(world, period) for period in (60, 300, 3600)}
    leap(world, NOW + HOUR + timedelta(minutes=9))
    assert rows(world) == (62, 0, 0, 0)
    leap(world, NOW + HOUR + timedelta(minutes=10, seconds=1))
    assert rows(world) == (2, 1, 1, 1)
    assert {period: told(world, period) for period in (60, 300, 3600)} == before
    with world.store.read() as conn:
        (point, _) = metrics.points(conn, SCOPE, CPU, 3600, NOW, NOW + 2 * HOUR)
    assert (point.value("p50"), point.value("p99")) == (pytest.approx(2, rel=0.01), 5)
    with world.store.read() as conn:
        point, *_ = metrics.points(conn, SCOPE, CPU, 60, NOW, NOW + HOUR)
    assert point.spread == {2.0: 1, 5.0: 1}
    leap(world, NOW + 2 * HOUR + timedelta(minutes=11))
    assert rows(world) == (0, 2, 1, 1)
    assert {period: told(world, period) for period in (60, 300, 3600)} == before


def test_what_comes_late_is_told_at_once_and_packed_soon(world):
    add(world, 1, 2)
    leap(world, NOW + 5 * HOUR)
    add(world, 2, 3, value=4)
    late = [(1, 1, 1), (2, 2, 5), (3, 1, 4)]
    assert told(world) == late
    leap(world, NOW + 5 * HOUR + timedelta(minutes=11))
    assert rows(world) == (0, 1, 1, 1)
    assert told(world) == late
    assert told(world, 300) == [(0, 4, 10)]
    assert told(world, 3600) == [(0, 4, 10)]


def test_packing_twice_is_packing_once(world):
    add(world, 1, 2)
    later = NOW + 2 * HOUR
    for _ in range(2):
        world.store.transact(lambda conn: metric_packing.pack_due(conn, SCOPE, later, 10))
        world.store.transact(lambda conn: conn.execute(metric_tables.metric_series.update().values(pack_at=NOW)))
    assert (told(world), told(world, 3600)) == ([(1, 1, 1), (2, 1, 1)], [(0, 2, 2)])


def test_a_transaction_packs_so_many_points_and_what_is_left_stays_due(world):
    for number in range(3):
        add(world, *range(60), of=metric("App", f"m{number}"))
    later, left, done = NOW + 2 * HOUR, [], []
    while not left or left[-1]:
        packed = world.store.transact(lambda conn: metric_packing.pack_due(conn, SCOPE, later, 10, most=100))
        done.append(packed)
        left.append(rows(world)[0])
    assert (left, done) == ([119, 59, 0], [1, 1, 1])
    assert rows(world) == (0, 3, 3, 3)
    for number in range(3):
        found = told(world, of=metric("App", f"m{number}"))
        assert [(samples, total) for _, samples, total in found] == [(1, 1)] * 60


def test_fine_points_are_told_by_the_second_for_three_hours_and_by_the_minute_then(world):
    add(world, 0, 0.5, 1, fine=True)
    leap(world, NOW + 3 * HOUR)
    assert told(world, 30) == [(0, 1, 1), (0.5, 1, 1), (1, 1, 1)]
    leap(world, NOW + 4 * HOUR + timedelta(minutes=11))
    assert told(world, 30) == [(0, 2, 2), (1, 1, 1)]


def test_each_grain_goes_when_it_is_old_and_the_name_with_the_last(world):
    add(world, 5)
    leap(world, NOW + 2 * HOUR)
    leap(world, NOW + timedelta(days=15, hours=2))
    assert rows(world) == (0, 0, 1, 1)
    assert (told(world), told(world, 300)) == ([], [(5, 1, 1)])
    leap(world, NOW + timedelta(days=65))
    assert rows(world) == (0, 0, 0, 1)
    assert (told(world, 300), told(world, 3600)) == ([], [(0, 1, 1)])
    leap(world, NOW + timedelta(days=457))
    with world.store.read() as conn:
        assert conn.execute(select(func.count()).select_from(metric_tables.metric_series)).scalar_one() == 0
    assert rows(world) == (0, 0, 0, 0)


def test_what_comes_after_its_minutes_were_dropped_adds_to_what_is_left_of_them(world):
    add(world, 5)
    leap(world, NOW + 2 * HOUR)
    world.store.transact(lambda conn: conn.execute(metric_tables.metric_minutes.delete()))
    add(world, 6)
    leap(world, NOW + 3 * HOUR)
    assert (told(world, 300), told(world, 3600)) == ([(5, 2, 2)], [(0, 2, 2)])


def test_many_projects_and_series_are_packed_and_then_there_is_nothing_to_do(world):
    for scope in (SCOPE, OTHER):
        for number in range(250):
            add(world, 1, of=metric("App", f"m{number}"), scope=scope)
    leap(world, NOW + 2 * HOUR)
    assert rows(world) == (0, 500, 500, 500)
    assert world.engine.counters["series_packed"] == 500
    with world.store.read() as conn:
        assert longest_due(conn, PACKINGS) is None
        assert conn.execute(select(func.count()).select_from(metric_tables.metric_packings)).scalar_one() == 0
    add(world, 121, of=metric("App", "m0"))
    with world.store.read() as conn:
        assert longest_due(conn, PACKINGS) == NOW + 3 * HOUR + timedelta(minutes=10)
