"""The journal as it is read."""

from __future__ import annotations

from dataclasses import replace

from backend.domain.activity import Activity
from backend.domain.cluster_findings import ClusterNotFound
from backend.domain.page import Page
from backend.domain.scope import Scope
from backend.store import activities, clusters
from backend.store.activities import ActivityQuery
from backend.store.session import Store

__all__ = ["Activities", "ActivityQuery"]


class Activities:
    """Reads the journal of a project."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(self, scope: Scope, query: ActivityQuery, *, limit: int, after: str | None = None) -> Page[Activity]:
        """Activities in progress first, then the ended ones, each part newest first.

        A cluster's name means the cluster that has it now; with ``deleted`` also those that had it before.

        Raises:
            ClusterNotFound: no cluster has that name (and ``deleted`` was not asked for).
        """
        with self._store.read() as conn:
            if query.cluster_name is not None and not query.deleted:
                cluster = clusters.find(conn, scope, query.cluster_name)
                if cluster is None:
                    raise ClusterNotFound(query.cluster_name)
                query = replace(query, cluster_id=cluster.id, cluster_name=None)
            return activities.page(conn, scope, query, limit, after)
