"""Metrics: the name of a series, what is measured of it, and what a period of it says. Values and sums.

Source: CloudWatch User Guide, "CloudWatch concepts"; Amazon CloudWatch API Reference, MetricDatum.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from backend.domain import distributions
from backend.domain.distributions import Spread
from backend.errors import Finding

MINUTE: Final = 60
FIVE_MINUTES: Final = 300
HOUR: Final = 3600

NO_UNIT: Final = "None"
"""What a datum without a unit is of."""
UNITS: Final = (
    *("Seconds", "Microseconds", "Milliseconds"),
    *(f"{size}{what}" for what in ("Bytes", "Bits") for size in ("", "Kilo", "Mega", "Giga", "Tera")),
    *("Percent", "Count"),
    *(f"{size}{what}/Second" for what in ("Bytes", "Bits") for size in ("", "Kilo", "Mega", "Giga", "Tera")),
    *("Count/Second", NO_UNIT),
)
LISTED: Final = timedelta(days=14)
"""Metrics without data for so long are not listed, and not found."""
STATISTICS: Final = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MetricLimits:
    """What a project may have in a region.

    Attributes:
        series: metrics, each of its units counted by itself.
        dashboards: as many as there may be.
    """

    series: int = 100_000
    dashboards: int = 1000


@dataclass(eq=False)
class PackingBehind(Finding):
    """So much old data wait to be packed that no more are taken for now."""


@dataclass(frozen=True, slots=True)
class Metric:
    """The name of a series.

    Attributes:
        dimensions: (name, value) in the order of the names; other dimensions are another metric.
    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()


def metric(namespace: str, name: str, dimensions: Iterable[tuple[str, str]] | Mapping[str, str] = ()) -> Metric:
    """The metric of that name, in whatever order its dimensions come."""
    pairs = dimensions.items() if isinstance(dimensions, Mapping) else dimensions
    return Metric(namespace, name, tuple(sorted(pairs)))


@dataclass(frozen=True, slots=True)
class Datapoint:
    """One period of one series, or of some.

    Attributes:
        at: start of the period.
        samples, total, least, most: number, sum, least and largest of its samples.
        spread: value -> samples; None where that is not known, or where all samples are the same.
        unit: None where those of several are merged.
    """

    at: datetime
    samples: float
    total: float
    least: float
    most: float
    spread: Spread | None = None
    unit: str | None = None

    def value(self, statistic: str) -> float | None:
        """A statistic by its name (Average, Sum, Minimum, Maximum, SampleCount, p99, tm90, PR(1:5), ...).

        Returns:
            None where the samples do not tell it: percentiles of statistic sets and of negative values, and what is
            too large for a number.
        """
        found = self._simple(statistic) if statistic in _SIMPLE else self._of_spread(statistic)
        return found if found is not None and math.isfinite(found) else None

    def _of_spread(self, statistic: str) -> float | None:
        wanted, spread = distributions.statistic(statistic), self.spread_known
        if wanted is None or spread is None:
            return None
        found = distributions.asked(spread, wanted)
        # A value that stands for some others is within one per cent of them, and may be beyond all of them.
        return min(max(found, self.least), self.most) if found is not None and wanted.kind == "p" else found

    def _simple(self, statistic: str) -> float | None:
        if statistic == "Average":
            return self.total / self.samples if self.samples else None
        return float(getattr(self, _SIMPLE[statistic]))

    @property
    def spread_known(self) -> Spread | None:
        if self.spread is not None:
            return self.spread
        return {self.least: self.samples} if self.least == self.most else None


_SIMPLE: Final[Mapping[str, str]] = {
    "Average": "",
    "SampleCount": "samples",
    "Sum": "total",
    "Minimum": "least",
    "Maximum": "most",
}


def by_spread(statistic: str) -> bool:
    """Whether it asks how samples are spread: a percentile, and what is trimmed at one."""
    return statistic not in _SIMPLE


def is_statistic(text: str) -> bool:
    """Whether ``Datapoint.value`` knows it."""
    return text in _SIMPLE or distributions.statistic(text) is not None


@dataclass(frozen=True, slots=True)
class Datum:
    """What was measured of a metric in a moment, or in a minute.

    Attributes:
        fine: kept by the second at first, not by the minute.
    """

    metric: Metric
    at: datetime
    samples: float
    total: float
    least: float
    most: float
    spread: Spread | None = None
    unit: str = NO_UNIT
    fine: bool = False

    @property
    def slot(self) -> datetime:
        """The second or the minute that it is counted in."""
        return floored(self.at, 1 if self.fine else MINUTE)


def measured(  # noqa: PLR0917 - what a measurement is
    of: Metric,
    at: datetime,
    values: Sequence[float],
    counts: Sequence[float] = (),
    unit: str = NO_UNIT,
    fine: bool = False,
) -> Datum:
    """A datum of some values, at least one of them with samples.

    Args:
        counts: how many samples each value stands for; empty: one.
    """
    spread: dict[float, float] = {}
    for value, count in zip(values, counts or (1.0,) * len(values), strict=True):
        if count > 0:
            spread[value] = spread.get(value, 0.0) + count
    total = sum(value * count for value, count in spread.items())
    several = distributions.merged(spread, {}) if len(spread) > 1 else None
    return Datum(of, at, sum(spread.values()), total, min(spread), max(spread), several, unit, fine)


def merged(one: Datapoint, other: Datapoint) -> Datapoint:
    """Both periods in one that starts with the first."""
    same = one.least == one.most == other.least == other.most
    mine, others = one.spread_known, other.spread_known
    return Datapoint(
        one.at,
        one.samples + other.samples,
        one.total + other.total,
        min(one.least, other.least),
        max(one.most, other.most),
        None if same or mine is None or others is None else distributions.merged(mine, others),
        one.unit if one.unit == other.unit else None,
    )


def floored(at: datetime, period_seconds: int) -> datetime:
    """The start of the period that an instant is in; periods are counted from 1970 on."""
    seconds = (at - _EPOCH) // timedelta(seconds=1)
    return _EPOCH + timedelta(seconds=seconds - seconds % period_seconds)


def by_period(points: Iterable[Datapoint], period_seconds: int, since: datetime | None = None) -> list[Datapoint]:
    """Points of any order in periods of that length, ascending.

    Args:
        since: where a period starts; None: 1970. Nothing before it is told.
    """
    length = timedelta(seconds=period_seconds)
    start = since or _EPOCH
    found: dict[datetime, Datapoint | _Period] = {}
    for point in points:
        if since is not None and point.at < since:
            continue
        past = (point.at - start) % length
        at = point.at - past if past else point.at
        known = found.get(at)
        if known is None:
            found[at] = replace(point, at=at) if past else point
            continue
        if isinstance(known, Datapoint):
            found[at] = known = _Period(known)
        known.add(point)
    return [each if isinstance(each := found[at], Datapoint) else each.point() for at in sorted(found)]


class _Period:
    """Many points of one period, put together one after the other; ``merged`` would copy their spread each time."""

    def __init__(self, first: Datapoint) -> None:
        self._first = first
        self._samples, self._total, self._least, self._most = first.samples, first.total, first.least, first.most
        self._unit = first.unit
        known = first.spread_known
        self._spread = None if known is None else dict(known)
        self._most_values = _MANY

    def add(self, point: Datapoint) -> None:
        self._samples += point.samples
        self._total += point.total
        self._least, self._most = min(self._least, point.least), max(self._most, point.most)
        self._unit = self._unit if self._unit == point.unit else None
        other, spread = point.spread_known, self._spread
        if spread is None or other is None:
            self._spread = None
            return
        for value, count in other.items():
            spread[value] = spread.get(value, 0.0) + count
        if len(spread) > self._most_values:
            self._spread = distributions.rounded(spread)
            self._most_values = max(_MANY, 2 * len(self._spread))

    def point(self) -> Datapoint:
        same = self._least == self._most
        spread = None if same or self._spread is None else distributions.merged(self._spread, {})
        told = (self._samples, self._total, self._least, self._most, spread, self._unit)
        return Datapoint(self._first.at, *told)


_MANY: Final = 10 * distributions.EXACT
"""Different values of a period that are put together before they are told as fewer."""
