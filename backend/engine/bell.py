"""What an engine sleeps by: it wakes after a time, or sooner when somebody rings. Knows nobody who might."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import Protocol

from backend.clock import Clock


class Sleep(Protocol):
    """How an engine lies down, and who wakes it."""

    def ring(self) -> None: ...

    def wait(self, seconds: float) -> bool: ...


class Undisturbed:
    """Sleeps by a clock alone: nobody rings. For tests, whose clock is moved by hand."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def ring(self) -> None:
        """Nobody is woken."""

    def wait(self, seconds: float) -> bool:
        self._clock.wait(seconds)
        return False


class Bell:
    """Rung by threads whose work is done, by whoever hears that there is work, and by who wants the engine to stop.

    A ring while nobody sleeps is heard by who lies down next. It takes no lock that a handler of a signal could meet.
    """

    def __init__(self) -> None:
        self._rings: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        if self._rings.empty():  # one is as good as many
            self._rings.put(None)

    def wait(self, seconds: float) -> bool:
        """Sleep for so long at most; whether it rang."""
        try:
            self._rings.get(timeout=max(seconds, 0.0))
        except Empty:
            return False
        return True
