from __future__ import annotations

from datetime import timedelta

from backend.store import orphans
from tests.factories import NOW, OTHER, SCOPE, uuid_of

LATER = NOW + timedelta(seconds=5)


def test_orphans_are_known_since_they_were_first_seen(store):
    server = uuid_of("stray")
    for seconds in (0, 30):
        at = NOW + timedelta(seconds=seconds)
        store.transact(lambda conn, at=at: orphans.note(conn, SCOPE, [server, server], at))
    with store.read() as conn:
        assert orphans.due(conn, SCOPE, NOW, 5) == [server]
        assert orphans.due(conn, SCOPE, NOW - timedelta(seconds=1), 5) == []
        assert orphans.due(conn, OTHER, LATER, 5) == []
        assert orphans.oldest(conn, SCOPE) == NOW
    store.transact(lambda conn: orphans.again(conn, [server], LATER))
    with store.read() as conn:
        assert orphans.due(conn, SCOPE, NOW, 5) == []
    store.transact(lambda conn: orphans.settle(conn, [server]))
    with store.read() as conn:
        assert orphans.oldest(conn, SCOPE) is None
