"""What goes wrong at the hooks of store and cloud: crashes, refusals, lost answers, and others acting in between."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from random import Random

from backend.drivers import errors
from backend.drivers.simulated.faults import WRITES, Call, Moment


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


class Chaos:
    """Decides at every hook, from its own chance, whether something goes wrong there.

    Attributes:
        on: nothing goes wrong while it is off.
        crash, interfere, fault: chances at one hook.
        interludes: what others may do in between: an API call, the other engine's tick, time passing.
    """

    def __init__(self, rng: Random, trace: Callable[[str], None]) -> None:
        self.rng = rng
        self.trace = trace
        self.on = False
        self.crash = 0.01
        self.interfere = 0.02
        self.fault = 0.05
        self.interludes: list[Callable[[], None]] = []
        self.actors: list[tuple[str, int]] = []

    @contextlib.contextmanager
    def inside(self, kind: str, number: int) -> Iterator[None]:
        """What runs now is this actor."""
        self.actors.append((kind, number))
        try:
            yield
        finally:
            self.actors.pop()

    def store_hook(self, point: str) -> None:
        if not self._acts():
            return
        if self.rng.random() < self.crash:
            raise Crash(f"at {point}")
        if point != "commit" and self.rng.random() < self.interfere:
            self._interlude(point)

    def cloud_hook(self, moment: Moment, call: Call) -> None:
        if not self._acts():
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
