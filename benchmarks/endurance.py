"""Whether hours of work leave anything behind: memory, open files and threads of each process, and the database's size.

    python benchmarks/endurance.py --hours 6

Two engines, two gateways, PostgreSQL, an embedded cloud whose servers come and go; four customers who change their
groups all the time, and at the end every promise that they were given is looked at. The database grows, for what is
over is kept for weeks: by how much a granted request is told.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import make_url

sys.path[0] = str(Path(__file__).parent.parent)  # in the place of this folder, as in held.py

from benchmarks.processes import Process, family  # noqa: E402
from benchmarks.table import Table  # noqa: E402
from conformance.chaos.afterwards import Afterwards  # noqa: E402
from conformance.chaos.customers import Customer  # noqa: E402
from conformance.chaos.installation import Installation, installation  # noqa: E402
from conformance.product import until  # noqa: E402
from tests.databases import start  # noqa: E402

ENGINES, GATEWAYS, CUSTOMERS, GROUPS, PAUSE_SECONDS = 2, 2, 4, 5, 4.0
LOOKS_SECONDS = 60
WRONG = ("Traceback (most recent call last)", "a job failed", "tick failed", "InternalFailure")


@dataclass(frozen=True, slots=True)
class Look:
    """What there was at one time."""

    minutes: float
    memory_mib: Mapping[str, float]
    files: Mapping[str, int]
    threads: Mapping[str, int]
    database_mib: float
    granted: int


def look(made: Installation, processes: Mapping[str, Process], began: float, granted: int) -> Look:
    return Look(
        (time.monotonic() - began) / 60,
        {name: process.resident_mib() for name, process in processes.items()},
        {name: _entries(process, "fd") for name, process in processes.items()},
        {name: _entries(process, "task") for name, process in processes.items()},
        _database_mib(made.database.url),
        granted,
    )


def _entries(process: Process, folder: str) -> int:
    return sum(1 for _ in Path(f"/proc/{process.pid}/{folder}").iterdir())


def _database_mib(url: str) -> float:
    parts = make_url(url)
    with psycopg.connect(
        host=str(parts.query["host"]), user=parts.username or "", dbname=parts.database or ""
    ) as connection:
        (size,) = connection.execute("SELECT pg_database_size(current_database())").fetchone() or (0,)
    return float(size) / 2**20


def _processes(made: Installation) -> dict[str, Process]:
    """Who works: an engine itself, and each gateway's worker."""
    found = {}
    for part in made.parts():
        assert part.process is not None
        found[part.name] = family(part.process.pid)[-1]
    return found


def endure(hours: float, folder: Path) -> int:
    with (
        start.database("postgresql", durable=True) as database,
        installation(folder, database, engines=ENGINES, gateways=GATEWAYS, accounts=2) as made,
    ):
        accounts = list(made.accounts)
        customers = [
            Customer(made, accounts[number % len(accounts)], number, GROUPS, 7, PAUSE_SECONDS)
            for number in range(CUSTOMERS)
        ]
        for customer in customers:
            customer.prepare()
            customer.start()
        processes, began, looks = _processes(made), time.monotonic(), list[Look]()
        while time.monotonic() - began < hours * 3600:
            time.sleep(LOOKS_SECONDS)
            looks.append(look(made, processes, began, sum(customer.granted for customer in customers)))
            print(_line(looks[-1]), flush=True)
        for customer in customers:
            customer.stop.set()
        for customer in customers:
            customer.join(120)
        afterwards = Afterwards(made, customers)
        try:
            until("all is at rest", lambda: not afterwards.at_rest(), 120, pause=1)
            wrong = [*afterwards.broken_promises(), *made.told(*WRONG)]
        finally:
            afterwards.close()
    print(_table(looks))
    print("\n".join(wrong) or "no promise was broken, and no log tells of a fault")
    return 1 if wrong else 0


def _line(one: Look) -> str:
    memory = ", ".join(f"{name} {mib:.1f}" for name, mib in one.memory_mib.items())
    return f"{one.minutes:6.1f} min: {memory} MiB; database {one.database_mib:.1f} MiB; {one.granted} requests granted"


def _table(looks: Sequence[Look]) -> Table:
    """The first quarter's end, the middle and the end, side by side: what warms up has done so by then."""
    chosen = [looks[len(looks) // 4], looks[len(looks) // 2], looks[-1]]
    table = Table("what", *(f"{one.minutes:.0f} min" for one in chosen), "")
    for name in chosen[0].memory_mib:
        table.add(f"{name}, MiB", *(f"{one.memory_mib[name]:.1f}" for one in chosen))
        table.add(f"{name}, open files", *(str(one.files[name]) for one in chosen))
        table.add(f"{name}, threads", *(str(one.threads[name]) for one in chosen))
    table.add("database, MiB", *(f"{one.database_mib:.1f}" for one in chosen))
    table.add("requests granted", *(f"{one.granted:,}" for one in chosen))
    table.add("database, KiB a request", *(f"{one.database_mib * 1024 / max(one.granted, 1):.1f}" for one in chosen))
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hours", type=float, default=6.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return endure(options.hours, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
