"""What an engine asks of the cloud while nothing happens, for two numbers of groups and instances in one project."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import seeding

from backend.clock import SystemClock
from backend.domain.scope import Scope
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings
from backend.store import migrate
from backend.store.session import Store
from benchmarks.scaling import constant
from benchmarks.serving import ROOT
from benchmarks.still import REGION, Still, clouds_file, still

SIZES = ((10, 10), (100, 10))
"""Groups, and instances of each."""
_QUIET_SECONDS = 12.0
_PATIENCE_SECONDS = 300.0


def report(folder: Path, seconds: float) -> bool:
    """Print the requests a minute for each size; whether they are the same."""
    rates = [_rate(folder / f"{groups}-groups", groups, size, seconds) for groups, size in SIZES]
    for (groups, size), rate in zip(SIZES, rates, strict=True):
        print(f"idle: {rate:.1f} requests/min for {groups} groups, {groups * size:,} instances", flush=True)
    return constant(rates, seconds)


def _rate(folder: Path, groups: int, size: int, seconds: float) -> float:
    """Requests a minute of an engine that has looked at everything once."""
    folder.mkdir()
    scope = Scope(uuid.uuid4().hex, REGION)
    clock = SystemClock()
    database = f"sqlite:///{folder}/coppice.db"
    migrate.upgrade(database)
    store = Store(database, clock, durable=False)
    settings = SimulatedSettings(regions=(REGION,), boot_seconds=0, delete_seconds=0)
    cloud = SimulatedCloud.open(str(folder / "seed.db"), clock, settings).cloud
    seeding.seed_project(store, cloud, scope, groups, size, clock.now())
    store.close()
    zones = [zone.name for zone in cloud.compute.zones(scope)]
    with still(cloud.compute.list(scope), zones) as quiet:
        process = _engine(folder, database, quiet.url)
        try:
            _settle(quiet, process, folder)
            begun = time.monotonic()
            time.sleep(seconds)
            ended = time.monotonic()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
    return sum(begun <= at < ended for at, _ in quiet.asked) * 60 / (ended - begun)


def _engine(folder: Path, database: str, url: str) -> subprocess.Popen[bytes]:
    clouds = clouds_file(folder, url)
    environment = {
        "OS_DEFAULT__STATE": str(folder),
        "OS_DATABASE__URL": database,
        "OS_CLOUD__DRIVER": "openstack",
        "OS_OPENSTACK__CLOUDS_FILE": str(clouds),
        "OS_OPENSTACK__REGIONS": f"us-east-1:{REGION}",
    }
    with (folder / "engine.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "wsgi.py", "engine"], cwd=ROOT, env=os.environ | environment, stdout=log, stderr=log
        )


def _settle(quiet: Still, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until all has been listed once and nothing but listings of changes was asked for a while."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        now = time.monotonic()
        others = [at for at, what in quiet.asked if "changes-since" not in what]
        if others and now - others[-1] > _QUIET_SECONDS:
            return
        if process.poll() is not None or now > deadline:
            raise SystemExit(f"the engine does not come to rest:\n{(folder / 'engine.log').read_text()[-3000:]}")
        time.sleep(0.2)
