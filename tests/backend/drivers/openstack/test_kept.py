from __future__ import annotations

from datetime import timedelta

import pytest

from backend.drivers.openstack.kept import Kept
from tests.factories import HandClock

MINUTE = timedelta(minutes=1)


def test_a_value_is_asked_for_when_it_is_too_old_for_who_wants_it():
    clock, asked = HandClock(), []
    kept = Kept(clock, lambda key: asked.append(key) or len(asked))
    assert [kept.get("a", MINUTE), kept.get("a", MINUTE), kept.get("b", MINUTE)] == [1, 1, 2]
    clock.move(59)
    assert kept.get("a", MINUTE) == 1
    assert kept.get("a", timedelta(seconds=30)) == 3
    assert kept.get("a", timedelta()) == 4
    kept.drop("a")
    assert kept.get("a", MINUTE) == 5


def test_a_failure_is_not_kept_and_does_not_drop_what_is():
    clock, answers = HandClock(), [1]
    kept = Kept(clock, lambda _: answers.pop())
    assert kept.get("a", MINUTE) == 1
    with pytest.raises(IndexError):
        kept.get("a", timedelta())
    assert kept.get("a", MINUTE) == 1


def test_an_answer_from_before_a_drop_is_not_kept():
    asked = []

    def ask(key):
        asked.append(key)
        if len(asked) == 1:
            kept.drop(key)
        return len(asked)

    kept = Kept(HandClock(), ask)
    assert [kept.get("a", MINUTE), kept.get("a", MINUTE), kept.get("a", MINUTE)] == [1, 2, 2]


def test_the_oldest_goes_first():
    kept = Kept(HandClock(), lambda key: object(), most=2)
    first = kept.get("a", MINUTE)
    second = kept.get("b", MINUTE)
    kept.get("c", MINUTE)
    assert kept.get("b", MINUTE) is second
    assert kept.get("a", MINUTE) is not first
