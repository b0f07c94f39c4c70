"""What an operator asks across projects: pages of all clusters, what their nodes are at, and one by its name.

No service reads this: what is asked for a tenant is asked within its scope.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, func, or_, select, tuple_

from backend.domain.cluster import Cluster
from backend.domain.scope import Scope
from backend.store import rows
from backend.store.batches import chunks
from backend.store.tables import backoffs, clusters, nodes, watches

_c, _n, _b, _w = clusters.c, nodes.c, backoffs.c, watches.c
_IN_ORDER = (_c.project_id, _c.region, _c.name)


class Held(NamedTuple):
    """Who has a cluster now, and until when by the clock of the database; None: nobody."""

    owner: str | None
    until: datetime | None


def page(
    conn: Connection, most: int, *, project: str | None, region: str | None, after: tuple[str, str, str] | None
) -> Sequence[Cluster]:
    """Clusters of all projects by project, region and name.

    Args:
        project, region: only of those.
        after: (project, region, name) of the last one of the page before.
    """
    statement = _of(select(clusters), project, region)
    if after is not None:
        statement = statement.where(tuple_(*_IN_ORDER) > after)
    return [rows.cluster_of(row) for row in conn.execute(statement.order_by(*_IN_ORDER).limit(most))]


def named(conn: Connection, name: str, project: str | None, region: str | None, most: int) -> Sequence[Cluster]:
    """The clusters of a name or id, whoever has them."""
    statement = _of(select(clusters).where(or_(_c.name == name, _c.id == name)), project, region)
    return [rows.cluster_of(row) for row in conn.execute(statement.order_by(*_IN_ORDER).limit(most))]


def _of(statement: Select[Any], project: str | None, region: str | None) -> Select[Any]:
    if project is not None:
        statement = statement.where(_c.project_id == project)
    return statement if region is None else statement.where(_c.region == region)


def states(conn: Connection, cluster_ids: Sequence[str]) -> dict[str, Counter[str]]:
    """How many nodes each has in each state."""
    found: dict[str, Counter[str]] = {each: Counter() for each in cluster_ids}
    statement = (
        select(_n.cluster_id, _n.state, func.count())
        .where(_n.cluster_id.in_(bindparam("ids", expanding=True)))
        .group_by(_n.cluster_id, _n.state)
    )
    for chunk in chunks(cluster_ids):
        for cluster_id, state, number in conn.execute(statement, {"ids": chunk}):
            found[cluster_id][state] = number
    return found


def waiting(conn: Connection, cluster_ids: Sequence[str], now: datetime) -> set[str]:
    """Those of them that leave some place alone, for launches failed there."""
    statement = select(_b.cluster_id).where(_b.cluster_id.in_(bindparam("ids", expanding=True)), _b.retry_at > now)
    return {each for chunk in chunks(cluster_ids) for each in conn.execute(statement, {"ids": chunk}).scalars()}


def held(conn: Connection, cluster_id: str) -> Held:
    """Which engine is at work on a cluster."""
    row = conn.execute(select(_c.owner, _c.lease_until).where(_c.id == cluster_id)).first()
    return Held(None, None) if row is None else Held(row.owner, row.lease_until)


def refused_since(conn: Connection, scope: Scope) -> datetime | None:
    """Since when a project lets the engine do nothing; None: it does."""
    where = _w.project_id == scope.project_id, _w.region == scope.region
    found: datetime | None = conn.execute(select(_w.refused_since).where(*where)).scalar()
    return found


def projects(conn: Connection, most: int) -> Sequence[Scope]:
    """Some projects that have clusters, the same of each region first."""
    statement = select(_c.region, func.min(_c.project_id)).group_by(_c.region).order_by(_c.region).limit(most)
    return [Scope(project, region) for region, project in conn.execute(statement)]
