"""Alembic's entry: runs revisions on the connection that backend.store.migrate hands over."""

from __future__ import annotations

from alembic import context

from backend.store import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
