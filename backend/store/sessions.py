"""Temporary access keys, by their ids; secret and token lie sealed in one column."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from backend.domain.session import Session
from backend.store.secrets import Seal
from backend.store.tables import sessions

_c = sessions.c


def add(conn: Connection, session: Session, seal: Seal) -> None:
    """Keep one. Raises KeyMissing."""
    values = {name: getattr(session, name) for name in sessions.columns.keys() if name != "sealed"}  # noqa: SIM118
    conn.execute(insert(sessions), {**values, "sealed": seal.close(json.dumps([session.secret, session.token]))})


def find(conn: Connection, access_key: str, seal: Seal) -> Session | None:
    """The session of a key, ended ones too for some time. Raises KeyMissing, SecretUnreadable."""
    row = conn.execute(select(sessions).where(_c.access_key == access_key)).one_or_none()
    if row is None:
        return None
    values = row._asdict()
    secret, token = json.loads(seal.open(values.pop("sealed")))
    return Session(**values, secret=secret, token=token)


def make_room(conn: Connection, base_key: str, now: datetime, most: int) -> None:
    """Let a lasting key have one session more: of those that have not ended the oldest go that are too many."""
    own = (_c.base_key == base_key, _c.expires_at > now)
    excess = int(conn.execute(select(func.count()).where(*own)).scalar_one()) - most + 1
    if excess > 0:
        oldest = select(_c.access_key).where(*own).order_by(_c.created_at, _c.access_key).limit(excess)
        conn.execute(delete(sessions).where(_c.access_key.in_(list(conn.execute(oldest).scalars()))))


def drop(conn: Connection, ended_before: datetime, limit: int | None = None) -> int:
    """Forget up to ``limit`` that ended before then, whosoever they are; how many there were."""
    keys = list(conn.execute(select(_c.access_key).where(_c.expires_at < ended_before).limit(limit)).scalars())
    if keys:
        conn.execute(delete(sessions).where(_c.access_key.in_(keys)))
    return len(keys)
