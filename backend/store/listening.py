"""Whether anybody hears of a cluster's nodes: kept with the cluster, so that a pass that tells nobody asks nothing."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select, update

from backend.domain.scope import Scope
from backend.store.notification_tables import notifications
from backend.store.rule_tables import rules
from backend.store.tables import clusters

_c = clusters.c


def lock(conn: Connection, scope: Scope) -> None:
    """Hold all clusters of a project, before anything that comes after clusters: they hear of another rule."""
    conn.execute(select(_c.id).where(_within(scope)).order_by(_c.id).with_for_update()).all()


def refresh(conn: Connection, scope: Scope, cluster_ids: Collection[str] | None = None) -> None:
    """Write down whether anybody hears of these clusters, of all of the project where none is named.

    They are locked already.
    """
    ruled = exists(
        select(1).where(
            rules.c.project_id == scope.project_id, rules.c.region == scope.region, rules.c.enabled.is_(True)
        )
    )
    heard = or_(ruled, exists(select(1).where(notifications.c.cluster_id == _c.id)))
    wanted = _within(scope) if cluster_ids is None else and_(_within(scope), _c.id.in_(sorted(cluster_ids)))
    conn.execute(update(clusters).where(wanted).values(listened=heard))


def _within(scope: Scope) -> ColumnElement[bool]:
    return and_(_c.project_id == scope.project_id, _c.region == scope.region)
