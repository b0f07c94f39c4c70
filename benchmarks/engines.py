"""Engines side by side on one PostgreSQL: ``python benchmarks/engines.py``. Numbers by engine count, of one run."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import seeding
from processes import Process
from serving import ROOT
from sqlalchemy import Engine, create_engine, text
from table import Table

from backend.clock import SystemClock
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings
from tests.databases import start

PROJECTS, GROUPS = 8, 125
_PATIENCE_SECONDS = 300.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", default="1,2,4", help="how many, one after another")
    parser.add_argument("--latency", default="0,0.2", help="seconds that every call to the cloud takes, in turn")
    chosen = parser.parse_args()
    counts = [int(each) for each in chosen.engines.split(",")]
    (ROOT / "build").mkdir(exist_ok=True)
    table = Table("a call takes", "engines", "seconds", "nodes/s", "against one", "processor s of each", "")
    for latency in (float(each) for each in chosen.latency.split(",")):
        alone = 0.0
        for count in counts:
            with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "build") as folder:
                seconds, processor = _measure(Path(folder), count, latency)
            alone = alone or seconds
            each = ", ".join(f"{one:.1f}" for one in processor)
            rate = f"{PROJECTS * GROUPS / seconds:,.0f}"
            table.add(f"{latency:g} s", str(count), f"{seconds:.1f}", rate, f"{alone / seconds:.2f}x", each)
    print(f"{PROJECTS} projects, {PROJECTS * GROUPS:,} groups, 0 -> 1 node each, PostgreSQL\n\n{table}")
    return 0


def _measure(folder: Path, count: int, latency: float) -> tuple[float, list[float]]:
    """(seconds until every group has its node, processor seconds of each engine)."""
    state = folder / "state"
    with start.server("postgresql") as url:
        seeding.seed(state, PROJECTS, GROUPS, 0, url)
        if latency:
            cloud = SimulatedCloud.open(str(state / "cloud.db"), SystemClock(), SimulatedSettings())
            cloud.faults.delay(latency)
        database = create_engine(url)
        with _engines(count, folder, url) as engines:
            _wait(lambda: _number(database, "SELECT count(*) FROM clusters WHERE due_at <= :now") == 0)
            before = [one.processor_seconds() for one in engines]
            begun = time.perf_counter()
            with database.begin() as connection:
                wanted = "UPDATE clusters SET desired = 1, generation = generation + 1, due_at = :now"
                connection.execute(text(wanted), {"now": _now()})
            serving = "SELECT count(*) FROM nodes WHERE state = 'InService'"
            _wait(lambda: _number(database, serving) == PROJECTS * GROUPS)
            seconds = time.perf_counter() - begun
            used = [one.processor_seconds() - was for one, was in zip(engines, before, strict=True)]
        database.dispose()
    return seconds, used


@contextmanager
def _engines(count: int, folder: Path, url: str) -> Iterator[list[Process]]:
    """So many processes of the engine over one database and one cloud."""
    settings = {
        "OS_DEFAULT__STATE": str(folder / "state"),
        "OS_DATABASE__URL": url,
        "OS_SIMULATED__BOOT_SECONDS": "0",
        "OS_SIMULATED__DELETE_SECONDS": "0",
    }
    with (folder / "engines.log").open("wb") as log:
        started = [
            subprocess.Popen([sys.executable, "wsgi.py", "engine"], cwd=ROOT, env=os.environ | settings, stderr=log)
            for _ in range(count)
        ]
    try:
        yield [Process(one.pid, "engine") for one in started]
    finally:
        for one in started:
            one.send_signal(signal.SIGTERM)
        for one in started:
            one.wait(30)


def _now() -> int:
    return time.time_ns() // 1000


def _number(database: Engine, question: str) -> int:
    with database.connect() as connection:
        found = connection.execute(text(question), {"now": _now()} if ":now" in question else {}).scalar_one()
    return int(found)


def _wait(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit("the engines did not get there")
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
