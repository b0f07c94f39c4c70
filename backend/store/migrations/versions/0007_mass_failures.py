"""What a mass failure is told by, which clusters have a part in one, and servers that the cloud did not know."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("watches", sa.Column("serving", sa.Integer(), nullable=True))
    op.add_column("watches", sa.Column("failing", sa.Integer(), nullable=True))
    op.add_column("clusters", sa.Column("held_since", sa.BigInteger(), nullable=True))
    op.add_column("nodes", sa.Column("missing_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("nodes", "missing_at")
    op.drop_column("clusters", "held_since")
    op.drop_column("watches", "failing")
    op.drop_column("watches", "serving")
