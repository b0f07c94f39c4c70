from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.traffic import MemberHealth, Registration, RegistrationState, SourceState, TrafficSource
from backend.store import clusters, leases, traffic
from backend.store.leased import Claimer, Room
from tests import factories
from tests.factories import NOW, SCOPE

CLAIMER = Claimer("one", timedelta(seconds=60))
LATER = NOW + timedelta(seconds=30)
ONE = Registration(
    node_id="node-1",
    pool_id="pool-1",
    cluster_id="cluster-1",
    project_id=SCOPE.project_id,
    region=SCOPE.region,
    server_id="server-1",
    address="10.0.0.5",
    port=80,
    subnet_id=None,
    state=RegistrationState.ADDING,
    state_at=NOW,
    due_at=LATER,
)
KEY = ("node-1", "pool-1")


@pytest.fixture
def put(store):
    return lambda *each: store.transact(lambda conn: traffic.put(conn, each))


@pytest.fixture
def one(store):
    def read():
        with store.read() as conn:
            (found,) = traffic.of_pool(conn, "pool-1")
        return found

    return read


def test_registrations_are_found_by_pool_and_by_cluster(store, put):
    two = replace(ONE, node_id="node-2", cluster_id="cluster-2", subnet_id="subnet", served=True)
    put(ONE, two, replace(ONE, pool_id="pool-2"))
    with store.read() as conn:
        assert traffic.of_pool(conn, "pool-1") == [ONE, two]
        assert traffic.of_cluster(conn, "cluster-1") == [ONE, replace(ONE, pool_id="pool-2")]


def test_one_written_again_replaces_the_first(put, one):
    put(ONE)
    put(replace(ONE, address="10.0.0.6"))
    assert one().address == "10.0.0.6"


def test_moves(store, put, one):
    put(ONE)
    store.transact(lambda conn: traffic.move(conn, [KEY], RegistrationState.DRAINING, LATER, None))
    assert (one().state, one().state_at, one().due_at) == (RegistrationState.DRAINING, LATER, None)
    store.transact(lambda conn: traffic.put_off(conn, [KEY], NOW))
    assert one().due_at == NOW
    store.transact(lambda conn: traffic.remove(conn, [KEY]))
    with store.read() as conn:
        assert traffic.of_pool(conn, "pool-1") == []


def test_who_served_once_has_served(store, put, one):
    put(ONE)
    for health, served in (
        (MemberHealth.INITIAL, False),
        (MemberHealth.HEALTHY, True),
        (MemberHealth.UNHEALTHY, True),
    ):
        seen = [(KEY, health)]
        store.transact(lambda conn, seen=seen: traffic.see(conn, seen))
        assert (one().health, one().served) == (health, served)


def test_a_cluster_keeps_its_sources(store):
    sources = (
        TrafficSource("pool-1", "a b", 80, SourceState.ADDED),
        TrafficSource("pool-2", "ü", 81, SourceState.REMOVING),
    )
    made = factories.cluster(sources=sources)
    store.transact(lambda conn: clusters.insert(conn, made))
    with store.read() as conn:
        assert clusters.get(conn, SCOPE, "web").sources == sources
    store.transact(lambda conn: clusters.save(conn, made, replace(made, sources=sources[:1])))
    with store.read() as conn:
        found = clusters.get(conn, SCOPE, "web")
    assert (found.sources, found.generation) == (sources[:1], made.generation)
    store.transact(lambda conn: clusters.change(conn, made.id, NOW, sources=()))
    with store.read() as conn:
        assert clusters.get(conn, SCOPE, "web").sources == ()


def test_a_pool_is_claimed_once_and_released(store):
    assert leases.POOLS.claim(store, CLAIMER, NOW, Room(5, [])) == []
    for at in (LATER, NOW, LATER):
        store.transact(lambda conn, at=at: traffic.pull_pool(conn, SCOPE, "pool-1", at))
    (lease,) = leases.POOLS.claim(store, CLAIMER, NOW, Room(5, []))
    assert (lease.scope, lease.pool_id) == (SCOPE, "pool-1")
    assert leases.POOLS.claim(store, CLAIMER, NOW, Room(5, [])) == []
    assert store.transact(lambda conn: leases.fence_pool(conn, lease))
    leases.POOLS.renew(store, [lease], CLAIMER)
    store.transact(lambda conn: leases.release_pool(conn, lease, LATER, missing_since=None))
    assert leases.POOLS.claim(store, CLAIMER, NOW, Room(5, [])) == []
    (again,) = leases.POOLS.claim(store, CLAIMER, LATER, Room(5, []))
    assert not store.transact(lambda conn: leases.fence_pool(conn, lease))
    store.transact(lambda conn: leases.release_pool(conn, lease, NOW, missing_since=None))  # too late: nothing happens
    assert store.transact(lambda conn: leases.fence_pool(conn, again))


def test_who_asks_for_a_pool_during_a_look_is_heard(store):
    store.transact(lambda conn: traffic.pull_pool(conn, SCOPE, "pool-1", NOW))
    (lease,) = leases.POOLS.claim(store, CLAIMER, NOW, Room(5, []))
    store.transact(lambda conn: traffic.pull_pool(conn, SCOPE, "pool-1", NOW))
    store.transact(lambda conn: leases.release_pool(conn, lease, LATER, missing_since=None))
    assert len(leases.POOLS.claim(store, CLAIMER, NOW, Room(5, []))) == 1


def test_a_pool_that_is_held_too_long_is_taken_over(store, clock):
    store.transact(lambda conn: traffic.pull_pool(conn, SCOPE, "pool-1", NOW))
    leases.POOLS.claim(store, CLAIMER, NOW, Room(5, []))
    clock.move(60)
    assert len(leases.POOLS.claim(store, Claimer("two", timedelta(seconds=60)), clock.now(), Room(5, []))) == 1


def test_a_pool_without_anything_of_ours_is_forgotten(store):
    store.transact(lambda conn: traffic.pull_pool(conn, SCOPE, "pool-1", NOW))
    (lease,) = leases.POOLS.claim(store, CLAIMER, NOW, Room(5, []))
    store.transact(lambda conn: leases.forget_pool(conn, lease))
    assert not store.transact(lambda conn: leases.fence_pool(conn, lease))


def test_what_a_cluster_leaves_registered_is_looked_for(store, put):
    put(ONE, replace(ONE, node_id="node-2", cluster_id="cluster-2"))
    store.transact(lambda conn: traffic.forget_cluster(conn, "cluster-1", NOW))
    with store.read() as conn:
        assert [each.node_id for each in traffic.of_pool(conn, "pool-1")] == ["node-2"]
    assert len(leases.POOLS.claim(store, CLAIMER, NOW, Room(5, []))) == 1
