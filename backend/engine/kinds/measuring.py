"""Measuring: what the database knows, whichever engine wrote it, told to whoever keeps numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from backend.engine.context import Context
from backend.engine.kinds.kind import AnyKind, Round
from backend.store import watches
from backend.store.leased import Kinds


def measuring(kinds: Sequence[AnyKind]) -> Round:
    """Which projects refuse, what is spared in them, and how long the oldest work of each kind has been due."""
    asked = Kinds({kind.name: kind.leased for kind in kinds})

    def measure(context: Context) -> timedelta:
        with context.store.read() as conn:
            context.measures.spared(watches.spared(conn))
            context.measures.refusing(watches.refusing(conn))
            oldest = asked.oldest(conn)
        now = context.now()
        for name, due_at in oldest.items():
            lag = timedelta(0) if due_at is None else now - due_at
            context.measures.lag(name, max(lag.total_seconds(), 0.0))
        return context.settings.measure

    return Round("measuring", measure)
