"""What the API loses while an engine ends a million old activities: the same requests on one server, in slices, with
the scavenger held and let go in turn; the medians of the ratios count, and noise is how much held slices differ.
``scavenging.py --entries 1000000``; with ``--postgresql`` on one of its own, which does not wait for the disk.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, pairwise
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import load  # noqa: E402 - after the path
import peers  # noqa: E402
import processes  # noqa: E402
import seeding  # noqa: E402
from signing import signed  # noqa: E402
from sqlalchemy import Connection, create_engine, text  # noqa: E402
from table import Table  # noqa: E402

from tests.databases import start  # noqa: E402

_DAY = 86_400 * 1_000_000
_HOUR = 3_600 * 1_000_000
_GROUP = "group-00000"
_AIM = 0.9
_CONNECTIONS = 4
_COLUMNS = (
    *("id", "project_id", "region", "cluster_id", "cluster_name"),
    *("kind", "status", "progress", "causes", "started_at", "ended_at"),
    *("node_id", "server_id", "zone", "subnet_id", "cluster_deleted", "ended"),
)
_CASES = {
    "Describe 1 group x 10": ("DescribeAutoScalingGroups", {"AutoScalingGroupNames.member.1": _GROUP}),
    "Describe 100 activities": ("DescribeScalingActivities", {"MaxRecords": "100"}),
    "SetDesiredCapacity, unchanged": ("SetDesiredCapacity", {"AutoScalingGroupName": _GROUP, "DesiredCapacity": "10"}),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000, help="old activities")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a slice")
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite")
    parser.add_argument("--rounds", type=int, default=7, help="slices of each kind, taken in turn")
    chosen = parser.parse_args()
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    # The engine's own looks for what is old are not to end what holds it.
    os.environ["OS_RECORDS__GARBAGE_SECONDS"] = "86400"
    # On the disk of the tree: a temporary folder may be memory, where nothing is ever written durably.
    with tempfile.TemporaryDirectory(prefix="scavenging-", dir=build) as name, ExitStack() as stack:
        folder = Path(name)
        url = f"sqlite:///{folder / 'state' / 'coppice.db'}"
        if chosen.postgresql:
            url = os.environ["OS_DATABASE__URL"] = stack.enter_context(start.server("postgresql"))
        seeding.seed(folder / "state", 1, 20, 10, url)
        database = create_engine(url, isolation_level="AUTOCOMMIT")
        with database.connect() as connection:
            _grow(connection, chosen.entries)
            coppice = stack.enter_context(peers.coppice(folder))
            return _measure(connection, coppice, chosen.seconds, chosen.rounds)


def _measure(connection: Connection, coppice: peers.Peer, seconds: float, rounds: int) -> int:
    _hold(connection)
    engine = processes.one_of(coppice.pid, "engine")
    table = Table(
        "request",
        "requests/s held",
        "p50 ms",
        "p99 ms",
        "scavenging",
        "p50 ms",
        "p99 ms",
        "old a second",
        "engine, of a core",
        "noise",
        "ratio",
        "aim",
        "",
    )
    for name, (action, parameters) in _CASES.items():
        request = [signed(coppice.target, action, parameters)]
        load.run(coppice.target.address, request, 1.0, _CONNECTIONS)
        held: list[load.Load] = []
        busy: list[load.Load] = []
        gone: list[float] = []
        used: dict[bool, list[float]] = {False: [], True: []}
        for turn in range(rounds):
            for at_work in (turn % 2 == 1, turn % 2 == 0):  # whoever comes first has no advantage
                before, spent = _left(connection), engine.processor_seconds()
                if at_work:
                    connection.execute(text("UPDATE scavenges SET due_at = :now"), {"now": _now()})
                (busy if at_work else held).append(load.run(coppice.target.address, request, seconds, _CONNECTIONS))
                used[at_work].append((engine.processor_seconds() - spent) / seconds)
                if at_work:
                    _hold(connection)
                    gone.append((before - _left(connection)) / seconds)
        noise = median(abs(later.rate / here.rate - 1) for here, later in pairwise(held))
        ratio = median(there.rate / here.rate for here, there in zip(held, busy, strict=True))
        table.add(
            name,
            *(cell for loads in (held, busy) for cell in _typical(loads)),
            f"{median(gone):,.0f}",
            f"{median(used[True]) - median(used[False]):.1%}",
            f"{noise:.0%}",
            f"{ratio:.0%}",
            f">= {_AIM:.0%}",
            met=ratio >= _AIM,
        )
    left = _left(connection)
    print(f"{connection.dialect.name}: scavenging, {left:,} old activities left\n\n{table}\n")
    if not left:
        print("there was not enough to do: more --entries")
    return 1 if table.missed or not left else 0


def _typical(loads: list[load.Load]) -> tuple[str, ...]:
    """Requests a second of the middle one, and what half and all but a hundredth of all requests took at most."""
    rate = median(each.rate for each in loads)
    every = load.Load(latencies=[latency for each in loads for latency in each.latencies])
    return f"{rate:,.1f}", *(f"{every.percentile(percent) * 1000:.1f}" for percent in (50, 99))


def _hold(connection: Connection) -> None:
    """Let the scavenger rest: what it has at work it ends."""
    statement = text("UPDATE scavenges SET due_at = :later WHERE id = 'activities' AND lease_until IS NULL")
    deadline = time.monotonic() + 60
    while not connection.execute(statement, {"later": _now() + _HOUR}).rowcount:
        if time.monotonic() > deadline:
            raise SystemExit("no engine has seen that anything is old")
        time.sleep(0.02)


def _left(connection: Connection) -> int:
    """Old entries, counted by the index of their ends."""
    counted = text("SELECT count(*) FROM activities WHERE ended_at < :old")
    return int(connection.execute(counted, {"old": _now() - 42 * _DAY}).scalar_one())


def _now() -> int:
    return time.time_ns() // 1000


def _grow(connection: Connection, number: int) -> None:
    """So many entries of groups that are gone, and some that are young, as a journal holds them."""
    driver: Any = connection.connection.driver_connection
    entries = chain(_entries(number, 60 * _DAY, gone=True), _entries(1000, _DAY, gone=False))
    if connection.dialect.name == "postgresql":
        with driver.cursor() as cursor:
            with cursor.copy(f"COPY activities ({', '.join(_COLUMNS)}) FROM STDIN") as copy:
                for entry in entries:
                    copy.write_row(entry)
            cursor.execute("VACUUM ANALYZE activities")
        return
    driver.execute("PRAGMA synchronous=OFF")
    driver.execute("PRAGMA cache_size=-500000")  # keys come in no order: what is not in memory is read again
    driver.execute("BEGIN")
    marks = ", ".join("?" for _ in _COLUMNS)
    driver.executemany(f"INSERT INTO activities ({', '.join(_COLUMNS)}) VALUES ({marks})", entries)
    driver.execute("COMMIT")
    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _entries(number: int, age: int, *, gone: bool) -> Iterator[tuple[object, ...]]:
    begun = _now() - age
    causes = (
        f'[["user_created",{begun},{{"before":0,"after":1}}],["capacity_increase",{begun},{{"before":0,"after":1}}]]'
    )
    group = str(uuid.uuid4())
    for at in range(number):
        if at % 500 == 0:
            group = str(uuid.uuid4())
        new = [str(uuid.uuid4()) for _ in range(4)]
        place = (seeding.OWNER, seeding.REGION, group, f"gone-{at // 500}" if gone else _GROUP)
        started = begun + at * 1000
        what = ("launch", "Successful", 100, causes)
        where = (new[1], new[2], "us-east-1a", new[3])
        yield (new[0], *place, *what, started, started + 3_000_000, *where, gone, 1)


if __name__ == "__main__":
    sys.exit(main())
