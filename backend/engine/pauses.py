"""Pauses of what the cloud holds up, for all kinds of work: each as long again as it has lasted, within bounds.

Nothing is counted for it, so whoever asks for work sooner, as each write of a project does, has it done sooner and
makes no later pause longer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from backend.drivers import errors
from backend.engine.settings import EngineSettings
from backend.store.leased import Lease

_MOST: Final = 1000
_UNREACHED: Final = (errors.CloudUnavailable, errors.OutcomeUnknown)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of pauses: the first is ``least``, none is longer than ``most``."""

    least: timedelta
    most: timedelta

    def lasting(self, lasted: timedelta) -> timedelta:
        """The pause of what is held up for so long."""
        return min(max(lasted, self.least), self.most)


def bounds_of(settings: EngineSettings, error: errors.CloudError) -> Bounds:
    """Bounds of the pauses after what the cloud said: who does not answer may be back soon, who refuses seldom is."""
    if isinstance(error, _UNREACHED):
        return Bounds(settings.cloud_retry, settings.refused_retry)
    if isinstance(error, errors.Busy):
        return Bounds(settings.cloud_retry, settings.held_longest)
    return Bounds(settings.refused_retry, settings.held_longest)


@dataclass(slots=True)
class _Held:
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class HeldUp:
    """What this engine finds held up, by its lease, and since when.

    It is kept in memory: an engine that takes over begins with short pauses, which costs the cloud a few looks.
    """

    _known: dict[tuple[str, ...], _Held] = field(default_factory=dict)

    def pause(self, lease: Lease, bounds: Bounds, now: datetime) -> timedelta:
        """The pause before the next look at what is held up."""
        key = _key(lease)
        held = self._known.get(key)
        if held is None or _forgotten(held, bounds, now):
            self._make_room(bounds, now)
            held = self._known[key] = _Held(now, now)
        pause = bounds.lasting(now - held.since)
        held.until = now + pause
        return pause

    def over(self, lease: Lease) -> None:
        """It goes on, or is gone."""
        self._known.pop(_key(lease), None)

    def _make_room(self, bounds: Bounds, now: datetime) -> None:
        if len(self._known) < _MOST:
            return
        for key in [key for key, held in self._known.items() if _forgotten(held, bounds, now)]:
            del self._known[key]


def _forgotten(held: _Held, bounds: Bounds, now: datetime) -> bool:
    """Whether another engine has had it since: this one would have looked again."""
    return now - held.until > bounds.most


def _key(lease: Lease) -> tuple[str, ...]:
    return type(lease).__name__, *lease.key
