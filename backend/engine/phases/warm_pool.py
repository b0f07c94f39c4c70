"""The warm pool: who comes into it is made ready, who fails leaves, and it is kept at its size. Pure.

It never takes from the cluster: while that lacks nodes which may be drawn, or launches, the pool gets none.
"""

from __future__ import annotations

from dataclasses import replace

from backend.domain.activity import Cause, CauseKind, Reason, ReasonKind
from backend.domain.cluster import Process
from backend.domain.hooks import Transition
from backend.domain.node import (
    COOLING,
    ENDED_STATUSES,
    WARM,
    WARMING,
    Health,
    LeavesFor,
    Node,
    NodeState,
    ServerStatus,
    leading_to,
    move,
)
from backend.domain.warm_pools import WarmPool
from backend.engine.acts.power import Power
from backend.engine.draft import Draft
from backend.engine.drawing import AT_REST, ask, dismiss, members
from backend.engine.launching import launch_warm
from backend.engine.phases.health import BAD, cause_of
from backend.engine.phases.rebalance import termination_view
from backend.engine.phases.settle import booted, fault_of, is_overdue, may_tell, unseen
from backend.policies import termination

_SHARE = 10
"""One in so many of the pool is replaced for its health at a time, and one of any pool."""
_TRIES = 3
"""So often a server is asked to be suspended."""
_REST = {ServerStatus.STOPPED: Power.STOP, ServerStatus.PAUSED: Power.SUSPEND}
_ASLEEP = {status: state for state, status in AT_REST.items() if status in _REST}
"""What a node is that was to rest, by how its server does."""


def lead_warm_pool(draft: Draft) -> None:
    pool = draft.cluster.warm_pool
    if pool is None:
        return
    for node in draft.every(*WARMING):
        _arrive(draft, node)
    if not draft.active:
        return
    if pool.deleting:
        _delete(draft, pool)
        return
    _check_health(draft)
    for node in draft.every(NodeState.WARMED_STOPPED, NodeState.WARMED_HIBERNATED):
        if node.server_status is ServerStatus.ACTIVE:  # started behind our back, or by a request that came late
            ask(draft, node, _REST[AT_REST[node.state]])
    _keep_size(draft, pool)


def _arrive(draft: Draft, node: Node) -> None:
    before = draft.before.nodes.get(node.id)
    if before is None or before.state is not node.state:
        draft.again = True  # one move is written at a time
    elif node.state is NodeState.WARMED_PENDING_PROCEED:
        _rest(draft, node)
    elif node.state is NodeState.WARMED_PENDING and node.server_id is None:
        unseen(draft, node)
    elif node.state is NodeState.WARMED_PENDING and node.returns:
        _come_back(draft, node)
    elif (
        node.state is NodeState.WARMED_PENDING
        and booted(draft, node)
        and not _is_held(draft, node, Transition.LAUNCHING)
    ):
        _proceed(draft, node)


def _come_back(draft: Draft, node: Node) -> None:
    """From service: drained first, and then hooks are asked."""
    if node.server_status in ENDED_STATUSES:
        _give_up(draft, node)
    elif not draft.takes_traffic(node) and not _is_held(draft, node, Transition.TERMINATING):
        draft.cool_down()
        _proceed(draft, node)


def _is_held(draft: Draft, node: Node, transition: Transition) -> bool:
    """Whether hooks are asked now; the cluster is looked at again when their time is over."""
    held = draft.wait(node, transition)
    for action in draft.awaited(node):
        draft.wake(action.due_at)
    return held


def _proceed(draft: Draft, node: Node) -> None:
    draft.put(move(node, NodeState.WARMED_PENDING_PROCEED, draft.now, node.activity_id))
    draft.again = True


def _rest(draft: Draft, node: Node) -> None:
    """The server comes to rest as the pool was to have it when the node set out.

    A server that the cloud does not suspend is stopped, as one that is not set up for hibernation. One that came to
    rest the other way is as ready: a suspension may take longer than it is waited for, and somebody may shut it down.
    Source: Auto Scaling User Guide, "Warm pools"; stackd warm_pool_reuse_native.
    """
    state = node.warms_to or NodeState.WARMED_STOPPED
    given_up_at = node.state_at + _TRIES * draft.settings.power_retry
    told = node.power_asked_at is not None and node.server_status is ServerStatus.ACTIVE
    if state is NodeState.WARMED_HIBERNATED and told and draft.now >= given_up_at:
        state = NodeState.WARMED_STOPPED
        node = draft.put(replace(node, warms_to=state, power_asked_at=None))
    wanted, status = AT_REST[state], node.server_status
    reached = _reached(state, status)
    if reached is not None:
        draft.warm(node, reached)
        draft.again = True  # for who waits to draw it
    elif status in ENDED_STATUSES or status is ServerStatus.ERROR:
        _give_up(draft, node)
    elif status is ServerStatus.ACTIVE and may_tell(draft, node, node.state_at):
        ask(draft, node, _REST[wanted])
    elif is_overdue(draft, node, node.state_at):
        _give_up(draft, node)


def _reached(wanted: NodeState, status: ServerStatus | None) -> NodeState | None:
    """The state that a node has come to by its server's, None before that."""
    if status is None or wanted not in _ASLEEP.values():
        return wanted if status is AT_REST[wanted] else None
    return _ASLEEP.get(status)


def _give_up(draft: Draft, node: Node) -> None:
    """A node that cannot come into the pool."""
    if node.returns and node.server_status in BAD:
        draft.terminate(node, (Cause(BAD[node.server_status], draft.now),), LeavesFor.HEALTH)
    elif node.returns:
        dismiss(draft, node, LeavesFor.WARM_POOL)  # it cannot be stopped
    elif node.server_status in ENDED_STATUSES:
        draft.fail_launch(node, Reason(ReasonKind.SERVER_VANISHED))
    elif node.server_status is ServerStatus.ERROR:
        draft.fail_launch(node, fault_of(draft, node))
    else:
        draft.fail_launch(node, Reason(ReasonKind.START_TIMEOUT))


def _delete(draft: Draft, pool: WarmPool) -> None:
    """All of it goes; what a hook abandons, and is kept, is tried again and again.

    Source: conformance/recorded stackd.autoscaling.warm_pool_force_retained_native.forced-end-of-retained.
    """
    for node in draft.every(*leading_to(NodeState.WARMED_TERMINATING)):
        again_at = node.state_at + draft.settings.cloud_retry
        if node.state is NodeState.WARMED_TERMINATING_RETAINED and draft.now < again_at:
            draft.wake(again_at)
        else:
            dismiss(draft, node, LeavesFor.WARM_POOL, pool.causes)


def _check_health(draft: Draft) -> None:
    """Those in the pool that went bad leave it, a few at a time; others are launched in their place.

    Source: Auto Scaling User Guide, "View health check status and the reason for health check failures" of warm pools.
    """
    if not draft.runs(Process.REPLACE_UNHEALTHY, Process.TERMINATE):
        return
    here = draft.every(*WARM)
    going = sum(node.leaves_for is LeavesFor.HEALTH for node in draft.every(*COOLING))
    left = max(1, len(here) // _SHARE) - going
    for node in here:
        cause = _verdict(draft, node)
        if cause is None:
            continue
        if node.server_status in ENDED_STATUSES:
            draft.terminate(node, (Cause(cause, draft.now),), LeavesFor.HEALTH)
        elif draft.cluster.held_since is None and left > 0:
            draft.terminate(node, (Cause(cause, draft.now),), LeavesFor.HEALTH)
            left -= 1


def _verdict(draft: Draft, node: Node) -> CauseKind | None:
    if node.health is Health.UNHEALTHY:  # as a user said
        return cause_of(node, draft.now)
    if node.server_status is None or not draft.runs(Process.HEALTH_CHECK):
        return None
    if node.state is NodeState.WARMED_RUNNING or node.server_status in ENDED_STATUSES:
        return BAD.get(node.server_status)
    return CauseKind.HEALTH_VOLUME if node.server_status is ServerStatus.ERROR else None


def _keep_size(draft: Draft, pool: WarmPool) -> None:
    spec = draft.cluster.spec
    wanted, here = pool.size(spec.maximum, spec.desired), members(draft)
    strays = [node for node in here if node.state in WARM and node.zone not in spec.zones]
    if strays and draft.runs(Process.TERMINATE):  # nobody draws them any more; others come in their place
        for node in strays:
            dismiss(draft, node, LeavesFor.ZONE, pool.causes)
        here = members(draft)
    lacking = max(0, -draft.surplus())  # what is ready is kept for the cluster, when it may launch again
    if len(here) > wanted + lacking:
        _trim(draft, pool, here, len(here) - wanted - lacking)
    elif len(here) < wanted and not lacking:
        data: dict[str, str | int] = {"before": len(here), "after": wanted}
        increase = Cause(CauseKind.CAPACITY_INCREASE, draft.now, data)
        launch_warm(draft, wanted - len(here), (*pool.causes, increase))


def _trim(draft: Draft, pool: WarmPool, here: list[Node], number: int) -> None:
    """By the default policy alone, whatever the cluster's own.

    Source: Auto Scaling User Guide, "Warm pools": what is too much is ended by the default termination policy.
    """
    if not draft.runs(Process.TERMINATE):
        return
    view = replace(termination_view(draft), rules=())
    for node in termination.choose(here, number, view, draft.rng):
        dismiss(draft, node, LeavesFor.WARM_POOL, pool.causes)
