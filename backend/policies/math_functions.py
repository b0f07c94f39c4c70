"""Functions of metric math: one row each in a table. Pure.

Source: CloudWatch User Guide, "Metric math syntax and functions".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from backend.domain.metric_queries import Line
from backend.domain.metrics import MINUTE
from backend.policies.math_syntax import Name, Node, Number, Text
from backend.policies.math_values import Aggregate, Value, WrongKind, deviation, each, line_of, mean, told_safely

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST: Final = 86_400 * 30
"""Seconds of a period."""


@dataclass(frozen=True, slots=True)
class Context:
    """What functions ask for beside their arguments.

    Attributes:
        value: of an argument.
        metrics: the lines of all queries that are statistics and whose ids hold a text.
        search: the lines of a search's text, statistic and period.
        instants: the starts of all periods of that length.
        period: of a line that is of no metric.
    """

    value: Callable[[Node], Value]
    metrics: Callable[[str], list[Line]]
    search: Callable[[str, str, int], list[Line]]
    instants: Callable[[int], Sequence[datetime]]
    period: int


Function = Callable[[Context, Sequence[Node]], Value]


def _number(context: Context, node: Node, name: str) -> float:
    value = context.value(node)
    if not isinstance(value, float):
        raise WrongKind(f"Function {name} needs a number")
    return value


def _array(context: Context, node: Node, name: str) -> list[Line]:
    value = context.value(node)
    if not isinstance(value, list):
        raise WrongKind(f"Function {name} needs an array of time series")
    return value


def _aggregate(work: Callable[[Sequence[float]], float]) -> Function:
    """Several arguments are taken for an array of them."""
    aggregate = Aggregate(work)

    def function(context: Context, arguments: Sequence[Node]) -> Value:
        values = [context.value(each) for each in arguments]
        if len(values) == 1:
            return aggregate.of(values[0])
        if all(isinstance(value, float) for value in values):
            return aggregate.number([value for value in values if isinstance(value, float)])
        if any(not isinstance(value, Line) for value in values):
            raise WrongKind("Arguments of different kinds cannot be put together")
        return aggregate.of([value for value in values if isinstance(value, Line)])

    return function


def _each(work: Callable[[float], float | None]) -> Function:
    return lambda context, arguments: each(context.value(arguments[0]), work)


def _per_line(name: str, work: Callable[[Line], Line]) -> Function:
    """Of each line of an array, or of the one."""

    def function(context: Context, arguments: Sequence[Node]) -> Value:
        value = context.value(arguments[0])
        if isinstance(value, float):
            raise WrongKind(f"Function {name} cannot be applied to a number")
        return [work(line) for line in value] if isinstance(value, list) else work(value)

    return function


def _steps(line: Line, work: Callable[[float, float], float]) -> Line:
    """What ``work`` makes of each value's difference to the one before and the seconds between them."""
    instants = sorted(line.values)
    found: dict[datetime, float | None] = {}
    for before, at in pairwise(instants):
        found[at] = work(line.values[at] - line.values[before], (at - before).total_seconds())
    return line_of(found, line)


def _running(line: Line) -> Line:
    found: dict[datetime, float | None] = {}
    total = 0.0
    for at in sorted(line.values):
        total += line.values[at]
        found[at] = total
    return line_of(found, line)


def _of_time(work: Callable[[datetime], float]) -> Callable[[Line], Line]:
    return lambda line: line_of({at: float(work(at)) for at in line.values}, line)


def _period(context: Context, arguments: Sequence[Node]) -> Value:
    value = context.value(arguments[0])
    if not isinstance(value, Line):
        raise WrongKind("Function PERIOD needs a time series")
    return float(value.period)


def _metric_count(context: Context, arguments: Sequence[Node]) -> Value:
    return float(len(_array(context, arguments[0], "METRIC_COUNT")))


def _datapoint_count(context: Context, arguments: Sequence[Node]) -> Value:
    value = context.value(arguments[0])
    if isinstance(value, Line):
        return float(len(value.values))
    if isinstance(value, list):
        return Aggregate(lambda numbers: float(len(numbers))).of(value)
    raise WrongKind("Function DATAPOINT_COUNT cannot be applied to a number")


def _end(which: int, name: str) -> Function:
    def function(context: Context, arguments: Sequence[Node]) -> Value:
        lines = _array(context, arguments[0], name)
        return lines[which] if lines else []

    return function


def _time_series(context: Context, arguments: Sequence[Node]) -> Value:
    number = _number(context, arguments[0], "TIME_SERIES")
    return Line("", context.period, dict.fromkeys(context.instants(context.period), number))


def _remove_empty(context: Context, arguments: Sequence[Node]) -> Value:
    return [line for line in _array(context, arguments[0], "REMOVE_EMPTY") if line.values]


def _slice(context: Context, arguments: Sequence[Node]) -> Value:
    lines = _array(context, arguments[0], "SLICE")
    begin = int(_number(context, arguments[1], "SLICE"))
    if len(arguments) == 2:
        return lines[begin] if 0 <= begin < len(lines) else []
    return lines[max(begin, 0) : max(int(_number(context, arguments[2], "SLICE")), 0)]


_ORDERS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "AVG": mean,
    "SUM": math.fsum,
    "MIN": min,
    "MAX": max,
}


def _sort(context: Context, arguments: Sequence[Node]) -> Value:
    """Lines whose place cannot be told, because they have no value or too large ones, come last."""
    lines = _array(context, arguments[0], "SORT")
    by = _word(arguments[1], _ORDERS, "SORT")
    order = _word(arguments[2], ("ASC", "DESC", "DSC"), "SORT")
    keys = [told_safely(_ORDERS[by], list(line.values.values())) if line.values else None for line in lines]
    placed = [(key, at) for at, key in enumerate(keys) if key is not None]
    placed.sort(key=lambda each: each[0], reverse=order != "ASC")
    every = [*(lines[at] for _, at in placed), *(lines[at] for at, key in enumerate(keys) if key is None)]
    most = int(_number(context, arguments[3], "SORT")) if len(arguments) > 3 else len(every)
    return every[: max(most, 0)]


def _word(node: Node, known: Sequence[str] | Mapping[str, object], name: str) -> str:
    word = node.name if isinstance(node, Name) else ""
    if word not in known:
        raise WrongKind(f"Function {name} needs one of {', '.join(known)}")
    return word


def _metrics(context: Context, arguments: Sequence[Node]) -> Value:
    return context.metrics(_text(arguments[0], "METRICS") if arguments else "")


def _search(context: Context, arguments: Sequence[Node]) -> Value:
    period = arguments[2] if len(arguments) > 2 else None
    if period is not None and not isinstance(period, Number):
        raise WrongKind("Function SEARCH needs a period in seconds")
    seconds = context.period if period is None else int(period.value)
    if not 0 < seconds <= _LONGEST or (seconds > MINUTE and seconds % MINUTE):
        raise WrongKind("Function SEARCH needs a period that is a multiple of 60 seconds")
    return context.search(_text(arguments[0], "SEARCH"), _text(arguments[1], "SEARCH"), seconds)


def _text(node: Node, name: str) -> str:
    if not isinstance(node, Text):
        raise WrongKind(f"Function {name} needs a text in quotes")
    return node.value


def _if(context: Context, arguments: Sequence[Node]) -> Value:
    condition = context.value(arguments[0])
    yes = context.value(arguments[1])
    no = context.value(arguments[2]) if len(arguments) > 2 else None
    if any(isinstance(value, list) for value in (condition, yes, no)):
        raise WrongKind("Function IF cannot be applied to an array of time series")
    if isinstance(condition, float):
        chosen = yes if condition else no
        if chosen is None:
            raise WrongKind("Function IF needs a third argument where its condition is a number that is 0")
        return chosen
    assert isinstance(condition, Line)
    found: dict[datetime, float | None] = {}
    for at, truth in condition.values.items():
        found[at] = _at(yes, at, 0.0) if truth else _at(no, at, None)
    return line_of(found, condition)


def _at(value: Value | None, at: datetime, missing: float | None) -> float | None:
    if isinstance(value, Line):
        return value.values.get(at, missing)
    return value if isinstance(value, float) else None


def _fill(context: Context, arguments: Sequence[Node]) -> Value:
    value, how = context.value(arguments[0]), arguments[1]
    if isinstance(value, float):
        raise WrongKind("Function FILL cannot be applied to a number")
    word = how.name if isinstance(how, Name) else ""
    if word in _FILLS:
        fill = _FILLS[word]
    else:
        other = context.value(how)
        if isinstance(other, list):
            raise WrongKind("Function FILL needs a number, a time series, REPEAT or LINEAR")
        fill = lambda line, instants: {at: line.values.get(at, _at(other, at, None)) for at in instants}  # noqa: E731
    lines = value if isinstance(value, list) else [value]
    filled = [line_of(fill(line, sorted({*context.instants(line.period), *line.values})), line) for line in lines]
    return filled if isinstance(value, list) else filled[0]


def _repeat(line: Line, instants: Sequence[datetime]) -> dict[datetime, float | None]:
    found: dict[datetime, float | None] = {}
    last: float | None = None
    for at in instants:
        last = line.values.get(at, last)
        found[at] = last
    return found


def _linear(line: Line, instants: Sequence[datetime]) -> dict[datetime, float | None]:
    """Between two values on the line from one to the other; before the first and after the last nothing."""
    found: dict[datetime, float | None] = dict(line.values)
    known = sorted(line.values)
    at = 0
    for one, other in pairwise(known):
        while at < len(instants) and instants[at] < other:
            if instants[at] > one:
                share = (instants[at] - one) / (other - one)
                found[instants[at]] = line.values[one] + share * (line.values[other] - line.values[one])
            at += 1
    return found


_FILLS: Final = {"REPEAT": _repeat, "LINEAR": _linear}


@dataclass(frozen=True, slots=True)
class Signature:
    """A function and how many arguments it takes, None: any number."""

    function: Function
    least: int = 1
    most: int | None = 1


_LINES: Final[Mapping[str, Callable[[Line], Line]]] = {
    "RATE": lambda line: _steps(line, lambda difference, seconds: difference / seconds),
    "DIFF": lambda line: _steps(line, lambda difference, _: difference),
    "DIFF_TIME": lambda line: _steps(line, lambda _, seconds: seconds),
    "RUNNING_SUM": _running,
    "MINUTE": _of_time(lambda at: at.minute),
    "HOUR": _of_time(lambda at: at.hour),
    "DAY": _of_time(lambda at: at.isoweekday()),
    "DATE": _of_time(lambda at: at.day),
    "MONTH": _of_time(lambda at: at.month),
    "YEAR": _of_time(lambda at: at.year),
    "EPOCH": _of_time(lambda at: (at - _EPOCH).total_seconds()),
}

FUNCTIONS: Final[Mapping[str, Signature]] = {
    "AVG": Signature(_aggregate(mean), most=None),
    "SUM": Signature(_aggregate(math.fsum), most=None),
    "MIN": Signature(_aggregate(min), most=None),
    "MAX": Signature(_aggregate(max), most=None),
    "STDDEV": Signature(_aggregate(deviation), most=None),
    "ABS": Signature(_each(abs)),
    "CEIL": Signature(_each(lambda value: float(math.ceil(value)))),
    "FLOOR": Signature(_each(lambda value: float(math.floor(value)))),
    "LOG": Signature(_each(lambda value: math.log(value) if value > 0 else None)),
    "LOG10": Signature(_each(lambda value: math.log10(value) if value > 0 else None)),
    **{name: Signature(_per_line(name, work)) for name, work in _LINES.items()},
    "PERIOD": Signature(_period),
    "METRIC_COUNT": Signature(_metric_count),
    "DATAPOINT_COUNT": Signature(_datapoint_count),
    "FIRST": Signature(_end(0, "FIRST")),
    "LAST": Signature(_end(-1, "LAST")),
    "TIME_SERIES": Signature(_time_series),
    "REMOVE_EMPTY": Signature(_remove_empty),
    "SLICE": Signature(_slice, 2, 3),
    "SORT": Signature(_sort, 3, 4),
    "METRICS": Signature(_metrics, 0, 1),
    "SEARCH": Signature(_search, 2, 3),
    "IF": Signature(_if, 2, 3),
    "FILL": Signature(_fill, 2, 2),
}

DECLINED: Final = frozenset(
    {"ANOMALY_DETECTION_BAND", "INSIGHT_RULE_METRIC", "SERVICE_QUOTA", "LAMBDA", "DB_PERF_INSIGHTS"}
)
"""Functions of CloudWatch that are not here, as are no queries that begin with SELECT."""
