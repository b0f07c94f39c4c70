"""Forecasts of an hourly load from its own past: level times the season of a day or a week, by exponential smoothing.

Pure, and of the standard library: on the loads that it was tried with, it was as near as libraries of some hundred
megabytes are, and nearer after a change of level (Holt-Winters, multiplicative, with constants that stay).

All hours are counted in UTC. Where people change their clocks, the shape of their day moves by an hour against it, and
is learnt anew within days, as any other change of habits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

_HOUR: Final = timedelta(hours=1)
DAY: Final = 24
WEEK: Final = 7 * DAY
LEAST: Final = DAY
"""Hours with data that a forecast needs. Source: Auto Scaling User Guide, "Predictive scaling", its limitations."""
REACH: Final = 14 * DAY
"""Hours of the past that it looks at. Source: the same."""
AHEAD: Final = 2 * DAY
"""Hours that it tells. Source: the same."""

_LEVEL: Final = 0.05
_SEASON: Final = 0.35
"""How far an hour moves the level, and its place in the season. Chosen by synthetic loads; see tests/."""
_STRAY: Final = 2.0
"""An hour that is so many times as much as that of any other day, or as little, is not of the load's shape..."""
_STRAY_HOURS: Final = 6
"""...where no more than so many follow each other: what lasts is a new level, not a stray."""
_GREATEST: Final = 1e300
"""An hour with more has no forecast: what is made of so large numbers may be beyond all of them."""
_TRIALS: Final = (AHEAD, 2 * AHEAD)
"""How far back forecasts begin that are held against what came."""

Series = Sequence[float | None]
"""Hours in turn; None where nothing was measured."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How far from what came forecasts would have been, each hour's error as a share of the mean load.

    Attributes:
        error: of the forecast. None, as with those below, where there is too little to tell.
        last_day, last_week: of who expects what was measured at that hour of the last day, or week, that is known.
    """

    error: float | None = None
    last_day: float | None = None
    last_week: float | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """A load to come.

    Attributes:
        begin: the start of the first hour.
        values: one for each hour from then on, none below zero.
        season: hours after which its shape begins again.
    """

    begin: datetime
    values: tuple[float, ...]
    season: int
    accuracy: Accuracy


def forecast(history: Mapping[datetime, float], begin: datetime, hours: int = AHEAD) -> Forecast | None:
    """The load of so many hours from ``begin`` on; None where fewer than LEAST hours of the past are known.

    None, too, where one of them is beyond what can be reckoned with.

    Args:
        history: loads by the start of their hour; hours may be missing, and those from ``begin`` on are not looked at.
        begin: the start of an hour.
    """
    past = _past(history, begin)
    known = [value for value in past if value is not None]
    if len(known) < LEAST or not max(known) <= _GREATEST:
        return None
    seasons = [season for season in (DAY, WEEK) if season == DAY or len(past) > WEEK]
    season = min(seasons, key=lambda each: (_or_worst(_error(past, _by(each))), -each))
    values = _ahead(past, season, hours)
    accuracy = Accuracy(_error(past, _by(season)), _error(past, _before(DAY)), _error(past, _before(WEEK)))
    return Forecast(begin, tuple(values), season, accuracy)


def _past(history: Mapping[datetime, float], begin: datetime) -> list[float | None]:
    """The hours before ``begin`` from the first that is known on, at most REACH."""
    every = [history.get(begin - _HOUR * back) for back in range(REACH, 0, -1)]
    first = next((at for at, value in enumerate(every) if value is not None), len(every))
    return [None if value is None else max(value, 0.0) for value in every[first:]]


def _or_worst(error: float | None) -> float:
    return float("inf") if error is None else error


_Forecaster = Callable[[Series, int], Sequence[float | None]]
"""(hours known, hours wanted) -> the hours that follow."""


def _by(season: int) -> _Forecaster:
    return lambda past, hours: _ahead(past, season, hours)


def _before(back: int) -> _Forecaster:
    """Who expects the same as so many hours before, or a multiple of them where that is not over yet."""

    def expected(past: Series, hours: int) -> list[float | None]:
        return [past[at] if (at := len(past) + ahead % back - back) >= 0 else None for ahead in range(hours)]

    return expected


def _error(past: Series, forecaster: _Forecaster) -> float | None:
    """The mean error of trials that began in the past, as a share of the mean load; None where none could be made."""
    missed, load = 0.0, 0.0
    for back in _TRIALS:
        known, came = past[:-back], past[-back:][:AHEAD]
        if sum(value is not None for value in known) < LEAST:
            continue
        for told, value in zip(forecaster(known, len(came)), came, strict=True):
            if told is not None and value is not None:
                missed += abs(told - value)
                load += value
    return missed / load if load else None


def _ahead(past: Series, season: int, hours: int) -> list[float]:
    """The hours that follow."""
    cleaned = without_strays(past)
    shape = _first_shape(cleaned, season)
    # Level is a quotient of two sums that fade, so that hours of no load at all do not speak of it.
    load = sum(value for value in cleaned[:season] if value is not None)
    share = sum(shape[at % season] for at, value in enumerate(cleaned[:season]) if value is not None)
    for at, value in enumerate(cleaned):
        if value is None:
            continue
        place = at % season
        load += _LEVEL * (value * season - load)
        share += _LEVEL * (shape[place] * season - share)
        if load > 0 and share > 0:
            shape[place] += _SEASON * (value * share / load - shape[place])
    level = load / share if share > 0 else 0.0
    return [max(level * shape[(len(cleaned) + ahead) % season], 0.0) for ahead in range(hours)]


def _first_shape(past: Series, season: int) -> list[float]:
    """What of the level each hour of the season has, by its first time; what is missing there is as on other days."""
    first = [value for value in past[:season] if value is not None]
    level = sum(first) / len(first) if first else 0.0
    if level <= 0:
        return [1.0] * season
    shape = []
    for place in range(season):
        known = [value for value in past[place::season] if value is not None]
        alike = known[:1] or [value for value in past[place % DAY :: DAY] if value is not None]
        shape.append(sum(alike) / len(alike) / level if alike else 1.0)
    return shape


def without_strays(past: Series) -> list[float | None]:
    """The past without what happened once, at that hour of no other day: it is taken for the most, or least, of these.

    A flash crowd and an outage come again at no hour that they could be expected at. What is the same for longer than
    some hours is left as it is: then the load is another one.
    """
    cleaned: list[float | None] = list(past)
    for sign in (1, -1):
        run: list[tuple[int, float]] = []
        for at in range(len(past) + 1):
            usual = _usual(past, at, sign) if at < len(past) else None
            if usual is not None:
                run.append((at, usual))
                continue
            if len(run) <= _STRAY_HOURS:
                for place, value in run:
                    cleaned[place] = value
            run = []
    return cleaned


def _usual(past: Series, at: int, sign: int) -> float | None:
    """What other days have at that hour at the most (at the least, of a negative sign); None where it is no stray."""
    value = past[at]
    others = [past[each] for each in range(at % DAY, len(past), DAY) if each != at]
    known = [each for each in others if each is not None]
    if value is None or len(known) < 2:
        return None
    usual = max(known) if sign > 0 else min(known)
    stray = value > usual * _STRAY if sign > 0 else value < usual / _STRAY
    return usual if stray and median(known) > 0 else None
