"""Servers that carry a token of ours and belong to no node, and since when they are known to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from backend.domain.scope import Scope
from backend.store.batches import chunks
from backend.store.tables import orphans

_o = orphans.c
_KNOWN = select(_o.server_id).where(_o.server_id.in_(bindparam("servers", expanding=True)))


def note(conn: Connection, scope: Scope, servers: Sequence[str], now: datetime) -> None:
    """Remember since when these servers belong to nobody."""
    for chunk in chunks(servers):
        known = set(conn.execute(_KNOWN, {"servers": chunk}).scalars())
        fresh = [server for server in dict.fromkeys(chunk) if server not in known]
        if fresh:
            place = {"project_id": scope.project_id, "region": scope.region, "first_seen_at": now}
            conn.execute(insert(orphans), [{"server_id": server, **place} for server in fresh])


def due(conn: Connection, scope: Scope, before: datetime, limit: int) -> list[str]:
    """Servers that belong to nobody since then or longer."""
    statement = (
        select(_o.server_id)
        .where(_o.project_id == scope.project_id, _o.region == scope.region, _o.first_seen_at <= before)
        .order_by(_o.first_seen_at, _o.server_id)
        .limit(limit)
    )
    return list(conn.execute(statement).scalars())


def oldest(conn: Connection, scope: Scope) -> datetime | None:
    """Since when the oldest of them is known."""
    statement = select(func.min(_o.first_seen_at)).where(_o.project_id == scope.project_id, _o.region == scope.region)
    found: datetime | None = conn.execute(statement).scalar()
    return found


def settle(conn: Connection, servers: Sequence[str]) -> None:
    """These are no orphans, or no more."""
    if servers:
        conn.execute(delete(orphans).where(_o.server_id.in_(servers)))


def again(conn: Connection, servers: Sequence[str], now: datetime) -> None:
    """Their deletion was asked for: look again after the grace."""
    if servers:
        conn.execute(update(orphans).where(_o.server_id.in_(servers)).values(first_seen_at=now))
