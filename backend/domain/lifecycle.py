"""The actions that lifecycle hooks begin: how long is waited for them, and what follows from the answers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from backend.domain.activity import Activity, ActivityKind, ActivityStatus, Cause, CauseKind, Reason, ReasonKind, begun
from backend.domain.cluster import Cluster
from backend.domain.hooks import Hook, Result, Transition
from backend.domain.ids import derived_uuid
from backend.domain.messages import EVERYWHERE, Message, MessageKind
from backend.domain.node import ARRIVING, COOLING, WARMING, LeavesFor, Node, NodeState, move


class Decided(StrEnum):
    """What brought the result of an action about."""

    ANSWER = "answer"  #            somebody completed it
    HEARTBEAT = "heartbeat"  #      nobody did within its heartbeat
    GLOBAL = "global"  #            heartbeats went on for too long
    HOOK_DELETED = "hook_deleted"
    UNDELIVERABLE = "undeliverable"  # the message that asks for it will never arrive


class Place(StrEnum):
    """Where nodes come from and go to; AWS's own words."""

    CLOUD = "EC2"
    CLUSTER = "AutoScalingGroup"
    WARM_POOL = "WarmPool"


WAITS: Final[Mapping[NodeState, NodeState]] = {
    NodeState.PENDING: NodeState.PENDING_WAIT,
    NodeState.TERMINATING: NodeState.TERMINATING_WAIT,
    NodeState.REPLACING_ROOT_VOLUME: NodeState.REPLACING_ROOT_VOLUME_WAIT,
    NodeState.ROOT_VOLUME_REPLACED: NodeState.PENDING_WAIT,
    NodeState.WARMED_PENDING: NodeState.WARMED_PENDING_WAIT,
    NodeState.WARMED_TERMINATING: NodeState.WARMED_TERMINATING_WAIT,
}
"""The state in which a node waits for the actions of the transition that it has set out for."""
WAITING: Final = frozenset(WAITS.values())
STAGES: Final[Mapping[Transition, tuple[ActivityStatus, int]]] = {
    Transition.LAUNCHING: (ActivityStatus.MID_LIFECYCLE, 40),
    Transition.TERMINATING: (ActivityStatus.MID_TERMINATING, 60),
}
"""What the entry of a node's move says while it waits, and at how many percent."""
WAYS: Final[Mapping[ActivityKind, tuple[Place, Place]]] = {
    ActivityKind.LAUNCH: (Place.CLOUD, Place.CLUSTER),
    ActivityKind.TERMINATE: (Place.CLUSTER, Place.CLOUD),
    ActivityKind.WARM_LAUNCH: (Place.CLOUD, Place.WARM_POOL),
    ActivityKind.DRAW: (Place.WARM_POOL, Place.CLUSTER),
    ActivityKind.RETURN: (Place.CLUSTER, Place.WARM_POOL),
    ActivityKind.WARM_TERMINATE: (Place.WARM_POOL, Place.CLOUD),
}
"""From where to where a node is on its way, by what its move is told as."""


def told_as(node: Node) -> ActivityKind:
    """What the move is told as that a node is on, which hooks may hold."""
    if node.is_rebuilt:
        return ActivityKind.REBUILD
    if node.state in WARMING:
        return ActivityKind.RETURN if node.returns else ActivityKind.WARM_LAUNCH
    if node.state in ARRIVING:
        return ActivityKind.LAUNCH if node.drawn_at is None else ActivityKind.DRAW
    return ActivityKind.WARM_TERMINATE if node.state in COOLING else ActivityKind.TERMINATE


@dataclass(frozen=True, slots=True)
class Action:
    """A hook's wait for one node. It stands while the node waits, with its result while others have none.

    Attributes:
        id: the token by which it is answered.
        hook: name of the hook; what it says of time and default is as it was when the action began.
        heartbeat_until: then the default counts, unless somebody asks for more time.
        until: then it counts in any case.
    """

    id: str
    project_id: str
    region: str
    cluster_id: str
    node_id: str
    hook: str
    transition: Transition
    begun_at: datetime
    heartbeat_seconds: int
    heartbeat_until: datetime
    until: datetime
    default_result: Result
    result: Result | None = None
    decided: Decided | None = None

    @property
    def due_at(self) -> datetime:
        """When it is decided by its default."""
        return min(self.heartbeat_until, self.until)

    def is_open(self, now: datetime) -> bool:
        """Whether it may still be answered."""
        return self.result is None and now < self.due_at

    def answered(self, result: Result, decided: Decided = Decided.ANSWER) -> Action:
        return replace(self, result=result, decided=decided)

    def expired(self, now: datetime) -> Action:
        """The action as it is at that time: decided by its default where nobody answered in time."""
        if self.result is not None or now < self.due_at:
            return self
        return self.answered(self.default_result, Decided.GLOBAL if now >= self.until else Decided.HEARTBEAT)

    def prolonged(self, now: datetime) -> Action:
        """With a new heartbeat from now on, never beyond its end."""
        return replace(self, heartbeat_until=min(self.until, now + timedelta(seconds=self.heartbeat_seconds)))


def asked(hooks: Iterable[Hook], transition: Transition, begun_at: datetime) -> list[Hook]:
    """The hooks that hold a transition that began then: those that were there."""
    return [hook for hook in hooks if hook.transition is transition and hook.created_at <= begun_at]


def begin(hook: Hook, node: Node, token: str, now: datetime) -> Action:
    """The action of a hook for a node that begins to wait."""
    until = now + hook.longest
    return Action(
        id=token,
        project_id=node.project_id,
        region=node.region,
        cluster_id=node.cluster_id,
        node_id=node.id,
        hook=hook.name,
        transition=hook.transition,
        begun_at=now,
        heartbeat_seconds=hook.heartbeat_seconds,
        heartbeat_until=min(until, now + timedelta(seconds=hook.heartbeat_seconds)),
        until=until,
        default_result=hook.default_result,
    )


def verdict(actions: Collection[Action]) -> Result | None:
    """What a node is to do whose actions these are; None while one of them is waited for.

    The first ABANDON decides; what the others would have said is not waited for.
    """
    results = [action.result for action in actions]
    if Result.ABANDON in results:
        return Result.ABANDON
    return None if None in results else Result.CONTINUE


@dataclass(frozen=True, slots=True)
class Left:
    """How a node leaves its wait.

    Attributes:
        node: as it is from then on.
        cancelled: why the entry of its move ends; None: that goes on.
        opened: the entry of the move that follows, where another begins.
        proceeds: its entry is in progress again.
    """

    node: Node
    cancelled: Reason | None = None
    opened: Activity | None = None
    proceeds: bool = False


def leave(
    cluster: Cluster, node: Node, actions: Collection[Action], now: datetime, new_id: Callable[[], str]
) -> Left | None:
    """How a waiting node goes on; None while it waits.

    Args:
        actions: all of the node.
        new_id: makes the id of an entry.
    """
    result = verdict(actions)
    if result is None or node.state not in WAITING:
        return None
    way = _AFTER[node.state]
    if way.end is not None and not node.returns:
        if result is Result.CONTINUE:
            return Left(move(node, way.proceed, now, node.activity_id), proceeds=True)
        cause = Cause(CauseKind.LAUNCH_ABANDONED, now)
        gone = move(node, way.end, now)
        entry = begun(new_id(), cluster, told_as(gone), (cause,), now).about(node)
        return Left(replace(gone, activity_id=entry.id, leaves_for=LeavesFor.ABANDONED), abandoned(actions), entry)
    if result is Result.ABANDON and cluster.spec.retain_abandoned and way.retained is not None:
        kept = replace(move(node, way.retained, now), leaves_for=None)
        return Left(kept, abandoned(actions))
    return Left(move(node, way.proceed, now, node.activity_id))


class _After(NamedTuple):
    """Where a wait may lead.

    Attributes:
        end: where a launch goes that was abandoned; None where nothing is launched.
        retained: where an end, or a return into the warm pool, goes that was abandoned and whose node is kept.
    """

    proceed: NodeState
    end: NodeState | None
    retained: NodeState | None


_AFTER: Final[Mapping[NodeState, _After]] = {
    NodeState.PENDING_WAIT: _After(NodeState.PENDING_PROCEED, NodeState.TERMINATING, None),
    NodeState.TERMINATING_WAIT: _After(NodeState.TERMINATING_PROCEED, None, NodeState.TERMINATING_RETAINED),
    NodeState.REPLACING_ROOT_VOLUME_WAIT: _After(NodeState.REPLACING_ROOT_VOLUME_PROCEED, None, None),
    NodeState.WARMED_PENDING_WAIT: _After(
        NodeState.WARMED_PENDING_PROCEED, NodeState.WARMED_TERMINATING, NodeState.WARMED_PENDING_RETAINED
    ),
    NodeState.WARMED_TERMINATING_WAIT: _After(
        NodeState.WARMED_TERMINATING_PROCEED, None, NodeState.WARMED_TERMINATING_RETAINED
    ),
}


def abandoned(actions: Iterable[Action]) -> Reason:
    """Why a move was given up: the action that decided so."""
    first = next(each for each in actions if each.result is Result.ABANDON)
    return Reason(ReasonKind.ABANDONED, {"token": first.id, "decided": str(first.decided)})


def message(cluster: Cluster, hook: Hook, node: Node, action: Action, target: str) -> Message:
    """What a target is told of an action that began; the id is the same however often that is asked for."""
    # Nothing tells of a rebuild's end, so it has no way among those of moves.
    origin, destination = WAYS.get(told_as(node), (Place.CLUSTER, Place.CLUSTER))
    data: dict[str, Any] = {
        "hook": action.hook,
        "transition": str(action.transition),
        "token": action.id,
        "node_id": node.id,
        "server_id": node.server_id,
        "origin": str(origin),
        "destination": str(destination),
        "request_id": derived_uuid("action", action.id),
    }
    if hook.metadata is not None:
        data["metadata"] = hook.metadata
    if told_as(node) is ActivityKind.REBUILD:
        data["rebuilds"] = 1
    return Message.about(
        cluster,
        MessageKind.ACTION,
        target,
        data=data,
        at=action.begun_at,
        id=derived_uuid("action", action.id, target),
        action_id=None if target == EVERYWHERE else action.id,
    )
