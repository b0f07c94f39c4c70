"""What alarms do to the servers that they watch: stop, end, reboot or recover them, once when a state begins.

A server is looked for in the listing of the alarm's own project and region: nobody else's is touched. It is the one
that was watched when the state began, and what is asked of it stands in the alarm still. All is written down before it
is asked for: an engine that takes over asks for a stop or an end again, which changes nothing, and never for a reboot,
of which nobody knows what came of it. What could not be asked is asked for again, until the state ends; so is, for as
long as it is on, what an operator's brake forbids.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from backend.domain import alarm_work
from backend.domain.alarm_actions import ActionFault, ServerAct, server_act_of, server_of
from backend.domain.alarms import Alarm
from backend.domain.node import ENDED_STATUSES, ServerStatus
from backend.drivers import errors
from backend.drivers.compute import Compute, Server
from backend.engine.context import Context
from backend.engine.jobs import Write
from backend.engine.lanes import Call, answer_of
from backend.store import addresses, alarm_changes, alarms, balancers, brakes, launch_addresses
from backend.store.alarms import ALARMS, ROUNDS, RoundLease
from backend.store.session import Connection
from backend.store.types import from_micros

LOG = logging.getLogger(__name__)
_GOING: Final = timedelta(seconds=15)
"""A server that is told to go is on its way by then."""
_ONCE: Final = frozenset({ServerAct.REBOOT, ServerAct.RECOVER})
"""What is not the same again."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One action of one alarm on its server, by the server's short id.

    Attributes:
        again: it was asked for before, and nobody knows what came of it.
    """

    alarm: Alarm
    action: str
    act: ServerAct
    server: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class _Done:
    """What came of an action.

    Attributes:
        fault: why it was not carried out, as the history keeps it.
        ended: the id of a server that is ended.
        away: the cloud could not be asked, or was busy with the server, and may be asked again.
        unsure: it was asked, and may be asked again.
    """

    fault: Mapping[str, Any] | None = None
    ended: str | None = None
    away: bool = False
    unsure: bool = False


def serve(context: Context, lease: RoundLease, alarm_ids: Sequence[str]) -> Generator[Any, Any, None]:
    """Carry out what these alarms do to servers, as a part of a job."""
    asked: Sequence[_Asked] = yield Write(partial(_asked, context, lease, alarm_ids))
    if not asked:
        return
    compute = context.cloud.compute
    (listed,) = yield [Call(lease.scope, partial(answer_of, compute.list, lease.scope))]
    if isinstance(listed, errors.CloudError):
        done = [_refused(each, listed) for each in asked]
    else:
        there = {server.short_id: server for server in listed if server.status not in ENDED_STATUSES}
        calls = [Call(lease.scope, partial(_carry_out, compute, lease, each, there.get(each.server))) for each in asked]
        answers = yield calls
        done = [
            _refused(each, answer) if isinstance(answer, errors.CloudError) else answer
            for each, answer in zip(asked, answers, strict=True)
        ]
    yield Write(partial(_keep, context, lease, asked, done))


def _asked(context: Context, lease: RoundLease, alarm_ids: Sequence[str], conn: Connection) -> Sequence[_Asked]:
    """What is to be done, which is written down. Nothing where the lease was lost, and later under a brake."""
    if ROUNDS.fence(conn, lease) is None:
        return ()
    is_braked = brakes.over(conn, lease.scope) is not None
    found: list[_Asked] = []
    for alarm in alarms.hold_many(conn, lease.scope, alarm_ids).values():
        if alarm.acts is None or not alarm_work.is_for_server(alarm.acts):
            continue
        if is_braked:
            ALARMS.change(conn, lease.scope, alarm.id, next_at=context.now() + context.settings.cloud_retry)
            continue
        found += _begun(context, lease, alarm, alarm.acts, conn)
    return found


def _begun(
    context: Context, lease: RoundLease, alarm: Alarm, work: alarm_work.Work, conn: Connection
) -> list[_Asked]:  # fmt: skip
    """What an alarm has to ask for; what it has not any more is told as not carried out."""
    server, before = work["server"], alarm_work.asked(work)
    wanted = alarm.actions(alarm_work.state_of(work)) if alarm.enabled and server_of(alarm.rule) == server else ()
    found: list[_Asked] = []
    for action in dict.fromkeys((*before, *alarm_work.waiting(work))):
        act = server_act_of(action)
        assert act is not None
        others = before.get(action, lease.epoch) != lease.epoch  # this may be the second time that this is written
        if action in wanted and not (others and act in _ONCE):
            found.append(_Asked(alarm, action, act, server or "", again=others))
            continue
        fault = ActionFault.UNKNOWN if others else ActionFault.OVERTAKEN
        alarm_changes.executed(conn, lease.scope, alarm, action, context.now(), fault={"kind": str(fault)})
    marks = {each.action: lease.epoch for each in found}
    ALARMS.change(conn, lease.scope, alarm.id, acts=alarm_work.given(work, (), marks))
    return found


def _carry_out(compute: Compute, lease: RoundLease, asked: _Asked, server: Server | None) -> _Done:
    """Do it, unless the server's owner has forbidden that. A server that is so already stays as it is."""
    ends = asked.act is ServerAct.TERMINATE
    if server is None:
        return _Done() if ends and asked.again else _Done({"kind": str(ActionFault.NO_SERVER)})
    options = server.options
    if (ends and options.protected) or (options.kept_running and asked.act in {ServerAct.STOP, ServerAct.TERMINATE}):
        return _Done({"kind": str(ActionFault.PROTECTED)})
    try:
        _ask(compute, lease, asked.act, server)
    except errors.ServerNotFound:
        return _Done() if ends else _Done({"kind": str(ActionFault.NO_SERVER)})
    except errors.ServerBusy as busy:
        return _Done() if busy.rebooting and asked.act in _ONCE else _refused(asked, busy)
    except errors.CloudError as error:
        return _refused(asked, error)
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
        case ServerAct.RECOVER:  # of what a project may ask for itself, this is nearest to another host
            compute.reboot(lease.scope, server.id, hard=True)
        case ServerAct.REBOOT:
            compute.reboot(lease.scope, server.id)


def _refused(asked: _Asked, error: errors.CloudError) -> _Done:
    return _Done(
        {"kind": str(ActionFault.REFUSED), "why": type(error).__name__},
        away=isinstance(error, errors.CloudUnavailable | errors.ServerBusy),
        unsure=isinstance(error, errors.OutcomeUnknown) and asked.act not in _ONCE,
    )


def _keep(
    context: Context, lease: RoundLease, asked: Sequence[_Asked], done: Sequence[_Done], conn: Connection
) -> None:  # fmt: skip
    """Write what came of it, and have looked at what servers that end leave behind."""
    if ROUNDS.fence(conn, lease) is None:
        return
    now, scope = context.now(), lease.scope
    here = alarms.hold_many(conn, scope, {each.alarm.id for each in asked})
    work = {key: alarm.acts for key, alarm in here.items()}
    for each, came in zip(asked, done, strict=True):
        left = work.get(each.alarm.id)
        if left is not None and alarm_work.is_of_same_change(left, each.alarm.acts):
            marks = dict(alarm_work.asked(left))
            if marks.pop(each.action, None) != lease.epoch:  # this was written already
                continue
            again = (came.away or came.unsure) and now < from_micros(left["at"]) + context.settings.alarm_patience
            if again and (came.unsure or each.again):
                marks[each.action] = alarm_work.NOBODY
            todo = alarm_work.waiting(left)
            work[each.alarm.id] = alarm_work.given(left, [*todo, each.action] if again else todo, marks)
            if again:
                continue
        alarm_changes.executed(conn, scope, each.alarm, each.action, now, fault=came.fault)
        told = json.dumps({"server": each.server, "fault": came.fault})
        LOG.info("alarm=%r project=%s %s %s", each.alarm.name, scope.project_id, each.act, told)
    for key, alarm in here.items():
        left = work[key]
        if left is not None and left != alarm.acts:
            later = {"next_at": now + context.settings.cloud_retry} if alarm_work.is_for_server(left) else {}
            ALARMS.change(conn, scope, key, acts=left, **later)
    if ended := [came.ended for came in done if came.ended is not None]:
        balancers.pull_of_servers(conn, scope, ended, now + _GOING)
        launch_addresses.pull(conn, scope, ended, now + _GOING)
        addresses.note_ending(conn, scope, ended, now + _GOING)
