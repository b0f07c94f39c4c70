"""A node: one member of a cluster, its states and the only moves between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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


# A node leaves the store when it reaches Terminated or Detached: the journal keeps what happened.
TRANSITIONS: dict[NodeState, frozenset[NodeState]] = {
    NodeState.PENDING: frozenset({NodeState.PENDING_WAIT, NodeState.IN_SERVICE, NodeState.TERMINATING}),
    NodeState.PENDING_WAIT: frozenset({NodeState.PENDING_PROCEED, NodeState.TERMINATING}),
    NodeState.PENDING_PROCEED: frozenset({NodeState.IN_SERVICE, NodeState.TERMINATING}),
    NodeState.QUARANTINED: frozenset({NodeState.TERMINATING}),
    NodeState.IN_SERVICE: frozenset({NodeState.TERMINATING, NodeState.DETACHING, NodeState.ENTERING_STANDBY}),
    NodeState.ENTERING_STANDBY: frozenset({NodeState.STANDBY, NodeState.TERMINATING}),
    NodeState.STANDBY: frozenset({NodeState.PENDING, NodeState.TERMINATING, NodeState.DETACHING}),
    NodeState.TERMINATING: frozenset({NodeState.TERMINATING_WAIT, NodeState.TERMINATING_PROCEED, NodeState.TERMINATED}),
    NodeState.TERMINATING_WAIT: frozenset({NodeState.TERMINATING_PROCEED, NodeState.TERMINATING_RETAINED}),
    NodeState.TERMINATING_PROCEED: frozenset({NodeState.TERMINATED}),
    NodeState.TERMINATING_RETAINED: frozenset({NodeState.TERMINATING, NodeState.TERMINATED}),
    NodeState.DETACHING: frozenset({NodeState.DETACHED, NodeState.TERMINATING}),
    NodeState.TERMINATED: frozenset(),
    NodeState.DETACHED: frozenset(),
}

COUNTED = frozenset(
    {
        NodeState.PENDING,
        NodeState.PENDING_WAIT,
        NodeState.PENDING_PROCEED,
        NodeState.IN_SERVICE,
    }
)
"""The states that count towards the desired capacity."""


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

    @property
    def counted(self) -> bool:
        """Whether it counts towards the desired capacity."""
        return self.state in COUNTED

    @property
    def weight(self) -> int:
        """How much of the desired capacity it makes up, in the cluster's units."""
        return 1


def capacity(nodes: Iterable[Node]) -> int:
    """What these nodes make up together, in the units of desired, minimum and maximum."""
    return sum(node.weight for node in nodes)


class Member(NamedTuple):
    """What lists of clusters tell of a node that has a server; a tuple, since such lists are long and often asked for.

    Attributes:
        server: short id of its server.
        state, health: NodeState and Health values as plain text.
        configuration, template_id, template_name, template_version: its ProfileRef, None where it has none.
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
