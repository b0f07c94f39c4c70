"""What is to be told to others: the outbox, a row for each message and target."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String

from backend.store.table import ID, NAME, WORD, leased, record
from backend.store.types import Document, Instant

messages = record(
    "messages",
    Column("cluster_id", ID, nullable=False),  # no foreign key: what a group's end tells outlives it
    Column("cluster_name", NAME, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("target", String(1600), nullable=False),
    Column("data", Document, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("action_id", ID),
    Column("attempts", Integer, nullable=False),
    # Since when nobody tries any more, and the words of the last failure.
    Column("dead_at", Instant),
    Column("fault", Document),
    *leased(),
    Index(None, "project_id", "region", "dead_at"),
    Index(None, "cluster_id"),
)
