"""Tables of networks: what a VPC is made of, and what belongs to it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Index, Integer, UniqueConstraint

from backend.store.table import ID, NAME, WORD, leased, record
from backend.store.types import Document, Instant, Words

_CIDR = WORD


def _made(*parts: Any) -> tuple[Any, ...]:
    """When it was made, before the columns of its own."""
    return Column("created_at", Instant, nullable=False), *parts


vpcs = record(
    "vpcs",
    *_made(
        Column("cloud_id", ID, nullable=False),
        Column("cidr", _CIDR, nullable=False),
        Column("association_id", ID, nullable=False),
        Column("state", WORD, nullable=False),
        Column("further", Document, nullable=False),
        Column("dhcp_options_id", ID, nullable=False),
        Column("dns_support", Boolean, nullable=False),
        Column("dns_hostnames", Boolean, nullable=False),
        Column("address_metrics", Boolean, nullable=False),
        # What the cloud was brought to: the engine compares it with the gateway that is attached.
        Column("gateway", Boolean, nullable=False),
        Column("routed", Document),
        *leased(),
        Index(None, "project_id", "region"),
    ),
)

subnets = record(
    "subnets",
    *_made(
        Column("cloud_id", ID, nullable=False),
        Column("network_id", ID, nullable=False),
        Column("vpc_id", ID, nullable=False),
        Column("cidr", _CIDR, nullable=False),
        Column("zone", WORD, nullable=False),
        Column("state", WORD, nullable=False),
        Column("public_by_default", Boolean, nullable=False),
        Column("hostname_type", WORD, nullable=False),
        Column("a_record", Boolean, nullable=False),
        Column("aaaa_record", Boolean, nullable=False),
        # As with a VPC's gateway: what the cloud was told.
        Column("dns", Words, nullable=False),
        Index(None, "project_id", "region", "vpc_id"),
    ),
)

internet_gateways = record(
    "internet_gateways",
    *_made(
        Column("vpc_id", ID),
        UniqueConstraint("project_id", "region", "vpc_id"),
    ),
)

route_tables = record(
    "route_tables",
    *_made(
        Column("vpc_id", ID, nullable=False),
        Column("routes", Document, nullable=False),
        Index(None, "project_id", "region", "vpc_id"),
    ),
)

# A VPC has one main table (its subnet_id is empty) and a subnet one table.
route_associations = record(
    "route_associations",
    Column("vpc_id", ID, nullable=False),
    Column("table_id", ID, nullable=False),
    Column("subnet_id", ID, nullable=False),
    UniqueConstraint("project_id", "region", "vpc_id", "subnet_id"),
)

network_acls = record(
    "network_acls",
    *_made(
        Column("vpc_id", ID, nullable=False),
        Column("is_default", Boolean, nullable=False),
        Column("entries", Document, nullable=False),
        Index(None, "project_id", "region", "vpc_id"),
    ),
)

acl_associations = record(
    "acl_associations",
    Column("vpc_id", ID, nullable=False),
    Column("acl_id", ID, nullable=False),
    Column("subnet_id", ID, nullable=False),
    UniqueConstraint("project_id", "region", "subnet_id"),
)

dhcp_options = record(
    "dhcp_options",
    *_made(
        Column("options", Document, nullable=False),
        Index(None, "project_id", "region"),
    ),
)

# Asked of the cloud, and not in a table of its own yet: what is still here after a while was left by a crash.
makings = record(
    "makings",
    *_made(
        Column("kind", NAME, nullable=False),
        *leased(),
    ),
)

# Public addresses, interfaces, gateways that translate addresses.

elastic_addresses = record(
    "elastic_addresses",
    *_made(
        Column("cloud_id", ID, nullable=False),
        Column("address", WORD, nullable=False),
        Column("association_id", ID),
        Column("server_id", ID),
        Column("interface_id", ID),
        Column("private_address", WORD),
        Index(None, "project_id", "region"),
    ),
)

# Of servers and balancers that are to have one, for engines to take and to give back.
launch_addresses = record(
    "launch_addresses",
    *_made(
        Column("token", ID, nullable=False),
        Column("cloud_id", ID),
        Column("address", WORD),
        Column("bound", Boolean, nullable=False),
        Column("ended", Boolean, nullable=False),
        Column("holder", WORD, nullable=False),
        *leased(),
        Index(None, "project_id", "region"),
    ),
)

made_interfaces = record(
    "made_interfaces",
    *_made(
        Column("cloud_id", ID, nullable=False),
        Column("subnet_id", ID, nullable=False),
        Column("subnet", ID, nullable=False),
        Column("vpc", ID, nullable=False),
        Column("zone", NAME, nullable=False),
        Column("address", WORD, nullable=False),
        Column("mac", WORD, nullable=False),
        Column("description", NAME, nullable=False),
        Column("groups", Words, nullable=False),
        Column("source_dest_check", Boolean, nullable=False),
        Column("gateway_id", ID),
        Column("server_id", ID),
        Column("attachment_id", ID),
        Column("device_index", Integer),
        Column("attached_at", Instant),
        Column("delete_on_termination", Boolean, nullable=False),
        Index(None, "project_id", "region", "vpc"),
    ),
)

nat_gateways = record(
    "nat_gateways",
    *_made(
        Column("vpc", ID, nullable=False),
        Column("subnet", ID, nullable=False),
        Column("interface_id", ID, nullable=False),
        Column("private_address", WORD, nullable=False),
        Column("allocation_id", ID),
        Column("association_id", ID),
        Column("public_address", WORD),
        Column("deleted_at", Instant),
        Index(None, "project_id", "region", "vpc"),
    ),
)
