"""Sources that read counters, one question a thing: two readings that are near enough make values. Knows no service.

Those that were asked longest ago come first, and what there is no time for waits for the next minute.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers.errors import CloudUnavailable
from backend.drivers.metric_sources import Asked, Measure, Series, Told

MOST: Final = 200
"""Things of a project that are asked for in a minute; beyond them, in turn."""
_SECONDS: Final = 20.0
"""For all questions of a project in a minute."""
_LEAST: Final = timedelta(seconds=20)
_LONGEST: Final = timedelta(minutes=5)
_MOST_COUNTED: Final = 2**63

Counted = Mapping[str, int | None]
"""Counters by name; None of what is not told."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """Counters as they stood then."""

    at: datetime
    counted: Counted

    def kept(self) -> list[Any]:
        return [self.at.timestamp(), dict(self.counted)]

    @classmethod
    def of(cls, kept: Sequence[Any]) -> _Reading:
        return cls(datetime.fromtimestamp(kept[0], UTC), kept[1])


class CounterSource(ABC):
    """See the port."""

    free: Final = False
    minutes: Final = 1
    late: Final = 0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @abstractmethod
    def read(self, scope: Scope, subject: str) -> Counted | None:
        """The counters of a thing; None where it has none now.

        Raises:
            CloudUnavailable, NotAuthorized
        """

    @abstractmethod
    def values(self, before: Counted, now: Counted, seconds: float) -> Mapping[Measure, float]:
        """What happened between two readings that are so far from each other."""

    def ask(self, scope: Scope, asked: Asked) -> Told:
        """See the port. What is asked for first tells nothing yet."""
        wanted = {subject for subjects in asked.subjects.values() for subject in subjects}
        before = {subject: _Reading.of(kept) for subject, kept in asked.readings.items() if subject in wanted}
        never = datetime.min.replace(tzinfo=UTC)
        turns = sorted(wanted, key=lambda subject: (before[subject].at if subject in before else never, subject))
        readings = dict(before)
        series: dict[tuple[Measure, str], Series] = {}
        ends_at = self._clock.monotonic() + _SECONDS
        lost: CloudUnavailable | None = None
        answered = False
        for subject in turns[:MOST]:
            if self._clock.monotonic() >= ends_at:
                break
            try:
                counted = self.read(scope, subject)
            except CloudUnavailable as error:  # one host may not answer where others do
                lost = error
                continue
            answered = True
            readings.pop(subject, None)
            if counted is not None:
                readings[subject] = now = _Reading(self._clock.now(), counted)
                for measure, value in self._between(before.get(subject), now).items():
                    if subject in asked.subjects.get(measure, frozenset()):
                        series[measure, subject] = {asked.until - timedelta(minutes=1): value}
        if lost is not None and not answered:
            raise lost
        return Told(series, {subject: reading.kept() for subject, reading in readings.items()})

    def _between(self, before: _Reading | None, now: _Reading) -> Mapping[Measure, float]:
        if before is None or not _LEAST <= now.at - before.at <= _LONGEST:
            return {}
        return self.values(before.counted, now.counted, (now.at - before.at).total_seconds())


def counter(value: object) -> int | None:
    """A counter as it may be believed."""
    number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_COUNTED
    return value if number and isinstance(value, int) else None


def summed(parts: Sequence[Mapping[str, Any]], name: str) -> int | None:
    """Of all parts; None where there are none, or one of them does not tell."""
    found = [counter(part.get(name)) for part in parts]
    return None if None in found or not found else sum(value for value in found if value is not None)


def added(before: Counted, now: Counted, name: str) -> int | None:
    """What a counter went up by; None where it is not told, or began anew."""
    one, other = before.get(name), now.get(name)
    return other - one if one is not None and other is not None and other >= one else None
