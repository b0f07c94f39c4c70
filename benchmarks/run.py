"""Coppice's speed, measured on this machine in one run: `make bench`, or ``run.py --only api``."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import api  # noqa: E402 - after the path
import engine  # noqa: E402
import hooks  # noqa: E402
import idle  # noqa: E402
import messages  # noqa: E402
import networks  # noqa: E402
import queues  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", choices=("api", "networks", "engine", "messages", "queues", "hooks", "idle"), help="one part alone"
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one load")
    parser.add_argument("--rounds", type=int, default=5, help="loads of each kind, taken in turn; the median counts")
    parser.add_argument("--minute", type=float, default=60.0, help="how long the idle engine is watched, in seconds")
    chosen = parser.parse_args()
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    print(_machine(), end="\n\n")
    missed = 0
    # On the disk of the tree: a temporary folder may be memory, where nothing is ever written durably.
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as folder:
        if chosen.only in (None, "api"):
            table = api.measure(Path(folder), chosen.seconds, chosen.rounds)
            missed += table.missed
            print(
                f"API, {api.CONNECTIONS} connections, writes durable (SQLite synchronous=FULL)\n\n{table}\n", flush=True
            )
        if chosen.only in (None, "networks"):
            missed += networks.report(Path(folder), chosen.seconds, chosen.rounds)
        if chosen.only in (None, "engine"):
            missed += engine.report(Path(folder))
        if chosen.only in (None, "messages"):
            missed += messages.report(Path(folder))
        if chosen.only in (None, "queues"):
            missed += queues.report(Path(folder), chosen.seconds, chosen.rounds)
        if chosen.only in (None, "hooks"):
            missed += hooks.report(Path(folder), chosen.rounds)
        if chosen.only in (None, "idle"):
            missed += idle.report(Path(folder), chosen.minute)
    print(f"{missed} aims missed" if missed else "every aim met")
    return 1 if missed else 0


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    packages = ", ".join(f"{name} {version(name)}" for name in ("flask", "gunicorn", "sqlalchemy", "moto"))
    return (
        f"{os.cpu_count()} processors, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {packages}; load before: {load}"
    )


if __name__ == "__main__":
    sys.exit(main())
