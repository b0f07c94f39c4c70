"""Load balancers, target groups, listeners, rules and targets that are made here."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_DOCUMENT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}


def upgrade() -> None:
    op.create_table(
        "balancer_listeners",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("balancer_id", sa.String(length=64), nullable=False),
        sa.Column("protocol", sa.String(length=64), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("actions", _DOCUMENT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("certificates", _DOCUMENT, nullable=False),
        sa.Column("ssl_policy", sa.String(length=64), nullable=True),
        sa.Column("attributes", _DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_balancer_listeners")),
        sa.UniqueConstraint("balancer_id", "port", name=op.f("uq_balancer_listeners_balancer_id_port")),
        **_TABLE,
    )
    op.create_index(
        op.f("ix_balancer_listeners_project_id_region"), "balancer_listeners", ["project_id", "region"], unique=False
    )
    op.create_table(
        "balancer_rules",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("balancer_id", sa.String(length=64), nullable=False),
        sa.Column("listener_id", sa.String(length=64), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("conditions", _DOCUMENT, nullable=False),
        sa.Column("actions", _DOCUMENT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_balancer_rules")),
        **_TABLE,
    )
    op.create_index(op.f("ix_balancer_rules_balancer_id"), "balancer_rules", ["balancer_id"], unique=False)
    op.create_index(
        op.f("ix_balancer_rules_project_id_region"), "balancer_rules", ["project_id", "region"], unique=False
    )
    op.create_table(
        "load_balancers",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("family", sa.String(length=64), nullable=False),
        sa.Column("scheme", sa.String(length=64), nullable=False),
        sa.Column("network_id", sa.String(length=36), nullable=False),
        sa.Column("subnets", _DOCUMENT, nullable=False),
        sa.Column("zones", _DOCUMENT, nullable=False),
        sa.Column("security_groups", _DOCUMENT, nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("attributes", _DOCUMENT, nullable=False),
        sa.Column("details", _DOCUMENT, nullable=False),
        sa.Column("cloud_id", sa.String(length=36), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_load_balancers")),
        sa.UniqueConstraint(
            "project_id", "region", "family", "name", name=op.f("uq_load_balancers_project_id_region_family_name")
        ),
        **_TABLE,
    )
    op.create_index(op.f("ix_load_balancers_due_at"), "load_balancers", ["due_at"], unique=False)
    op.create_table(
        "registered_targets",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("group_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=True),
        sa.Column("server_id", sa.String(length=36), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registered_targets")),
        **_TABLE,
    )
    op.create_index(op.f("ix_registered_targets_group_id"), "registered_targets", ["group_id"], unique=False)
    op.create_table(
        "target_groups",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("protocol", sa.String(length=64), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("network_id", sa.String(length=36), nullable=False),
        sa.Column("target_type", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("health_check", _DOCUMENT, nullable=False),
        sa.Column("attributes", _DOCUMENT, nullable=False),
        sa.Column("balancer_id", sa.String(length=64), nullable=True),
        sa.Column("pool_id", sa.String(length=36), nullable=True),
        sa.Column("classic", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_target_groups")),
        sa.UniqueConstraint("project_id", "region", "name", name=op.f("uq_target_groups_project_id_region_name")),
        **_TABLE,
    )
    op.create_index(op.f("ix_target_groups_balancer_id"), "target_groups", ["balancer_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_target_groups_balancer_id"), table_name="target_groups")
    op.drop_table("target_groups")
    op.drop_index(op.f("ix_registered_targets_group_id"), table_name="registered_targets")
    op.drop_table("registered_targets")
    op.drop_index(op.f("ix_load_balancers_due_at"), table_name="load_balancers")
    op.drop_table("load_balancers")
    op.drop_index(op.f("ix_balancer_rules_project_id_region"), table_name="balancer_rules")
    op.drop_index(op.f("ix_balancer_rules_balancer_id"), table_name="balancer_rules")
    op.drop_table("balancer_rules")
    op.drop_index(op.f("ix_balancer_listeners_project_id_region"), table_name="balancer_listeners")
    op.drop_table("balancer_listeners")
