"""Everything that has to hold, with one closing count: `make test`.

Lanes run in tracks side by side: what computes fills the time in which others wait for a server, a tool, or a cloud.
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
from enum import Enum, auto
from pathlib import Path
from typing import IO
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
IN_CI = os.environ.get("CI") == "true"


CLOUD = (sys.executable, "-m", "conformance.openstack")
GOES_FIRST = ("nice", "-n", "-5")
"""Of the cloud's services, for all its lanes wait for them one after the other; who is not root only hears a warning."""
THE_CLOUD = "OpenStack: the cloud"
ON_THE_CLOUD = {
    "COPPICE_OPENSTACK_STATE": os.environ.get("COPPICE_OPENSTACK_STATE") or str(ROOT / ".openstack"),
    "COPPICE_CLOUD": "openstack",
}


class Track(Enum):
    """Lanes of one track run one after the other."""

    COMPUTES = auto()
    """It has what the others leave of the machine."""
    SUITES = auto()
    TOOLS = auto()
    CLOUD = auto()
    """It needs the test cloud, a real OpenStack."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A command that counts as one check, or a pytest run that counts each of its tests.

    Attributes:
        beside: it begins together with the lane before it in its track.
    """

    name: str
    arguments: Sequence[str]
    track: Track = Track.COMPUTES
    pytest: bool = False
    beside: bool = False

    @property
    def cloud(self) -> bool:
        return self.track is Track.CLOUD


ON_BOTH = ("cli", "sdk", "terraform")
"""Suites of conformance/ that hold on both clouds."""
UNDISTURBED = "openstack_lane/test_bad_input.py"
"""What only a real cloud shows, and leaves alone what others need of it."""
ELSEWHERE = ("chaos", "cli", "terraform", "test_faults.py", "test_oracle.py")
"""What of conformance/ need not be in the one process that counts which operations were asked for."""
STACKS = "terraform/test_stacks.py"
LANES = (
    Lane("ruff check", (str(BIN / "ruff"), "check", ".")),
    Lane("ruff format", (str(BIN / "ruff"), "format", "--check", ".")),
    Lane("mypy", (str(BIN / "mypy"),)),
    Lane("import contracts", (str(BIN / "lint-imports"),)),
    # One takes the long tests that the other has not begun: what is dealt out beforehand leaves one idle in the end.
    Lane("simulation", ("tests/simulation", "-n", "2", "--dist", "worksteal"), pytest=True),
    Lane("unit, store, engine", ("tests", "--ignore=tests/simulation", "-n", "2", "--dist", "loadgroup"), pytest=True),
    Lane(
        "conformance",
        ("conformance", *(f"--ignore=conformance/{one}" for one in ELSEWHERE)),
        Track.SUITES,
        pytest=True,
    ),
    Lane(
        "tools and faults",
        (*(f"conformance/{one}" for one in ELSEWHERE), f"--ignore=conformance/{STACKS}"),
        Track.TOOLS,
        pytest=True,
    ),
    # Terraform's provider waits for minutes, whatever the server does: so this is done beside the rest.
    Lane("whole stacks", (f"conformance/{STACKS}",), Track.TOOLS, pytest=True, beside=True),
    Lane("image", ("bash", "tests/image/run.sh"), Track.TOOLS),
    # It takes services of the cloud away and gives them back, and counts all that is in its project: it comes first, and
    # nothing runs beside it on the cloud.
    Lane(
        "OpenStack: storms and steps",
        ("conformance/openstack_lane", f"--ignore=conformance/{UNDISTURBED}"),
        Track.CLOUD,
        pytest=True,
    ),
    Lane("OpenStack: driver", ("tests/backend/drivers/openstack/live",), Track.CLOUD, pytest=True),
    # Processes side by side, each with a project of its own; the driver's suites are in two others.
    Lane(
        "OpenStack: conformance",
        (*(f"conformance/{one}" for one in (*ON_BOTH, UNDISTURBED)), "-n", "3", "--dist", "loadfile"),
        Track.CLOUD,
        pytest=True,
        beside=True,
    ),
    Lane("OpenStack: a second region", (*GOES_FIRST, *CLOUD, "up", "--regions", "2"), Track.CLOUD),
    Lane("OpenStack: two regions", ("conformance/two_regions",), Track.CLOUD, pytest=True),
)
_LONGEST = 12
"""Tests of a lane that are named with their time when it has ended: where to look first when CI takes too long."""
GIVES_WAY = ("nice", "-n", "10")
BESIDE_OTHERS = {"COPPICE_PATIENCE": "3"}
"""Suites wait that many times as long for what has to come true where others use the machine, too."""


@dataclass(slots=True)
class Report:
    """What came of the lanes so far, and the terminal that all tracks share.

    Attributes:
        together: lanes run side by side: what a lane prints is shown when it has ended, in one piece.
        stopped: no lane is begun any more.
        broken: names of lanes that did not hold.
        times: seconds of each lane that ran, by name.
        computed: processor seconds of it and of all that it waited for; what it left running is not in them.
    """

    together: bool
    stopped: threading.Event = field(default_factory=threading.Event)
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    broken: list[str] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    computed: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, name: str, command: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
        """The exit code of a command whose output is told under the lane's name."""
        if not self.together:
            print(f"\n=== {name}", flush=True)
            return self._ran(name, command, environment, None)
        with tempfile.TemporaryFile() as output:
            code = self._ran(name, command, environment, output)
            output.seek(0)
            with self.lock:
                print(f"\n=== {name}", flush=True)
                print(output.read().decode(errors="replace"), end="", flush=True)
        return code

    def _ran(self, name: str, command: Sequence[str], environment: Mapping[str, str], output: IO[bytes] | None) -> int:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT if output else None
        )
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        with self.lock:
            self.computed[name] = self.computed.get(name, 0) + used.ru_utime + used.ru_stime
        return process.returncode

    def ended(self, name: str, began: float, *, held: bool) -> None:
        seconds = time.monotonic() - began
        with self.lock:
            self.times[name] = seconds
            used = self.computed.get(name, 0)
            print(f"--- {name}: {'held' if held else 'BROKEN'} in {seconds:.0f} s, {used:.0f} computed", flush=True)
            if not held:
                self.broken.append(name)

    def say(self, words: str) -> None:
        with self.lock:
            print(words, flush=True)

    def count(self, passed: int = 0, failed: int = 0, skipped: int = 0) -> None:
        with self.lock:
            self.passed += passed
            self.failed += failed
            self.skipped += skipped


def main() -> int:
    """Run the lanes named on the command line (all without), print the count, say by exit code whether all held.

    Names may be given by how they begin.
    """
    # A fresh clone is compiled once: of pytest's rewriting and of each start of Coppice that is more than half.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    wanted = tuple(sys.argv[1:])
    chosen = [lane for lane in LANES if not wanted or lane.name.startswith(wanted)]
    tracks = [found for track in Track if (found := [lane for lane in chosen if lane.track is track])]
    report = Report(together=len(tracks) > 1 or (len(chosen) > 1 and any(lane.beside for lane in chosen)))
    with ThreadPoolExecutor(len(tracks) or 1) as threads:
        under_way = [threads.submit(_run_on_cloud if lanes[0].cloud else _run_all, lanes, report) for lanes in tracks]
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
    with _cloud(report) as there:
        if there:
            _run_all(lanes, report)
        elif IN_CI:
            report.count(failed=1)
        else:
            print("OpenStack lanes are skipped: the cloud did not come up (see above; it takes root on Debian).")
            report.count(skipped=len(lanes))


def _run_all(lanes: Sequence[Lane], report: Report) -> None:
    stages: list[list[Lane]] = []
    for lane in lanes:
        if lane.beside and stages:
            stages[-1].append(lane)
        else:
            stages.append([lane])
    for stage in stages:
        with ThreadPoolExecutor(len(stage)) as threads:
            for ended in [threads.submit(_run, lane, report) for lane in stage]:
                ended.result()


def _run(lane: Lane, report: Report) -> None:
    if report.stopped.is_set():
        return
    began = time.monotonic()
    environment = dict(os.environ)
    if lane.cloud:
        environment |= ON_THE_CLOUD
    elif report.together and lane.track is not Track.COMPUTES:
        environment = BESIDE_OTHERS | environment
    run = _run_pytest if lane.pytest else _run_command
    gives_way = report.together and lane.track is Track.COMPUTES
    held = run(lane, GIVES_WAY if gives_way else (), environment, report)
    report.ended(lane.name, began, held=held)


@contextmanager
def _cloud(report: Report) -> Iterator[bool]:
    """Whether the test cloud is there; what was not running before is stopped afterwards."""
    environment = {**os.environ, **ON_THE_CLOUD}
    ran = subprocess.run([*CLOUD, "status"], cwd=ROOT, env=environment, check=False, capture_output=True)
    began = time.monotonic()
    up = report.run(THE_CLOUD, [*GOES_FIRST, *CLOUD, "up"], environment)
    report.ended(THE_CLOUD, began, held=up == 0 or not IN_CI)
    try:
        yield up == 0
    finally:
        if ran.returncode != 0:
            report.run("OpenStack: the cloud ends", [*CLOUD, "down"], environment)


def _run_command(lane: Lane, before: Sequence[str], environment: Mapping[str, str], report: Report) -> bool:
    held = report.run(lane.name, [*before, *lane.arguments], environment) == 0
    report.count(passed=held, failed=not held)
    return held


def _run_pytest(lane: Lane, before: Sequence[str], environment: Mapping[str, str], report: Report) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "report.xml"
        command = [*before, sys.executable, "-m", "pytest", "-q", f"--junitxml={results}", *lane.arguments]
        code = report.run(lane.name, command, environment)
        if not results.exists():
            report.count(failed=1)
            return False
        told = ET.parse(results).getroot()
    totals = [
        {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
        for suite in told.iter("testsuite")
    ]
    longest = sorted(((float(case.get("time", 0)), case.get("name")) for case in told.iter("testcase")), reverse=True)
    report.say(
        f"longest in {lane.name}: " + ", ".join(f"{name} {seconds:.0f} s" for seconds, name in longest[:_LONGEST])
    )
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
