"""Entries of the journal as requests open them. Pure but for the id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from backend.domain.activity import Activity, ActivityKind, ActivityStatus, Cause, CauseKind
from backend.domain.cluster import Cluster
from backend.domain.ids import short_id
from backend.domain.node import Node

_START = {
    ActivityKind.TERMINATE: (ActivityStatus.IN_PROGRESS, 0),
    ActivityKind.ATTACH: (ActivityStatus.IN_PROGRESS, 0),
    ActivityKind.DETACH: (ActivityStatus.IN_PROGRESS, 50),
    ActivityKind.ENTER_STANDBY: (ActivityStatus.IN_PROGRESS, 50),
    ActivityKind.EXIT_STANDBY: (ActivityStatus.PRE_IN_SERVICE, 30),
}


def opened(cluster: Cluster, kind: ActivityKind, node: Node, causes: Sequence[Cause], now: datetime) -> Activity:
    """The entry of a move of a node that begins now, in the status and at the percent AWS begins it."""
    status, progress = _START[kind]
    return Activity(
        id=str(uuid4()),
        project_id=cluster.project_id,
        region=cluster.region,
        cluster_id=cluster.id,
        cluster_name=cluster.name,
        kind=kind,
        status=status,
        progress=progress,
        causes=tuple(causes),
        started_at=now,
        node_id=node.id,
        server_id=node.server_id,
        zone=node.zone,
        subnet_id=node.subnet_id,
    )


def moved(kind: CauseKind, node: Node, now: datetime, steps: tuple[int, int] | None) -> Cause:
    """Why a node moves: a request, and from which desired capacity to which where it changes."""
    data: dict[str, str | int] = {"server": short_id(node.server_id or "")}
    if steps is not None:
        data["before"], data["after"] = steps
    return Cause(kind, now, data)
