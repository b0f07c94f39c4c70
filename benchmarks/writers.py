"""What a durable write waits while another process writes as an engine does: ``writers.py``, SQLite, with and without
turns, taken one after the other in rounds; the medians of the rounds count.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sqlalchemy import insert, update  # noqa: E402 - after the path

from backend.clock import SystemClock  # noqa: E402
from backend.store import migrate  # noqa: E402
from backend.store.session import Connection, Store  # noqa: E402
from backend.store.tables import client_tokens, orphans  # noqa: E402
from backend.store.turns import NoTurns  # noqa: E402

_ROWS = 40
_PERCENTS = (50, 95, 99)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=200, help="durable writes of one round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engine", nargs=2, metavar=("URL", "TURNS"), help="write as an engine does, until killed")
    chosen = parser.parse_args()
    if chosen.engine:
        _write_as_engine(*chosen.engine)
        return 0
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    # On the disk of the tree: a temporary folder may be memory, where nothing is ever written durably.
    with tempfile.TemporaryDirectory(prefix="writers-", dir=build) as folder:
        url = f"sqlite:///{folder}/coppice.db"
        migrate.upgrade(url)
        kinds = [("alone", False, True), ("two, SQLite's own waiting", True, False), ("two, turns", True, True)]
        told: dict[str, list[list[float]]] = {name: [] for name, _, _ in kinds}
        for _ in range(chosen.rounds):
            for name, beside, turns in kinds:
                told[name].append(_round(url, chosen.writes, beside=beside, turns=turns))
    print("durable writes of one row, ms     " + "".join(f"{f'p{percent}':>8}" for percent in _PERCENTS))
    for name, rounds in told.items():
        medians = [statistics.median(each[at] for each in rounds) for at in range(len(_PERCENTS))]
        print(f"{name:34}" + "".join(f"{median:8.2f}" for median in medians))
    return 0


def _round(url: str, writes: int, *, beside: bool, turns: bool) -> list[float]:
    """Percentiles in milliseconds."""
    with _engine(url, turns=turns) if beside else contextlib.nullcontext():
        store = _store(url, turns=turns, redoes=False)
        taken = []
        for number in range(writes):
            began = time.perf_counter()
            store.transact(lambda conn, number=number: _answer(conn, number))
            taken.append((time.perf_counter() - began) * 1000)
            time.sleep(0.002)  # an answer is written and the next request read
        store.transact(lambda conn: conn.execute(client_tokens.delete()))
        store.close()
    taken.sort()
    return [taken[min(writes - 1, writes * percent // 100)] for percent in _PERCENTS]


def _answer(conn: Connection, number: int) -> None:
    row = {"project_id": "p", "region": "r", "operation": "o", "token": str(number), "fingerprint": "f"}
    conn.execute(insert(client_tokens), {**row, "result": {}, "created_at": SystemClock().now()})


def _write_as_engine(url: str, turns: str) -> None:
    """Transactions of some tens of statements, one after the other, as while groups grow."""
    store, now = _store(url, turns=turns == "1", redoes=True), SystemClock().now()

    def work(conn: Connection) -> None:
        conn.execute(orphans.delete())
        for number in range(_ROWS):
            place = {"kind": "server", "pool_id": "", "project_id": "p", "region": "r"}
            row = {"id": str(number), "first_seen_at": now, "known": True, "released": False, **place}
            conn.execute(insert(orphans), row)
            conn.execute(update(orphans).where(orphans.c.id == str(number)).values(first_seen_at=now))

    store.transact(work)
    print("writing", flush=True)
    while True:
        store.transact(work)
        time.sleep(0.001)


def _store(url: str, *, turns: bool, redoes: bool) -> Store:
    store = Store(url, SystemClock(), redoes=redoes)
    if not turns:
        store._turns = NoTurns()  # noqa: SLF001 - as it was before there were turns
    return store


@contextlib.contextmanager
def _engine(url: str, *, turns: bool) -> Iterator[None]:
    """Another process that writes meanwhile."""
    command = [sys.executable, __file__, "--engine", url, str(int(turns))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


if __name__ == "__main__":
    sys.exit(main())
