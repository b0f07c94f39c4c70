"""Alarms that are due: judged by what was measured, in batches; then their scaling policies, each in its own turn.

What is to be done is written with the state that it is for, and done afterwards: an engine that dies in between is
followed by another, which does it. A state that lasts has its policies asked again with each evaluation.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from backend.domain.alarms import Alarm, next_evaluation
from backend.domain.scope import Scope
from backend.engine.alarm_acts import act
from backend.engine.alarm_verdicts import verdict_of
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.store import alarm_changes, alarms
from backend.store.alarms import ROUNDS, RoundLease
from backend.store.session import Connection

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Round:
    """What came of one batch.

    Attributes:
        acting: ids of alarms whose policies are to be asked.
        over: nothing is due any more, and the lease is given back.
    """

    acting: Sequence[str]
    over: bool


def look(context: Context, lease: RoundLease) -> Job:
    """The job of a project whose alarms are due."""
    while True:
        found: _Round | None = yield Write(partial(_judge, context, lease))
        if found is None:  # another engine has it
            return
        for alarm_id in found.acting:
            decided: Sequence[str] = yield Write(partial(act, context, lease, alarm_id))
            for line in decided:
                context.count("alarms_acted")
                LOG.info("project=%s region=%s %s", lease.scope.project_id, lease.scope.region, line)
        if found.over:
            return


def _judge(context: Context, lease: RoundLease, conn: Connection) -> _Round | None:
    if ROUNDS.fence(conn, lease) is None:
        return None
    now, scope, most = context.now(), lease.scope, context.settings.alarms_batch
    due = alarms.due(conn, scope, now, most)
    acting = [alarm.id for alarm in due if alarm.acts is not None]
    quiet: dict[str, datetime] = {}
    for alarm in due:
        if alarm.acts is not None:
            continue
        values = _judged(conn, scope, alarm, now)
        if values.get("acts") is not None:
            acting.append(alarm.id)
            values["next_at"] = now
        if "state" in values or values["acts"] is not None:
            alarm_changes.write(conn, scope, alarm, **values)
        else:
            quiet[alarm.id] = values["next_at"]
    alarms.put_off(conn, quiet)
    context.count("alarms_judged", len(due))
    over = len(due) < most and not acting
    if over:
        next_at = alarms.next_due(conn, scope)
        ROUNDS.release(conn, lease, next_at)
    return _Round(acting, over)


def _judged(conn: Connection, scope: Scope, alarm: Alarm, now: datetime) -> dict[str, Any]:
    """What an evaluation makes of an alarm."""
    verdict = verdict_of(conn, scope, alarm, now)
    values: dict[str, Any] = {"next_at": next_evaluation(alarm.id, alarm.rule.period, now)}
    state = alarm.state if verdict is None else verdict.state
    if verdict is not None and state is not alarm.state:
        to = (verdict.state, verdict.reason, verdict.data)
        return {**values, **alarm_changes.come_to(conn, scope, alarm, to, now)}
    data = alarm.reason_data if verdict is None else verdict.data
    return {**values, "acts": alarm_changes.acts(alarm, state, state, data, now)}
