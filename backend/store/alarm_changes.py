"""An alarm comes to a state: its row, its history, and what is told or to be done for it, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from backend.domain import alarm_work
from backend.domain.alarm_actions import ActionFault, is_told, policy_of, server_act_of, server_of
from backend.domain.alarms import Alarm, AlarmState, HistoryKind, Standing, happened
from backend.domain.messages import EVERYWHERE, Message, MessageKind
from backend.domain.scope import Scope
from backend.store import alarms, composites, listening, outbox
from backend.store.alarms import ALARMS
from backend.store.outlets import Outlets
from backend.store.types import to_micros


def come_to(  # noqa: PLR0917 - which alarm comes to what, when, and who may be told of it
    conn: Connection, scope: Scope, alarm: Alarm, to: Standing, now: datetime, outlets: Outlets
) -> dict[str, Any]:
    """Write that an alarm is in another state from now on; what of its columns that changes.

    What a composite alarm does is asked for apart, for it may be held back: see store/composing.py.

    Args:
        alarm: as held in this transaction, as the round of its project is.
        outlets: what takes messages. An action that nothing here takes, for it is another account's or region's, or
            for which there is no room, fails, as the history tells.
    """
    summary = f"Alarm updated from {alarm.state} to {to.state}"
    old = _state(Standing(alarm.state, alarm.reason, alarm.reason_data, alarm.because))
    told = f'{{"version":"1.0","oldState":{old},"newState":{_state(to)}}}'
    alarms.record(conn, scope, replace(happened(alarm, HistoryKind.STATE, summary, {}, now), data=told))
    values: dict[str, Any] = {
        "state": to.state,
        "reason": to.reason,
        "reason_data": to.data,
        "because": to.because,
        "updated_at": now,
        "transitioned_at": now,
    }
    composites.wake_parents(conn, scope, [alarm.id], now)
    _publish(conn, scope, alarm, replace(alarm, **values), outlets)
    if alarm.composite is not None:
        return values
    for action, fault in alarm_work.left_over(alarm.acts or {}).items():  # of the state that ends now
        executed(conn, scope, alarm, action, now, fault={"kind": str(fault)})
    if alarm.enabled:
        tell(conn, scope, alarm, to, now, outlets)
    values["acts"] = acts(alarm, to.state, alarm.state, to.data, now)
    return values


def acts(
    alarm: Alarm, state: AlarmState, was: AlarmState, data: str | None, now: datetime
) -> Mapping[str, Any] | None:  # fmt: skip
    """What an engine is to do about a state that an alarm is in; None where there is nothing.

    Scaling policies are asked as long as a state lasts, servers are acted on when it begins.

    Args:
        was: the state before; the same one where it lasts.
    """
    if not alarm.enabled:
        return None
    actions = alarm.actions(state)
    own = [action for action in actions if server_act_of(action)] if was is not state else []
    if not own and not any(policy_of(action) for action in actions):
        return None
    work = {"was": str(was), "state": str(state), "at": to_micros(now), "data": data}
    return alarm_work.with_server(work, server_of(alarm.rule), own) if own else work


def write(conn: Connection, scope: Scope, alarm: Alarm, **values: Any) -> None:
    ALARMS.change(conn, scope, alarm.id, **values)


def _state(of: Standing) -> str:
    """A state as a JSON text; the data of its reason stand in it as they were given."""
    why: dict[str, Any] = {"stateReason": of.reason} if of.because is None else {"because": of.because}
    told = json.dumps({"stateValue": str(of.state), **why}, separators=(",", ":"), ensure_ascii=False)
    return told if of.data is None else f'{told[:-1]},"stateReasonData":{of.data}}}'


def tell(  # noqa: PLR0917 - as above
    conn: Connection, scope: Scope, alarm: Alarm, to: Standing, now: datetime, outlets: Outlets
) -> None:
    """Send whoever hears of the state a message, as far as there is room, and keep that in the history.

    Args:
        alarm: with the state that it comes from.
    """
    targets = [action for action in alarm.actions(to.state) if is_told(action)]
    if not targets:
        return
    room = outbox.room(conn, scope, outlets.most_waiting)
    told = [target for target in targets if outlets.reaches(scope, target)][: max(room, 0)]
    data = {**facts(alarm, alarm.state, to.state, now), "reason": to.reason, "because": to.because, **_actions(alarm)}
    outbox.add(conn, [_message(scope, alarm, target, data, now) for target in told])
    for target in targets:
        fault = None if target in told else {"kind": str(ActionFault.UNREACHED)}
        executed(conn, scope, alarm, target, now, fault=fault)


def _publish(conn: Connection, scope: Scope, was: Alarm, alarm: Alarm, outlets: Outlets) -> None:
    """Tell the events of the project that an alarm changed its state, if anybody hears of them."""
    if _is_heard(conn, scope, outlets):
        data = {"event": snapshot(alarm), "previous": {**standing(was), "held": None}}
        outbox.add(conn, [_message(scope, alarm, EVERYWHERE, data, alarm.updated_at)])


def configured(  # noqa: PLR0917 - as above
    conn: Connection, scope: Scope, was: Alarm | None, alarm: Alarm | None, now: datetime, outlets: Outlets
) -> None:
    """Tell the events of the project that an alarm was made, written anew or deleted, if anybody hears of them.

    Args:
        was: as it was before; None of a new one.
        alarm: as it is now; None of one that is deleted.
    """
    known = alarm or was
    if known is None or not _is_heard(conn, scope, outlets):
        return
    data = {
        "operation": "create" if was is None else "delete" if alarm is None else "update",
        "event": snapshot(known),
        "was": None if was is None or alarm is None else snapshot(was),
    }
    message = replace(_message(scope, known, EVERYWHERE, data, now), kind=MessageKind.ALARM_CONFIGURATION)
    outbox.add(conn, [message])


def _is_heard(conn: Connection, scope: Scope, outlets: Outlets) -> bool:
    """Whether anybody hears of events, and there is room to tell them."""
    if not outlets.everywhere and not listening.is_ruled(conn, scope):
        return False
    return outbox.room(conn, scope, outlets.most_waiting) > 0


def snapshot(alarm: Alarm) -> dict[str, Any]:
    """An alarm as events tell it, as a JSON value."""
    told = {
        "name": alarm.name,
        "description": alarm.description,
        "enabled": alarm.enabled,
        "configured_at": to_micros(alarm.configured_at),
        "watched": alarm.watched,
        "composite": alarm.composite,
    }
    return {**told, **_actions(alarm), "standing": standing(alarm)}


def standing(alarm: Alarm) -> dict[str, Any]:
    """The state of an alarm, and why, as a JSON value."""
    return {
        "state": str(alarm.state),
        "at": to_micros(alarm.updated_at),
        "reason": alarm.reason,
        "data": alarm.reason_data,
        "because": alarm.because,
        "held": alarm.held,
    }


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
        "composite": alarm.composite,
    }


def executed(
    conn: Connection,
    scope: Scope,
    alarm: Alarm,
    action: str,
    now: datetime,
    *,
    fault: Mapping[str, Any] | None = None,
) -> None:
    """Keep in the history that an action was carried out, or why it was not: an ActionFault and what is told of it."""
    data = {"action": action, "updated_at": to_micros(alarm.updated_at), "fault": fault}
    alarms.record(conn, scope, happened(alarm, HistoryKind.ACTION, "", data, now))
