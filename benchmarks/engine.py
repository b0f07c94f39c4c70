"""The engine's pace on a simulated cloud without latency, and what costs it most."""

from __future__ import annotations

import os
import pstats
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import peers
import processes
import seeding
from peers import ROOT, Peer
from table import Table

NODES = 1000
GROUPS = 500  # of each project
_PATIENCE_SECONDS = 300.0
_MEMORY_AIM_MIB = 200.0
_LARGE = f"name = 'group-00000' AND project_id = '{seeding.OWNER}'"
_ALL = "1 = 1"


def report(folder: Path) -> int:
    """Print the paces and the profile. Returns the number of aims missed."""
    folder = folder / "engine"
    folder.mkdir()
    # Straight into the store: a project may have 500 groups.
    seeding.seed(folder / "state", NODES // GROUPS, GROUPS, 0)
    table = Table("engine", "seconds", "nodes/s", "processor s", "MiB", "aim", "")
    with peers.coppice(folder) as coppice:
        _measure(table, folder, coppice, f"1 group, 0 -> {NODES:,} nodes", NODES, _LARGE)
        _measure(table, folder, coppice, f"1 group, {NODES:,} -> 0 nodes", 0, _LARGE)
        _measure(table, folder, coppice, f"{NODES:,} groups, 0 -> 1 node each", NODES, _ALL, desired=1)
        _measure(table, folder, coppice, f"{NODES:,} groups, 1 -> 0 nodes each", 0, _ALL, desired=0)
    print(f"Engine, simulated cloud without latency, SQLite synchronous=FULL\n\n{table}\n", flush=True)
    print(f"What costs most in {NODES:,} groups, 0 -> 1 node each (main thread, under cProfile)\n\n{_profile(folder)}")
    return table.missed


def _measure(
    table: Table, folder: Path, coppice: Peer, name: str, nodes: int, which: str, desired: int | None = None
) -> None:
    engine = processes.one_of(coppice.pid, "engine")
    _wait(folder, "quiet", _quiet)
    used = engine.processor_seconds()
    before = _nodes(_open(folder))
    begun = time.perf_counter()
    want(folder, which, nodes if desired is None else desired)
    _wait(folder, name, lambda connection: _nodes(connection) == (nodes, nodes))
    seconds = time.perf_counter() - begun
    used = engine.processor_seconds() - used
    moved = abs(nodes - before[0])
    memory = engine.peak_mib()
    aim = f"< {_MEMORY_AIM_MIB:g} MiB"
    table.add(
        name,
        f"{seconds:.1f}",
        f"{moved / seconds:,.0f}",
        f"{used:.1f}",
        f"{memory:.0f}",
        aim,
        met=memory < _MEMORY_AIM_MIB,
    )


def want(folder: Path, which: str, desired: int) -> None:
    """Ask for that capacity as SetDesiredCapacity does, of all these groups in one moment."""
    with sqlite3.connect(folder / "state" / "coppice.db", timeout=30) as connection:
        connection.execute(
            f"UPDATE clusters SET desired = ?, generation = generation + 1, due_at = ? WHERE {which}",
            (desired, time.time_ns() // 1000),
        )
    connection.close()


def _open(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{folder / 'state' / 'coppice.db'}?mode=ro", uri=True, timeout=30)


def _nodes(connection: sqlite3.Connection) -> tuple[int, int]:
    """All nodes, and those in service."""
    row = connection.execute("SELECT count(*), coalesce(sum(state = 'InService'), 0) FROM nodes").fetchone()
    return row[0], row[1]


def _quiet(connection: sqlite3.Connection) -> bool:
    """No group waits for the engine."""
    soon = time.time_ns() // 1000
    return connection.execute("SELECT count(*) FROM clusters WHERE due_at <= ?", (soon,)).fetchone() == (0,)


def _wait(folder: Path, what: str, holds: Callable[[sqlite3.Connection], bool]) -> None:
    connection = _open(folder)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds(connection):
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not after {_PATIENCE_SECONDS:g} s; nodes, in service: {_nodes(connection)}")
        time.sleep(0.02)
    connection.close()


def _profile(folder: Path) -> str:
    """The same groups once more, with an engine under cProfile: its main thread's fifteen costliest functions."""
    output = folder / "engine.prof"
    environment = {
        "OS_DEFAULT__STATE": str(folder / "state"),
        "OS_SIMULATED__BOOT_SECONDS": "0",
        "OS_SIMULATED__DELETE_SECONDS": "0",
    }
    want(folder, _ALL, 1)
    with (folder / "profile.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cProfile", "-o", str(output), "wsgi.py", "engine"],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=log,
            stderr=log,
        )
    try:
        _wait(folder, "profile", lambda connection: _nodes(connection) == (NODES, NODES))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    text = StringIO()
    statistics = pstats.Stats(str(output), stream=text).sort_stats("tottime")
    statistics.print_stats(15)
    return text.getvalue().partition("Ordered by")[2].partition("\n\n")[2].replace(f"{ROOT}/", "").strip() + "\n"
