"""What the cloud may have been told of a VPC's routes to interfaces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

_DOCUMENT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    op.add_column("vpcs", sa.Column("routed", _DOCUMENT, nullable=True))


def downgrade() -> None:
    op.drop_column("vpcs", "routed")
