"""Notification configurations: who is told of what happens to a group's nodes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}


def upgrade() -> None:
    op.create_table(
        "notifications",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("cluster_id", sa.String(length=36), nullable=False),
        sa.Column("cluster_name", sa.String(length=255), nullable=False),
        sa.Column("topic", sa.String(length=1600), nullable=False),
        sa.Column("kinds", sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        **_TABLE,
    )
    op.create_index(op.f("ix_notifications_cluster_id"), "notifications", ["cluster_id"], unique=False)
    op.create_index(
        op.f("ix_notifications_project_id_region_cluster_name"),
        "notifications",
        ["project_id", "region", "cluster_name"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_notifications_project_id_region_cluster_name"), table_name="notifications")
    op.drop_index(op.f("ix_notifications_cluster_id"), table_name="notifications")
    op.drop_table("notifications")
