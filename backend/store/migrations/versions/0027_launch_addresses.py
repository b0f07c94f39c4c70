"""Public addresses that servers and balancers are given for life."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}
_NAME = "launch_addresses"


def _id(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length=36), nullable=nullable)


def _word(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length=64), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        _NAME,
        _id("id"),
        _word("project_id"),
        _word("region"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _id("token"),
        _id("cloud_id", nullable=True),
        _word("address", nullable=True),
        sa.Column("bound", sa.Boolean(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        _word("holder"),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        _word("owner", nullable=True),
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
