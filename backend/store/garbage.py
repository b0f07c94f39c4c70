"""What has outlived its use: journal entries past their retention, client tokens nobody will repeat."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select, tuple_

from backend.store.tables import activities, client_tokens


def drop_activities(conn: Connection, ended_before: datetime, limit: int) -> int:
    """Delete up to ``limit`` entries that ended before then; how many there were."""
    statement = (
        select(activities.c.id).where(activities.c.ended_at < ended_before).order_by(activities.c.ended_at).limit(limit)
    )
    ids = list(conn.execute(statement).scalars())
    if ids:
        conn.execute(delete(activities).where(activities.c.id.in_(ids)))
    return len(ids)


def drop_tokens(conn: Connection, created_before: datetime, limit: int) -> int:
    """Delete up to ``limit`` client tokens from before then; how many there were."""
    t = client_tokens.c
    key = (t.project_id, t.region, t.operation, t.token)
    found = conn.execute(select(*key).where(t.created_at < created_before).limit(limit)).all()
    if found:
        conn.execute(delete(client_tokens).where(tuple_(*key).in_([tuple(row) for row in found])))
    return len(found)
