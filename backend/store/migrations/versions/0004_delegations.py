"""Application credentials that owners handed over."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}


def upgrade() -> None:
    op.create_table(
        "delegations",
        sa.Column("credential_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("secret", sa.String(length=1000), nullable=False),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_delegations")),
        **_TABLE,
    )
    op.create_index(op.f("ix_delegations_project_id"), "delegations", ["project_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_delegations_project_id"), table_name="delegations")
    op.drop_table("delegations")
