"""Alarms that are due: judged by what was measured, in batches; then their scaling policies, each in its own turn.

What was measured is read with no transaction open. What comes of it is written for those alarms alone that are still
as they were read. What is to be done is written with the state that it is for, and done afterwards: an engine that
dies in between is followed by another, which does it. A state that lasts has its policies asked again once a minute.

A look at a project is short, and there is one for each claim, so that nobody else's alarms, and no other work, wait
for a project that has many. A fault of ours in one alarm puts that one off, and no other.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from backend.domain import alarm_work
from backend.domain.alarms import Alarm, Standing, is_minute_of, next_evaluation
from backend.domain.scope import Scope
from backend.domain.steps import TooManySteps
from backend.engine.alarm_acts import act, passed
from backend.engine.alarm_servers import serve
from backend.engine.alarm_verdicts import Known, read_together, verdict_of
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.policies.alarm_states import Verdict
from backend.store import alarm_changes, alarms, composing, failures
from backend.store.alarms import ALARMS, ROUNDS, RoundLease
from backend.store.failures import Failure
from backend.store.session import Connection

LOG = logging.getLogger(__name__)
_TOGETHER: Final = 100
"""Alarms whose data are read at once."""
_JUDGE_SECONDS: Final = 0.25
"""No further alarm is judged by a look that has taken so long."""
_WRITE_SECONDS: Final = 0.25
"""No further state is written in a transaction that has taken so long."""
_ACT_SECONDS: Final = 0.25
"""No further alarm has its policies asked by a look that has done so for so long."""
_REST: Final = 3
"""Where more is due than a look had time for, the next one comes after so many times what this one took: a project
has a quarter of the time of an engine."""
_FAULT_PAUSE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Judged:
    """An alarm as it was read, and what was measured says of it.

    Attributes:
        verdict: None where it keeps its state.
        faulty: a fault of ours kept it from being judged.
    """

    alarm: Alarm
    verdict: Verdict | None = None
    faulty: bool = False


@dataclass(slots=True)
class _Noted:
    """What was written of a batch.

    Attributes:
        acting: ids of alarms whose policies are to be asked; where there are none, the lease was given back.
        serving: ids of those among them that do something to a server.
        judged, faults: how many alarms were.
    """

    acting: list[str] = field(default_factory=list)
    serving: list[str] = field(default_factory=list)
    judged: int = 0
    faults: int = 0


@dataclass(frozen=True, slots=True)
class _Acted:
    """What the policies of an alarm did, for the log."""

    lines: Sequence[str] = ()
    faulty: bool = False


def look(context: Context, lease: RoundLease) -> Job:
    """The job of a project whose alarms are due: one look at those that are due longest."""
    clock = context.clock
    began = clock.monotonic()
    judged, late = _judge(context, lease.scope, began + _JUDGE_SECONDS)
    rest = timedelta(seconds=_REST * (clock.monotonic() - began)) if late else timedelta()
    noted: _Noted | None = yield Write(partial(_note, context, lease, judged, rest))
    if noted is None:  # another engine has it
        return
    context.count("alarms_judged", noted.judged)
    faults = noted.faults
    yield from serve(context, lease, noted.serving)
    ends_at = clock.monotonic() + _ACT_SECONDS
    for alarm_id in noted.acting:
        acted: _Acted = yield Write(partial(_act, context, lease, alarm_id))
        faults += acted.faulty
        for line in acted.lines:
            context.count("alarms_acted")
            LOG.info("project=%s region=%s %s", lease.scope.project_id, lease.scope.region, line)
        if clock.monotonic() >= ends_at:
            break
    if faults:
        context.count("alarm_faults", faults)
    if noted.acting:
        yield Write(partial(_give_back, context, lease, rest))


def _judge(context: Context, scope: Scope, ends_at: float) -> tuple[list[_Judged], bool]:
    """What those that are due longest come to, and whether the time was over before all of them were judged."""
    now = context.now()
    with context.store.read() as conn:
        due = deque(alarms.due(conn, scope, now, context.settings.alarms_batch))
    judged: list[_Judged] = []
    while due:
        together = deque(due.popleft() for _ in range(min(_TOGETHER, len(due))))
        known = _read_together(context, scope, together, now)
        while together:
            with context.store.read() as conn:
                while together:
                    judged.append(_judged(conn, scope, together.popleft(), now, known))
                    if (together or due) and context.clock.monotonic() >= ends_at:
                        return judged, True
                    if judged[-1].faulty:  # a statement that failed may have ended what is read in one go
                        break
    return judged, False


def _read_together(context: Context, scope: Scope, due: Sequence[Alarm], now: datetime) -> Known:
    """What can be read of these at once; nothing where a fault of ours keeps us from it: each is read alone then."""
    plain = [alarm for alarm in due if alarm.acts is None and alarm.composite is None]
    try:
        with context.store.read() as conn:
            return read_together(conn, scope, plain, now)
    except TooManySteps:  # of some there is much to read
        return {}
    except Exception as error:
        if failures.of(error) is not Failure.FAULT:
            raise
        return {}


def _judged(conn: Connection, scope: Scope, alarm: Alarm, now: datetime, known: Known) -> _Judged:
    if alarm.composite is not None or not _is_judged(alarm, now):
        return _Judged(alarm)
    try:
        return _Judged(alarm, verdict_of(conn, scope, alarm, now, known))
    except Exception as error:  # noqa: BLE001 - a fault in one alarm keeps no other from being judged
        _pass_over(scope, alarm.name, error)
        return _Judged(alarm, faulty=True)


def _is_judged(alarm: Alarm, now: datetime) -> bool:
    """Whether its state is asked for: not before what is to be done about the last one is done.

    Where that waits for a cloud that is away its state is asked for meanwhile: nothing is done when it has ended.
    """
    if alarm.acts is None:
        return True
    return not alarm_work.is_fresh(alarm.acts) and alarm_work.is_for_policies(alarm.acts, now)


def _pass_over(scope: Scope, alarm: str, error: Exception) -> None:
    """Tell of a fault of ours. What is the database's own is raised: it is met by running all of it again."""
    if failures.of(error) is not Failure.FAULT:
        raise error
    words = "alarm=%r project=%s region=%s is put off for a fault"
    LOG.error(words, alarm, scope.project_id, scope.region, exc_info=error)


def _note(
    context: Context, lease: RoundLease, judged: Sequence[_Judged], rest: timedelta, conn: Connection
) -> _Noted | None:
    """Write what alarms come to that are as they were read; the others are still due. None where the lease was lost.

    Composite alarms come last, and are read anew: they follow those that were written before.
    """
    if ROUNDS.fence(conn, lease) is None:
        return None
    now, scope, noted = context.now(), lease.scope, _Noted()
    here = alarms.hold_many(conn, scope, [each.alarm.id for each in judged])
    next_at: dict[str, datetime] = {}
    ends_at = context.clock.monotonic() + _WRITE_SECONDS
    for each in judged:
        alarm = each.alarm
        if here.get(alarm.id) != alarm or alarm.composite is not None:
            continue
        if alarm.acts is not None and (each.verdict is None or each.verdict.state is alarm.state):
            if each.verdict is not None:  # what policies choose a step by
                alarm_changes.write(conn, scope, alarm, acts={**alarm.acts, "data": each.verdict.data})
            _act_on(alarm, alarm.acts, noted)
            continue
        noted.judged += 1
        if each.faulty or not _written(context, conn, scope, each, noted, next_at):
            noted.faults += 1
            next_at[alarm.id] = now + _FAULT_PAUSE
        if context.clock.monotonic() >= ends_at:
            break
    alarms.put_off(conn, next_at)
    _follow(
        context, conn, scope, [each.alarm.id for each in judged if each.alarm.composite is not None], noted, ends_at
    )
    if not noted.acting:
        _release(conn, lease, now + rest)
    return noted


def _follow(  # noqa: PLR0917 - which composite alarms, and what is counted of them until when
    context: Context, conn: Connection, scope: Scope, ids: Sequence[str], noted: _Noted, ends_at: float
) -> None:
    """Have composite alarms that are due follow those that they depend on, as many as there is time for."""
    now = context.now()
    for key in ids:
        if context.clock.monotonic() >= ends_at:
            return
        alarm = ALARMS.hold(conn, scope, id=key)
        if alarm is None or alarm.composite is None or alarm.next_at is None or alarm.next_at > now:
            continue
        noted.judged += 1
        try:
            with conn.begin_nested():
                composing.follow(conn, scope, alarm, now, context.outlets)
        except Exception as error:  # noqa: BLE001 - as with the judgement of others
            _pass_over(scope, alarm.name, error)
            noted.faults += 1
            alarms.put_off(conn, {alarm.id: now + _FAULT_PAUSE})


def _written(  # noqa: PLR0917 - what is written of which alarm, and what is left to be done for it
    context: Context, conn: Connection, scope: Scope, judged: _Judged, noted: _Noted, next_at: dict[str, datetime]
) -> bool:
    """Write what an alarm comes to, or have it put off where that is nothing; False where a fault kept us from it."""
    alarm, now = judged.alarm, context.now()
    try:
        values = _values(context, conn, scope, judged, now)
    except Exception as error:  # noqa: BLE001 - as with its judgement
        _pass_over(scope, alarm.name, error)
        return False
    if values.get("acts") is not None:
        _act_on(alarm, values["acts"], noted)
    elif not values:
        next_at[alarm.id] = next_evaluation(alarm.id, alarm.rule.period, now)
    return True


def _act_on(alarm: Alarm, acts: Mapping[str, Any], noted: _Noted) -> None:
    """Note that an alarm is to do something, and whether to a server."""
    noted.acting.append(alarm.id)
    if alarm_work.is_for_server(acts):
        noted.serving.append(alarm.id)


def _values(context: Context, conn: Connection, scope: Scope, judged: _Judged, now: datetime) -> dict[str, Any]:
    """Write what an alarm comes to, all of it or nothing; what of its columns that changes."""
    alarm, verdict = judged.alarm, judged.verdict
    if verdict is None or verdict.state is alarm.state:
        state = alarm.state
        asked = alarm_changes.acts(alarm, state, state, None, now) if is_minute_of(alarm, now) else None
        if asked is not None:
            asked = {**asked, "data": alarm.reason_data if verdict is None else verdict.data}
        values: dict[str, Any] = {} if asked is None else {"acts": asked, "next_at": now}
        if values:
            alarm_changes.write(conn, scope, alarm, **values)
        return values
    with conn.begin_nested():
        to = Standing(verdict.state, verdict.reason, verdict.data)
        values = alarm_changes.come_to(conn, scope, alarm, to, now, context.outlets)
        again = next_evaluation(alarm.id, alarm.rule.period, now)
        values["next_at"] = now if values.get("acts") is not None else again
        alarm_changes.write(conn, scope, alarm, **values)
    return values


def _act(context: Context, lease: RoundLease, alarm_id: str, conn: Connection) -> _Acted:
    """Have an alarm's policies asked; where a fault keeps us from it they are asked again with a later evaluation."""
    try:
        with conn.begin_nested():
            return _Acted(act(context, lease, alarm_id, conn))
    except Exception as error:  # noqa: BLE001 - as with its judgement
        _pass_over(lease.scope, alarm_id, error)
    if ROUNDS.fence(conn, lease) is not None:
        alarm = ALARMS.hold(conn, lease.scope, id=alarm_id)
        if alarm is not None:
            passed(conn, lease.scope, alarm, context.now() + _FAULT_PAUSE)
    return _Acted(faulty=True)


def _give_back(context: Context, lease: RoundLease, rest: timedelta, conn: Connection) -> None:
    if ROUNDS.fence(conn, lease) is not None:
        _release(conn, lease, context.now() + rest)


def _release(conn: Connection, lease: RoundLease, rested_at: datetime) -> None:
    """Give the project back, which is held: due when its next alarm is, though not before it has rested."""
    next_at = alarms.next_due(conn, lease.scope)
    ROUNDS.release(conn, lease, None if next_at is None else max(next_at, rested_at))
