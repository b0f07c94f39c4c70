"""Security groups with their rules, and key pairs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}


def _scope() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "security_groups",
        *_scope(),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("vpc", sa.String(length=64), nullable=False),
        sa.Column("network_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(length=36), nullable=False),
        sa.Column("standard", sa.Boolean(), nullable=False),
        sa.Column("cloud_id", sa.String(length=36), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_groups")),
        sa.UniqueConstraint(
            "project_id", "region", "vpc", "name", name=op.f("uq_security_groups_project_id_region_vpc_name")
        ),
        **_TABLE,
    )
    op.create_index(op.f("ix_security_groups_due_at"), "security_groups", ["due_at"], unique=False)
    op.create_table(
        "security_group_rules",
        *_scope(),
        sa.Column("group_id", sa.String(length=36), nullable=False),
        sa.Column("egress", sa.Boolean(), nullable=False),
        sa.Column("protocol", sa.String(length=16), nullable=False),
        sa.Column("from_port", sa.Integer(), nullable=False),
        sa.Column("to_port", sa.Integer(), nullable=False),
        sa.Column("peer", sa.String(length=64), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_group_rules")),
        sa.UniqueConstraint(
            "group_id",
            "egress",
            "protocol",
            "from_port",
            "to_port",
            "peer",
            name=op.f("uq_security_group_rules_meaning"),
        ),
        **_TABLE,
    )
    op.create_index(
        op.f("ix_security_group_rules_project_id_region_peer"),
        "security_group_rules",
        ["project_id", "region", "peer"],
        unique=False,
    )
    op.create_table(
        "key_pairs",
        *_scope(),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=255), nullable=False),
        sa.Column("public_key", sa.String(length=4096), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_pairs")),
        sa.UniqueConstraint("project_id", "region", "name", name=op.f("uq_key_pairs_project_id_region_name")),
        **_TABLE,
    )


def downgrade() -> None:
    op.drop_table("key_pairs")
    op.drop_index(op.f("ix_security_group_rules_project_id_region_peer"), table_name="security_group_rules")
    op.drop_table("security_group_rules")
    op.drop_index(op.f("ix_security_groups_due_at"), table_name="security_groups")
    op.drop_table("security_groups")
