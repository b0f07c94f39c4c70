"""Metrics: 10,000 series a minute put, packed and asked for; what a series costs in bytes.

The store's time is moved by hand: an hour of minutes is put as fast as it goes. Seconds are the processor's.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from backend.domain.metric_queries import MetricStat
from backend.domain.metrics import Metric, floored, measured, metric
from backend.domain.scope import Scope
from backend.domain.steps import Steps
from backend.store import metric_packing, metric_reading, metrics, migrate
from backend.store.session import Store

SERIES = 10_000
_SCOPE = Scope("project", "us-east-1")
_BATCH = 1000
"""Data that one request may bring."""
_HOUR = timedelta(hours=1)
_AIM_SHARE = 0.1
_AIM_QUERY_MS = 20.0


@dataclass
class _Clock:
    at: datetime = datetime(2026, 11, 22, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return time.perf_counter()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)


def report(folder: Path, series: int = SERIES, minutes: int = 60) -> int:
    """Print what it takes. Returns the number of aims missed."""
    path = folder / "metrics.db"
    migrate.upgrade(f"sqlite:///{path}")
    clock = _Clock()
    store = Store(f"sqlite:///{path}", clock)
    table = Table("metrics", "figure", "aim", "")
    every = [metric("App", f"requests{number % 50}", {"host": f"host-{number // 50}"}) for number in range(series)]
    begun = clock.at
    took = [_minute(store, clock, every) for _ in range(minutes)]
    share = sorted(took)[len(took) // 2] / 60
    table.add(
        f"{series:,} series a minute, put", f"{share:.1%} of a core", f"< {_AIM_SHARE:.0%}", met=share < _AIM_SHARE
    )
    table.add("points in rows of their own", f"{_size(path) / series / minutes:,.0f} bytes each", "")
    clock.at += timedelta(minutes=71)
    used = time.process_time()
    packed = _pack(store, clock)
    used = time.process_time() - used
    table.add(f"packing {packed:,} series once an hour", f"{used / 3600:.2%} of a core", "")
    for name in ("minutes", "fives", "hours"):
        table.add(f"{name}, packed", f"{_packed(path, name):,.0f} bytes a series and hour", "")
    table.add("a series with nothing but packed points", f"{_size(path) / series:,.0f} bytes", "")
    _day(store, clock, table)
    _ask(store, clock, every[0], begun, table)
    store.close()
    print(f"SQLite, synchronous=FULL, every value another one\n\n{table}\n", flush=True)
    return table.missed


def _minute(store: Store, clock: _Clock, every: list[Metric]) -> float:
    """Seconds of the processor that putting a minute of all takes."""
    clock.at += timedelta(minutes=1)
    used = time.process_time()
    for at in range(0, len(every), _BATCH):
        data = [measured(of, clock.at, [random.random()]) for of in every[at : at + _BATCH]]
        store.transact(lambda conn, data=data: metrics.add(conn, _SCOPE, data, clock.at))
    return time.process_time() - used


def _size(path: Path) -> int:
    """Bytes of the pages that hold something."""
    with closing(sqlite3.connect(path)) as connection:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


def _pack(store: Store, clock: _Clock) -> int:
    """Pack all that is due, as engines do one turn after the other; how many series had nothing left."""
    packed = 0
    while True:
        packed += store.transact(lambda conn: metric_packing.pack_due(conn, _SCOPE, clock.at, 100))
        with store.read() as conn:
            due_at = metric_packing.next_due(conn, _SCOPE)
        if due_at is None or due_at > clock.at:
            return packed


def _packed(path: Path, grain: str) -> float:
    """Bytes of the points of an hour in one grain."""
    with closing(sqlite3.connect(path)) as connection:
        (size,) = connection.execute(f"SELECT AVG(LENGTH(points)) FROM metric_{grain}").fetchone()
    return float(size)


def _day(store: Store, clock: _Clock, table: Table) -> None:
    """Two days of one more series, and questions of 24 hours to it."""
    of = metric("App", "latency")
    clock.at = begun = floored(clock.at, 3600) + _HOUR
    for _ in range(48):
        data = [measured(of, clock.at + timedelta(minutes=number), [random.random()]) for number in range(60)]
        store.transact(lambda conn, data=data: metrics.add(conn, _SCOPE, data, clock.at))
        clock.at += _HOUR
    clock.at += _HOUR
    _pack(store, clock)
    for period in (60, 300, 3600):
        took = []
        for _ in range(20):
            before = time.process_time()
            with store.read() as conn:
                line = metric_reading.reading(conn, _SCOPE, begun, begun + 24 * _HOUR, clock.at, Steps())
                found = line(MetricStat(of, period, "Average"))
            took.append(time.process_time() - before)
        middle = sorted(took)[len(took) // 2] * 1000
        table.add(
            f"24 hours of one series by {period} s ({len(found.values)} points)",
            f"{middle:.1f} ms",
            f"< {_AIM_QUERY_MS:g} ms",
            met=middle < _AIM_QUERY_MS,
        )


def _ask(store: Store, clock: _Clock, of: Metric, begun: datetime, table: Table) -> None:
    took = []
    for _ in range(20):
        before = time.process_time()
        with store.read() as conn:
            metrics.points(conn, _SCOPE, of, 60, begun, begun + 3 * _HOUR)
        took.append(time.process_time() - before)
    table.add("what an alarm asks of one among all", f"{sorted(took)[10] * 1000:.2f} ms", "")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=SERIES)
    parser.add_argument("--minutes", type=int, default=60, help="of one hour")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as where:
        sys.exit(min(report(Path(where), asked.series, asked.minutes), 1))
