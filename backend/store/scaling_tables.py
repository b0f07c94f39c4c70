"""Scaling policies: a row for each; forecasts of those that predict, taken up when due; and what was foreseen."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, PrimaryKeyConstraint, UniqueConstraint

from backend.store.table import ID, NAME, WORD, leased, record, table
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

# The id is that of its policy.
forecasts = record(
    "forecasts",
    Column("cluster_id", ID, nullable=False),
    Column("make_at", Instant, nullable=False),
    Column("made_at", Instant),
    Column("expected", Document),
    Column("accuracy", Document),
    # Start of the hour that its policy has last acted for.
    Column("acted_for", Instant),
    *leased(),
    Index(None, "cluster_id"),
)

# By days, each with hours as (number, load, capacity).
foreseen = table(
    "foreseen",
    Column("policy_id", ID, nullable=False),
    Column("day", Instant, nullable=False),
    Column("hours", Document, nullable=False),
    PrimaryKeyConstraint("policy_id", "day"),
    Index(None, "day"),
)
