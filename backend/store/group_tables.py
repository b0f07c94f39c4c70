"""Tables of security groups with their rules, and of key pairs."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, UniqueConstraint

from backend.store.table import ID, NAME, WORD, leased, record
from backend.store.types import Instant

security_groups = record(
    "security_groups",
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
    *leased(),
    UniqueConstraint("project_id", "region", "vpc", "name"),
)

security_group_rules = record(
    "security_group_rules",
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

key_pairs = record(
    "key_pairs",
    Column("name", NAME, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("fingerprint", NAME, nullable=False),
    Column("public_key", String(4096), nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("project_id", "region", "name"),
)
