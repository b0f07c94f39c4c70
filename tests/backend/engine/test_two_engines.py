"""Two engines on one database, stepped into each other's way: on PostgreSQL and MariaDB, which lock row by row."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, text

from backend.domain.node import NodeState, ServerStatus
from backend.domain.schedules import Schedule
from backend.domain.traffic import MemberHealth, Registration, RegistrationState
from backend.drivers.balancing import PoolMember
from backend.engine import pools, scheduling
from backend.engine.observation import _Look
from backend.store import clusters, leases, migrate, nodes, schedules, sightings, tables, traffic, watches
from backend.store.leased import Claimer, Room
from backend.store.session import Store
from backend.store.sightings import Sighting
from tests import factories
from tests.backend.engine.world import EngineWorld
from tests.databases import start
from tests.factories import NOW, OTHER, SCOPE, HandClock, uuid_of

pytestmark = [pytest.mark.database, pytest.mark.xdist_group("databases")]
LATER = NOW + timedelta(seconds=5)
LEASE = timedelta(seconds=60)


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    try:
        with start.server(request.param) as url:
            migrate.upgrade(url)
            yield url
    except start.Unavailable as why:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no {request.param} here: {why}")


@pytest.fixture
def stores(database: str) -> Iterator[list[Store]]:
    clock = HandClock()
    made = [Store(database, clock, database_clock=False) for _ in range(2)]
    yield made
    with made[0].engine.begin() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(table.delete())
    for store in made:
        store.close()


class Meeting:
    """Brings two threads together once each holds its first lock; whoever is kept from coming is not waited for."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(2)

    def come(self) -> None:
        with suppress(threading.BrokenBarrierError):
            self._barrier.wait(0.4)


def together(stores: list[Store], *works: Callable[[Any], Any]) -> tuple[list[Any], list[str]]:
    """What each work returned, run by one store each at once; and what made them run again."""
    again: list[str] = []
    for store in stores:
        store.hook = lambda point: again.append(point) if point == "again" else None
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(store.transact, work) for store, work in zip(stores, works, strict=True)]
        return [each.result(30) for each in running], again


@pytest.fixture
def group(stores):
    made = factories.cluster(due_at=NOW)
    stores[0].transact(lambda conn: clusters.insert(conn, made))
    stores[0].transact(lambda conn: watches.pull(conn, SCOPE, NOW))
    return made


def _claimed(store, kind):
    (lease,) = kind.claim(store, Claimer("one", LEASE), NOW, Room(5, []))
    return lease


def _met(monkeypatch, owner, *names):
    """Each of these functions, once it has what it asks for, waits for the other."""
    meeting = Meeting()
    for name in names:
        kept = getattr(owner, name)

        def held(*arguments, kept=kept, **options):
            found = kept(*arguments, **options)
            meeting.come()
            return found

        monkeypatch.setattr(owner, name, held)


def _look(store, lease):
    world = EngineWorld()
    look = _Look(world.engine._context, lease, NOW, full=False, glance=False)
    return look, world


def test_a_look_that_wakes_a_cluster_and_a_claim_that_pulls_its_watch(stores, group, monkeypatch):
    one = factories.node(group, "one", server_status=ServerStatus.ACTIVE, server_status_at=NOW)
    stores[0].transact(lambda conn: nodes.insert(conn, one))
    cluster, watch = _claimed(stores[0], leases.CLUSTERS), _claimed(stores[1], leases.WATCHES)
    look, world = _look(stores[1], watch)
    seen = [Sighting(one.server_id, ServerStatus.STOPPED, LATER)]
    _met(monkeypatch, leases, "fence", "fence_watch")

    def claim(conn):
        assert leases.fence(conn, cluster) is not None
        watches.pull(conn, SCOPE, LATER)

    (_, recorded), again = together(stores, claim, lambda conn: look.record(seen, conn))
    world.close()
    assert (recorded, again) == (True, [])
    with stores[0].read() as conn:
        assert nodes.get(conn, one.id).server_status is ServerStatus.STOPPED
        assert conn.execute(text("SELECT due_at FROM watches")).scalar_one() is not None


def test_a_look_at_a_pool_and_a_claim_that_pulls_it(stores, group, monkeypatch):
    one = factories.node(group, "one", address="10.0.0.1")
    registered = Registration(
        node_id=one.id,
        pool_id=uuid_of("pool"),
        cluster_id=group.id,
        project_id=group.project_id,
        region=group.region,
        server_id=one.server_id,
        address="10.0.0.1",
        port=80,
        subnet_id=None,
        state=RegistrationState.REGISTERED,
        state_at=NOW,
        due_at=None,
        health=MemberHealth.HEALTHY,
        served=True,
    )

    def write(conn):
        nodes.insert(conn, one)
        traffic.put(conn, [registered])
        traffic.pull_pool(conn, SCOPE, registered.pool_id, NOW)

    stores[0].transact(write)
    cluster, pool = _claimed(stores[0], leases.CLUSTERS), _claimed(stores[1], leases.POOLS)
    world = EngineWorld()
    look = pools._Look(world.engine._context, pool, NOW)
    _met(monkeypatch, leases, "fence", "fence_pool")

    def claim(conn):
        assert leases.fence(conn, cluster) is not None
        traffic.pull_pool(conn, SCOPE, registered.pool_id, NOW)

    seen = [PoolMember("m", "10.0.0.1", 80, 1, owner=one.id, health=MemberHealth.UNHEALTHY)]
    (_, recorded), again = together(stores, claim, lambda conn: look.record(seen, conn))
    world.close()
    assert (recorded, again) == (True, [])


def _forgotten_while_wanted(stores, forget, demand):
    """Somebody wants a row, later than it is due, that whoever holds it deletes in a transaction still open."""
    deleted, wanted = threading.Event(), threading.Event()

    def look(conn):
        forget(conn)
        deleted.set()
        wanted.wait(0.4)  # whoever waits for the row does not come

    def want(conn):
        deleted.wait(5)
        demand(conn)
        wanted.set()

    assert together(stores, look, want)[1] == []


def test_a_watch_that_is_forgotten_while_somebody_wants_a_look(stores, group):
    watch = _claimed(stores[0], leases.WATCHES)
    much_later = NOW + timedelta(hours=1)
    _forgotten_while_wanted(
        stores,
        lambda conn: watches.forget(conn, SCOPE, watch.epoch),
        lambda conn: watches.pull(conn, SCOPE, much_later),
    )
    with stores[0].read() as conn:
        assert conn.execute(select(tables.watches.c.due_at)).scalar_one() == much_later


def test_a_pool_that_is_forgotten_while_somebody_wants_a_look(stores, group):
    stores[0].transact(lambda conn: traffic.pull_pool(conn, SCOPE, uuid_of("pool"), NOW))
    pool = _claimed(stores[0], leases.POOLS)
    much_later = NOW + timedelta(hours=1)
    _forgotten_while_wanted(
        stores,
        lambda conn: leases.forget_pool(conn, pool),
        lambda conn: traffic.pull_pool(conn, SCOPE, uuid_of("pool"), much_later),
    )
    with stores[0].read() as conn:
        assert conn.execute(select(tables.pools.c.due_at)).scalar_one() == much_later


@pytest.mark.parametrize(
    ("pull", "table"),
    [
        (watches.pull, tables.watches),
        (lambda conn, scope, at: traffic.pull_pool(conn, scope, uuid_of("new"), at), tables.pools),
    ],
)
def test_two_who_begin_a_look_at_once_and_one_wants_it_sooner(stores, pull, table):
    made, sooner = threading.Event(), threading.Event()

    def late(conn):
        pull(conn, OTHER, LATER)
        made.set()
        sooner.wait(0.4)

    def soon(conn):
        made.wait(5)
        pull(conn, OTHER, NOW)
        sooner.set()

    assert together(stores, late, soon)[1] == []
    with stores[0].read() as conn:
        assert conn.execute(select(table.c.due_at)).scalar_one() == NOW


def test_a_server_that_two_would_give_to_nodes_of_its_launch(stores, group, monkeypatch):
    """A look sees both servers of a launch while the answer of the launch tells of one."""
    launch = uuid_of("launch")
    waiting = [
        factories.node(group, name, launch_id=launch, server_id=None, state=NodeState.PENDING) for name in ("a", "b")
    ]
    stores[0].transact(lambda conn: nodes.insert_many(conn, waiting))
    cluster, watch = _claimed(stores[0], leases.CLUSTERS), _claimed(stores[1], leases.WATCHES)
    look, world = _look(stores[1], watch)
    first, second = (Sighting(uuid_of(name), ServerStatus.BUILDING, LATER, launch) for name in ("s1", "s2"))
    _met(monkeypatch, sightings, "_adoption")

    def conclude(conn):
        assert leases.fence(conn, cluster) is not None
        sightings.record(conn, SCOPE, [second])

    _, again = together(stores, conclude, lambda conn: look.record([first, second], conn))
    world.close()
    with stores[0].read() as conn:
        given = {node.server_id for node in nodes.of_cluster(conn, group.id)}
    assert given == {first.server_id, second.server_id}
    assert again == []


def test_two_engines_work_on_the_same_groups(database, stores):
    """Whatever they meet, each node has one server, each entry ends once, and neither engine fails."""
    world = EngineWorld(clock=stores[0].clock, url=database)
    made = [world.make(f"web-{number}", desired=3) for number in range(4)]
    engines = []
    for store in stores:
        world.store.close()
        world.store = store
        engines.append(world.new_engine(f"on {len(engines)}"))
    barrier = threading.Barrier(2, action=lambda: world.clock.move(0.5))
    faults: list[int] = []

    def run(engine):
        for _ in range(40):
            barrier.wait(30)
            faults.append(engine.tick(world.clock.now()).faults)

    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(run, engine) for engine in engines]:
            each.result(120)
    assert sum(faults) == 0
    here = [node for cluster in made for node in world.nodes(cluster)]
    assert [str(node.state) for node in here] == ["InService"] * 12
    assert len({node.server_id for node in here}) == 12
    assert len([server for server in world.simulated.cloud.compute.list(SCOPE) if server.launch_id]) == 12
    told = [entry for cluster in made for entry in world.journal(cluster)]
    assert [str(entry.status) for entry in told] == ["Successful"] * 12
    world.simulated.close()


def test_two_engines_that_have_schedules_of_one_group_at_work(stores, group, monkeypatch):
    """Whoever comes first runs both, in their order; the other finds nothing left, and nobody waits in a circle."""
    world = EngineWorld(clock=stores[0].clock)
    made = [
        Schedule(uuid_of(name), group.id, group.name, name, NOW, at, at, None, None, None, None, None, desired)
        for name, at, desired in (("first", NOW, 4), ("second", NOW + timedelta(seconds=1), 1))
    ]
    for each in made:
        stores[0].transact(lambda conn, each=each: schedules.write(conn, SCOPE, each))
    world.clock.move(2)
    claimer = Claimer("both", LEASE)
    leases_ = schedules.LEASED.claim(stores[0], claimer, world.clock.now(), Room(5, []))
    _met(monkeypatch, clusters, "lock_by_id")
    works = [partial(scheduling._follow, world.engine._context, lease) for lease in leases_]
    ran, again = together(stores, *works)
    world.close()
    assert sorted([run.schedule.name for run in runs] for runs in ran) == [[], ["first", "second"]]
    assert again == []
    with stores[0].read() as conn:
        assert [cause.data["after"] for cause in clusters.get(conn, SCOPE, "web").causes] == [4, 1]
        assert schedules.of_cluster(conn, SCOPE, group.id) == {}


def test_a_schedule_that_is_written_anew_while_an_engine_claims_it(stores, group):
    """Requests hold the group first, engines claim without it: neither waits for what the other waits for."""
    at = NOW + timedelta(hours=1)
    old = Schedule(uuid_of("s"), group.id, group.name, "s", NOW, NOW, NOW, None, None, None, None, None, 4)
    stores[0].transact(lambda conn: schedules.write(conn, SCOPE, old))
    world = EngineWorld(clock=stores[0].clock)
    (lease,) = schedules.LEASED.claim(stores[1], Claimer("one", LEASE), NOW, Room(5, []))
    held, done = threading.Event(), threading.Event()

    def rewrite(conn):
        clusters.lock(conn, SCOPE, "web")
        held.set()
        done.wait(0.4)  # the engine waits for the group
        schedules.write(conn, SCOPE, replace(old, first_at=at, next_at=at))

    def follow(conn):
        held.wait(5)
        found = scheduling._follow(world.engine._context, lease, conn)
        done.set()
        return found

    (_, runs), again = together(stores, rewrite, follow)
    world.close()
    assert (list(runs), again) == ([], [])
    assert schedules.LEASED.claim(stores[0], Claimer("two", LEASE), NOW, Room(5, [])) == []
    assert len(schedules.LEASED.claim(stores[0], Claimer("two", LEASE), at, Room(5, []))) == 1
