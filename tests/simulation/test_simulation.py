"""The invariants hold whatever the seed; a failing seed prints its trace and replays exactly."""

from __future__ import annotations

import logging
import multiprocessing
import uuid
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from tests.simulation.moods import ALL_AT_ONCE, MOODS, REBUILDING, SCALING, TRIALS, WILD, played
from tests.simulation.prepared import Preparing
from tests.simulation.run import run
from tests.simulation.world import repeatable_ids

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


def test_a_seed_is_the_same_where_sqlalchemy_asks_for_each_statement_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = run(5, replace(WILD, hooked=True), 20, calm=False)
    monkeypatch.setattr(Preparing, "execute", Connection.execute)
    assert list(run(5, replace(WILD, hooked=True), 20, calm=False).trace) == list(quick.trace)


def test_a_seed_replays_exactly_whatever_its_process_played_before() -> None:
    assert _last_trace((3, 30)) == _last_trace((4, 1), (3, 30))


def _last_trace(*plan: tuple[int, int]) -> Sequence[str]:
    """What the last of these seeds did in its steps, in a process that played the others before and nothing else."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
        played_ones = [fresh.submit(run, seed, REBUILDING, steps, calm=False) for seed, steps in plan]
        return list(played_ones[-1].result().trace)


def test_who_takes_what_draws_ids_while_one_seed_is_played_draws_those_of_the_next_too() -> None:
    with repeatable_ids(1):
        from uuid import uuid4  # as a module does that is imported when the first world is built
    with repeatable_ids(2):
        drawn = uuid4()
    with repeatable_ids(2):
        assert drawn == uuid.uuid4()


def test_who_comes_while_a_policy_decides_is_warm_where_none_ever_added() -> None:
    result = run(4, replace(SCALING, composed=True), calm=False)
    assert result.broken is None, str(result)
