"""The test of the test: each deliberate fault of the engine is caught within a bounded number of seeds."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.run import STEPS, run

SEEDS = 30


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.mutate.__name__)
def test_the_simulation_catches(mutation: Mutation, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    mood = replace(mutation.mood, patience=timedelta(minutes=20))
    for seed in range(mutation.first, mutation.first + SEEDS):
        with mutation.mutate():
            broken = run(seed, STEPS, mood).broken
        if broken is not None and run(seed, STEPS, mood).broken is None:  # the fault is to blame, not our haste
            return
    pytest.fail(f"not caught: {mutation.mutate.__doc__}")
