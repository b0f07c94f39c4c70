"""Nodes whose servers have volumes in error: looked for where a cluster goes by it, and written by looks alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, String, bindparam, or_, select, type_coerce, update

from backend.domain.scope import Scope
from backend.store.batches import chunks
from backend.store.clusters import lock_many
from backend.store.tables import clusters, nodes

_c, _n = clusters.c, nodes.c
_GOES_BY = (
    select(_c.id)
    .where(
        _c.project_id == bindparam("project"),
        _c.region == bindparam("in_region"),
        type_coerce(_c.health_checks, String).contains("EBS"),
    )
    .limit(1)
)
_SEEN = select(_n.id, _n.cluster_id, _n.server_id, _n.volume_failed).where(
    _n.project_id == bindparam("project"),
    _n.region == bindparam("in_region"),
    or_(_n.volume_failed.is_(True), _n.server_id.in_(bindparam("servers", expanding=True))),
)
_MARK = update(nodes).where(_n.id == bindparam("node_id")).values(volume_failed=bindparam("failed"))


def is_wanted(conn: Connection, scope: Scope) -> bool:
    """Whether a cluster of the project goes by the health of volumes."""
    return conn.execute(_GOES_BY, {"project": scope.project_id, "in_region": scope.region}).first() is not None


def lock_concerned(conn: Connection, scope: Scope, failed: Collection[str]) -> None:
    """Hold the clusters that it is news to, as sightings do: before the watch."""
    lock_many(conn, {row.cluster_id for row in _news(conn, scope, failed)})


def record(conn: Connection, scope: Scope, failed: Collection[str]) -> Sequence[str]:
    """Write which servers have a volume in error, and which no longer have; the clusters that it is news to.

    Args:
        failed: the servers' cloud ids.
    """
    changed = _news(conn, scope, failed)
    if changed:
        conn.execute(_MARK, [{"node_id": row.id, "failed": row.server_id in failed} for row in changed])
    return sorted({row.cluster_id for row in changed})


def _news(conn: Connection, scope: Scope, failed: Collection[str]) -> list[Any]:
    found: dict[str, Any] = {}
    for chunk in chunks(sorted(failed)) if failed else [[]]:
        values = {"project": scope.project_id, "in_region": scope.region, "servers": list(chunk)}
        found.update((row.id, row) for row in conn.execute(_SEEN, values))
    return [row for row in found.values() if bool(row.volume_failed) is not (row.server_id in failed)]
