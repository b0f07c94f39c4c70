"""What is to be told to others: the outbox, a row for each message and target, and its streams."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String

from backend.store.table import ID, NAME, WORD, leased, record
from backend.store.types import Document, Instant

# What one group tells one target, in its order. It lasts while there is something to tell.
streams = record("streams", *leased())

messages = record(
    "messages",
    Column("cluster_id", ID, nullable=False),  # no foreign key: what a group's end tells outlives it
    Column("cluster_name", NAME, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("target", String(1600), nullable=False),
    Column("data", Document, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("action_id", ID),
    # The stream that it waits in; none when nobody tries any more.
    Column("stream_id", ID),
    # Its place among what was told in the same moment.
    Column("number", Integer, nullable=False),
    # How often it was tried, since when in vain, and when it is tried next.
    Column("attempts", Integer, nullable=False),
    Column("failing_since", Instant),
    Column("due_at", Instant, nullable=False),
    # Since when nobody tries any more, and the words of the last failure.
    Column("dead_at", Instant),
    Column("fault", Document),
    Index(None, "stream_id", "created_at"),
    Index(None, "project_id", "region", "dead_at"),
    Index(None, "dead_at"),
    Index(None, "cluster_id"),
)
