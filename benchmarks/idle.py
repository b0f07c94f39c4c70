"""What ten thousand groups cost while nothing happens: the engine's share of a core, and each process's memory."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import filling
import peers
import processes
import seeding
from table import Table

PROJECTS = 20
GROUPS = 500  # of each project
NODES = 10  # of each group
_SETTLING_SECONDS = 600.0
_SHARE_AIM = 0.05
_MEMORY_AIM_MIB = 200.0


def report(folder: Path, seconds: float) -> int:
    """Seed, start, let the engine look at everything once, then watch it. Returns the number of aims missed."""
    folder = folder / "idle"
    folder.mkdir()
    seeding.seed(folder / "state", PROJECTS, GROUPS, NODES)
    table = Table("idle, 10,000 groups, 100,000 nodes", "value", "aim", "")
    with peers.coppice(folder) as coppice:
        settling = _settle(folder, processes.one_of(coppice.pid, "engine"))
        before = {process: process.processor_seconds() for process in processes.family(coppice.pid)}
        time.sleep(seconds)
        used = {process: process.processor_seconds() - was for process, was in before.items()}
        for role in ("engine", "gateway", "supervisor"):
            share = sum(value for process, value in used.items() if process.role == role) / seconds
            aim, met = (f"< {_SHARE_AIM:.0%}", share < _SHARE_AIM) if role == "engine" else ("", None)
            table.add(f"{role}: share of one core over {seconds:g} s", f"{share:.1%}", aim, met=met)
        table.add("engine: first look at everything, seconds", f"{settling:.1f}", "")
        pages = _read_everything(coppice)
        table.add("gateway: groups read in pages of 100, groups/s", f"{pages:,.0f}", "")
        for process in processes.family(coppice.pid):
            memory, aim = process.peak_mib(), f"< {_MEMORY_AIM_MIB:g} MiB"
            table.add(f"{process.role}: most memory, MiB", f"{memory:.0f}", aim, met=memory < _MEMORY_AIM_MIB)
    print(f"Idle engine\n\n{table}\n", flush=True)
    return table.missed


def _settle(folder: Path, engine: processes.Process) -> float:
    """Wait until the engine has looked at every group and every project's servers. Returns its seconds."""
    begun = time.monotonic()
    connection = sqlite3.connect(f"file:{folder / 'state' / 'coppice.db'}?mode=ro", uri=True, timeout=30)
    while True:
        now = time.time_ns() // 1000
        due = connection.execute("SELECT count(*) FROM clusters WHERE due_at <= ?", (now,)).fetchone()[0]
        unseen = connection.execute("SELECT count(*) FROM watches WHERE seen_until IS NULL").fetchone()[0]
        if not due and not unseen:
            break
        if time.monotonic() - begun > _SETTLING_SECONDS:
            raise SystemExit(f"the engine does not come to rest: {due} groups are due, {unseen} projects unseen")
        time.sleep(0.2)
    settled = time.monotonic() - begun
    connection.close()
    used = engine.processor_seconds()
    while True:  # what it does once after that ends too
        time.sleep(2)
        now_used = engine.processor_seconds()
        if now_used - used < 1:
            return settled
        used = now_used


def _read_everything(coppice: peers.Peer) -> float:
    autoscaling = filling.client(coppice.target, "autoscaling")
    begun, read = time.perf_counter(), 0
    for _ in range(4):  # so that each worker process has its share
        paginator = autoscaling.get_paginator("describe_auto_scaling_groups")
        for page in paginator.paginate(PaginationConfig={"PageSize": 100}):
            read += len(page["AutoScalingGroups"])
    return read / (time.perf_counter() - begun)
