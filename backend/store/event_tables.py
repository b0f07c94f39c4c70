"""Tables of who listens for events of the cloud, and of whose rights ended by one."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer

from backend.store.table import NAME, WORD, table
from backend.store.types import Instant

# One row a process that listens, by the clock that leases are judged by.
event_listeners = table(
    "event_listeners",
    Column("name", WORD, primary_key=True),
    Column("host", NAME, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    # When it last heard of anything.
    Column("heard_at", Instant),
)

# What Keystone told that ended, or may have: gateways and engines read on from the number that they read last.
ended_identities = table(
    "ended_identities",
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("subject", WORD, nullable=False),
    Column("identity", WORD, nullable=False),
    Column("ended_at", Instant, nullable=False),
    Index(None, "ended_at"),
)
