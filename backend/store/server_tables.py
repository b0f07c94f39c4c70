"""Tables of what is kept of servers that the cloud has."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer

from backend.store.table import WORD, leased, record
from backend.store.types import Instant

# One row a server whose act waits for the cloud, for engines to do.
power_wishes = record(
    "power_wishes",
    Column("act", WORD, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("refused_seconds", Integer),
    *leased(),
    Index(None, "project_id", "region"),
)
