"""Statistics of metrics over a time, as requests, alarms and policies read them. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from backend.domain.metric_queries import Line, MetricStat
from backend.domain.metrics import FIVE_MINUTES, HOUR, MINUTE, Datapoint, Metric, by_spread, floored
from backend.domain.page import Page
from backend.domain.scope import Scope
from backend.domain.steps import Steps
from backend.store import metrics
from backend.store.metrics import MetricQuery

OLD: Final = timedelta(days=15)
VERY_OLD: Final = timedelta(days=63)
STEPS_OF_LOOK: Final = 200
"""That looking for a metric costs, whatever it has."""


def begin(start: datetime, period: int, now: datetime) -> datetime:
    """Where the first period of a question begins: the older it is, the coarser is what is kept.

    Args:
        period: seconds; one below a minute begins at its own multiples.
    """
    age = now - start
    grain = HOUR if age > VERY_OLD else FIVE_MINUTES if age > OLD else min(period, MINUTE)
    return floored(start, grain)


def reading(  # noqa: PLR0917 - whose, when, and how much of it
    conn: Connection, scope: Scope, start: datetime, end: datetime, now: datetime, steps: Steps
) -> Callable[[MetricStat], Line]:
    """What reads statistics from ``start`` on and before ``end``, each once.

    What is returned raises TooManySteps.
    """
    known: dict[MetricStat, Line] = {}

    def line(stat: MetricStat) -> Line:
        if stat not in known:
            first = begin(start, stat.period, now)
            steps.take(STEPS_OF_LOOK)
            spreads = by_spread(stat.statistic)
            found = metrics.by_unit(conn, scope, stat.metric, stat.period, first, end, steps, spreads=spreads)
            known[stat] = of_unit(stat, found)
        return known[stat]

    return line


def names(
    conn: Connection, scope: Scope, since: datetime
) -> Callable[[str | None, int, tuple[str, str, str] | None], Page[tuple[Metric, str]]]:
    """What lists metrics that have had data since then, with their ids: (namespace, limit, last one before) -> page."""

    def page(namespace: str | None, limit: int, after: tuple[str, str, str] | None) -> Page[tuple[Metric, str]]:
        return metrics.page(conn, scope, MetricQuery(namespace, since=since), limit, after)

    return page


def of_unit(stat: MetricStat, found: Mapping[str, Sequence[Datapoint]]) -> Line:
    """A statistic of the unit that is wanted; where none is, of that which has the newest data."""
    unit = stat.unit
    if unit is None and found:
        unit = max(sorted(found), key=lambda each: found[each][-1].at)
    values = {point.at: point.value(stat.statistic) for point in (found.get(unit, ()) if unit else ())}
    several = tuple(sorted(found)) if stat.unit is None and len(found) > 1 else ()
    told = {at: value for at, value in values.items() if value is not None}
    return Line("", stat.period, told, stat=stat, units=several)
