"""What has been measured says of alarms: read from the store, judged by the decider. Writes nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from backend.domain.alarms import ONE_LINE, Alarm, Watched, slots, window_end
from backend.domain.metric_queries import ExpressionRefused
from backend.domain.metrics import by_spread
from backend.domain.scope import Scope
from backend.domain.steps import Steps, TooManySteps
from backend.policies.alarm_states import Point, Verdict, decide
from backend.policies.metric_math import Answers, timeline
from backend.store import metrics
from backend.store.metric_reading import reading
from backend.store.session import Connection

LOG = logging.getLogger(__name__)
_STEPS: Final = 500_000
"""Of one evaluation: half a second."""


def verdict_of(conn: Connection, scope: Scope, alarm: Alarm, now: datetime) -> Verdict | None:
    """The state of an alarm by what has been measured; None where it keeps its own."""
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
        values = ((each, each.value(stat.statistic)) for each in found)
        return starts, {each.at: Point(value, each.samples) for each, value in values if value is not None}
    read = reading(conn, scope, starts[-1], end, now, steps)
    answers = Answers(watched.queries, read, timeline(starts[-1], end), steps=steps)
    (returned,) = (query.id for query in watched.queries if query.returned)
    lines = answers.of(returned)
    if len(lines) > 1:  # what is seen by its data alone: of some functions, as many lines as have any
        raise ExpressionRefused(returned, ONE_LINE)
    return starts, {at: Point(value) for line in lines for at, value in line.values.items()}
