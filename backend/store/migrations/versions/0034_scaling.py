"""Scaling policies, what clusters keep of what they did, and alarms with their history."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}
_DOCUMENT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_ADDED = (("own_cooldown_seconds", sa.Integer()), ("scaled_out_at", sa.BigInteger()), ("desired_at", sa.BigInteger()))
_ORDER = "ix_scaling_policies_project_id_region_cluster_name_name"

_INDEXES = (
    ("alarms", ("project_id", "region", "name")),
    ("alarms", ("project_id", "region", "next_at")),
    ("alarms", ("policy_id",)),
    ("alarm_history", ("project_id", "region", "alarm", "at")),
    ("alarm_history", ("at",)),
    ("alarm_rounds", ("due_at",)),
)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _document(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _DOCUMENT, nullable=nullable)


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def upgrade() -> None:
    for column, kind in _ADDED:
        op.add_column("clusters", sa.Column(column, kind, nullable=True))
    op.create_table(
        "scaling_policies",
        _text("id", 36),
        _text("project_id", 64),
        _text("region", 64),
        _text("cluster_id", 36),
        _text("cluster_name", 255),
        _text("name", 255),
        _text("kind", 64),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _text("adjustment", 64, nullable=True),
        sa.Column("amount", sa.Integer(), nullable=True),
        sa.Column("magnitude", sa.Integer(), nullable=True),
        sa.Column("cooldown_seconds", sa.Integer(), nullable=True),
        _text("aggregation", 64, nullable=True),
        sa.Column("warmup_seconds", sa.Integer(), nullable=True),
        sa.Column("ladder", _DOCUMENT, nullable=False),
        sa.Column("tracking", _DOCUMENT, nullable=True),
        sa.Column("forecast", _DOCUMENT, nullable=True),
        sa.Column("alarms", _DOCUMENT, nullable=False),
        _text("stayed", 64, nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scaling_policies")),
        sa.UniqueConstraint("cluster_id", "name", name=op.f("uq_scaling_policies_cluster_id_name")),
        **_TABLE,
    )
    op.create_index(op.f(_ORDER), "scaling_policies", ["project_id", "region", "cluster_name", "name"], unique=False)
    _alarms()
    for table, columns in _INDEXES:
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns), unique=False)


def _alarms() -> None:
    op.create_table(
        "alarms",
        _text("id", 36),
        _text("project_id", 64),
        _text("region", 64),
        _text("name", 255),
        *(_instant(name) for name in ("created_at", "configured_at", "updated_at", "transitioned_at")),
        _document("watched"),
        _document("description", nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        *(_document(f"{name}_actions") for name in ("ok", "alarm", "insufficient")),
        _text("state", 64),
        _document("reason"),
        _document("reason_data", nullable=True),
        _text("metric_key", 36, nullable=True),
        _text("policy_id", 36, nullable=True),
        _document("tags"),
        _document("acts", nullable=True),
        _instant("next_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
        **_TABLE,
    )
    op.create_table(
        "alarm_history",
        _text("id", 36),
        _text("project_id", 64),
        _text("region", 64),
        _text("alarm", 255),
        _instant("at"),
        _text("kind", 64),
        _text("summary", 255),
        _document("data"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm_history")),
        **_TABLE,
    )
    op.create_table(
        "alarm_rounds",
        _text("project_id", 64),
        _text("region", 64),
        _instant("due_at", nullable=True),
        _text("owner", 64, nullable=True),
        _instant("lease_until", nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "region", name=op.f("pk_alarm_rounds")),
        **_TABLE,
    )


def downgrade() -> None:
    for table, columns in reversed(_INDEXES):
        op.drop_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table_name=table)
    for table in ("alarm_rounds", "alarm_history", "alarms"):
        op.drop_table(table)
    op.drop_index(op.f(_ORDER), table_name="scaling_policies")
    op.drop_table("scaling_policies")
    for column, _ in reversed(_ADDED):
        op.drop_column("clusters", column)
