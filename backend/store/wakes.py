"""Wakes: clusters that the engine is to look at sooner than it meant to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, or_, update

from backend import tracing
from backend.store import work_calls
from backend.store.batches import chunks
from backend.store.tables import clusters

_WAKE = (
    update(clusters)
    .where(
        clusters.c.id.in_(bindparam("ids", expanding=True)),
        or_(clusters.c.due_at.is_(None), clusters.c.due_at > bindparam("now")),
    )
    .values(due_at=bindparam("now"), asked_by=bindparam("by"))
)


def asked_by() -> str | None:
    """What a cluster that is written now is called for, as its row has it."""
    origin = tracing.present()
    return None if origin is None else origin.written()


def wake(conn: Connection, cluster_ids: Iterable[str], now: datetime) -> None:
    """The engine looks at these clusters at once."""
    work_calls.want(conn)
    for chunk in chunks(sorted(cluster_ids)):
        conn.execute(_WAKE, {"ids": chunk, "now": now, "by": asked_by()})
