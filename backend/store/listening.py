"""Whether anybody hears of a cluster's nodes: kept with the cluster, so that a pass that tells nobody asks nothing."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, exists, or_, select, update

from backend.domain.scope import Scope
from backend.store.notification_tables import notifications
from backend.store.tables import clusters

_c = clusters.c


def refresh(conn: Connection, scope: Scope, cluster_ids: Collection[str]) -> None:
    """Write down whether anybody hears of these, who are locked."""
    if "listened" not in _c:  # until clusters keep it
        return
    heard = or_(exists(select(1).where(notifications.c.cluster_id == _c.id)))
    conn.execute(
        update(clusters)
        .where(_c.project_id == scope.project_id, _c.region == scope.region, _c.id.in_(sorted(cluster_ids)))
        .values(listened=heard)
    )
