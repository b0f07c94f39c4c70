"""Receivers: addresses at which alarms of others have groups do something."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}
_DOCUMENT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_INDEXES = (("project_id", "region"), ("cluster_id",))


def upgrade() -> None:
    op.create_table(
        "receivers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("cluster_id", sa.String(length=36), nullable=False),
        sa.Column("cluster_name", sa.String(length=255), nullable=False),
        sa.Column("policy_id", sa.String(length=36), nullable=True),
        sa.Column("policy_name", sa.String(length=255), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("heard", _DOCUMENT, nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receivers")),
        sa.UniqueConstraint("digest", name=op.f("uq_receivers_digest")),
        **_TABLE,
    )
    for columns in _INDEXES:
        op.create_index(op.f(f"ix_receivers_{'_'.join(columns)}"), "receivers", list(columns), unique=False)


def downgrade() -> None:
    for columns in reversed(_INDEXES):
        op.drop_index(op.f(f"ix_receivers_{'_'.join(columns)}"), table_name="receivers")
    op.drop_table("receivers")
