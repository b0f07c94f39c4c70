"""Nodes that are to leave the host their server is on, by an operator's word or that of a receiver.

A node has one mark: the host it is to leave, or the receiver that asked for it. An operator's host takes the place of
whatever is there; a receiver marks what nobody marked, and takes back its own marks alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, select, update

from backend.domain.node import LEAVING
from backend.domain.scope import Scope
from backend.store import wakes
from backend.store.batches import chunks
from backend.store.clusters import lock_many
from backend.store.tables import nodes

_n = nodes.c


class Marked(NamedTuple):
    """A node that was found: one that is on its way out anyway never is."""

    cluster_id: str
    state: str


def drain(conn: Connection, scope: Scope, server_ids: Collection[str], host: str, now: datetime) -> Sequence[Marked]:
    """Have the nodes with these servers replaced, which are on that host."""
    found: list[Marked] = []
    for chunk in chunks(sorted(server_ids)):
        mine = (_n.project_id == scope.project_id, _n.region == scope.region, _n.server_id.in_(chunk))
        found += _mark(conn, mine, (), host, now)
    return found


def drain_some(
    conn: Connection, cluster_id: str, short_ids: Collection[str], why: str, now: datetime
) -> Sequence[Marked]:
    """The same with some nodes of one cluster, by short ids; those that are to go already are found, and stay so."""
    found: list[Marked] = []
    for chunk in chunks(sorted(short_ids)):
        mine = (_n.cluster_id == cluster_id, _n.server_short_id.in_(chunk))
        found += _mark(conn, mine, (_n.drained_from.is_(None),), why, now)
    return found


def keep_some(
    conn: Connection, cluster_id: str, short_ids: Collection[str], why: str, now: datetime
) -> Sequence[Marked]:
    """Those of them that were to go for this reason need not any more."""
    found: list[Marked] = []
    for chunk in chunks(sorted(short_ids)):
        mine = (_n.cluster_id == cluster_id, _n.server_short_id.in_(chunk), _n.drained_from == why)
        found += _mark(conn, mine, (_n.drained_from == why,), None, now)
    return found


def keep(conn: Connection, region: str | None, host: str, now: datetime) -> Sequence[Marked]:
    """Nodes on that host need not go any more."""
    where = (_n.drained_from == host, *(() if region is None else (_n.region == region,)))
    return _mark(conn, where, (_n.drained_from == host,), None, now)


def _mark(
    conn: Connection,
    where: Sequence[ColumnElement[bool]],
    still: Sequence[ColumnElement[bool]],
    why: str | None,
    now: datetime,
) -> list[Marked]:
    """Find nodes, and mark those of them of which something still holds."""
    there = (*where, _n.state.not_in(sorted(LEAVING)))
    asked = select(_n.id, _n.cluster_id, _n.state).where(*there)
    lock_many(conn, {row.cluster_id for row in conn.execute(asked)})
    found = conn.execute(asked.order_by(_n.id)).all()
    for chunk in chunks([row.id for row in found]):
        # What was read may be older than the lock: the row itself tells.
        conn.execute(update(nodes).where(_n.id.in_(chunk), *still).values(drained_from=why))
    wakes.wake(conn, {row.cluster_id for row in found}, now)
    return [Marked(row.cluster_id, row.state) for row in found]
