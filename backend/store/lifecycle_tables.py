"""Lifecycle hooks, and the actions that nodes wait for."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, UniqueConstraint

from backend.store.table import ID, NAME, WORD, record
from backend.store.types import Document, Instant

lifecycle_hooks = record(
    "lifecycle_hooks",
    Column("cluster_id", ID, ForeignKey("clusters.id"), nullable=False),
    Column("name", NAME, nullable=False),
    Column("transition", WORD, nullable=False),
    Column("heartbeat_seconds", Integer, nullable=False),
    Column("default_result", WORD, nullable=False),
    Column("target", String(1600)),
    Column("role", String(1600)),
    Column("metadata", Document),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("cluster_id", "name"),
)

lifecycle_actions = record(
    "lifecycle_actions",
    Column("cluster_id", ID, ForeignKey("clusters.id"), nullable=False),
    # No foreign key: a node's row goes with its server, by whoever sees it.
    Column("node_id", ID, nullable=False),
    Column("hook", NAME, nullable=False),
    Column("transition", WORD, nullable=False),
    Column("begun_at", Instant, nullable=False),
    Column("heartbeat_seconds", Integer, nullable=False),
    Column("heartbeat_until", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("default_result", WORD, nullable=False),
    Column("result", WORD),
    Column("decided", WORD),
    # A node waits once for each hook of a transition; a later wait begins when these are gone.
    UniqueConstraint("node_id", "transition", "hook"),
    Index(None, "cluster_id"),
)
