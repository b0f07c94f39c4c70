"""Findings about load balancers, target groups, listeners and rules. Data, no sentences; see backend.errors."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import Finding


@dataclass(eq=False)
class NoBalancing(Finding):
    """The cloud has no load balancing."""


@dataclass(eq=False)
class BalancingLacks(Finding):
    """What the cloud's load balancing cannot do; ``detail`` in AWS's words."""

    detail: str


@dataclass(eq=False)
class BalancerNotFound(Finding):
    """No such load balancer; ``balancer`` as it was named."""

    balancer: str


@dataclass(eq=False)
class BalancerExists(Finding):
    """One of that name is there with other settings."""

    name: str


@dataclass(eq=False)
class BalancerProtected(Finding):
    """It may not be deleted."""

    balancer: str


@dataclass(eq=False)
class PoolNotFound(Finding):
    """No such pool (AWS: target group); ``pool`` as it was named."""

    pool: str


@dataclass(eq=False)
class PoolBusy(Finding):
    """The pool is being changed for somebody else; ``detail`` is the cloud's own words."""

    detail: str


@dataclass(eq=False)
class TargetGroupExists(Finding):
    """One of that name is there with other settings."""

    name: str


@dataclass(eq=False)
class TargetGroupInUse(Finding):
    """A listener or a rule refers to it."""

    group: str


@dataclass(eq=False)
class TargetGroupElsewhere(Finding):
    """Another balancer refers to it."""

    group: str


@dataclass(eq=False)
class TargetsInvalid(Finding):
    """These are no instances that run, or lie in another network; ``what`` says which of the two."""

    targets: tuple[str, ...]
    what: str


@dataclass(eq=False)
class ListenerNotFound(Finding):
    listener: str


@dataclass(eq=False)
class ListenerExists(Finding):
    """The balancer listens on that port already."""

    port: int


@dataclass(eq=False)
class RuleNotFound(Finding):
    rule: str


@dataclass(eq=False)
class PriorityInUse(Finding):
    priority: int


@dataclass(eq=False)
class RuleMisplaced(Finding):
    """The cloud would follow the rule of priority ``later`` before that of ``earlier``; a request may meet both."""

    earlier: int
    later: int


@dataclass(eq=False)
class PolicyUnknown(Finding):
    """The balancer has no policy of that name."""

    policy: str


@dataclass(eq=False)
class PolicyExists(Finding):
    policy: str


@dataclass(eq=False)
class PolicyInUse(Finding):
    """A listener follows it."""

    policy: str
