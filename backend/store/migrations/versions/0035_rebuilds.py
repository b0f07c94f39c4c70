"""Root disks of nodes that are written anew, and how far refreshes are with the warm pool."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_OF_REFRESHES = (
    "members_percent",
    "members_to_update",
    "pool_percent",
    "pool_to_update",
    "rollback_members_percent",
    "rollback_members_to_update",
    "rollback_pool_percent",
    "rollback_pool_to_update",
)


def upgrade() -> None:
    op.add_column("nodes", sa.Column("own_image", sa.String(255), nullable=True))
    op.add_column("nodes", sa.Column("rebuilds_to", sa.String(255), nullable=True))
    op.add_column("nodes", sa.Column("rebuilt_from", sa.String(36), nullable=True))
    for column in _OF_REFRESHES:
        op.add_column("refreshes", sa.Column(column, sa.Integer(), nullable=True))


def downgrade() -> None:
    for column in reversed(_OF_REFRESHES):
        op.drop_column("refreshes", column)
    for column in ("rebuilt_from", "rebuilds_to", "own_image"):
        op.drop_column("nodes", column)
