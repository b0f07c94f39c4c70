"""Rows of alarms and what happened to them. Whoever writes an alarm holds its row first.

Whoever holds the round of a project, or wakes it, does so before it holds an alarm, and holds alarms by id. Whoever
changes the state of an alarm, or holds more than one of them, holds the round: composite alarms are written after
those that they depend on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from backend.domain.alarm_actions import policy_of
from backend.domain.alarms import Alarm, AlarmState, HistoryItem, HistoryKind
from backend.domain.page import Page
from backend.domain.scope import Scope
from backend.store import composites
from backend.store.alarm_tables import alarm_history, alarm_rounds
from backend.store.alarm_tables import alarms as table
from backend.store.batches import chunks
from backend.store.leased import Lease, Leased
from backend.store.records import Records
from backend.store.types import Instant, from_micros, to_micros

_t = table.c
_h = alarm_history.c
ALARMS: Final = Records(table, Alarm)
HISTORY: Final = Records(alarm_history, HistoryItem)


@dataclass(slots=True, kw_only=True, eq=False)
class RoundLease(Lease):
    """A project and region whose alarms are looked at."""


ROUNDS: Final = Leased(alarm_rounds, RoundLease, key=("project_id", "region"))


@dataclass(frozen=True, slots=True)
class AlarmQuery:
    """Which alarms are wanted; an empty member asks for nothing in particular.

    Attributes:
        prefix: with which their names begin.
        action: with which one of their actions begins.
        composite: composite alarms, or the others; None: both.
        ids: of these alone; None: of any.
    """

    names: Collection[str] = ()
    prefix: str | None = None
    state: AlarmState | None = None
    action: str | None = None
    composite: bool | None = None
    ids: Collection[str] | None = None


def wake(conn: Connection, scope: Scope, at: datetime) -> None:
    """Have an engine look at the project's alarms then."""
    ROUNDS.demand(conn, (scope.project_id, scope.region), scope, at)


def page(conn: Connection, scope: Scope, query: AlarmQuery, limit: int, after: str | None = None) -> Page[Alarm]:
    """Alarms by name.

    Args:
        after: the last name of the page before.
    """
    found: list[Alarm] = []
    while True:
        statement = select(_t.id, _t.name).where(_t.project_id == scope.project_id, _t.region == scope.region)
        if query.names:
            statement = statement.where(_t.name.in_(list(query.names)))
        if query.prefix is not None:
            size = len(query.prefix)
            statement = statement.where(func.substr(_t.name, 1, size) == query.prefix)
        if query.state is not None:
            statement = statement.where(_t.state == str(query.state))
        if query.composite is not None:
            statement = statement.where(_t.composite.is_not(None) if query.composite else _t.composite.is_(None))
        if query.ids is not None:
            statement = statement.where(_t.id.in_(sorted(query.ids)))
        if after is not None:
            statement = statement.where(_t.name > after)
        rows = conn.execute(statement.order_by(_t.name).limit(limit + 1)).all()
        here = ALARMS.of(conn, scope, [row.id for row in rows])
        for row in rows:
            after = row.name
            alarm = here.get(row.id)
            if alarm is None or not _acts(alarm, query.action):
                continue
            if len(found) == limit:
                return Page(found, found[-1].name)
            found.append(alarm)
        if len(rows) <= limit:
            return Page(found)


def _acts(alarm: Alarm, prefix: str | None) -> bool:
    if prefix is None:
        return True
    every = (*alarm.ok_actions, *alarm.alarm_actions, *alarm.insufficient_actions)
    return any(action.startswith(prefix) for action in every)


_LISTS: Final = (_t.ok_actions, _t.alarm_actions, _t.insufficient_actions)
_FEW: Final = 20


def acting_on(conn: Connection, scope: Scope, policy_ids: Collection[str]) -> dict[str, list[str]]:
    """Names of the alarms that have each of these scaling policies executed."""
    found: dict[str, list[str]] = {policy_id: [] for policy_id in policy_ids}
    if not found:
        return found
    statement = select(_t.name, *_LISTS).where(_t.project_id == scope.project_id, _t.region == scope.region)
    words = sorted(found) if len(found) <= _FEW else ["scalingPolicy"]
    # Lists are texts in the database: what is found so is looked at.
    some = or_(*(sa.cast(column, sa.Text).contains(word) for column in _LISTS for word in words))
    for name, *lists in conn.execute(statement.where(some).order_by(_t.name)):
        for policy_id in {policy_of(action) for each in lists for action in each}:
            if policy_id in found:
                found[policy_id].append(name)
    return found


def forget_policies(
    conn: Connection, scope: Scope, policy_ids: Collection[str], now: datetime, *, idle_too: bool = False
) -> None:
    """Scaling policies are no more: their own alarms go, and no other has them executed.

    Args:
        idle_too: alarms that then do nothing at all go as well.

    Source: Auto Scaling User Guide, "Delete a scaling policy", "Delete your Auto Scaling infrastructure".
    """
    if not policy_ids:
        return
    named = {name for names in acting_on(conn, scope, policy_ids).values() for name in names}
    own = _ids_of(conn, scope, _t.policy_id, policy_ids)
    if own or named:
        wake(conn, scope, now)  # before any alarm is held; composite alarms look at what is left
    held = hold_many(conn, scope, own | _ids_of(conn, scope, _t.name, named))
    gone = set(own)
    for here in (held[each] for each in sorted(held) if each not in own):
        lists = {
            name: tuple(action for action in getattr(here, name) if policy_of(action) not in policy_ids)
            for name in ("ok_actions", "alarm_actions", "insufficient_actions")
        }
        if idle_too and not any(lists.values()):
            gone.add(here.id)
        else:
            ALARMS.change(conn, scope, here.id, **lists)
    _remove(conn, scope, gone, now)


def _remove(conn: Connection, scope: Scope, ids: Collection[str], now: datetime) -> None:
    """Delete these, and have those looked at that depend on them."""
    if ids:
        ALARMS.remove(conn, scope, id=sorted(ids))
        composites.wake_parents(conn, scope, ids, now)


def remove_of_policy(conn: Connection, scope: Scope, policy_id: str, now: datetime) -> None:
    """Delete a scaling policy's own alarms; it is about to have others, or none."""
    ids = _ids_of(conn, scope, _t.policy_id, [policy_id])
    if ids:
        wake(conn, scope, now)
    _remove(conn, scope, hold_many(conn, scope, ids), now)


def _ids_of(conn: Connection, scope: Scope, column: sa.Column[Any], values: Collection[str]) -> set[str]:
    """Ids of the alarms of which a column has one of these values."""
    found: set[str] = set()
    for chunk in chunks(sorted(set(values))):
        statement = select(_t.id).where(_t.project_id == scope.project_id, _t.region == scope.region)
        found |= set(conn.execute(statement.where(column.in_(chunk))).scalars())
    return found


def hold_many(conn: Connection, scope: Scope, ids: Collection[str]) -> dict[str, Alarm]:
    """Those of these alarms that there are, by id, which nobody else changes before this ends; locked by id."""
    for chunk in chunks(sorted(set(ids))):
        statement = select(_t.id).where(_t.project_id == scope.project_id, _t.region == scope.region)
        conn.execute(statement.where(_t.id.in_(chunk)).order_by(_t.id).with_for_update()).all()
    return ALARMS.of(conn, scope, ids)


def due(conn: Connection, scope: Scope, now: datetime, limit: int) -> list[Alarm]:
    """Alarms to be evaluated, or to act, the longest due first."""
    statement = (
        select(_t.id)
        .where(_t.project_id == scope.project_id, _t.region == scope.region, _t.next_at <= now)
        .order_by(_t.next_at, _t.id)
        .limit(limit)
    )
    ids = list(conn.execute(statement).scalars())
    found = ALARMS.of(conn, scope, ids)
    return [found[each] for each in ids if each in found]


_PUT_OFF: Final = update(table).where(_t.id == bindparam("alarm")).values(next_at=bindparam("next", type_=Instant()))


def put_off(conn: Connection, next_at: Mapping[str, datetime]) -> None:
    """Nothing comes of these: they are due again then. ``next_at``: by alarm id."""
    if next_at:
        conn.execute(_PUT_OFF, [{"alarm": alarm, "next": at} for alarm, at in sorted(next_at.items())])


def acting(conn: Connection, project: str | None, region: str | None) -> Sequence[Scope]:
    """Where there are alarms that have to do something yet. It looks at every alarm there; None: in all of them."""
    statement = select(_t.project_id, _t.region).where(_t.acts.is_not(None)).distinct()
    if project is not None:
        statement = statement.where(_t.project_id == project)
    if region is not None:
        statement = statement.where(_t.region == region)
    return [Scope(*row) for row in conn.execute(statement.order_by(_t.project_id, _t.region))]


def pull_acting(conn: Connection, scope: Scope, now: datetime) -> None:
    """Have an engine look at once at those of a project that have to do something yet."""
    wake(conn, scope, now)
    mine = and_(_t.project_id == scope.project_id, _t.region == scope.region)
    conn.execute(update(table).where(mine, _t.acts.is_not(None), _t.next_at > now).values(next_at=now))


def next_due(conn: Connection, scope: Scope) -> datetime | None:
    """When the first of the project's alarms is due; None where there are none."""
    statement = select(func.min(_t.next_at)).where(_t.project_id == scope.project_id, _t.region == scope.region)
    found: datetime | None = conn.execute(statement).scalar()
    return found


# What happens


def record(conn: Connection, scope: Scope, item: HistoryItem) -> None:
    """Write what happened to an alarm."""
    HISTORY.add(conn, scope, item)


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which items are wanted; an empty member asks for nothing in particular. ``since`` and ``until`` are inclusive."""

    alarm: str | None = None
    kind: HistoryKind | None = None
    composite: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    ascending: bool = False


def history(
    conn: Connection, scope: Scope, query: HistoryQuery, limit: int, after: tuple[int, str] | None = None
) -> Page[HistoryItem]:
    """Items by time.

    Args:
        after: (microseconds, id) of the last one of the page before.
    """
    statement = select(_h.id).where(_h.project_id == scope.project_id, _h.region == scope.region)
    for column, wanted in ((_h.alarm, query.alarm), (_h.kind, query.kind and str(query.kind))):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if query.composite is not None:
        of_kind = _h.composite.is_(True)
        statement = statement.where(of_kind if query.composite else or_(_h.composite.is_(None), ~of_kind))
    if query.since is not None:
        statement = statement.where(_h.at >= query.since)
    if query.until is not None:
        statement = statement.where(_h.at <= query.until)
    order: Sequence[Any] = (_h.at, _h.id) if query.ascending else (_h.at.desc(), _h.id.desc())
    if after is not None:
        at, last = from_micros(after[0]), after[1]
        beyond = _h.at > at if query.ascending else _h.at < at
        same = and_(_h.at == at, _h.id > last if query.ascending else _h.id < last)
        statement = statement.where(or_(beyond, same))
    ids = list(conn.execute(statement.order_by(*order).limit(limit + 1)).scalars())
    found = HISTORY.of(conn, scope, ids[:limit])
    items = [found[each] for each in ids[:limit] if each in found]
    if len(ids) <= limit or not items:
        return Page(items)
    return Page(items, f"{to_micros(items[-1].at)}.{items[-1].id}")


def ringing(conn: Connection, scope: Scope, names: Collection[str]) -> Mapping[str, bool]:
    """Of each alarm of these names that there is, whether it is in alarm."""
    if not names:
        return {}
    statement = select(_t.name, _t.state).where(_t.project_id == scope.project_id, _t.region == scope.region)
    rows = conn.execute(statement.where(_t.name.in_(sorted(names))))
    return {row.name: row.state == str(AlarmState.ALARM) for row in rows}
