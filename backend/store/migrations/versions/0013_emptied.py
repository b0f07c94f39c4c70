"""Since when nothing is left in projects and pools that are looked at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("watches", sa.Column("empty_since", sa.BigInteger(), nullable=True))
    op.add_column("pools", sa.Column("empty_since", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("pools", "empty_since")
    op.drop_column("watches", "empty_since")
