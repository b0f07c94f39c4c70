"""A composite alarm follows the alarms that it depends on: its state, and its actions, which another may hold back.

Whoever calls this holds the round of the project and the alarm.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from backend.domain.alarms import Alarm, AlarmState, Held, Standing
from backend.domain.composite_states import Change, ChildState, CompositeVerdict, afresh, after, suppressed
from backend.domain.composites import Composite
from backend.domain.scope import Scope
from backend.store import alarm_changes, composites
from backend.store.outlets import Outlets


class Why(StrEnum):
    """Why a rule is looked at, as its state's reason tells."""

    CREATED = "created"
    UPDATED = "updated"
    CHANGED = "changed"


def follow(  # noqa: PLR0917 - which alarm, when and why, and who may be told of it
    conn: Connection, scope: Scope, alarm: Alarm, now: datetime, outlets: Outlets, why: Why = Why.CHANGED
) -> dict[str, Any]:  # fmt: skip
    """Have it come to the state that its rule says; what of its columns that changes, which is written."""
    assert alarm.composite is not None
    composite = Composite.of(alarm.composite)
    others = composites.states(conn, scope, composite)
    children = others[: len(composite.children)]
    verdict = _verdict(alarm, composite, children, why)
    if verdict is not None and verdict.state is not alarm.state:
        because = {"why": str(why), "by": composites.told(verdict.because)}
        to = Standing(verdict.state, because=because)
        values = _come_to(conn, scope, alarm, to, others, verdict.at or now, now, outlets)
    else:
        values = _held(conn, scope, alarm, others, None, now, outlets)
    values["seen"] = tuple(str(each.state) for each in others)
    alarm_changes.write(conn, scope, alarm, **values)
    return values


def set_by_hand(  # noqa: PLR0917 - which alarm comes to what, when, and who may be told of it
    conn: Connection, scope: Scope, alarm: Alarm, to: Standing, now: datetime, outlets: Outlets
) -> None:
    """Have it be in a state until an alarm in its rule changes. It is to be looked at again at once."""
    assert alarm.composite is not None
    others = composites.states(conn, scope, Composite.of(alarm.composite))
    values = _come_to(conn, scope, alarm, to, others, now, now, outlets)
    alarm_changes.write(conn, scope, alarm, **{**values, "next_at": now})


def _verdict(
    alarm: Alarm, composite: Composite, children: list[ChildState], why: Why
) -> CompositeVerdict | None:  # fmt: skip
    if why is not Why.CHANGED:
        return afresh(composite, children)
    seen = [AlarmState(each) for each in alarm.seen or ()][: len(children)]
    if len(seen) < len(children):
        return afresh(composite, children)
    return after(composite, seen, children, alarm.state)


def _come_to(  # noqa: PLR0917 - as above, and when the change was that is told
    conn: Connection,
    scope: Scope,
    alarm: Alarm,
    to: Standing,
    others: list[ChildState],
    since: datetime,
    now: datetime,
    outlets: Outlets,
) -> dict[str, Any]:
    """Write the change, and carry its actions out or hold them back."""
    change = Change(alarm.state, to.state, since)
    values = _held(conn, scope, alarm, others, (change, to), now, outlets)
    held = {"held": values["held"]}
    changed = alarm_changes.come_to(conn, scope, replace(alarm, **held), to, since, outlets)
    return {**changed, **values}


def _held(  # noqa: PLR0917 - as above
    conn: Connection,
    scope: Scope,
    alarm: Alarm,
    others: list[ChildState],
    change: tuple[Change, Standing] | None,
    now: datetime,
    outlets: Outlets,
) -> dict[str, Any]:
    """Carry actions out that nothing holds back any more; what holds others back, and when that is looked at next."""
    composite = Composite.of(alarm.composite or {})
    was = None if change is None else change[0].was
    held: Held | None = None
    values: dict[str, Any] = {}
    before = None if alarm.held is None else Held.of(alarm.held)
    if composite.suppressor is not None:
        seen = AlarmState(alarm.seen[-1]) if alarm.seen else AlarmState.INSUFFICIENT_DATA
        asked = None if change is None else change[0]
        held, was = suppressed(composite.suppressor, others[-1], seen, before, asked, now)
        if was is not None and change is None and before is not None:
            values["updated_at"] = before.until or now
    elif change is None and before is not None:  # the suppressor was taken away: nothing holds them any more
        was = before.was
    if was is not None and alarm.enabled:
        to = Standing(alarm.state, alarm.reason, alarm.reason_data, alarm.because) if change is None else change[1]
        alarm_changes.tell(conn, scope, replace(alarm, state=was), to, now, outlets)
    until = None if held is None else held.until
    return {**values, "held": None if held is None else held.document(), "next_at": until}
