"""Cloud calls that take their time: each reaches the cloud some while after it was made, and is answered later still.

Answers come in any order, some of them after the lease of whoever waits is over. What an engine that died had under
way may still reach the cloud.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from backend.clock import Clock
from backend.engine.lanes import Call
from backend.engine.membership import Standing
from backend.store.leased import Lease


@dataclass
class Open:
    """A call under way.

    Attributes:
        asks_at, answers_at: when it reaches the cloud, and when its answer is here.
        queued: until then it waits for its turn here, and is on its way no sooner.
        held: its turn had come, and whoever asks did not hold what it is for at that moment.
        answer: what the cloud said, None before that.
        asked: it reached the cloud, whatever came of it.
    """

    call: Call
    future: Future[Any]
    asks_at: datetime
    answers_at: datetime
    queued: bool = False
    held: bool = False
    answer: tuple[Any] | None = None
    asked: bool = False

    @property
    def due_at(self) -> datetime:
        return self.asks_at if self.answer is None else self.answers_at

    def hasten(self, at: datetime) -> None:
        self.asks_at = self.answers_at = at

    def ask(self) -> None:
        self.asked = True  # also where the engine dies in it: it does not reach the cloud once more
        self.answer = (self.call.ask(),)


def lease_of(call: Call) -> Lease | None:
    """What a call is made for, where that is held."""
    term = call.term.lease if isinstance(call.term, Standing) else call.term
    return term if isinstance(term, Lease) else None


@dataclass
class Told:
    """Who is told of calls.

    Attributes:
        submitted: of all that one job asks for together.
        begun: of each that waited for its turn here, when that comes.
    """

    submitted: list[Callable[[Sequence[Call]], None]] = field(default_factory=list)
    begun: list[Callable[[Call], None]] = field(default_factory=list)


class OpenCalls:
    """Runs calls at times drawn from ``delays``, in seconds; all at once where these are all zero."""

    def __init__(self, clock: Clock, rng: Random, delays: Sequence[float], told: Told | None = None) -> None:
        self._clock = clock
        self._rng = rng
        self._told = told or Told()
        self.delays = delays
        self.open: list[Open] = []

    def submit(self, calls: Sequence[Call]) -> Sequence[Future[Any]]:
        for tell in self._told.submitted:
            tell(calls)
        made = [self._made(call) for call in calls]
        self.open += made
        self.proceed()
        return [each.future for each in made]

    def _made(self, call: Call) -> Open:
        asks_at = self._clock.now() + self._drawn()
        return Open(call, Future(), asks_at, asks_at + self._drawn(), queued=self._rng.random() < 0.5)

    def _drawn(self) -> timedelta:
        return timedelta(seconds=self._rng.choice(self.delays))

    def proceed(self) -> None:
        """Ask and answer what is due, in any order."""
        while due := [each for each in self.open if each.due_at <= self._clock.now()]:
            each = self._rng.choice(due)
            term = each.call.term
            if each.queued and term is not None and term.over:
                self._hold(each, lost=term.lost)
            elif each.answer is None:
                self._begin(each)
                each.ask()
            else:
                self.open.remove(each)
                each.future.set_result(each.answer[0])

    def _begin(self, each: Open) -> None:
        if each.queued:
            for tell in self._told.begun:
                tell(each.call)
        each.queued = False

    def _hold(self, each: Open, *, lost: bool) -> None:
        """What it is for is held no more, or not at this moment: nothing is begun."""
        if lost:
            self.open.remove(each)
            each.future.cancel()
        else:
            each.asks_at, each.held = self._clock.now() + timedelta(seconds=1), True

    def retry(self) -> None:
        """What was held may be begun by now: whoever asks has been heard of again."""
        held = [each for each in self.open if each.held]
        for each in held:
            each.asks_at, each.held = self._clock.now(), False
        if held:
            self.proceed()

    def next_at(self) -> datetime | None:
        return min((each.due_at for each in self.open), default=None)

    def abandon(self) -> list[Open]:
        """Whoever waited is dead; those calls that may still reach the cloud."""
        left, self.open = self.open, []
        return [each for each in left if not each.asked and not each.queued and self._rng.random() < 0.5]

    def wait(self, seconds: float) -> None:
        """Time is let pass by the run alone."""

    def close(self) -> None:
        self.open.clear()
