"""Loads over time that scaling policies are tried with, in per cent of one node; the same for the same seed. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

DAY: Final = 1440
"""Minutes."""
HISTORY_DAYS: Final = 14
TRIED_DAYS: Final = 2
_BUSY: Final = 400.0
_WEEKEND: Final = 0.5
_NOISE: Final = 0.05

Curve = Callable[[int], float]
"""Of a minute; counted from the begin of the first of the days that lie before those that are tried."""


def wave(minute: int) -> float:
    """A day that is busiest at two o'clock, and half as busy at the end of the week."""
    day, at = divmod(minute, DAY)
    height = 1 + 0.75 * math.sin((at / DAY * 24 - 8) / 24 * 2 * math.pi)
    return _BUSY * height * (_WEEKEND if day % 7 >= 5 else 1.0)


def _steady(_minute: int) -> float:
    return _BUSY


def _step(minute: int) -> float:
    """Three times as much from six o'clock of the first day that is tried, for eight hours; on no day before."""
    begin = HISTORY_DAYS * DAY + 6 * 60
    return _BUSY * (3.0 if begin <= minute < begin + 8 * 60 else 1.0)


def _crowd(minute: int) -> float:
    """A wave, and a crowd that comes within two minutes at ten o'clock of the first day that is tried."""
    since = minute - (HISTORY_DAYS * DAY + 10 * 60)
    return wave(minute) + (_BUSY * 3 * min(since / 2, 1.0) if 0 <= since < 30 else 0.0)


def _trend(minute: int) -> float:
    """A wave that grows by three per cent a day."""
    return wave(minute) * (1 + 0.03 * minute / DAY)


def _opening(minute: int) -> float:
    """Ten times as much on working days from nine o'clock to five."""
    day, at = divmod(minute, DAY)
    return _BUSY * (3.0 if day % 7 < 5 and 9 * 60 <= at < 17 * 60 else 0.3)


CURVES: Final[Mapping[str, Curve]] = {
    "step": _step,
    "daily wave": wave,
    "opening hours": _opening,
    "flash crowd": _crowd,
    "noise": _steady,
    "trend": _trend,
}


def made(name: str, seed: int) -> list[float]:
    """Each minute's load of a curve, some per cent of noise on it (four times as much on what is called noise)."""
    rng = Random(f"{name}:{seed}")
    spread = _NOISE * (4 if name == "noise" else 1)
    curve = CURVES[name]
    return [max(curve(minute) * (1 + rng.gauss(0, spread)), 0.0) for minute in range((HISTORY_DAYS + TRIED_DAYS) * DAY)]
