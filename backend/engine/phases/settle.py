"""Pending nodes come into service, or are given up; standby is reached. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from backend.domain.activity import Reason, ReasonKind
from backend.domain.cluster import Process
from backend.domain.hooks import Transition
from backend.domain.node import ENDED_STATUSES, PARKING, Node, NodeState, ServerStatus
from backend.engine.acts.look import LookAtServer
from backend.engine.acts.take_in import TakeServerIn
from backend.engine.draft import Draft
from backend.engine.drawing import WAKE, wake
from backend.engine.reasons import reason_of_fault

_FAILED = frozenset({ServerStatus.ERROR, ServerStatus.STOPPED, ServerStatus.STOPPING, ServerStatus.PAUSED})
_DOWN = frozenset({ServerStatus.STOPPED, ServerStatus.STOPPING, ServerStatus.PAUSED})
_UNCLEAR = frozenset({None, ServerStatus.UNKNOWN})


def settle(draft: Draft) -> None:
    for node in draft.every(NodeState.PENDING):
        _pending(draft, node)
    for node in draft.every(*PARKING):
        if draft.takes_traffic(node):
            continue
        draft.park(node)


def _pending(draft: Draft, node: Node) -> None:
    if node.server_id is None:
        unseen(draft, node)
    elif node.in_service_at is not None:
        _returning(draft, node)
    elif node.attached:
        draft.act(TakeServerIn(draft.scope, node, draft.cluster.name))
        draft.wake(draft.now + draft.settings.cloud_retry)
    elif node.drawn_at is not None and node.server_status in _DOWN:
        _waking(draft, node)
    elif booted(draft, node) and not (draft.active and draft.wait(node, Transition.LAUNCHING)):
        draft.enter_service(node)


def unseen(draft: Draft, node: Node) -> None:
    """No server is known: the answer to the call that makes it was lost, or whoever was to ask for it died.

    The pass that claimed it is over, and wrote down if the answer was lost. Where it did not, it may never have asked:
    nothing failed, so it is asked for again, as the same launch (relaunch).
    """
    if node.asked_at is not None:
        if is_lost(draft, node):
            draft.fail_launch(node, Reason(ReasonKind.LAUNCH_LOST))
    elif node.unheard_at is None:
        draft.put(replace(node, unheard_at=draft.now))
        draft.wake(draft.now + draft.settings.relaunch_grace)
    elif not was_seen_since(draft, node.unheard_at + draft.settings.relaunch_grace):
        return
    elif _is_wanted_still(draft, node):
        draft.put(replace(node, unheard_at=None))
    else:
        draft.fail_launch(node, Reason(ReasonKind.LAUNCH_LOST))


def _is_wanted_still(draft: Draft, node: Node) -> bool:
    """Whether what would be launched now is what was to be launched then."""
    if draft.lacks_types:
        draft.types_wanted = True
    return (
        draft.profile_of(node) is not None
        and draft.active
        and draft.runs(Process.LAUNCH)
        and node.zone in draft.cluster.spec.zones
    )


def is_lost(draft: Draft, node: Node) -> bool:
    """Whether the servers were looked at late enough to say that the node's launch made none."""
    return was_seen_since(draft, (node.asked_at or node.created_at) + draft.settings.launch_grace)


def was_seen_since(draft: Draft, deadline: datetime) -> bool:
    """Whether that time is over, and what the rows say of servers was seen after it; the cluster is woken for both."""
    if draft.now < deadline:
        draft.wake(deadline)
        return False
    seen_until = draft.snapshot.seen_until
    if seen_until is None or seen_until < deadline:
        draft.wake(draft.now + draft.settings.cloud_retry)
        return False
    return True


def booted(draft: Draft, node: Node) -> bool:
    """Whether its server runs; one that failed, ended or takes too long is given up."""
    status = node.server_status
    if status is ServerStatus.ACTIVE:
        return True
    if status in ENDED_STATUSES:
        draft.fail_launch(node, Reason(ReasonKind.SERVER_VANISHED))
    elif status in _FAILED:
        draft.fail_launch(node, fault_of(draft, node))
    else:
        _is_late(draft, node)
    return False


def _is_late(draft: Draft, node: Node) -> bool:
    """Whether its server was to run by now, and was seen not to: then it is given up."""
    if not is_overdue(draft, node, node.set_out_at):
        return False
    draft.fail_launch(node, Reason(ReasonKind.START_TIMEOUT))
    return True


def _waking(draft: Draft, node: Node) -> None:
    """From the warm pool, and not up yet."""
    if node.server_status not in WAKE or not may_tell(draft, node, node.set_out_at):
        _is_late(draft, node)
    else:
        wake(draft, node)


def may_tell(draft: Draft, node: Node, begun_at: datetime) -> bool:
    """Whether its server may be told to start or to stop: until its time is over, and once in any case.

    What the cloud could not be told by then is no failure of the server.
    """
    return node.power_asked_at is None or draft.now < begun_at + draft.settings.boot_timeout


def is_overdue(draft: Draft, node: Node, begun_at: datetime) -> bool:
    """Whether its server was to be up, or down, by now, and was seen not to be, some time after it was told to."""
    deadline = begun_at + draft.settings.boot_timeout
    if node.power_asked_at is not None:
        deadline = max(deadline, node.power_asked_at + draft.settings.power_retry)
    return was_seen_since(draft, deadline)


def _returning(draft: Draft, node: Node) -> None:
    """From standby: whatever its server does now is for the health checks to judge."""
    if node.server_status in _UNCLEAR:
        draft.act(LookAtServer(draft.scope, node))
        draft.wake(draft.now + draft.settings.cloud_retry)
    elif node.server_status is not ServerStatus.BUILDING:
        draft.enter_service(node)
    else:
        draft.wake(draft.now + draft.settings.cloud_retry)


def fault_of(draft: Draft, node: Node) -> Reason:
    """Why a server failed, in the cloud's own words where it has any; they are asked for where they are not known."""
    if node.server_status is not ServerStatus.ERROR:
        return Reason(ReasonKind.SERVER_ERROR, {"detail": f"the server is {node.server_status}"})
    if node.id not in draft.snapshot.faults:
        draft.faults_wanted.append(node)
    fault = draft.snapshot.faults.get(node.id)
    return reason_of_fault(fault, node.instance_type, node.zone, node.subnet_id)
