"""The invariants hold whatever the seed; a failing seed prints its trace and replays exactly."""

from __future__ import annotations

import logging

import pytest

from tests.simulation.moods import WILD
from tests.simulation.run import run

SEEDS = 220
WILD_SEEDS = 80
BLOCK = 10


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_every_invariant_holds(first: int) -> None:
    for seed in range(first, first + BLOCK):
        result = run(seed)
        assert result.broken is None, str(result)


@pytest.mark.parametrize("first", range(0, WILD_SEEDS, BLOCK))
def test_every_invariant_holds_when_much_goes_wrong(first: int) -> None:
    for seed in range(first, first + BLOCK):
        result = run(seed, mood=WILD)
        assert result.broken is None, str(result)


def test_a_seed_replays_exactly() -> None:
    assert list(run(4, mood=WILD).trace) == list(run(4, mood=WILD).trace)
