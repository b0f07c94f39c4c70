"""The invariants hold whatever the seed; a failing seed prints its trace and replays exactly."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest

from tests.simulation.moods import ALL_AT_ONCE, MOODS, TRIALS, WILD, played
from tests.simulation.run import run

BLOCK = 5
BLOCKS = [
    pytest.param(mood, played(mood)[first : first + BLOCK], id=f"{mood}-{first}")
    for mood in MOODS
    for first in played(mood)[::BLOCK]
]


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.mark.parametrize(("mood", "seeds"), BLOCKS)
def test_every_invariant_holds(mood: str, seeds: Sequence[int]) -> None:
    for seed in seeds:
        result = run(seed, mood=MOODS[mood])
        assert result.broken is None, str(result)


@pytest.mark.parametrize("trial", TRIALS)
def test_a_world_at_rest(trial: str) -> None:
    for seed in played(trial):
        result = run(seed, TRIALS[trial])
        assert result.broken is None, str(result)


def test_a_seed_replays_exactly() -> None:
    assert list(run(4, mood=WILD).trace) == list(run(4, mood=WILD).trace)
    assert list(run(4, mood=ALL_AT_ONCE).trace) == list(run(4, mood=ALL_AT_ONCE).trace)
