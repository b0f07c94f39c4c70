"""The server group that a cluster launches into."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clusters", sa.Column("server_group", sa.String(length=255), nullable=True))


def downgrade() -> None:
    op.drop_column("clusters", "server_group")
