"""What goes wrong at the hooks of store and cloud: crashes, refusals, lost answers, and others acting in between."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random

from backend.clock import Clock
from backend.drivers import errors
from backend.drivers.simulated.faults import WRITES, Call, Moment
from tests.simulation.failing_store import away


class Crash(BaseException):
    """The process dies here: no handler of it runs on."""


REFUSALS = (
    lambda: errors.NoCapacity("No valid host was found."),
    lambda: errors.QuotaExceeded("instances", 1, 0, "Quota exceeded"),
    lambda: errors.NoAddresses("No more IP addresses"),
    lambda: errors.ImageNotFound("image"),
    lambda: errors.NotAuthorized("delegation expired"),
    lambda: errors.Refused("the cloud said no"),
)


_UNTOUCHED = frozenset({"quotas"})
"""Looks whose failure is a trial of its own (``heeds_its_quota``): elsewhere what they meet, the next call meets too."""


class Chaos:
    """Decides at every hook, from its own chance, whether something goes wrong there.

    Attributes:
        on: nothing goes wrong while it is off.
        crash, interfere, fault: chances at one hook.
        interludes: what others may do in between: an API call, the other engine's tick, time passing.
        actors: who is at work, the innermost last.
        store: chance that the database fails at a hook of the store; until when it is away after that.
        store_failures: how often it failed.
        on_commit: are told of every commit of a write, before anything may go wrong after it.
        listeners: are told of every moment of the store's, by name.
    """

    def __init__(self, rng: Random, trace: Callable[[str], None], clock: Clock) -> None:
        self.rng = rng
        self.trace = trace
        self.clock = clock
        self.store = 0.0
        self.store_failures = 0
        self._away_until: datetime | None = None
        self.on = False
        self.crash = 0.01
        self.interfere = 0.02
        self.fault = 0.05
        self.interludes: list[Callable[[], None]] = []
        self.actors: list[tuple[str, int]] = []
        self.on_commit: list[Callable[[], None]] = []
        self.listeners: list[Callable[[str], None]] = []

    @contextlib.contextmanager
    def inside(self, kind: str, number: int) -> Iterator[None]:
        """What runs now is this actor."""
        self.actors.append((kind, number))
        try:
            yield
        finally:
            self.actors.pop()

    def store_hook(self, point: str) -> None:
        if point == "committed":
            was_on, self.on = self.on, False  # whoever is told reads undisturbed
            try:
                for told in self.on_commit:
                    told()
            finally:
                self.on = was_on
        for listener in tuple(self.listeners):
            listener(point)
        if not self._acts():
            return
        self._fail_store(point)
        if point == "read":
            return
        if self.rng.random() < self.crash:
            raise Crash(f"at {point}")
        if point != "commit" and self.rng.random() < self.interfere:
            self._interlude(point)

    def _fail_store(self, point: str) -> None:
        """The database may go away here, for a moment or for longer; a commit may have been done all the same."""
        now = self.clock.now()
        is_away = point in {"begin", "read"} and self._away_until is not None and now < self._away_until
        if not is_away and self.rng.random() >= self.store * (0.1 if point == "read" else 1.0):
            return
        if not is_away:
            self._away_until = now + timedelta(seconds=self.rng.choice((0.0, 0.0, 2.0, 20.0, 90.0)))
        self.store_failures += 1
        self.trace(f"the database is away: {point}")
        raise away()

    def cloud_hook(self, moment: Moment, call: Call) -> None:
        if not self._acts() or call.name in _UNTOUCHED:
            return
        if self.rng.random() < self.crash:
            raise Crash(f"{moment} {call.name}")
        if self.rng.random() < self.interfere:
            self._interlude(f"{moment} {call.name}")
        if self.rng.random() < self.fault:
            self._fail(moment, call)

    def _acts(self) -> bool:
        return self.on and bool(self.actors)

    def _fail(self, moment: Moment, call: Call) -> None:
        if moment is Moment.AFTER:
            if call.name in WRITES:
                self.trace(f"answer to {call.name} is lost")
                raise errors.OutcomeUnknown(f"no answer to {call.name}")
            return
        choice = self.rng.random()
        if choice > 0.9 and call.name != "create":
            self.trace(f"{call.name} is not allowed")
            raise errors.NotAuthorized("delegation expired")
        if choice < 0.4 or call.name not in WRITES:
            self.trace(f"{call.name} cannot be asked")
            raise errors.CloudUnavailable("connection refused")
        if choice < 0.7 or call.name != "create":
            self.trace(f"request of {call.name} is lost")
            raise errors.OutcomeUnknown(f"no answer to {call.name}")
        error = self.rng.choice(REFUSALS)()
        self.trace(f"{call.name} is refused: {type(error).__name__}")
        raise error

    def _interlude(self, where: str) -> None:
        if len(self.actors) > 2 or not self.interludes:
            return
        self.trace(f"-- meanwhile ({where})")
        self.rng.choice(self.interludes)()
        self.trace("-- and on")
