"""Lifecycle hooks: who is asked before nodes go on, and what nodes wait for."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}
_ADDED = (("clusters", "retain_abandoned"), ("clusters", "hooked"))


def _id(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length=36), nullable=False)


def _word(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length=64), nullable=nullable)


def _instant(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def upgrade() -> None:
    for table, column in _ADDED:
        op.add_column(table, sa.Column(column, sa.Boolean(), nullable=True))
    op.create_table(
        "lifecycle_hooks",
        _id("id"),
        _word("project_id"),
        _word("region"),
        _id("cluster_id"),
        sa.Column("name", sa.String(length=255), nullable=False),
        _word("transition"),
        sa.Column("heartbeat_seconds", sa.Integer(), nullable=False),
        _word("default_result"),
        sa.Column("target", sa.String(length=1600), nullable=True),
        sa.Column("role", sa.String(length=1600), nullable=True),
        sa.Column("metadata", sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb"), nullable=True),
        _instant("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_hooks")),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name=op.f("fk_lifecycle_hooks_cluster_id")),
        sa.UniqueConstraint("cluster_id", "name", name=op.f("uq_lifecycle_hooks_cluster_id_name")),
        **_TABLE,
    )
    op.create_table(
        "lifecycle_actions",
        _id("id"),
        _word("project_id"),
        _word("region"),
        _id("cluster_id"),
        _id("node_id"),
        sa.Column("hook", sa.String(length=255), nullable=False),
        _word("transition"),
        _instant("begun_at"),
        sa.Column("heartbeat_seconds", sa.Integer(), nullable=False),
        _instant("heartbeat_until"),
        _instant("until"),
        _word("default_result"),
        _word("result", nullable=True),
        _word("decided", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_actions")),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name=op.f("fk_lifecycle_actions_cluster_id")),
        sa.UniqueConstraint("node_id", "transition", "hook", name=op.f("uq_lifecycle_actions_node_id_transition_hook")),
        **_TABLE,
    )
    op.create_index(op.f("ix_lifecycle_actions_cluster_id"), "lifecycle_actions", ["cluster_id"], unique=False)


def downgrade() -> None:
    op.drop_table("lifecycle_actions")
    op.drop_table("lifecycle_hooks")
    for table, column in reversed(_ADDED):
        op.drop_column(table, column)
