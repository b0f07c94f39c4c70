"""Tables of the engines that work on this database, and of what an operator keeps them from."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer

from backend.store.table import NAME, WORD, table
from backend.store.types import Instant, Span

# One row an engine's process: made when it starts, renewed while it works, gone when it ends or was not heard of.
engines = table(
    "engines",
    Column("name", WORD, primary_key=True),
    Column("host", NAME, nullable=False),
    Column("pid", Integer, nullable=False),
    # The newest revision of the schema that its code knows.
    Column("version", WORD, nullable=False),
    # Both by the clock that leases are judged by.
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    # Not heard of for so long, it is dead: by its own settings, which may differ from who looks at it.
    Column("silence", Span, nullable=False),
    # It was told to end, and claims nothing more.
    Column("draining", Boolean, nullable=False),
)

# Where an operator lets engines begin nothing; empty words are all projects, and all regions.
brakes = table(
    "brakes",
    Column("project_id", WORD, primary_key=True),
    Column("region", WORD, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("set_by", NAME, nullable=False),
    Column("reason", NAME, nullable=False),
)

# How much of a group engines ask of the cloud at once; empty words are all projects, and all regions.
batch_sizes = table(
    "batch_sizes",
    Column("project_id", WORD, primary_key=True),
    Column("region", WORD, primary_key=True),
    Column("name", WORD, primary_key=True),
    Column("size", Integer, nullable=False),
)
