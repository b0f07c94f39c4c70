"""What a queue, a topic or a subscription has had lately, in SQL: of each message what was said of it, for a while."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from backend.domain.queues import DEDUPLICATION, Sent
from backend.store.queue_tables import deduplications as table


def key_of(*parts: str) -> str:
    """What stands for a group and an id in what is kept in mind."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def content_key(text: str) -> str:
    """The id of a message that was given none."""
    return hashlib.sha256(text.encode()).hexdigest()


def had(conn: Connection, owner_id: str, key: str, now: datetime) -> Sent | None:
    """What was said of a message of that key that a queue or a topic had lately."""
    d = table.c
    statement = select(d.message_id, d.number).where(d.owner_id == owner_id, d.key == key, d.expires_at > now)
    row = conn.execute(statement).first()
    return None if row is None else Sent(row.message_id, row.number)


def remember(  # noqa: PLR0917 - what was said of which, and for how long it counts
    conn: Connection, owner_id: str, key: str, sent: Sent, now: datetime, long: timedelta = DEDUPLICATION
) -> None:
    """Keep in mind what was said of a message, in the place of what is forgotten by now."""
    d = table.c
    conn.execute(delete(table).where(d.owner_id == owner_id, d.key == key))
    values = {"owner_id": owner_id, "key": key, "message_id": sent.id, "number": sent.number or 0}
    conn.execute(insert(table), {**values, "expires_at": now + long})
