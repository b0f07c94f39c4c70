"""Sources that read counters, one question a thing: two readings that are near enough make values. Knows no service.

Those that were asked longest ago come first, whatever they answered, and what there is no time for waits for the next
minute. Where a turn of all would take longer than readings are good for, the same ones are asked again and again: some
are measured then, and not none. What did not answer is asked last, but for one a minute: it costs as much time as many
that do.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers.errors import CloudUnavailable
from backend.drivers.metric_sources import Asked, Measure, Series, Told, Unanswered

LOG = logging.getLogger(__name__)
MOST: Final = 200
"""Things of a project that are asked for in a minute."""
_TURN: Final = 3
"""Minutes in which all have their turn; of more than are asked for in so many it is always the same ones'."""
_SECONDS: Final = 20.0
"""For all questions of a project in a minute."""
_LEAST: Final = timedelta(seconds=20)
_LONGEST: Final = timedelta(minutes=5)
_SOON: Final = timedelta(minutes=3, seconds=30)
"""After that a reading may be too old a minute later, with what a round of questions takes."""
_MOST_COUNTED: Final = 2**63

Counted = Mapping[str, int | None]
"""Counters by name; None of what is not told."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is known of a thing.

    Attributes:
        asked_at: when it was asked for last, whatever came of that.
        at: when it answered last; None: never.
        counted: counters as they stood then; None where it had none.
    """

    asked_at: datetime
    at: datetime | None = None
    counted: Counted | None = None

    @property
    def is_lost(self) -> bool:
        """Whether it did not answer the last time."""
        return self.at != self.asked_at

    def kept(self) -> list[Any]:
        found = [self.asked_at.timestamp(), None if self.counted is None else dict(self.counted)]
        return [*found, self.at and self.at.timestamp()] if self.is_lost else found

    @classmethod
    def of(cls, kept: Sequence[Any]) -> _Reading:
        asked_at, counted, at = (*kept, kept[0])[:3]
        return cls(
            datetime.fromtimestamp(asked_at, UTC), None if at is None else datetime.fromtimestamp(at, UTC), counted
        )


_NOTHING: Final = _Reading(datetime.min.replace(tzinfo=UTC))


class CounterSource(ABC):
    """See the port."""

    name: str
    free: Final = False
    minutes: Final = 1
    late: Final = 0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._crowded: set[Scope] = set()

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
        """See the port. What is asked for first tells nothing yet.

        Raises:
            Unanswered, NotAuthorized
        """
        wanted = {subject for subjects in asked.subjects.values() for subject in subjects}
        kept = {subject: _Reading.of(told) for subject, told in asked.readings.items() if subject in wanted}
        began, before = self._clock.now(), dict(kept)
        series: dict[tuple[Measure, str], Series] = {}
        ends_at = self._clock.monotonic() + _SECONDS
        lost: CloudUnavailable | None = None
        answered = False
        turns, urgent = _turns(wanted, before, began)
        for subject in turns:
            if self._clock.monotonic() >= ends_at:
                break
            try:
                counted = self.read(scope, subject)
            except CloudUnavailable as error:  # one host may not answer where others do
                lost = error
                kept[subject] = replace(before.get(subject, _NOTHING), asked_at=self._clock.now())
                continue
            answered, now = True, self._clock.now()
            kept[subject] = _Reading(now, now, counted)
            for measure, value in self._between(before.get(subject), kept[subject]).items():
                if subject in asked.subjects.get(measure, frozenset()):
                    series[measure, subject] = {asked.until - timedelta(minutes=1): value}
        readings = {subject: reading.kept() for subject, reading in kept.items()}
        if lost is not None and not answered:
            raise Unanswered(str(lost), readings) from lost
        left = sum(_is_left(kept.get(subject), began) for subject in wanted)
        self._tell(scope, len(wanted), left, urgent=urgent)
        return Told(series, readings)

    def _between(self, before: _Reading | None, now: _Reading) -> Mapping[Measure, float]:
        if before is None or before.at is None or before.counted is None or now.at is None or now.counted is None:
            return {}
        passed = now.at - before.at
        return self.values(before.counted, now.counted, passed.total_seconds()) if _LEAST <= passed <= _LONGEST else {}

    def _tell(self, scope: Scope, number: int, left: int, *, urgent: bool) -> None:
        """Once, until all have their turn again."""
        if not left:
            self._crowded.discard(scope)
        elif urgent and scope not in self._crowded:
            self._crowded.add(scope)
            words = (
                "source=%s project=%s region=%s %d are too many or too slow for a turn: always the same ones are asked"
            )
            LOG.warning(words, self.name, scope.project_id, scope.region, number)


def _turns(wanted: AbstractSet[str], kept: Mapping[str, _Reading], now: datetime) -> tuple[Sequence[str], bool]:
    """Whom to ask in a minute, in this order; and whether it is urgent with some, who so come before others."""
    soon = _SOON if len(wanted) <= _TURN * MOST else timedelta()
    urgent, others, lost = [], [], []
    for subject in sorted(wanted, key=lambda subject: (kept.get(subject, _NOTHING).asked_at, subject)):
        reading = kept.get(subject)
        if reading is not None and reading.is_lost:
            lost.append(subject)
        elif reading is not None and reading.counted is not None and soon <= now - reading.asked_at <= _LONGEST:
            urgent.append(subject)
        else:
            others.append(subject)
    return [*lost[:1], *urgent, *others, *lost[1:]][:MOST], bool(urgent)


def _is_left(reading: _Reading | None, now: datetime) -> bool:
    """Whether its turn has not come, or so long ago that nothing can be told of it."""
    return reading is None or (not reading.is_lost and now - reading.asked_at > _LONGEST)


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
