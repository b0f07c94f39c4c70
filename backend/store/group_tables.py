"""Tables of security groups with their rules, and of key pairs."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, UniqueConstraint

from backend.store.table import ID, NAME, WORD, table
from backend.store.types import Instant

security_groups = table(
    "security_groups",
    Column("id", ID, primary_key=True),
    Column("project_id", WORD, nullable=False),
    Column("region", WORD, nullable=False),
    Column("name", NAME, nullable=False),
    Column("description", NAME, nullable=False),
    Column("vpc", WORD, nullable=False),
    Column("network_id", ID, nullable=False),
    Column("state", WORD, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("token", ID, nullable=False),
    Column("standard", Boolean, nullable=False),
    Column("cloud_id", ID),
    # Raised by every write of its rules: what was written to the cloud of an older one is not all.
    Column("generation", Integer, nullable=False),
    Column("due_at", Instant),
    Column("owner", WORD),
    Column("lease_until", Instant),
    Column("epoch", Integer, nullable=False),
    UniqueConstraint("project_id", "region", "vpc", "name"),
    Index(None, "due_at"),
)

security_group_rules = table(
    "security_group_rules",
    Column("id", ID, primary_key=True),
    Column("project_id", WORD, nullable=False),
    Column("region", WORD, nullable=False),
    Column("group_id", ID, nullable=False),
    Column("egress", Boolean, nullable=False),
    Column("protocol", String(16), nullable=False),
    Column("from_port", Integer, nullable=False),
    Column("to_port", Integer, nullable=False),
    Column("peer", WORD, nullable=False),
    Column("description", NAME),
    UniqueConstraint(
        "group_id", "egress", "protocol", "from_port", "to_port", "peer", name="uq_security_group_rules_meaning"
    ),
    Index(None, "project_id", "region", "peer"),
)

key_pairs = table(
    "key_pairs",
    Column("id", ID, primary_key=True),
    Column("project_id", WORD, nullable=False),
    Column("region", WORD, nullable=False),
    Column("name", NAME, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("fingerprint", NAME, nullable=False),
    Column("public_key", String(4096), nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("project_id", "region", "name"),
)
