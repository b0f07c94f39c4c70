"""Load balancers that are made here: balancers, target groups, listeners, rules and targets, as they are kept. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from backend.domain.ids import balancing_id, derived_short

Document = Mapping[str, Any]

ID_LENGTH: Final = 16
DELAY: Final = "deregistration_delay.timeout_seconds"
"""The attribute of a target group that says how long its targets drain."""
_DELAY_SECONDS: Final = 300


class BalancerKind(StrEnum):
    APPLICATION = "application"
    NETWORK = "network"
    CLASSIC = "classic"


class BalancerState(StrEnum):
    """PROVISIONING until the cloud has made it; FAILED while the cloud says so; DELETING is told to nobody."""

    PROVISIONING = "provisioning"
    ACTIVE = "active"
    FAILED = "failed"
    DELETING = "deleting"


class TargetState(StrEnum):
    REGISTERED = "registered"
    DRAINING = "draining"


PUBLIC: Final = "internet-facing"
"""The scheme of balancers that have public addresses."""


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """A load balancer: one of the cloud's, which its first subnet holds.

    Attributes:
        id: the 16 digits of its ARN; the cloud's balancer carries them.
        scheme: ``internal`` or ``internet-facing``.
        network_id, subnets, security_groups: ids of the cloud.
        zones: of the subnets, in their order.
        created_at: of one that is gone, since when it may be that nothing is under way: when it was let go, unless the
            cloud's last word was a refusal.
        attributes: what was set, by AWS's keys; all others have their default.
        details: what only classic ones have (health check, policies, attributes), and what network ones were made with.
        cloud_id, address: of the cloud's balancer, once it is known.
        reason: why it failed, in the cloud's words.
    """

    id: str
    name: str
    kind: BalancerKind
    scheme: str
    network_id: str
    subnets: tuple[str, ...]
    zones: tuple[str, ...]
    security_groups: tuple[str, ...]
    state: BalancerState
    created_at: datetime
    attributes: Document = field(default_factory=dict)
    details: Document = field(default_factory=dict)
    cloud_id: str | None = None
    address: str | None = None
    reason: str = ""

    @property
    def wished_address(self) -> str | None:
        """The private address that it was asked to have."""
        return self.details.get("address")

    @property
    def allocation_id(self) -> str | None:
        """The digits of the project's own public address that leads to it."""
        return self.details.get("allocation")

    @property
    def interface_id(self) -> str:
        """The digits of the interface where it listens."""
        return derived_short(self.id, self.subnets[0])

    @property
    def gone(self) -> bool:
        """Whether it is told to nobody any more."""
        return self.state is BalancerState.DELETING


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """A target group, whose pool exists while a balancer refers to it.

    Attributes:
        id: the 16 digits of its ARN.
        network_id: of the cloud; its targets are there.
        health_check: its ``enabled``, ``protocol``, ``port``, ``path``, ``interval``, ``timeout``, ``healthy``,
            ``unhealthy`` and ``codes``.
        attributes: what was set, by AWS's keys.
        balancer_id: of the one balancer that refers to it.
        pool_id: of the cloud's pool, while there is one.
        classic: it stands for the instances of a classic balancer, and is told to nobody.
    """

    id: str
    name: str
    protocol: str
    port: int
    network_id: str
    target_type: str
    created_at: datetime
    health_check: Document = field(default_factory=dict)
    attributes: Document = field(default_factory=dict)
    balancer_id: str | None = None
    pool_id: str | None = None
    classic: bool = False

    @property
    def delay(self) -> timedelta:
        """How long a target drains before it is taken out."""
        return timedelta(seconds=int(self.attributes.get(DELAY, _DELAY_SECONDS)))

    @property
    def monitor_port(self) -> int | None:
        """Where the health of a target is asked for; None for where it is spoken to."""
        port = self.health_check.get("port", "traffic-port")
        return None if port == "traffic-port" else int(port)


@dataclass(frozen=True, slots=True)
class BalancerListener:
    """A listener of a balancer that is made here.

    Attributes:
        actions: the default ones, see ``forwarded``.
        certificates: ARNs, the default one first.
    """

    id: str
    balancer_id: str
    protocol: str
    port: int
    actions: tuple[Document, ...]
    created_at: datetime
    certificates: tuple[str, ...] = ()
    ssl_policy: str | None = None
    attributes: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BalancerRule:
    """A rule of a listener: the first one by priority, all of whose conditions are met, is followed."""

    id: str
    balancer_id: str
    listener_id: str
    priority: int
    conditions: tuple[Document, ...]
    actions: tuple[Document, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RegisteredTarget:
    """A target that was registered by hand (or by a tool), beside those that are nodes of a cluster.

    Attributes:
        name: ``i-...`` or an address.
        server_id: of the cloud, where it is an instance.
        until: while it drains, when it is taken out.
    """

    id: str
    group_id: str
    name: str
    port: int
    address: str
    state: TargetState
    created_at: datetime
    zone: str | None = None
    server_id: str | None = None
    until: datetime | None = None

    @property
    def former(self) -> bool:
        """It stands for the member that a target had at another address, and is told to nobody."""
        return self.id != target_id(self.group_id, self.name, self.port)


@dataclass(frozen=True, slots=True)
class Home:
    """A pool of a traffic source.

    Attributes:
        port: where members are spoken to; None for where they are registered with.
        monitor_port: where their health is asked for; None for where they are spoken to.
    """

    pool_id: str
    port: int | None = None
    monitor_port: int | None = None


def is_made(source_id: str) -> bool:
    """Whether a traffic source is a target group (or classic balancer) of ours, and no pool of the cloud's own."""
    return len(source_id) == ID_LENGTH


def target_id(group_id: str, name: str, port: int) -> str:
    """The id of a target's record."""
    return f"{group_id}/{name}/{port}"


def forwarded(actions: Iterable[Document]) -> list[str]:
    """Target groups that actions forward to, those of weight 0 among them, each once.

    An action is ``{"type": "forward", "groups": [[id, weight], ...]}`` with ``stickiness`` where that was given, or
    another type with its ``config``; ``order`` where one was given.
    """
    return list(dict.fromkeys(group for action in actions for group, _ in action.get("groups", ())))


def referred(listeners: Collection[BalancerListener], rules: Collection[BalancerRule]) -> set[str]:
    """All target groups that a balancer's listeners and rules forward to."""
    actions = [each.actions for each in listeners] + [each.actions for each in rules]
    return {group for each in actions for group in forwarded(each)}


def new_digits(uuid: str) -> str:
    """An id of load balancing, of a fresh UUID."""
    return balancing_id(uuid)
