"""Readers compiled from input shapes: a tree of names in, typed parameters out. One closure a shape, made once.

What the two wire forms do differently (names, whether lists are wrapped, what becomes of unknown names) is a Naming.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from botocore.model import Shape

from gateway.compiling import kept
from gateway.protocol.form import Branch, Node, shown
from gateway.protocol.scalars import READERS, Malformed, Reader, http_date

Parse = Callable[[Node], Any]

_DIGITS: Final = 10


@dataclass(frozen=True, slots=True)
class Naming:
    """How one wire form names what it carries.

    Attributes:
        member_name: the wire name of a structure's member, from its shape and its name in the model.
        wrapped: whether a list's elements stand under ``.member.`` unless the shape is flattened.
        first_index: the least index of a list's element.
        strict: whether an unknown name is an error; else it is passed over, as the real service does.
    """

    member_name: Callable[[Shape, str], str]
    wrapped: bool
    first_index: int
    strict: bool


class Unknown(Malformed):
    """A name that the shape does not have, in a form that refuses those."""


def refusing(read: Parse, refuse: Callable[[Malformed], Exception]) -> Callable[[Branch], dict[str, Any]]:
    """The reader of an operation's input, with what is malformed told as the wire form's own error."""

    def parse(form: Branch) -> dict[str, Any]:
        try:
            params: dict[str, Any] = read(form)
        except Malformed as found:
            raise refuse(found) from None
        return params

    return parse


class Readers:
    """Compiles and keeps the readers of one service's shapes, some of which contain themselves."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._made: dict[tuple[str, bool], Parse] = {}

    def of(self, shape: Shape) -> Parse:
        """The reader of a shape."""
        kind = shape.type_name
        if kind not in ("structure", "list", "map"):
            named = shape.serialization.get("timestampFormat") == "rfc822"
            return _scalar(http_date if named else READERS[kind])
        # A list may be flattened in one structure and not in another.
        key = (shape.name, bool(shape.serialization.get("flattened")))
        parse = self._made.get(key)
        if parse is None:
            make = {"structure": self._structure, "list": self._list, "map": self._map}[kind]
            parse = kept(self._made, key, self._later(shape), partial(make, shape))
        return parse

    def _later(self, shape: Shape) -> Parse:
        def parse(node: Node) -> Any:
            return self.of(shape)(node)

        return parse

    def _structure(self, shape: Shape) -> Parse:
        members: dict[str | None, tuple[str, Parse]] = {
            self._wire_name(member, name): (name, self.of(member)) for name, member in shape.members.items()
        }
        strict = self._naming.strict

        def parse(node: Node) -> dict[str, Any]:
            values: dict[str, Any] = {}
            for key, child in _branch(node, "Unexpected complex element termination").items():
                known = members.get(key)
                if known is None:
                    if strict and key is not None:
                        raise _at(Unknown(f"{shown(key)} is not a known parameter"), key)
                    continue
                name, reader = known
                try:
                    values[name] = reader(child)
                except Malformed as found:
                    raise _at(found, key) from None
            return values

        return parse

    def _wire_name(self, member: Shape, name: str) -> str:
        # A flattened list or map stands where its element's name says, as botocore writes it.
        flattened = self._naming.wrapped and member.serialization.get("flattened")
        if flattened and member.type_name == "list" and (own := member.member.serialization.get("name")):
            return str(own)
        return self._naming.member_name(member, name)

    def _list(self, shape: Shape) -> Parse:
        element = self.of(shape.member)
        unwrapped = not self._naming.wrapped or shape.serialization.get("flattened")
        wrapper = None if unwrapped else shape.member.serialization.get("name", "member")
        first = self._naming.first_index

        def parse(node: Node) -> list[Any]:
            branch = _branch(node, "Unexpected list element termination")
            if wrapper is not None:
                branch = _within(branch, wrapper)
            indices = sorted((_index(key, first), key) for key in branch if key is not None)
            values = []
            for _, key in indices:
                try:
                    values.append(element(branch[key]))
                except Malformed as found:
                    raise _at(found, key) from None
            return values

        return parse

    def _map(self, shape: Shape) -> Parse:
        read_key, read_value = self.of(shape.key), self.of(shape.value)
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")
        wrapper = None if shape.serialization.get("flattened") else "entry"
        first = self._naming.first_index

        def parse(node: Node) -> dict[Any, Any]:
            branch = _branch(node, "Unexpected map element termination")
            if wrapper is not None:
                branch = _within(branch, wrapper)
            values: dict[Any, Any] = {}
            for _, index in sorted((_index(key, first), key) for key in branch if key is not None):
                entry = _branch(branch[index], "Unexpected map element termination")
                if key_name not in entry or value_name not in entry:
                    raise Malformed("Unexpected map element termination")
                values[read_key(entry[key_name])] = read_value(entry[value_name])
            return values

        return parse


def _scalar(read: Reader) -> Parse:
    def parse(node: Node) -> Any:
        if isinstance(node, str):
            return read(node)
        kind = "list" if any(key and (key.isdigit() or key == "member") for key in node) else "structure or map"
        raise Malformed(f"Start of {kind} found where not expected")

    return parse


def _branch(node: Node, refusal: str) -> Branch:
    """The children of a node; ``Foo=`` is how an empty list, map or structure is sent."""
    if isinstance(node, str):
        if node:
            raise Malformed(refusal, node)
        return {}
    if node.get(None):
        raise Malformed(refusal, str(node[None]))
    return node


def _within(branch: Branch, wrapper: str) -> Branch:
    for key in branch:
        if key is not None and key != wrapper:
            raise Malformed("Start of structure or map found where not expected")
    return _branch(branch.get(wrapper, ""), "Unexpected list element termination")


def _index(key: str, first: int) -> int:
    if key.isascii() and key.isdecimal() and len(key) <= _DIGITS and (index := int(key)) >= first:
        return index
    raise Malformed(f"{shown(key)} is not a valid index", key)


def _at(found: Malformed, key: str | None) -> Malformed:
    if key is not None:
        found.trail.append(key)
    return found
