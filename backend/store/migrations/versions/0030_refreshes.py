"""Instance refreshes: what they are, which one a cluster has under way, and which nodes one made."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}
_DOCUMENT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "refreshes",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("cluster_id", sa.String(length=36), nullable=False),
        sa.Column("cluster_name", sa.String(length=255), nullable=False),
        sa.Column("strategy", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("minimum_percent", sa.Integer(), nullable=False),
        sa.Column("maximum_percent", sa.Integer(), nullable=True),
        sa.Column("warmup_seconds", sa.Integer(), nullable=False),
        sa.Column("checkpoints", _DOCUMENT, nullable=False),
        sa.Column("checkpoint_seconds", sa.Integer(), nullable=True),
        sa.Column("skip_matching", sa.Boolean(), nullable=False),
        sa.Column("auto_rollback", sa.Boolean(), nullable=False),
        sa.Column("protected", sa.String(length=64), nullable=True),
        sa.Column("standby", sa.String(length=64), nullable=True),
        sa.Column("alarms", _DOCUMENT, nullable=False),
        sa.Column("bake_seconds", sa.Integer(), nullable=True),
        sa.Column("desired", _DOCUMENT, nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("to_update", sa.Integer(), nullable=True),
        sa.Column("reason", _DOCUMENT, nullable=True),
        sa.Column("progress_at", sa.BigInteger(), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("checkpoint", sa.Integer(), nullable=True),
        sa.Column("paused_until", sa.BigInteger(), nullable=True),
        sa.Column("bakes_until", sa.BigInteger(), nullable=True),
        sa.Column("rollback_cause", sa.String(length=64), nullable=True),
        sa.Column("rollback_data", _DOCUMENT, nullable=True),
        sa.Column("rollback_at", sa.BigInteger(), nullable=True),
        sa.Column("rollback_percent", sa.Integer(), nullable=True),
        sa.Column("rollback_to_update", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refreshes")),
        **_TABLE,
    )
    op.create_index(
        op.f("ix_refreshes_cluster_id_requested_at"), "refreshes", ["cluster_id", "requested_at"], unique=False
    )
    op.create_index(op.f("ix_refreshes_ended_at"), "refreshes", ["ended_at"], unique=False)
    op.add_column("clusters", sa.Column("refresh_id", sa.String(length=36), nullable=True))
    op.add_column("nodes", sa.Column("refresh_id", sa.String(length=36), nullable=True))


def downgrade() -> None:
    op.drop_column("nodes", "refresh_id")
    op.drop_column("clusters", "refresh_id")
    op.drop_index(op.f("ix_refreshes_ended_at"), table_name="refreshes")
    op.drop_index(op.f("ix_refreshes_cluster_id_requested_at"), table_name="refreshes")
    op.drop_table("refreshes")
