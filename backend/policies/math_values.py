"""Values of metric math (numbers, lines, lists of lines) and the operators on them. Pure.

What is missing on one side of an operator counts as 0, what is missing on both stays missing, and so does what is
divided by 0.

Source: CloudWatch User Guide, "Metric math syntax and functions".
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from backend.domain.metric_queries import Line

Value = float | Line | list[Line]
Number = Callable[[float, float], float | None]
NO_VALUE: Final = "The expression has no value"


def _divided(one: float, other: float) -> float | None:
    return one / other if other else None


def _power(one: float, other: float) -> float | None:
    try:
        found = one**other
    except (OverflowError, ZeroDivisionError):
        return None
    return None if isinstance(found, complex) else found


def _told(truth: Callable[[float, float], bool]) -> Number:
    return lambda one, other: 1.0 if truth(one, other) else 0.0


SIGNS: Final[Mapping[str, Number]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "^": _power,
    "==": _told(operator.eq),
    "!=": _told(operator.ne),
    "<": _told(operator.lt),
    "<=": _told(operator.le),
    ">": _told(operator.gt),
    ">=": _told(operator.ge),
    "&&": _told(lambda one, other: bool(one and other)),
    "||": _told(lambda one, other: bool(one or other)),
}


class WrongKind(Exception):
    """``reason``: what kind of value is where another is needed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def finite(value: float | None) -> float | None:
    """A number that can be told, None for all others."""
    return value if value is not None and math.isfinite(value) else None


def line_of(values: Mapping[datetime, float | None], like: Line) -> Line:
    """A line like another one, with other values; those that cannot be told are missing."""
    told = {at: value for at, each in values.items() if (value := finite(each)) is not None}
    return replace(like, values=told, stat=None)


def each(of: Value, work: Callable[[float], float | None]) -> Value:
    """Every number of a value as another one."""
    if isinstance(of, list):
        return [line_of({at: work(value) for at, value in line.values.items()}, line) for line in of]
    if isinstance(of, Line):
        return line_of({at: work(value) for at, value in of.values.items()}, of)
    found = finite(work(of))
    if found is None:
        raise WrongKind(NO_VALUE)
    return found


def both(sign: str, left: Value, right: Value) -> Value:
    """What an operator makes of two values. Raises WrongKind."""
    work = SIGNS[sign]
    if isinstance(left, list) and isinstance(right, list):
        raise WrongKind(f"Operator '{sign}' cannot be applied to two arrays of time series")
    if isinstance(left, list):
        return [_lines(work, line, right) for line in left if not isinstance(right, list)]
    if isinstance(right, list):
        return [_lines(work, left, line) for line in right]
    if isinstance(left, Line) or isinstance(right, Line):
        return _lines(work, left, right)
    found = finite(work(left, right))
    if found is None:
        raise WrongKind(NO_VALUE)
    return found


def _lines(work: Number, left: float | Line, right: float | Line) -> Line:
    """Of two of which at least one is a line."""
    if isinstance(left, Line) and isinstance(right, Line):
        instants = left.values.keys() | right.values.keys()
        one, other = left.values, right.values
        return line_of({at: work(one.get(at, 0.0), other.get(at, 0.0)) for at in instants}, coarser(left, right))
    if isinstance(left, Line):
        assert not isinstance(right, Line)
        return line_of({at: work(value, right) for at, value in left.values.items()}, left)
    assert isinstance(right, Line)
    return line_of({at: work(left, value) for at, value in right.values.items()}, right)


def coarser(one: Line, other: Line) -> Line:
    return one if one.period >= other.period else other


def told_safely(work: Callable[[Sequence[float]], float], numbers: Sequence[float]) -> float | None:
    """Many numbers as one; None where that cannot be told, for it is too large."""
    try:
        return finite(work(numbers))
    except OverflowError:
        return None


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Many numbers as one."""

    work: Callable[[Sequence[float]], float]

    def of(self, value: Value) -> Value:
        """Of a line a number, of an array of lines a line: at each instant of those that have something then."""
        if isinstance(value, list):
            return self._line(value) if value else []
        if isinstance(value, Line):
            return self.number(list(value.values.values())) if value.values else 0.0
        return value

    def _line(self, lines: Sequence[Line]) -> Line:
        there: dict[datetime, list[float]] = {}
        for line in lines:
            for at, number in line.values.items():
                there.setdefault(at, []).append(number)
        like = max(lines, key=lambda line: line.period)
        found = {at: told_safely(self.work, numbers) for at, numbers in there.items()}
        return line_of(found, replace(like, label=None, units=()))

    def number(self, numbers: Sequence[float]) -> float:
        """Raises WrongKind where it cannot be told."""
        found = told_safely(self.work, numbers)
        if found is None:
            raise WrongKind(NO_VALUE)
        return found


def mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def deviation(numbers: Sequence[float]) -> float:
    """Of all there are, not of a sample of them."""
    middle = mean(numbers)
    return math.sqrt(math.fsum((number - middle) ** 2 for number in numbers) / len(numbers))
