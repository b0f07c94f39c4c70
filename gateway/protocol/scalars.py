"""Text of the wire to a value and back, by the type of a shape: integers, booleans, instants, blobs.

Every reader raises Malformed with the words of AWS's query services; the ec2 form says it in its own words.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final

from gateway.protocol.form import shown

Reader = Callable[[str], Any]

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?|NaN|-?Infinity")
_UNIX: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?")
_ISO: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(?:[.,]([0-9]{1,9}))?)?"
    r"(Z|z|[+-][0-9]{2}:?[0-9]{2})?"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Malformed(Exception):
    """A parameter that cannot be read as its type.

    Attributes:
        words: what AWS's query services say of it.
        value: the text, or None where there is a structure in place of text.
        trail: the names from the failing parameter outwards, filled while the exception climbs.
    """

    def __init__(self, words: str, value: str | None = None) -> None:
        super().__init__(words)
        self.words = words
        self.value = value
        self.trail: list[str] = []


def _integer(name: str, bits: int) -> Reader:
    top = 1 << (bits - 1)

    def read(text: str) -> int:
        if _INTEGER.fullmatch(text) and -top <= (value := int(text)) < top:
            return value
        raise Malformed(f"{shown(text)} can not be converted to {name}", text)

    return read


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise Malformed(f"{shown(text)} can not be converted to a Double", text)
    return float(text)


_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}


def _boolean(text: str) -> bool:
    truth = _TRUTH.get(text)
    if truth is None:
        raise Malformed("boolean must follow xsd1.1 definition", text)
    return truth


def _blob(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("blob must be base64 encoded", text) from None


def instant(text: str) -> datetime:
    """An aware UTC instant of ISO 8601 text (without an offset it is UTC) or of unix seconds."""
    try:
        if _UNIX.fullmatch(text):
            return _EPOCH + timedelta(seconds=float(text))
        if parts := _ISO.fullmatch(text):
            day, minute, second, fraction, offset = parts.groups()
            clock = f"{day}T{minute or '00:00'}{second or ':00'}.{(fraction or '')[:6].ljust(6, '0')}"
            offset = "+00:00" if offset in (None, "Z", "z") else offset
            return datetime.fromisoformat(clock + offset).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Malformed("timestamp must follow ISO8601", text)


def http_date(text: str) -> datetime:
    """An aware UTC instant of ``Sun, 02 Jan 2000 20:34:56 GMT``; without a zone, and with ``-0000``, it is UTC."""
    try:
        read = parsedate_to_datetime(text)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed("timestamp must follow RFC822", text) from None  # unsourced


READERS: Final[dict[str, Reader]] = {
    "string": str,
    "character": str,
    "integer": _integer("an Integer", 32),
    "long": _integer("a Long", 64),
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "timestamp": instant,
    "blob": _blob,
}


# XML 1.0 has no way to carry most control characters, lone surrogates and U+FFFE/U+FFFF, not even as references. They
# become U+FFFD, so that the reader sees that something stood there. A carriage return must be a reference: a parser
# would turn it into a line feed.
_HOSTILE: Final = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_REFERENCES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"}

is_hostile: Final = _HOSTILE.search
"""Whether a text needs more than being copied into XML (a match, or None)."""


def escaped(text: str) -> str:
    """Text as it may stand in an element of XML 1.0."""
    if _HOSTILE.search(text) is None:
        return text
    return _HOSTILE.sub(lambda found: _REFERENCES.get(found[0]) or _replacement(found[0]), text)


def _replacement(character: str) -> str:
    # Allowed by XML 1.0 although discouraged: DEL and the C1 controls go as references.
    return f"&#x{ord(character):X};" if "\x7f" <= character <= "\x9f" else "\ufffd"


def written_string(value: Any) -> str:
    return escaped(value if value.__class__ is str else str(value))


def written_boolean(value: Any) -> str:
    return "true" if value else "false"


def written_integer(value: Any) -> str:
    return str(int(value))


def written_number(value: Any) -> str:
    number = float(value)
    if number != number:  # noqa: PLR0124 - the only value unlike itself
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "Infinity" if number > 0 else "-Infinity"
    return repr(number)


def written_blob(value: Any) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def epoch_seconds(value: datetime) -> float:
    """Seconds since 1970 to the millisecond below, whole ones as an integer: JSON and CBOR."""
    seconds, rest = divmod((value - _EPOCH) // _MILLISECOND, 1000)
    return seconds + rest / 1000 if rest else seconds


def written_epoch_seconds(value: datetime) -> str:
    return str(epoch_seconds(value))


def written_http_date(value: datetime) -> str:
    return format_datetime(value.astimezone(UTC), usegmt=True)


@lru_cache(maxsize=4096)
def milliseconds_when_any(value: datetime) -> str:
    """``2020-02-11T18:34:10.123Z``, and without a fraction where it is zero: AWS's query services."""
    day = value.astimezone(UTC)
    milliseconds = day.microsecond // 1000
    fraction = f".{milliseconds:03d}" if milliseconds else ""
    return f"{day.year:04d}-{day.month:02d}-{day.day:02d}T{day.hour:02d}:{day.minute:02d}:{day.second:02d}{fraction}Z"


@lru_cache(maxsize=4096)
def milliseconds_always(value: datetime) -> str:
    """``2020-02-11T18:34:10.000Z``: EC2."""
    text = milliseconds_when_any(value)
    return text if "." in text else text[:-1] + ".000Z"
