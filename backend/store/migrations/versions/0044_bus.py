"""Events of the cloud: when a project was told of, who listens, whose rights ended; hosts that are drained."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}


def upgrade() -> None:
    op.add_column("watches", sa.Column("told_at", sa.BigInteger(), nullable=True))
    op.add_column("nodes", sa.Column("drained_from", sa.String(length=255), nullable=True))
    op.add_column("receivers", sa.Column("drains", sa.Boolean(), nullable=True))
    op.create_table(
        "event_listeners",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_event_listeners")),
        **_TABLE,
    )
    op.create_table(
        "ended_identities",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("identity", sa.String(length=64), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ended_identities")),
        **_TABLE,
    )
    op.create_index(op.f("ix_ended_identities_ended_at"), "ended_identities", ["ended_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_ended_identities_ended_at"), table_name="ended_identities")
    op.drop_table("ended_identities")
    op.drop_table("event_listeners")
    op.drop_column("receivers", "drains")
    op.drop_column("nodes", "drained_from")
    op.drop_column("watches", "told_at")
