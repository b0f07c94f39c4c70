"""What an installation without keys makes its tokens and signatures of: drawn when it is needed first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("installations", sa.Column("secret", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("installations", "secret")
