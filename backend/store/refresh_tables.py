"""Tables of instance refreshes."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer

from backend.store.table import ID, NAME, WORD, record
from backend.store.types import Document, Instant

refreshes = record(
    "refreshes",
    Column("cluster_id", ID, nullable=False),
    Column("cluster_name", NAME, nullable=False),
    Column("strategy", WORD, nullable=False),
    Column("status", WORD, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("minimum_percent", Integer, nullable=False),
    Column("maximum_percent", Integer),
    Column("warmup_seconds", Integer, nullable=False),
    Column("checkpoints", Document, nullable=False),
    Column("checkpoint_seconds", Integer),
    Column("skip_matching", Boolean, nullable=False),
    Column("auto_rollback", Boolean, nullable=False),
    Column("protected", WORD),
    Column("standby", WORD),
    Column("alarms", Document, nullable=False),
    Column("bake_seconds", Integer),
    Column("desired", Document),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("percent", Integer),
    Column("to_update", Integer),
    Column("reason", Document),
    Column("progress_at", Instant),
    Column("held", Boolean, nullable=False),
    Column("checkpoint", Integer),
    Column("paused_until", Instant),
    Column("bakes_until", Instant),
    Column("rollback_cause", WORD),
    Column("rollback_data", Document),
    Column("rollback_at", Instant),
    Column("rollback_percent", Integer),
    Column("rollback_to_update", Integer),
    Column("members_percent", Integer),
    Column("members_to_update", Integer),
    Column("pool_percent", Integer),
    Column("pool_to_update", Integer),
    Column("rollback_members_percent", Integer),
    Column("rollback_members_to_update", Integer),
    Column("rollback_pool_percent", Integer),
    Column("rollback_pool_to_update", Integer),
    Index(None, "cluster_id", "requested_at"),
    Index(None, "ended_at"),
)
