"""Pools that are missing, and how many a project has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pools", sa.Column("missing_since", sa.BigInteger(), nullable=True))
    op.create_index("ix_pools_project_id_region", "pools", ["project_id", "region"])


def downgrade() -> None:
    op.drop_index("ix_pools_project_id_region", "pools")
    op.drop_column("pools", "missing_since")
