"""Indexes for what was found by reading whole tables: the journal by name, old client tokens, refused watches."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_activities_name",
        "activities",
        ["project_id", "region", "cluster_name", "ended", "started_at", "id"],
    )
    op.create_index("ix_client_tokens_created_at", "client_tokens", ["created_at"])
    op.create_index("ix_watches_refused_since", "watches", ["refused_since"])


def downgrade() -> None:
    op.drop_index("ix_watches_refused_since", "watches")
    op.drop_index("ix_client_tokens_created_at", "client_tokens")
    op.drop_index("ix_activities_name", "activities")
