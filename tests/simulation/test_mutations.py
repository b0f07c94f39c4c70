"""The test of the test: each deliberate fault of the engine is caught within a bounded number of seeds."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.simulation.mutations import MUTATIONS
from tests.simulation.run import STEPS, Mood, run

SEEDS = 40


@pytest.mark.parametrize(("mutation", "mood"), MUTATIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_simulation_catches(
    mutation: Callable[[], AbstractContextManager[None]], mood: Mood, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    impatient = replace(mood, patience=timedelta(minutes=40))
    with mutation():
        assert any(run(seed, STEPS, impatient).broken for seed in range(SEEDS)), mutation.__doc__
