"""Tables of prefix lists and of what is in them."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, UniqueConstraint

from backend.store.table import ID, NAME, WORD, leased, record
from backend.store.types import Instant

prefix_lists = record(
    "prefix_lists",
    Column("name", NAME, nullable=False),
    Column("family", WORD, nullable=False),
    Column("state", WORD, nullable=False),
    Column("max_entries", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("message", String(1000)),
    Column("twin", WORD, nullable=False),
    Column("token", ID),
    Column("cloud_id", ID),
    # Raised by every change of what the cloud is to have: what was written there of an older one is not all.
    Column("generation", Integer, nullable=False),
    *leased(),
    Index(None, "project_id", "region"),
)

# An entry is a row from the version that added it to the one that removed it: a version costs what it changes.
prefix_list_entries = record(
    "prefix_list_entries",
    Column("list_id", ID, nullable=False),
    Column("cidr", WORD, nullable=False),
    Column("description", NAME),
    Column("added_in", Integer, nullable=False),
    Column("removed_in", Integer),
    UniqueConstraint("list_id", "cidr", "added_in"),
    Index(None, "project_id", "region", "list_id"),
)
