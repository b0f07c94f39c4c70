"""The outbox: what is to be told to others."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}


def _document(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb"), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "streams",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_streams")),
        **_TABLE,
    )
    op.create_index(op.f("ix_streams_due_at"), "streams", ["due_at"], unique=False)
    op.create_table(
        "messages",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("cluster_id", sa.String(length=36), nullable=False),
        sa.Column("cluster_name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=1600), nullable=False),
        _document("data"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("action_id", sa.String(length=36), nullable=True),
        sa.Column("stream_id", sa.String(length=36), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("dead_at", sa.BigInteger(), nullable=True),
        _document("fault", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        **_TABLE,
    )
    op.create_index(op.f("ix_messages_stream_id_created_at"), "messages", ["stream_id", "created_at"], unique=False)
    op.create_index(op.f("ix_messages_cluster_id"), "messages", ["cluster_id"], unique=False)
    op.create_index(op.f("ix_messages_dead_at"), "messages", ["dead_at"], unique=False)
    op.create_index(
        op.f("ix_messages_project_id_region_dead_at"), "messages", ["project_id", "region", "dead_at"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_messages_project_id_region_dead_at"), table_name="messages")
    op.drop_index(op.f("ix_messages_dead_at"), table_name="messages")
    op.drop_index(op.f("ix_messages_cluster_id"), table_name="messages")
    op.drop_index(op.f("ix_messages_stream_id_created_at"), table_name="messages")
    op.drop_table("messages")
    op.drop_index(op.f("ix_streams_due_at"), table_name="streams")
    op.drop_table("streams")
