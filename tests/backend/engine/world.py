"""An engine over a store in memory and a simulated cloud, moved by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from sqlalchemy import select

from backend.domain.activity import Activity
from backend.domain.backoff import Backoff
from backend.domain.cluster import Cluster, NewCluster, PlacementRequest, SourceRequest
from backend.domain.node import Node
from backend.domain.profile import ServerSpec
from backend.domain.scope import Scope
from backend.drivers.balancing import Target
from backend.drivers.catalog import Catalog
from backend.drivers.simulated import SimulatedSettings
from backend.drivers.simulated.pools import PoolRow
from backend.engine.lanes import Calls, InlineCalls
from backend.engine.loop import Engine
from backend.engine.settings import EngineSettings
from backend.store import activities, backoffs, nodes, tables
from tests.factories import NOW, SCOPE, World


@dataclass
class Kept:
    """What engines tell of themselves.

    Attributes:
        told: how much of what, with steps and refusals by name.
        ended: projects that began to refuse, in turn.
        now: those that refuse.
        lags: how long the oldest work of each kind has been due.
        left_alone: servers of others, and orphans that rest, by project.
    """

    told: Counter[str] = field(default_factory=Counter)
    ended: list[Scope] = field(default_factory=list)
    now: frozenset[Scope] = frozenset()
    lags: dict[str, float] = field(default_factory=dict)
    left_alone: dict[Scope, tuple[int, int]] = field(default_factory=dict)

    def count(self, what: str, number: int) -> None:
        self.told[what] += number

    def step(self, kind: str, number: int) -> None:
        self.told[kind] += number

    def refusal(self, act: str, error: str) -> None:
        self.told[f"{act} {error}"] += 1

    def delegation_ended(self, scope: Scope) -> None:
        self.ended.append(scope)

    def lag(self, kind: str, seconds: float) -> None:
        self.lags[kind] = seconds

    def refusing(self, scopes: Collection[Scope]) -> None:
        self.now = frozenset(scopes)

    def spared(self, projects: Mapping[Scope, tuple[int, int]]) -> None:
        self.left_alone = dict(projects)


@dataclass
class EngineWorld(World):
    """A world with an engine, whose servers boot in two seconds and go in one."""

    settings: SimulatedSettings = field(default_factory=lambda: SimulatedSettings(seed=7))
    engine_settings: EngineSettings = field(default_factory=EngineSettings)
    measures: Kept = field(default_factory=Kept)
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.engine = self.new_engine("one")

    def new_engine(self, name: str, calls: Calls | None = None, **more: Any) -> Engine:
        return Engine(
            store=self.store,
            cloud=self.simulated.cloud,
            catalog=Catalog(self.simulated.cloud, self.clock),
            clock=self.clock,
            settings=self.engine_settings,
            rng=Random(1),
            name=name,
            calls=calls or InlineCalls(),
            measures=self.measures,
            **more,
        )

    def beside(self, installation: str) -> EngineWorld:
        """Another installation of Coppice, with a store and an engine of its own, over the same cloud and clock."""
        seen = replace(self.simulated, cloud=self.simulated.seen_by(installation))
        return EngineWorld(clock=self.clock, engine_settings=self.engine_settings, over=seen)

    def servers(self) -> list[str]:
        """Every server that there is, whoever made it."""
        return [server.id for _, server in self.simulated.operator.servers()]

    def make(
        self,
        name: str = "web",
        desired: int = 2,
        place: PlacementRequest | None = None,
        scope: Scope = SCOPE,
        **values: Any,
    ) -> Cluster:
        """A cluster from a launch configuration of its own, in two zones where nothing else is said."""
        spec = ServerSpec(image=self.image(), instance_type="t3.micro")
        self.backend.configurations.create(scope, f"lc-{name}", spec, {})
        bounds = {"minimum": 0, "maximum": 20, "desired": desired, **values}
        place = place or PlacementRequest(zones=("us-east-1a", "us-east-1b"))
        return self.backend.clusters.create(
            scope, NewCluster(name, bounds, SourceRequest(configuration=f"lc-{name}"), place)
        )

    def pass_time(self, seconds: float, step: float = 0.5) -> None:
        """Let the engine tick while time passes."""
        end = (self.clock.now() - NOW).total_seconds() + seconds
        while (self.clock.now() - NOW).total_seconds() < end:
            assert not self.engine.tick(self.clock.now()).faults
            self.clock.move(step)

    def nodes(self, cluster: Cluster) -> list[Node]:
        with self.store.read() as conn:
            return nodes.of_cluster(conn, cluster.id)

    def cluster(self, cluster: Cluster) -> Cluster:
        """As it is now."""
        return self.backend.clusters.get(SCOPE, cluster.name)

    def backoffs(self, cluster: Cluster) -> list[Backoff]:
        with self.store.read() as conn:
            return list(backoffs.of_cluster(conn, cluster.id).values())

    def states(self, cluster: Cluster) -> list[str]:
        return [str(node.state) for node in self.nodes(cluster)]

    def pools(self) -> list[str]:
        """The pools that are looked at."""
        with self.store.read() as conn:
            return list(conn.execute(select(tables.pools.c.id)).scalars())

    def disown(self, pool: PoolRow, owner: str, address: str) -> None:
        """A member of ours in a pool that no row tells of."""
        target = Target(owner, address, pool.port)
        self.simulated.cloud.balancing.add_members(pool.scope, pool.id, [target])

    def journal(self, cluster: Cluster) -> list[Activity]:
        """Oldest first."""
        with self.store.read() as conn:
            query = activities.ActivityQuery(cluster_id=cluster.id, deleted=True)
            found = activities.page(conn, SCOPE, query, 1000).items
        return sorted(found, key=lambda entry: (entry.started_at, entry.ended_at or entry.started_at))
