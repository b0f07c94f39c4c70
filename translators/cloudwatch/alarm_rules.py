"""AlarmRule: the language of composite alarms, read into the tree of ``domain.composites``. Asks nobody.

Texts are recorded ones (conformance/recorded, alarm_composites) unless marked. Theirs is a parser that looks at the
token after a wrong one: where that would do, it tells just that one token was in the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.composites import MOST_CHILDREN, Tree
from translators.cloudwatch.errors import validation
from translators.errors import AWSError

MOST_ELEMENTS: Final = 500
"""Alarms, TRUE, FALSE and parentheses. Source: the model, PutCompositeAlarm."""
_DEEPEST: Final = 100
_TOKEN: Final = re.compile(r'\s*(?:([(),])|"((?:[^"\\]|\\.)*)"|([^\s(),"]+)|(")|(\Z))', re.DOTALL)
_STATES: Final = frozenset({"ALARM", "OK", "INSUFFICIENT_DATA"})
_A_STATE: Final = "ALARM, OK, or INSUFFICIENT_DATA"
_OPERAND: Final = f"'(', 'NOT', AT_LEAST, TRUE or FALSE, {_A_STATE}"
_NUMBER: Final = "NUMBER, PERCENTAGE NUMBER"
_A_NAME: Final = (
    f"'NOT', 'AND', 'OR', 'AT_LEAST', {_NUMBER}, TRUE or FALSE, {_A_STATE}, unquoted alarm name, quoted alarm name"
)
_END: Final = "<EOF>"


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of a rule.

    Attributes:
        text: as it stands there; ``name``: what it says as the name of an alarm, None where it is none.
        at: the character where it begins, counted from 0.
    """

    text: str
    at: int
    name: str | None = None

    @property
    def quoted(self) -> bool:
        return self.text.startswith('"')


def parsed(rule: str, resolved: Callable[[str], str]) -> tuple[Tree, tuple[str, ...]]:
    """What a rule means, and the names of the alarms in it, each once.

    Args:
        resolved: the name of the alarm that is named so, be it by its ARN; it raises AWSError.

    Raises:
        AWSError: it is no rule, or too large a one.
    """
    if rule != rule.strip():
        raise validation("AlarmRule must not contain leading or trailing whitespace or be null")
    reader = _Reader(_tokens(rule), resolved)
    tree = reader.whole()
    return tree, tuple(reader.children)


def refusal(words: str) -> AWSError:
    """A rule that is refused, by what is wrong with it."""
    return validation(f"Error in AlarmRule [{words}]")


def _tokens(rule: str) -> list[_Token]:
    """Pieces of a rule, the end among them. Each is found by one match: no rule takes longer than it is long."""
    found: list[_Token] = []
    at = 0
    while True:
        match = _TOKEN.match(rule, at)
        assert match is not None  # one of the branches fits whatever stands there
        sign, quoted, word, stray, _ = match.groups()
        at = match.end()
        if sign is not None:
            found.append(_Token(sign, match.start(1)))
        elif quoted is not None:
            found.append(_Token(f'"{quoted}"', match.start(2) - 1, re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)))
        elif word is not None:
            found.append(_Token(word, match.start(3), word))
        elif stray is not None:  # a quotation that never ends
            found.append(_Token(rule[match.start(4) :], match.start(4)))
            at = len(rule)
        else:
            return [*found, _Token(_END, len(rule))]


class _Reader:
    """Goes through the pieces once."""

    def __init__(self, tokens: list[_Token], resolved: Callable[[str], str]) -> None:
        self._tokens, self._resolved = tokens, resolved
        self._next = self._elements = self._depth = 0
        self.children: dict[str, int] = {}

    def whole(self) -> Tree:
        tree = self._either()
        self._after(None)
        return tree

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _is(self, text: str) -> bool:
        return self._token.text == text

    def _take(self) -> _Token:
        token = self._token
        self._next += 1
        return token

    def _refused(self, wanted: str) -> AWSError:
        return refusal(f"Unsupported token '{self._token.text}' at char {self._token.at}, must be: {wanted}")

    def _demand(self, sign: str) -> None:
        if not self._is(sign):
            raise self._refused(f"'{sign}'")
        self._take()

    def _after(self, closing: str | None) -> None:
        """What has to follow a whole expression: that sign, or the end of the rule where it is None."""
        if self._ends(self._next, closing):
            self._next += closing is not None
            return
        told = _END if closing is None else f"'{closing}'"
        in_the_way = not self._ends(self._next, None) and self._ends(self._next + 1, closing)
        raise self._refused(told if in_the_way else f"{told}, 'AND', 'OR'")

    def _ends(self, number: int, closing: str | None) -> bool:
        """Whether the piece of that number is this sign, or the end: known by its place, for a word may read so."""
        is_last = number == len(self._tokens) - 1
        return is_last if closing is None else self._tokens[number].text == closing

    def _count(self) -> None:
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise refusal(f"the rule has more than {MOST_ELEMENTS} elements")  # unsourced

    def _either(self) -> Tree:
        return self._joined("OR", lambda: self._joined("AND", self._negated))

    def _joined(self, word: str, part: Callable[[], Tree]) -> Tree:
        parts = [part()]
        while self._is(word):
            self._take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else [word.lower(), *parts]

    def _negated(self) -> Tree:
        negated = False
        while self._is("NOT"):
            self._take()
            negated = not negated
        tree = self._operand()
        return ["not", tree] if negated else tree

    def _operand(self) -> Tree:
        token = self._token
        if token.text in {"TRUE", "FALSE"}:
            self._count()
            return self._take().text == "TRUE"
        if token.text in _STATES:
            self._take()
            self._demand("(")
            child = self._child()
            self._demand(")")
            return ["is", token.text, child]
        if token.text == "AT_LEAST":
            return self._quorum()
        if token.text != "(":
            raise self._refused(_OPERAND)
        return self._enclosed()

    def _enclosed(self) -> Tree:
        self._count()
        self._count()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise refusal(f"parentheses are nested more than {_DEEPEST} deep")  # unsourced
        self._take()
        tree = self._either()
        self._after(")")
        self._depth -= 1
        return tree

    def _child(self) -> int:
        """The number of the alarm that is named here."""
        if self._token.name is None:
            raise self._refused(_A_NAME)
        self._count()
        return self._number_of(self._take().name or "")

    def _number_of(self, given: str) -> int:
        number = self.children.setdefault(self._resolved(given), len(self.children))
        if number >= MOST_CHILDREN:
            raise refusal(f"the rule names more than {MOST_CHILDREN} alarms")  # unsourced
        return number

    def _quorum(self) -> Tree:
        self._take()
        self._demand("(")
        token = self._token
        found = re.fullmatch(r"([0-9]{1,9})(%?)", token.text, re.ASCII)
        if found is None:
            raise self._refused(_NUMBER)
        self._take()
        self._demand(",")
        negated = self._is("NOT")
        if negated:
            self._take()
        if self._token.text not in _STATES:
            raise self._refused(_A_STATE if negated else f"'NOT', {_A_STATE}")
        state = self._take().text
        self._demand(",")
        children = self._list()
        self._demand(")")
        number, percent = int(found[1]), bool(found[2])
        if percent and not 1 <= number <= 100:
            raise refusal("AT_LEAST percentage threshold must be between 1 and 100")
        if not percent and not 1 <= number <= len(children):
            raise refusal(f"AT_LEAST absolute threshold must be between 1 and number of alarms ({len(children)})")
        return ["least", number, state, negated, percent, children]

    def _list(self) -> list[Any]:
        self._demand("(")
        if self._is(")"):  # told with the sign that follows: source language/49
            told, at = self._token.text, self._token.at
            follows = self._tokens[self._next + 1]
            told += follows.text if follows.text in {")", "("} else ""
            raise refusal(f"Unsupported token '{told}' at char {at}, must be: {_A_NAME}")
        found = [self._child()]
        while self._is(","):
            self._take()
            found.append(self._child())
        self._demand(")")
        return found
