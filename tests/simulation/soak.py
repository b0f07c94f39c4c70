"""Many seeds in several processes."""

from __future__ import annotations

import gc
import logging
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulation.moods import MOODS, TRIALS
from tests.simulation.run import Result, run


def results(plan: Sequence[tuple[int, str]], steps: int | None, processes: int) -> Iterator[Result]:
    """How each (seed, name of its mood) ended, in the order of the plan."""
    if processes == 1 or len(plan) == 1:
        _prepare()
        yield from (_played(steps, each) for each in plan)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _prepare) as pool:
        try:
            yield from pool.map(partial(_played, steps), plan)
        finally:
            pool.shutdown(cancel_futures=True)


def _prepare() -> None:
    logging.disable(logging.CRITICAL)
    settle_down()


def settle_down() -> None:
    """From now on what is there by now is not looked through for garbage, and the rest more seldom."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _played(steps: int | None, planned: tuple[int, str]) -> Result:
    seed, name = planned
    return run(seed, (MOODS | TRIALS)[name], steps)
