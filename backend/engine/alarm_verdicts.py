"""What has been measured says of alarms: read from the store, judged by the decider. Writes nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from backend.domain.alarms import ONE_LINE, Alarm, Watched, slots, window_end
from backend.domain.metric_queries import ExpressionRefused, MetricStat
from backend.domain.metrics import HOUR, Datapoint, by_spread
from backend.domain.scope import Scope
from backend.domain.steps import Steps, TooManySteps
from backend.policies.alarm_states import Point, Verdict, decide
from backend.policies.metric_math import Answers, timeline
from backend.store import metrics
from backend.store.metric_batches import points_of
from backend.store.metric_reading import reading
from backend.store.session import Connection

LOG = logging.getLogger(__name__)
_STEPS: Final = 500_000
"""Of one evaluation: half a second."""
_SHORT: Final = 3 * HOUR
"""Seconds in reach of alarms that are read together: of each there is little to read."""


Known = Mapping[str, tuple[Watched, Sequence[datetime], Mapping[datetime, Point]]]
"""What was read of several alarms at once, by their ids: what they watch, the periods in reach, and what those say."""


def read_together(conn: Connection, scope: Scope, alarms: Sequence[Alarm], now: datetime) -> Known:
    """What those of these alarms watch that are read alike: a plain statistic, over some hours at most."""
    alike: dict[tuple[int, datetime, datetime], list[tuple[Alarm, Watched, MetricStat, Sequence[datetime]]]] = {}
    for alarm in alarms:
        watched = alarm.rule
        stat = watched.stat
        if stat is None or by_spread(stat.statistic) or watched.period * watched.reach > _SHORT:
            continue
        end = window_end(watched.period, now)
        starts = slots(watched.period, watched.reach, end)
        alike.setdefault((watched.period, starts[-1], end), []).append((alarm, watched, stat, starts))
    found = {}
    for (period, start, end), group in alike.items():
        read = points_of(conn, scope, [(stat.metric, stat.unit) for _, _, stat, _ in group], period, start, end)
        for alarm, watched, stat, starts in group:
            found[alarm.id] = (watched, starts, _values(read[stat.metric, stat.unit], stat.statistic))
    return found


def verdict_of(
    conn: Connection, scope: Scope, alarm: Alarm, now: datetime, known: Known | None = None
) -> Verdict | None:
    """The state of an alarm by what has been measured; None where it keeps its own.

    Args:
        known: what was read of it already, with that of others.
    """
    if known is not None and alarm.id in known:
        watched, starts, points = known[alarm.id]
        return decide(watched, starts, points, now)
    watched = alarm.rule
    try:
        starts, points = measured(conn, scope, watched, now)
    except (ExpressionRefused, TooManySteps) as refusal:
        LOG.warning("alarm=%r project=%s cannot be judged: %r", alarm.name, scope.project_id, refusal)
        return None
    return decide(watched, starts, points, now)


def measured(
    conn: Connection, scope: Scope, watched: Watched, now: datetime
) -> tuple[Sequence[datetime], Mapping[datetime, Point]]:
    """The periods in reach, the newest first, and what those of them say that have data.

    Raises:
        ExpressionRefused, TooManySteps
    """
    end = window_end(watched.period, now)
    starts = slots(watched.period, watched.reach, end)
    steps = Steps(_STEPS)
    if watched.stat is not None:
        stat = watched.stat
        found = metrics.points(
            conn, scope, stat.metric, stat.period, starts[-1], end, stat.unit, steps, spreads=by_spread(stat.statistic)
        )
        return starts, _values(found, stat.statistic)
    read = reading(conn, scope, starts[-1], end, now, steps)
    answers = Answers(watched.queries, read, timeline(starts[-1], end), steps=steps)
    (returned,) = (query.id for query in watched.queries if query.returned)
    lines = answers.of(returned)
    if len(lines) > 1:  # what is seen by its data alone: of some functions, as many lines as have any
        raise ExpressionRefused(returned, ONE_LINE)
    return starts, {at: Point(value) for line in lines for at, value in line.values.items()}


def _values(found: Sequence[Datapoint], statistic: str) -> Mapping[datetime, Point]:
    values = ((each, each.value(statistic)) for each in found)
    return {each.at: Point(value, each.samples) for each, value in values if value is not None}
