"""Composite alarms: what they follow, why they are as they are, and which alarms they depend on."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}
_DOCUMENT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_ADDED = ("composite", "because", "seen", "held")
_INDEXES = (("project_id", "region", "child_id"), ("project_id", "region", "parent_id"))


def upgrade() -> None:
    for name in _ADDED:
        op.add_column("alarms", sa.Column(name, _DOCUMENT, nullable=True))
    op.add_column("alarm_history", sa.Column("composite", sa.Boolean(), nullable=True))
    op.create_table(
        "alarm_children",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("parent_id", sa.String(length=36), nullable=False),
        sa.Column("child_id", sa.String(length=36), nullable=False),
        sa.Column("suppresses", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm_children")),
        **_TABLE,
    )
    for columns in _INDEXES:
        name = f"ix_alarm_children_{'_'.join(columns)}"
        op.create_index(op.f(name), "alarm_children", list(columns), unique=False)


def downgrade() -> None:
    op.drop_table("alarm_children")
    op.drop_column("alarm_history", "composite")
    for name in reversed(_ADDED):
        op.drop_column("alarms", name)
