"""Scaling policies: a row for each."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, UniqueConstraint

from backend.store.table import ID, NAME, WORD, record
from backend.store.types import Document, Instant

scaling_policies = record(
    "scaling_policies",
    Column("cluster_id", ID, nullable=False),
    Column("cluster_name", NAME, nullable=False),
    Column("name", NAME, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("adjustment", WORD),
    Column("amount", Integer),
    Column("magnitude", Integer),
    Column("cooldown_seconds", Integer),
    Column("aggregation", WORD),
    Column("warmup_seconds", Integer),
    Column("ladder", Document, nullable=False),
    Column("tracking", Document),
    Column("forecast", Document),
    Column("alarms", Document, nullable=False),
    Column("stayed", WORD),
    Column("decided_at", Instant),
    UniqueConstraint("cluster_id", "name"),
    Index(None, "project_id", "region", "cluster_name", "name"),
)
