"""CBOR as rpc-v2-cbor uses it: bytes to plain values and back, strict and bounded; knows no shapes.

Maps have text for keys and no key twice; of tags there is one, 1, a point in time; null and undefined are None. Nothing
is made for a length that is only claimed: what is claimed must be there. Values and depth are counted as in JSON:
neither a key nor the number under a tag is a value of its own.

Source: RFC 8949; Smithy's page "Smithy RPC v2 CBOR protocol".
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway.limits import Limits
from gateway.protocol.scalars import Malformed, epoch_seconds

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _LIST, _MAP, _TAG, _SIMPLE = range(8)
_WIDTHS: Final = {24: 1, 25: 2, 26: 4, 27: 8}
_FLOATS: Final = {25: struct.Struct(">e"), 26: struct.Struct(">f"), 27: struct.Struct(">d")}
_CONSTANTS: Final = {20: False, 21: True, 22: None, 23: None}
_INDEFINITE: Final = 31
_BREAK: Final = 0xFF
_INSTANT: Final = 1


@dataclass(frozen=True, slots=True)
class Instant:
    """What tag 1 says: seconds since 1970, whole or not, perhaps not even finite."""

    seconds: float


def decoded(data: bytes, limits: Limits) -> Any:
    """The one value that the bytes are.

    Raises:
        Malformed: bytes that are no such value, or one that is too deep or has too many parts.
    """
    decoder = _Decoder(data, limits)
    value = decoder.value(0)
    if decoder.at != len(data):
        raise Malformed("There is something after the end of the CBOR value")
    return value


class _Decoder:
    """Reads values off the front of what is left."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.at = 0
        self._data = data
        self._deepest = limits.depth
        self._left = limits.values

    def value(self, depth: int) -> Any:
        self._left -= 1
        major, info = self._head()
        nests = major in (_LIST, _MAP)
        if self._left < 0 or (nests and depth >= self._deepest):
            raise Malformed("The CBOR value is nested too deeply or has too many parts")
        if nests:
            return self._list(info, depth) if major == _LIST else self._map(info, depth)
        if major in (_BYTES, _TEXT):
            return self._string(major, info)
        if major == _TAG:
            return self._tagged(info)
        return self._number(major, info)

    def _head(self) -> tuple[int, int]:
        """What the next item is, and the first of its length or number."""
        first = self._take(1)[0]
        return first >> 5, first & 0x1F

    def _number(self, major: int, info: int) -> Any:
        """A number, or one of the constants."""
        if major == _UNSIGNED:
            return self._argument(info)
        if major == _NEGATIVE:
            return -1 - self._argument(info)
        return self._simple(info)

    def _take(self, count: int) -> bytes:
        start, self.at = self.at, self.at + count
        if self.at > len(self._data):
            raise Malformed("The CBOR value is cut off")
        return self._data[start : self.at]

    def _argument(self, info: int) -> int:
        if info < 24:
            return info
        width = _WIDTHS.get(info)
        if width is None:
            raise Malformed("The CBOR value has a length or a number that is none")
        return int.from_bytes(self._take(width))

    def _ended(self) -> bool:
        """Whether something of indefinite length ends here."""
        if self._data[self.at : self.at + 1] != b"\xff":
            return False
        self.at += 1
        return True

    def _string(self, major: int, info: int) -> str | bytes:
        if info != _INDEFINITE:
            return self._piece(major, info)
        pieces: list[Any] = []
        while not self._ended():
            self._left -= 1
            of, length = self._head()
            if of != major or self._left < 0:
                raise Malformed("The CBOR value has a string whose pieces are no strings")
            pieces.append(self._piece(major, length))
        return b"".join(pieces) if major == _BYTES else "".join(pieces)

    def _piece(self, major: int, info: int) -> str | bytes:
        raw = self._take(self._argument(info))
        if major == _BYTES:
            return raw
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise Malformed("The CBOR value has text that is not UTF-8") from None

    def _list(self, info: int, depth: int) -> list[Any]:
        if info != _INDEFINITE:
            return [self.value(depth + 1) for _ in range(self._count(info))]
        items = []
        while not self._ended():
            items.append(self.value(depth + 1))
        return items

    def _map(self, info: int, depth: int) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        if info == _INDEFINITE:
            while not self._ended():
                self._entry(entries, depth)
            return entries
        for _ in range(self._count(info)):
            self._entry(entries, depth)
        return entries

    def _entry(self, entries: dict[str, Any], depth: int) -> None:
        major, info = self._head()
        key = self._string(major, info) if major == _TEXT else None
        if key.__class__ is not str or key in entries:
            raise Malformed("The CBOR value has a key that is not text, or one twice")
        entries[key] = self.value(depth + 1)

    def _count(self, info: int) -> int:
        """How many parts follow: never more than there are bytes."""
        count = self._argument(info)
        if count > len(self._data) - self.at:
            raise Malformed("The CBOR value is cut off")
        return count

    def _tagged(self, info: int) -> Instant:
        tag, (major, inside) = self._argument(info), self._head()
        inner = self._number(major, inside) if major in (_UNSIGNED, _NEGATIVE, _SIMPLE) else None
        if tag != _INSTANT or inner.__class__ not in (int, float):
            raise Malformed("The CBOR value has a tag that is not used here")
        return Instant(inner)

    def _simple(self, info: int) -> Any:
        if info in _CONSTANTS:
            return _CONSTANTS[info]
        form = _FLOATS.get(info)
        if form is None:
            raise Malformed("The CBOR value has a simple value that is not used here")
        return form.unpack(self._take(form.size))[0]


def encoded(value: Any) -> bytes:
    """The bytes of a plain value: None, booleans, numbers (floats as doubles), text, bytes, instants, lists, maps.

    Raises:
        TypeError: another value.
        OverflowError: an integer of more than 64 bits.
    """
    out = bytearray()
    _encode(value, out)
    return bytes(out)


def _encode(value: Any, out: bytearray) -> None:
    if isinstance(value, str):
        raw = value.encode("utf-8", "replace")
        _start(_TEXT, len(raw), out)
        out += raw
    elif isinstance(value, Mapping):
        _start(_MAP, len(value), out)
        for key, item in value.items():
            _encode(key, out)
            _encode(item, out)
    elif isinstance(value, list | tuple):
        _start(_LIST, len(value), out)
        for item in value:
            _encode(item, out)
    elif value is None or isinstance(value, bool):
        out.append(0xF6 if value is None else 0xF5 if value else 0xF4)
    elif isinstance(value, int):
        _start(_UNSIGNED if value >= 0 else _NEGATIVE, value if value >= 0 else -1 - value, out)
    elif isinstance(value, float):
        out.append(0xFB)
        out += _FLOATS[27].pack(value)
    elif isinstance(value, datetime):
        # Doubles, as the real service sends them, so that milliseconds arrive.
        _start(_TAG, _INSTANT, out)
        _encode(float(epoch_seconds(value)), out)
    elif isinstance(value, bytes):
        _start(_BYTES, len(value), out)
        out += value
    else:
        raise TypeError(f"{type(value).__name__} has no form in CBOR")


def _start(major: int, argument: int, out: bytearray) -> None:
    if argument < 24:
        out.append(major << 5 | argument)
        return
    for info, width in _WIDTHS.items():
        if argument < 1 << 8 * width:
            out.append(major << 5 | info)
            out += argument.to_bytes(width)
            return
    raise OverflowError(f"{argument} has more than 64 bits")
