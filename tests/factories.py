"""Builders that several suites share: values with sensible defaults, a clock moved by hand, a whole backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

from backend import Backend
from backend.domain.activity import Activity, ActivityKind, ActivityStatus, Cause, CauseKind
from backend.domain.cluster import Cluster, ClusterSpec, ClusterStatus, NewCluster, PlacementRequest, SourceRequest
from backend.domain.ids import account_id
from backend.domain.node import Health, Node, NodeState
from backend.domain.profile import LaunchConfiguration, LaunchSource, ProfileRef, ServerSpec
from backend.domain.refreshes import Refresh, RefreshStatus, RefreshStrategy
from backend.domain.scope import Scope
from backend.drivers.compute import Server
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings
from backend.services.servers import Order
from backend.store import nodes, tables
from backend.store.leased import Kinds, Leased
from backend.store.outlets import Outlets
from backend.store.session import Connection, Store
from tests.answers import hold
from tests.databases import memory
from translators import load
from translators.registry import Call, Caller, Handler, find

assert load

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
SCOPE = Scope("5f0c3b6d8e6f4e7a9b1c2d3e4f506172", "us-east-1")
OTHER = Scope("0123456789abcdef0123456789abcdef", "us-east-1")
KEYS = {SCOPE.project_id: "AKIAEXAMPLE", OTHER.project_id: "AKIAOTHER"}
"""Access keys of who asks, by project."""


@dataclass
class HandClock:
    """A clock that stands still until it is moved."""

    at: datetime = NOW
    back: timedelta = timedelta()

    def now(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return (self.at + self.back - NOW).total_seconds()

    def put_back(self, by: timedelta) -> None:
        """Somebody sets it."""
        self.at, self.back = self.at - by, self.back + by

    def move(self, seconds: float) -> None:
        self.wait(seconds)


def uuid_of(name: str) -> str:
    """The same uuid for the same name."""
    return str(uuid5(NAMESPACE_OID, name))


def spec(**values: Any) -> ClusterSpec:
    """A spec of 1 to 4 nodes, 2 desired, in two zones, from the launch configuration ``lc``."""
    defaults: dict[str, Any] = {
        "minimum": 1,
        "maximum": 4,
        "desired": 2,
        "source": LaunchSource("lc"),
        "zones": ("us-east-1a", "us-east-1b"),
    }
    return ClusterSpec(**{**defaults, **values})


def cluster(name: str = "web", *, scope: Scope = SCOPE, **values: Any) -> Cluster:
    """A cluster; fields of the spec and of the cluster may be given alike."""
    own = {key: values.pop(key) for key in tuple(values) if key in Cluster.__dataclass_fields__ and key != "spec"}
    defaults: dict[str, Any] = {
        "id": uuid_of(f"{scope}{name}"),
        "project_id": scope.project_id,
        "region": scope.region,
        "name": name,
        "status": ClusterStatus.ACTIVE,
        "spec": spec(**values),
        "suspended": {},
        "metrics": (),
        "causes": (),
        "created_at": NOW,
        "due_at": NOW,
    }
    return Cluster(**{**defaults, **own})


def node(owner: Cluster, name: str = "", **values: Any) -> Node:
    """A node in service of a cluster, with a server of its own unless ``server_id`` is None."""
    defaults: dict[str, Any] = {
        "id": uuid_of(f"node {owner.id} {name}") if name else str(uuid4()),
        "cluster_id": owner.id,
        "project_id": owner.project_id,
        "region": owner.region,
        "launch_id": str(uuid4()),
        "server_id": uuid_of(f"server {owner.id} {name}") if name else str(uuid4()),
        "zone": owner.spec.zones[0],
        "subnet_id": uuid_of("subnet"),
        "state": NodeState.IN_SERVICE,
        "state_at": NOW,
        "health": Health.HEALTHY,
        "health_cause": None,
        "protected": False,
        "profile": ProfileRef("lc"),
        "instance_type": "t3.micro",
        "image_id": uuid_of("image"),
        "created_at": NOW,
        "in_service_at": NOW,
    }
    return Node(**{**defaults, **values})


def activity(owner: Cluster, name: str = "", **values: Any) -> Activity:
    """A launch in progress of a cluster."""
    defaults: dict[str, Any] = {
        "id": uuid_of(f"activity {owner.id} {name}") if name else str(uuid4()),
        "project_id": owner.project_id,
        "region": owner.region,
        "cluster_id": owner.id,
        "cluster_name": owner.name,
        "kind": ActivityKind.LAUNCH,
        "status": ActivityStatus.PRE_IN_SERVICE,
        "progress": 30,
        "causes": (Cause(CauseKind.USER_CREATED, NOW, {"before": 0, "after": 1}),),
        "started_at": NOW,
    }
    return Activity(**{**defaults, **values})


def refresh(owner: Cluster, **values: Any) -> Refresh:
    """A refresh in progress since just now, of nodes that need no warming up."""
    usual: dict[str, Any] = {
        "id": owner.refresh_id or uuid_of("refresh"),
        "project_id": owner.project_id,
        "region": owner.region,
        "cluster_id": owner.id,
        "cluster_name": owner.name,
        "strategy": RefreshStrategy.ROLLING,
        "status": RefreshStatus.IN_PROGRESS,
        "requested_at": NOW,
        "started_at": NOW,
        "progress_at": NOW,
        "minimum_percent": 90,
        "maximum_percent": None,
        "warmup_seconds": 0,
        "checkpoints": (),
        "checkpoint_seconds": None,
        "skip_matching": False,
        "auto_rollback": False,
        "protected": None,
        "standby": None,
        "alarms": (),
        "bake_seconds": None,
        "desired": None,
    }
    return Refresh(**{**usual, **values})


def launch_configuration(name: str = "lc", *, scope: Scope = SCOPE, **values: Any) -> LaunchConfiguration:
    """A launch configuration that names an image and a type."""
    server = ServerSpec(image="0123456789abcdef0", instance_type="t3.micro")
    made = LaunchConfiguration(uuid_of(f"lc {scope} {name}"), scope.project_id, scope.region, name, server, {}, NOW)
    return replace(made, **values)


@dataclass
class World:
    """Services over a store in memory and a simulated cloud whose servers are ACTIVE at once.

    Attributes:
        url: where the store is; None for memory.
        over: the cloud, where somebody else has made it.
        outlets: what takes messages.
    """

    clock: HandClock = field(default_factory=HandClock)
    url: str | None = None
    settings: SimulatedSettings = field(default_factory=lambda: SimulatedSettings(boot_seconds=0, seed=7))
    over: SimulatedCloud | None = None
    outlets: Outlets = field(default_factory=Outlets)
    store: Store = field(init=False)
    simulated: SimulatedCloud = field(init=False)
    backend: Backend = field(init=False)

    def __post_init__(self) -> None:
        if self.url is None:
            self.store = memory.opened(self.clock)
        else:
            self.store = Store(self.url, self.clock, database_clock=False)
            tables.metadata.create_all(self.store.engine)
        self.simulated = self.over or SimulatedCloud.open(None, self.clock, self.settings)
        self.backend = Backend.build(self.store, self.simulated.cloud, self.clock, outlets=self.outlets)

    def close(self) -> None:
        if self.url is None:
            memory.release(self.store)
        else:
            self.store.close()
        self.simulated.close()

    def image(self) -> str:
        """The short id of some x86_64 image."""
        images = self.simulated.cloud.images.list(SCOPE)
        return next(image.short_id for image in images if image.architecture == "x86_64" and image.active)

    def launch_configuration(self, name: str = "lc", scope: Scope = SCOPE) -> LaunchConfiguration:
        """A launch configuration that can be launched."""
        spec = ServerSpec(image=self.image(), instance_type="t3.micro")
        return self.backend.configurations.create(scope, name, spec, {})

    def group(self, name: str = "web", *, scope: Scope = SCOPE, **values: Any) -> Cluster:
        """A cluster of 1 to 4 nodes, 2 desired, in two zones, from the launch configuration ``lc``."""
        if not self.backend.configurations.page(scope, names=["lc"], limit=1).items:
            self.launch_configuration(scope=scope)
        placement = values.pop("placement", PlacementRequest(zones=("us-east-1a", "us-east-1b")))
        source = values.pop("source", SourceRequest(configuration="lc"))
        tags, pools = values.pop("tags", ()), values.pop("pools", ())
        wanted = {"minimum": 1, "maximum": 4, "desired": 2, **values}
        return self.backend.clusters.create(scope, NewCluster(name, wanted, source, placement, tags, pools))

    def put(self, owner: Cluster, *names: str, **values: Any) -> list[Node]:
        """Nodes in service of a cluster, as the engine would have made them."""
        made = [node(owner, name, **values) for name in names]
        self.store.transact(lambda conn: nodes.insert_many(conn, made))
        return made

    def change(self, node_id: str, **values: Any) -> None:
        """Other values in the row of a node: nobody's move."""

        def work(conn: Connection) -> None:
            here = nodes.get(conn, node_id)
            assert here is not None
            nodes.save(conn, [here], [replace(here, **values)])

        self.store.transact(work)

    def server(self, scope: Scope = SCOPE, zone: str | None = "us-east-1a") -> Server:
        """A running server that is no cluster's."""
        order = Order(ServerSpec(image=self.image(), instance_type="t3.micro", zone=zone))
        return self.backend.servers.run(scope, order)[0]

    def call(self, operation: str, *, scope: Scope = SCOPE, service: str = "autoscaling", **params: Any) -> Any:
        """What a handler answers to a parsed request; refusals are raised as the gateway would see them."""
        handler: Handler | None = find(service, operation)
        assert handler is not None, operation
        answer = handler(request(self.backend, service, operation, params, scope))
        hold(service, operation, answer)
        return answer


def request(backend: Backend, service: str, operation: str, params: Mapping[str, Any], scope: Scope = SCOPE) -> Call:
    """A request as the gateway hands it to a translator."""
    return Call(
        service=service,
        operation=operation,
        params=params,
        caller=Caller(KEYS.get(scope.project_id, "AKIAEXAMPLE"), "user", "demo", scope.project_id),
        region=scope.region,
        account_id=account_id(scope.project_id),
        scope=scope,
        request_id="00000000-0000-0000-0000-000000000001",
        backend=backend,
    )


def longest_due(conn: Connection, rows: Leased[Any]) -> datetime | None:
    """Since when what is due longest of these rows is due, as engines measure it; None where there are none."""
    return Kinds({"rows": rows}).oldest(conn)["rows"]
