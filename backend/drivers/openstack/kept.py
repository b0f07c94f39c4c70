"""What the cloud told a while ago, by project: for what hardly ever changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from backend.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Values with an age. Asking twice at once asks the cloud twice: nobody waits for another's question.

    Args:
        ask: the value of a key, from the cloud; what it raises is not kept.
        most: how many are kept; the oldest goes first.
    """

    def __init__(self, clock: Clock, ask: Callable[[K], V], most: int = 10_000) -> None:
        self._clock = clock
        self._ask = ask
        self._most = most
        self._values: dict[K, tuple[datetime, V]] = {}
        self._lock = threading.Lock()

    def get(self, key: K, age: timedelta) -> V:
        """The value, no older than ``age``."""
        now = self._clock.now()
        with self._lock:
            known = self._values.get(key)
        if known is not None and now - known[0] < age:
            return known[1]
        value = self._ask(key)
        with self._lock:
            self._values.pop(key, None)
            while len(self._values) >= self._most:
                del self._values[next(iter(self._values))]
            self._values[key] = (now, value)
        return value

    def knows(self, key: K) -> bool:
        """Whether there is a value, however old."""
        with self._lock:
            return key in self._values

    def drop(self, key: K) -> None:
        """Ask anew at the next call."""
        with self._lock:
            self._values.pop(key, None)
