"""Launches whose answer was lost, and those that nobody knows to have been asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("nodes", sa.Column("asked_at", sa.BigInteger(), nullable=True))
    op.add_column("nodes", sa.Column("unheard_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("nodes", "unheard_at")
    op.drop_column("nodes", "asked_at")
