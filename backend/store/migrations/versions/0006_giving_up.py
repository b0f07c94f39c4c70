"""Failed launches with what they say of the launch, and processes that the engine suspended.

Rows of failed launches are dropped: they only delay what is tried again.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_DOCUMENT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_OPTIONS: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}


def upgrade() -> None:
    _backoffs(
        sa.Column("last_failed_at", sa.BigInteger(), nullable=False),
        sa.Column("retry_at", sa.BigInteger(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("failing_seconds", sa.Integer(), nullable=False),
    )
    op.add_column("clusters", sa.Column("given_up", _DOCUMENT, nullable=True))


def downgrade() -> None:
    op.drop_column("clusters", "given_up")
    _backoffs(
        sa.Column("first_failed_at", sa.BigInteger(), nullable=False),
        sa.Column("retry_at", sa.BigInteger(), nullable=False),
    )


def _backoffs(*columns: sa.Column[Any]) -> None:
    op.drop_table("backoffs")
    op.create_table(
        "backoffs",
        sa.Column("cluster_id", sa.String(length=36), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("profile_key", sa.String(length=300), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name="fk_backoffs_cluster_id"),
        sa.PrimaryKeyConstraint("cluster_id", "zone", "profile_key", name="pk_backoffs"),
        **_OPTIONS,
    )
