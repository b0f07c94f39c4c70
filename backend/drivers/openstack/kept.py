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
        self._asking: dict[K, object] = {}
        self._lock = threading.Lock()

    def get(self, key: K, age: timedelta) -> V:
        """The value, no older than ``age``."""
        now = self._clock.now()
        with self._lock:
            known = self._values.get(key)
            if known is not None and now - known[0] < age:
                return known[1]
            question = self._asking[key] = object()
        try:
            value = self._ask(key)
        except BaseException:
            with self._lock:
                self._is_last(key, question)
            raise
        with self._lock:
            if self._is_last(key, question):
                self._values.pop(key, None)
                while len(self._values) >= self._most:
                    del self._values[next(iter(self._values))]
                self._values[key] = (now, value)
        return value

    def _is_last(self, key: K, question: object) -> bool:
        """Whether nobody asked later, and nothing was dropped since; what was asked before a drop may be old."""
        last = self._asking.get(key) is question
        if last:
            del self._asking[key]
        return last

    def knows(self, key: K) -> bool:
        """Whether there is a value, however old."""
        with self._lock:
            return key in self._values

    def drop_all(self, is_old: Callable[[K, V], bool]) -> None:
        """Ask anew for each of which that is true; the answers to all questions under way are not kept."""
        with self._lock:
            self._asking.clear()
            self._values = {key: kept for key, kept in self._values.items() if not is_old(key, kept[1])}

    def drop(self, key: K) -> None:
        """Ask anew at the next call; the answers to questions under way are not kept."""
        with self._lock:
            self._asking.pop(key, None)
            self._values.pop(key, None)
