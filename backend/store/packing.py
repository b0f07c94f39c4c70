"""Points of a series packed into bytes, and read out of them again. Knows no table.

Columns stand one after the other (instants, samples, sums, least, largest), for equal ones compress to nothing; after
them, of points whose samples differ, how they are spread.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from backend.domain.metrics import Datapoint
from backend.store.types import from_micros, to_micros

_VERSION: Final = b"\x01"
_LEVEL: Final = 1
_SECOND: Final = 1_000_000


def pack(start: datetime, points: Sequence[Datapoint]) -> bytes:
    """Points, ascending by whole seconds and none before ``start``, in the bytes that ``unpack`` reads."""
    first = to_micros(start)
    seconds = array("I", [(to_micros(point.at) - first) // _SECOND for point in points])
    columns = [array("d", [getattr(point, name) for point in points]) for name in ("samples", "total", "least", "most")]
    parts = [struct.pack("<I", len(points)), seconds.tobytes(), *(column.tobytes() for column in columns)]
    for number, point in enumerate(points):
        if point.spread is not None:
            spread = array("d", [each for pair in sorted(point.spread.items()) for each in pair])
            parts += [struct.pack("<II", number, len(spread)), spread.tobytes()]
    return _VERSION + zlib.compress(b"".join(parts), _LEVEL)


def unpack(start: datetime, packed: bytes) -> list[Datapoint]:
    """What was packed."""
    raw = zlib.decompress(memoryview(packed)[1:])
    (count,) = struct.unpack_from("<I", raw)
    at = 4
    seconds = array("I", raw[at : at + 4 * count])
    at += 4 * count
    columns = []
    for _ in range(4):
        columns.append(array("d", raw[at : at + 8 * count]))
        at += 8 * count
    spreads = _spreads(raw, at)
    first = to_micros(start)
    return [
        Datapoint(from_micros(first + second * _SECOND), samples, total, least, most, spreads.get(number))
        for number, (second, samples, total, least, most) in enumerate(zip(seconds, *columns, strict=True))
    ]


def _spreads(raw: bytes, at: int) -> Mapping[int, Mapping[float, float]]:
    found = {}
    while at < len(raw):
        number, length = struct.unpack_from("<II", raw, at)
        at += 8
        pairs = array("d", raw[at : at + 8 * length])
        at += 8 * length
        found[number] = dict(zip(pairs[::2], pairs[1::2], strict=True))
    return found
