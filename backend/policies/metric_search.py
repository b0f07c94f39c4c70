"""The terms of a search for metrics: which names meet them. Pure.

``{Namespace,DimA,DimB} terms``: metrics of that namespace with exactly those dimensions whose names meet the terms. A
word is met by a whole part of a name (parts end where a capital or a digit begins), a text in quotes by those letters
in their order; ``MetricName=``, ``Namespace=`` and ``Dimension=`` ask for one of them. NOT binds before AND, AND (or
nothing) before OR.

Source: CloudWatch User Guide, "CloudWatch search expression syntax".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from backend.domain.metric_queries import MetricStat
from backend.domain.metrics import Metric, is_statistic
from backend.domain.page import Page
from backend.domain.steps import Steps
from backend.policies.math_values import WrongKind

LONGEST: Final = 1024
Key = tuple[str, str, str]
"""Namespace, name and id of a metric."""
Names = Callable[[str | None, int, Key | None], Page[tuple[Metric, str]]]
"""(namespace, limit, last one of the page before) -> metrics with their ids, in the order of their keys."""
_FOUND: Final = 500
"""Metrics that one search finds."""
_AT_ONCE: Final = 1000
_STEPS_OF_NAME: Final = 10
_DEEPEST: Final = 20
_SCHEMA: Final = re.compile(r"\s*\{([^{}]*)\}(.*)", re.DOTALL)
_NAME: Final = re.compile(r'(?:"[^"]*"|[^",])+')
"""What stands between commas; a letter is read in one way, so a text takes no more time than its length says."""
_TERM: Final = re.compile(
    r"\s*(?:(?P<sign>[()])"
    r'|(?P<key>[\w.-]+|"[^"]*")\s*=\s*(?P<value>"[^"]*"|[^\s()"]+)'
    r'|(?P<word>"[^"]*"|[^\s()"=]+))'
)
_PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")
_LETTERS_OF_STEP: Final = 4
"""Of a metric's names, that are cut into parts while a microsecond passes."""
_LETTERS_OF_LOOK: Final = 250
"""That are looked through for a word in such a time."""


class _Names:
    """The names of a metric, each cut into parts once, whatever number of words is looked for in them."""

    def __init__(self, metric: Metric) -> None:
        self.named = {"MetricName": metric.name, "Namespace": metric.namespace, **dict(metric.dimensions)}
        self._texts = [metric.name, *(each for pair in metric.dimensions for each in pair)]
        self._parts: dict[str, str] = {}

    @cached_property
    def lower(self) -> str:
        return _END.join(self._texts).lower()

    @cached_property
    def parts(self) -> str:
        return _END.join(_parts(text) for text in self._texts)

    def parts_of(self, text: str) -> str:
        if text not in self._parts:
            self._parts[text] = _parts(text)
        return self._parts[text]


Test = Callable[[_Names], bool]


@dataclass(frozen=True, slots=True)
class Terms:
    """What is searched for.

    Attributes:
        namespace, dimensions: exactly; None: any.
        words: that are looked for.
    """

    namespace: str | None
    dimensions: frozenset[str] | None
    words: int
    met: Test

    def steps(self, metric: Metric) -> int:
        """What looking at the names of a metric costs, for ``Steps``."""
        if not self._may_meet(metric):
            return 0
        letters = len(metric.name) + sum(len(name) + len(value) for name, value in metric.dimensions)
        return letters // _LETTERS_OF_STEP + self.words * (2 + letters // _LETTERS_OF_LOOK)

    def meets(self, metric: Metric) -> bool:
        return self._may_meet(metric) and self.met(_Names(metric))

    def _may_meet(self, metric: Metric) -> bool:
        if self.namespace not in {None, metric.namespace}:
            return False
        return self.dimensions is None or self.dimensions == {name for name, _ in metric.dimensions}


@lru_cache(maxsize=256)
def terms(text: str) -> Terms:
    """Raises WrongKind where the text is no search."""
    if len(text) > LONGEST:
        raise WrongKind(f"Search is longer than {LONGEST} characters")
    namespace, dimensions, rest = None, None, text
    if schema := _SCHEMA.fullmatch(text):
        names = _names(schema[1])
        if not names:
            raise WrongKind("Search needs a namespace between braces")
        namespace, dimensions, rest = names[0], frozenset(names[1:]), schema[2]
    tokens = _tokens(rest)
    return Terms(namespace, dimensions, sum(not token["sign"] for token in tokens), _Parser(tokens).all())


def _names(text: str) -> list[str]:
    """What stands between the commas of a schema, in quotes or not. Raises WrongKind."""
    found = [each.strip() for each in _NAME.findall(text)]
    names = [each[1:-1] if each[:1] == each[-1:] == '"' else each for each in found]
    if text.count('"') % 2 or any('"' in name for name in names):
        raise WrongKind("Unsupported token '\"' in search")
    return [name for name in names if name]


def _tokens(text: str) -> Sequence[re.Match[str]]:
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        term = _TERM.match(text, at)
        if term is None:
            raise WrongKind(f"Unsupported token '{text[at:].lstrip()[0]}' in search")
        found.append(term)
        at = term.end()
    return found


class _Parser:
    def __init__(self, tokens: Sequence[re.Match[str]]) -> None:
        self._tokens, self._next, self._depth = tokens, 0, 0

    def all(self) -> Test:
        if not self._tokens:
            return lambda _: True
        found = self._either()
        if self._next < len(self._tokens):
            raise WrongKind("Unsupported token ')' in search")
        return found

    def _either(self) -> Test:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise WrongKind(f"Search is nested more than {_DEEPEST} deep")
        choices = [self._every()]
        while self._is("OR"):
            self._next += 1
            choices.append(self._every())
        self._depth -= 1
        return lambda names: any(test(names) for test in choices)

    def _every(self) -> Test:
        tests = [self._one()]
        while self._next < len(self._tokens) and not self._is("OR") and not self._is(")"):
            if self._is("AND"):
                self._next += 1
            tests.append(self._one())
        return lambda names: all(test(names) for test in tests)

    def _one(self) -> Test:
        wanted = True
        while self._is("NOT"):
            self._next += 1
            wanted = not wanted
        if self._next >= len(self._tokens):
            raise WrongKind("Unexpected end of search")
        token = self._tokens[self._next]
        self._next += 1
        if token["sign"] == "(":
            test = self._either()
            if not self._is(")"):
                raise WrongKind("Unexpected end of search, must be: ')'")
            self._next += 1
        elif token["sign"]:
            raise WrongKind("Unsupported token ')' in search")
        else:
            test = _of(token["key"].strip('"'), token["value"]) if token["key"] else _anywhere(token["word"])
        return test if wanted else lambda names: not test(names)

    def _is(self, word: str) -> bool:
        if self._next >= len(self._tokens):
            return False
        token = self._tokens[self._next]
        return word in {token["sign"], token["word"]}


def _of(key: str, wanted: str) -> Test:
    """One thing of a metric meets a word, or, in quotes, is it."""
    asked = wanted.strip('"')
    parts = _parts(asked)

    def test(names: _Names) -> bool:
        text = names.named.get(key)
        return text is not None and (text == asked if wanted.startswith('"') else _has(names.parts_of(text), parts))

    return test


def _anywhere(word: str) -> Test:
    asked = word.strip('"').lower()
    if word.startswith('"'):
        return lambda names: asked in names.lower
    parts = _parts(word)
    return lambda names: _has(names.parts, parts)


_BETWEEN: Final = "\0"
"""Before, between and after the parts of a text: names of metrics have no such letter."""
_END: Final = "\1"
"""Between texts: no word is found in two of them."""


def _has(parts: str, wanted: str) -> bool:
    """Whether the parts of a word stand in a text, in their order and next to each other."""
    return wanted != _BETWEEN * 2 and wanted in parts


def _parts(text: str) -> str:
    return f"{_BETWEEN}{_BETWEEN.join(_PART.findall(text)).lower()}{_BETWEEN}"


def searching(names: Names, steps: Steps) -> Callable[[str, str, int], Sequence[tuple[str, MetricStat]]]:
    """What finds metrics by terms, so many at most: the statistics of them, with what each of them is called.

    What is returned raises WrongKind where a text is no search or no statistic, and TooManySteps.
    """

    def search(text: str, statistic: str, period: int) -> Sequence[tuple[str, MetricStat]]:
        if not is_statistic(statistic):
            raise WrongKind(f"'{statistic}' is not a valid statistic")
        wanted, found, after = terms(text), [], None
        while True:
            page = names(wanted.namespace, _AT_ONCE, after)
            for metric, _ in page.items:
                steps.take(_STEPS_OF_NAME + wanted.steps(metric))
                if wanted.meets(metric):
                    label = " ".join(value for _, value in metric.dimensions) or metric.name
                    found.append((label, MetricStat(metric, period, statistic)))
            if page.marker is None or len(found) >= _FOUND:
                return found[:_FOUND]
            last, key = page.items[-1]
            after = (last.namespace, last.name, key)

    return search
