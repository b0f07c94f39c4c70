"""Warm pools: what a cluster prepares ahead of need, and what its nodes there are on their way to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    document = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
    op.add_column("clusters", sa.Column("warm_pool", document, nullable=True))
    op.add_column("nodes", sa.Column("warms_to", sa.String(64), nullable=True))
    op.add_column("nodes", sa.Column("drawn_at", sa.BigInteger(), nullable=True))
    op.add_column("nodes", sa.Column("power_asked_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    for column in ("power_asked_at", "drawn_at", "warms_to"):
        op.drop_column("nodes", column)
    op.drop_column("clusters", "warm_pool")
