"""The only reader of time: everything else is handed a Clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final, Protocol

_UNRESTING: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux's monotonic clock stands still while a machine is suspended, and others take its engine for dead meanwhile."""


class Clock(Protocol):
    """Where the present comes from; a test passes one that it moves by hand."""

    def now(self) -> datetime:
        """The present as an aware UTC instant."""

    def wait(self, seconds: float) -> None:
        """Let that much time pass."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary origin, never going back, and going on while the machine sleeps: for durations."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def monotonic(self) -> float:
        return time.clock_gettime(_UNRESTING)
