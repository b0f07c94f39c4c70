"""Which installation a database is, every node that it claimed, and what belongs to no node, of every kind."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_ID = sa.String(length=36)
_WORD = sa.String(length=64)
_OPTIONS: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}


def upgrade() -> None:
    made = op.create_table(
        "installations",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", _ID, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_installations"),
        **_OPTIONS,
    )
    op.bulk_insert(made, [{"number": 1, "id": str(uuid4())}])
    op.create_table(
        "claimed_nodes",
        sa.Column("node_id", _ID, nullable=False),
        sa.Column("launch_id", _ID, nullable=False),
        sa.Column("claimed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("node_id", name="pk_claimed_nodes"),
        **_OPTIONS,
    )
    op.create_index("ix_claimed_nodes_launch_id", "claimed_nodes", ["launch_id"])
    op.create_index("ix_claimed_nodes_claimed_at", "claimed_nodes", ["claimed_at"])
    op.execute("INSERT INTO claimed_nodes (node_id, launch_id, claimed_at) SELECT id, launch_id, created_at FROM nodes")
    op.create_table(
        "unowned",
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("id", _ID, nullable=False),
        sa.Column("pool_id", _ID, nullable=False),
        sa.Column("project_id", _WORD, nullable=False),
        sa.Column("region", _WORD, nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "id", "pool_id", name="pk_unowned"),
        **_OPTIONS,
    )
    op.create_index("ix_unowned_project_id_region", "unowned", ["project_id", "region"])
    op.add_column("watches", sa.Column("strangers", sa.Integer(), nullable=True))
    op.add_column("watches", sa.Column("held_orphans", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("watches", "held_orphans")
    op.drop_column("watches", "strangers")
    op.drop_table("unowned")
    op.drop_table("claimed_nodes")
    op.drop_table("installations")
