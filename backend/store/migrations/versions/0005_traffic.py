"""Traffic sources of clusters, what is registered with their pools, and addresses of nodes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.String(length=36)
_WORD = sa.String(length=64)
_DOCUMENT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_OPTIONS: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}


def upgrade() -> None:
    op.add_column("clusters", sa.Column("sources", _DOCUMENT, nullable=True))
    op.add_column("nodes", sa.Column("address", _WORD, nullable=True))
    op.create_table(
        "registrations",
        sa.Column("node_id", _ID, nullable=False),
        sa.Column("pool_id", _ID, nullable=False),
        sa.Column("cluster_id", _ID, nullable=False),
        sa.Column("project_id", _WORD, nullable=False),
        sa.Column("region", _WORD, nullable=False),
        sa.Column("server_id", _ID, nullable=False),
        sa.Column("address", _WORD, nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("subnet_id", _ID, nullable=True),
        sa.Column("state", _WORD, nullable=False),
        sa.Column("state_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("health", _WORD, nullable=False),
        sa.Column("served", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("node_id", "pool_id", name="pk_registrations"),
        **_OPTIONS,
    )
    op.create_index("ix_registrations_cluster_id", "registrations", ["cluster_id"])
    op.create_index("ix_registrations_pool_id", "registrations", ["pool_id"])
    op.create_table(
        "pools",
        sa.Column("id", _ID, nullable=False),
        sa.Column("project_id", _WORD, nullable=False),
        sa.Column("region", _WORD, nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("owner", _WORD, nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pools"),
        **_OPTIONS,
    )
    op.create_index("ix_pools_due_at", "pools", ["due_at"])


def downgrade() -> None:
    op.drop_table("pools")
    op.drop_table("registrations")
    op.drop_column("nodes", "address")
    op.drop_column("clusters", "sources")
