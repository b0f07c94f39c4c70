"""Subscriptions that were ended by a link, until nobody may take that back any more."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}
_DOCUMENT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_NAME = "ended_subscriptions"
_INDEXES = (("project_id", "region"), ("topic_id",), ("expires_at",))


def upgrade() -> None:
    op.create_table(
        _NAME,
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("topic_id", sa.String(length=36), nullable=False),
        sa.Column("protocol", sa.String(length=64), nullable=False),
        sa.Column("endpoint", sa.String(length=2048), nullable=False),
        sa.Column("endpoint_key", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("principal", sa.String(length=2048), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("authenticated", sa.Boolean(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("raw", sa.Boolean(), nullable=False),
        sa.Column("filter", _DOCUMENT, nullable=True),
        sa.Column("filter_scope", sa.String(length=64), nullable=False),
        sa.Column("dead_letters", sa.String(length=80), nullable=True),
        sa.Column("delivery_policy", _DOCUMENT, nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], name=op.f("fk_ended_subscriptions_topic_id_topics")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ended_subscriptions")),
        **_TABLE,
    )
    for columns in _INDEXES:
        op.create_index(op.f(f"ix_{_NAME}_{'_'.join(columns)}"), _NAME, list(columns), unique=False)


def downgrade() -> None:
    # MariaDB needs the index of a foreign key for as long as that is there: it goes with the table.
    op.drop_table(_NAME)
