"""Messages that are to be told, each in the transaction of what it tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, insert

from backend.domain.messages import Message
from backend.store.batches import chunks
from backend.store.outbox_tables import messages as table


def add(conn: Connection, messages: Sequence[Message]) -> None:
    """Store messages; each is due at once."""
    for chunk in chunks(messages):
        conn.execute(
            insert(table),
            [{**asdict(each), "attempts": 0, "due_at": each.created_at, "epoch": 0} for each in chunk],
        )
