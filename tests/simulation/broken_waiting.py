"""Deliberate faults of acts that wait for a busy cloud."""

from __future__ import annotations

from contextlib import AbstractContextManager

from backend.store import power_wishes
from tests.simulation.putting import put


def forgets_what_was_taken_on() -> AbstractContextManager[None]:
    """What a busy cloud refused is told as begun, and stands nowhere."""
    return put(power_wishes, "ask", lambda *_: None)
