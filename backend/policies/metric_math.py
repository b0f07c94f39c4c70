"""Metric math: answers to questions that are statistics, or expressions over others. Reads nothing itself.

Source: CloudWatch User Guide, "Using metric math".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from backend.domain.metric_queries import ExpressionRefused, Line, MetricStat, Query
from backend.domain.metrics import MINUTE, floored
from backend.domain.steps import Steps
from backend.policies.math_functions import DECLINED, FUNCTIONS, Context
from backend.policies.math_syntax import (
    BadSyntax,
    Call,
    Listed,
    Name,
    Negated,
    Node,
    Number,
    Operation,
    Text,
    parsed,
    unsupported,
)
from backend.policies.math_values import Value, WrongKind, both, each

Read = Callable[[MetricStat], Line]
Search = Callable[[str, str, int], Sequence[tuple[str, MetricStat]]]
"""(terms, statistic, period) -> labels and statistics of what they find."""

_CHAIN: Final = 20
"""Expressions that name others that name others."""
_DEEPEST: Final = 100
"""Of all expressions that name each other together: a level is some calls of Python's."""
_LINES: Final = 500
"""Of an array: as many as one request may ask for, and as one search finds."""
_STEPS_OF_LINE: Final = 10
"""That a line costs beside its values, even where it has none."""


def no_search(_terms: str, _statistic: str, _period: int) -> Sequence[tuple[str, MetricStat]]:
    """Where nothing may be searched for: in alarms."""
    raise WrongKind("Function SEARCH is not supported here")


def nothing_read(stat: MetricStat) -> Line:
    """A statistic without any data: by it is seen what an expression cannot mean."""
    return Line("", stat.period, {}, stat=stat)


def timeline(start: datetime, end: datetime) -> Callable[[int], Sequence[datetime]]:
    """The starts of periods of a length from ``start`` on and before ``end``."""

    def instants(period: int) -> Sequence[datetime]:
        first = start if period >= MINUTE else floored(start, period)
        count = max(-((first - end) // timedelta(seconds=period)), 0)
        return [first + timedelta(seconds=period * number) for number in range(count)]

    return instants


class Answers:
    """The answers to some questions, each found once, when it is asked for.

    Args:
        queries: ids are unique; each has a statistic or an expression.
        read: what reads statistics.
        instants: the starts of all periods of a length, of what expressions fill in.
        search: what finds metrics by terms.
        steps: how much work they may cause.
    """

    def __init__(
        self,
        queries: Sequence[Query],
        read: Read,
        instants: Callable[[int], Sequence[datetime]],
        search: Search = no_search,
        steps: Steps | None = None,
    ) -> None:
        self._queries: Final = {query.id: query for query in queries}
        self._read = read
        self._instants = instants
        self._search = search
        self._steps = steps or Steps()
        self._known: dict[str, Value] = {}
        self._open: list[str] = []
        self._depth = 0
        periods = [query.stat.period for query in queries if query.stat is not None]
        self._period = min(periods, default=MINUTE)

    def of(self, query_id: str) -> list[Line]:
        """The lines that answer a question: one, or of an expression some or none.

        Raises:
            ExpressionRefused: an expression means nothing, or a number.
            TooManySteps
        """
        value = self._value_of(query_id)
        if isinstance(value, float):
            raise ExpressionRefused(query_id, "The expression must return a time series or an array of time series")
        label = self._queries[query_id].label
        lines = value if isinstance(value, list) else [value]
        self._steps.take(_size(lines))
        return [replace(line, id=query_id, label=label or line.label) for line in lines]

    def _value_of(self, query_id: str) -> Value:
        if query_id in self._known:
            return self._known[query_id]
        query = self._queries[query_id]
        if query.stat is not None:
            found: Value = replace(self._read(query.stat), id=query_id, label=query.label)
        else:
            found = self._expression(query)
        self._known[query_id] = found
        return found

    def _expression(self, query: Query) -> Value:
        if query.id in self._open or len(self._open) >= _CHAIN:
            raise ExpressionRefused(query.id, "The expression refers to itself, or to too long a chain of others")
        text = query.expression or ""
        if text.lstrip()[:6].upper() == "SELECT":
            raise ExpressionRefused(query.id, "Queries that begin with SELECT are not supported by Coppice")
        self._open.append(query.id)
        try:
            return self._value(parsed(text))
        except (BadSyntax, WrongKind) as error:
            raise ExpressionRefused(query.id, error.reason) from error
        finally:
            self._open.pop()

    def _value(self, node: Node) -> Value:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise BadSyntax(f"Expressions are nested more than {_DEEPEST} deep")
        try:
            found = self._made(node)
        finally:
            self._depth -= 1
        self._steps.take(1 + _size(found))
        return found

    def _made(self, node: Node) -> Value:
        match node:
            case Number(value):
                return value
            case Name(name, at):
                if name not in self._queries:
                    raise BadSyntax(unsupported(name, at))
                return self._value_of(name)
            case Negated(operand):
                return each(self._value(operand), lambda value: -value)
            case Operation():
                return self._reckoned(node)
            case Listed(items):
                return self._listed(items)
            case Call(name, arguments, at):
                return self._called(name, arguments, at)
            case Text(value):
                raise WrongKind(f"Text '{value}' stands where a value is needed")

    def _reckoned(self, node: Node) -> Value:
        """Long sums lean to the left: they are no deeper than what stands in them."""
        rest: list[Operation] = []
        while isinstance(node, Operation):
            rest.append(node)
            node = node.left
        found = self._value(node)
        for each_one in reversed(rest):
            found = both(each_one.sign, found, self._value(each_one.right))
            self._steps.take(_size(found))
        return found

    def _listed(self, items: Sequence[Node]) -> Value:
        lines: list[Line] = []
        for item in items:
            value = self._value(item)
            if isinstance(value, float):
                raise WrongKind("An array holds time series, not numbers")
            fresh = value if isinstance(value, list) else [value]
            if len(lines) + len(fresh) > _LINES:
                raise WrongKind(f"An array holds more than {_LINES} time series")  # unsourced
            self._steps.take(_size(fresh))
            lines += fresh
        return lines

    def _called(self, name: str, arguments: Sequence[Node], at: int) -> Value:
        if name in DECLINED:
            raise BadSyntax(f"Function {name} is not supported by Coppice")
        signature = FUNCTIONS.get(name)
        if signature is None:
            raise BadSyntax(unsupported(name, at))
        if len(arguments) < signature.least or (signature.most is not None and len(arguments) > signature.most):
            raise BadSyntax(f"Function {name} at char {at} has {len(arguments)} arguments")
        context = Context(self._value, self._metrics, self._searched, self._filled, self._period)
        return signature.function(context, arguments)

    def _filled(self, period: int) -> Sequence[datetime]:
        instants = self._instants(period)
        self._steps.take(len(instants))
        return instants

    def _metrics(self, text: str) -> list[Line]:
        found = []
        for query in self._queries.values():
            if query.stat is not None and text in query.id:
                line = self._value_of(query.id)
                assert isinstance(line, Line)
                found.append(line)
        return found

    def _searched(self, terms: str, statistic: str, period: int) -> list[Line]:
        return [replace(self._read(stat), label=label) for label, stat in self._search(terms, statistic, period)]


def _size(value: Value) -> int:
    lines = value if isinstance(value, list) else [value]
    return sum(_STEPS_OF_LINE + len(line.values) for line in lines if isinstance(line, Line))
