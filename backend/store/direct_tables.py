"""Tables of direct launches."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, UniqueConstraint

from backend.store.table import ID, NAME, WORD, record
from backend.store.types import Document, Instant

direct_launches = record(
    "direct_launches",
    # No foreign key: the version before deletes clusters, and knows nothing of these.
    Column("cluster_id", ID, nullable=False),
    Column("cluster_name", NAME, nullable=False),
    Column("token", WORD, nullable=False),
    Column("fingerprint", WORD, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("zone", WORD, nullable=False),
    Column("subnet_id", ID),
    Column("retries", Boolean, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("claims", Document, nullable=False),
    Column("done_at", Instant),
    # One request of a token, whatever cluster it names.
    UniqueConstraint("project_id", "region", "token"),
    Index(None, "cluster_id", "done_at"),
    Index(None, "done_at"),
)
