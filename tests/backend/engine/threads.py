"""Threads of a lane whose work ends when its virtual time has come."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from backend.clock import Clock


class Threads(Executor):
    """Those of one region: each call takes that long, and is answered with ``instead`` where that is given."""

    def __init__(self, clock: Clock, seconds: float, instead: Any = None) -> None:
        self.clock = clock
        self.seconds = seconds
        self.instead = instead
        self.begun: list[tuple[float, Future[Any], Callable[[], Any]]] = []

    def submit(self, ask, /, *_arguments, **_named):
        future: Future[Any] = Future()
        self.begun.append((self.clock.monotonic() + self.seconds, future, ask))
        return future

    def move(self) -> None:
        """End what is due by now."""
        due = [one for one in self.begun if one[0] <= self.clock.monotonic()]
        self.begun = [one for one in self.begun if one not in due]
        for _, future, ask in due:
            answer = self.instead or ask()[0]
            future.set_result((answer, self.seconds))
