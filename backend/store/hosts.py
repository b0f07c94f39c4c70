"""Nodes that are to leave the host their server is on, by an operator's word or that of a receiver."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select, update

from backend.domain.scope import Scope
from backend.store import wakes
from backend.store.batches import chunks
from backend.store.clusters import lock_many
from backend.store.tables import nodes

_n = nodes.c


def drain(conn: Connection, scope: Scope, server_ids: Collection[str], host: str, now: datetime) -> Sequence[str]:
    """Have the nodes with these servers replaced, which are on that host; the ids of their clusters, one a node."""
    found: list[str] = []
    for chunk in chunks(sorted(server_ids)):
        mine = (_n.project_id == scope.project_id, _n.region == scope.region, _n.server_id.in_(chunk))
        found += _mark(conn, mine, host, now)
    return found


def drain_some(
    conn: Connection, cluster_id: str, short_ids: Collection[str], why: str | None, now: datetime
) -> Sequence[str]:
    """The same with some nodes of one cluster, by short ids; None: they need not go any more."""
    found: list[str] = []
    for chunk in chunks(sorted(short_ids)):
        mine = (_n.cluster_id == cluster_id, _n.server_short_id.in_(chunk))
        found += _mark(conn, mine, why, now)
    return found


def keep(conn: Connection, region: str | None, host: str, now: datetime) -> Sequence[str]:
    """Nodes on that host need not go any more; the ids of their clusters, one a node."""
    where = (_n.drained_from == host, *(() if region is None else (_n.region == region,)))
    return _mark(conn, where, None, now)


def _mark(conn: Connection, where: Sequence[ColumnElement[bool]], why: str | None, now: datetime) -> list[str]:
    asked = select(_n.id, _n.cluster_id).where(*where)
    lock_many(conn, {row.cluster_id for row in conn.execute(asked)})
    found = conn.execute(asked.order_by(_n.id)).all()
    for chunk in chunks([row.id for row in found]):
        conn.execute(update(nodes).where(_n.id.in_(chunk)).values(drained_from=why))
    wakes.wake(conn, {row.cluster_id for row in found}, now)
    return [row.cluster_id for row in found]
