"""What alarms do to the servers that they watch: stop, end, reboot or recover them, once when a state begins.

A server is looked for in the listing of the alarm's own project and region: nobody else's is touched. Stopping and
ending may be asked for again by an engine that takes over, and change nothing then; a reboot is written down before it
is asked for, and is not asked for twice.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from backend.domain.alarms import ActionFault, Alarm, AlarmState, ServerAct, server_act_of, server_of
from backend.domain.node import ENDED_STATUSES, ServerStatus
from backend.drivers import errors
from backend.drivers.compute import Compute, Server
from backend.engine.context import Context
from backend.engine.jobs import Write
from backend.engine.lanes import Call, answer_of
from backend.store import alarm_changes, alarms, balancers, launch_addresses
from backend.store.alarms import ALARMS, ROUNDS, RoundLease
from backend.store.session import Connection

LOG = logging.getLogger(__name__)
_GOING: Final = timedelta(seconds=15)
"""A server that is told to go is on its way by then."""
_DONE: Final = "servers"
"""The mark in what an alarm is to do: what it does to servers has been done, or is not to be done again."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One action of one alarm on its server, by the server's short id."""

    alarm: Alarm
    action: str
    act: ServerAct
    server: str


@dataclass(frozen=True, slots=True)
class _Done:
    """What came of an action.

    Attributes:
        fault: why it was not carried out, as the history keeps it.
        ended: the id of a server that is ended.
    """

    fault: Mapping[str, Any] | None = None
    ended: str | None = None


def serve(context: Context, lease: RoundLease, alarm_ids: Sequence[str]) -> Generator[Any, Any, None]:
    """Carry out what these alarms do to servers, as a part of a job."""
    asked: Sequence[_Asked] = yield Write(partial(_asked, context, lease, alarm_ids))
    if not asked:
        return
    compute = context.cloud.compute
    (listed,) = yield [Call(lease.scope, partial(answer_of, compute.list, lease.scope))]
    if isinstance(listed, errors.CloudError):
        done = [_refused(listed)] * len(asked)
    else:
        there = {server.short_id: server for server in listed if server.status not in ENDED_STATUSES}
        calls = [Call(lease.scope, partial(_carry_out, compute, lease, each, there.get(each.server))) for each in asked]
        done = [
            _refused(answer) if isinstance(answer, errors.CloudError) else answer for answer in (yield calls)
        ]  # fmt: skip
    yield Write(partial(_keep, context, lease, asked, done))


def _asked(context: Context, lease: RoundLease, alarm_ids: Sequence[str], conn: Connection) -> Sequence[_Asked]:
    """What is to be done; a reboot is marked as done. Nothing where the lease was lost."""
    if ROUNDS.fence(conn, lease) is None:
        return ()
    found: list[_Asked] = []
    for alarm in alarms.hold_many(conn, lease.scope, alarm_ids).values():
        if alarm.acts is None or alarm.acts["was"] == alarm.acts["state"] or _DONE in alarm.acts:
            continue
        server = server_of(alarm.rule)
        acts = {action: server_act_of(action) for action in alarm.actions(AlarmState(alarm.acts["state"]))}
        own = [_Asked(alarm, action, act, server or "") for action, act in acts.items() if act is not None]
        found += own
        if any(each.act is ServerAct.REBOOT for each in own):
            ALARMS.change(conn, lease.scope, alarm.id, acts={**alarm.acts, _DONE: str(context.now())})
    return found


def _carry_out(compute: Compute, lease: RoundLease, asked: _Asked, server: Server | None) -> _Done:
    """Do it, unless the server's owner has forbidden that. A server that is so already stays as it is."""
    if server is None:
        return _Done({"kind": str(ActionFault.NO_SERVER)})
    options = server.options
    ends = asked.act is ServerAct.TERMINATE
    if (ends and options.protected) or (options.kept_running and asked.act in {ServerAct.STOP, ServerAct.TERMINATE}):
        return _Done({"kind": str(ActionFault.PROTECTED)})
    try:
        _ask(compute, lease, asked.act, server)
    except errors.ServerNotFound:
        return _Done() if ends else _Done({"kind": str(ActionFault.NO_SERVER)})
    except errors.CloudError as error:
        return _refused(error)
    return _Done(ended=server.id if ends else None)


def _ask(compute: Compute, lease: RoundLease, act: ServerAct, server: Server) -> None:
    match act:
        case ServerAct.TERMINATE:
            compute.delete(lease.scope, server.id)
        case ServerAct.STOP:
            if server.status not in {ServerStatus.STOPPED, ServerStatus.STOPPING}:
                compute.stop(lease.scope, server.id)
        case ServerAct.RECOVER if server.status is ServerStatus.STOPPED:
            compute.start(lease.scope, server.id)
        case _:  # of what a project may ask for itself, a reboot is nearest to another host
            compute.reboot(lease.scope, server.id)


def _refused(error: errors.CloudError) -> _Done:
    return _Done({"kind": str(ActionFault.REFUSED), "why": type(error).__name__})


def _keep(
    context: Context, lease: RoundLease, asked: Sequence[_Asked], done: Sequence[_Done], conn: Connection
) -> None:  # fmt: skip
    """Write what came of it, and have looked at what servers that end leave behind."""
    if ROUNDS.fence(conn, lease) is None:
        return
    now, scope = context.now(), lease.scope
    here = alarms.hold_many(conn, scope, {each.alarm.id for each in asked})
    for each, came in zip(asked, done, strict=True):
        alarm_changes.executed(conn, scope, each.alarm, each.action, now, fault=came.fault)
        told = json.dumps({"server": each.server, "fault": came.fault})
        LOG.info("alarm=%r project=%s %s %s", each.alarm.name, scope.project_id, each.act, told)
    for alarm in here.values():
        if alarm.acts is not None:
            ALARMS.change(conn, scope, alarm.id, acts={**alarm.acts, _DONE: str(now)})
    if ended := [came.ended for came in done if came.ended is not None]:
        balancers.pull_of_servers(conn, scope, ended, now + _GOING)
        launch_addresses.pull(conn, scope, ended, now + _GOING)
