"""What a cluster was last pulled for: the request's id, and its span."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clusters", sa.Column("asked_by", sa.String(length=128), nullable=True))


def downgrade() -> None:
    op.drop_column("clusters", "asked_by")
