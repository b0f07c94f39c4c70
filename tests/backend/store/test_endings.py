"""What ended is read once by each process, whatever order it was committed in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert

from backend.domain.events import Event, Subject
from backend.errors import StoreUnavailable
from backend.store import events
from backend.store.endings import Endings
from backend.store.event_tables import ended_identities
from tests.factories import NOW, HandClock


def put(store, number, identity):
    row = {"number": number, "subject": str(Subject.USER), "identity": identity, "ended_at": NOW}
    store.transact(lambda conn: conn.execute(insert(ended_identities), row))


@pytest.fixture
def clock():
    return HandClock()


def test_what_came_since_the_first_question_is_told_once_and_at_most_once_a_second(store, clock):
    store.transact(lambda conn: events.end(conn, [Event(Subject.USER, "before")], NOW))
    endings = Endings(store, clock)
    assert endings() == ()
    store.transact(lambda conn: events.end(conn, [Event(Subject.USER, "after")], NOW))
    assert endings() == ()
    clock.move(1)
    assert endings() == [Event(Subject.USER, "after")]
    for _ in range(30):
        clock.move(1)
        assert endings() == []


def test_a_number_that_is_committed_after_a_higher_one_is_told_nevertheless(store, clock):
    endings = Endings(store, clock)
    endings()
    put(store, 8, "higher")
    clock.move(1)
    assert endings() == [Event(Subject.USER, "higher")]
    put(store, 7, "late")
    clock.move(1)
    assert endings() == [Event(Subject.USER, "late")]
    clock.move(60)
    assert endings() == []
    clock.move(1)
    assert endings() == []


class Away:
    def read(self):
        raise StoreUnavailable("away")


def test_while_the_database_is_away_nothing_is_told_and_it_comes_later(store, clock):
    endings = Endings(store, clock)
    endings()
    put(store, 1, "meanwhile")
    endings._store, there = Away(), store
    clock.move(1)
    assert endings() == ()
    endings._store = there
    clock.move(1)
    assert endings() == [Event(Subject.USER, "meanwhile")]


def test_what_was_told_before_the_first_answer_may_have_been_about_anybody(store, clock):
    endings = Endings(Away(), clock)
    assert endings() == ()
    put(store, 1, "meanwhile")
    endings._store = store
    clock.move(1)
    assert endings() == (Event(Subject.EVERYBODY),)
    for _ in range(30):
        clock.move(1)
        assert endings() == [], "once"


def test_what_ends_is_told_also_after_all_that_ended_before_was_forgotten(store, clock):
    endings = Endings(store, clock)
    endings()
    for number in range(3):
        store.transact(lambda conn, name=f"u{number}": events.end(conn, [Event(Subject.USER, name)], NOW))
    for _ in range(15):
        clock.move(1)
        endings()
    assert store.transact(lambda conn: events.forget_ended(conn, NOW + timedelta(hours=2))) == 2
    store.transact(lambda conn: events.end(conn, [Event(Subject.USER, "later")], NOW))
    clock.move(1)
    assert endings() == [Event(Subject.USER, "later")]


def test_a_word_of_a_newer_version_is_everybody(store):
    row = {"number": 1, "subject": "planet", "identity": "x", "ended_at": NOW}
    store.transact(lambda conn: conn.execute(insert(ended_identities), row))
    with store.read() as conn:
        assert events.ended_after(conn, 0, 10) == [(1, Event(Subject.EVERYBODY, "x"))]
