"""VPCs and what is in them: subnets, internet gateways, route tables, lists of access, DHCP options."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_DOCUMENT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}
_TABLES = (
    "vpcs",
    "subnets",
    "internet_gateways",
    "route_tables",
    "route_associations",
    "network_acls",
    "acl_associations",
    "dhcp_options",
    "makings",
)


def _id(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length=36), nullable=nullable)


def _word(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length=64), nullable=nullable)


def _flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _document(name: str) -> sa.Column[Any]:
    return sa.Column(name, _DOCUMENT, nullable=False)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _leased() -> tuple[sa.Column[Any], ...]:
    return (
        _instant("due_at", nullable=True),
        _word("owner", nullable=True),
        _instant("lease_until", nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
    )


def _make(name: str, *parts: Any, made: bool = True) -> None:
    own = (_instant("created_at"),) if made else ()
    key = sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}"))
    op.create_table(name, _id("id"), _word("project_id"), _word("region"), *own, *parts, key, **_TABLE)


def _unique(name: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{name}_{'_'.join(columns)}"))


def _index(name: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{name}_{'_'.join(columns)}"), name, list(columns), unique=False)


def upgrade() -> None:
    flags = [_flag(name) for name in ("dns_support", "dns_hostnames", "address_metrics", "gateway")]
    words = [_id("cloud_id"), _word("cidr"), _id("association_id"), _word("state"), _document("further")]
    _make("vpcs", *words, _id("dhcp_options_id"), *flags, *_leased())
    _index("vpcs", "due_at")
    _index("vpcs", "project_id", "region")
    ids = [_id(name) for name in ("cloud_id", "network_id", "vpc_id")]
    flags = [_flag(name) for name in ("public_by_default", "a_record", "aaaa_record")]
    _make("subnets", *ids, *map(_word, ("cidr", "zone", "state", "hostname_type")), *flags, _document("dns"))
    _make(
        "internet_gateways",
        _id("vpc_id", nullable=True),
        _unique("internet_gateways", "project_id", "region", "vpc_id"),
    )
    _make("route_tables", _id("vpc_id"), _document("routes"))
    place = ("project_id", "region", "vpc_id")
    ids = [_id(name) for name in ("vpc_id", "table_id", "subnet_id")]
    _make("route_associations", *ids, _unique("route_associations", *place, "subnet_id"), made=False)
    _make("network_acls", _id("vpc_id"), _flag("is_default"), _document("entries"))
    ids = [_id(name) for name in ("vpc_id", "acl_id", "subnet_id")]
    _make("acl_associations", *ids, _unique("acl_associations", "project_id", "region", "subnet_id"), made=False)
    _make("dhcp_options", _document("options"))
    _index("dhcp_options", "project_id", "region")
    for name in ("subnets", "route_tables", "network_acls"):
        _index(name, *place)
    _make("makings", sa.Column("kind", sa.String(length=255), nullable=False), *_leased())
    _index("makings", "due_at")


def downgrade() -> None:
    for name in reversed(_TABLES):
        op.drop_table(name)
