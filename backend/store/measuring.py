"""What of each project is measured each minute, and when: rows that engines take up, and what they count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, func, select

from backend.domain.cluster import Cluster
from backend.domain.node import SERVING, NodeState
from backend.domain.scope import Scope
from backend.store import rows
from backend.store.leased import Lease, Leased
from backend.store.metric_tables import metric_sources
from backend.store.tables import clusters, nodes

_c, _n, _m = clusters.c, nodes.c, metric_sources.c


@dataclass(slots=True, kw_only=True, eq=False)
class SourceLease(Lease):
    """A project and region that is measured."""


LEASED: Final = Leased(metric_sources, SourceLease, key=("project_id", "region"))


@dataclass(frozen=True, slots=True)
class Serving:
    """A node in service: its cluster's name and its server."""

    cluster: str
    server_id: str
    short_id: str


def begin_minute(conn: Connection, lease: SourceLease, at: datetime) -> bool:
    """Note that this minute is measured now, by whoever holds the lease; whether it is the first time.

    False, too, where the lease is lost: nothing is to be written.
    """
    if LEASED.fence(conn, lease) is None:
        return False
    scope = lease.scope
    asked = select(_m.measured_at).where(_m.project_id == scope.project_id, _m.region == scope.region)
    last = conn.execute(asked).scalar()
    if last is not None and last >= at:
        return False
    LEASED.write(conn, lease, measured_at=at)
    return True


def unmeasured(conn: Connection, *, all_clusters: bool) -> Sequence[Scope]:
    """Projects that have something to measure, and no row that says when.

    Args:
        all_clusters: not only those that have group metrics switched on.
    """
    here = and_(_m.project_id == _c.project_id, _m.region == _c.region)
    asked = select(_c.project_id, _c.region).outerjoin(metric_sources, here).where(_m.epoch.is_(None)).distinct()
    if not all_clusters:
        asked = asked.where(_c.metrics != [])
    return [Scope(*row) for row in conn.execute(asked.order_by(_c.project_id, _c.region))]


def has_clusters(conn: Connection, scope: Scope) -> bool:
    asked = select(_c.id).where(_c.project_id == scope.project_id, _c.region == scope.region).limit(1)
    return conn.execute(asked).first() is not None


def counted(conn: Connection, scope: Scope) -> Sequence[tuple[Cluster, Mapping[NodeState, tuple[int, int]]]]:
    """The clusters of a project that have group metrics switched on, and what of their nodes is in each state.

    Of each state the number of nodes and what they count in the cluster's units.
    """
    asked = select(clusters).where(_c.project_id == scope.project_id, _c.region == scope.region, _c.metrics != [])
    found = [rows.cluster_of(row) for row in conn.execute(asked.order_by(_c.id))]
    states: dict[str, dict[NodeState, tuple[int, int]]] = {cluster.id: {} for cluster in found}
    if found:
        of_scope = _n.project_id == scope.project_id, _n.region == scope.region
        amount = func.count(), func.sum(func.coalesce(_n.units, 1))
        counts = select(_n.cluster_id, _n.state, *amount).where(*of_scope).group_by(_n.cluster_id, _n.state)
        for cluster_id, state, number, units in conn.execute(counts):
            if cluster_id in states:
                states[cluster_id][NodeState(state)] = number, int(units)
    return [(cluster, states[cluster.id]) for cluster in found]


def serving(conn: Connection, scope: Scope) -> Sequence[Serving]:
    """The nodes of a project that are in service."""
    asked = select(_c.name, _n.server_id, _n.server_short_id).join_from(nodes, clusters, _n.cluster_id == _c.id)
    asked = asked.where(_n.project_id == scope.project_id, _n.region == scope.region, _n.state.in_(list(SERVING)))
    found = conn.execute(asked.where(_n.server_id.is_not(None)).order_by(_n.server_id))
    return [Serving(*row) for row in found]


def demand(conn: Connection, scope: Scope, at: datetime) -> None:
    """Have a project measured from then on."""
    LEASED.demand(conn, (scope.project_id, scope.region), scope, at)
