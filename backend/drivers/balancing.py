"""The balancing port: pools of load balancers, their members, and what clients ask about balancers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from backend.domain.scope import Scope
from backend.domain.traffic import MemberHealth


@dataclass(frozen=True, slots=True)
class Monitor:
    """How a pool finds out about its members' health.

    Attributes:
        kind: ``HTTP``, ``HTTPS``, ``TCP``, ``PING``... in the cloud's words.
        rise, fall: checks in a row that make a member healthy, and unhealthy.
        path, codes: of HTTP checks.
    """

    kind: str
    interval_seconds: int
    timeout_seconds: int
    rise: int
    fall: int
    path: str | None = None
    codes: str | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool of members that traffic is spread over (AWS: a target group).

    Attributes:
        protocol: in the cloud's words (``HTTP``, ``TCP``, ``PROXY``...).
        port: where new members are spoken to.
        algorithm, persistence: how members are chosen, and what makes a client stick to one, as far as it is told.
        balancer_ids: the load balancers that it serves; none means that it has no traffic.
        network_id: of its balancers' address, where that is told.
        made: it was made by an installation of Coppice, and stands for a target group of that.
    """

    id: str
    name: str
    protocol: str
    port: int
    created_at: datetime
    algorithm: str = ""
    persistence: str | None = None
    balancer_ids: tuple[str, ...] = ()
    monitor: Monitor | None = None
    network_id: str | None = None
    made: bool = False


@dataclass(frozen=True, slots=True)
class Balancer:
    """A load balancer.

    ``status`` is ``active``, ``provisioning`` or ``failed``; ``made``: by an installation of Coppice.
    """

    id: str
    name: str
    address: str
    status: str
    created_at: datetime
    network_id: str | None = None
    subnet_id: str | None = None
    made: bool = False


@dataclass(frozen=True, slots=True)
class Listener:
    """A port of a load balancer. ``pool_id``: where its traffic goes when no rule says otherwise.

    ``made``: by an installation of Coppice.
    """

    id: str
    name: str
    balancer_id: str
    protocol: str
    port: int
    pool_id: str | None = None
    made: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A member as it is wished for: known by address and port.

    Attributes:
        owner: id of the node it stands for; the member carries it in its name.
        subnet_id: the server's, as the network port tells it; None where it is not known.
        monitor_port: where its health is asked for; None for its own port.
    """

    owner: str
    address: str
    port: int
    subnet_id: str | None = None
    monitor_port: int | None = None


@dataclass(frozen=True, slots=True)
class PoolMember:
    """A member of a pool.

    Attributes:
        owner: id of the node that it was added for, None for members that others made.
        installation: of Coppice, which added it; None where that was not noted.
        weight: its share of new connections; 0 means that it is draining.
        operating_status, provisioning_status: in the cloud's own words.
        monitor_port: where its health is asked for; None for its own port.
    """

    id: str
    address: str
    port: int
    weight: int
    health: MemberHealth
    owner: str | None = None
    installation: str | None = None
    operating_status: str = ""
    provisioning_status: str = ""
    monitor_port: int | None = None


class Balancing(Protocol):
    """Pools and members of one project in one region.

    Every call may raise CloudUnavailable and NotAuthorized. Where the cloud has no load balancing the first three
    are empty, and the others raise NoBalancing. A write is safe to repeat and may raise OutcomeUnknown, PoolNotFound,
    and Busy: then not all of it was done, since the cloud was changing the pool for somebody else.
    """

    def pools(self, scope: Scope) -> Sequence[Pool]:
        """Every pool, by name and id."""

    def balancers(self, scope: Scope) -> Sequence[Balancer]:
        """Every load balancer, by name and id."""

    def listeners(self, scope: Scope) -> Sequence[Listener]:
        """Every listener, by balancer and port."""

    def members(self, scope: Scope, pool_id: str) -> Sequence[PoolMember]:
        """Every member of a pool, in one listing. Raises PoolNotFound."""

    def add_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        """Let the targets take traffic; a member that is there already becomes the target's and drains no more."""

    def drain_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        """Give the targets no new connections. Those that are no members, or others' by now, are left alone.

        It is done when this returns. Raises Busy while it is not: ask again.
        """

    def remove_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        """Take the targets out. Those that are no members, or others' by now, are left alone.

        It is done when this returns, and servers may go. Raises Busy while it is not: ask again.
        """
