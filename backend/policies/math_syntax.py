"""The syntax of metric math: text to a tree of values, names, calls and operators. Knows no function and no metric.

Source: CloudWatch User Guide, "Metric math syntax and functions".
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

LONGEST: Final = 2048
DEEPEST: Final = 40
"""Parentheses, calls and signs within each other."""

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^<>(),\[\]]))"
)
# How strongly each binds what stands at its sides; all but the power do so from the left.
_BINDS: Final = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 3),
    **dict.fromkeys("+-", 4),
    **dict.fromkeys("*/", 5),
    "^": 7,
}
_SIGN: Final = 6
_WORDS: Final = {"AND": "&&", "OR": "||"}


class BadSyntax(Exception):
    """``reason``: what is wrong, naming token and character."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """The id of a query, or a word that some functions know (REPEAT, ASC)."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Listed:
    """``[a, b]``."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    operand: Node


@dataclass(frozen=True, slots=True)
class Operation:
    sign: str
    left: Node
    right: Node
    at: int


Node = Number | Text | Name | Call | Listed | Negated | Operation


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def unsupported(token: str, at: int) -> str:
    """The words for a token that cannot stand where it does; characters are counted from 0."""
    return f"Unsupported token '{token}' at char {at}"


@lru_cache(maxsize=512)
def parsed(text: str) -> Node:
    """The tree of an expression. Raises BadSyntax."""
    if len(text) > LONGEST:
        raise BadSyntax(f"Expression is longer than {LONGEST} characters")
    parser = _Parser(_tokens(text), len(text.rstrip()))
    tree = parser.expression(0)
    parser.end()
    return tree


def _tokens(text: str) -> Sequence[_Token]:
    found, at = [], 0
    end = len(text.rstrip())
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise BadSyntax(unsupported(text[start], start))
        kind = token.lastgroup or ""
        word = token[kind]
        if kind == "name" and word in _WORDS:
            kind, word = "sign", _WORDS[word]
        found.append(_Token(kind, word, token.start(token.lastgroup or "")))
        at = token.end()
    return found


class _Parser:
    """A Pratt parser over some tokens."""

    def __init__(self, tokens: Sequence[_Token], length: int) -> None:
        self._tokens = [*tokens, _Token("end", "", length)]
        self._next = 0
        self._depth = 0

    def expression(self, least: int) -> Node:
        """What follows, as far as it is bound more strongly than that."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise BadSyntax(f"Expression is nested more than {DEEPEST} deep")
        left = self._operand()
        while True:
            token = self._tokens[self._next]
            binds = _BINDS.get(token.text) if token.kind == "sign" else None
            if binds is None or binds <= least:
                break
            self._next += 1
            right = self.expression(binds - 1 if token.text == "^" else binds)
            left = Operation(token.text, left, right, token.at)
        self._depth -= 1
        return left

    def end(self) -> None:
        token = self._tokens[self._next]
        if token.kind != "end":
            raise BadSyntax(unsupported(token.text, token.at))

    def _operand(self) -> Node:
        token = self._take()
        match token.kind, token.text:
            case "number", text if math.isfinite(number := float(text)):
                return Number(number)
            case "text", text:
                return Text(text[1:-1])
            case "name", name:
                if self._tokens[self._next].text == "(":
                    self._next += 1
                    return Call(name, self._items(")"), token.at)
                return Name(name, token.at)
            case "sign", "(":
                inner = self.expression(0)
                self._expect(")")
                return inner
            case "sign", "[":
                return Listed(self._items("]"))
            case "sign", "-":
                return Negated(self.expression(_SIGN))
            case "sign", "+":
                return self.expression(_SIGN)
        raise BadSyntax("Unexpected end" if token.kind == "end" else unsupported(token.text, token.at))

    def _items(self, close: str) -> tuple[Node, ...]:
        """Expressions between commas, up to what closes them."""
        items: list[Node] = []
        if self._is(close):
            self._next += 1
            return ()
        while True:
            items.append(self.expression(0))
            if not self._is(","):
                self._expect(close)
                return tuple(items)
            self._next += 1

    def _is(self, sign: str) -> bool:
        token = self._tokens[self._next]
        return token.kind == "sign" and token.text == sign

    def _expect(self, sign: str) -> None:
        token = self._take()
        if token.kind != "sign" or token.text != sign:
            told = "Unexpected end" if token.kind == "end" else unsupported(token.text, token.at)
            raise BadSyntax(f"{told}, must be: '{sign}'")

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token
