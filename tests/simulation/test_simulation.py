"""The invariants hold whatever the seed; a failing seed prints its trace and replays exactly."""

from __future__ import annotations

import logging
import multiprocessing
import sqlite3
import uuid
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Connection, StaticPool, create_engine, literal_column, select

from tests.simulation.moods import ALL_AT_ONCE, MOODS, REBUILDING, SCALING, TRIALS, WILD, Mood, played
from tests.simulation.prepared import Preparing, Rows
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


@pytest.mark.parametrize(
    ("seed", "mood", "steps"),
    [(5, replace(WILD, hooked=True), 20), (2, SCALING, 20), (3, REBUILDING, 20), (4, ALL_AT_ONCE, 20)],
    ids=["hooked", "scaling", "rebuilding", "all-at-once"],
)
def test_a_seed_is_the_same_where_sqlalchemy_asks_for_each_statement_anew(
    seed: int, mood: Mood, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = run(seed, mood, steps, calm=False)
    monkeypatch.setattr(Preparing, "execute", Connection.execute)
    assert list(run(seed, mood, steps, calm=False).trace) == list(quick.trace)


def test_what_rows_do_not_do_here_they_say() -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with Preparing(engine) as conn:
        raw = conn.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        conn.raw = raw
        text = select(literal_column("1").label("a"), literal_column("2").label("b"))
        assert conn.execute(text).columns("b").all() == [(2,)]  # SQLAlchemy's own
        for refused in (lambda rows: rows.columns("b"), lambda rows: rows.unique()):
            found = conn.execute(text)
            assert isinstance(found, Rows)
            with pytest.raises(NotImplementedError, match="SQLAlchemy's way"):
                refused(found)
        assert conn.execute(text).scalars().unique().all() == [1]
        assert conn.execute(text).mappings().all() == [{"a": 1, "b": 2}]
    engine.dispose()


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
