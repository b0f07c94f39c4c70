"""Instances of groups: terminate, attach, detach, standby, health, protection, list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from backend.domain.activity import Activity
from backend.domain.cluster_findings import AboveMaximum, BelowMinimum
from backend.domain.node import Health
from translators.autoscaling import group_words, ids
from translators.autoscaling.activity_words import told
from translators.autoscaling.errors import launch_suspended, unknown_group, validation
from translators.autoscaling.listing import among, limit_of, marker_of, result, with_managed
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_MOST_MOVED: Final = 20
_MOST_TERMINATED: Final = 100
_MOST_PROTECTED: Final = 50
_MOST_DESCRIBED: Final = 50


@operation("autoscaling", "DescribeAutoScalingInstances")
def describe(call: Call) -> Result:
    wanted = ids.servers_of(among(call, "InstanceIds", _MOST_DESCRIBED))
    limit = limit_of(call, 50, 50)
    page = call.backend.nodes.page(
        call.scope, servers=wanted, limit=limit, after=marker_of(call), managed=with_managed(call)
    )
    zone_ids = call.backend.catalog.zone_ids(call.scope, {member.zone for _, member in page.items})
    return result(call, page, "AutoScalingInstances", lambda pair: group_words.instance_details(pair, zone_ids))


@operation("autoscaling", "TerminateInstanceInAutoScalingGroup")
def terminate(call: Call) -> Result:
    params = call.params
    decrement = params["ShouldDecrementDesiredCapacity"]
    instance, several, group = params.get("InstanceId"), params.get("InstanceIds"), params.get("AutoScalingGroupName")
    if (instance is None) is (several is None):
        raise validation("Valid requests must contain either the InstanceId or the InstanceIds parameter.")  # unsourced
    try:
        if several is not None:
            return _terminate_several(call, group, several, decrement=decrement)
        assert instance is not None
        server = ids.server_of(instance)
        if group is not None:
            activity = call.backend.nodes.terminate_many(call.scope, group, [server], decrement=decrement)[0]
        else:
            activity = call.backend.nodes.terminate(call.scope, server, decrement=decrement)
    except BelowMinimum as found:
        raise _violating(found) from found
    return {"Activity": _activities(call, [activity])["Activities"][0]}


def _terminate_several(call: Call, group: str | None, several: Sequence[str], *, decrement: bool) -> Result:
    if group is None:
        raise validation("The AutoScalingGroupName parameter is required with the InstanceIds parameter.")  # unsourced
    wanted = _several(several, "terminate", _MOST_TERMINATED)
    return _activities(call, call.backend.nodes.terminate_many(call.scope, group, wanted, decrement=decrement))


def _violating(found: BelowMinimum) -> AWSError:
    if found.count == 1:
        return validation(
            f"Currently, desiredSize equals minSize ({found.minimum}). Terminating instance without replacement will"
            " violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower"
            " group's min size."
        )
    return validation(  # unsourced
        f"Currently, desiredSize is {found.desired} and minSize is {found.minimum}. Terminating {found.count} instances"
        " without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag"
        " to false or lower group's min size."
    )


@operation("autoscaling", "AttachInstances")
def attach(call: Call) -> Result:
    wanted = _several(call.params.get("InstanceIds"), "attach")
    with unknown_group(call.operation), launch_suspended("attach instances to"):
        call.backend.nodes.attach(call.scope, call.params["AutoScalingGroupName"], wanted)
    return {}


@operation("autoscaling", "DetachInstances")
def detach(call: Call) -> Result:
    wanted, decrement = _leaving(call, "detach")
    group = call.params["AutoScalingGroupName"]
    return _activities(call, call.backend.nodes.detach(call.scope, group, wanted, decrement=decrement))


@operation("autoscaling", "EnterStandby")
def enter_standby(call: Call) -> Result:
    wanted, decrement = _leaving(call, "place into standby")
    group = call.params["AutoScalingGroupName"]
    try:
        return _activities(call, call.backend.nodes.enter_standby(call.scope, group, wanted, decrement=decrement))
    except BelowMinimum as found:
        raise _sizes(found, f"place into standby {_counted(found.count)}") from found


@operation("autoscaling", "ExitStandby")
def exit_standby(call: Call) -> Result:
    wanted = _several(call.params.get("InstanceIds"), "move out of standby")
    try:
        with launch_suspended("move instances out of Standby for"):
            moved = call.backend.nodes.exit_standby(call.scope, call.params["AutoScalingGroupName"], wanted)
    except AboveMaximum as found:
        raise _sizes(found, f"move {_counted(found.count)} out of standby") from found
    return _activities(call, moved)


@operation("autoscaling", "SetInstanceHealth")
def set_health(call: Call) -> Result:
    params = call.params
    status = params["HealthStatus"]
    if status not in set(Health):
        raise validation(f"Valid instance health states are: [{', '.join(Health)}]. Found: {status}")  # unsourced
    respect = params.get("ShouldRespectGracePeriod") is not False
    server = ids.server_of(params["InstanceId"])
    call.backend.nodes.set_health(call.scope, server, Health(status), respect_grace=respect)
    return {}


@operation("autoscaling", "SetInstanceProtection")
def set_protection(call: Call) -> Result:
    params = call.params
    wanted = _several(params["InstanceIds"], "protect", _MOST_PROTECTED)
    protected = params["ProtectedFromScaleIn"]
    call.backend.nodes.protect(call.scope, params["AutoScalingGroupName"], wanted, protected=protected)
    return {}


def _leaving(call: Call, verb: str) -> tuple[list[str], bool]:
    return _several(call.params.get("InstanceIds"), verb), call.params["ShouldDecrementDesiredCapacity"]


def _several(given: Sequence[str] | None, verb: str, most: int = _MOST_MOVED) -> list[str]:
    """The servers of a list of instance ids.

    Raises:
        AWSError: there are none, or too many for one call.
    """
    if not given:
        raise validation("At least one instance ID must be specified.")  # unsourced
    if len(given) > most:
        raise validation(
            f"List exceeds the maximum number of instances to {verb}. Please retry your request with fewer instances."
        )
    return ids.servers_of(given)


def _sizes(found: BelowMinimum | AboveMaximum, act: str) -> AWSError:
    return validation(  # unsourced
        f"AutoScalingGroup {found.cluster} has min-size={found.minimum}, max-size={found.maximum}, and"
        f" desired-size={found.desired}. To {act}, please update the AutoScalingGroup sizes appropriately."
    )


def _counted(count: int) -> str:
    return f"{count} {'instance' if count == 1 else 'instances'}"


def _activities(call: Call, entries: Sequence[Activity]) -> dict[str, Any]:
    zone_ids = call.backend.catalog.zone_ids(call.scope, {entry.zone for entry in entries if entry.zone})
    return {"Activities": [told(entry, call.region, call.account_id, zone_ids) for entry in entries]}
