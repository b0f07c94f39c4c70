"""A state as the engine would have left it, written straight into its databases: every node is in service."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from serving import ROOT

sys.path.insert(0, str(ROOT))

from sqlalchemy import Connection, update

from backend.clock import SystemClock
from backend.domain.cluster import Cluster, ClusterSpec, ClusterStatus, Tag
from backend.domain.node import Health, Node, NodeState, ServerStatus
from backend.domain.profile import LaunchConfiguration, LaunchSource, ProfileRef, ServerSpec
from backend.domain.scope import Scope
from backend.drivers.cloud import Cloud
from backend.drivers.compute import ServerRequest
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings
from backend.store import clusters, configurations, migrate, nodes, watches
from backend.store.session import Store
from backend.store.tables import watches as watches_table

REGION = "us-east-1"
OWNER = "embedded"  # the project of the generated keys
MOST = 1000  # nodes that a group may have
_TYPE = "t3.micro"


def seed(state: Path, projects: int, groups: int, size: int, database: str | None = None) -> None:
    """Make a state folder.

    Args:
        state: made here; ``wsgi.py run --state`` then goes on with it.
        database: URL of an empty one for the rows, instead of a file in the folder.
        projects: the first is the one whose keys are in ``coppice.env``.
        groups: of each project, named ``group-00000`` and so on.
        size: nodes of each group.
    """
    state.mkdir(mode=0o700)
    clock = SystemClock()
    database = database or f"sqlite:///{state}/coppice.db"
    migrate.upgrade(database)
    store = Store(database, clock, durable=False)
    settings = SimulatedSettings(boot_seconds=0, delete_seconds=0)
    cloud = SimulatedCloud.open(str(state / "cloud.db"), clock, settings).cloud
    for number in range(projects):
        scope = Scope(OWNER if number == 0 else f"project-{number:02}", REGION)
        seed_project(store, cloud, scope, groups, size, clock.now())
    store.close()


def seed_project(store: Store, cloud: Cloud, scope: Scope, groups: int, size: int, now: datetime) -> None:
    """Groups of one project with their servers in the cloud and their nodes in the store."""
    image = cloud.images.list(scope)[0]
    zones = [zone.name for zone in cloud.compute.zones(scope)]
    made = [_cluster(scope, number, size, zones, now) for number in range(groups)]
    servers = [node for cluster in made for node in _nodes(cloud, scope, cluster, image.id)]
    configuration = LaunchConfiguration(
        str(uuid.uuid4()), scope.project_id, scope.region, "bench", ServerSpec(image.short_id, _TYPE), {}, now
    )

    def write(connection: Connection) -> None:
        configurations.insert(connection, configuration)
        for cluster in made:
            clusters.insert(connection, cluster, [Tag("Name", cluster.name, propagate=True)])
        nodes.insert_many(connection, servers)
        watches.ensure(connection, scope)
        connection.execute(
            update(watches_table).where(watches_table.c.project_id == scope.project_id).values(due_at=now)
        )

    store.transact(write)


def _cluster(scope: Scope, number: int, size: int, zones: list[str], now: datetime) -> Cluster:
    spec = ClusterSpec(
        minimum=0, maximum=MOST, desired=size, source=LaunchSource(configuration="bench"), zones=tuple(zones)
    )
    return Cluster(
        id=str(uuid.uuid4()),
        project_id=scope.project_id,
        region=scope.region,
        name=f"group-{number:05}",
        status=ClusterStatus.ACTIVE,
        spec=spec,
        suspended={},
        metrics=(),
        causes=(),
        created_at=now,
        due_at=now,  # the engine looks at each once, and then says itself when to look again
    )


def _nodes(cloud: Cloud, scope: Scope, cluster: Cluster, image: str) -> Iterator[Node]:
    """The servers of a cluster, made in the cloud a zone at a time, as nodes in service."""
    zones = cluster.spec.zones
    for place, zone in enumerate(zones):
        count = len(range(place, cluster.spec.desired, len(zones)))
        if not count:
            continue
        launch = str(uuid.uuid4())
        request = ServerRequest(
            name=cluster.name,
            image_id=image,
            flavor=_TYPE,
            zone=zone,
            subnet_id=None,
            launch_id=launch,
            tags={"aws:autoscaling:groupName": cluster.name, "Name": cluster.name},
        )
        for server in cloud.compute.create(scope, request, count):
            yield Node(
                id=str(uuid.uuid4()),
                cluster_id=cluster.id,
                project_id=scope.project_id,
                region=scope.region,
                launch_id=launch,
                server_id=server.id,
                zone=zone,
                subnet_id=server.subnet_id,
                state=NodeState.IN_SERVICE,
                state_at=server.created_at,
                health=Health.HEALTHY,
                health_cause=None,
                protected=False,
                profile=ProfileRef(configuration="bench"),
                instance_type=_TYPE,
                image_id=image,
                created_at=server.created_at,
                server_status=ServerStatus.ACTIVE,
                server_status_at=server.updated_at,
                in_service_at=server.created_at,
            )
