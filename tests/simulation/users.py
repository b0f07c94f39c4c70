"""Users who change everything an API lets them change, at random; what was accepted is remembered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from backend.services.servers import Order
from backend.services.templates import NewVersion, TemplateRef
from backend.store import clusters, nodes
from tests.simulation.actor import Actor, Deed
from tests.simulation.model import Key, Model, Told
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
    """What was done to servers and nodes from outside, which the engine has to bear.

    Attributes:
        judged: servers that users or the operator gave the engine a reason to replace.
        detached: servers that were let go, by short id.
        loosened: by cluster id, when protection was last taken from a node of it.
        told: activities that answers named.
    """

    told: list[Activity] = field(default_factory=list)
    judged: set[str] = field(default_factory=set)
    detached: set[str] = field(default_factory=set)
    loosened: dict[str, datetime] = field(default_factory=dict)


class User(Actor):
    """One user of one project."""

    def __init__(self, world: World, scope: Scope, rng: Random, kept: Kept, model: Model) -> None:
        super().__init__(world, scope, rng)
        self.kept = kept
        self.model = model
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

    def heard(self, result: Any) -> None:
        if isinstance(result, list):
            self.kept.told += [item for item in result if isinstance(item, Activity)]

    def deeds(self) -> Sequence[tuple[int, Deed]]:
        return [
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
            (2, self.trespass),
        ]

    # clusters ------------------------------------------------------------------------------------------------

    def create(self, name: str | None = None) -> None:
        name = name or self._name()
        maximum = self.rng.randint(0, self.world.mood.largest)
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
        options = {key: value for key, value in values.items() if key not in ("minimum", "maximum", "desired")}
        told = Told(minimum, maximum, values["desired"], options, wanted.source, {team.key: team}, set(pools))
        with self.model.expects(self.model.created(self.key_of(name), told)):
            self.backend.clusters.create(self.scope, wanted)

    def update(self) -> None:
        name = self._name()
        values: dict[str, Any] = {}
        if self.rng.random() < 0.5:
            maximum = self.rng.randint(0, self.world.mood.largest)
            values |= {"minimum": self.rng.randint(0, maximum), "maximum": maximum}
        if self.rng.random() < 0.5:
            values |= self._options()
        source = self._source() if self.rng.random() < 0.4 else None
        placement = self._placement() if self.rng.random() < 0.4 else PlacementRequest()
        self.change(name, ClusterChange(values, source, placement))

    def change(self, name: str, change: ClusterChange) -> None:
        with self.model.expects(self.model.updated(self.key_of(name), change.values, change.source)):
            self.backend.clusters.update(self.scope, name, change)

    def resize(self) -> None:
        name, desired = self._name(), self.rng.randint(0, self.world.mood.largest)
        honor = self.rng.random() < 0.1
        with self.model.expects(self.model.resized(self.key_of(name), desired)):
            self.backend.clusters.resize(self.scope, name, desired, honor_cooldown=honor)

    def delete(self) -> None:
        name = self._name()
        with self.model.expects(self.model.deleted(self.key_of(name))):
            self.backend.clusters.delete(self.scope, name, force=self.rng.random() < 0.6)

    def protect_cluster(self) -> None:
        protection = self.rng.choice(tuple(DeletionProtection))
        self.change(self._name(), ClusterChange({"deletion_protection": protection}))

    def suspend(self) -> None:
        name, processes = self._name(), self.rng.sample(STOPPABLE, self.rng.randint(1, 2))
        with self.model.expects(self.model.suspended(self.key_of(name), set(processes))):
            self.backend.clusters.suspend(self.scope, name, processes)

    def resume(self, name: str | None = None) -> None:
        name = name or self._name()
        with self.model.expects(self.model.resumed(self.key_of(name))):
            self.backend.clusters.resume(self.scope, name)

    def metrics(self) -> None:
        self.backend.clusters.collect_metrics(self.scope, self._name(), ("GroupInServiceInstances",))

    def tag(self) -> None:
        tag = Tag("Name", self.rng.choice("xyz"), propagate=self.rng.random() < 0.5)
        name = self._name()
        with self.model.expects(self.model.tagged(self.key_of(name), tag)):
            self.backend.tags.put(self.scope, [(name, tag)])

    # nodes ---------------------------------------------------------------------------------------------------

    def terminate(self) -> list[Activity]:
        name, servers = self._members(1)
        told = []
        for server in servers:
            decrement = self.rng.random() < 0.5
            with self.model.expects(self.model.lowered(self.key_of(name), 1, decrement=decrement)):
                told.append(self.backend.nodes.terminate(self.scope, server, decrement=decrement))
        return told

    def attach(self) -> list[Activity]:
        zone = self.rng.choice(ZONES)
        spec = ServerSpec(image=self.image, instance_type="t3.micro", zone=zone)
        made = self.backend.servers.run(self.scope, Order(spec))
        self.world.clock.wait(15)
        name = self._name()
        with self.model.expects(self.model.raised(self.key_of(name), len(made))):
            return self.backend.nodes.attach(self.scope, name, [server.short_id for server in made])

    def detach(self) -> list[Activity]:
        name, servers = self._members(2)
        decrement = self.rng.random() < 0.5
        with self.model.expects(self.model.lowered(self.key_of(name), len(servers), decrement=decrement)):
            return self.backend.nodes.detach(self.scope, name, servers, decrement=decrement)

    def enter_standby(self) -> list[Activity]:
        name, servers = self._members(2)
        decrement = self.rng.random() < 0.5
        with self.model.expects(self.model.lowered(self.key_of(name), len(servers), decrement=decrement)):
            return self.backend.nodes.enter_standby(self.scope, name, servers, decrement=decrement)

    def exit_standby(self) -> list[Activity]:
        name, servers = self._members(2, NodeState.STANDBY)
        self._loosen(name)
        with self.model.expects(self.model.raised(self.key_of(name), len(servers))):
            return self.backend.nodes.exit_standby(self.scope, name, servers)

    def set_health(self) -> None:
        _, servers = self._members(1)
        health = Health.UNHEALTHY if self.rng.random() < 0.8 else Health.HEALTHY
        self.kept.judged |= set(servers)
        for server in servers:
            respect = self.rng.random() < 0.5
            with self.model.expects(self.model.found(self.scope, server, health)):
                self.backend.nodes.set_health(self.scope, server, health, respect_grace=respect)

    def protect(self) -> None:
        name, servers = self._members(3)
        protected = self.rng.random() < 0.6
        if not protected:
            self._loosen(name)
        with self.model.expects(self.model.guarded(servers, protected=protected)):
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
        name, pools = self._name(), self.rng.sample(self.pools, self.rng.randint(1, 2))
        with self.model.expects(self.model.pooled(self.key_of(name), set(pools))):
            self.backend.traffic.attach(self.scope, name, pools)

    def detach_pool(self) -> None:
        name = self._name()
        with self.world.store.read() as conn:
            attached = [balancing_id(source.pool_id) for source in clusters.get(conn, self.scope, name).sources]
        pool = self.rng.choice(attached or self.pools)
        with self.model.expects(self.model.unpooled(self.key_of(name), pool)):
            self.backend.traffic.detach(self.scope, name, [pool])

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

    # others' things ------------------------------------------------------------------------------------------

    def trespass(self) -> None:
        """Name a server of another project: the answer must be that there is none."""
        owners = self.world.owners()
        foreign = [server for server, project in owners.items() if project != self.scope.project_id]
        if not foreign:
            return
        server, name = self.rng.choice(foreign), self._name()
        told = self.backend.nodes.page(self.scope, servers=[server], limit=5).items
        if told or self.backend.servers.find(self.scope, [server]):
            raise self.world.broke("9 isolation", f"{self.scope.project_id} is told of {server}")
        act: Callable[[], Any] = self.rng.choice(
            (
                lambda: self.backend.nodes.terminate(self.scope, server, decrement=False),
                lambda: self.backend.nodes.detach(self.scope, name, [server], decrement=False),
                lambda: self.backend.nodes.enter_standby(self.scope, name, [server], decrement=False),
                lambda: self.backend.nodes.protect(self.scope, name, [server], protected=True),
                lambda: self.backend.nodes.set_health(self.scope, server, Health.UNHEALTHY),
                lambda: self.backend.nodes.attach(self.scope, name, [server]),
            )
        )
        act()  # raises a finding
        raise self.world.broke("9 isolation", f"{self.scope.project_id} moved {server} of another project")

    # choices -------------------------------------------------------------------------------------------------

    def key(self) -> Key:
        """That of some cluster."""
        return self.key_of(self._name())

    def key_of(self, name: str) -> Key:
        return self.scope.project_id, name

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
