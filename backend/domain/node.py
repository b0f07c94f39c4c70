"""A node: one member of a cluster, its states and the only moves between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from backend.domain.profile import ProfileRef

GROUP_TAG = "aws:autoscaling:groupName"
"""The tag of a server that tells which cluster it is a node of."""


class NodeState(StrEnum):
    """AWS's own lifecycle states."""

    PENDING = "Pending"
    PENDING_WAIT = "Pending:Wait"
    PENDING_PROCEED = "Pending:Proceed"
    QUARANTINED = "Quarantined"
    IN_SERVICE = "InService"
    TERMINATING = "Terminating"
    TERMINATING_WAIT = "Terminating:Wait"
    TERMINATING_PROCEED = "Terminating:Proceed"
    TERMINATING_RETAINED = "Terminating:Retained"
    TERMINATED = "Terminated"
    DETACHING = "Detaching"
    DETACHED = "Detached"
    ENTERING_STANDBY = "EnteringStandby"
    STANDBY = "Standby"
    REPLACING_ROOT_VOLUME = "ReplacingRootVolume"
    REPLACING_ROOT_VOLUME_WAIT = "ReplacingRootVolume:Wait"
    REPLACING_ROOT_VOLUME_PROCEED = "ReplacingRootVolume:Proceed"
    ROOT_VOLUME_REPLACED = "RootVolumeReplaced"
    WARMED_PENDING = "Warmed:Pending"
    WARMED_PENDING_WAIT = "Warmed:Pending:Wait"
    WARMED_PENDING_PROCEED = "Warmed:Pending:Proceed"
    WARMED_PENDING_RETAINED = "Warmed:Pending:Retained"
    WARMED_STOPPED = "Warmed:Stopped"
    WARMED_RUNNING = "Warmed:Running"
    WARMED_HIBERNATED = "Warmed:Hibernated"
    WARMED_TERMINATING = "Warmed:Terminating"
    WARMED_TERMINATING_WAIT = "Warmed:Terminating:Wait"
    WARMED_TERMINATING_PROCEED = "Warmed:Terminating:Proceed"
    WARMED_TERMINATING_RETAINED = "Warmed:Terminating:Retained"
    WARMED_TERMINATED = "Warmed:Terminated"


# Every state is in one of these classes. Whoever asks for nodes by what they are about asks for a class, so that a
# state that comes to one of them is met everywhere.
ARRIVING = frozenset({NodeState.PENDING, NodeState.PENDING_WAIT, NodeState.PENDING_PROCEED})
"""On their way into service."""
SERVING = frozenset({NodeState.IN_SERVICE})
REBUILDING = frozenset(
    {
        NodeState.REPLACING_ROOT_VOLUME,
        NodeState.REPLACING_ROOT_VOLUME_WAIT,
        NodeState.REPLACING_ROOT_VOLUME_PROCEED,
        NodeState.ROOT_VOLUME_REPLACED,
    }
)
"""Out of service while their root disks are written anew from another image; they come back."""
PARKING = frozenset({NodeState.ENTERING_STANDBY})
PARKED = frozenset({NodeState.STANDBY})
"""There, but neither counted nor checked."""
ENDING = frozenset({NodeState.TERMINATING, NodeState.TERMINATING_WAIT, NodeState.TERMINATING_PROCEED})
"""On their way out, and their servers with them."""
PARTING = frozenset({NodeState.DETACHING})
"""On their way out of the cluster; their servers stay."""
WARMING = frozenset({NodeState.WARMED_PENDING, NodeState.WARMED_PENDING_WAIT, NodeState.WARMED_PENDING_PROCEED})
"""On their way into the warm pool: launched for it, or back from service."""
WARM = frozenset({NodeState.WARMED_STOPPED, NodeState.WARMED_RUNNING, NodeState.WARMED_HIBERNATED})
"""Ready in the warm pool, to be drawn from it."""
COOLING = frozenset(
    {NodeState.WARMED_TERMINATING, NodeState.WARMED_TERMINATING_WAIT, NodeState.WARMED_TERMINATING_PROCEED}
)
"""On their way out of the warm pool, and their servers with them."""
KEPT = frozenset({NodeState.QUARANTINED, NodeState.TERMINATING_RETAINED})
"""Out of service for good, and kept for somebody to look at."""
KEPT_WARM = frozenset({NodeState.WARMED_PENDING_RETAINED, NodeState.WARMED_TERMINATING_RETAINED})
"""The same of the warm pool: neither ready nor on their way."""
GONE = frozenset({NodeState.TERMINATED, NodeState.DETACHED, NodeState.WARMED_TERMINATED})
"""Never stored: a node that comes to them leaves the store, and the journal keeps what happened."""

LEAVING = ENDING | PARTING | COOLING
IN_WARM_POOL = WARMING | WARM | COOLING | KEPT_WARM
"""Members of the warm pool: they neither count nor serve, and are none of the cluster's own members."""
COUNTED = ARRIVING | SERVING | REBUILDING
"""The states that count towards the desired capacity."""
MOVING = ARRIVING | REBUILDING | PARKING | LEAVING | WARMING
"""Something is awaited of the cloud, or of whoever holds the node."""

TRANSITIONS: dict[NodeState, frozenset[NodeState]] = {
    NodeState.PENDING: frozenset({NodeState.PENDING_WAIT, NodeState.IN_SERVICE, NodeState.TERMINATING}),
    NodeState.PENDING_WAIT: frozenset({NodeState.PENDING_PROCEED, NodeState.TERMINATING}),
    NodeState.PENDING_PROCEED: frozenset({NodeState.IN_SERVICE, NodeState.TERMINATING}),
    NodeState.QUARANTINED: frozenset({NodeState.TERMINATING}),
    NodeState.IN_SERVICE: frozenset(
        {
            NodeState.TERMINATING,
            NodeState.DETACHING,
            NodeState.ENTERING_STANDBY,
            NodeState.WARMED_PENDING,
            NodeState.REPLACING_ROOT_VOLUME,
        }
    ),
    NodeState.REPLACING_ROOT_VOLUME: frozenset(
        {NodeState.REPLACING_ROOT_VOLUME_WAIT, NodeState.REPLACING_ROOT_VOLUME_PROCEED, NodeState.TERMINATING}
    ),
    NodeState.REPLACING_ROOT_VOLUME_WAIT: frozenset({NodeState.REPLACING_ROOT_VOLUME_PROCEED, NodeState.TERMINATING}),
    NodeState.REPLACING_ROOT_VOLUME_PROCEED: frozenset({NodeState.ROOT_VOLUME_REPLACED, NodeState.TERMINATING}),
    NodeState.ROOT_VOLUME_REPLACED: frozenset({NodeState.PENDING_WAIT, NodeState.IN_SERVICE, NodeState.TERMINATING}),
    NodeState.ENTERING_STANDBY: frozenset({NodeState.STANDBY, NodeState.TERMINATING}),
    NodeState.STANDBY: frozenset({NodeState.PENDING, NodeState.TERMINATING, NodeState.DETACHING}),
    NodeState.TERMINATING: frozenset({NodeState.TERMINATING_WAIT, NodeState.TERMINATING_PROCEED, NodeState.TERMINATED}),
    NodeState.TERMINATING_WAIT: frozenset(
        {NodeState.TERMINATING_PROCEED, NodeState.TERMINATING_RETAINED, NodeState.TERMINATED}
    ),
    NodeState.TERMINATING_PROCEED: frozenset({NodeState.TERMINATED}),
    NodeState.TERMINATING_RETAINED: frozenset({NodeState.TERMINATING, NodeState.TERMINATED, NodeState.DETACHING}),
    NodeState.DETACHING: frozenset({NodeState.DETACHED}),
    NodeState.WARMED_PENDING: frozenset(
        {NodeState.WARMED_PENDING_WAIT, NodeState.WARMED_PENDING_PROCEED, NodeState.WARMED_TERMINATING}
    ),
    NodeState.WARMED_PENDING_WAIT: frozenset(
        {NodeState.WARMED_PENDING_PROCEED, NodeState.WARMED_PENDING_RETAINED, NodeState.WARMED_TERMINATING}
    ),
    NodeState.WARMED_PENDING_PROCEED: WARM | {NodeState.WARMED_TERMINATING},
    NodeState.WARMED_PENDING_RETAINED: frozenset({NodeState.WARMED_TERMINATING, NodeState.WARMED_TERMINATED}),
    **{state: frozenset({NodeState.PENDING, NodeState.WARMED_TERMINATING}) for state in sorted(WARM)},
    NodeState.WARMED_TERMINATING: frozenset(
        {NodeState.WARMED_TERMINATING_WAIT, NodeState.WARMED_TERMINATING_PROCEED, NodeState.WARMED_TERMINATED}
    ),
    NodeState.WARMED_TERMINATING_WAIT: frozenset(
        {
            NodeState.WARMED_TERMINATING_PROCEED,
            NodeState.WARMED_TERMINATING_RETAINED,
            NodeState.WARMED_TERMINATED,
        }
    ),
    NodeState.WARMED_TERMINATING_PROCEED: frozenset({NodeState.WARMED_TERMINATED}),
    NodeState.WARMED_TERMINATING_RETAINED: frozenset({NodeState.WARMED_TERMINATING, NodeState.WARMED_TERMINATED}),
    NodeState.WARMED_TERMINATED: frozenset(),
    NodeState.TERMINATED: frozenset(),
    NodeState.DETACHED: frozenset(),
}
"""The moves there are; ``move`` is the only one who makes them."""


def leading_to(state: NodeState) -> tuple[NodeState, ...]:
    """The states from which a node may come to that one, in the order of NodeState."""
    return tuple(each for each in NodeState if state in TRANSITIONS[each])


class IllegalMove(Exception):
    """A node was to go where no move leads from where it is: a fault of ours, never of a caller."""

    def __init__(self, node_id: str, was: NodeState, wanted: NodeState) -> None:
        super().__init__(f"node {node_id}: {was} -> {wanted}")


class Health(StrEnum):
    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"


class ServerStatus(StrEnum):
    """What the cloud says of a server, in the engine's words."""

    BUILDING = "building"
    ACTIVE = "active"
    STOPPING = "stopping"
    STOPPED = "stopped"
    PAUSED = "paused"
    ERROR = "error"
    DELETING = "deleting"
    DELETED = "deleted"
    UNKNOWN = "unknown"


class Notice(StrEnum):
    """The cloud's word that it will take a server back."""

    REBALANCE = "rebalance"  #        it is likely to, some time
    INTERRUPTION = "interruption"  #  it does, in a few minutes


ENDED_STATUSES = frozenset({ServerStatus.DELETING, ServerStatus.DELETED})
"""The cloud has been told to delete the server, by whomever: it does not come back."""


class LeavesFor(StrEnum):
    """Why a node is on its way out, or is to go as soon as its successor has come."""

    HEALTH = "health"
    LIFETIME = "lifetime"
    NOTICE = "notice"  # the cloud will take its server back
    HOST = "host"  # an operator drains the host of its server
    ZONE = "zone"  # another zone is to have what it is worth
    CAPACITY = "capacity"  # more nodes than are desired
    REQUEST = "request"
    DELETION = "deletion"  # of its cluster
    FAILED_LAUNCH = "failed_launch"
    REFRESH = "refresh"  # of its cluster
    ABANDONED = "abandoned"  # by a hook, before it came into service
    WARM_POOL = "warm_pool"  # more nodes are prepared than are wanted


@dataclass(frozen=True, slots=True)
class Node:
    """A stored node.

    Attributes:
        launch_id: token of the create call that makes its server; shared by the nodes of one batch; carried by the
            server's metadata, so the server can be found again after a crash.
        server_id: the cloud's uuid, None until the create call's outcome is known.
        health_cause: kind of the health finding (a CauseKind value), None while healthy.
        health_due_at: from when on the engine may replace it for being unhealthy; None while healthy.
        server_status, server_status_at: the last observation and the cloud's time stamp of it.
        in_service_at: when it came into service; grace counts from there.
        delete_requested_at: when the cloud last accepted or was asked for its deletion.
        replaces: id of the node this one replaces, None for plain capacity.
        attached: the server was made by someone else and attached.
        activity_id: the open activity that ends when the present move ends.
        address: private address of its server, None until it was seen.
        volume_failed: a volume that its server has was seen in error; looked for only where a cluster goes by it.
        drained_from: the host that it is to leave, or who asked for it; None where nobody wants that.
        notice: the cloud's word that it will take the server back; None where it said nothing, or no longer says it.
            leaves_for: why it goes or is to go, None for one that stays.
            asked_at: when the request for its server ended without an answer: from then on nothing more is sent.
        refresh_id: the refresh that it was made for, by what that brings.
        unheard_at: when it was found that nobody lives who would have heard the answer, or knows whether it was asked.
        warms_to: what it is to be in the warm pool, while it is on its way there.
        drawn_at: when it left the warm pool for service; None once it serves, and for one that was launched for it.
        power_asked_at: when the cloud was last asked to start, stop or rebuild its server for the state it is in.
            missing_at: when the cloud last did not know the server; None where it did, or told of its end.
        units: what it counts by its cluster's weights; None where there are none.
        preemptible: of the class of servers that the cloud may take back.
        own_image: short id of the image of its root disk, where that is of an override of the mix, or was replaced.
        rebuilds_to: short id of the image that its root disk is to be written from, until the cloud took that on.
        rebuilt_from: cloud id of the image that its server had before that.
    """

    id: str
    cluster_id: str
    project_id: str
    region: str
    launch_id: str
    server_id: str | None
    zone: str
    subnet_id: str | None
    state: NodeState
    state_at: datetime
    health: Health
    health_cause: str | None
    protected: bool
    profile: ProfileRef | None
    instance_type: str
    image_id: str | None
    created_at: datetime
    health_due_at: datetime | None = None
    server_status: ServerStatus | None = None
    server_status_at: datetime | None = None
    in_service_at: datetime | None = None
    delete_requested_at: datetime | None = None
    replaces: str | None = None
    attached: bool = False
    activity_id: str | None = None
    address: str | None = None
    leaves_for: LeavesFor | None = None
    missing_at: datetime | None = None
    asked_at: datetime | None = None
    unheard_at: datetime | None = None
    units: int | None = None
    preemptible: bool = False
    warms_to: NodeState | None = None
    drawn_at: datetime | None = None
    power_asked_at: datetime | None = None
    notice: Notice | None = None
    volume_failed: bool = False
    drained_from: str | None = None
    refresh_id: str | None = None
    own_image: str | None = None
    rebuilds_to: str | None = None
    rebuilt_from: str | None = None

    @property
    def set_out_at(self) -> datetime:
        """When it set out for where it is going first: launched, drawn from the warm pool, or back from a rebuild."""
        return self.state_at if self.state in REBUILDING else self.drawn_at or self.created_at

    @property
    def is_rebuilt(self) -> bool:
        """Whether it is out of service for its root disk: hooks may hold it on its way back, too."""
        waits = {NodeState.PENDING_WAIT, NodeState.PENDING_PROCEED}
        return self.state in REBUILDING or (self.state in waits and self.in_service_at is not None)

    @property
    def returns(self) -> bool:
        """Whether it is in the warm pool, or on its way there, from service."""
        return self.state in WARMING and self.in_service_at is not None

    @property
    def counted(self) -> bool:
        """Whether it counts towards the desired capacity."""
        return self.state in COUNTED

    @property
    def weight(self) -> int:
        """How much of the desired capacity it makes up, in the cluster's units."""
        return self.units or 1


def move(node: Node, state: NodeState, now: datetime, activity_id: str | None = None) -> Node:
    """The node in its next state from now on, with all that comes with that state by itself.

    Args:
        activity_id: the entry that ends when this move does; None where the move is over at once.

    Raises:
        IllegalMove: no move leads there.
    """
    if state not in TRANSITIONS[node.state]:
        raise IllegalMove(node.id, node.state, state)
    moved = replace(node, state=state, state_at=now, activity_id=activity_id, power_asked_at=None)
    if state in SERVING:
        return replace(moved, in_service_at=now, drawn_at=None)
    if state in WARM:  # as new as one that was launched for it
        return replace(moved, in_service_at=None, drawn_at=None, warms_to=None, leaves_for=None, replaces=None)
    # What was asked of the cloud for an earlier end says nothing about this one.
    return replace(moved, delete_requested_at=None) if state in ENDING | COOLING else moved


def capacity(nodes: Iterable[Node]) -> int:
    """What these nodes, those of them that count, make up together, in the units of desired, minimum and maximum."""
    return sum(node.weight for node in nodes if node.counted)


class Member(NamedTuple):
    """What lists of clusters tell of a node that has a server; a tuple, since such lists are long and often asked for.

    Attributes:
        server: short id of its server.
        state, health: NodeState and Health values as plain text.
        configuration, template_id, template_name, template_version: its ProfileRef, None where it has none.
        units: what it counts, None where its cluster has no weights.
        image: see own_image of Node.
    """

    server: str
    zone: str
    state: str
    health: str
    protected: bool
    instance_type: str
    configuration: str | None
    template_id: str | None
    template_name: str | None
    template_version: int | None
    units: int | None = None
    image: str | None = None
