"""A cluster: the capacity someone asked for, where, from what, and under which rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from backend.domain.activity import Cause
from backend.domain.hooks import HookRequest
from backend.domain.mixes import Mix, MixRequest
from backend.domain.node import Member
from backend.domain.profile import LaunchSource
from backend.domain.scope import Scope
from backend.domain.traffic import TrafficSource
from backend.domain.warm_pools import WarmPool

VOLUME_CHECK: Final = "EBS"
"""The health check that goes by volumes."""
CAUSES_KEPT: Final = 5
"""How many requests that changed the desired capacity are remembered until it is reached."""


class Process(StrEnum):
    """What a cluster does by itself and can be told to stop doing; AWS's own names."""

    LAUNCH = "Launch"
    TERMINATE = "Terminate"
    ADD_TO_LOAD_BALANCER = "AddToLoadBalancer"
    ALARM_NOTIFICATION = "AlarmNotification"
    AZ_REBALANCE = "AZRebalance"
    HEALTH_CHECK = "HealthCheck"
    INSTANCE_REFRESH = "InstanceRefresh"
    REPLACE_UNHEALTHY = "ReplaceUnhealthy"
    SCHEDULED_ACTIONS = "ScheduledActions"


class ClusterStatus(StrEnum):
    ACTIVE = "active"
    DELETING = "deleting"


class DeletionProtection(StrEnum):
    NONE = "none"
    PREVENT_FORCE = "prevent-force-deletion"
    PREVENT_ALL = "prevent-all-deletion"


class ZoneDistribution(StrEnum):
    BEST_EFFORT = "balanced-best-effort"
    ONLY = "balanced-only"


class TerminationRule(StrEnum):
    """The predefined termination policies; AWS's own names."""

    DEFAULT = "Default"
    ALLOCATION_STRATEGY = "AllocationStrategy"
    OLDEST_LAUNCH_TEMPLATE = "OldestLaunchTemplate"
    OLDEST_LAUNCH_CONFIGURATION = "OldestLaunchConfiguration"
    CLOSEST_TO_NEXT_INSTANCE_HOUR = "ClosestToNextInstanceHour"
    NEWEST_INSTANCE = "NewestInstance"
    OLDEST_INSTANCE = "OldestInstance"


@dataclass(frozen=True, slots=True)
class Tag:
    """A cluster's tag; ``propagate`` puts it on nodes launched from then on."""

    key: str
    value: str
    propagate: bool


@dataclass(frozen=True, slots=True)
class TagMatch:
    """Asks for clusters with a tag whose key is among ``keys`` and whose value is among ``values``; None: any."""

    keys: tuple[str, ...] | None = None
    values: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """Everything a cluster is told at creation and by update.

    Attributes:
        minimum, maximum, desired: node counts, minimum <= desired <= maximum.
        source: what nodes are made from.
        zones: zone names, never empty; with subnets they are the subnets' zones.
        subnets: cloud ids (uuids) of the subnets in the order given; empty means each zone's default subnet.
        cooldown_seconds: the default cooldown.
        health_checks: kinds beside EC2's own (``EC2``, ``ELB``, ``VPC_LATTICE``), as given.
        health_grace_seconds: after coming into service.
        termination_rules: applied in order.
        protect_new: nodes are protected from scale-in when they come into service.
        maximum_lifetime_seconds: None for no bound, else >= 86400.
        warmup_seconds: default instance warm-up; None when unset.
        maintenance_minimum_percent, maintenance_maximum_percent: instance maintenance policy; both or neither.
        capacity_rebalance: as given; acts on interruptible capacity only.
        deletion_protection, zone_distribution: see the enums.
        ignore_impaired_zones: None when no impairment policy was given.
        capacity_type: ``units`` or None.
        reservation_preference: capacity reservation preference as given (``default``, ``none``), None when unset.
        service_role: ARN as given, None for the account's default.
        context: reserved text, kept as given.
        server_group: name of the server group that nodes are launched into; goes before the launch source's own.
        operator: who alone may change it, by one of their names; None for everybody of the project.
        retain_abandoned: a node whose end a hook abandoned stays, out of service, until it is ended again.
        mix: what nodes are mixed of; None where all are as the source has them.
    """

    minimum: int
    maximum: int
    desired: int
    source: LaunchSource
    zones: tuple[str, ...]
    subnets: tuple[str, ...] = ()
    cooldown_seconds: int = 300
    health_checks: tuple[str, ...] = ("EC2",)
    health_grace_seconds: int = 0
    termination_rules: tuple[str, ...] = ("Default",)
    protect_new: bool = False
    maximum_lifetime_seconds: int | None = None
    warmup_seconds: int | None = None
    maintenance_minimum_percent: int | None = None
    maintenance_maximum_percent: int | None = None
    capacity_rebalance: bool | None = None
    deletion_protection: DeletionProtection = DeletionProtection.NONE
    zone_distribution: ZoneDistribution = ZoneDistribution.BEST_EFFORT
    ignore_impaired_zones: bool | None = None
    capacity_type: str | None = None
    reservation_preference: str | None = None
    service_role: str | None = None
    context: str | None = None
    server_group: str | None = None
    retain_abandoned: bool = False
    operator: str | None = None
    mix: Mix | None = None

    def is_operated_by(self, scope: Scope) -> bool:
        """Whether whoever asks may change it."""
        return self.operator is None or self.operator in scope.names


@dataclass(frozen=True, slots=True)
class Cluster:
    """A stored cluster.

    Attributes:
        suspended: process -> when it was suspended.
        metrics: group metrics switched on, empty when none.
        causes: the requests that changed the desired capacity since it was last reached, oldest first.
        cooldown_until: no simple scaling and no HonorCooldown request before then.
        generation: raised by every write of intent; a plan made on an older one is void.
        epoch: raised by every claim of the engine; a write of an older pass is refused.
        due_at: when the engine looks at it next; None means only when something happens.
        sources: where its nodes take their traffic from, in the order attached.
        given_up: those of ``suspended`` that nobody asked for: they failed for too long.
        held_since: since when a mass failure lasts that it has a part in, None while there is none.
        hooked: it has lifecycle hooks; without, nobody looks for any.
        launching: it has direct launches at work; without, nobody looks for any.
        warm_pool: nodes prepared ahead of need; None where it has none.
        own_cooldown_seconds: what the last change of the desired capacity wants to cool down for; None: the default.
        desired_at: when the desired capacity last became another one; None: not since it was made.
        scaled_out_at: since when scaling policies have been adding nodes that may still warm up; None: they never did.
        refresh_id: its instance refresh that is not over.
        predicted: what forecasts ask for now, whether or not they act; None where there are none.
    """

    id: str
    project_id: str
    region: str
    name: str
    status: ClusterStatus
    spec: ClusterSpec
    suspended: Mapping[Process, datetime]
    metrics: tuple[str, ...]
    causes: tuple[Cause, ...]
    created_at: datetime
    cooldown_until: datetime | None = None
    generation: int = 0
    epoch: int = 0
    due_at: datetime | None = None
    force_delete: bool = False
    sources: tuple[TrafficSource, ...] = ()
    given_up: frozenset[Process] = frozenset()
    held_since: datetime | None = None
    hooked: bool = False
    launching: bool = False
    warm_pool: WarmPool | None = None
    own_cooldown_seconds: int | None = None
    scaled_out_at: datetime | None = None
    refresh_id: str | None = None
    desired_at: datetime | None = None
    predicted: int | None = None

    @property
    def scope(self) -> Scope:
        return Scope(self.project_id, self.region)

    def runs(self, process: Process) -> bool:
        """Whether the process is not suspended."""
        return process not in self.suspended

    def desiring(self, desired: int, at: datetime) -> Cluster:
        """The cluster as it is where this capacity is desired from then on."""
        if desired == self.spec.desired:
            return self
        return replace(self, spec=replace(self.spec, desired=desired), desired_at=at)

    def remembering(self, cause: Cause) -> tuple[Cause, ...]:
        """The requests to tell of when the capacity is reached, this one the last."""
        return (*self.causes, cause)[-CAUSES_KEPT:]


@dataclass(frozen=True, slots=True)
class PlacementRequest:
    """Where a caller wants nodes; each member as given, None where it was not.

    Attributes:
        zones: zone names.
        zone_ids: stable zone ids (``use1-az1``), instead of names.
        subnets: short ids of subnets, in the order given.
    """

    zones: tuple[str, ...] | None = None
    zone_ids: tuple[str, ...] | None = None
    subnets: tuple[str, ...] | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.zones or self.zone_ids or self.subnets)


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """What a caller wants nodes made from: exactly one of ``configuration``, a template by id or name, ``server``.

    Attributes:
        configuration: name of a launch configuration.
        template: short id of a template.
        template_name: its name.
        version: of the template: a number, ``$Latest``, ``$Default``; None means ``$Default``.
        server: short id of a server; a launch configuration of the cluster's name is made after it.
    """

    configuration: str | None = None
    template: str | None = None
    template_name: str | None = None
    version: str | None = None
    server: str | None = None


@dataclass(frozen=True, slots=True)
class NewCluster:
    """A cluster as asked for.

    Attributes:
        values: fields of ClusterSpec by name, ``minimum`` and ``maximum`` at least; ``desired`` absent is the minimum.
        pools: short ids of the pools that its nodes become members of.
        hooks: lifecycle hooks that hold its first nodes already.
        mix: what its nodes are mixed of, beside the source.
    """

    name: str
    values: Mapping[str, Any]
    source: SourceRequest
    placement: PlacementRequest
    tags: tuple[Tag, ...] = ()
    pools: tuple[str, ...] = ()
    hooks: tuple[HookRequest, ...] = ()
    mix: MixRequest | None = None


@dataclass(frozen=True, slots=True)
class ClusterChange:
    """An update: only what is named changes.

    Attributes:
        values: field name of ClusterSpec -> new value. ``desired`` absent: it follows the new bounds as AWS does
            (a minimum above it lifts it, a maximum below it lowers it).
        source: what nodes launched from now on are made from; without a mix they are of nothing else.
        mix: what they are mixed of; with it ``source`` may be left out.
        placement: where they are launched.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    source: SourceRequest | None = None
    placement: PlacementRequest = PlacementRequest()
    mix: MixRequest | None = None


@dataclass(frozen=True, slots=True)
class ClusterView:
    """A cluster with its tags by key and its members, oldest first.

    Attributes:
        warm: how many members its warm pool has.
    """

    cluster: Cluster
    tags: Sequence[Tag]
    members: Sequence[Member]
    warm: int = 0
