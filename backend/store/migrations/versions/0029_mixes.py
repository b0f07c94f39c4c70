"""Mixes of clusters, and of nodes what each counts in units and whether the cloud may take its server back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_DOCUMENT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    op.add_column("clusters", sa.Column("mix", _DOCUMENT, nullable=True))
    op.add_column("nodes", sa.Column("units", sa.Integer(), nullable=True))
    op.add_column("nodes", sa.Column("preemptible", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("nodes", "preemptible")
    op.drop_column("nodes", "units")
    op.drop_column("clusters", "mix")
