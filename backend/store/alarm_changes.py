"""An alarm comes to a state: its row, its history, and what is told or to be done for it, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection

from backend.domain.alarms import Alarm, AlarmState, HistoryKind, happened, policy_of
from backend.domain.messages import Message, MessageKind
from backend.domain.scope import Scope
from backend.store import alarms, outbox
from backend.store.alarms import ALARMS
from backend.store.outlets import Outlets
from backend.store.types import to_micros


def come_to(  # noqa: PLR0917 - which alarm comes to what, when, and who may be told of it
    conn: Connection,
    scope: Scope,
    alarm: Alarm,
    to: tuple[AlarmState, str, str | None],
    now: datetime,
    outlets: Outlets,
) -> dict[str, Any]:
    """Write that an alarm is in another state from now on; what of its columns that changes.

    Args:
        alarm: as held in this transaction.
        to: the state, and why, in words and as a JSON text.
        outlets: what takes messages. An action that nothing here takes, for it is another account's or region's, or
            for which there is no room, fails, as the history tells.
    """
    state, reason, data = to
    summary = f"Alarm updated from {alarm.state} to {state}"
    old, new = _state(alarm.state, alarm.reason, alarm.reason_data), _state(state, reason, data)
    told = f'{{"version":"1.0","oldState":{old},"newState":{new}}}'
    item = replace(happened(alarm.name, HistoryKind.STATE, summary, {}, now), data=told)
    alarms.record(conn, scope, item)
    values: dict[str, Any] = {
        "state": state,
        "reason": reason,
        "reason_data": data,
        "updated_at": now,
        "transitioned_at": now,
    }
    if alarm.enabled:
        _tell(conn, scope, alarm, to, now, outlets)
        values["acts"] = acts(alarm, state, alarm.state, data, now)
    return values


def acts(
    alarm: Alarm, state: AlarmState, was: AlarmState, data: str | None, now: datetime
) -> Mapping[str, Any] | None:  # fmt: skip
    """What scaling policies are to do about a state that an alarm is in; None where it executes none.

    Args:
        was: the state before; the same one where it lasts.
    """
    if not alarm.enabled or not any(policy_of(action) for action in alarm.actions(state)):
        return None
    return {"was": str(was), "state": str(state), "at": to_micros(now), "data": data}


def write(conn: Connection, scope: Scope, alarm: Alarm, **values: Any) -> None:
    ALARMS.change(conn, scope, alarm.id, **values)


def _state(state: AlarmState, reason: str, data: str | None) -> str:
    """A state as a JSON text; the data of its reason stand in it as they were given."""
    told = json.dumps({"stateValue": str(state), "stateReason": reason}, separators=(",", ":"), ensure_ascii=False)
    return told if data is None else f'{told[:-1]},"stateReasonData":{data}}}'


def _tell(  # noqa: PLR0917 - as above
    conn: Connection,
    scope: Scope,
    alarm: Alarm,
    to: tuple[AlarmState, str, str | None],
    now: datetime,
    outlets: Outlets,
) -> None:
    """Send whoever hears of the state a message, as far as there is room, and keep that in the history."""
    state, reason, _ = to
    targets = [action for action in alarm.actions(state) if policy_of(action) is None]
    if not targets:
        return
    room = outbox.room(conn, scope, outlets.most_waiting)
    told = [target for target in targets if outlets.reaches(scope, target)][: max(room, 0)]
    data = {**facts(alarm, alarm.state, state, now), "reason": reason, **_actions(alarm)}
    outbox.add(conn, [_message(scope, alarm, target, data, now) for target in told])
    for target in targets:
        fault = None if target in told else f"Failed to execute action {target}"  # unsourced
        executed(conn, scope, alarm, target, now, fault=fault)


def _message(scope: Scope, alarm: Alarm, target: str, data: Mapping[str, Any], now: datetime) -> Message:
    return Message(
        id=str(uuid4()),
        project_id=scope.project_id,
        region=scope.region,
        cluster_id=alarm.id,
        cluster_name=alarm.name,
        kind=MessageKind.ALARM,
        target=target,
        data=data,
        created_at=now,
    )


def _actions(alarm: Alarm) -> dict[str, Sequence[str]]:
    return {
        "ok_actions": list(alarm.ok_actions),
        "alarm_actions": list(alarm.alarm_actions),
        "insufficient_actions": list(alarm.insufficient_actions),
    }


def facts(alarm: Alarm, was: AlarmState, state: AlarmState, at: datetime) -> dict[str, Any]:
    """What is told of an alarm that changed its state, as a JSON value."""
    return {
        "alarm": alarm.name,
        "description": alarm.description,
        "configured_at": to_micros(alarm.configured_at),
        "was": str(was),
        "state": str(state),
        "changed_at": to_micros(at),
        "watched": alarm.watched,
    }


_WORKED: Final = "Successfully executed action {}"


def executed(
    conn: Connection, scope: Scope, alarm: Alarm, action: str, now: datetime, *, fault: str | None = None
) -> None:
    """Keep in the history that an action was carried out, or the words of why it was not."""
    data: dict[str, Any] = {
        "actionState": "Succeeded" if fault is None else "Failed",
        "stateUpdateTimestamp": to_micros(alarm.updated_at) // 1000,
        "notificationResource": action,
        "publishedMessage": None,
        "error": fault,
    }
    summary = _WORKED.format(action) if fault is None else fault
    alarms.record(conn, scope, happened(alarm.name, HistoryKind.ACTION, summary, data, now))
