"""The test of the test: each deliberate fault of the engine is caught within a bounded number of seeds."""

from __future__ import annotations

import functools
import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.simulation.moods import MOODS, TRIALS, Mood, played
from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.run import Result, run

SEEDS = 20


NAMES = {mood: name for name, mood in (MOODS | TRIALS).items()}
HASTE = timedelta(minutes=20)


@functools.cache
def _comes_to_rest(seed: int, mood: Mood) -> bool:
    return run(seed, mood, calm=False).broken is None


def _without_the_fault(seed: int, mood: Mood, caught: Result) -> bool:
    """Whether the same seed holds, so that it is the fault that was caught, and neither the seed nor our haste.

    What broke before patience ended has nothing to do with it; that the seed holds, given all its patience, is
    test_simulation's to say where it plays it, and elsewhere it is played for as long as it took to catch the fault.
    Where patience ended, what comes after the rest is not asked for.
    """
    if caught.late:
        return _comes_to_rest(seed, replace(mood, patience=HASTE))
    if seed in played(NAMES[mood]):
        return True
    return run(seed, replace(mood, patience=HASTE), until=caught.seconds).broken is None


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.mutate.__name__)
def test_the_simulation_catches(mutation: Mutation, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    hasty = replace(mutation.mood, patience=HASTE)
    for seed in range(mutation.first, mutation.first + SEEDS):
        with mutation.mutate():
            result = run(seed, hasty)
        if result.broken is not None and _without_the_fault(seed, mutation.mood, result):
            return
    pytest.fail(f"not caught: {mutation.mutate.__doc__}")
