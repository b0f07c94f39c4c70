"""Whose work took much of an engine's time waits for more of it."""

import pytest

from backend.engine.rests import Rests
from tests.factories import SCOPE


def _asks_on(each: float, until: float) -> float:
    """The seconds of work that a project has done by then, whose work is due whenever it may be done."""
    rests, at, done = Rests(), 0.0, 0.0
    while at < until:
        rest = rests.left(SCOPE, at).total_seconds()
        if rest:
            at += rest
            continue
        rests.took(SCOPE, at, at + each)
        at, done = at + each, done + each
    return done


@pytest.mark.parametrize("each", [0.001, 0.019, 0.5])
def test_work_of_any_length_takes_a_quarter_of_the_time(each):
    assert 20 <= _asks_on(each, 100.0) <= 26


def test_a_little_work_now_and_then_waits_for_nothing():
    rests = Rests()
    for second in range(1000):
        assert not rests.left(SCOPE, second)
        rests.took(SCOPE, second, second + 0.019)


def test_who_has_rested_is_forgotten():
    rests = Rests()
    rests.took(SCOPE, 0.0, 1.0)
    assert rests.left(SCOPE, 1.0).total_seconds() == 3.0
    assert not rests.left(SCOPE, 4.0)
