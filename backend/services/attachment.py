"""What a server must be to join a cluster, and the node it then becomes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import uuid4

from backend.domain.activity import Activity
from backend.domain.cluster import Cluster
from backend.domain.ids import short_id
from backend.domain.node import Health, Node, NodeState, ServerStatus
from backend.domain.profile import LaunchSource, ProfileRef
from backend.domain.scope import Scope
from backend.domain.server_findings import ServerNotAttachable, ServerUnknown
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server
from backend.services.catalog import asking
from backend.store import clusters, nodes
from backend.store.power_wishes import POWER_WISHES
from backend.store.session import Connection

_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


def servers(cloud: Cloud, catalog: Catalog, scope: Scope, shorts: Sequence[str]) -> list[Server]:
    """The servers as they are now, in the order named, each once.

    Raises:
        ServerUnknown: there is none of that short id.
        ServerNotAttachable: it does not run, or its image is gone.
        CloudNotReached, NotPermitted: the cloud could not be asked.
    """
    found = []
    with asking():
        listed = {server.short_id: server.id for server in cloud.compute.list(scope)}
        images = {image.id for image in catalog.images(scope)}
        for short in dict.fromkeys(shorts):
            if short not in listed:
                raise ServerUnknown(short)
            server = cloud.compute.get(scope, listed[short])
            if server.status is not ServerStatus.ACTIVE:
                raise ServerNotAttachable(short, "not_running", state=str(server.status))
            if server.image_id is not None and server.image_id not in images:
                raise ServerNotAttachable(short, "image")
            found.append(server)
    return found


def check(conn: Connection, scope: Scope, cluster: Cluster, wanted: Sequence[Server]) -> None:
    """Refuse servers that some cluster has, those outside the cluster's zones, and those that are to stop.

    Raises:
        ServerNotAttachable
    """
    wishes = POWER_WISHES.of(conn, scope, [server.id for server in wanted])
    taken = nodes.by_servers(conn, scope, [server.short_id for server in wanted])
    for server in wanted:
        node = taken.get(server.short_id)
        if node is not None:
            owner = clusters.names(conn, [node.cluster_id]).get(node.cluster_id, "")
            raise ServerNotAttachable(server.short_id, "in_cluster", owner)
        if server.zone not in cluster.spec.zones:
            raise ServerNotAttachable(server.short_id, "zone")
        wish = wishes.get(server.id)
        if wish is not None and (shown := wish.shown(server.status)) is not ServerStatus.ACTIVE:
            raise ServerNotAttachable(server.short_id, "not_running", state=str(shown))


def node(cluster: Cluster, server: Server, now: datetime) -> Node:
    """The node of a server that someone else made, or that was let go: of no profile, unless it bears ours."""
    return Node(
        id=str(uuid4()),
        cluster_id=cluster.id,
        project_id=cluster.project_id,
        region=cluster.region,
        launch_id=str(uuid4()),
        server_id=server.id,
        zone=server.zone,
        subnet_id=server.subnet_id,
        state=NodeState.PENDING,
        state_at=now,
        health=Health.HEALTHY,
        health_cause=None,
        protected=cluster.spec.protect_new,
        profile=_profile(cluster.spec.source, server),
        instance_type=server.flavor,
        image_id=server.image_id,
        created_at=now,
        server_status=server.status,
        server_status_at=server.updated_at,
        attached=True,
        address=server.private_address,
        units=None if cluster.spec.mix is None else cluster.spec.mix.units_of(server.flavor),
        preemptible=server.preemptible,
    )


def _profile(source: LaunchSource, server: Server) -> ProfileRef | None:
    """The version of the cluster's own template that the server says it was launched from; AWS tells it again, too."""
    version = server.tags.get("aws:ec2launchtemplate:version", "")
    if source.template_id is None or not _VERSION.fullmatch(version):
        return None
    if server.tags.get("aws:ec2launchtemplate:id") != f"lt-{short_id(source.template_id)}":
        return None
    return ProfileRef(template_id=source.template_id, template_name=source.template_name, template_version=int(version))


def with_activity(joined: Node, entry: Activity) -> Node:
    return replace(joined, activity_id=entry.id)
