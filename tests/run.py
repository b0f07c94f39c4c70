"""Everything that has to hold, with one closing count: `make test`.

Lanes run in two tracks side by side: those that need the test cloud wait for its servers most of their time, and those
that need none use it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
IN_CI = os.environ.get("CI") == "true"


CLOUD = (sys.executable, "-m", "conformance.openstack")
THE_CLOUD = "OpenStack: the cloud"
ON_THE_CLOUD = {
    "COPPICE_OPENSTACK_STATE": os.environ.get("COPPICE_OPENSTACK_STATE") or str(ROOT / ".openstack"),
    "COPPICE_CLOUD": "openstack",
}


@dataclass(frozen=True, slots=True)
class Lane:
    """A command that counts as one check, or a pytest run that counts each of its tests.

    Attributes:
        cloud: it needs the test cloud, a real OpenStack.
    """

    name: str
    arguments: Sequence[str]
    pytest: bool = False
    cloud: bool = False


ON_BOTH = ("cli", "sdk", "terraform")
"""Suites of conformance/ that hold on both clouds."""
LANES = (
    Lane("ruff check", (str(BIN / "ruff"), "check", ".")),
    Lane("ruff format", (str(BIN / "ruff"), "format", "--check", ".")),
    Lane("mypy", (str(BIN / "mypy"),)),
    Lane("import contracts", (str(BIN / "lint-imports"),)),
    Lane("unit, store, engine", ("tests", "--ignore=tests/simulation", "-n", "2", "--dist", "loadgroup"), pytest=True),
    Lane("simulation", ("tests/simulation", "-n", "2"), pytest=True),
    Lane("conformance and tools", ("conformance",), pytest=True),
    Lane("image", ("bash", "tests/image/run.sh")),
    Lane("OpenStack: driver", ("tests/backend/drivers/openstack/live",), pytest=True, cloud=True),
    # It takes services of the cloud away and gives them back: nothing runs beside it on the cloud.
    Lane("OpenStack: what only it shows", ("conformance/openstack_lane",), pytest=True, cloud=True),
    # Two processes side by side, each with a project of its own.
    Lane(
        "OpenStack: conformance",
        (*(f"conformance/{one}" for one in ON_BOTH), "-n", "2", "--dist", "loadfile"),
        pytest=True,
        cloud=True,
    ),
    Lane("OpenStack: a second region", (*CLOUD, "up", "--regions", "2"), cloud=True),
    Lane("OpenStack: two regions", ("conformance/two_regions",), pytest=True, cloud=True),
)


@dataclass(slots=True)
class Report:
    """What came of the lanes so far, and the terminal that both tracks share.

    Attributes:
        together: two tracks run: what a lane prints is shown when it has ended, in one piece.
        stopped: no lane is begun any more.
        broken: names of lanes that did not hold.
        times: seconds of each lane that ran, by name.
    """

    together: bool
    stopped: threading.Event = field(default_factory=threading.Event)
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    broken: list[str] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, name: str, command: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
        """The exit code of a command whose output is told under the lane's name."""
        if not self.together:
            print(f"\n=== {name}", flush=True)
            return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        with tempfile.TemporaryFile() as output:
            ran = subprocess.run(
                command, cwd=ROOT, env=environment, check=False, stdout=output, stderr=subprocess.STDOUT
            )
            output.seek(0)
            with self.lock:
                print(f"\n=== {name}", flush=True)
                print(output.read().decode(errors="replace"), end="", flush=True)
        return ran.returncode

    def ended(self, name: str, began: float, *, held: bool) -> None:
        seconds = time.monotonic() - began
        with self.lock:
            self.times[name] = seconds
            print(f"--- {name}: {'held' if held else 'BROKEN'} in {seconds:.0f} s", flush=True)
            if not held:
                self.broken.append(name)

    def count(self, passed: int = 0, failed: int = 0, skipped: int = 0) -> None:
        with self.lock:
            self.passed += passed
            self.failed += failed
            self.skipped += skipped


def main() -> int:
    """Run the lanes named on the command line (all without), print the count, say by exit code whether all held.

    Names may be given by how they begin.
    """
    wanted = tuple(sys.argv[1:])
    chosen = [lane for lane in LANES if not wanted or lane.name.startswith(wanted)]
    here = [lane for lane in chosen if not lane.cloud]
    on_cloud = [lane for lane in chosen if lane.cloud]
    report = Report(together=bool(here and on_cloud))
    with ThreadPoolExecutor(2) as tracks:
        under_way = [tracks.submit(_run_all, here, report), tracks.submit(_run_on_cloud, on_cloud, report)]
        try:
            for track in under_way:
                track.result()
        except KeyboardInterrupt:
            report.stopped.set()
            raise
    print("\nSeconds: " + ", ".join(f"{name} {seconds:.0f}" for name, seconds in report.times.items()))
    if report.broken:
        print(f"\nBroken: {', '.join(report.broken)}")
    print(f"\n{report.passed} passed, {report.failed} failed, {report.skipped} skipped")
    return 1 if report.broken else 0


def _run_on_cloud(lanes: Sequence[Lane], report: Report) -> None:
    if not lanes:
        return
    with _cloud(report) as there:
        if there:
            _run_all(lanes, report)
        elif IN_CI:
            report.count(failed=1)
        else:
            print("OpenStack lanes are skipped: the cloud did not come up (see above; it takes root on Debian).")
            report.count(skipped=len(lanes))


def _run_all(lanes: Sequence[Lane], report: Report) -> None:
    for lane in lanes:
        if report.stopped.is_set():
            return
        began = time.monotonic()
        environment = {**os.environ, **(ON_THE_CLOUD if lane.cloud else {})}
        held = _run_pytest(lane, environment, report) if lane.pytest else _run_command(lane, environment, report)
        report.ended(lane.name, began, held=held)


@contextmanager
def _cloud(report: Report) -> Iterator[bool]:
    """Whether the test cloud is there; what was not running before is stopped afterwards."""
    environment = {**os.environ, **ON_THE_CLOUD}
    ran = subprocess.run([*CLOUD, "status"], cwd=ROOT, env=environment, check=False, capture_output=True)
    began = time.monotonic()
    up = report.run(THE_CLOUD, [*CLOUD, "up"], environment)
    report.ended(THE_CLOUD, began, held=up == 0 or not IN_CI)
    try:
        yield up == 0
    finally:
        if ran.returncode != 0:
            report.run("OpenStack: the cloud ends", [*CLOUD, "down"], environment)


def _run_command(lane: Lane, environment: Mapping[str, str], report: Report) -> bool:
    held = report.run(lane.name, list(lane.arguments), environment) == 0
    report.count(passed=held, failed=not held)
    return held


def _run_pytest(lane: Lane, environment: Mapping[str, str], report: Report) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={results}", *lane.arguments]
        code = report.run(lane.name, command, environment)
        if not results.exists():
            report.count(failed=1)
            return False
        suites = ET.parse(results).getroot().iter("testsuite")
        totals = [
            {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")} for suite in suites
        ]
    failed = sum(total["failures"] + total["errors"] for total in totals)
    skipped = sum(total["skipped"] for total in totals)
    passed = sum(total["tests"] for total in totals) - failed - skipped
    report.count(passed=passed, failed=failed or int(code != 0), skipped=skipped)
    if skipped and IN_CI:
        print("A test was skipped where none may be (CI).")
        return False
    return code == 0


if __name__ == "__main__":
    sys.exit(main())
