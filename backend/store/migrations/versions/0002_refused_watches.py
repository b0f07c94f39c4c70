"""Projects that refuse to be looked at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("watches", sa.Column("refused_since", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("watches", "refused_since")
