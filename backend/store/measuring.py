"""What of each project is measured each minute, and when: rows that engines take up, and what they count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, func, select

from backend.domain.cluster import Cluster
from backend.domain.node import NodeState
from backend.domain.scope import Scope
from backend.store import rows
from backend.store.leased import Lease, Leased
from backend.store.metric_tables import metric_sources
from backend.store.tables import clusters, nodes
from backend.store.types import from_micros, to_micros

_STATES: Final = frozenset(map(str, NodeState))
_c, _n, _m = clusters.c, nodes.c, metric_sources.c


@dataclass(slots=True, kw_only=True, eq=False)
class SourceLease(Lease):
    """A project and region that is measured."""


LEASED: Final = Leased(metric_sources, SourceLease, key=("project_id", "region"))


@dataclass(frozen=True, slots=True)
class Rest:
    """Why a source of metrics is not asked for a while.

    Attributes:
        failures: how often it failed in a row.
        until: it is asked again then.
        why: what came of asking it last.
    """

    failures: int
    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class SourceStates:
    """What is kept of the sources that a project is measured by, by their names.

    Attributes:
        readings: see drivers.metric_sources.Told.
    """

    readings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rests: Mapping[str, Rest] = field(default_factory=dict)


def states(conn: Connection, scope: Scope) -> SourceStates:
    """What is kept of the sources of a project."""
    asked = select(_m.readings, _m.rests).where(_m.project_id == scope.project_id, _m.region == scope.region)
    row = conn.execute(asked).first()
    if row is None:
        return SourceStates()
    rests = {
        name: Rest(failures, from_micros(until), why) for name, (failures, until, why) in (row.rests or {}).items()
    }
    return SourceStates(row.readings or {}, rests)


def keep_states(conn: Connection, lease: SourceLease, kept: SourceStates) -> None:
    """Keep it, in the place of what was kept, while the lease holds."""
    rests = {name: [rest.failures, to_micros(rest.until), rest.why] for name, rest in kept.rests.items()}
    LEASED.write(conn, lease, readings=dict(kept.readings) or None, rests=rests or None)


def resting(conn: Connection) -> Sequence[tuple[Scope, str, Rest]]:
    """Sources that failed when they were asked last, of all projects."""
    asked = select(_m.project_id, _m.region).where(_m.rests.is_not(None)).order_by(_m.project_id, _m.region)
    scopes = [Scope(*row) for row in conn.execute(asked)]
    return [(scope, name, rest) for scope in scopes for name, rest in sorted(states(conn, scope).rests.items())]


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
            if cluster_id in states and state in _STATES:
                states[cluster_id][NodeState(state)] = number, int(units)
    return [(cluster, states[cluster.id]) for cluster in found]


def demand(conn: Connection, scope: Scope, at: datetime) -> None:
    """Have a project measured from then on."""
    LEASED.demand(conn, (scope.project_id, scope.region), scope, at)
