"""Retention: what is older than it is kept for is deleted, a bounded part at a time."""

from __future__ import annotations

from datetime import timedelta

from backend.engine.context import Context
from backend.engine.kinds.kind import Round
from backend.store import claimed, garbage, sessions


def _collect(context: Context) -> timedelta:
    settings, now = context.settings, context.now()
    dropped = (
        context.store.transact(
            lambda conn: garbage.drop_activities(conn, now - settings.activity_retention, settings.garbage_rows)
        ),
        context.store.transact(
            lambda conn: claimed.drop(conn, now - settings.activity_retention, settings.garbage_rows)
        ),
        context.store.transact(
            lambda conn: garbage.drop_tokens(conn, now - settings.token_retention, settings.garbage_rows)
        ),
        context.store.transact(
            lambda conn: sessions.drop(conn, now - settings.session_retention, settings.garbage_rows)
        ),
    )
    return timedelta(0) if max(dropped) == settings.garbage_rows else settings.garbage


ROUND = Round("retention", _collect)
