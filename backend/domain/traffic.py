"""Where a cluster's nodes take their traffic from: its sources, and what is registered with each of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MemberHealth(StrEnum):
    """What a pool's monitor says of a member. UNKNOWN: nobody looks, or nobody can tell; never a verdict."""

    INITIAL = "initial"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


class SourceState(StrEnum):
    """AWS's own states of an attached target group; Removed is never seen, since the source is gone then."""

    ADDING = "Adding"
    ADDED = "Added"
    IN_SERVICE = "InService"
    REMOVING = "Removing"


@dataclass(frozen=True, slots=True)
class TrafficSource:
    """A pool that a cluster's nodes are members of.

    Attributes:
        pool_id: the cloud's id.
        name: the pool's when it was attached; part of its ARN.
        port: where nodes are spoken to; 0 where that is for a classic balancer's listeners to say.
    """

    pool_id: str
    name: str
    port: int
    state: SourceState = SourceState.ADDING

    @property
    def classic(self) -> bool:
        """Whether it is a classic balancer, and no pool or target group."""
        return self.port == 0

    @property
    def wanted(self) -> bool:
        """Whether nodes belong into it: it is not being detached."""
        return self.state is not SourceState.REMOVING


class RegistrationState(StrEnum):
    """ADDING: the pool was asked, or is to be. LEAVING: it was asked for no new connections. DRAINING: it gives none.

    REMOVING: it was asked to take the member out. SKIPPED: the node is kept out on purpose, for as long as it serves.
    """

    ADDING = "adding"
    REGISTERED = "registered"
    LEAVING = "leaving"
    DRAINING = "draining"
    REMOVING = "removing"
    SKIPPED = "skipped"


OUTGOING = frozenset({RegistrationState.LEAVING, RegistrationState.DRAINING, RegistrationState.REMOVING})
"""On its way out of its pool."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A node's member of a pool; it may outlive the node.

    Attributes:
        server_id: of the node.
        state_at: since when it is in its state.
        due_at: when to ask again for what was asked; while it drains, until when. None where nothing is due.
        health: as the pool's monitor told it last.
        served: it was healthy once.
    """

    node_id: str
    pool_id: str
    cluster_id: str
    project_id: str
    region: str
    server_id: str
    address: str
    port: int
    subnet_id: str | None
    state: RegistrationState
    state_at: datetime
    due_at: datetime | None = None
    health: MemberHealth = MemberHealth.UNKNOWN
    served: bool = False
