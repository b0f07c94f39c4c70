"""Rows of direct launches. Whoever writes one holds its cluster; an engine writes what came of it with its pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, delete
from sqlalchemy.exc import IntegrityError

from backend import errors
from backend.domain.cluster import Cluster
from backend.domain.direct_launches import DirectLaunch
from backend.domain.scope import Scope
from backend.store.direct_tables import direct_launches as table
from backend.store.records import Records

LAUNCHES: Final = Records(table, DirectLaunch)


def at_work(conn: Connection, cluster: Cluster) -> dict[str, DirectLaunch]:
    """Those of a cluster of which it is not known what comes, the oldest first."""
    if not cluster.launching:
        return {}
    found = LAUNCHES.all(conn, cluster.scope, cluster_id=cluster.id, done_at=None)
    return {each.id: each for each in sorted(found, key=lambda each: (each.asked_at, each.id))}


def add(conn: Connection, scope: Scope, launch: DirectLaunch) -> None:
    """Write a new one.

    Raises:
        StaleRead: another request brought its token a moment ago.
    """
    try:
        LAUNCHES.add(conn, scope, launch)
    except IntegrityError:
        raise errors.StaleRead(launch.token) from None


def save(conn: Connection, scope: Scope, before: Mapping[str, DirectLaunch], after: Mapping[str, DirectLaunch]) -> None:
    """Write what became of some, by difference: all that is new of them are claims and the end."""
    for launch_id, launch in after.items():
        if launch is not before[launch_id]:
            LAUNCHES.change(conn, scope, launch_id, claims=launch.claims, done_at=launch.done_at)


def forget_cluster(conn: Connection, cluster_id: str) -> None:
    """Delete those of a cluster that is being removed."""
    conn.execute(delete(table).where(table.c.cluster_id == cluster_id))
