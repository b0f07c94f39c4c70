"""Deliberate faults of engines among each other: of whose turn it is, who is dead, and what is still held."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from backend.engine import membership
from backend.engine.membership import Membership
from backend.store import engines
from backend.store.leased import Leased, Share
from tests.simulation.putting import put

Broken = AbstractContextManager[Any]


def makes_a_filter_of_its_share() -> Broken:
    """What comes first to another engine is never this one's."""

    def words(self: Any, now: Any) -> dict[str, Any]:
        return {"share_low": self.low, "share_high": self.high, "overdue": now - timedelta(days=1)}

    return put(Share, "words", words)


def believes_the_coordinator() -> Broken:
    """Whom a coordinator misses is dead, though the database has just heard of it."""
    return put(membership, "_HUSH", 0.0)


def goes_on_unheard_of() -> Broken:
    """An engine begins what it likes, however long nobody has heard of it."""
    return put(Membership, "lapsed", property(lambda _self: False))


def is_sure_at_once() -> Broken:
    """Who is heard of again after long believes that all it held is still its own."""
    return put(Membership, "_doubt", lambda *_arguments: None)


def buries_nobody() -> Broken:
    """What a dead engine held is left to the end of each lease."""
    return put(Membership, "_take_over", lambda *_arguments: None)


def forgets_whom_it_has_just_heard() -> Broken:
    """Who is heard of while it is being taken for dead is dead all the same."""

    def forget_unseen(conn: Any, name: str, before: Any) -> bool:
        engines.forget(conn, name)
        return True

    return put(engines, "forget_unseen", forget_unseen)


def gives_back_epochs_too() -> Broken:
    """Who claims what was given back has the epoch of who held it: the late writes of that one are good."""
    kept = Leased.abandon

    def abandon(self: Any, conn: Any, owner: str, *given: Any, **told: Any) -> Any:
        c = self._table.c
        conn.execute(update(self._table).where(c.owner == owner).values(epoch=c.epoch - 1))
        return kept(self, conn, owner, *given, **told)

    return put(Leased, "abandon", abandon)
