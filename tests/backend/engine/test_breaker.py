from __future__ import annotations

from datetime import timedelta

import pytest

from backend.engine.breaker import Breaker, BreakerRule, Leave, Turn
from tests.factories import HandClock

RULE = BreakerRule(failures=3, slow=timedelta(seconds=4), pause=timedelta(seconds=15))


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def breaker(clock):
    return Breaker(RULE, clock)


def _hang(breaker, *projects, leave=Leave.YES, seconds=60.0):
    return [breaker.record(project, leave, failed=True, seconds=seconds) for project in projects]


def test_a_project_that_hangs_is_asked_no_more_and_others_are(breaker):
    assert _hang(breaker, "a", "a") == [None, None]
    assert breaker.leave("a") is Leave.YES
    assert _hang(breaker, "a") == [Turn.SHUT]
    assert (breaker.leave("a"), breaker.leave("b")) == (Leave.NO, Leave.YES)


def test_a_region_hangs_when_calls_of_two_projects_do(breaker):
    _hang(breaker, "a", "a", "b")
    assert {breaker.leave(project) for project in "abc"} == {Leave.NO}


def test_an_answer_in_between_begins_the_row_anew(breaker):
    _hang(breaker, "a", "a")
    assert breaker.record("a", Leave.YES, failed=False, seconds=0.1) is None
    _hang(breaker, "a", "a")
    assert breaker.leave("a") is Leave.YES


def test_what_is_refused_quickly_takes_nobody_s_time(breaker):
    _hang(breaker, *"ababab", seconds=0.1)
    assert breaker.leave("a") is Leave.YES


def test_who_ended_without_asking_says_nothing_and_leaves_its_place_to_another(breaker, clock):
    _hang(breaker, "a", "a")
    breaker.forgo("a", Leave.YES)
    assert _hang(breaker, "a") == [Turn.SHUT]
    clock.move(15)
    assert breaker.leave("a") is Leave.PROBE
    breaker.forgo("a", Leave.PROBE)
    assert [breaker.leave("a"), breaker.leave("a")] == [Leave.PROBE, Leave.NO]


def test_one_call_is_let_through_now_and_then_and_an_answer_opens(breaker, clock):
    _hang(breaker, "a", "a", "a")
    clock.move(14)
    assert breaker.leave("a") is Leave.NO
    clock.move(1)
    assert [breaker.leave("a"), breaker.leave("a")] == [Leave.PROBE, Leave.NO]
    clock.move(60)
    assert breaker.leave("a") is Leave.NO  # one at a time, however long it hangs
    _hang(breaker, "a", leave=Leave.PROBE)
    assert breaker.leave("a") is Leave.NO
    clock.move(15)
    assert breaker.leave("a") is Leave.PROBE
    assert breaker.record("a", Leave.PROBE, failed=False, seconds=0.1) is Turn.OPENED
    assert breaker.leave("a") is Leave.YES


def test_a_probe_that_is_refused_quickly_changes_nothing(breaker, clock):
    _hang(breaker, "a", "a", "a")
    clock.move(15)
    assert breaker.leave("a") is Leave.PROBE
    _hang(breaker, "a", leave=Leave.PROBE, seconds=0.0)
    assert breaker.leave("a") is Leave.NO


def test_any_answer_of_a_region_opens_it_but_not_the_projects_that_hang(breaker, clock):
    _hang(breaker, "a", "a", "a", "b")
    clock.move(15)
    assert breaker.leave("c") is Leave.PROBE
    breaker.record("c", Leave.PROBE, failed=False, seconds=0.1)
    assert [breaker.leave(project) for project in "bc"] == [Leave.YES, Leave.YES]
    clock.move(-5)
    assert breaker.leave("a") is Leave.NO
