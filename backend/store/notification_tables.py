"""Who is told of what happens to a group's nodes."""

from __future__ import annotations

from sqlalchemy import Column, Index, String

from backend.store.table import ID, NAME, record
from backend.store.types import Words

notifications = record(
    "notifications",
    Column("cluster_id", ID, nullable=False),
    Column("cluster_name", NAME, nullable=False),
    Column("topic", String(1600), nullable=False),
    Column("kinds", Words, nullable=False),
    Index(None, "cluster_id"),
    Index(None, "project_id", "region", "cluster_name"),
)
