"""What sizes of batches come to on a group of 1,000 members: ``python benchmarks/batches.py``.

An engine in this process, on a simulated cloud that answers at once and a clock of its own. Seconds are that clock's:
they tell how many rounds of the engine a change takes, and nothing of this machine. Calls are those to the cloud.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from table import Table

from backend.drivers.simulated import SimulatedSettings
from backend.engine.settings import EngineSettings
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE

STEP = 0.25
_PATIENCE_SECONDS = 900.0
_SIZES = {
    "servers of a call": ("launch_batch", (1, 5, 25, 100)),
    "launches of a pass": ("launches", (50, 200, 500, 1000)),
    "deletions of a pass": ("deletions", (50, 200, 1000)),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one change came to: seconds of the world's clock and of the processor, calls to the cloud, passes."""

    seconds: float
    processor: float
    calls: int
    passes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=1000)
    members = parser.parse_args().members
    table = Table("", "size", "", "seconds", "calls to the cloud", "passes", "processor s", "")
    for told, (name, sizes) in _SIZES.items():
        for size in sizes:
            out, back = _measure(members, EngineSettings(**{name: size}))
            costs = ((f"0 -> {members:,}", out), (f"{members:,} -> 0", back))
            for change, cost in costs[1:] if name == "deletions" else costs[:1]:
                row = f"{cost.seconds:.1f}", str(cost.calls), str(cost.passes), f"{cost.processor:.1f}"
                table.add(told, str(size), change, *row)
    print(f"load of the machine: {', '.join(f'{each:.1f}' for each in os.getloadavg())}\n\n{table}")


def _measure(members: int, settings: EngineSettings) -> tuple[Cost, Cost]:
    """From none to so many members and back."""
    cloud = SimulatedSettings(seed=7, boot_seconds=0, delete_seconds=0)
    world = EngineWorld(settings=cloud, engine_settings=settings)
    cluster = world.make(desired=1, maximum=members)
    _until(world, lambda: world.states(cluster) == ["InService"])  # what it is made of has proven itself
    out, back = (
        _changed(world, wanted, lambda wanted=wanted: world.states(cluster) == ["InService"] * wanted)
        for wanted in (members, 0)
    )
    world.close()
    return out, back


def _changed(world: EngineWorld, wanted: int, holds: Callable[[], bool]) -> Cost:
    before, at, used = dict(world.engine.counters), world.clock.now(), time.process_time()
    world.backend.clusters.resize(SCOPE, "web", wanted)
    _until(world, holds)
    counted = {name: number - before.get(name, 0) for name, number in world.engine.counters.items()}
    calls = sum(counted.get(name, 0) for name in ("CreateServers", "DeleteServer"))
    seconds = (world.clock.now() - at).total_seconds()
    return Cost(seconds, time.process_time() - used, calls, counted.get("passes", 0))


def _until(world: EngineWorld, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {_PATIENCE_SECONDS:g} s")
        world.pass_time(STEP, step=STEP)


if __name__ == "__main__":
    main()
