from __future__ import annotations

from datetime import timedelta

import pytest

from backend.store import clusters, leases, wakes, watches
from backend.store.leased import Claimer, Room
from backend.tracing import During, Origin
from tests import factories
from tests.factories import NOW, SCOPE

LEASE = timedelta(seconds=60)
ONE, TWO = Claimer("one", LEASE), Claimer("two", LEASE)


@pytest.fixture
def group(store):
    made = factories.cluster(due_at=NOW)
    store.transact(lambda conn: clusters.insert(conn, made))
    return made


def _claim(store, claimer=ONE, limit=10):
    return leases.CLUSTERS.claim(store, claimer, store.clock.now(), Room(2 * limit, []))


def _watches(store, claimer=ONE):
    return leases.WATCHES.claim(store, claimer, store.clock.now(), Room(5, []))


def _now(store, group):
    with store.read() as conn:
        return clusters.get_by_id(conn, group.id)


def test_only_one_holds_a_cluster(store, group):
    (lease,) = _claim(store)
    assert (lease.cluster_id, lease.epoch) == (group.id, group.epoch + 1)
    assert _claim(store, TWO) == []


def test_the_longest_due_are_claimed_first_and_only_so_many(store):
    made = [factories.cluster(f"g{number}", due_at=NOW - timedelta(seconds=number)) for number in range(4)]
    later = factories.cluster("later", due_at=NOW + timedelta(seconds=1))
    never = factories.cluster("never", due_at=None)
    for one in (*made, later, never):
        store.transact(lambda conn, one=one: clusters.insert(conn, one))
    assert [lease.cluster_id for lease in _claim(store, limit=3)] == [made[3].id, made[2].id, made[1].id]


def test_a_lease_that_is_over_is_taken_and_its_fence_is_closed(store, group):
    (first,) = _claim(store)
    store.clock.move(61)
    (second,) = _claim(store, TWO)
    assert second.epoch == first.epoch + 1
    assert store.transact(lambda conn: leases.fence(conn, first)) is None
    assert store.transact(lambda conn: leases.fence(conn, second)) == group.generation
    store.transact(lambda conn: leases.release(conn, first, NOW))
    assert _claim(store, ONE) == []


def test_a_renewed_lease_is_held_on(store, group):
    (lease,) = _claim(store)
    store.clock.move(40)
    leases.CLUSTERS.renew(store, [lease], ONE)
    store.clock.move(40)
    assert _claim(store, TWO) == []


def test_a_released_cluster_is_due_when_the_pass_says(store, group):
    (lease,) = _claim(store)
    due = NOW + timedelta(hours=1)
    store.transact(lambda conn: leases.release(conn, lease, due))
    assert _now(store, group).due_at == due
    assert _claim(store, TWO) == []


def test_a_wish_made_during_the_pass_outlives_its_release(store, group):
    (lease,) = _claim(store)
    store.clock.move(1)
    store.transact(
        lambda conn: clusters.change(conn, group.id, store.clock.now(), desired=3, desired_at=store.clock.now())
    )
    assert store.transact(lambda conn: leases.fence(conn, lease)) == group.generation + 1
    store.transact(lambda conn: leases.release(conn, lease, NOW + timedelta(hours=1)))
    assert _now(store, group).due_at == store.clock.now()
    assert len(_claim(store, TWO)) == 1


def test_what_was_seen_during_the_pass_outlives_its_release(store, group):
    (lease,) = _claim(store)
    store.transact(lambda conn: wakes.wake(conn, [group.id], store.clock.now()))
    store.transact(lambda conn: leases.release(conn, lease, None))
    assert len(_claim(store, TWO)) == 1


def test_a_watch_is_held_by_one_and_pulled_by_anyone(store):
    store.transact(lambda conn: watches.pull(conn, SCOPE, NOW))
    (lease,) = _watches(store, ONE)
    assert (lease.scope, lease.seen_until, lease.full_due_at) == (SCOPE, None, None)
    assert _watches(store, TWO) == []
    assert store.transact(lambda conn: leases.fence_watch(conn, lease))
    soon = NOW + timedelta(seconds=1)
    store.transact(lambda conn: watches.pull(conn, SCOPE, soon))
    later = NOW + timedelta(minutes=1)
    store.transact(lambda conn: leases.release_watch(conn, lease, later, NOW, later))
    store.clock.move(1)
    (again,) = _watches(store, TWO)
    assert (again.seen_until, again.full_due_at) == (NOW, later)
    assert not store.transact(lambda conn: leases.fence_watch(conn, lease))


def _refused(store, lease, since):
    store.transact(lambda conn: leases.refused_watch(conn, lease, since))
    store.transact(lambda conn: leases.release_watch(conn, lease, NOW, None, None))
    (after,) = _watches(store, TWO)
    return after


def test_a_watch_keeps_since_when_looks_are_refused(store):
    store.transact(lambda conn: watches.pull(conn, SCOPE, NOW))
    (lease,) = _watches(store, ONE)
    assert lease.refused_since is None
    lease = _refused(store, lease, NOW)
    assert lease.refused_since == NOW
    assert _refused(store, lease, None).refused_since is None


def test_a_renewed_watch_is_held_on(store):
    store.transact(lambda conn: watches.pull(conn, SCOPE, NOW))
    (lease,) = _watches(store, ONE)
    store.clock.move(40)
    leases.WATCHES.renew(store, [lease], ONE)
    store.clock.move(40)
    assert _watches(store, TWO) == []


def test_a_watch_is_not_put_off_by_a_later_wish(store):
    store.transact(lambda conn: watches.pull(conn, SCOPE, NOW))
    store.transact(lambda conn: watches.pull(conn, SCOPE, NOW + timedelta(hours=1)))
    assert len(_watches(store, ONE)) == 1


ASKED = Origin("0b7f1a52-3d36-4c53-9d5e-0c1a7b3f5a11")
LATER = Origin("1c8f1a52-3d36-4c53-9d5e-0c1a7b3f5a22")


def _change(store, group, origin):
    with During(origin):
        store.transact(lambda conn: clusters.change(conn, group.id, NOW, cooldown_seconds=7))


def test_a_claim_knows_which_request_called_for_it_until_it_is_given_back(store, group):
    _change(store, group, ASKED)
    (lease,) = _claim(store)
    assert lease.asked_by == ASKED.written()
    store.transact(lambda conn: leases.release(conn, lease, NOW))
    (again,) = _claim(store)
    assert again.asked_by is None


@pytest.mark.parametrize("by", ["change", "wake", "insert"])
def test_whoever_calls_the_engine_is_known(store, by):
    made = factories.cluster(due_at=None if by == "wake" else NOW)
    if by == "insert":
        with During(ASKED):
            store.transact(lambda conn: clusters.insert(conn, made))
    else:
        store.transact(lambda conn: clusters.insert(conn, made))
    if by == "change":
        _change(store, made, ASKED)
    elif by == "wake":
        with During(ASKED):
            store.transact(lambda conn: wakes.wake(conn, [made.id], NOW))
    (lease,) = _claim(store)
    assert lease.asked_by == ASKED.written()


def test_who_calls_for_it_meanwhile_is_known_to_the_next_claim(store, group):
    _change(store, group, ASKED)
    (lease,) = _claim(store)
    _change(store, group, LATER)
    store.transact(lambda conn: leases.release(conn, lease, NOW))
    (again,) = _claim(store)
    assert again.asked_by == LATER.written()


def test_also_where_nobody_had_called_for_the_first(store, group):
    (lease,) = _claim(store)
    _change(store, group, LATER)
    store.transact(lambda conn: leases.release(conn, lease, None))
    (again,) = _claim(store)
    assert again.asked_by == LATER.written()


def test_what_is_taken_from_a_dead_engine_is_done_for_the_same(store, group):
    _change(store, group, ASKED)
    _claim(store)
    store.transact(lambda conn: leases.CLUSTERS.abandon(conn, "one", [], NOW))
    (taken,) = _claim(store, TWO)
    assert taken.asked_by == ASKED.written()


def test_what_nobody_asked_for_names_nobody(store, group):
    _change(store, group, ASKED)
    _change(store, group, None)
    (lease,) = _claim(store)
    assert lease.asked_by is None


def test_what_could_not_be_done_is_done_later_for_the_same(store, group):
    _change(store, group, ASKED)
    (lease,) = _claim(store)
    store.transact(lambda conn: leases.CLUSTERS.put_off(conn, lease, NOW))
    (again,) = _claim(store)
    assert again.asked_by == ASKED.written()
