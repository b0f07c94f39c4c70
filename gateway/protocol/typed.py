"""What JSON and CBOR share: readers and writers compiled from shapes for forms whose values have types of their own.

A reader takes plain values (what a decoder makes) to input members, a writer output members to plain values. A value of
another type than its shape's is refused in the words of AWS's own framework, never bent into shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from botocore.model import Shape

from gateway.compiling import kept
from gateway.protocol.scalars import Malformed
from gateway.protocol.writing import UnknownMembers
from gateway.request import Request
from translators.errors import AWSError

Read = Callable[[Any], Any]
Write = Callable[[Any], Any]

_KINDS: Final = (((int, float), "NUMBER"), (str, "STRING"), (bytes, "BLOB"))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def unfit(value: Any, wanted: str) -> Malformed:
    """A value that is not what its shape wants (``an Integer``).

    Source: messages of AWS's JSON services, as users report them.
    """
    if isinstance(value, dict):
        return Malformed("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return Malformed("Start of list found where not expected")
    if value is None:
        return Malformed("Null found where not expected")  # unsourced
    if isinstance(value, bool):
        return Malformed(f"{'TRUE' if value else 'FALSE'}_VALUE can not be converted to {wanted}")
    # Unsourced where CBOR alone has it: bytes, and instants, which are all that is left.
    kind = next((kind for of, kind in _KINDS if isinstance(value, of)), "TIMESTAMP")
    return Malformed(f"{kind}_VALUE can not be converted to {wanted}")


def text(value: Any) -> str:
    """Text without what no database keeps and no document carries."""
    if value.__class__ is not str:
        raise unfit(value, "a String")
    if "\x00" in value:
        raise Malformed("A String holds a NUL character")  # unsourced
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Malformed("A String is not valid Unicode") from None  # unsourced
    return str(value)


def boolean(value: Any) -> bool:
    if value.__class__ is not bool:
        raise unfit(value, "a Boolean")
    return bool(value)


def integer(wanted: str, bits: int) -> Read:
    """A reader of whole numbers of so many bits, which may come as a float that is whole."""
    top = 1 << (bits - 1)

    def read(value: Any) -> int:
        whole = int(value) if value.__class__ is float and value.is_integer() else value
        if whole.__class__ is not int or not -top <= whole < top:
            raise unfit(value, wanted)
        return int(whole)

    return read


def number(value: Any) -> float:
    if value.__class__ not in (int, float):
        raise unfit(value, "a Double")
    try:
        return float(value)
    except OverflowError:
        raise unfit(value, "a Double") from None


def instant(seconds: float) -> datetime:
    """The point in time so many seconds after the start of 1970, to the millisecond."""
    try:
        return _EPOCH + timedelta(milliseconds=round(seconds * 1000))
    except (ValueError, OverflowError):
        raise Malformed("NUMBER_VALUE can not be converted to a Timestamp") from None  # unsourced


def finite(value: float) -> bool:
    return math.isfinite(value)


class TypedReaders:
    """Compiles and keeps the readers of one service's shapes.

    Args:
        scalar: the reader of a shape that is neither structure, list nor map.
    """

    def __init__(self, scalar: Callable[[Shape], Read]) -> None:
        self._scalar = scalar
        self._made: dict[str, Read] = {}

    def of(self, shape: Shape) -> Read:
        """The reader of a shape."""
        kind = shape.type_name
        if kind not in ("structure", "list", "map"):
            return self._scalar(shape)
        read = self._made.get(shape.name)
        if read is None:
            make = {"structure": self._structure, "list": self._list, "map": self._map}[kind]
            read = kept(self._made, shape.name, self._later(shape), partial(make, shape))
        return read

    def _later(self, shape: Shape) -> Read:
        def read(value: Any) -> Any:
            return self.of(shape)(value)

        return read

    def _structure(self, shape: Shape) -> Read:
        if shape.is_document_type:
            return lambda value: value
        members = {wire_name(member, name): (name, self.of(member)) for name, member in shape.members.items()}
        find, union = members.get, shape.is_tagged_union

        def read(value: Any) -> dict[str, Any]:
            if value.__class__ is not dict:
                raise _misplaced(value, "Expected null")
            found: dict[str, Any] = {}
            for key, item in value.items():
                # What the shape does not have is passed over, and so is null, which says that a member is absent.
                if item is not None and (known := find(key)):
                    name, read_member = known
                    found[name] = read_member(item)
            if union and len(found) != 1:
                raise Malformed("A union must have exactly one member")  # unsourced
            return found

        return read

    def _list(self, shape: Shape) -> Read:
        element = self.of(shape.member)

        def read(value: Any) -> list[Any]:
            if value.__class__ is not list:
                raise _misplaced(value, "Expected list or null")
            return [element(item) for item in value]

        return read

    def _map(self, shape: Shape) -> Read:
        read_key, read_value = self.of(shape.key), self.of(shape.value)

        def read(value: Any) -> dict[Any, Any]:
            if value.__class__ is not dict:
                raise _misplaced(value, "Expected map or null")  # unsourced
            return {read_key(key): read_value(item) for key, item in value.items()}

        return read


class TypedWriters:
    """Compiles and keeps the writers of one service's shapes.

    Args:
        scalar: the writer of a shape that is neither structure, list nor map.
        strict: see UnknownMembers.
    """

    def __init__(self, scalar: Callable[[Shape], Write], *, strict: bool = True) -> None:
        self._scalar = scalar
        self._unknown = UnknownMembers(strict=strict).found
        self._made: dict[str, Write] = {}

    def of(self, shape: Shape) -> Write:
        """The writer of a shape."""
        kind = shape.type_name
        if kind not in ("structure", "list", "map"):
            return self._scalar(shape)
        write = self._made.get(shape.name)
        if write is None:
            make = {"structure": self._structure, "list": self._list, "map": self._map}[kind]
            write = kept(self._made, shape.name, self._later(shape), partial(make, shape))
        return write

    def _later(self, shape: Shape) -> Write:
        def write(value: Any) -> Any:
            return self.of(shape)(value)

        return write

    def _structure(self, shape: Shape) -> Write:
        if shape.is_document_type:
            return lambda value: value
        members = {name: (wire_name(member, name), self.of(member)) for name, member in shape.members.items()}
        find, shape_name, unknown = members.get, shape.name, self._unknown

        def write(value: Any) -> dict[str, Any]:
            written: dict[str, Any] = {}
            for name, member in value.items():
                known = find(name)
                if known is None:
                    unknown(shape_name, name)
                elif member is not None:
                    key, write_member = known
                    written[key] = write_member(member)
            return written

        return write

    def _list(self, shape: Shape) -> Write:
        element = self.of(shape.member)
        return lambda value: [element(item) for item in value]

    def _map(self, shape: Shape) -> Write:
        write_key, write_value = self.of(shape.key), self.of(shape.value)
        return lambda value: {write_key(key): write_value(item) for key, item in value.items()}


def wire_name(member: Shape, name: str) -> str:
    """The name of a member on the wire."""
    return str(member.serialization.get("name", name))


def _misplaced(value: Any, expected: str) -> Malformed:
    """A value in place of a structure, list or map."""
    return unfit(value, "") if value is None or isinstance(value, dict | list) else Malformed(expected)


def only_posted(request: Request) -> None:
    """Refuse what is not a POST: these forms have no other way to ask."""
    if request.method != "POST":
        raise AWSError("UnsupportedHttpVerb", f"The requested HTTP verb is not supported: {request.method[:20]}")


def nothing(_content: Any) -> dict[str, Any]:
    """The reader of operations without input."""
    return {}
