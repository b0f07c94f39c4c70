"""What must be left alone: what another installation made, what a lost database knew, what a tenant wrote themselves."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from uuid import UUID

from backend import Backend
from backend.domain.cluster import Cluster, NewCluster, PlacementRequest, SourceRequest
from backend.domain.ids import balancing_id
from backend.domain.node import GROUP_TAG, Node, NodeState
from backend.domain.profile import ServerSpec
from backend.domain.scope import Scope
from backend.drivers.balancing import Target
from backend.drivers.catalog import Catalog
from backend.drivers.simulated.cloud import ALONE
from backend.engine.loop import Engine
from backend.services.servers import Order
from backend.store import nodes
from tests.simulation.failing_store import FailingStore
from tests.simulation.hardships import Hardships
from tests.simulation.open_calls import OpenCalls
from tests.simulation.users import ZONES
from tests.simulation.world import World

NAME = "next-door"


class Neighbour:
    """Another installation over the same cloud, with a group of its own in a project and a pool of a user's."""

    def __init__(self, world: World, scope: Scope, image: str) -> None:
        self._world = world
        self._scope = scope
        self._cloud = world.simulated.seen_by(str(UUID(int=7)))
        self._store = FailingStore(world.clock, lambda _point: None)
        self._backend = Backend.build(self._store, self._cloud, world.clock)
        self._engine = self._new_engine()
        self._backend.configurations.create(scope, NAME, ServerSpec(image=image, instance_type="t3.micro"), {})

    def _new_engine(self) -> Engine:
        clock = self._world.clock
        return Engine(
            store=self._store,
            cloud=self._cloud,
            catalog=Catalog(self._cloud, clock),
            clock=clock,
            settings=replace(self._world.settings, sweep=timedelta(minutes=10)),
            rng=Random(7),
            name=NAME,
            calls=OpenCalls(clock, Random(7), (0.0,)),
        )

    def make(self, desired: int, pools: tuple[str, ...]) -> None:
        values = {"minimum": 0, "maximum": 8, "desired": desired}
        source, place = SourceRequest(configuration=NAME), PlacementRequest(zones=ZONES)
        self._backend.clusters.create(self._scope, NewCluster(NAME, values, source, place, (), pools))

    def resize(self, desired: int) -> None:
        self._backend.clusters.resize(self._scope, NAME, desired)

    def tick(self) -> None:
        self._engine.tick(self._world.clock.now())

    def cluster(self) -> Cluster:
        return self._backend.clusters.get(self._scope, NAME)

    def nodes(self) -> Sequence[Node]:
        with self._store.watch() as conn:
            return nodes.of_cluster(conn, self.cluster().id)

    def is_whole(self) -> bool:
        serving = [node for node in self.nodes() if node.state is NodeState.IN_SERVICE]
        return len(serving) == len(self.nodes()) == self.cluster().spec.desired

    def dump(self) -> sqlite3.Connection:
        copy = sqlite3.connect(":memory:")
        self._store.database.raw.backup(copy)
        return copy

    def restore(self, dump: sqlite3.Connection) -> None:
        """The database is as it was then, and a new engine works on it."""
        dump.backup(self._store.database.raw)
        self._engine = self._new_engine()

    def close(self) -> None:
        self._store.close()


class Neighbours(Hardships):
    """A world at rest that is not alone."""

    def lives_beside_another(self) -> None:
        """Two installations leave each other's servers and members alone; so does one whose database is an old one."""
        pool = next(pool for pool in self.world.simulated.pools.all() if pool.scope == self._user.scope)
        neighbour = Neighbour(self.world, self._user.scope, self._user.image)
        self.world.after_tick.append(neighbour.tick)
        try:
            self.group(2, pools=(balancing_id(pool.id),))
            neighbour.make(2, (balancing_id(pool.id),))
            self._until(neighbour.is_whole, self._in(self._coming_up() * 2), "the neighbour's group is not whole")
            self._let(self.world.settings.watch_idle * 2)
            self._all_stay(pool.id, "beside another installation")
            dump = neighbour.dump()
            neighbour.resize(4)
            self._until(neighbour.is_whole, self._in(self._coming_up() * 2), "the neighbour's group is not whole")
            self._let(self.world.settings.watch_idle * 2)
            neighbour.restore(dump)
            self._all_stay(pool.id, "of a database that was put back")
        finally:
            self.world.after_tick.remove(neighbour.tick)
            neighbour.close()

    def _all_stay(self, pool: str, which: str) -> None:
        """Nothing goes for as long as it takes to be found, doubted and looked at again."""
        settings = self.world.settings
        servers, members = self._servers(), self._members(pool)
        self._let(settings.watch_full * 2 + settings.orphan_grace * 4, steps_of=4.0)
        gone = (servers - self._servers()) | (members - self._members(pool))
        if gone:
            raise self.world.broke("12 needless kill", f"what is {which} is gone: {gone}")

    def _servers(self) -> set[str | None]:
        return {server.id for _, server in self.world.simulated.operator.servers()}

    def _members(self, pool: str) -> set[str | None]:
        return {member.owner for member in self.world.simulated.pools.members(pool)}

    def bears_strange_metadata(self) -> None:
        """A tenant's own servers stay, whatever marks of ours they carry."""
        cluster, compute = self.group(1), self.world.simulated.cloud.compute
        launch = self._of(cluster.id)[0].launch_id
        strange = str(UUID(int=self.world.rng.getrandbits(128), version=4))
        scope = self._user.scope
        own = [self._own_server() for _ in range(4)]
        self.world.clock.wait(2 * 3600)
        own.append(self._own_server())  # when nobody launches anything
        self.world.clock.wait(15)
        compute.tag(scope, own[0], {GROUP_TAG: cluster.name}, ())
        compute.adopt(scope, own[1], strange)
        self.world.simulated.seen_by(strange).compute.adopt(scope, own[2], launch)
        self.world.simulated.seen_by("").compute.adopt(scope, own[3], launch)
        compute.adopt(scope, own[4], launch)
        pool = next(pool for pool in self.world.simulated.pools.all() if pool.scope == scope)
        theirs = self.world.simulated.seen_by(strange).balancing
        theirs.add_members(scope, pool.id, [Target(strange, "192.0.2.9", pool.port)])
        self._all_stay(pool.id, "that a tenant marked")

    def _own_server(self) -> str:
        zone = self.world.rng.choice(ZONES)
        spec = ServerSpec(image=self._user.image, instance_type="t3.micro", zone=zone)
        (server,) = self._user.backend.servers.run(self._user.scope, Order(spec))
        return server.id

    def takes_out_latecomers(self) -> None:
        """A member of ours that no node stands behind, and that comes when everything else is gone, is taken out."""
        pool = next(pool for pool in self.world.simulated.pools.all() if pool.scope == self._user.scope)
        cluster = self.group(1, pools=(balancing_id(pool.id),))
        node, member = self._of(cluster.id)[0], self.world.simulated.pools.members(pool.id)[-1]
        key = (self._user.scope.project_id, cluster.name)
        with self._user.model.expects(self._user.model.deleted(key)):
            self._user.backend.clusters.delete(self._user.scope, cluster.name, force=True)
        by = self._in(self._coming_up() * 2)
        self._until(lambda: not self._of(cluster.id), by, f"{cluster.name} does not go")
        self._let(self.world.settings.pool_idle * 2)
        late = Target(node.id, member.address, pool.port)
        self.world.simulated.cloud.balancing.add_members(self._user.scope, pool.id, [late])
        by = self._in(self.world.settings.pool_idle * 3 + self.world.settings.orphan_grace * 2)
        self._until(lambda: node.id not in self._members(pool.id), by, "a member that came late stays")

    def ends_loose_ports(self) -> None:
        """Ports that servers of ours left behind go; those that are young, taken again or another's stay."""
        operator, settings, scope = self.world.simulated.operator, self.world.settings, self._user.scope
        self.group(1)
        operator.leave_ports(scope, str(UUID(int=7, version=4)), ["another-s"])
        operator.leave_ports(scope, ALONE, ["left", "taken"])
        self._let(settings.port_grace, steps_of=4.0)
        by = self._in(settings.watch_full + settings.watch_idle * 2)
        self._until(lambda: self._is_noted("taken"), by, "ports that no server has are not noted")
        operator.leave_ports(scope, ALONE, ["young"])
        operator.take_port("taken")
        by = self._in(settings.watch_idle * 3 + settings.orphan_grace)
        self._until(lambda: "left" not in operator.ports(), by, "a port that no server has stays")
        self._let(settings.watch_full + settings.watch_idle * 2 + settings.orphan_grace)
        if operator.ports() != ["another-s", "young"]:
            raise self.world.broke("12 needless kill", f"of the ports are left {operator.ports()}")
        by = self._in(settings.port_grace)
        self._until(lambda: operator.ports() == ["another-s"], by, "a port that is young no more stays")

    def _is_noted(self, what: str) -> bool:
        """Whether it is known to belong to nobody."""
        question = "SELECT 1 FROM unowned WHERE id = ?"
        return self.world.store.database.raw.execute(question, (what,)).fetchone() is not None
