"""Deliberate faults of an operator's brake."""

from __future__ import annotations

from contextlib import AbstractContextManager

from backend.engine import plan, reading
from backend.store import brakes
from tests.simulation.putting import put


def begins_under_a_brake() -> AbstractContextManager[None]:
    """Every phase goes on while one is on."""
    return put(plan, "UNDER_BRAKE", frozenset(plan.PHASES))


def heeds_no_brake() -> AbstractContextManager[None]:
    """No pass hears of one."""
    return put(reading.brakes, "over", lambda *_arguments: None)


def goes_on_by_older_plans() -> AbstractContextManager[None]:
    """What was planned before one was on is begun after it; and what it held is not looked at when it is off."""
    return put(brakes, "_void", lambda *_arguments: 0)
