"""The test of the test: each deliberate fault of the engine is caught within a bounded number of seeds."""

from __future__ import annotations

import functools
import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.simulation.moods import Mood
from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.run import run

SEEDS = 20


@functools.cache
def _holds(seed: int, mood: Mood) -> bool:
    """Without the fault: our haste is not to blame."""
    return run(seed, mood).broken is None


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.mutate.__name__)
def test_the_simulation_catches(mutation: Mutation, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    mood = replace(mutation.mood, patience=timedelta(minutes=20))
    for seed in range(mutation.first, mutation.first + SEEDS):
        with mutation.mutate():
            broken = run(seed, mood).broken
        if broken is not None and _holds(seed, mood):
            return
    pytest.fail(f"not caught: {mutation.mutate.__doc__}")
