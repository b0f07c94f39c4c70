"""How values are spread, and what is asked of that: percentiles and what is trimmed at them. Sums and counts alone.

A spread is value -> how many samples had it. It is exact while there are few different values; beyond that values
stand for all within one per cent of them, so that two of them add up in any order; and where there are more than some
hundreds even of those, for all within two, four, ... per cent, so that its size is bounded whatever is measured.

Source: CloudWatch User Guide, "CloudWatch statistics definitions".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

Spread = Mapping[float, float]

EXACT: Final = 150
"""Different values that are kept as they are: as many as one datum may have."""
MOST: Final = 1000
"""Different values that a spread has at most: at one per cent, from a millisecond to four days."""
_GROWTH: Final = math.log(1.02)
_LEAST: Final = 2.0**-360
"""What is nearer to nothing is nothing."""

_NUMBER: Final = r"[0-9]{1,15}(?:\.[0-9]{1,10})?"
_SHORT: Final = re.compile(rf"(p|tm|tc|ts|wm)({_NUMBER})", re.IGNORECASE)
_RANGE: Final = re.compile(rf"(TM|TC|TS|WM|PR)\((-?{_NUMBER}%?)?:(-?{_NUMBER}%?)?\)", re.IGNORECASE)


def merged(one: Spread, other: Spread) -> Spread:
    """Both together."""
    found = dict(one)
    for value, count in other.items():
        found[value] = found.get(value, 0.0) + count
    return found if len(found) <= EXACT else rounded(found)


def rounded(spread: Spread) -> dict[float, float]:
    """With one value for all that are within one per cent of it, or as many as are needed; again it changes nothing."""
    found: dict[float, float] = {}
    for value, count in spread.items():
        near = _near(value)
        found[near] = found.get(near, 0.0) + count
    width = 1
    while len(found) > MOST:
        width *= 2
        found = _widened(found, width)
    return found


def _near(value: float) -> float:
    return math.copysign(value_of(bucket_of(abs(value))), value)


def _widened(spread: Spread, width: int) -> dict[float, float]:
    """With the value of the bucket in the middle of so many for all of them; wider ones are made of whole others."""
    found: dict[float, float] = {}
    for value, count in spread.items():
        bucket = bucket_of(abs(value))
        if bucket != NOTHING:
            bucket = -(-bucket // width) * width - width // 2
        near = math.copysign(value_of(bucket), value)
        found[near] = found.get(near, 0.0) + count
    return found


NOTHING: Final = -32_768
"""The bucket of 0."""


def bucket_of(value: float) -> int:
    """The number of what a value that is not negative is told as; it has 16 bits, for all that may be measured."""
    if value < _LEAST:
        return NOTHING
    return math.ceil(round(math.log(value) / _GROWTH, 6))


def value_of(bucket: int) -> float:
    """The value in the middle of a bucket."""
    return 0.0 if bucket == NOTHING else math.exp((bucket - 0.5) * _GROWTH)


@dataclass(frozen=True, slots=True)
class Statistic:
    """A statistic of a spread.

    Attributes:
        kind: p, tm (mean of what is not trimmed), tc (count), ts (sum), wm (mean with what is beyond moved to the
            edges), pr (per cent of the samples that are within).
        low, high: the edges, None where there is none.
        percent: edges are percentiles, not values.
    """

    kind: str
    low: float | None
    high: float | None
    percent: bool


@lru_cache(maxsize=1024)
def statistic(text: str) -> Statistic | None:
    """What a text such as ``p99.9``, ``tm90``, ``TM(5%:95%)``, ``PR(100:)`` or ``IQM`` asks for; None: nothing."""
    if text.upper() == "IQM":
        return Statistic("tm", 25.0, 75.0, percent=True)
    if found := _SHORT.fullmatch(text):
        edge = float(found[2])
        return Statistic(found[1].lower(), None, edge, percent=True) if edge <= 100 else None
    found = _RANGE.fullmatch(text)
    if found is None or (found[2] is None and found[3] is None):
        return None
    edges = [each for each in (found[2], found[3]) if each is not None]
    percent = edges[0].endswith("%")
    if any(each.endswith("%") is not percent for each in edges):
        return None
    low, high = (None if each is None else float(each.rstrip("%")) for each in (found[2], found[3]))
    kind = found[1].lower()
    if (percent and (kind == "pr" or not _is_share(low, high))) or (
        low is not None and high is not None and low > high
    ):
        return None
    if min(low or 0.0, high or 0.0) < 0:  # there are none of negative values
        return None
    return Statistic(kind, low, high, percent)


def _is_share(*edges: float | None) -> bool:
    return all(edge is None or 0 <= edge <= 100 for edge in edges)


def asked(spread: Spread, wanted: Statistic) -> float | None:
    """The statistic of a spread; None where there is none: of nothing, and of negative values."""
    values = sorted((value, count) for value, count in spread.items() if count > 0)
    if not values or values[0][0] < 0:
        return None
    return _KINDS[wanted.kind](values, wanted)


Values = Sequence[tuple[float, float]]


def _percentile(values: Values, percent: float) -> float:
    """The least value that so many per cent of the samples do not exceed."""
    rank, seen = percent / 100 * sum(count for _, count in values), 0.0
    for value, count in values:
        seen += count
        if seen >= rank - 1e-9:
            return value
    return values[-1][0]


def _within(values: Values, wanted: Statistic) -> list[tuple[float, float]]:
    """What is not trimmed; of the samples at a percentile only as many as belong to it."""
    if not wanted.percent:
        low = -math.inf if wanted.low is None else wanted.low
        high = math.inf if wanted.high is None else wanted.high
        return [(value, count) for value, count in values if low < value <= high]
    total = sum(count for _, count in values)
    low, high = (wanted.low or 0.0) / 100 * total, (100.0 if wanted.high is None else wanted.high) / 100 * total
    left, seen = [], 0.0
    for value, count in values:
        share = min(seen + count, high) - max(seen, low)
        seen += count
        if share > 0:
            left.append((value, share))
    return left


def _trimmed_mean(values: Values, wanted: Statistic) -> float | None:
    left = _within(values, wanted)
    return sum(value * count for value, count in left) / sum(count for _, count in left) if left else None


def _winsorized(values: Values, wanted: Statistic) -> float:
    low, high = wanted.low, wanted.high
    if wanted.percent:
        low = None if low is None else _percentile(values, low)
        high = None if high is None else _percentile(values, high)
    total = sum(count for _, count in values)
    return (
        sum(max(min(value, math.inf if high is None else high), low or 0.0) * count for value, count in values) / total
    )


def _share(values: Values, wanted: Statistic) -> float:
    low, high = wanted.low or 0.0, math.inf if wanted.high is None else wanted.high
    return 100 * sum(count for value, count in values if low <= value <= high) / sum(count for _, count in values)


_KINDS: Final[Mapping[str, Callable[[Values, Statistic], float | None]]] = {
    "p": lambda values, wanted: _percentile(values, wanted.high or 0.0),
    "tm": _trimmed_mean,
    "tc": lambda values, wanted: sum(count for _, count in _within(values, wanted)),
    "ts": lambda values, wanted: sum(value * count for value, count in _within(values, wanted)),
    "wm": _winsorized,
    "pr": _share,
}
