"""Which state an alarm is in by what was measured, and why: M out of N periods, some of which may have no data. Pure.

Source: CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data", whose tables it follows; texts
and data as conformance/recorded alarm_evaluation has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from backend.domain.alarms import AlarmState, Comparison, Missing, Watched

T = TypeVar("T")
_PERCENTILE: Final = re.compile(r"p(\d+(?:\.\d+)?)")
_HALF: Final = 0.5
_TREATED: Final = {Missing.BREACHING: "Breaching", Missing.NOT_BREACHING: "NonBreaching"}


@dataclass(frozen=True, slots=True)
class Point:
    """What a period says. ``samples``: None of an expression."""

    value: float
    samples: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state and why, which is told where it is asked for: most alarms stay as they are, and nobody asks."""

    state: AlarmState
    _told: _Told
    _used: Sequence[datetime]
    _treated: int

    @property
    def reason(self) -> str:
        return self._told.reason(self.state, self._used, self._treated)

    @property
    def data(self) -> str:
        """A JSON text."""
        return self._told.data(self.state, self._used)


def decide(
    watched: Watched, slots: Sequence[datetime], points: Mapping[datetime, Point], now: datetime
) -> Verdict | None:
    """The state by these points; None where the alarm keeps the one that it has.

    Args:
        slots: starts of the periods in reach, the newest first.
        points: by the start of their period; of those without data there is none.
    """
    there = [slot for slot in slots if slot in points]
    if _too_few_samples(watched, [points[slot] for slot in there[: watched.periods]]):
        return None
    breaching = [slot for slot in there if watched.comparison.breaches(points[slot].value, watched.threshold)]
    state, used, treated = _judged(watched, slots, there, breaching)
    if state is None:
        return None
    return Verdict(state, _Told(watched, slots, points, now), used, treated)


_Judged = tuple[AlarmState | None, Sequence[datetime], int]
"""The state, the periods that say so, and how many without data did, too."""


def _judged(
    watched: Watched, slots: Sequence[datetime], there: Sequence[datetime], breaching: Sequence[datetime]
) -> _Judged:
    needed, number, treatment = watched.enough, watched.periods, watched.treatment
    if len(there) >= number:
        newest, crossing = there[:number], set(breaching)
        bad = [slot for slot in newest if slot in crossing]
        if len(bad) >= needed:
            return AlarmState.ALARM, bad, 0
        return AlarmState.OK, [slot for slot in newest if slot not in crossing], 0
    if len(breaching) >= needed:
        return AlarmState.ALARM, breaching, 0
    crossing = set(breaching)
    missing, good = number - len(there), [slot for slot in there if slot not in crossing]
    if not there:
        return _without_data(treatment, number)
    if treatment is Missing.BREACHING and len(breaching) + missing >= needed:
        return AlarmState.ALARM, breaching, missing
    if good or treatment is Missing.NOT_BREACHING:
        return AlarmState.OK, good, missing if treatment in _TREATED else 0
    if treatment is Missing.MISSING and slots.index(breaching[-1]) + 1 >= needed:
        return AlarmState.ALARM, breaching, 0
    return None, (), 0


def _without_data(treatment: Missing, number: int) -> _Judged:
    match treatment:
        case Missing.IGNORE:
            return None, (), 0
        case Missing.BREACHING:
            return AlarmState.ALARM, (), number
        case Missing.NOT_BREACHING:
            return AlarmState.OK, (), number
        case _:
            return AlarmState.INSUFFICIENT_DATA, (), 0


def _too_few_samples(watched: Watched, points: Sequence[Point]) -> bool:
    """Whether a percentile has too few samples to mean something. Source: "Percentile-based alarms and low data"."""
    if not watched.ignores_low_samples or watched.stat is None or not points:
        return False
    found = _PERCENTILE.fullmatch(watched.stat.statistic)
    share = float(found[1]) / 100 if found else 0.0
    if not 0 < share < 1:
        return False
    least = 10 / (1 - share) if share >= _HALF else 10 / share
    return any(point.samples is not None and point.samples < least - 1e-9 for point in points)


_ABOVE: Final = {
    Comparison.ABOVE: "greater than",
    Comparison.ABOVE_OR_ON: "greater than or equal to",
    Comparison.BELOW: "less than",
    Comparison.BELOW_OR_ON: "less than or equal to",
}


_SHOWN: Final = 5
"""Where so many points say so, the reason tells the newest of them in a sentence of their own. Source: messages that
users showed (30 and 24 datapoints, guardian/alarms-handler; 5, of 2020 and of 2025)."""
_MOST_DATA: Final = 4000
"""Characters. Source: the model, StateReasonData."""
_MOST_RECENT: Final = 2000
"""Of those, the recent points' at most."""


class _Told:
    """Why a state is so, in words and as data."""

    def __init__(
        self, watched: Watched, slots: Sequence[datetime], points: Mapping[datetime, Point], now: datetime
    ) -> None:
        self._watched, self._slots, self._points, self._now = watched, slots, points, now

    def reason(self, state: AlarmState, used: Sequence[datetime], treated: int) -> str:
        number = self._watched.periods
        if state is AlarmState.INSUFFICIENT_DATA:
            unknown = "datapoint was" if number == 1 else "datapoints were"
            return f"Insufficient Data: {number} {unknown} unknown."
        kind = _TREATED.get(self._watched.treatment, "")
        missing = f"{treated} missing {'datapoint was' if treated == 1 else 'datapoints were'} treated as [{kind}]"
        if not used:
            periods = "period" if number == 1 else "periods"
            return f"Threshold Crossed: no datapoints were received for {number} {periods} and {missing}."
        shown = ", ".join(f"{float(self._points[slot].value)} ({slot:%d/%m/%y %H:%M:%S})" for slot in used[:_SHOWN])
        alarm = state is AlarmState.ALARM
        verb = ("was" if len(used) == 1 else "were") + ("" if alarm else " not")
        least = self._watched.enough if alarm else number - self._watched.enough + 1
        way = "OK -> ALARM" if alarm else "ALARM -> OK"
        many = len(used) >= _SHOWN
        crossed = "crossed" if alarm else "did not cross"  # the latter is unsourced
        newest = f". The most recent datapoints which {crossed} the threshold: [{shown}]" if many else ""
        return (
            f"Threshold Crossed: {len(used)} out of the last {number} datapoints{'' if many else f' [{shown}]'} {verb}"
            f" {_ABOVE[self._watched.comparison]} the threshold ({float(self._watched.threshold)})"
            f"{f' and {missing}' if treated else ''}{newest}"
            f" (minimum {least} {'datapoint' if least == 1 else 'datapoints'} for {way} transition)."
        )

    def data(self, state: AlarmState, used: Sequence[datetime]) -> str:
        there = [slot for slot in self._slots if slot in self._points]
        newest = self._slots.index(there[0]) if there else 0
        recent = [self._points.get(slot) for slot in reversed(self._slots[newest : self._oldest(there) + 1])]
        stat = self._watched.stat
        number, missing = self._watched.periods, [slot for slot in self._slots if slot not in self._points]
        fewer = state is AlarmState.ALARM and len(there) < number
        shown = sorted([*used, *missing[: number - len(used)]], reverse=True) if fewer or not used else used
        told: dict[str, Any] = {
            "version": "1.0",
            "queryDate": _instant(self._now),
            **({"startDate": _instant(there[-1])} if there else {}),
            **({"unit": stat.unit} if stat is not None and stat.unit is not None else {}),
            **({"statistic": stat.statistic} if stat is not None else {}),
            "period": self._watched.period,
            "recentDatapoints": _newest([None if point is None else point.value for point in recent] if there else []),
            "threshold": self._watched.threshold,
        }
        left = _MOST_DATA - len(_json({**told, "evaluatedDatapoints": []}))
        return _json({**told, "evaluatedDatapoints": _as_fits((self._evaluated(slot) for slot in shown), left)})

    def _oldest(self, there: Sequence[datetime]) -> int:
        """Of the points that are told: as many as are judged, and no gap before the first of them."""
        return self._slots.index(there[: self._watched.periods][-1]) if there else -1

    def _evaluated(self, slot: datetime) -> dict[str, Any]:
        point = self._points.get(slot)
        told: dict[str, Any] = {"timestamp": _instant(slot)}
        if point is not None:
            if point.samples is not None:
                told["sampleCount"] = point.samples
            told["value"] = point.value
        return told


def _newest(values: Sequence[float | None]) -> list[float | None]:
    """As many as there is room for, of values of which the last is the newest."""
    return _as_fits(reversed(values), _MOST_RECENT)[::-1]


def _as_fits(told: Iterable[T], room: int) -> list[T]:
    """The first of these, as many as there is room for."""
    found: list[T] = []
    for each in told:
        room -= len(_json(each)) + 1
        if room < 0:
            break
        found.append(each)
    return found


def _json(told: Any) -> str:
    return json.dumps(told, separators=(",", ":"))


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"
