"""For how long a busy cloud refused what is to be done to servers' power."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("power_wishes", sa.Column("refused_seconds", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("power_wishes", "refused_seconds")
