"""Metric math: answers to questions that are expressions over others. Reads nothing itself.

Source: CloudWatch User Guide, "Using metric math".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from backend.domain.metric_queries import ExpressionRefused, Line, MetricStat, Query

Read = Callable[[MetricStat], Line]


class Answers:
    """The answers to some questions, each found when it is asked for.

    Args:
        queries: ids are unique; each has a statistic or an expression.
        read: what reads statistics.
    """

    def __init__(self, queries: Sequence[Query], read: Read) -> None:
        self._queries: Final = {query.id: query for query in queries}
        self._read = read

    def of(self, query_id: str) -> Sequence[Line]:
        """The lines that answer a question: one, of an expression some or none.

        Raises:
            ExpressionRefused
        """
        query = self._queries[query_id]
        if query.stat is None:
            raise ExpressionRefused(query_id, "expressions are not supported yet")
        return [replace(self._read(query.stat), id=query_id, label=query.label)]
