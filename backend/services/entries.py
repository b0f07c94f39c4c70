"""Entries of the journal as requests open them. Pure but for the id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from backend.domain.activity import Activity, ActivityKind, Cause, CauseKind, begun
from backend.domain.cluster import Cluster
from backend.domain.ids import short_id
from backend.domain.node import Node


def opened(cluster: Cluster, kind: ActivityKind, node: Node, causes: Sequence[Cause], now: datetime) -> Activity:
    """The entry of a move of a node that a request begins now."""
    return begun(str(uuid4()), cluster, kind, causes, now).about(node)


def moved(kind: CauseKind, node: Node, now: datetime, steps: tuple[int, int] | None) -> Cause:
    """Why a node moves: a request, and from which desired capacity to which where it changes."""
    data: dict[str, str | int] = {"server": short_id(node.server_id or "")}
    if steps is not None:
        data["before"], data["after"] = steps
    return Cause(kind, now, data)
