"""Public addresses that projects keep, interfaces that they make, and gateways that translate addresses."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}


def _id(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length=36), nullable=nullable)


def _word(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length=64), nullable=nullable)


def _make(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        _id("id"),
        _word("project_id"),
        _word("region"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        **_TABLE,
    )


def upgrade() -> None:
    _make(
        "elastic_addresses",
        _id("cloud_id"),
        _word("address"),
        _id("association_id", nullable=True),
        _id("server_id", nullable=True),
        _id("interface_id", nullable=True),
        _word("private_address", nullable=True),
    )
    op.create_index(
        op.f("ix_elastic_addresses_project_id_region"), "elastic_addresses", ["project_id", "region"], unique=False
    )
    _make(
        "made_interfaces",
        _id("cloud_id"),
        _id("subnet_id"),
        _id("subnet"),
        _id("vpc"),
        sa.Column("zone", sa.String(length=255), nullable=False),
        _word("address"),
        _word("mac"),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("groups", sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb"), nullable=False),
        sa.Column("source_dest_check", sa.Boolean(), nullable=False),
        _id("gateway_id", nullable=True),
        _id("server_id", nullable=True),
        _id("attachment_id", nullable=True),
        sa.Column("device_index", sa.Integer(), nullable=True),
        sa.Column("attached_at", sa.BigInteger(), nullable=True),
        sa.Column("delete_on_termination", sa.Boolean(), nullable=False),
    )
    op.create_index(
        op.f("ix_made_interfaces_project_id_region_vpc"),
        "made_interfaces",
        ["project_id", "region", "vpc"],
        unique=False,
    )
    _make(
        "nat_gateways",
        _id("vpc"),
        _id("subnet"),
        _id("interface_id"),
        _word("private_address"),
        _id("allocation_id", nullable=True),
        _id("association_id", nullable=True),
        _word("public_address", nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
    )
    op.create_index(
        op.f("ix_nat_gateways_project_id_region_vpc"), "nat_gateways", ["project_id", "region", "vpc"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_nat_gateways_project_id_region_vpc"), table_name="nat_gateways")
    op.drop_table("nat_gateways")
    op.drop_index(op.f("ix_made_interfaces_project_id_region_vpc"), table_name="made_interfaces")
    op.drop_table("made_interfaces")
    op.drop_index(op.f("ix_elastic_addresses_project_id_region"), table_name="elastic_addresses")
    op.drop_table("elastic_addresses")
