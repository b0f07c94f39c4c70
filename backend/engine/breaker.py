"""Who is asked no more for a while: a project, or a whole region, whose calls run out of time one after the other.

Calls that hang hold threads for minutes, and whoever waits behind them waits as long. Pure but for the clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto

from backend.clock import Clock


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """When nobody is asked any more.

    Attributes:
        failures: so many calls in a row without an answer.
        slow: a call that failed sooner did not hang: a refused connection takes nobody's time.
        pause: between two calls that are let through all the same, to see whether it answers again.
    """

    failures: int = 4
    slow: timedelta = timedelta(seconds=4)
    pause: timedelta = timedelta(seconds=15)


class Leave(Enum):
    """Whether a call may be made."""

    YES = auto()
    PROBE = auto()
    NO = auto()


class Turn(Enum):
    """What a call's end changed."""

    SHUT = "does not answer: it is asked only now and then"
    OPENED = "answers again"


@dataclass(slots=True)
class _Line:
    """One project of a region, or the region itself, where ``project`` is None.

    Attributes:
        of: projects whose calls failed in this row.
        probe_at: when one call is let through; None while all are.
        probing: that call is under way.
    """

    failures: int = 0
    of: set[str] = field(default_factory=set)
    probe_at: float | None = None
    probing: bool = False


class Breaker:
    """That of one region. A region counts as hanging only when calls of two projects hang: one may be its own fault."""

    def __init__(self, rule: BreakerRule, clock: Clock) -> None:
        self._rule = rule
        self._clock = clock
        self._region = _Line()
        self._projects: dict[str, _Line] = {}
        self._answered_at: float | None = None

    def leave(self, project: str) -> Leave:
        """Whether a call of that project may be made now; what was begun is told at its end (``record``, ``forgo``)."""
        now = self._clock.monotonic()
        shut = [line for line in self._lines(project) if line.probe_at is not None]
        if not shut:
            return Leave.YES
        if any(line.probing or self._probe_at(line, project) > now for line in shut):
            return Leave.NO
        for line in shut:
            line.probing = True
        return Leave.PROBE

    def _probe_at(self, line: _Line, project: str) -> float:
        """Who hung in this row asks for the region only where nobody else does: it may hang for a reason of its own."""
        yields = line is self._region and project in line.of
        return (line.probe_at or 0.0) + (self._rule.pause.total_seconds() if yields else 0.0)

    def record(self, project: str, leave: Leave, *, failed: bool, seconds: float) -> Turn | None:
        """A call has ended so; what that changed."""
        if not failed:
            was_shut = any(line.probe_at is not None for line in self._lines(project))
            self._region = _Line()
            self._answered_at = self._clock.monotonic()
            self._projects.pop(project, None)
            return Turn.OPENED if was_shut else None
        slow = seconds >= self._rule.slow.total_seconds()
        lines = (self._region, self._projects.setdefault(project, _Line()))
        # A region that answered anybody while this one hung does not hang.
        alone = self._answered_at is not None and self._answered_at > self._clock.monotonic() - seconds
        shut = [self._failed(line, project, leave, slow and not (alone and line is self._region)) for line in lines]
        return Turn.SHUT if any(shut) else None

    def forgo(self, project: str, leave: Leave) -> None:
        """A call has ended without the cloud being asked, which says nothing of it: another may go in its place."""
        if leave is Leave.PROBE:
            for line in self._lines(project):
                line.probing = False

    def _failed(self, line: _Line, project: str, leave: Leave, slow: bool) -> bool:
        again = self._clock.monotonic() + self._rule.pause.total_seconds()
        if leave is Leave.PROBE and line.probing:
            line.probing, line.probe_at = False, again
        if not slow:
            return False
        line.failures += 1
        line.of.add(project)
        enough = line.failures >= self._rule.failures and (line is not self._region or len(line.of) > 1)
        if not enough or line.probe_at is not None:
            return False
        line.probe_at = again
        return True

    def _lines(self, project: str) -> list[_Line]:
        own = self._projects.get(project)
        return [self._region] if own is None else [self._region, own]
