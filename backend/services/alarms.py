"""Alarms: written, set by hand, listed and deleted. An engine judges them; see engine/alarming.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from backend.clock import Clock
from backend.domain.alarm_actions import server_act_of, server_of
from backend.domain.alarms import (
    DAY,
    ONE_LINE,
    WEEK,
    Alarm,
    AlarmFlaw,
    AlarmNotFound,
    AlarmRefused,
    AlarmState,
    HistoryItem,
    HistoryKind,
    ReasonDataUnreadable,
    Standing,
    TaggedAlarmNotFound,
    WantedAlarm,
    Watched,
    alarm_id,
    happened,
    metric_key,
    next_evaluation,
)
from backend.domain.composites import AlarmsNeeded, Composite, ManyCompositesDeleted, OtherKindOfAlarm
from backend.domain.metric_queries import ExpressionRefused
from backend.domain.metrics import HOUR, Metric
from backend.domain.page import Page
from backend.domain.scope import Scope
from backend.domain.steps import TooManySteps
from backend.errors import Finding, LimitExceeded
from backend.policies.metric_math import Answers, nothing_read
from backend.store import alarm_changes, composing, composites, counting
from backend.store import alarms as rows
from backend.store.alarms import ALARMS, AlarmQuery, HistoryQuery
from backend.store.composing import Why
from backend.store.outlets import Outlets
from backend.store.session import Connection, Store

__all__ = ["AlarmQuery", "Alarms", "HistoryQuery"]

MOST_ALARMS = 10_000
MOST_TAGS = 50
UNCHECKED = "Unchecked: Initial alarm creation"
Describe = Callable[[Alarm], Mapping[str, Any]]
"""An alarm as its history tells it."""


class Alarms:
    """Each call may raise StoreUnavailable.

    Args:
        outlets: what takes messages.
    """

    def __init__(self, store: Store, clock: Clock, outlets: Outlets | None = None) -> None:
        self._store = store
        self._clock = clock
        self._outlets = outlets or Outlets()

    def put(self, scope: Scope, wanted: WantedAlarm, describe: Describe) -> Alarm:
        """Make an alarm, or write another's configuration in the place of its own; that keeps its state and its tags.

        The very same again changes nothing. The state of a composite alarm is what its rule says at once.

        Raises:
            AlarmRefused: see domain.alarms.AlarmFlaw.
            OtherKindOfAlarm: a composite alarm is put in the place of another, or another in the place of one.
            ExpressionRefused, TooManySteps
            ChildrenMissing, SuppressorMissing, Circular, TooManyBelow, TooDeep, TooManyParents: of a composite alarm.
            LimitExceeded: of alarms or tags.
        """
        if len(wanted.tags) > MOST_TAGS:
            raise LimitExceeded("alarm_tags", MOST_TAGS)
        if wanted.composite is None:
            if (refusal := refusal_of(wanted.watched)) is not None:
                raise refusal
            _check_server(wanted)
        now = self._clock.now()
        return self._store.transact(lambda conn: put(conn, scope, wanted, describe, now, self._outlets))

    def remove(self, scope: Scope, names: Collection[str], describe: Describe) -> None:
        """Delete alarms; those that are not there are passed over. Their history stays.

        Raises:
            AlarmsNeeded: composite alarms depend on some, be it such that were to be deleted as well.
            ManyCompositesDeleted
        """
        now = self._clock.now()

        def work(conn: Connection) -> None:
            ids = {alarm_id(scope, name): name for name in names}
            if ALARMS.count(conn, scope, id=set(ids)):
                rows.wake(conn, scope, now)
            found = rows.hold_many(conn, scope, ids)
            if needed := composites.needed(conn, scope, found):
                raise AlarmsNeeded([name for each, name in ids.items() if each in needed])
            if len(many := [alarm.name for alarm in found.values() if alarm.composite is not None]) > 1:
                raise ManyCompositesDeleted(many)
            for alarm in found.values():
                ALARMS.remove(conn, scope, id=alarm.id)
                if alarm.composite is not None:
                    composites.depend(conn, scope, alarm.name, None)
                told = {"type": "Delete", "deletedAlarm": describe(alarm)}
                _configured(conn, scope, alarm, told, now)
                alarm_changes.configured(conn, scope, alarm, None, now, self._outlets)

        self._store.transact(work)

    def set_state(self, scope: Scope, name: str, state: AlarmState, reason: str, data: str | None = None) -> None:
        """Have an alarm be in a state until it is judged next, and do what it does then.

        The state that it has already changes nothing.

        Raises:
            AlarmNotFound, ReasonDataUnreadable
        """
        if data is not None:
            try:
                json.loads(data)
            except (ValueError, RecursionError) as error:
                raise ReasonDataUnreadable from error
        now = self._clock.now()

        def work(conn: Connection) -> None:
            seen = ALARMS.one(conn, scope, id=alarm_id(scope, name))
            if seen is not None and seen.state is state:
                return
            if seen is not None:
                rows.wake(conn, scope, now)  # before the alarm is held, as by everybody who holds both
            alarm = seen and ALARMS.hold(conn, scope, id=seen.id)
            if alarm is None:
                raise AlarmNotFound(name)
            if alarm.state is state:
                return
            to = Standing(state, reason, data)
            if alarm.composite is not None:
                composing.set_by_hand(conn, scope, alarm, to, now, self._outlets)
                return
            values = alarm_changes.come_to(conn, scope, alarm, to, now, self._outlets)
            if values.get("acts") is not None:
                values["next_at"] = now
            alarm_changes.write(conn, scope, alarm, **values)

        self._store.transact(work)

    def enable(self, scope: Scope, names: Collection[str], *, enabled: bool, describe: Describe) -> None:
        """Let alarms do what they do, or do nothing; names that are unknown are passed over."""
        now = self._clock.now()

        def work(conn: Connection) -> None:
            ids = {alarm_id(scope, name) for name in names}
            if ALARMS.count(conn, scope, id=ids):
                rows.wake(conn, scope, now)
            for alarm in rows.hold_many(conn, scope, ids).values():
                ALARMS.change(conn, scope, alarm.id, enabled=enabled, configured_at=now)
                made = replace(alarm, enabled=enabled, configured_at=now)
                _configured(conn, scope, alarm, _update(alarm, made, describe), now)
                alarm_changes.configured(conn, scope, alarm, made, now, self._outlets)

        self._store.transact(work)

    def page(self, scope: Scope, query: AlarmQuery, limit: int, after: str | None = None) -> Page[Alarm]:
        """Alarms by name; names that are unknown are left out."""
        with self._store.read() as conn:
            return rows.page(conn, scope, query, limit, after)

    def parents(self, scope: Scope, name: str, limit: int, after: str | None = None) -> Page[Alarm]:
        """Composite alarms whose rules name that alarm, by name."""
        with self._store.read() as conn:
            ids = composites.related(conn, scope, parents_of=name)
            return rows.page(conn, scope, AlarmQuery(ids=ids), limit, after)

    def children(self, scope: Scope, name: str, limit: int, after: str | None = None) -> Page[Alarm]:
        """Alarms that the rule of that one names, by name."""
        with self._store.read() as conn:
            ids = composites.related(conn, scope, children_of=name)
            return rows.page(conn, scope, AlarmQuery(ids=ids), limit, after)

    def of_metric(self, scope: Scope, metric: Metric) -> Sequence[Alarm]:
        """Alarms of a statistic of a metric, by name."""
        with self._store.read() as conn:
            found = ALARMS.all(conn, scope, metric_key=metric_key(metric))
        return sorted(found, key=lambda alarm: alarm.name)

    def history(
        self, scope: Scope, query: HistoryQuery, limit: int, after: tuple[int, str] | None = None
    ) -> Page[HistoryItem]:  # fmt: skip
        """What happened to alarms, by time."""
        with self._store.read() as conn:
            return rows.history(conn, scope, query, limit, after)

    def tags(self, scope: Scope, name: str) -> Mapping[str, str]:
        """Raises TaggedAlarmNotFound."""
        with self._store.read() as conn:
            alarm = ALARMS.one(conn, scope, id=alarm_id(scope, name))
        if alarm is None:
            raise TaggedAlarmNotFound(name)
        return alarm.tags

    def tag(self, scope: Scope, name: str, added: Mapping[str, str], removed: Collection[str] = ()) -> None:
        """Put tags on an alarm, over those of the same keys, and take others away.

        Raises:
            TaggedAlarmNotFound
            LimitExceeded: it would have more than 50.
        """

        def work(conn: Connection) -> None:
            alarm = ALARMS.hold(conn, scope, id=alarm_id(scope, name))
            if alarm is None:
                raise TaggedAlarmNotFound(name)
            tags = {key: value for key, value in {**alarm.tags, **added}.items() if key not in removed}
            if len(tags) > MOST_TAGS:
                raise LimitExceeded("alarm_tags", MOST_TAGS)
            ALARMS.change(conn, scope, alarm.id, tags=tags)

        self._store.transact(work)


def put(  # noqa: PLR0917 - what is asked for where, and who is told of it
    conn: Connection,
    scope: Scope,
    wanted: WantedAlarm,
    describe: Describe,
    now: datetime,
    outlets: Outlets,
) -> Alarm:
    """As ``Alarms.put``, within a transaction, of what was found to be right (``refusal_of``)."""
    wake_for(conn, scope, [wanted], now)
    before = ALARMS.hold(conn, scope, id=alarm_id(scope, wanted.name))
    made = made_of(scope, wanted, before, now)
    if before is not None:
        if (before.composite is None) is not (made.composite is None):
            raise OtherKindOfAlarm(wanted.name)
        if _same(before, made):
            return before
    composite = None if wanted.composite is None else Composite.of(wanted.composite)
    if composite is not None:
        so_far = None if before is None or before.composite is None else Composite.of(before.composite)
        composites.check(conn, scope, wanted.name, composite, so_far)
        composites.depend(conn, scope, wanted.name, composite)
    if before is None:
        counting.check(conn, scope, "alarms", MOST_ALARMS, partial(ALARMS.count, conn, scope))
        ALARMS.add(conn, scope, made)
        told: dict[str, Any] = {"type": "Create", "createdAlarm": describe(made)}
    else:
        ALARMS.change(conn, scope, made.id, **_changed(made))
        told = _update(before, made, describe)
    _configured(conn, scope, made, told, now)
    alarm_changes.configured(conn, scope, before, made, now, outlets)
    if composite is not None:
        composing.follow(conn, scope, made, now, outlets, Why.CREATED if before is None else Why.UPDATED)
    return made


def wake_for(conn: Connection, scope: Scope, wanted: Iterable[WantedAlarm], now: datetime) -> None:
    """Have an engine look when these are evaluated first. It is asked before any alarm is held: see store/alarms.py."""
    first = [
        now if each.composite is not None else next_evaluation(alarm_id(scope, each.name), each.watched.period, now)
        for each in wanted
    ]
    if first:
        rows.wake(conn, scope, min(first))


def refusal_of(watched: Watched) -> Finding | None:
    """Why no alarm may watch this, None where one may. It tries the expressions: no transaction waits for that."""
    try:
        _check(watched)
    except (AlarmRefused, ExpressionRefused, TooManySteps) as refusal:
        return refusal
    return None


def _check_server(wanted: WantedAlarm) -> None:
    """Refuse to act on a server where none is watched. Raises AlarmRefused."""
    actions = (*wanted.ok_actions, *wanted.alarm_actions, *wanted.insufficient_actions)
    if any(server_act_of(action) for action in actions) and server_of(wanted.watched) is None:
        raise AlarmRefused(AlarmFlaw.NO_SERVER)


def _check(watched: Watched) -> None:
    """Refuse what no alarm watches.

    Raises:
        AlarmRefused, ExpressionRefused, TooManySteps

    Source: the model, EvaluationPeriods.
    """
    for returned in (query.id for query in watched.queries if query.returned):
        # What an expression cannot mean is seen without any data.
        answers = Answers(watched.queries, nothing_read, lambda _: ())
        if len(answers.of(returned)) > 1:
            raise ExpressionRefused(returned, ONE_LINE)
    if watched.enough > watched.periods:
        raise AlarmRefused(AlarmFlaw.MORE_THAN_ALL)
    seconds = watched.period * watched.periods
    if watched.period < HOUR and seconds > DAY:
        raise AlarmRefused(AlarmFlaw.MANY_SECONDS)
    if seconds > WEEK:
        raise AlarmRefused(AlarmFlaw.MANY_SECONDS_OF_WEEK)


def made_of(scope: Scope, wanted: WantedAlarm, before: Alarm | None, now: datetime) -> Alarm:
    """What is written for what was asked for."""
    key, stat = alarm_id(scope, wanted.name), wanted.watched.stat
    made = Alarm(
        id=key,
        name=wanted.name,
        created_at=now,
        configured_at=now,
        updated_at=now,
        transitioned_at=now,
        watched=wanted.watched.document(),
        description=wanted.description,
        enabled=wanted.enabled,
        ok_actions=wanted.ok_actions,
        alarm_actions=wanted.alarm_actions,
        insufficient_actions=wanted.insufficient_actions,
        reason=UNCHECKED,
        metric_key=None if stat is None else metric_key(stat.metric),
        policy_id=wanted.policy_id,
        tags=wanted.tags,
        next_at=None if wanted.composite is not None else next_evaluation(key, wanted.watched.period, now),
        composite=wanted.composite,
    )
    if before is None:
        return made
    kept: tuple[str, ...] = (
        *("created_at", "updated_at", "transitioned_at", "state", "reason", "reason_data", "tags", "acts"),
        *("because", "held"),
    )
    if _suppressor(before) == _suppressor(made):  # what it was in when it was looked at last is known
        kept = (*kept, "seen")
    return replace(made, **{name: getattr(before, name) for name in kept})


def _suppressor(alarm: Alarm) -> str | None:
    held = None if alarm.composite is None else Composite.of(alarm.composite).suppressor
    return None if held is None else held.name


_CONFIGURED = (
    *("watched", "description", "enabled", "ok_actions", "alarm_actions", "insufficient_actions", "metric_key"),
    *("policy_id", "composite"),
)


def _same(one: Alarm, other: Alarm) -> bool:
    """Whether both are configured alike. Source: conformance/recorded alarm_idempotence."""
    return all(getattr(one, name) == getattr(other, name) for name in _CONFIGURED)


def _changed(made: Alarm) -> dict[str, Any]:
    values = {name: getattr(made, name) for name in (*_CONFIGURED, "configured_at")}
    return values if made.acts is not None else {**values, "next_at": made.next_at}


def _configured(conn: Connection, scope: Scope, alarm: Alarm, told: Mapping[str, Any], now: datetime) -> None:
    summary = f'Alarm "{alarm.name}" {_VERBS[told["type"]]}'
    rows.record(conn, scope, happened(alarm, HistoryKind.CONFIGURATION, summary, {"version": "1.0", **told}, now))


def _update(before: Alarm, made: Alarm, describe: Describe) -> dict[str, Any]:
    """What an update is told as: what is now, and what was where that is another.

    Source: conformance/recorded alarm_controls.
    """
    was, now = describe(before), describe(made)
    original = {name: value for name, value in was.items() if now.get(name) != value}
    return {"type": "Update", "updatedAlarm": now, "originalUpdatedFields": original}


_VERBS: Final = {"Create": "created", "Update": "updated", "Delete": "deleted"}
