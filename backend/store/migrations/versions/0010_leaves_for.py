"""Why a node goes, or is to go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Until now it was told by what a node on its way out was like.
_UNHEALTHY = sa.text(
    "UPDATE nodes SET leaves_for = 'health'"
    " WHERE state = 'Terminating' AND health = 'Unhealthy' AND in_service_at IS NOT NULL"
)


def upgrade() -> None:
    op.add_column("nodes", sa.Column("leaves_for", sa.String(64), nullable=True))
    op.execute(_UNHEALTHY)


def downgrade() -> None:
    op.drop_column("nodes", "leaves_for")
