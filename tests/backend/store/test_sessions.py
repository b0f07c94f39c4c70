from __future__ import annotations

from datetime import UTC, datetime, timedelta

from backend.domain.session import Session
from backend.store import sessions
from backend.store.secrets import Seal, new_key

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OLD, NEW = new_key(), new_key()


def session(key: str, project: str = "p", hours: int = 1) -> Session:
    ends = NOW + timedelta(hours=hours)
    return Session(f"ASIA{key}", "A" * 128, project, NOW, ends, "r" * 64, "n" * 64, "s" * 40, "t" * 252)


def test_sessions_are_kept_counted_sealed_anew_and_forgotten(store):
    kept = [session("ONE"), session("TWO", hours=36), session("OTHER", "q")]

    def work(conn):
        for each in kept:
            sessions.add(conn, each, Seal([OLD]))

    store.transact(work)
    with store.read() as conn:
        assert [sessions.find(conn, each.access_key, Seal([OLD])) for each in kept] == kept
        assert sessions.find(conn, "asiaone", Seal([OLD])) is None
        assert [sessions.live(conn, "p", NOW + timedelta(hours=hours)) for hours in (0, 1, 36)] == [2, 1, 0]
    assert store.transact(lambda conn: sessions.reseal(conn, Seal([NEW, OLD]))) == 3
    store.transact(lambda conn: sessions.sweep(conn, "p", NOW + timedelta(hours=2)))
    with store.read() as conn:
        left = [sessions.find(conn, each.access_key, Seal([NEW])) for each in kept]
    assert left == [None, *kept[1:]]
