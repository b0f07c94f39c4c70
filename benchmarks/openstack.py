"""Coppice against other ways to have fifty servers, on one real OpenStack in one run: `make bench-openstack`.

python benchmarks/openstack.py [--number 50] [--network backend|private] [--zones az1] [--rounds 1]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Were this folder, where the script was found, still first, this module would go before the SDK of the same name.
sys.path[0] = str(ROOT)
sys.path.append(str(ROOT / "benchmarks"))

import steady  # noqa: E402 - after the path

from benchmarks.contestants import Contestant, Coppice, Script  # noqa: E402 - after the path
from benchmarks.orchestrators import Heat, Senlin  # noqa: E402
from benchmarks.recorder import Recorder, kinds  # noqa: E402
from benchmarks.scaling import BARE, BULK, Result, aims_met, last_line, table  # noqa: E402
from benchmarks.workload import Workload, clear, processor_seconds  # noqa: E402
from conformance.openstack.cloud import NoCloud, state_folder  # noqa: E402


def main() -> int:
    given = _parser().parse_args()
    workload = Workload(state_folder(), given.number, given.network, tuple(given.zones.split(",")))
    print(_conditions(workload), end="\n\n", flush=True)
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as folder:
        results = _run(Path(folder), workload, given.rounds, peers=given.peers, verbose=given.verbose)
        print(f"\n{table(results, workload.number)}\n", flush=True)
        constant = not given.idle_seconds or steady.report(Path(folder), given.idle_seconds)
    print(last_line(results))
    return 0 if aims_met(results) and constant else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=50, help="servers (default: %(default)s)")
    parser.add_argument(
        "--network",
        choices=("backend", "private"),
        default="backend",
        help="with one subnet, or with one for each zone (default: %(default)s)",
    )
    parser.add_argument(
        "--zones",
        default="az1",
        help="comma-separated (default: %(default)s, as one bulk request can name one; with several it names none)",
    )
    parser.add_argument("--rounds", type=int, default=1, help="runs of each, the order turned round each time")
    parser.add_argument("--peers", action="store_true", help="Senlin and Heat too; installed at the first time")
    parser.add_argument(
        "--idle-seconds", type=float, default=60, help="how long idle engines are watched; 0: not at all"
    )
    parser.add_argument("--verbose", action="store_true", help="show the requests of each by kind")
    return parser


def _conditions(workload: Workload) -> str:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"0 -> {workload.number} servers, network {workload.network}, {', '.join(workload.zones)}; "
        f"{os.cpu_count()} processors, load before: {load}"
    )


def _run(folder: Path, workload: Workload, rounds: int, *, peers: bool, verbose: bool) -> list[Result]:
    results: list[Result] = []
    with Recorder() as recorder:
        clear(workload.state)
        _warm(workload, recorder)
        everyone = _everyone(folder, workload, recorder, peers=peers)
        for number in range(rounds):
            order = everyone if number % 2 == 0 else everyone[::-1]
            results += [_once(contestant, workload, recorder, verbose=verbose) for contestant in order]
    return results


def _warm(workload: Workload, recorder: Recorder) -> None:
    """A few servers that do not count: a cloud that rested is slower to whoever comes first."""
    few = replace(workload, number=min(10, workload.number))
    Script(BULK, "bulk", few, recorder.environment).grow()
    clear(workload.state)


def _everyone(folder: Path, workload: Workload, recorder: Recorder, *, peers: bool) -> Sequence[Contestant]:
    found: list[Contestant] = [
        Coppice(folder, workload, recorder.environment),
        Script(BARE, "bare", workload, recorder.environment),
        Script(BULK, "bulk", workload, recorder.environment),
    ]
    if peers:
        found += [Senlin(workload, recorder.environment), Heat(workload, recorder.environment)]
    return found


def _once(contestant: Contestant, workload: Workload, recorder: Recorder, *, verbose: bool) -> Result:
    with contestant.standing():
        before, used = len(recorder.passed), processor_seconds(workload.state)
        seconds = contestant.grow()
        passed, used = recorder.passed[before:], processor_seconds(workload.state) - used
        contestant.shrink()
    clear(workload.state)
    print(f"{contestant.name}: {seconds:.1f} s, {len(passed)} requests", flush=True)
    if verbose:
        for what, count, took in kinds(passed):
            print(f"  {count:5} {took:8.1f} s  {what}", flush=True)
    return Result(contestant.name, seconds, len(passed), used)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NoCloud as reason:
        sys.exit(str(reason))
