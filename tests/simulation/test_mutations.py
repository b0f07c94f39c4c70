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
FAULT = "no fault"
"""A job that fails tells nothing: mostly it is the fault itself that cannot be called as what it stands for is by now."""


@functools.cache
def _holds(seed: int, mood: Mood, *, calm: bool) -> bool:
    return run(seed, mood, calm=calm).broken is None


def _without_the_fault(seed: int, mood: Mood, caught: Result) -> bool:
    """Whether the same seed holds, so that it is the fault that was caught, and neither the seed nor our haste.

    A seed that test_simulation plays holds to its end, given all its patience, and nothing that breaks before patience
    ends has to do with that; where patience ended, it has to come to rest as soon. Any other is played here, to its end:
    it may be broken only after the rest, when the one with the fault has long gone another way.
    """
    hasty = replace(mood, patience=HASTE)
    if seed in played(NAMES[mood]):
        return not caught.late or _holds(seed, hasty, calm=False)
    return _holds(seed, hasty, calm=True)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.mutate.__name__)
def test_the_simulation_catches(mutation: Mutation, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    hasty = replace(mutation.mood, patience=HASTE)
    for seed in range(mutation.first, mutation.first + SEEDS):
        with mutation.mutate():
            result = run(seed, hasty)
        if result.broken not in {None, FAULT} and _without_the_fault(seed, mutation.mood, result):
            return
    pytest.fail(f"not caught: {mutation.mutate.__doc__}")
