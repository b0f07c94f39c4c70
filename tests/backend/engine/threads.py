"""Threads of a lane whose work ends when its virtual time has come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import Any

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers.errors import CloudUnavailable
from backend.engine.lanes import Call, Lanes


class Threads(Executor):
    """Those of one region: each call takes that long, and is answered with ``instead`` where that is given."""

    def __init__(self, clock: Clock, seconds: float, instead: Any = None) -> None:
        self.clock = clock
        self.seconds = seconds
        self.instead = instead
        self.begun: list[tuple[float, Future[Any], Callable[[], Any]]] = []

    def submit(self, ask, /, *_arguments, **_named):
        future: Future[Any] = Future()
        hangs = isinstance(ask.args[0], Hung)
        self.begun.append((self.clock.monotonic() + (180.0 if hangs else self.seconds), future, ask))
        return future

    def move(self) -> None:
        """End what is due by now."""
        due = [one for one in self.begun if one[0] <= self.clock.monotonic()]
        self.begun = [one for one in self.begun if one not in due]
        for _, future, ask in due:
            answer = self.instead or ask()[0]
            future.set_result((answer, 180.0 if isinstance(ask.args[0], Hung) else self.seconds))


@dataclass(frozen=True)
class Hung:
    """What is asked of a cloud that does not answer: after three minutes that is known."""

    call: Call

    def __call__(self) -> Any:
        return self.call.unasked(CloudUnavailable("no answer"))


class HangingLanes(Lanes):
    """Lanes over a cloud that does not answer where it is said."""

    def __init__(self, *arguments: Any, hangs: Callable[[Scope], bool], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.hangs = hangs

    def submit(self, calls: Sequence[Call]) -> Sequence[Future[Any]]:
        return super().submit([replace(each, ask=Hung(each)) if self.hangs(each.scope) else each for each in calls])
