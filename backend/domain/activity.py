"""The journal: what was done to a cluster, why, and how it ended. Data, no sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class ActivityKind(StrEnum):
    LAUNCH = "launch"
    TERMINATE = "terminate"
    WARM_LAUNCH = "warm_launch"  # into the warm pool
    DRAW = "draw"  # from the warm pool into service
    RETURN = "return"  # from service into the warm pool
    WARM_TERMINATE = "warm_terminate"  # from the warm pool
    ATTACH = "attach"
    DETACH = "detach"
    ENTER_STANDBY = "enter_standby"
    EXIT_STANDBY = "exit_standby"
    REBUILD = "rebuild"  # the root disk of an instance is written anew
    HEALTH_CHECK = "health_check"  # a look at all instances that was refused
    SCHEDULE = "schedule"  # a schedule that could not be followed
    NOTE = "note"  # something decided without an instance (all candidates protected...)


class ActivityStatus(StrEnum):
    """AWS's own status codes, the ones in use."""

    PRE_IN_SERVICE = "PreInService"
    IN_PROGRESS = "InProgress"
    WAITING_FOR_WARMUP = "WaitingForInstanceWarmup"
    MID_LIFECYCLE = "MidLifecycleAction"
    MID_TERMINATING = "MidTerminatingLifecycleAction"  # as it was recorded; the model does not name it
    DRAINING = "WaitingForELBConnectionDraining"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    CANCELLED = "Cancelled"

    @property
    def is_final(self) -> bool:
        return self in {ActivityStatus.SUCCESSFUL, ActivityStatus.FAILED, ActivityStatus.CANCELLED}


class CauseKind(StrEnum):
    """Why something happened; the translators know AWS's sentence for each, with the data named here."""

    # requests: what changed the desired capacity                                 data
    USER_CREATED = "user_created"  #                                               before, after
    USER_UPDATED = (
        "user_updated"  #                                               minimum, maximum, desired, before, after
    )
    USER_LAUNCHED = "user_launched"  #                                             count, zone; before, after
    USER_SET_DESIRED = "user_set_desired"  #                                       before, after
    USER_EXECUTED_POLICY = "user_executed_policy"  #                               policy, before, after
    ALARM_TRIGGERED_POLICY = "alarm_triggered_policy"  #                           alarm, policy, before, after
    FORECAST = "forecast"  #                                                       policy, forecast, before, after
    SCHEDULED_ACTION = (
        "scheduled_action"  #                                       minimum, maximum, desired, before, after
    )
    SCHEDULE_DUE = "schedule_due"  #                                               schedule (name)
    # acts: what the engine did about it
    CAPACITY_INCREASE = "capacity_increase"  #                                     before, after (of this batch)
    CAPACITY_DECREASE = "capacity_decrease"  #                                     before, after
    SELECTED_FOR_TERMINATION = "selected_for_termination"  #                       server
    USER_TERMINATED = (
        "user_terminated"  #                                         server; (with decrement: before, after)
    )
    USER_DETACHED = (
        "user_detached"  #                                             server; before, after when decremented
    )
    USER_ATTACHED = "user_attached"  #                                             server, before, after
    USER_ENTERED_STANDBY = (
        "user_entered_standby"  #                               server; before, after when decremented
    )
    USER_EXITED_STANDBY = "user_exited_standby"  #                                 server, before, after
    USER_DELETED_CLUSTER = "user_deleted_cluster"  #                               (forced deletion)
    REPLACING_UNHEALTHY = "replacing_unhealthy"  #                                 (launch of a replacement)
    HEALTH_STATUS_CHECK = "health_status_check"  #                                 server in error / impaired
    HEALTH_TERMINATED_OR_STOPPED = "health_terminated_or_stopped"  #               server gone or stopped
    HEALTH_BALANCER = "health_balancer"
    HEALTH_VOLUME = "health_volume"  #                                             a volume of its server in error
    HEALTH_CUSTOM = "health_custom"  #                                             SetInstanceHealth
    ZONE_REBALANCE_LAUNCH = "zone_rebalance_launch"  #                             short_zones, long_zones (comma lists)
    ZONE_REBALANCE_TERMINATE = "zone_rebalance_terminate"  #                       server
    ZONE_MIGRATION = "zone_migration"  #                                           zones left (comma list), count
    MAXIMUM_LIFETIME = "maximum_lifetime"  #                                       server
    REBALANCE_RECOMMENDED = "rebalance_recommended"  #                             server
    INTERRUPTED = "interrupted"  #                                                 server
    HOST_DRAINED = "host_drained"  #                                               server
    DRAIN_UNDONE = "drain_undone"  #                                               server (that stays)
    REFRESH_LAUNCH = "refresh_launch"
    REFRESH_TERMINATE = "refresh_terminate"
    REFRESH_REBUILD = "refresh_rebuild"
    LAUNCH_ABANDONED = "launch_abandoned"  #                                       (a hook gave it up)
    ALL_PROTECTED = "all_protected"  #                                             could not scale in
    MASS_FAILURE = "mass_failure"  #                                               bad, total, extent, minutes
    ACCESS_REFUSED = "access_refused"  #                                           the cloud lets nobody look
    # requests about the warm pool, whose size is before and after; prepared is absent where it is not set
    USER_PUT_WARM_POOL = "user_put_warm_pool"  #                                   minimum, prepared, before, after
    USER_UPDATED_WARM_POOL = (
        "user_updated_warm_pool"  #                           old_* and new_* of these, before, after
    )
    USER_UPDATED_MAXIMUM = (
        "user_updated_maximum"  #                               old, new (the cluster's), before, after
    )
    WARM_POOL_DECREASE = "warm_pool_decrease"  #                                   more are prepared than are wanted
    SELECTED_FOR_WARM_POOL = "selected_for_warm_pool"  #                           server
    WARM_POOL_DELETED = "warm_pool_deleted"  #                                     server (one that was retained)
    SOURCE_MISSING = "source_missing"  #                                           a pool does not exist any more
    ORPHANS_HELD = "orphans_held"  #                                               count (of servers of no cluster)


@dataclass(frozen=True, slots=True)
class Cause:
    """One clause of an activity's cause."""

    kind: CauseKind
    at: datetime
    data: Mapping[str, str | int] = field(default_factory=dict)


class ReasonKind(StrEnum):
    """Why an activity failed or was cancelled; the translators know AWS's words."""

    IMAGE_NOT_FOUND = "image_not_found"  #              image (short id)
    KEY_PAIR_NOT_FOUND = "key_pair_not_found"  #        name
    SECURITY_GROUP_NOT_FOUND = "security_group_not_found"  # group
    SERVER_GROUP_NOT_FOUND = "server_group_not_found"  # group
    SUBNET_NOT_FOUND = "subnet_not_found"  #            subnet (short id)
    TYPE_NOT_FOUND = "type_not_found"  #                type
    NO_TYPE_MEETS = "no_type_meets"  #                  (none has what the requirements of the mix ask for)
    TYPE_NOT_SUPPORTED = "type_not_supported"  #        type, zone (e.g. architecture does not match the image)
    PROFILE_NOT_FOUND = "profile_not_found"  #          name (launch configuration or template gone)
    IAM_PROFILE_NOT_FOUND = "iam_profile_not_found"  #  name, empty (1: it has no role)
    TEMPLATE_VERSION_NOT_FOUND = "template_version_not_found"  # name, version
    PROFILE_INCOMPLETE = "profile_incomplete"  #        missing
    NO_CAPACITY = "no_capacity"  #                      type, zone
    QUOTA = "quota"  #                                  resource, requested, limit, type
    NO_ADDRESSES = "no_addresses"  #                    subnet
    NOT_AUTHORIZED = "not_authorized"  #                detail
    CLOUD_REFUSED = "cloud_refused"  #                  detail (the cloud's own words)
    CLOUD_UNREACHED = "cloud_unreached"  #              detail (nothing was done)
    OUTCOME_UNKNOWN = "outcome_unknown"  #              detail (asked for; no answer came)
    SERVER_ERROR = "server_error"  #                    detail (the server went into error)
    SERVER_VANISHED = "server_vanished"  #              before it came into service
    LAUNCH_LOST = "launch_lost"  #                      no server was seen for a launch within its grace
    START_TIMEOUT = "start_timeout"  #                  never became active
    GIVEN_UP = "given_up"  #                            hours (no launch succeeded for so long: Launch is suspended)
    SOURCE_NOT_FOUND = "source_not_found"  #            (a pool is gone)
    OUT_OF_BOUNDS = "out_of_bounds"  #                  minimum, maximum, desired
    BOUNDS_CROSSED = "bounds_crossed"  #                minimum, maximum
    ZONE_LEFT = "zone_left"  #                          zone (no longer one of the cluster's)
    CLUSTER_DELETED = "cluster_deleted"
    ABANDONED = "abandoned"  #                          token, decided (domain.lifecycle.Decided): a hook gave it up
    SUPERSEDED = "superseded"  #                        capacity was lowered before it came into service


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason of a failed or cancelled activity."""

    kind: ReasonKind
    data: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Activity:
    """One entry of the journal.

    Attributes:
        server_id: cloud id of the server, None until known.
        progress: percent; never goes back.
        cluster_deleted: the cluster is gone; the entry is kept for its retention (42 days).
    """

    id: str
    project_id: str
    region: str
    cluster_id: str
    cluster_name: str
    kind: ActivityKind
    status: ActivityStatus
    progress: int
    causes: tuple[Cause, ...]
    started_at: datetime
    ended_at: datetime | None = None
    node_id: str | None = None
    server_id: str | None = None
    reason: Reason | None = None
    zone: str | None = None
    subnet_id: str | None = None
    cluster_deleted: bool = False

    def about(self, node: Subject) -> Activity:
        """The same entry, told of that node."""
        return replace(self, node_id=node.id, server_id=node.server_id, zone=node.zone, subnet_id=node.subnet_id)


class Owner(Protocol):
    """Whose journal it is: a cluster, or what is known of one."""

    @property
    def id(self) -> str: ...
    @property
    def project_id(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def name(self) -> str: ...


class Subject(Protocol):
    """What an entry speaks of: a node."""

    @property
    def id(self) -> str: ...
    @property
    def server_id(self) -> str | None: ...
    @property
    def zone(self) -> str: ...
    @property
    def subnet_id(self) -> str | None: ...


# In which status, and at how many percent, AWS begins the entry of a move.
STARTS: Mapping[ActivityKind, tuple[ActivityStatus, int]] = {
    ActivityKind.LAUNCH: (ActivityStatus.PRE_IN_SERVICE, 30),
    ActivityKind.TERMINATE: (ActivityStatus.IN_PROGRESS, 0),
    ActivityKind.WARM_LAUNCH: (ActivityStatus.PRE_IN_SERVICE, 30),
    ActivityKind.DRAW: (ActivityStatus.PRE_IN_SERVICE, 30),
    ActivityKind.RETURN: (ActivityStatus.IN_PROGRESS, 0),
    ActivityKind.WARM_TERMINATE: (ActivityStatus.IN_PROGRESS, 0),
    ActivityKind.ATTACH: (ActivityStatus.IN_PROGRESS, 0),
    ActivityKind.DETACH: (ActivityStatus.IN_PROGRESS, 50),
    ActivityKind.ENTER_STANDBY: (ActivityStatus.IN_PROGRESS, 50),
    ActivityKind.EXIT_STANDBY: (ActivityStatus.PRE_IN_SERVICE, 30),
    ActivityKind.REBUILD: (ActivityStatus.IN_PROGRESS, 0),
}


def begun(activity_id: str, owner: Owner, kind: ActivityKind, causes: Sequence[Cause], at: datetime) -> Activity:
    """The entry of a move of a node that begins then: one of STARTS."""
    return _entry(activity_id, owner, kind, STARTS[kind], causes=causes, at=at)


def over(
    activity_id: str,
    owner: Owner,
    kind: ActivityKind,
    status: ActivityStatus,
    *,
    causes: Sequence[Cause],
    at: datetime,
    reason: Reason | None = None,
) -> Activity:
    """An entry that ends as it begins: something that was refused, or decided without a node."""
    return replace(_entry(activity_id, owner, kind, (status, 100), causes=causes, at=at), ended_at=at, reason=reason)


def _entry(
    activity_id: str,
    owner: Owner,
    kind: ActivityKind,
    stage: tuple[ActivityStatus, int],
    *,
    causes: Sequence[Cause],
    at: datetime,
) -> Activity:
    status, progress = stage
    return Activity(
        id=activity_id,
        project_id=owner.project_id,
        region=owner.region,
        cluster_id=owner.id,
        cluster_name=owner.name,
        kind=kind,
        status=status,
        progress=progress,
        causes=tuple(causes),
        started_at=at,
    )
