"""The port that makes load balancers: a tree of listeners, rules and pools that is brought to what is wished for.

A balancer carries the key that it was made under, and so does each part of its tree, with a digest of what it was made
as: what the cloud has is compared with what is wished for by these alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from backend.domain.scope import Scope
from backend.drivers.balancing import Monitor

Document = Mapping[str, Any]


class Standing(StrEnum):
    """PENDING: the cloud is changing the tree, and takes no other change of it meanwhile."""

    PENDING = "pending"
    ACTIVE = "active"
    FAILED = "failed"


class PartKind(StrEnum):
    """SECRET: what the cloud keeps of a certificate. It comes with its listener, and is told once none has it.

    BLEND: a pool of the members of others, each with its share of what a forward by weights gives to these.
    """

    POOL = "pool"
    BLEND = "blend"
    LISTENER = "listener"
    RULE = "rule"
    SECRET = "secret"  # noqa: S105 - a kind, no password


@dataclass(frozen=True, slots=True)
class BalancerPlan:
    """A balancer as it is wished for.

    Attributes:
        key: what it is found again by; its name tells it to people.
        layer7: it speaks HTTP.
        subnet_id, security_group_ids: ids of the cloud.
        address: where it is to listen from its making on; None: wherever there is room. It is no part of the digest.
    """

    key: str
    name: str
    layer7: bool
    subnet_id: str
    security_group_ids: tuple[str, ...] = ()
    address: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """A pool as it is wished for.

    Attributes:
        protocol: ``HTTP``, ``HTTPS``, ``TCP``, ``UDP``, ``TLS``.
        algorithm: ``round_robin``, ``least_outstanding_requests``...
        stickiness: ``lb_cookie``, ``app_cookie``, ``source_ip``; None for none. ``cookie`` names that of app_cookie.
        monitor_port: where health is asked for; None for where a member is spoken to.
    """

    key: str
    name: str
    protocol: str
    port: int
    monitor: Monitor | None
    monitor_port: int | None = None
    algorithm: str = "round_robin"
    stickiness: str | None = None
    cookie: str | None = None
    proxied: bool = False

    kind = PartKind.POOL


@dataclass(frozen=True, slots=True)
class BlendPlan:
    """A blend as it is wished for.

    Attributes:
        key: that of the listener or rule that forwards so, as ``blend_key`` makes it.
        shares: pools with their weights, each above zero; two at least.
        sticky: who was sent to a member comes to it again, whatever the pools say.
    """

    key: str
    name: str
    shares: tuple[tuple[PoolPlan, int], ...]
    sticky: bool = False

    kind = PartKind.BLEND


@dataclass(frozen=True, slots=True)
class ListenerPlan:
    """A listener as it is wished for.

    Attributes:
        action: what is done where no rule says otherwise: ``{"type": "forward", "groups": [[pool key, weight]]}``, a
            redirect or a fixed response with its ``config``.
        certificates: ids of those that are kept here, the default one first; the ARN of another.
        ssl_policy: the name of a security policy; None for what the cloud does by itself.
        idle_seconds: how long a connection may be silent.
    """

    key: str
    name: str
    protocol: str
    port: int
    action: str
    certificates: tuple[str, ...] = ()
    ssl_policy: str | None = None
    idle_seconds: int | None = None

    kind = PartKind.LISTENER


@dataclass(frozen=True, slots=True)
class RulePlan:
    """A rule of a listener as it is wished for; ``conditions`` and ``action`` are JSON texts."""

    key: str
    listener_key: str
    position: int
    conditions: str
    action: str

    kind = PartKind.RULE


Part = PoolPlan | BlendPlan | ListenerPlan | RulePlan


def blend_key(owner: ListenerPlan | RulePlan) -> str:
    """The key of the blend that a listener or rule forwards to."""
    return f"{owner.key}.blend"


@dataclass(frozen=True, slots=True)
class Present:
    """A part of a tree as the cloud has it. ``digest``: of what it was made as; empty where it was never done."""

    kind: PartKind
    key: str
    id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Tree:
    """A balancer as the cloud has it.

    Attributes:
        id: of the cloud. ``address`` is where it listens.
        digest: of the plan that it was made, or changed, to.
        marked: it may have secrets.
        port_id: the interface that it listens on, where public addresses can be led to that; None where none need be.
        parts: those that were made through this port.
    """

    id: str
    address: str
    standing: Standing
    digest: str = ""
    parts: tuple[Present, ...] = ()
    port_id: str | None = None
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A member of a pool.

    Attributes:
        weight: 0: it gets no new connections; None: one that a node stands for, which keeps the weight that it has.
        monitor_port: where its health is asked for; None for where it is asked for anyway.
    """

    address: str
    port: int
    weight: int | None = 1
    monitor_port: int | None = None


def digest_of(plan: Part | BalancerPlan) -> str:
    """What tells whether a part is as it is wished for."""
    return hashlib.sha256(repr(plan).encode()).hexdigest()[:16]


class BalancerMaking(Protocol):
    """Trees of one project in one region.

    Each call may raise CloudUnavailable, NotAuthorized and NoBalancing. A write is safe to repeat and may raise
    OutcomeUnknown, Refused in the cloud's words, and Busy: the tree is being changed, nothing was done.
    """

    @property
    def blends(self) -> bool:
        """Whether forwards by weights take blends here: between pools the cloud knows no weights."""
        ...

    def lacks(self, scope: Scope, part: Part) -> str | None:
        """What this cloud cannot give of a part, in AWS's words; None where it can give all. Asks no cloud."""

    def lacks_certificates(self, scope: Scope) -> str | None:
        """Why listeners here can have no certificates, in AWS's words; None where they can. It may ask the cloud."""

    def misplaced(self, scope: Scope, rules: Sequence[RulePlan]) -> tuple[RulePlan, RulePlan] | None:
        """Two rules of a listener of which this cloud would follow the later first, though a request may meet both.

        None where it follows all of these in their order. Asks no cloud.
        """

    def create(self, scope: Scope, plan: BalancerPlan) -> Tree:
        """Make a balancer without parts, or find the one that was made under its key."""

    def find(self, scope: Scope, key: str) -> Tree | None:
        """The balancer that was made under that key, its parts left out; None where there is none."""

    def twins(self, scope: Scope, key: str, balancer_id: str) -> Sequence[str]:
        """Ids of further balancers that were made under that key: answers were lost, and it was asked for again."""

    def tree(self, scope: Scope, balancer_id: str) -> Tree | None:
        """A balancer with its parts; None where there is none any more."""

    def change(self, scope: Scope, balancer_id: str, plan: BalancerPlan) -> None:
        """Bring the balancer itself to its plan."""

    def put(self, scope: Scope, tree: Tree, part: Part) -> str:
        """Make a part, or bring it to its plan; its id, empty where that takes another call before. The parts that it
        refers to are in the tree.
        """

    def remove(self, scope: Scope, tree: Tree, present: Present) -> None:
        """Take a part out, with all that is its own."""

    def follow(self, scope: Scope, tree: Tree) -> None:
        """Bring the members of a tree's blends to those of the pools that they are of."""

    def delete(self, scope: Scope, balancer_id: str) -> None:
        """Delete a balancer with its tree; one that is gone already is no fault."""

    def idle(self, scope: Scope, balancer_id: str) -> bool:
        """Whether no connection is open through a balancer; False where nobody can tell."""

    def put_endpoints(self, scope: Scope, pool_id: str, endpoints: Sequence[Endpoint]) -> None:
        """Make members of a pool, or give them their weight and port of health; whose they are stays.

        One without a weight that is no member is passed over. Raises PoolNotFound.
        """

    def remove_endpoints(self, scope: Scope, pool_id: str, endpoints: Sequence[Endpoint]) -> None:
        """Take out members of a pool that no node stands for. Raises PoolNotFound."""
