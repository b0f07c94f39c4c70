"""What sources of metrics answered with last, and which of them rest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

_DOCUMENT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_ADDED = ("readings", "rests")


def upgrade() -> None:
    for name in _ADDED:
        op.add_column("metric_sources", sa.Column(name, _DOCUMENT, nullable=True))


def downgrade() -> None:
    for name in reversed(_ADDED):
        op.drop_column("metric_sources", name)
