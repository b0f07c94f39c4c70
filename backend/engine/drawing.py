"""What goes between a cluster and its warm pool: nodes drawn for service, and nodes that go back. Pure.

Asked in front of launches and of ends, and of clusters without a warm pool it costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from backend.domain.activity import Cause, CauseKind
from backend.domain.lifecycle import told_as
from backend.domain.node import (
    KEPT_WARM,
    WARM,
    WARMING,
    Health,
    LeavesFor,
    Node,
    NodeState,
    ServerStatus,
    move,
)
from backend.domain.warm_pools import SETTLED
from backend.engine.acts.power import ChangePower, Power
from backend.engine.draft import Draft
from backend.engine.fleet import is_outdated

AT_REST: Final = {
    NodeState.WARMED_RUNNING: ServerStatus.ACTIVE,
    NodeState.WARMED_HIBERNATED: ServerStatus.PAUSED,
    NodeState.WARMED_STOPPED: ServerStatus.STOPPED,
}
"""What servers of nodes in the pool are; those that serve soonest first."""
_ORDER: Final = tuple(AT_REST)
WAKE: Final = {ServerStatus.STOPPED: Power.START, ServerStatus.PAUSED: Power.RESUME}
"""What makes a server run."""


def draw(draft: Draft, lacking: int, causes: tuple[Cause, ...], gaps: Sequence[Node]) -> int:
    """Take ready nodes of the pool into service, those in the emptiest zones first.

    Args:
        lacking: how much capacity is wanted.
        causes: why.
        gaps: nodes that went and that nobody replaces yet; those that are drawn do.

    Returns:
        The capacity that is on its way by it.
    """
    pool = draft.cluster.warm_pool
    if pool is None or pool.deleting:
        return 0
    zones = draft.cluster.spec.zones
    ready = [node for node in draft.every(*WARM) if node.zone in zones and _is_ready(node)]
    ready = [node for node in ready if not is_outdated(draft, node)]
    ready.sort(key=lambda node: _ORDER.index(node.state))
    counts = draft.zone_counts()
    drawn = 0
    replacing = (Cause(CauseKind.REPLACING_UNHEALTHY, draft.now),)
    left = list(gaps)
    while ready and drawn < lacking:
        node = min(ready, key=lambda each: counts[each.zone])
        ready.remove(node)
        counts[node.zone] += 1
        drawn += node.weight
        gap = left.pop(0) if left else None
        heals = gap is not None and gap.leaves_for is LeavesFor.HEALTH
        _take(draft, node, replacing if heals else causes, gap)
    return drawn


def _is_ready(node: Node) -> bool:
    """Whether it may serve: also one that somebody started, or that rests otherwise than it was made to."""
    running = node.server_status is ServerStatus.ACTIVE
    rests = node.state is not NodeState.WARMED_RUNNING and node.server_status in WAKE
    return node.health is Health.HEALTHY and (running or rests)


def _take(draft: Draft, node: Node, causes: tuple[Cause, ...], gap: Node | None) -> None:
    moved = move(node, NodeState.PENDING, draft.now)
    moved = replace(moved, drawn_at=draft.now, replaces=None if gap is None else gap.id)
    entry = draft.open(told_as(moved), causes, moved)
    wake(draft, draft.put(replace(moved, activity_id=entry.id)))


def wake(draft: Draft, node: Node) -> None:
    """Have the server of a drawn node run."""
    if node.server_status in WAKE:
        ask(draft, node, WAKE[node.server_status])
    else:
        draft.again = True


def ask(draft: Draft, node: Node, power: Power) -> None:
    """Tell the cloud to start or to stop a server; again where that was long ago, and nothing came of it."""
    asked_at = node.power_asked_at
    if asked_at is None or asked_at + draft.settings.power_retry <= draft.now:
        draft.act(ChangePower(draft.scope, node, power))
        draft.wake(draft.now + draft.settings.cloud_retry)
    else:
        draft.wake(asked_at + draft.settings.power_retry)


def members(draft: Draft) -> list[Node]:
    """The nodes that the pool's size is about: those that are in it to stay, and those on their way there."""
    return draft.every(*WARMING, *WARM)


def room(draft: Draft) -> int:
    """How many nodes that are too many may go back into the pool."""
    pool = draft.cluster.warm_pool
    if pool is None or not pool.reuse:
        return 0
    spec = draft.cluster.spec
    return max(0, pool.size(spec.maximum, spec.desired) - len(members(draft)))


def may_return(draft: Draft, node: Node) -> bool:
    """Whether a node can go back: it serves, not only since now, is well, and no refresh is to be rid of it."""
    well = node.health is Health.HEALTHY and node.server_status is ServerStatus.ACTIVE
    before = draft.before.nodes.get(node.id)
    stays = before is not None and before.state is node.state is NodeState.IN_SERVICE
    return well and stays and not is_outdated(draft, node)


def send_back(draft: Draft, node: Node, causes: Sequence[Cause]) -> None:
    """A node in service goes into the pool: drained, and held by hooks, as if it went for good."""
    pool = draft.cluster.warm_pool
    assert pool is not None
    moved = replace(
        move(node, NodeState.WARMED_PENDING, draft.now),
        warms_to=SETTLED[pool.state],
        leaves_for=LeavesFor.CAPACITY,
        replaces=None,
    )
    selected = Cause(CauseKind.SELECTED_FOR_WARM_POOL, draft.now, {"server": node.server_id or ""})
    entry = draft.open(told_as(moved), (*causes, selected), moved)
    draft.put(replace(moved, activity_id=entry.id))
    draft.again = True


def dismiss(draft: Draft, node: Node, leaves_for: LeavesFor, causes: Sequence[Cause] = ()) -> None:
    """A node leaves the pool, and its server with it.

    Args:
        causes: the requests that made it one too many.

    Source: conformance/recorded stackd.autoscaling.warm_pool_sizing_native, warm_pool_force_retained_native.
    """
    server = node.server_id or ""
    kept = Cause(CauseKind.WARM_POOL_DELETED, draft.now, {"server": server})
    why = (kept,) if node.state in KEPT_WARM else (*causes, Cause(CauseKind.WARM_POOL_DECREASE, draft.now))
    draft.terminate(node, (*why, Cause(CauseKind.SELECTED_FOR_TERMINATION, draft.now, {"server": server})), leaves_for)
