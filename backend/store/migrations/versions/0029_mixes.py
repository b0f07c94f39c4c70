"""Nodes: what each counts in its cluster's units, and whether the cloud may take its server back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("nodes", sa.Column("units", sa.Integer(), nullable=True))
    op.add_column("nodes", sa.Column("preemptible", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("nodes", "preemptible")
    op.drop_column("nodes", "units")
