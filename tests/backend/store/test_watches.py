from __future__ import annotations

from datetime import timedelta

from backend.domain.account_settings import Setting
from backend.domain.scope import Scope
from backend.store import account_settings, leases, watches
from backend.store.leased import Claimer, Room
from tests.factories import NOW, OTHER, SCOPE

LATER = NOW + timedelta(seconds=5)


def test_a_watch_is_forgotten_by_whoever_holds_it(store):
    store.transact(lambda conn: watches.pull(conn, SCOPE, NOW))
    (lease,) = leases.WATCHES.claim(store, Claimer("one", timedelta(seconds=60)), NOW, Room(1, []))
    store.transact(lambda conn: watches.forget(conn, SCOPE, lease.epoch - 1))
    assert store.transact(lambda conn: leases.fence_watch(conn, lease))
    store.transact(lambda conn: watches.forget(conn, SCOPE, lease.epoch))
    assert not store.transact(lambda conn: leases.fence_watch(conn, lease))
    assert store.transact(lambda conn: watches.ensure(conn, SCOPE))
    assert not store.transact(lambda conn: watches.ensure(conn, SCOPE))


def test_tallies_are_kept_by_project_and_told_of_the_region_too(store):
    far = Scope(SCOPE.project_id, "us-west-2")
    for scope, counts in ((SCOPE, (5, 3)), (OTHER, (20, 1)), (far, (7, 7))):
        store.transact(lambda conn, scope=scope: watches.pull(conn, scope, NOW))
        store.transact(lambda conn, scope=scope, counts=counts: watches.tally(conn, scope, *counts))
    with store.read() as conn:
        assert watches.tallies(conn, SCOPE) == ((5, 3), (25, 4))
        assert watches.tallies(conn, Scope("nobody", "nowhere")) == ((0, 0), (0, 0))


def test_up_to_when(store):
    with store.read() as conn:
        assert watches.standing(conn, SCOPE) == (None, False)
    store.transact(lambda conn: watches.pull(conn, SCOPE, NOW))
    with store.read() as conn:
        assert watches.standing(conn, SCOPE) == (None, False)


def test_what_a_project_wants_of_all_its_clusters_is_told_with_it(store):
    far = Scope(SCOPE.project_id, "us-west-2")

    def told():
        with store.read() as conn:
            return [watches.standing(conn, scope)[1] for scope in (SCOPE, OTHER, far)]

    for scope in (SCOPE, OTHER, far):
        store.transact(lambda conn, scope=scope: watches.pull(conn, scope, NOW))
    store.transact(lambda conn: account_settings.put(conn, SCOPE, Setting.LAUNCH_FIRST, enabled=True))
    assert told() == [True, False, False]
    store.transact(lambda conn: account_settings.put(conn, far, Setting.LAUNCH_FIRST, enabled=True))
    store.transact(lambda conn: account_settings.put(conn, SCOPE, Setting.LAUNCH_FIRST, enabled=False))
    assert told() == [False, False, True]
