"""Tables of load balancing: balancers, target groups, listeners and rules."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Text, UniqueConstraint

from backend.store.table import ID, NAME, WORD, leased, table
from backend.store.types import Document, Instant


def _place() -> tuple[Column[str], Column[str]]:
    return Column("project_id", WORD, nullable=False), Column("region", WORD, nullable=False)


# One row a balancer that was made here, and when an engine looks after the cloud's next.
load_balancers = table(
    "load_balancers",
    Column("id", WORD, primary_key=True),
    *_place(),
    Column("name", NAME, nullable=False),
    Column("kind", WORD, nullable=False),
    # What names are unique among: classic balancers have theirs to themselves. The id of one that is being deleted.
    Column("family", WORD, nullable=False),
    Column("scheme", WORD, nullable=False),
    Column("network_id", ID, nullable=False),
    Column("subnets", Document, nullable=False),
    Column("zones", Document, nullable=False),
    Column("security_groups", Document, nullable=False),
    Column("state", WORD, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("attributes", Document, nullable=False),
    Column("details", Document, nullable=False),
    Column("cloud_id", ID),
    Column("address", WORD),
    Column("reason", Text, nullable=False),
    *leased(),
    UniqueConstraint("project_id", "region", "family", "name"),
)

target_groups = table(
    "target_groups",
    Column("id", WORD, primary_key=True),
    *_place(),
    Column("name", NAME, nullable=False),
    Column("protocol", WORD, nullable=False),
    Column("port", Integer, nullable=False),
    Column("network_id", ID, nullable=False),
    Column("target_type", WORD, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("health_check", Document, nullable=False),
    Column("attributes", Document, nullable=False),
    Column("balancer_id", WORD),
    Column("pool_id", ID),
    Column("classic", Boolean, nullable=False),
    UniqueConstraint("project_id", "region", "name"),
    Index(None, "balancer_id"),
)

balancer_listeners = table(
    "balancer_listeners",
    Column("id", WORD, primary_key=True),
    *_place(),
    Column("balancer_id", WORD, nullable=False),
    Column("protocol", WORD, nullable=False),
    Column("port", Integer, nullable=False),
    Column("actions", Document, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("certificates", Document, nullable=False),
    Column("ssl_policy", WORD),
    Column("attributes", Document, nullable=False),
    UniqueConstraint("balancer_id", "port"),
    Index(None, "project_id", "region"),
)

balancer_rules = table(
    "balancer_rules",
    Column("id", WORD, primary_key=True),
    *_place(),
    Column("balancer_id", WORD, nullable=False),
    Column("listener_id", WORD, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("conditions", Document, nullable=False),
    Column("actions", Document, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "balancer_id"),
    Index(None, "project_id", "region"),
)

# What was registered with target groups, but for nodes of clusters: their registrations tell of them.
registered_targets = table(
    "registered_targets",
    Column("id", String(128), primary_key=True),
    *_place(),
    Column("group_id", WORD, nullable=False),
    Column("name", WORD, nullable=False),
    Column("port", Integer, nullable=False),
    Column("address", WORD, nullable=False),
    Column("state", WORD, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("zone", WORD),
    Column("server_id", ID),
    Column("until", Instant),
    Index(None, "group_id"),
)
