"""``python -m tests.simulation --seeds N --start S``: as many seeds as are asked for, on every core there is."""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.simulation.moods import MOODS, SOAK, TRIALS
from tests.simulation.soak import results

DAY = 86_400.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--steps", type=int, help="in place of the mood's own")
    parser.add_argument(
        "--mood", choices=sorted(MOODS | TRIALS), help="one mood for all; else each seed has the next one"
    )
    parser.add_argument("--wild", action="store_const", dest="mood", const="wild", help="more goes wrong")
    parser.add_argument("--trace", action="store_true", help="show the trace of every seed")
    parser.add_argument("--keep-going", action="store_true")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    chosen = parser.parse_args()
    began = time.perf_counter()
    failed: list[int] = []
    seeds, lived = 0, 0.0
    moods = (chosen.mood,) if chosen.mood else SOAK
    plan = [(seed, moods[seed % len(moods)]) for seed in range(chosen.start, chosen.start + chosen.seeds)]
    for (seed, mood), result in zip(plan, results(plan, chosen.steps, chosen.processes), strict=False):
        seeds, lived = seeds + 1, lived + result.seconds
        if chosen.trace or (result.broken and not chosen.keep_going):
            print(result)
        if result.broken:
            failed.append(seed)
            print(f"--seeds 1 --start {seed} --mood {mood}: {result.detail[:200]}", flush=True)
            if not chosen.keep_going:
                break
    took = time.perf_counter() - began
    rate = f"{seeds / took:.1f} seeds/s, {lived / DAY / took * 60:.1f} virtual days a minute"
    print(f"{seeds} seeds from {chosen.start}: {len(failed)} failed {failed[:20]}; {rate}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
