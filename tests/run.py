"""Everything that has to hold, one lane after another, with one closing count: `make test`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


CLOUD = (sys.executable, "-m", "conformance.openstack")
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


# What only a real cloud shows comes first: it takes services of the cloud away and gives them back.
ON_BOTH = ("openstack_lane", "cli", "sdk", "terraform")
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
    Lane("OpenStack: conformance", tuple(f"conformance/{one}" for one in ON_BOTH), pytest=True, cloud=True),
    Lane("OpenStack: a second region", (*CLOUD, "up", "--regions", "2"), cloud=True),
    Lane("OpenStack: two regions", ("conformance/two_regions",), pytest=True, cloud=True),
)


@dataclass(slots=True)
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0


def main() -> int:
    """Run the lanes named on the command line (all without), print the count, say by exit code whether all held.

    Names may be given by how they begin.
    """
    wanted = tuple(sys.argv[1:])
    lanes = [lane for lane in LANES if not wanted or lane.name.startswith(wanted)]
    count = Count()
    broken = _run([lane for lane in lanes if not lane.cloud], count)
    on_cloud = [lane for lane in lanes if lane.cloud]
    if on_cloud:
        with _cloud() as there:
            if there:
                broken += _run(on_cloud, count)
            elif os.environ.get("CI") == "true":
                broken.append("OpenStack: the cloud did not come up")
                count.failed += 1
            else:
                print("OpenStack lanes are skipped: the cloud did not come up (see above; it takes root on Debian).")
                count.skipped += len(on_cloud)
    if broken:
        print(f"\nBroken: {', '.join(broken)}")
    print(f"\n{count.passed} passed, {count.failed} failed, {count.skipped} skipped")
    return 1 if broken else 0


def _run(lanes: Sequence[Lane], count: Count) -> list[str]:
    """The names of those that did not hold."""
    broken: list[str] = []
    for lane in lanes:
        print(f"\n=== {lane.name}", flush=True)
        began = time.monotonic()
        environment = {**os.environ, **(ON_THE_CLOUD if lane.cloud else {})}
        held = _run_pytest(lane, environment, count) if lane.pytest else _run_command(lane, environment, count)
        print(f"--- {lane.name}: {'held' if held else 'BROKEN'} in {time.monotonic() - began:.0f} s", flush=True)
        if not held:
            broken.append(lane.name)
    return broken


@contextmanager
def _cloud() -> Iterator[bool]:
    """Whether the test cloud is there; what was not running before is stopped afterwards."""
    environment = {**os.environ, **ON_THE_CLOUD}
    print("\n=== OpenStack: the cloud", flush=True)
    ran = subprocess.run([*CLOUD, "status"], cwd=ROOT, env=environment, check=False, capture_output=True)
    up = subprocess.run([*CLOUD, "up"], cwd=ROOT, env=environment, check=False)
    try:
        yield up.returncode == 0
    finally:
        if ran.returncode != 0:
            subprocess.run([*CLOUD, "down"], cwd=ROOT, env=environment, check=False)


def _run_command(lane: Lane, environment: Mapping[str, str], count: Count) -> bool:
    held = subprocess.run(list(lane.arguments), cwd=ROOT, env=environment, check=False).returncode == 0
    count.passed += held
    count.failed += not held
    return held


def _run_pytest(lane: Lane, environment: Mapping[str, str], count: Count) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *lane.arguments]
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        if not report.exists():
            count.failed += 1
            return False
        suites = ET.parse(report).getroot().iter("testsuite")
        totals = [
            {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")} for suite in suites
        ]
    failed = sum(total["failures"] + total["errors"] for total in totals)
    skipped = sum(total["skipped"] for total in totals)
    count.failed += failed or (code != 0)
    count.skipped += skipped
    count.passed += sum(total["tests"] for total in totals) - failed - skipped
    if skipped and os.environ.get("CI") == "true":
        print("A test was skipped where none may be (CI).")
        return False
    return code == 0


if __name__ == "__main__":
    sys.exit(main())
