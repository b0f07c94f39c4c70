"""Users who change everything an API lets them change, at random; what was accepted is remembered."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from backend.domain.activity import Activity
from backend.domain.cluster import (
    ClusterChange,
    DeletionProtection,
    NewCluster,
    PlacementRequest,
    Process,
    SourceRequest,
    Tag,
    ZoneDistribution,
)
from backend.domain.ids import balancing_id
from backend.domain.node import Health, NodeState
from backend.domain.profile import ServerSpec
from backend.domain.scope import Scope
from backend.errors import Finding
from backend.services.servers import Order
from backend.services.templates import NewVersion, TemplateRef
from backend.store import clusters, nodes
from tests.simulation.chaos import Crash
from tests.simulation.world import REGION, World

ZONES = tuple(f"{REGION}{letter}" for letter in "abc")
NAMES = ("red", "red", "green", "green", "blue")
RULES = (
    ("Default",),
    ("OldestInstance",),
    ("NewestInstance", "Default"),
    ("OldestLaunchTemplate", "ClosestToNextInstanceHour"),
    ("OldestLaunchConfiguration",),
    ("AllocationStrategy", "Default"),
)
STOPPABLE = (
    Process.LAUNCH,
    Process.TERMINATE,
    Process.HEALTH_CHECK,
    Process.REPLACE_UNHEALTHY,
    Process.AZ_REBALANCE,
    Process.ADD_TO_LOAD_BALANCER,
)


@dataclass
class Kept:
    """What users were told, by (project, cluster name).

    Attributes:
        present: True after an accepted create, False after an accepted delete, None when no answer came.
        judged: servers that users or the operator gave the engine a reason to replace.
        detached: servers that were let go, by short id.
        loosened: by cluster id, when protection was last taken from a node of it.
        told: activities that answers named.
    """

    present: dict[tuple[str, str], bool | None] = field(default_factory=dict)
    told: list[Activity] = field(default_factory=list)
    judged: set[str] = field(default_factory=set)
    detached: set[str] = field(default_factory=set)
    loosened: dict[str, datetime] = field(default_factory=dict)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)

    @contextlib.contextmanager
    def asking(self, key: tuple[str, str], *, present: bool) -> Iterator[None]:
        """The block asks for it. Known is only what was answered, and asked by nobody else meanwhile."""
        before = self.present.get(key, False)
        self.present[key] = None
        self.asked[key] += 1
        turn = self.asked[key]
        try:
            yield
        except Finding:
            if turn == self.asked[key]:
                self.present[key] = before
            raise
        self.present[key] = present if turn == self.asked[key] else None


class User:
    """One user of one project."""

    def __init__(self, world: World, scope: Scope, rng: Random, kept: Kept) -> None:
        self.world = world
        self.backend = world.backend
        self.scope = scope
        self.rng = rng
        self.kept = kept
        images = world.cloud.images.list(scope)
        self.image = next(image.short_id for image in images if image.architecture == "x86_64" and image.active)
        self.subnets = world.cloud.network.subnets(scope)
        self.pools = [balancing_id(pool.id) for pool in world.simulated.cloud.balancing.pools(scope)]
        self.settle_in()

    def settle_in(self) -> None:
        """Launch configurations, templates and two clusters to begin with."""
        for name in ("lc-0", "lc-1"):
            self.backend.configurations.create(self.scope, name, self.server_spec(), {})
        for name in ("lt-0", "lt-1", "lt-2"):
            self._new_template(name)
        self.create("red")
        self.create("green")

    def act(self) -> None:
        """Do something, whether it is allowed or not. A crash of the API process leaves the user without an answer."""
        name, act = self._choose()
        try:
            with self.world.chaos.inside("user", 0):
                result = act()
        except Finding as finding:
            self.world.trace(f"{self.scope.project_id} {name}: {finding!r}")
        except Crash as crash:
            self.world.trace(f"{self.scope.project_id} {name}: api died {crash}")
        else:
            self.world.trace(f"{self.scope.project_id} {name} ok")
            if isinstance(result, list):
                self.kept.told += [item for item in result if isinstance(item, Activity)]

    def _choose(self) -> tuple[str, Callable[[], Any]]:
        weighted: list[tuple[int, Callable[[], Any]]] = [
            (5, self.create),
            (4, self.update),
            (10, self.resize),
            (2, self.delete),
            (1, self.protect_cluster),
            (4, self.terminate),
            (3, self.attach),
            (3, self.detach),
            (3, self.enter_standby),
            (4, self.exit_standby),
            (3, self.set_health),
            (6, self.protect),
            (2, self.suspend),
            (4, self.resume),
            (1, self.tag),
            (2, self.new_version),
            (1, self.delete_source),
            (1, self.new_source),
            (2, self.stop_server),
            (1, self.metrics),
            (6, self.attach_pool),
            (3, self.detach_pool),
        ]
        chosen = self.rng.choices([call for _, call in weighted], [weight for weight, _ in weighted])[0]
        return chosen.__name__, chosen

    # clusters ------------------------------------------------------------------------------------------------

    def create(self, name: str | None = None) -> None:
        name = name or self._name()
        maximum = self.rng.randint(0, 8)
        minimum = self.rng.randint(0, maximum)
        values: dict[str, Any] = {
            "minimum": minimum,
            "maximum": maximum,
            "desired": self.rng.randint(minimum, maximum),
            **self._options(),
        }
        pools = tuple(self.rng.sample(self.pools, self.rng.choice((0, 0, 1, 2))))
        team = Tag("team", "a", propagate=True)
        wanted = NewCluster(name, values, self._source(), self._placement(), (team,), pools)
        with self.kept.asking((self.scope.project_id, name), present=True):
            self.backend.clusters.create(self.scope, wanted)

    def update(self) -> None:
        name = self._name()
        values: dict[str, Any] = {}
        if self.rng.random() < 0.5:
            maximum = self.rng.randint(0, 8)
            values |= {"minimum": self.rng.randint(0, maximum), "maximum": maximum}
        if self.rng.random() < 0.5:
            values |= self._options()
        source = self._source() if self.rng.random() < 0.4 else None
        placement = self._placement() if self.rng.random() < 0.4 else PlacementRequest()
        self.backend.clusters.update(self.scope, name, ClusterChange(values, source, placement))

    def resize(self) -> None:
        name, desired = self._name(), self.rng.randint(0, 8)
        self.backend.clusters.resize(self.scope, name, desired, honor_cooldown=self.rng.random() < 0.1)

    def delete(self) -> None:
        name = self._name()
        with self.kept.asking((self.scope.project_id, name), present=False):
            self.backend.clusters.delete(self.scope, name, force=self.rng.random() < 0.6)

    def protect_cluster(self) -> None:
        protection = self.rng.choice(tuple(DeletionProtection))
        self.backend.clusters.update(self.scope, self._name(), ClusterChange({"deletion_protection": protection}))

    def suspend(self) -> None:
        self.backend.clusters.suspend(self.scope, self._name(), self.rng.sample(STOPPABLE, self.rng.randint(1, 2)))

    def resume(self) -> None:
        self.backend.clusters.resume(self.scope, self._name())

    def metrics(self) -> None:
        self.backend.clusters.collect_metrics(self.scope, self._name(), ("GroupInServiceInstances",))

    def tag(self) -> None:
        tag = Tag("Name", self.rng.choice("xyz"), propagate=self.rng.random() < 0.5)
        self.backend.tags.put(self.scope, [(self._name(), tag)])

    # nodes ---------------------------------------------------------------------------------------------------

    def terminate(self) -> list[Activity]:
        _, servers = self._members(1)
        return [
            self.backend.nodes.terminate(self.scope, server, decrement=self.rng.random() < 0.5) for server in servers
        ]

    def attach(self) -> list[Activity]:
        zone = self.rng.choice(ZONES)
        spec = ServerSpec(image=self.image, instance_type="t3.micro", zone=zone)
        made = self.backend.servers.run(self.scope, Order(spec))
        self.world.clock.wait(15)
        return self.backend.nodes.attach(self.scope, self._name(), [server.short_id for server in made])

    def detach(self) -> list[Activity]:
        name, servers = self._members(2)
        return self.backend.nodes.detach(self.scope, name, servers, decrement=self.rng.random() < 0.5)

    def enter_standby(self) -> list[Activity]:
        name, servers = self._members(2)
        return self.backend.nodes.enter_standby(self.scope, name, servers, decrement=self.rng.random() < 0.5)

    def exit_standby(self) -> list[Activity]:
        name, servers = self._members(2, NodeState.STANDBY)
        self._loosen(name)
        return self.backend.nodes.exit_standby(self.scope, name, servers)

    def set_health(self) -> None:
        _, servers = self._members(1)
        health = Health.UNHEALTHY if self.rng.random() < 0.8 else Health.HEALTHY
        self.kept.judged |= set(servers)
        for server in servers:
            self.backend.nodes.set_health(self.scope, server, health, respect_grace=self.rng.random() < 0.5)

    def protect(self) -> None:
        name, servers = self._members(3)
        protected = self.rng.random() < 0.6
        if not protected:
            self._loosen(name)
        self.backend.nodes.protect(self.scope, name, servers, protected=protected)

    def _loosen(self, name: str) -> None:
        """From now on some node of the cluster may be chosen that could not be before."""
        with self.world.store.read() as conn:
            cluster = clusters.find(conn, self.scope, name)
        if cluster is not None:
            self.kept.loosened[cluster.id] = self.world.clock.now()

    def stop_server(self) -> None:
        _, servers = self._members(1)
        found = self.backend.servers.find(self.scope, servers)
        self.kept.judged |= set(found)
        self.backend.servers.stop(self.scope, list(found.values()))

    # traffic --------------------------------------------------------------------------------------------------

    def attach_pool(self) -> None:
        self.backend.traffic.attach(self.scope, self._name(), self.rng.sample(self.pools, self.rng.randint(1, 2)))

    def detach_pool(self) -> None:
        name = self._name()
        with self.world.store.read() as conn:
            attached = [balancing_id(source.pool_id) for source in clusters.get(conn, self.scope, name).sources]
        self.backend.traffic.detach(self.scope, name, [self.rng.choice(attached or self.pools)])

    # sources -------------------------------------------------------------------------------------------------

    def new_version(self) -> None:
        ref = TemplateRef(name=self._template())
        version = NewVersion(self.server_spec(), {}, "arn")
        made = self.backend.templates.add_version(self.scope, ref, version)
        if self.rng.random() < 0.5:
            self.backend.templates.change_default(self.scope, ref, str(made.version))

    def new_source(self) -> None:
        if self.rng.random() < 0.5:
            self._new_template(f"lt-{self.rng.randint(0, 2)}")
        else:
            self.backend.configurations.create(self.scope, f"lc-{self.rng.randint(0, 2)}", self.server_spec(), {})

    def delete_source(self) -> None:
        if self.rng.random() < 0.5:
            self.backend.templates.delete(self.scope, TemplateRef(name=self._template()))
        else:
            self.backend.configurations.delete(self.scope, f"lc-{self.rng.randint(0, 2)}")

    # choices -------------------------------------------------------------------------------------------------

    def _name(self) -> str:
        return self.rng.choice(NAMES)

    def _template(self) -> str:
        return self.rng.choice(("lt-0", "lt-0", "lt-1", "lt-2"))

    def _new_template(self, name: str) -> None:
        self.backend.templates.create(self.scope, name, NewVersion(self.server_spec(), {}, "arn"))

    def server_spec(self) -> ServerSpec:
        return ServerSpec(image=self.image, instance_type=self.rng.choice(("t3.micro", "t3.small")))

    def _source(self) -> SourceRequest:
        if self.rng.random() < 0.5:
            return SourceRequest(configuration=self.rng.choice(("lc-0", "lc-0", "lc-1")))
        version = self.rng.choice((None, "$Latest", "$Default", "1"))
        return SourceRequest(template_name=self._template(), version=version)

    def _placement(self) -> PlacementRequest:
        zones = tuple(sorted(self.rng.sample(ZONES, self.rng.randint(1, 3))))
        if self.rng.random() < 0.5:
            return PlacementRequest(zones=zones)
        subnets = [subnet for subnet in self.subnets if subnet.zone in zones]
        return PlacementRequest(subnets=tuple(subnet.short_id for subnet in subnets))

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "termination_rules": self.rng.choice(RULES),
            "cooldown_seconds": self.rng.choice((0, 60)),
        }
        chance = self.rng.random
        if chance() < 0.3:
            options["protect_new"] = chance() < 0.5
        if chance() < 0.15:
            options["maximum_lifetime_seconds"] = 86_400
        if chance() < 0.3:
            percents = self.rng.choice(((90, 110), (100, 150), (50, 100), (100, 100), (0, 100)))
            options["maintenance_minimum_percent"], options["maintenance_maximum_percent"] = percents
        if chance() < 0.2:
            options["zone_distribution"] = self.rng.choice(tuple(ZoneDistribution))
        if chance() < 0.4:
            options["health_checks"] = self.rng.choice((("EC2", "ELB"), ("EC2",)))
        if chance() < 0.3:
            options["health_grace_seconds"] = self.rng.choice((0, 30, 120))
        return options

    def _members(self, most: int, state: NodeState = NodeState.IN_SERVICE) -> tuple[str, list[str]]:
        """A cluster and some servers of it; mostly in that state, now and then whatever comes."""
        name = self._name()
        with self.world.store.read() as conn:
            cluster = clusters.get(conn, self.scope, name)
            members = [node for node in nodes.of_cluster(conn, cluster.id) if node.server_id is not None]
        wanted = [node for node in members if node.state is state]
        if not wanted or self.rng.random() < 0.1:
            wanted = members
        chosen = self.rng.sample(wanted, min(len(wanted), self.rng.randint(1, most)))
        return name, [node.server_id.replace("-", "")[:17] for node in chosen if node.server_id]
