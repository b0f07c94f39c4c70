"""The only reader of time: everything else is handed a Clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the present comes from; a test passes one that it moves by hand."""

    def now(self) -> datetime:
        """The present as an aware UTC instant."""

    def wait(self, seconds: float) -> None:
        """Let that much time pass."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary origin, never going back: for durations in logs and metrics."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def monotonic(self) -> float:
        return time.monotonic()
