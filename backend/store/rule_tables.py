"""Rules of the event bus and their targets."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, String

from backend.store.table import ID, WORD, record
from backend.store.types import Document, Instant

rules = record(
    "rules",
    Column("name", WORD, nullable=False),
    Column("pattern", Document, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("description", Document),
    Column("role", String(1600)),
    Column("tags", Document, nullable=False),
    Index(None, "project_id", "region", "enabled"),
)

rule_targets = record(
    "rule_targets",
    Column("rule_id", ID, nullable=False),
    Column("target", WORD, nullable=False),
    Column("arn", String(1600), nullable=False),
    Column("role", String(1600)),
    Column("input", Document),
    Column("input_path", Document),
    Column("paths", Document),
    Column("template", Document),
    Index(None, "rule_id"),
)
