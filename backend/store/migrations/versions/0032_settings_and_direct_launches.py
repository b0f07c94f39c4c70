"""What a project decides once for all its clusters of a region; launches that somebody waits for; operators."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}
_LAUNCHES = "direct_launches"
_INDEXES = {
    "ix_direct_launches_cluster_id_done_at": ["cluster_id", "done_at"],
    "ix_direct_launches_done_at": ["done_at"],
}


def upgrade() -> None:
    op.create_table(
        "account_settings",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "region", "name", name=op.f("pk_account_settings")),
        **_TABLE,
    )
    op.add_column("clusters", sa.Column("launching", sa.Boolean(), nullable=True))
    op.add_column("clusters", sa.Column("operator", sa.String(length=128), nullable=True))
    op.add_column("nodes", sa.Column("notice", sa.String(length=64), nullable=True))
    op.add_column("nodes", sa.Column("volume_failed", sa.Boolean(), nullable=True))
    op.create_table(
        _LAUNCHES,
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("cluster_id", sa.String(length=36), nullable=False),
        sa.Column("cluster_name", sa.String(length=255), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("subnet_id", sa.String(length=36), nullable=True),
        sa.Column("retries", sa.Boolean(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("claims", sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb"), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_direct_launches")),
        sa.UniqueConstraint("project_id", "region", "token", name=op.f("uq_direct_launches_project_id_region_token")),
        **_TABLE,
    )
    for name, columns in _INDEXES.items():
        op.create_index(op.f(name), _LAUNCHES, columns, unique=False)


def downgrade() -> None:
    op.drop_table(_LAUNCHES)
    op.drop_column("nodes", "volume_failed")
    op.drop_column("nodes", "notice")
    op.drop_column("clusters", "operator")
    op.drop_column("clusters", "launching")
    op.drop_table("account_settings")
