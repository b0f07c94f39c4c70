"""Points of a series packed into bytes, and read out of them again. Knows no table.

Columns stand one after the other (pauses in seconds, samples, sums, least, largest), for equal ones compress to
nothing; after them, of points whose samples differ, how they are spread: exactly where there are few values and that is
wanted, else within one per cent. Of negative values nobody is told how they are spread, so that is not kept.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import accumulate, pairwise
from typing import Any, Final

from backend.domain.distributions import bucket_of, value_of
from backend.domain.metrics import Datapoint
from backend.domain.steps import Steps
from backend.store.types import from_micros, to_micros

_VERSION: Final = b"\x01"
_FEW: Final = 8
_LEVEL: Final = 1
_SECOND: Final = 1_000_000


def pack(start: datetime, points: Sequence[Datapoint], *, exact: bool = False) -> bytes:
    """Points, ascending by whole seconds and none before ``start``, in the bytes that ``unpack`` reads.

    Args:
        exact: a few different values of a point stay as they are.
    """
    seconds = array("I", (_seconds(before, at) for before, at in pairwise([start, *(point.at for point in points)])))
    columns = [array("d", [getattr(point, name) for point in points]) for name in ("samples", "total", "least", "most")]
    parts = [struct.pack("<I", len(points)), seconds.tobytes(), *(column.tobytes() for column in columns)]
    for number, point in enumerate(points):
        if point.spread is not None and point.least >= 0:
            parts += _spread(number, point.spread, exact=exact and len(point.spread) <= _FEW)
    return _VERSION + zlib.compress(b"".join(parts), _LEVEL)


def _seconds(before: datetime, at: datetime) -> int:
    return (to_micros(at) - to_micros(before)) // _SECOND


def _spread(number: int, spread: Mapping[float, float], *, exact: bool) -> list[bytes]:
    """Which point, how many values, whether exactly; values, and their counts."""
    if exact:
        values = array("d", sorted(spread))
        return [struct.pack("<IIB", number, len(values), 1), values.tobytes(), _counts(spread, values)]
    buckets: dict[int, float] = {}
    for value, count in spread.items():
        bucket = bucket_of(value)
        buckets[bucket] = buckets.get(bucket, 0.0) + count
    told = array("h", sorted(buckets))
    return [struct.pack("<IIB", number, len(told), 0), told.tobytes(), _counts(buckets, told)]


def _counts(spread: Mapping[Any, float], keys: Sequence[Any]) -> bytes:
    return array("d", [spread[key] for key in keys]).tobytes()


def unpack(
    start: datetime, packed: bytes, unit: str | None = None, *, spreads: bool = True, steps: Steps | None = None
) -> list[Datapoint]:
    """What was packed, of a series in that unit.

    Args:
        spreads: how samples are spread is wanted, too.
        steps: a point costs one, and so does each value that its samples have.

    Raises:
        TooManySteps
    """
    raw = zlib.decompress(memoryview(packed)[1:])
    (count,) = struct.unpack_from("<I", raw)
    at = 4
    seconds = accumulate(array("I", raw[at : at + 4 * count]))
    at += 4 * count
    columns = []
    for _ in range(4):
        columns.append(array("d", raw[at : at + 8 * count]))
        at += 8 * count
    if steps is not None:
        steps.take(count + ((len(raw) - at) // _SPREAD_VALUE if spreads else 0))
    spread = _spreads(raw, at) if spreads else {}
    first = to_micros(start)
    return [
        Datapoint(from_micros(first + second * _SECOND), samples, total, least, most, spread.get(number), unit)
        for number, (second, samples, total, least, most) in enumerate(zip(seconds, *columns, strict=True))
    ]


_SPREAD_VALUE: Final = 10
"""Bytes of a value and how many samples have it; of one that is kept as it is they are more."""


def _spreads(raw: bytes, at: int) -> Mapping[int, Mapping[float, float]]:
    found: dict[int, Mapping[float, float]] = {}
    while at < len(raw):
        number, length, exact = struct.unpack_from("<IIB", raw, at)
        at += 9
        kind, size = ("d", 8) if exact else ("h", 2)
        keys = array(kind, raw[at : at + size * length])
        at += size * length
        counts = array("d", raw[at : at + 8 * length])
        at += 8 * length
        values = keys if exact else map(value_of, keys)
        found[number] = dict(zip(values, counts, strict=True))
    return found
