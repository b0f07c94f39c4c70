"""Metrics: what is measured is put, named, and read by periods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from backend.clock import Clock
from backend.domain.metric_queries import Query
from backend.domain.metrics import LISTED, MINUTE, Datapoint, Datum, Metric, MetricLimits, PackingBehind
from backend.domain.page import Page
from backend.domain.scope import Scope
from backend.domain.steps import Steps
from backend.errors import LimitExceeded
from backend.policies.metric_math import Answers, timeline
from backend.policies.metric_search import searching
from backend.store import metrics as rows
from backend.store.metric_reading import begin, names, reading
from backend.store.metrics import MetricQuery
from backend.store.session import Store

_STEPS: Final = 2_000_000
"""Work that one request may cause: a point that is read or reckoned with is one step."""


class Metrics:
    """Each call may raise StoreUnavailable."""

    def __init__(self, store: Store, clock: Clock, limits: MetricLimits | None = None) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits or MetricLimits()

    def now(self) -> datetime:
        """The time that data are judged by."""
        return self._clock.now()

    def put(self, scope: Scope, data: Sequence[Datum]) -> None:
        """Add what was measured.

        Raises:
            LimitExceeded: of new series; what was measured of others is added all the same.
            PackingBehind: some are of times gone by, and more of those wait to be packed than are to wait.
        """
        if data:
            now = self._clock.now()
            if any(datum.slot < now - rows.FINE_FOR for datum in data):
                with self._store.read() as conn:
                    if rows.is_behind(conn, scope, now):
                        raise PackingBehind
            add = partial(rows.add, scope=scope, data=data, now=now, limits=self._limits)
            if self._store.transact(add):
                raise LimitExceeded("series", self._limits.series)

    def page(
        self, scope: Scope, query: MetricQuery, limit: int, after: tuple[str, str, str] | None
    ) -> Page[tuple[Metric, str]]:
        """Metrics that have had data lately, with their ids, by namespace and name."""
        since = query.since or self._clock.now() - LISTED
        with self._store.read() as conn:
            return rows.page(conn, scope, replace(query, since=since), limit, after)

    def periods(
        self, scope: Scope, metric: Metric, period: int, start: datetime, end: datetime
    ) -> Mapping[str, Sequence[Datapoint]]:
        """The periods of a metric from ``start`` on and before ``end``, ascending, by the unit of their data."""
        first = begin(start, period, self._clock.now())
        with self._store.read() as conn:
            return rows.by_unit(conn, scope, metric, period, first, end)

    @contextmanager
    def answering(self, scope: Scope, queries: Sequence[Query], start: datetime, end: datetime) -> Iterator[Answers]:
        """The answers to questions about the periods from ``start`` on and before ``end``.

        Raises (when they are asked for):
            ExpressionRefused, TooManySteps
        """
        now, steps = self._clock.now(), Steps(_STEPS)
        instants = timeline(begin(start, MINUTE, now), min(end, now))
        with self._store.read() as conn:
            search = searching(names(conn, scope, now - LISTED), steps)
            yield Answers(queries, reading(conn, scope, start, end, now, steps), instants, search, steps)
