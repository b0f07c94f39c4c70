"""Tables of schedules: a row for each, taken up by an engine when it is due."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, UniqueConstraint

from backend.store.table import ID, NAME, WORD, leased, record
from backend.store.types import Instant

schedules = record(
    "schedules",
    Column("cluster_id", ID, nullable=False),
    Column("cluster_name", NAME, nullable=False),
    Column("name", NAME, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("first_at", Instant),
    Column("next_at", Instant),
    Column("ends_at", Instant),
    Column("recurrence", NAME),
    Column("zone", WORD),
    Column("minimum", Integer),
    Column("maximum", Integer),
    Column("desired", Integer),
    *leased(),
    UniqueConstraint("cluster_id", "name"),
    Index(None, "project_id", "region", "cluster_name", "name"),
)
