"""What is to be done to servers' power once a busy cloud takes it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}
_NAME = "power_wishes"


def upgrade() -> None:
    op.create_table(
        _NAME,
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("act", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{_NAME}")),
        **_TABLE,
    )
    op.create_index(op.f(f"ix_{_NAME}_due_at"), _NAME, ["due_at"], unique=False)
    op.create_index(op.f(f"ix_{_NAME}_project_id_region"), _NAME, ["project_id", "region"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f(f"ix_{_NAME}_project_id_region"), table_name=_NAME)
    op.drop_index(op.f(f"ix_{_NAME}_due_at"), table_name=_NAME)
    op.drop_table(_NAME)
