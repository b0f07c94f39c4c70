"""Temporary access keys."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("access_key", sa.String(length=64), nullable=False),
        sa.Column("base_key", sa.String(length=128), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("base_project", sa.String(length=64), nullable=False),
        sa.Column("base_mark", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.String(length=1000), nullable=False),
        sa.PrimaryKeyConstraint("access_key", name=op.f("pk_sessions")),
        **_TABLE,
    )
    op.create_index(op.f("ix_sessions_base_key_expires_at"), "sessions", ["base_key", "expires_at"], unique=False)
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_sessions_expires_at"), table_name="sessions")
    op.drop_index(op.f("ix_sessions_base_key_expires_at"), table_name="sessions")
    op.drop_table("sessions")
