"""Whether hours of work leave anything behind: memory, open files and threads of each process, and the database's size.

    python benchmarks/endurance.py --hours 6

Two engines, two gateways, PostgreSQL, an embedded cloud whose servers come and go; four customers who change their
groups all the time, and at the end every promise that they were given is looked at. The database grows, for what is
over is kept for weeks: by how much a granted request is told. With a shorter ``--pause`` the same hours hold more work.

Its status is 1 where a process grew too fast (how fast that is: ``growth.py``), where a promise was broken, and where
a log tells of a fault.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import make_url

sys.path[0] = str(Path(__file__).parent.parent)  # in the place of this folder, as in held.py

from benchmarks.growth import LIMITS, Held, faults  # noqa: E402
from benchmarks.processes import Process, family  # noqa: E402
from benchmarks.table import Table  # noqa: E402
from conformance.chaos.afterwards import Afterwards  # noqa: E402
from conformance.chaos.customers import Customer  # noqa: E402
from conformance.chaos.installation import Installation, installation  # noqa: E402
from conformance.product import until  # noqa: E402
from tests.databases import start  # noqa: E402

ENGINES, GATEWAYS, CUSTOMERS, GROUPS = 2, 2, 4, 5
PAUSE_SECONDS = 4.0
"""Of a customer between two requests, at most."""
LOOKS_SECONDS = 60
WRONG = ("Traceback (most recent call last)", "a job failed", "tick failed", "InternalFailure")


@dataclass(frozen=True, slots=True)
class Look:
    """What there was at one time."""

    minutes: float
    processes: Mapping[str, Held]
    database_mib: float
    granted: int


def look(made: Installation, began: float, granted: int) -> Look:
    return Look((time.monotonic() - began) / 60, dict(_held(made)), _database_mib(made.database.url), granted)


def _held(made: Installation) -> Iterator[tuple[str, Held]]:
    """What each holds that works: an engine itself, and each gateway's worker, whichever that is now."""
    for part in made.parts():
        assert part.process is not None
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ends just now: the next look tells
            worker = family(part.process.pid)[-1]
            memory = worker.resident_mib()
            if memory:  # what has ended, and nobody has waited for, has none
                yield part.name, Held(worker.pid, memory, _entries(worker, "fd"), _entries(worker, "task"))


def _entries(process: Process, folder: str) -> int:
    return sum(1 for _ in Path(f"/proc/{process.pid}/{folder}").iterdir())


def _database_mib(url: str) -> float:
    parts = make_url(url)
    with psycopg.connect(
        host=str(parts.query["host"]), user=parts.username or "", dbname=parts.database or ""
    ) as connection:
        (size,) = connection.execute("SELECT pg_database_size(current_database())").fetchone() or (0,)
    return float(size) / 2**20


def endure(hours: float, pause: float, folder: Path) -> int:
    with (
        start.database("postgresql", durable=True) as database,
        installation(folder, database, engines=ENGINES, gateways=GATEWAYS, accounts=2) as made,
    ):
        accounts = list(made.accounts)
        customers = [
            Customer(made, accounts[number % len(accounts)], number, GROUPS, 7, pause) for number in range(CUSTOMERS)
        ]
        for customer in customers:
            customer.prepare()
            customer.start()
        began, looks = time.monotonic(), list[Look]()
        while time.monotonic() - began < hours * 3600:
            time.sleep(LOOKS_SECONDS)
            looks.append(look(made, began, sum(customer.granted for customer in customers)))
            print(_line(looks[-1]), flush=True)
        for customer in customers:
            customer.stop.set()
        for customer in customers:
            customer.join(120)
        print(_table(looks))
        wrong = faults([(one.minutes, one.processes) for one in looks])
        afterwards = Afterwards(made, customers)
        try:
            until("all is at rest", lambda: not afterwards.at_rest(), 120, pause=1)
            wrong += [*afterwards.broken_promises(), *made.told(*WRONG)]
        finally:
            afterwards.close()
    print("\n".join(wrong) or "no promise was broken, no log tells of a fault, and nothing grew too fast")
    return 1 if wrong else 0


def _line(one: Look) -> str:
    memory = ", ".join(f"{name} {held.mib:.1f}" for name, held in one.processes.items())
    return f"{one.minutes:6.1f} min: {memory} MiB; database {one.database_mib:.1f} MiB; {one.granted} requests granted"


def _table(looks: Sequence[Look]) -> Table:
    """The first quarter's end, the middle and the end, side by side: what warms up has done so by then."""
    chosen = [looks[len(looks) // 4], looks[len(looks) // 2], looks[-1]]
    table = Table("what", *(f"{one.minutes:.0f} min" for one in chosen), "")
    for name in dict.fromkeys(name for one in chosen for name in one.processes):
        amounts = [one.processes[name].amounts() if name in one.processes else {} for one in chosen]
        for what in LIMITS:
            table.add(f"{name}, {what}", *(f"{each[what]:.4g}" if each else "none" for each in amounts))
    table.add("database, MiB", *(f"{one.database_mib:.1f}" for one in chosen))
    table.add("requests granted", *(f"{one.granted:,}" for one in chosen))
    table.add("database, KiB a request", *(f"{one.database_mib * 1024 / max(one.granted, 1):.1f}" for one in chosen))
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument(
        "--pause", type=float, default=PAUSE_SECONDS, help="seconds of a customer between two requests, at most"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return endure(options.hours, options.pause, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
