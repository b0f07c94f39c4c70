"""``python -m tests.simulation --seeds N --start S``: as many seeds as are asked for."""

from __future__ import annotations

import argparse
import logging
import sys

from tests.simulation.moods import NORMAL, WILD
from tests.simulation.run import STEPS, run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--wild", action="store_true", help="more goes wrong")
    parser.add_argument("--trace", action="store_true", help="show the trace of every seed")
    parser.add_argument("--keep-going", action="store_true")
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)
    failed = []
    for seed in range(chosen.start, chosen.start + chosen.seeds):
        result = run(seed, chosen.steps, WILD if chosen.wild else NORMAL)
        if chosen.trace or (result.broken and not chosen.keep_going):
            print(result)
        if result.broken:
            failed.append(seed)
            if not chosen.keep_going:
                break
            print(f"seed {seed}: {result.detail[:200]}", flush=True)
    print(f"{chosen.seeds} seeds from {chosen.start}: {len(failed)} failed {failed[:20]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
