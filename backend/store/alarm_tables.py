"""Alarms, what happened to them, and the rounds in which engines look at them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, String

from backend.store.table import ID, NAME, WORD, leased, record, table
from backend.store.types import Document, Instant

alarms = record(
    "alarms",
    Column("name", NAME, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("configured_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("transitioned_at", Instant, nullable=False),
    Column("watched", Document, nullable=False),
    Column("description", Document),
    Column("enabled", Boolean, nullable=False),
    Column("ok_actions", Document, nullable=False),
    Column("alarm_actions", Document, nullable=False),
    Column("insufficient_actions", Document, nullable=False),
    Column("state", WORD, nullable=False),
    Column("reason", Document, nullable=False),
    Column("reason_data", Document),
    Column("metric_key", ID),
    Column("policy_id", ID),
    Column("tags", Document, nullable=False),
    Column("acts", Document),
    Column("next_at", Instant),
    Column("composite", Document),
    Column("because", Document),
    Column("seen", Document),
    Column("held", Document),
    Index(None, "project_id", "region", "name"),
    Index(None, "project_id", "region", "next_at"),
    Index(None, "policy_id"),
)

alarm_history = record(
    "alarm_history",
    Column("alarm", NAME, nullable=False),
    Column("at", Instant, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("summary", String(255), nullable=False),
    Column("data", Document, nullable=False),
    Column("composite", Boolean),
    Index(None, "project_id", "region", "alarm", "at"),
    Index(None, "at"),
)

alarm_children = record(
    "alarm_children",
    Column("parent_id", ID, nullable=False),
    Column("child_id", ID, nullable=False),
    # It is no part of the rule, but keeps the parent from acting.
    Column("suppresses", Boolean, nullable=False),
    Index(None, "project_id", "region", "child_id"),
    Index(None, "project_id", "region", "parent_id"),
)

alarm_rounds = table(
    "alarm_rounds",
    Column("project_id", WORD, primary_key=True),
    Column("region", WORD, primary_key=True),
    *leased(),
)
