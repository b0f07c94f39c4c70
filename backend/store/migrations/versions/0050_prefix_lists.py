"""Prefix lists and their entries."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}
_LISTS, _ENTRIES = "prefix_lists", "prefix_list_entries"


def _scope() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        _LISTS,
        *_scope(),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("family", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("max_entries", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.String(length=1000), nullable=True),
        sa.Column("twin", sa.String(length=64), nullable=False),
        sa.Column("token", sa.String(length=36), nullable=True),
        sa.Column("cloud_id", sa.String(length=36), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{_LISTS}")),
        **_TABLE,
    )
    op.create_index(op.f(f"ix_{_LISTS}_due_at"), _LISTS, ["due_at"], unique=False)
    op.create_index(op.f(f"ix_{_LISTS}_project_id_region"), _LISTS, ["project_id", "region"], unique=False)
    op.create_table(
        _ENTRIES,
        *_scope(),
        sa.Column("list_id", sa.String(length=36), nullable=False),
        sa.Column("cidr", sa.String(length=64), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=True),
        sa.Column("added_in", sa.Integer(), nullable=False),
        sa.Column("removed_in", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{_ENTRIES}")),
        sa.UniqueConstraint("list_id", "cidr", "added_in", name=op.f(f"uq_{_ENTRIES}_list_id_cidr_added_in")),
        **_TABLE,
    )
    op.create_index(
        op.f(f"ix_{_ENTRIES}_project_id_region_list_id"), _ENTRIES, ["project_id", "region", "list_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f(f"ix_{_ENTRIES}_project_id_region_list_id"), table_name=_ENTRIES)
    op.drop_table(_ENTRIES)
    op.drop_index(op.f(f"ix_{_LISTS}_project_id_region"), table_name=_LISTS)
    op.drop_index(op.f(f"ix_{_LISTS}_due_at"), table_name=_LISTS)
    op.drop_table(_LISTS)
