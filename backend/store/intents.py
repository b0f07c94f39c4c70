"""Intent as whoever has one writes it: requests, schedules and policies alike. The cluster is locked first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from backend.domain.activity import Cause
from backend.domain.cluster import Cluster, ClusterStatus, Process
from backend.domain.cluster_findings import ClusterDeleting, ProcessSuspended
from backend.domain.scope import Scope
from backend.store import clusters


def lock(conn: Connection, scope: Scope, name: str, *, needs: Process | None = None) -> Cluster:
    """The cluster of that name, held against every other writer, and not on its way out.

    Args:
        needs: a process that must run.

    Raises:
        ClusterNotFound, ClusterDeleting, ProcessSuspended
    """
    cluster = clusters.lock(conn, scope, name)
    if cluster.status is ClusterStatus.DELETING:
        raise ClusterDeleting(name)
    if needs is not None and not cluster.runs(needs):
        raise ProcessSuspended(name, str(needs))
    return cluster


def desired_values(cluster: Cluster, desired: int, now: datetime) -> dict[str, Any]:
    """What ``clusters.change`` takes where this capacity is desired from now on; scaling in looks at since when."""
    after = cluster.desiring(desired, now)
    return {"desired": after.spec.desired, "desired_at": after.desired_at}


def desire(conn: Connection, cluster: Cluster, desired: int, now: datetime, cause: Cause, **also: Any) -> None:
    """Write a desired capacity and whose doing it is, which activities tell until it is reached.

    Args:
        cluster: as locked in this transaction. Bounds are the caller's to hold (``policies.bounds``).
        cause: with ``before`` and ``after``; remembered only where the capacity is another one.
        also: further fields, as ``clusters.change`` takes them.
    """
    if desired != cluster.spec.desired:
        # Whose doing it is says how long to cool down when it is done.
        also = {
            "own_cooldown_seconds": None,
            **also,
            **desired_values(cluster, desired, now),
            "causes": cluster.remembering(cause),
        }
    if also:
        clusters.change(conn, cluster.id, now, **also)
