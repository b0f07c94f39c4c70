"""Writers compiled from output shapes: members in, XML text out. One closure a shape and tag, made once.

A closure appends finished pieces to a list; tags are joined when it is made, text is escaped only where it must be.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from botocore.model import Shape

from gateway.compiling import kept
from gateway.protocol import scalars

_log = logging.getLogger(__name__)

Append = Callable[[str], None]
Write = Callable[[Any, Append], None]
WriteInstant = Callable[[datetime], str]

_KEPT = 256
_SHORT = 40
_TEXTS: dict[str, Callable[[Any], str]] = {
    "string": scalars.written_string,
    "character": scalars.written_string,
    "integer": scalars.written_integer,
    "long": scalars.written_integer,
    "float": scalars.written_number,
    "double": scalars.written_number,
    "boolean": scalars.written_boolean,
    "blob": scalars.written_blob,
}

_INSTANTS: dict[str, Callable[[Any], str]] = {
    "unixtimestamp": scalars.written_epoch_seconds,
    "unixTimestamp": scalars.written_epoch_seconds,
    "rfc822": scalars.written_http_date,
}


class UnknownMemberError(Exception):
    """A handler's answer has a member that its shape does not have."""


class UnknownMembers:
    """What becomes of an answer's member that the model does not have.

    Args:
        strict: whether it is a fault, as in every suite; else it is dropped, and told in the log once.
    """

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._told: set[tuple[str, str]] = set()

    def found(self, shape: str, name: str) -> None:
        """Tell one. Raises UnknownMemberError where that is a fault."""
        if self._strict:
            raise UnknownMemberError(f"{shape} has no member {name}")
        if (shape, name) not in self._told:
            self._told.add((shape, name))
            _log.error("an answer's member is dropped: %s has no member %s", shape, name)


class Writers:
    """Compiles and keeps the writers of one service's shapes.

    Args:
        instant: how this service writes a timestamp.
        element: the tag of a list's element where the model names none.
        strict: see UnknownMembers.
    """

    def __init__(self, instant: WriteInstant, element: str = "member", *, strict: bool = True) -> None:
        self._unknown = UnknownMembers(strict=strict).found
        self._texts: dict[str, Callable[[Any], str]] = {**_TEXTS, "timestamp": instant}
        self._element = element
        self._made: dict[tuple[str, str, bool], Write] = {}

    def of(self, shape: Shape, tag: str) -> Write:
        """The writer of a shape inside ``<tag>``; a flattened list or map repeats the tag."""
        if shape.type_name == "timestamp":
            return self._instant(shape, tag)
        # A list may be flattened in one structure and not in another.
        key = (shape.name, tag, bool(shape.serialization.get("flattened")))
        write = self._made.get(key)
        if write is None:
            write = kept(self._made, key, self._later(shape, tag), partial(self._make, shape, tag))
        return write

    def _later(self, shape: Shape, tag: str) -> Write:
        def write(value: Any, append: Append) -> None:
            self.of(shape, tag)(value, append)

        return write

    def members(self, shape: Shape) -> Write:
        """The writer of a structure's members without a tag round them. Absent members and None are left out.

        They are written in the answer's own order: of a shape's many members few are there, and so none is looked for.
        """
        members = {name: self._member(member, name) for name, member in shape.members.items()}
        find, shape_name, unknown = members.get, shape.name, self._unknown

        def write(value: Any, append: Append) -> None:
            for name, member in value.items():
                write_member = find(name)
                if write_member is None:
                    unknown(shape_name, name)
                elif member is not None:
                    write_member(member, append)

        return write

    def _member(self, member: Shape, name: str) -> Write:
        tag = member.serialization.get("name", name)
        if member.type_name == "list" and member.serialization.get("flattened"):
            tag = member.member.serialization.get("name", tag)
        return self.of(member, tag)

    def _make(self, shape: Shape, tag: str) -> Write:
        if shape.type_name == "structure":
            return _wrapped(self.members(shape), tag)
        if shape.type_name == "list":
            return self._list(shape, tag)
        if shape.type_name == "map":
            return self._map(shape, tag)
        return _text(self._texts[shape.type_name], tag, shape.type_name)

    def _instant(self, shape: Shape, tag: str) -> Write:
        named = shape.serialization.get("timestampFormat", "")
        return _text(_INSTANTS.get(named, self._texts["timestamp"]), tag, "timestamp")

    def _list(self, shape: Shape, tag: str) -> Write:
        flattened = shape.serialization.get("flattened")
        element = self.of(shape.member, tag if flattened else shape.member.serialization.get("name", self._element))
        opening, closing, empty = ("", "", "") if flattened else (f"<{tag}>", f"</{tag}>", f"<{tag}/>")

        def write(value: Any, append: Append) -> None:
            if not value:
                append(empty)
                return
            append(opening)
            for item in value:
                element(item, append)
            append(closing)

        return write

    def _map(self, shape: Shape, tag: str) -> Write:
        flattened = shape.serialization.get("flattened")
        entry = tag if flattened else "entry"
        opening, closing = ("", "") if flattened else (f"<{tag}>", f"</{tag}>")
        before, after = f"<{entry}>", f"</{entry}>"
        write_key = self.of(shape.key, shape.key.serialization.get("name", "key"))
        write_value = self.of(shape.value, shape.value.serialization.get("name", "value"))

        def write(value: Any, append: Append) -> None:
            append(opening)
            for key, item in value.items():
                append(before)
                write_key(key, append)
                write_value(item, append)
                append(after)
            append(closing)

        return write


def _wrapped(content: Write, tag: str) -> Write:
    opening, closing = f"<{tag}>", f"</{tag}>"

    def write(value: Any, append: Append) -> None:
        append(opening)
        content(value, append)
        append(closing)

    return write


def _text(text: Callable[[Any], str], tag: str, kind: str) -> Write:
    opening, closing = f"<{tag}>", f"</{tag}>"
    if kind == "boolean":
        true, false = f"{opening}true{closing}", f"{opening}false{closing}"
        return lambda value, append: append(true if value else false)

    def write(value: Any, append: Append) -> None:
        append(f"{opening}{text(value)}{closing}")

    return _remembering(write, opening, closing) if kind == "string" else write


def _remembering(write: Write, opening: str, closing: str) -> Write:
    """A writer of strings that keeps what it wrote: states, zones and types come again and again."""
    kept: dict[str, str] = {}
    find, hostile = kept.get, scalars.is_hostile

    def write_string(value: Any, append: Append) -> None:
        if value.__class__ is not str:
            write(value, append)
            return
        piece = find(value)
        if piece is None:
            if hostile(value):
                write(value, append)
                return
            piece = f"{opening}{value}{closing}"
            # The first ones only: what differs every time (ids) soon fills its own writer's share and costs no more.
            if len(kept) < _KEPT and len(value) <= _SHORT:
                kept[value] = piece
        append(piece)

    return write_string
