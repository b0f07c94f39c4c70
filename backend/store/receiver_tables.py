"""The table of receivers."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, UniqueConstraint

from backend.store.table import ID, NAME, WORD, record
from backend.store.types import Document, Instant

receivers = record(
    "receivers",
    Column("cluster_id", ID, nullable=False),
    Column("cluster_name", NAME, nullable=False),
    Column("policy_id", ID),
    Column("policy_name", NAME),
    Column("threshold", Double()),
    Column("label", NAME, nullable=False),
    # Of the token: nobody gets that out of it.
    Column("digest", WORD, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("heard", Document, nullable=False),
    Column("heard_at", Instant),
    Column("outcome", WORD),
    # What it names is replaced, new first.
    Column("drains", Boolean),
    UniqueConstraint("digest"),
    Index(None, "project_id", "region"),
    Index(None, "cluster_id"),
)
