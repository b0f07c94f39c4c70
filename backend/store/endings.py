"""What the listener told of identities that ended, read by each process for itself: at most once a second."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from backend.clock import Clock
from backend.domain.events import Event, Subject
from backend.store import events
from backend.store.away import AWAY
from backend.store.session import Store

_EVERY_SECONDS: Final = 1.0
_MOST: Final = 1000
_OVERLAP_SECONDS: Final = 10.0
"""A number may be committed after one that is higher: what was read so shortly before is read again."""


class Endings:
    """A reader, from the moment of its first question on. Safe to use from many threads; nobody waits for another."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._missed = False
        self._low: int | None = None
        self._told: dict[int, float] = {}

    def __call__(self) -> Sequence[Event]:
        """What nobody was told yet; nothing while the database cannot be asked: then it comes later."""
        if not self._lock.acquire(blocking=False):
            return ()
        try:
            now = self._clock.monotonic()
            if self._asked_at is not None and now < self._asked_at + _EVERY_SECONDS:
                return ()
            self._asked_at = now
            return self._read(now)
        except AWAY:
            self._missed = self._missed or self._low is None
            return ()
        finally:
            self._lock.release()

    def _read(self, now: float) -> Sequence[Event]:
        with self._store.read() as conn:
            if self._low is None:
                self._low = events.last_ended(conn)
                # From where to read is known only now: what was told since the first question is not.
                return (Event(Subject.EVERYBODY),) if self._missed else ()
            found = events.ended_after(conn, self._low, _MOST)
        new = [event for number, event in found if number not in self._told]
        self._told.update((number, now) for number, _ in found if number not in self._told)
        settled = [number for number, at in self._told.items() if now - at >= _OVERLAP_SECONDS]
        if settled:
            self._low = max(self._low, *settled)
            self._told = {number: at for number, at in self._told.items() if number > self._low}
        return new
