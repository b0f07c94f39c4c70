"""One run's world: virtual time, a store in memory, a simulated cloud, services, two engines, and what may go wrong."""

from __future__ import annotations

import contextlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import func, select

from backend import Backend
from backend.domain.ids import short_id
from backend.domain.scope import Scope
from backend.domain.traffic import RegistrationState
from backend.drivers.balancing import Balancing, Target
from backend.drivers.catalog import Catalog
from backend.drivers.compute import Compute, Server, ServerRequest
from backend.drivers.errors import OutcomeUnknown
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings
from backend.engine.lanes import InlineCalls
from backend.engine.loop import Engine
from backend.engine.settings import EngineSettings
from backend.policies.window import WindowRule
from backend.services import attachment, clusters, configurations, journal
from backend.store import clusters as clusters_store
from backend.store import nodes, tables, traffic
from backend.store.session import Connection, Store
from tests.simulation.chaos import Chaos, Crash

START = datetime(2026, 1, 1, tzinfo=UTC)
REGION = "us-east-1"
POOLS = ("web", "api", "mute")
SCOPES = (Scope("project-one", REGION), Scope("project-two", REGION))

SETTINGS = EngineSettings(
    clusters_at_once=20,
    watch_idle=timedelta(seconds=20),
    watch_full=timedelta(minutes=5),
    launch_batch=3,
    launches=5,
    first_launches=3,
    deletions=3,
    confirmations=3,
    launch_grace=timedelta(seconds=60),
    boot_timeout=timedelta(minutes=5),
    delete_retry=timedelta(seconds=30),
    orphan_grace=timedelta(seconds=60),
    pool_idle=timedelta(seconds=20),
    deregistration=timedelta(seconds=40),
    deregistration_patience=timedelta(seconds=60),
    sweep=timedelta(minutes=10),
)


class VirtualClock:
    """Time that passes only when someone lets it."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return (self.at - START).total_seconds()


@dataclass
class Trace:
    """What happened, line by line, for whoever reads a failing seed."""

    clock: VirtualClock
    lines: list[str] = field(default_factory=list)

    def __call__(self, text: str) -> None:
        self.lines.append(f"{self.clock.monotonic():10.3f}  {text}")


class Violated(AssertionError):
    """An invariant does not hold."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant


class Undrained(AssertionError):
    """A member was taken out that nobody had drained, or a server deleted that was still a member."""


class Claimless(AssertionError):
    """A server was asked for that no committed node waits for."""


class Ledger:
    """The compute port, holding every launch against the nodes that were claimed for it."""

    def __init__(self, compute: Compute, store: Store, world: World) -> None:
        self._compute = compute
        self._store = store
        self._world = world
        self._made: Counter[str] = Counter()
        self._claimed: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compute, name)

    def delete(self, scope: Scope, server_id: str) -> None:
        """No server goes that still takes traffic, unless its pool could not be told for too long."""
        self._check_members(scope, server_id)
        self._compute.delete(scope, server_id)

    def _check_members(self, scope: Scope, server_id: str) -> None:
        with self._store.read() as conn:
            row = conn.execute(
                select(tables.nodes.c.id, tables.nodes.c.state_at).where(tables.nodes.c.server_id == server_id)
            ).first()
            registered = {
                each.pool_id
                for pool in self._world.simulated.pools.all()
                for each in traffic.of_pool(conn, pool.id)
                if row is not None and each.node_id == row.id and each.state is not RegistrationState.SKIPPED
            }
        settings = self._world.settings
        patience = settings.deregistration + settings.deregistration_patience
        if row is None or self._world.clock.now() - row.state_at >= patience:
            return
        for pool_id in registered:
            if any(member.owner == row.id for member in self._world.simulated.pools.members(pool_id)):
                raise Undrained(f"server {server_id} of {scope.project_id} is still a member of pool {pool_id}")

    def create(self, scope: Scope, request: ServerRequest, count: int) -> Sequence[Server]:
        launch_id = request.launch_id
        if launch_id is None:
            return self._compute.create(scope, request, count)
        with self._store.read() as conn:
            waiting = conn.execute(select(func.count()).where(tables.nodes.c.launch_id == launch_id)).scalar_one()
        claimed = self._claimed.setdefault(launch_id, waiting)
        # None left: who claimed them lost the lease and goes on, not knowing; the sweep ends what it makes.
        if claimed and self._made[launch_id] + count > claimed:
            raise Claimless(f"launch {launch_id}: {self._made[launch_id]} + {count} servers for {claimed} nodes")
        try:
            made = self._compute.create(scope, request, count)
        except OutcomeUnknown:
            self._made[launch_id] += count
            raise
        self._made[launch_id] += len(made)
        return made


class Gate:
    """The balancing port, holding every removal against the draining before it."""

    def __init__(self, balancing: Balancing, world: World) -> None:
        self._balancing = balancing
        self._world = world
        self._drained: dict[tuple[str, str], datetime] = {}
        self._late: set[tuple[str, str]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._balancing, name)

    def add_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        with self._world.store.read() as conn:
            asked = {each.node_id: each.state for each in traffic.of_pool(conn, pool_id)}
        for target in targets:
            self._drained.pop((pool_id, target.owner), None)
            # Who asks for it lost the lease and goes on, not knowing; what it adds goes as it came.
            if asked.get(target.owner) is not RegistrationState.ADDING:
                self._late.add((pool_id, target.owner))
        self._balancing.add_members(scope, pool_id, targets)

    def drain_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        try:
            self._balancing.drain_members(scope, pool_id, targets)
        finally:
            now = self._world.clock.now()
            here = {member.owner for member in self._world.simulated.pools.members(pool_id) if member.weight == 0}
            for target in targets:
                if target.owner in here:
                    self._drained.setdefault((pool_id, target.owner), now)

    def remove_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        with self._world.store.read() as conn:
            for target in targets:
                self._check(conn, pool_id, target)
        self._balancing.remove_members(scope, pool_id, targets)

    def _check(self, conn: Connection, pool_id: str, target: Target) -> None:
        """Members of live nodes, whose servers nobody gave a reason to doubt, have been drained long enough."""
        node = nodes.get(conn, target.owner)
        registered = any(each.node_id == target.owner for each in traffic.of_pool(conn, pool_id))
        present = any(member.owner == target.owner for member in self._world.simulated.pools.members(pool_id))
        late = (pool_id, target.owner) in self._late
        if node is None or node.server_id is None or late or not registered or not present:
            return
        cluster = clusters_store.get_by_id(conn, node.cluster_id)
        if cluster is None or cluster.force_delete or short_id(node.server_id) in self._world.doubted:
            return
        drained_at = self._drained.get((pool_id, target.owner))
        wanted, patience = self._world.settings.deregistration, self._world.settings.deregistration_patience
        if self._world.clock.now() - node.state_at >= wanted + patience:
            return  # its server may be gone: the pool could not be told for too long
        if drained_at is None or self._world.clock.now() - drained_at < wanted:
            raise Undrained(f"node {node.id} of {cluster.name} is taken out of pool {pool_id}, drained at {drained_at}")


class World:
    """Everything of one run.

    Attributes:
        rng: chance of the run; engines and cloud have seeds from it.
        chaos: what goes wrong at the hooks of store and cloud.
        doubted: servers, by short id, that someone gave the engine a reason to replace.
    """

    def __init__(self, seed: int, settings: EngineSettings = SETTINGS) -> None:
        self.rng = Random(seed)
        self.settings = replace(settings, window=WindowRule(4)) if seed % 3 == 0 else settings
        self.clock = VirtualClock()
        self.trace = Trace(self.clock)
        self.chaos = Chaos(Random(self.rng.getrandbits(64)), self.trace)
        self.store = Store("sqlite://", self.clock, hook=self.chaos.store_hook)
        tables.metadata.create_all(self.store.engine)
        lag = self.rng.choice((0.0, 0.0, 1.0, 4.0))
        simulated = SimulatedSettings(
            regions=(REGION,),
            seed=self.rng.getrandbits(32),
            boot_seconds=self.rng.choice((0.0, 2.0, 10.0)),
            delete_seconds=self.rng.choice((0.0, 1.0, 5.0)),
            listing_lag_seconds=lag,
        )
        self.simulated = SimulatedCloud.open(None, self.clock, simulated)
        self.simulated.faults.hooks.append(self.chaos.cloud_hook)
        self.ledger = Ledger(self.simulated.cloud.compute, self.store, self)
        self.doubted: set[str] = set()
        self.gate = Gate(self.simulated.cloud.balancing, self)
        self.cloud = replace(self.simulated.cloud, compute=self.ledger, balancing=self.gate)
        for scope in SCOPES:
            for name in POOLS:
                self.simulated.pools.create(scope, f"{scope.project_id}-{name}", monitored=name != "mute")
        self.backend = Backend.build(self.store, self.cloud, self.clock)
        self.engines = [self.new_engine(name) for name in ("engine-a", "engine-b")]
        self.after_tick: list[Callable[[], None]] = []

    def new_engine(self, name: str) -> Engine:
        return Engine(
            store=self.store,
            cloud=self.cloud,
            catalog=Catalog(self.cloud, self.clock),
            clock=self.clock,
            settings=self.settings,
            rng=Random(self.rng.getrandbits(64)),
            name=name,
            calls=InlineCalls(),
        )

    def tick(self, number: int) -> bool:
        """One tick of one engine, which may die in it and is then started anew; whether anything was due."""
        try:
            with self.chaos.inside("engine", number):
                outcome = self.engines[number].tick(self.clock.now())
        except Crash as crash:
            self.trace(f"engine {number} died: {crash}")
            self.engines[number] = self.new_engine(f"engine-{'ab'[number]}")
            return True
        finally:
            for check in self.after_tick:
                check()
        if outcome.faults:
            raise Violated("no fault", f"engine {number}: {outcome}")
        return not outcome.idle

    def close(self) -> None:
        self.store.close()
        self.simulated.close()


@contextlib.contextmanager
def repeatable_ids(seed: int) -> Iterator[None]:
    """Every id that the services draw comes from the seed."""
    rng = Random(f"ids:{seed}")

    def drawn() -> uuid.UUID:
        return uuid.UUID(int=rng.getrandbits(128), version=4)

    modules = [module for module in (attachment, clusters, configurations, journal) if hasattr(module, "uuid4")]
    kept = uuid.uuid4
    uuid.uuid4 = drawn  # type: ignore[assignment]
    for module in modules:
        module.uuid4 = drawn  # type: ignore[attr-defined]
    try:
        yield
    finally:
        uuid.uuid4 = kept
        for module in modules:
            module.uuid4 = kept  # type: ignore[attr-defined]
