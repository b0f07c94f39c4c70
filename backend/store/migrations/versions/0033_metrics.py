"""Metrics: series, their points, what is packed of them; dashboards."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}
_LEASED = ("metric_packings", "metric_sources")
_PACKED = ("metric_minutes", "metric_fives", "metric_hours")
_LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    _series()
    _points()
    for name in _LEASED:
        op.create_table(
            name,
            sa.Column("project_id", sa.String(length=64), nullable=False),
            sa.Column("region", sa.String(length=64), nullable=False),
            sa.Column("due_at", sa.BigInteger(), nullable=True),
            sa.Column("owner", sa.String(length=64), nullable=True),
            sa.Column("lease_until", sa.BigInteger(), nullable=True),
            sa.Column("epoch", sa.Integer(), nullable=False),
            sa.PrimaryKeyConstraint("project_id", "region", name=op.f(f"pk_{name}")),
            **_TABLE,
        )
        op.create_index(op.f(f"ix_{name}_due_at"), name, ["due_at"], unique=False)
    op.add_column("metric_sources", sa.Column("measured_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "dashboards",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("body", _LONG, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("tags", _LONG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dashboards")),
        sa.UniqueConstraint("project_id", "region", "name", name=op.f("uq_dashboards_project_id_region_name")),
        **_TABLE,
    )


def _series() -> None:
    op.create_table(
        "metric_series",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("metric_id", sa.String(length=22), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("namespace", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("dimensions", _LONG, nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("fine", sa.Boolean(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("pack_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric_series")),
        **_TABLE,
    )
    op.create_index(op.f("ix_metric_series_metric_id"), "metric_series", ["metric_id"], unique=False)
    op.create_index(
        "ix_metric_series_name",
        "metric_series",
        ["project_id", "region", "namespace", "name", "metric_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_metric_series_project_id_region_pack_at"),
        "metric_series",
        ["project_id", "region", "pack_at"],
        unique=False,
    )
    op.create_index(op.f("ix_metric_series_last_at"), "metric_series", ["last_at"], unique=False)


def _points() -> None:
    op.create_table(
        "metric_points",
        sa.Column("series_id", sa.String(length=22), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("samples", sa.Double(), nullable=False),
        sa.Column("total", sa.Double(), nullable=False),
        sa.Column("least", sa.Double(), nullable=False),
        sa.Column("most", sa.Double(), nullable=False),
        sa.Column("spread", _LONG, nullable=True),
        sa.PrimaryKeyConstraint("series_id", "at", name=op.f("pk_metric_points")),
        **_TABLE,
    )
    for name in _PACKED:
        op.create_table(
            name,
            sa.Column("series_id", sa.String(length=22), nullable=False),
            sa.Column("at", sa.BigInteger(), nullable=False),
            sa.Column("points", sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb"), nullable=False),
            sa.PrimaryKeyConstraint("series_id", "at", name=op.f(f"pk_{name}")),
            **_TABLE,
        )
        op.create_index(op.f(f"ix_{name}_at"), name, ["at"], unique=False)


def downgrade() -> None:
    op.drop_table("dashboards")
    for name in reversed(_LEASED):
        op.drop_index(op.f(f"ix_{name}_due_at"), table_name=name)
        op.drop_table(name)
    for name in reversed(_PACKED):
        op.drop_index(op.f(f"ix_{name}_at"), table_name=name)
        op.drop_table(name)
    op.drop_table("metric_points")
    for index in ("last_at", "project_id_region_pack_at", "name", "metric_id"):
        op.drop_index(f"ix_metric_series_{index}", table_name="metric_series")
    op.drop_table("metric_series")
