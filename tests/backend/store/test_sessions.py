from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.session import Session
from backend.store import sessions
from backend.store.guarded import Guard
from backend.store.sealed import PLACES, reseal
from backend.store.secrets import Seal, new_key

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OLD, NEW = new_key(), new_key()


def session(key: str, base: str = "A", hours: int = 1) -> Session:
    ends = NOW + timedelta(hours=hours)
    words = ("r" * 64, "n" * 64, "p" * 64, "0" * 64, "s" * 40, "t" * 252)
    return Session(f"ASIA{key}", base * 128, "p", NOW, ends, *words)


def test_sessions_are_kept_counted_sealed_anew_and_forgotten(store):
    kept = [session("ONE"), session("TWO", hours=36), session("OTHER", "B")]

    def work(conn):
        for each in kept:
            sessions.add(conn, each, Seal([OLD]))

    store.transact(work)
    with store.read() as conn:
        assert [sessions.find(conn, each.access_key, Seal([OLD])) for each in kept] == kept
        assert sessions.find(conn, "asiaone", Seal([OLD])) is None
    assert reseal(store, PLACES["temporary keys"], Guard(Seal([NEW, OLD]))) == 3
    later = NOW + timedelta(hours=2)
    assert [store.transact(lambda conn: sessions.drop(conn, later, 1)) for _ in range(3)] == [1, 1, 0]
    with store.read() as conn:
        left = [sessions.find(conn, each.access_key, Seal([NEW])) for each in kept]
    assert left == [None, kept[1], None]


@pytest.mark.parametrize(("most", "left"), [(4, "ABCX"), (3, "BCX"), (1, "X")])
def test_the_oldest_that_have_not_ended_make_room(store, most, left):
    kept = [session("A"), session("B"), session("C"), session("X", "B")]

    def work(conn):
        for each in kept:
            sessions.add(conn, each, Seal([OLD]))
        sessions.make_room(conn, "A" * 128, NOW, most)
        sessions.make_room(conn, "A" * 128, NOW + timedelta(hours=1), 1)

    store.transact(work)
    with store.read() as conn:
        found = [each.access_key[-1] for each in kept if sessions.find(conn, each.access_key, Seal([OLD]))]
    assert "".join(found) == left
