"""Clocks of a run: true time, which passes only when someone lets it, and those of machines that are off by some."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from backend.clock import Clock

START = datetime(2026, 1, 1, tzinfo=UTC)


class VirtualClock:
    """Time that passes only when someone lets it."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return (self.at - START).total_seconds()


class MachineClock:
    """The clock of one machine: off by ``offset``, which whoever sets clocks may change in one step."""

    def __init__(self, true: Clock) -> None:
        self._true = true
        self.offset = timedelta(0)

    def now(self) -> datetime:
        return self._true.now() + self.offset

    def wait(self, seconds: float) -> None:
        self._true.wait(seconds)

    def monotonic(self) -> float:
        return self._true.monotonic()
