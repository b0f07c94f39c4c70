"""Deliberate faults of what alarms do to servers: to whom, how often, and what is written down before."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any

from backend.domain import alarm_work
from backend.domain.alarm_actions import server_act_of, server_of
from backend.domain.alarms import Alarm, AlarmState
from backend.drivers.compute import Compute, Server
from backend.engine import alarm_servers
from backend.engine.context import Context
from backend.store import alarm_changes
from backend.store.alarms import ALARMS, RoundLease
from backend.store.session import Connection
from tests.simulation.putting import put
from tests.simulation.world import SCOPES


def does_it_to_anybodys_servers() -> AbstractContextManager[None]:
    """Who is not in the alarm's project is looked for in all of them."""

    def carry_out(compute: Compute, lease: RoundLease, asked: Any, server: Server | None) -> Any:
        if server is not None:
            return original(compute, lease, asked, server)
        for scope in SCOPES:
            for found in compute.list(scope):
                if found.short_id == asked.server:
                    return original(compute, replace(lease, scope=scope), asked, found)
        return original(compute, lease, asked, None)

    original = alarm_servers._carry_out
    return put(alarm_servers, "_carry_out", carry_out)


def does_it_to_whom_it_watches_now() -> AbstractContextManager[None]:
    """The server of the alarm as it is now is meant, not the one that it watched when its state began."""

    def begun(
        context: Context, lease: RoundLease, alarm: Alarm, work: alarm_work.Work, conn: Connection
    ) -> list[Any]:  # fmt: skip
        return original(context, lease, alarm, {**work, "server": server_of(alarm.rule)}, conn)

    original = alarm_servers._begun
    return put(alarm_servers, "_begun", begun)


def reboots_again() -> AbstractContextManager[None]:
    """An engine that takes over asks again for a reboot of which nobody knows what came of it."""
    return put(alarm_servers, "_ONCE", frozenset())


def writes_nothing_down() -> AbstractContextManager[None]:
    """What is asked for stands nowhere before it is."""

    def begun(
        context: Context, lease: RoundLease, alarm: Alarm, work: alarm_work.Work, conn: Connection
    ) -> list[Any]:  # fmt: skip
        found = original(context, lease, alarm, work, conn)
        ALARMS.change(conn, lease.scope, alarm.id, acts=work)
        return found

    original = alarm_servers._begun
    return put(alarm_servers, "_begun", begun)


def does_it_with_each_evaluation() -> AbstractContextManager[None]:
    """Servers are acted on as long as a state lasts, as policies are."""

    def acts(
        alarm: Alarm, state: AlarmState, was: AlarmState, data: str | None, now: datetime
    ) -> Mapping[str, Any] | None:  # fmt: skip
        work = original(alarm, state, was, data, now)
        own = [action for action in alarm.actions(state) if server_act_of(action)]
        if was is not state or not own or not alarm.enabled:
            return work
        begun = original(alarm, state, AlarmState.OK, data, now)
        return None if begun is None else {**begun, "was": str(was)}

    original = alarm_changes.acts
    return put(alarm_changes, "acts", acts)


def never_acts() -> AbstractContextManager[None]:
    """States begin, and nothing is done to any server."""
    return put(alarm_servers, "_begun", lambda *_: [])
