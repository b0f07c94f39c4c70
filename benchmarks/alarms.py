"""How many alarms one engine judges: 10,000 of as many metrics on SQLite, most of them quiet. ``--alarms N``.

Prints the processor's seconds for one evaluation of all, which is due each minute.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from backend.domain.alarms import Comparison, WantedAlarm, Watched
from backend.domain.metric_queries import MetricStat
from backend.domain.metrics import measured, metric
from backend.domain.scope import Scope
from backend.store import metrics
from tests.backend.engine.world import EngineWorld

SCOPE = Scope("5f0c3b6d8e6f4e7a9b1c2d3e4f506172", "us-east-1")
MINUTES = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alarms", type=int, default=10_000)
    number = parser.parse_args().alarms
    with tempfile.TemporaryDirectory() as folder:
        world = EngineWorld(url=f"sqlite:///{Path(folder) / 'coppice.db'}")
        series = [metric("Load", "Busy", {"Server": f"s{each}"}) for each in range(number)]
        for each, of in enumerate(series):
            watched = Watched(Comparison.ABOVE, 50.0, 3, stat=MetricStat(of, 60, "Average"))
            world.backend.alarms.put(SCOPE, WantedAlarm(f"a{each}", watched), lambda _: {})

        def measure() -> None:
            now = world.clock.now()
            data = [measured(of, now, [60.0 if each % 100 == 0 else 10.0]) for each, of in enumerate(series)]
            for start in range(0, number, 1000):
                work = partial(metrics.add, scope=SCOPE, data=data[start : start + 1000], now=now)
                world.store.transact(work)
            world.clock.at = now + timedelta(minutes=1)

        for _ in range(MINUTES):
            measure()
        world.clock.move(30)
        for told in ("first: every state changes", "after that, nothing changes"):
            began, before = time.process_time(), world.engine.counters["alarms_judged"]
            while world.engine.counters["alarms_judged"] - before < number:
                world.pass_time(1, step=1)
            spent = time.process_time() - began
            print(
                f"{told}: {number} alarms judged in {spent:.2f} s of one processor, {spent / number * 1e3:.2f} ms each"
            )
            measure()
        world.close()


if __name__ == "__main__":
    main()
