"""Rules of the event bus and their targets."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}


def _document(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb"), nullable=nullable)


def _place() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
    )


def upgrade() -> None:
    op.create_table(
        "rules",
        *_place(),
        sa.Column("name", sa.String(length=64), nullable=False),
        _document("pattern", nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _document("description"),
        sa.Column("role", sa.String(length=1600), nullable=True),
        _document("tags", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules")),
        **_TABLE,
    )
    op.create_index(
        op.f("ix_rules_project_id_region_enabled"), "rules", ["project_id", "region", "enabled"], unique=False
    )
    op.create_table(
        "rule_targets",
        *_place(),
        sa.Column("rule_id", sa.String(length=36), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("arn", sa.String(length=1600), nullable=False),
        sa.Column("role", sa.String(length=1600), nullable=True),
        _document("input"),
        _document("input_path"),
        _document("paths"),
        _document("template"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_targets")),
        **_TABLE,
    )
    op.create_index(op.f("ix_rule_targets_rule_id"), "rule_targets", ["rule_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_rule_targets_rule_id"), table_name="rule_targets")
    op.drop_table("rule_targets")
    op.drop_index(op.f("ix_rules_project_id_region_enabled"), table_name="rules")
    op.drop_table("rules")
