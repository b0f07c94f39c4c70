"""GetMetricData: answers to many questions at once, newest first, page by page.

Source: Amazon CloudWatch API Reference, GetMetricData; conformance/recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from backend.domain.metric_queries import Line, MetricStat, Query
from backend.domain.metrics import MINUTE, is_statistic
from translators import paging
from translators.cloudwatch.errors import exclusive_in_queries, validation
from translators.cloudwatch.labels import check, filled, labels
from translators.cloudwatch.listing import named
from translators.cloudwatch.statistics import SHORT
from translators.registry import Call, Result, operation

_ID: Final = re.compile(r"[a-z][a-zA-Z0-9_]*")
_ZONE: Final = re.compile(r"[+-](?:0[0-9]|1[0-9]|2[0-3])[0-5][0-9]")
"""Of times in labels, which are refused: it changes nothing."""
MOST_QUERIES: Final = 500
MOST_POINTS: Final = 100_800
_FOREIGN: Final = {
    "Code": "Forbidden",
    "Value": "Access denied when getting data -"
    " please check that this account and the requested metric account are linked",
}


@operation("cloudwatch", "GetMetricData")
def get(call: Call) -> Result:
    params = call.params
    start, end = params["StartTime"], params["EndTime"]
    if start == end:
        raise validation("The parameter StartTime must not equal parameter EndTime.")
    if start > end:
        raise validation("The parameter EndTime must be greater than StartTime.")
    told = params["MetricDataQueries"]
    queries = [_query(each, f"MetricDataQueries.member.{number}") for number, each in enumerate(told, 1)]
    _check(queries)
    foreign = {each["Id"] for each in told if each.get("AccountId") not in {None, call.account_id}}
    zone = (params.get("LabelOptions") or {}).get("Timezone") or "+0000"
    if not _ZONE.fullmatch(zone):
        raise validation(f"The value {zone} for parameter LabelOptions.Timezone is not a valid offset.")  # unsourced
    most = params.get("MaxDatapoints", MOST_POINTS)
    if not 1 <= most <= MOST_POINTS:
        raise validation(
            f"The value {most} for parameter MaxDatapoints must be between 1 and {MOST_POINTS}."
        )  # unsourced
    page = _Page(call, queries, foreign, most)
    with call.backend.metrics.answering(call.scope, queries, start, end) as answers:
        for query in page.queries():
            page.take(query, [] if query.id in foreign else answers.of(query.id))
    return page.told()


class _Page:
    """What one answer holds: lines in the order of their questions, up to so many points.

    A token says which line of which question comes next, and after which point of it.
    """

    def __init__(self, call: Call, queries: Sequence[Query], foreign: set[str], most: int) -> None:
        self._call = call
        self._queries = [query for query in queries if query.returned]
        self._foreign = foreign
        self._left = most
        self._ascending = call.params.get("ScanBy") == "TimestampAscending"
        unnamed = {query.id: query.stat for query in self._queries if query.label is None and query.stat is not None}
        self._labels = labels(unnamed)
        self._account = {"AccountId": call.account_id, "Region": call.region}
        self._results: list[Mapping[str, Any]] = []
        self._next: list[int] | None = None
        self._messages: list[Mapping[str, str]] = []
        self._first = self._line = self._skip = 0
        if token := call.params.get("NextToken"):
            marker = paging.decode(token, call.operation, paging.binding(call), "cloudwatch", like=[0, 0, 0])
            self._first, self._line, self._skip = marker

    def queries(self) -> Iterator[Query]:
        """Those whose answers have room still."""
        for at, query in enumerate(self._queries):
            if at >= self._first and self._next is None:
                yield query

    def take(self, query: Query, lines: Sequence[Line]) -> None:
        at = self._queries.index(query)
        if query.id in self._foreign:
            told = {"Id": query.id, "Label": self._label(query), "Timestamps": [], "Values": []}
            self._results.append({**told, "StatusCode": "Forbidden", "Messages": [_FOREIGN]})
            return
        begin, skip = (self._line, self._skip) if at == self._first else (0, 0)
        for number, line in enumerate(lines[begin:], begin):
            if self._next is not None:
                return
            self._cut(query, line, [at, number], skip)
            skip = 0

    def _cut(self, query: Query, line: Line, place: list[int], skip: int) -> None:
        instants = sorted(line.values, reverse=not self._ascending)[skip:]
        whole = len(instants) <= self._left
        if not whole:
            instants = instants[: self._left]
            self._next = [*place, skip + self._left]
        self._left -= len(instants)
        if len(line.units) > 1:
            units = ", ".join(line.units)
            self._messages.append({"Code": "MultipleUnits", "Value": f"Multiple units returned: '[{units}]'"})
        self._results.append(
            {
                "Id": query.id,
                "Label": self._label(query, line),
                "StatusCode": "Complete" if whole else "PartialData",
                "Timestamps": instants,
                "Values": [line.values[each] for each in instants],
            }
        )

    def _label(self, query: Query, line: Line | None = None) -> str:
        if query.label is not None:
            known = line or Line(query.id, query.stat.period if query.stat else MINUTE, {}, stat=query.stat)
            return filled(query.label, known, query.stat.metric.name if query.stat else query.id, self._account)
        if query.id in self._labels:
            return self._labels[query.id]
        return line.label if line is not None and line.label else query.id

    def told(self) -> Result:
        token = {}
        if self._next is not None:
            token["NextToken"] = paging.encode(self._call.operation, self._next, paging.binding(self._call))
        return {"Messages": self._messages, "MetricDataResults": self._results, **token}


def _query(told: Mapping[str, Any], path: str) -> Query:
    """One question. Raises AWSError."""
    if not _ID.fullmatch(told["Id"]):
        words = f"The value for parameter {path}.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
        raise validation(words)
    stat, expression = told.get("MetricStat"), told.get("Expression")
    if stat is not None and expression is not None:
        raise exclusive_in_queries(f"{path}.Expression", f"{path}.MetricStat")
    if stat is None and expression is None:
        raise validation(f"The parameter {path}.Expression or {path}.MetricStat must be specified.")  # unsourced
    read = None if stat is None else _stat(stat, f"{path}.MetricStat")
    if told.get("Label"):
        check(told["Label"], f"{path}.Label")
    if told.get("Period") is not None:
        _check_period(told["Period"], f"{path}.Period")
    return Query(
        told["Id"], read, expression, told.get("Label") or None, told.get("ReturnData", True), told.get("Period")
    )


def _stat(told: Mapping[str, Any], path: str) -> MetricStat:
    if not is_statistic(told["Stat"]):
        raise validation(f"The value for parameter {path}.Stat is not a valid statistic.")
    _check_period(told["Period"], f"{path}.Period")
    metric = told["Metric"]
    for name in ("Namespace", "MetricName"):
        if metric.get(name) is None:
            raise validation(f"The parameter {path}.Metric.{name} is required.")  # unsourced
    return MetricStat(named(metric), told["Period"], told["Stat"], told.get("Unit"))


def _check_period(period: int, path: str) -> None:
    if (period < MINUTE and period not in SHORT) or (period > MINUTE and period % MINUTE):
        shorts = ", ".join(map(str, SHORT))
        raise validation(f"The parameter {path} must be one of [{shorts}] or a multiple of {MINUTE}.")  # unsourced


def _check(queries: Sequence[Query]) -> None:
    if len(queries) > MOST_QUERIES:
        raise validation(f"The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}.")
    if len({query.id for query in queries}) < len(queries):
        raise validation("The values for parameter Id in MetricDataQueries are not unique.")  # unsourced
