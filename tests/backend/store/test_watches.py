from __future__ import annotations

from datetime import timedelta

from backend.store import leases, watches
from backend.store.leased import Claimer, Room
from tests.factories import NOW, SCOPE

LATER = NOW + timedelta(seconds=5)


def test_a_hold_is_kept_and_a_watch_forgotten(store):
    store.transact(lambda conn: watches.pull(conn, SCOPE, NOW))
    store.transact(lambda conn: watches.hold(conn, SCOPE, LATER))
    (lease,) = leases.WATCHES.claim(store, Claimer("one", timedelta(seconds=60)), NOW, Room(1, []))
    store.transact(lambda conn: watches.forget(conn, SCOPE, lease.epoch - 1))
    assert store.transact(lambda conn: leases.fence_watch(conn, lease))
    store.transact(lambda conn: watches.forget(conn, SCOPE, lease.epoch))
    assert not store.transact(lambda conn: leases.fence_watch(conn, lease))
    assert store.transact(lambda conn: watches.ensure(conn, SCOPE))
    assert not store.transact(lambda conn: watches.ensure(conn, SCOPE))
