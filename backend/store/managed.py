"""What belongs to clusters that have an operator: lists may leave it out."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Select, select

from backend.domain.scope import Scope
from backend.store.tables import clusters

_c = clusters.c


def managed_ids(conn: Connection, scope: Scope) -> frozenset[str]:
    """The clusters that have an operator."""
    return frozenset(conn.execute(_managed(scope)).scalars())


def unmanaged(scope: Scope, cluster_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a row belongs to a cluster that has no operator, or to one that is gone.

    Args:
        cluster_id: the column that says whose it is.
    """
    return cluster_id.not_in(_managed(scope))


def _managed(scope: Scope) -> Select[tuple[str]]:
    return select(_c.id).where(_c.project_id == scope.project_id, _c.region == scope.region, _c.operator.is_not(None))
