"""Activities in AWS's sentences: cause, description, status message and details.

Source: EC2 Auto Scaling User Guide, "Verify a scaling activity" and "Troubleshoot"; recorded answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from backend.domain.activity import Activity, ActivityKind, ActivityStatus, Cause, CauseKind, Reason, ReasonKind
from backend.domain.ids import is_short_id
from backend.domain.lifecycle import Decided
from translators import arns
from translators.cloudwatch import alarm_messages
from translators.ec2 import errors as ec2_errors

CAUSE_LENGTH: Final = 1023
MESSAGE_LENGTH: Final = 255

_OUT: Final = "an instance was taken out of service in response to"
_STEP: Final = "changing the desired capacity from {before} to {after}"
_POOL_STEP: Final = "changing the capacity of WarmPool from {before} to {after}"
# What is said after "At <time> "; keys are those of the cause's data. A sentence may name steps that were not taken.
_CAUSES: Final[Mapping[CauseKind, str]] = {
    CauseKind.USER_CREATED: f"a user request created an AutoScalingGroup {_STEP}.",
    CauseKind.USER_UPDATED: "a user request update of AutoScalingGroup constraints to min: {minimum}, max: {maximum},"
    f" desired: {{desired}} {_STEP}.",
    # unsourced
    CauseKind.USER_LAUNCHED: "a user request launched {count} instances into Availability Zone {zone}.",
    # Source: conformance/recorded stackd.autoscaling.refresh_native.
    CauseKind.REFRESH_LAUNCH: "an instance was launched in response to an instance refresh.",
    CauseKind.REFRESH_TERMINATE: "an instance was taken out of service in response to an instance refresh.",
    # unsourced
    CauseKind.REFRESH_REBUILD: "the root volume of an instance was replaced in response to an instance refresh.",
    CauseKind.USER_SET_DESIRED: f"a user request explicitly set group desired capacity {_STEP}.",
    CauseKind.USER_EXECUTED_POLICY: f"a user request executed policy {{policy}} {_STEP}.",
    CauseKind.ALARM_TRIGGERED_POLICY: f"a monitor alarm {{alarm}} in state ALARM triggered policy {{policy}} {_STEP}.",
    # unsourced
    CauseKind.FORECAST: f"a predictive scaling policy {{policy}} with a forecast of {{forecast}} {_STEP}.",
    CauseKind.SCHEDULED_ACTION: "a scheduled action update of AutoScalingGroup constraints to min: {minimum},"
    f" max: {{maximum}}, desired: {{desired}} {_STEP}.",
    CauseKind.SCHEDULE_DUE: "a scheduled action {schedule} was due.",  # unsourced
    CauseKind.CAPACITY_INCREASE: "an instance was started in response to a difference between desired and actual"
    " capacity, increasing the capacity from {before} to {after}.",
    CauseKind.CAPACITY_DECREASE: f"{_OUT} a difference between desired and actual capacity, shrinking the capacity"
    " from {before} to {after}.",
    CauseKind.SELECTED_FOR_TERMINATION: "instance {server} was selected for termination.",
    CauseKind.REPLACING_UNHEALTHY: "an instance was launched in response to an unhealthy instance needing to be"
    " replaced.",
    CauseKind.HEALTH_STATUS_CHECK: f"{_OUT} an EC2 instance status check failure.",
    CauseKind.HEALTH_TERMINATED_OR_STOPPED: f"{_OUT} an EC2 health check that indicated it had been terminated or"
    " stopped.",
    CauseKind.HEALTH_BALANCER: f"{_OUT} an ELB system health check failure.",
    # Source: Auto Scaling User Guide, "View health check status and the reason for health check failures".
    CauseKind.HEALTH_VOLUME: f"{_OUT} EBS volume health check failure.",
    CauseKind.HEALTH_CUSTOM: f"{_OUT} a user health-check.",
    CauseKind.ZONE_REBALANCE_LAUNCH: "instances were launched to balance instances in zones {short_zones} with other"
    " zones resulting in more than desired number of instances in the group.",
    CauseKind.ZONE_REBALANCE_TERMINATE: "instance {server} was taken out of service to balance instances across"
    " Availability Zones.",
    CauseKind.ZONE_MIGRATION: "invalid availability zones {zones} had {count} instances respectively."
    "  An instance was launched to aid in migrating instances from these zones to valid ones.",
    CauseKind.MAXIMUM_LIFETIME: "an instance was taken out of service in response to the maximum instance lifetime"
    " being reached.",
    # unsourced, as are the next three
    CauseKind.HOST_DRAINED: "maintenance of the host of instance {server} was announced.",
    CauseKind.DRAIN_UNDONE: "maintenance of the host of instance {server} was called off.",
    CauseKind.REBALANCE_RECOMMENDED: "an EC2 instance rebalance recommendation was received for instance {server}.",
    CauseKind.INTERRUPTED: f"{_OUT} an EC2 Spot instance interruption notice.",
    CauseKind.LAUNCH_ABANDONED: "an instance was taken out of service in response to a launch failure.",  # unsourced
    # Source: conformance/recorded stackd.autoscaling.warm_pool_sizing_native; what is not seen there is formed alike.
    CauseKind.USER_UPDATED_MAXIMUM: "a user request update of AutoScalingGroup max capacity from max: {old} to max:"
    f" {{new}} {_POOL_STEP}.",
    CauseKind.WARM_POOL_DECREASE: f"{_OUT} a difference between desired and actual capacity, shrinking the capacity.",
    CauseKind.SELECTED_FOR_WARM_POOL: "instance {server} was selected for scale in to warm pool.",
    CauseKind.WARM_POOL_DELETED: "instance {server} was taken out of service in response to a group deletion.",
    CauseKind.MASS_FAILURE: "{bad} of {total} instances of the group were unhealthy at a time when most instances of"
    " the {extent} were. Until that ends, and for at most {minutes} minutes, no running instance is replaced for it.",
    CauseKind.ACCESS_REFUSED: "access to the instances of the group was refused during a health check. Until it is"
    " restored their health is not known, and no instance is replaced or taken out of service for it.",
    CauseKind.SOURCE_MISSING: "a target group of the group was not found during a health check. Instances are"
    " registered with it when it is found again.",
    CauseKind.ORPHANS_HELD: "{count} instances were found during a health check that were launched for a group and"
    " belong to none. They are left as they are until an operator has looked at them.",
}
# Moves of one instance that a user asked for: with a step of the capacity where it took one.
_MOVES: Final[Mapping[CauseKind, str]] = {
    CauseKind.USER_TERMINATED: "instance {server} was taken out of service in response to a user request",
    CauseKind.USER_DETACHED: "instance {server} was detached in response to a user request",
    CauseKind.USER_ENTERED_STANDBY: "instance {server} was moved to standby in response to a user request",
    CauseKind.USER_EXITED_STANDBY: "instance {server} was moved out of standby in response to a user request",
}
_DESCRIPTIONS: Final[Mapping[ActivityKind, str]] = {
    ActivityKind.LAUNCH: "Launching a new EC2 instance",
    ActivityKind.TERMINATE: "Terminating EC2 instance",
    ActivityKind.WARM_LAUNCH: "Launching a new EC2 instance into warm pool",
    ActivityKind.DRAW: "Launching a new EC2 instance from warm pool",
    ActivityKind.RETURN: "Scaling in EC2 instance into warm pool",
    ActivityKind.WARM_TERMINATE: "Terminating EC2 instance from warm pool",
    ActivityKind.ATTACH: "Attaching an existing EC2 instance",
    ActivityKind.DETACH: "Detaching EC2 instance",
    ActivityKind.ENTER_STANDBY: "Moving EC2 instance to Standby",
    ActivityKind.EXIT_STANDBY: "Moving EC2 instance out of Standby",
    ActivityKind.REBUILD: "Replacing root volume of EC2 instance",  # unsourced
    ActivityKind.HEALTH_CHECK: "Checking the health of EC2 instances",
    ActivityKind.SCHEDULE: "Executing a scheduled action",  # unsourced
}
_FAILED: Final[Mapping[ActivityKind, str]] = {
    ActivityKind.LAUNCH: " Launching EC2 instance failed.",
    ActivityKind.TERMINATE: " Terminating EC2 instance failed.",
    ActivityKind.WARM_LAUNCH: " Launching EC2 instance failed.",
    ActivityKind.DRAW: " Launching EC2 instance failed.",
    ActivityKind.RETURN: " Terminating EC2 instance failed.",
    ActivityKind.WARM_TERMINATE: " Terminating EC2 instance failed.",
    ActivityKind.HEALTH_CHECK: " Checking the health of EC2 instances failed.",
    ActivityKind.SCHEDULE: " Executing the scheduled action failed.",  # unsourced
    ActivityKind.REBUILD: " Replacing root volume failed.",  # unsourced
}
# Source: stackd retention_force; of a heartbeat the CodeDeploy User Guide, "Troubleshoot Auto Scaling issues".
_DECIDED: Final[Mapping[str, str]] = {
    Decided.ANSWER: "Lifecycle Action Completed with ABANDON Result",
    Decided.HEARTBEAT: "Heartbeat Timeout",
    Decided.GLOBAL: "Global Timeout",  # unsourced, as are those that follow
    Decided.HOOK_DELETED: "Lifecycle Hook Deleted",
    Decided.UNDELIVERABLE: "Notification could not be delivered",
}
_UNHEALTHY: Final = "Instance became unhealthy while waiting for instance to be in InService state."


class _Data(dict[str, Any]):
    """A cause's data; what an older entry lacks is told as nothing rather than failing the list."""

    def __missing__(self, key: str) -> str:
        return ""


def cause(activity: Activity) -> str:
    """All of its causes in order, each a sentence with its time, two blanks between them; at most 1,023 characters."""
    return "  ".join(_sentence(item) for item in activity.causes)[:CAUSE_LENGTH] or "-"


def _sentence(item: Cause) -> str:
    data = _Data(item.data)
    for key, value in data.items():
        if key == "server":
            data[key] = _instance(str(value))
        elif key in {"short_zones", "long_zones", "zones"}:
            data[key] = str(value).replace(",", " ")
    at = _second(item.at)
    if item.kind is CauseKind.ALL_PROTECTED:
        return "Could not scale to desired capacity because all remaining instances are protected from scale-in."
    if item.kind is CauseKind.USER_ATTACHED:
        return (
            f"At {at} an instance was added in response to user request."
            f" Keeping the capacity at the new {data['after']}."
        )
    if item.kind is CauseKind.USER_DELETED_CLUSTER:
        step = f" {_STEP}" if "after" in data else ""
        return f"At {at} a user request force deleted AutoScalingGroup{step.format_map(data)}."
    if item.kind in _POOL_REQUESTS:
        return f"At {at} {_POOL_REQUESTS[item.kind](data)} {_POOL_STEP.format_map(data)}."
    if item.kind in _MOVES:
        return f"At {at} {_MOVES[item.kind].format_map(data)}{_step(data)}."
    return f"At {at} {_CAUSES[item.kind].format_map(data)}"


def _put_pool(data: Mapping[str, Any]) -> str:
    prepared = data.get("prepared", "null")
    return f"a user request put a new WarmPool with MinSize: {data['minimum']} and MaxGroupPreparedCapacity: {prepared}"


def _updated_pool(data: Mapping[str, Any]) -> str:
    changed = {
        member: f"{short}: {data[f'old_{name}']} to {short}: {data[f'new_{name}']}"
        for name, member, short in (("minimum", "MinSize", "min"), ("prepared", "MaxGroupPreparedCapacity", "max"))
        if f"new_{name}" in data
    }
    return f"a user request update of WarmPool {' and '.join(changed)} from {', '.join(changed.values())}"


_POOL_REQUESTS: Final[Mapping[CauseKind, Callable[[Mapping[str, Any]], str]]] = {
    CauseKind.USER_PUT_WARM_POOL: _put_pool,
    CauseKind.USER_UPDATED_WARM_POOL: _updated_pool,
}


def _step(data: Mapping[str, Any]) -> str:
    if "after" not in data:
        return ""
    verb = "shrinking" if int(data["after"]) < int(data["before"]) else "increasing"
    return f", {verb} the capacity from {data['before']} to {data['after']}"


def description(activity: Activity) -> str:
    """``Launching a new EC2 instance: i-...``; a failure tells its reason again."""
    words = _DESCRIPTIONS.get(activity.kind)
    if words is None:
        return "  ".join(_sentence(item) for item in activity.causes)
    if activity.server_id is not None:
        words = f"{words}: {arns.instance_id(activity.server_id)}"
    message = status_message(activity)
    if message and (activity.status is ActivityStatus.FAILED or _is_abandoned(activity)):
        words = f"{words}.  Status Reason: {message}"
    return words


def status_message(activity: Activity) -> str | None:
    """Why it failed or was cancelled, at most 255 characters; None while there is nothing to say."""
    if activity.reason is None:
        return None
    words = _REASONS[activity.reason.kind](_Data(activity.reason.data))
    if _is_abandoned(activity):
        return words[:MESSAGE_LENGTH]  # as it was recorded, without a full stop
    words = _ended(words)
    if activity.status is not ActivityStatus.FAILED:
        return words[:MESSAGE_LENGTH]
    tail = _FAILED.get(activity.kind, "")
    return words[: MESSAGE_LENGTH - len(tail)] + tail


def reason(told: Reason) -> str:
    """Why something was not done, whatever it was."""
    return _ended(_REASONS[told.kind](_Data(told.data)))[:MESSAGE_LENGTH]


def _is_abandoned(activity: Activity) -> bool:
    return activity.reason is not None and activity.reason.kind is ReasonKind.ABANDONED


def _ended(words: str) -> str:
    """With its full stop: what a cloud says of itself may have none, and another sentence may follow."""
    words = words.rstrip().rstrip(":")
    return words if words.endswith((".", "!", "?")) else f"{words}."


def details(activity: Activity, zone_ids: Mapping[str, str], place: tuple[str, str]) -> str:
    """Subnet and zone as a JSON text, as AWS gives it: of an instance that was attached without the subnet.

    With the alarms that invoked it, where some did. ``place``: region and account.
    """
    told: dict[str, Any] = {}
    if activity.zone is not None and activity.zone in zone_ids:
        told["Availability Zone ID"] = zone_ids[activity.zone]
    if activity.subnet_id is not None and activity.kind is not ActivityKind.ATTACH:
        told["Subnet ID"] = arns.subnet_id(activity.subnet_id)
    if activity.zone is not None:
        told["Availability Zone"] = activity.zone
    invoking = [json.loads(str(each.data["invoking"])) for each in activity.causes if "invoking" in each.data]
    if invoking:
        told["InvokingAlarms"] = [alarm_messages.invoking(facts, *place) for facts in invoking]
    return json.dumps(told, separators=(",", ":"))


def _second(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _instance(server: str) -> str:
    """A cause may hold a short id or the cloud's own."""
    if is_short_id(server) or "-" in server:
        return arns.instance_id(server)
    return server


def _reference(prefix: str, text: str) -> str:
    return arns.resource_id(prefix, text) if is_short_id(text) or len(text) == 36 else text


def _quota(data: Mapping[str, Any]) -> str:
    resource, requested, limit = data["resource"], data["requested"], data["limit"]
    if resource == "instances":
        return (
            f"You have requested more instances ({requested}) than your current instance limit of {limit}"
            " allows for the specified instance type."
        )
    if resource == "cores":
        return (
            f"You have requested more vCPU capacity than your current vCPU limit of {limit}"
            " allows for the instance bucket that the specified instance type belongs to."
        )
    if resource == "server_group_members":
        return f"You have requested more instances ({requested}) than one placement group may have."
    return f"You have requested more {resource} ({requested}) than your current limit of {limit} allows."


def _no_capacity(data: Mapping[str, Any]) -> str:
    return (
        f"We currently do not have sufficient {data['type']} capacity in the Availability Zone you requested"
        f" ({data['zone']}). Our system will be working on provisioning additional capacity."
    )


def _type_not_supported(data: Mapping[str, Any]) -> str:
    return (
        f"Your requested instance type ({data['type']}) is not supported in your requested Availability Zone"
        f" ({data['zone']}) or by the requested image."
    )


def _incomplete(data: Mapping[str, Any]) -> str:
    missing = {"image": "ImageId", "instance_type": "InstanceType"}.get(data["missing"], data["missing"])
    return f"The request must contain the parameter {missing}."


def _unreached(data: Mapping[str, Any]) -> str:
    told = _ended(f"We could not reach the cloud: {data['detail']}")
    return f"{told} Our system will try again."


_REASONS: Final[Mapping[ReasonKind, Callable[[Mapping[str, Any]], str]]] = {
    ReasonKind.IMAGE_NOT_FOUND: lambda data: (
        f"The image id '[{_reference(arns.IMAGE, data['image'])}]' does not exist."
    ),
    ReasonKind.KEY_PAIR_NOT_FOUND: lambda data: f"The key pair '{data['name']}' does not exist.",
    ReasonKind.SECURITY_GROUP_NOT_FOUND: lambda data: (
        f"The security group '{_reference(arns.SECURITY_GROUP, data['group'])}' does not exist."
    ),
    ReasonKind.SERVER_GROUP_NOT_FOUND: lambda data: (
        f"The Placement Group '{_reference(arns.PLACEMENT_GROUP, data['group'])}' is unknown."
    ),
    ReasonKind.SUBNET_NOT_FOUND: lambda data: (
        f"The subnet ID '{_reference(arns.SUBNET, data['subnet'])}' does not exist."
    ),
    ReasonKind.TYPE_NOT_FOUND: lambda data: f"The following supplied instance types do not exist: [{data['type']}].",
    ReasonKind.NO_TYPE_MEETS: lambda _: "No instance type meets the instance requirements.",  # unsourced
    ReasonKind.TYPE_NOT_SUPPORTED: _type_not_supported,
    ReasonKind.PROFILE_NOT_FOUND: lambda data: (
        f"The launch configuration or launch template {data['name']} does not exist."
    ),
    ReasonKind.IAM_PROFILE_NOT_FOUND: lambda data: (
        f"{ec2_errors.iam_profile_words(str(data['name']), empty=bool(data.get('empty')))}."
    ),
    ReasonKind.TEMPLATE_VERSION_NOT_FOUND: lambda data: (
        f"Could not find the specified version {data['version']} for the launch template {data['name']}."
    ),
    ReasonKind.PROFILE_INCOMPLETE: _incomplete,
    ReasonKind.NO_CAPACITY: _no_capacity,
    ReasonKind.QUOTA: _quota,
    ReasonKind.NO_ADDRESSES: lambda data: (
        f"There are not enough free addresses in subnet '{_reference(arns.SUBNET, data['subnet'])}'"
        " to satisfy the requested number of instances."
    ),
    ReasonKind.NOT_AUTHORIZED: lambda data: (
        f"You are not authorized to perform this operation. {data['detail']}".strip()
    ),
    ReasonKind.CLOUD_REFUSED: lambda data: f"The request was refused: {data['detail']}",
    ReasonKind.CLOUD_UNREACHED: _unreached,
    ReasonKind.OUTCOME_UNKNOWN: lambda data: f"The request was sent and not answered: {data['detail']}",
    ReasonKind.SERVER_ERROR: lambda data: (
        f"{_UNHEALTHY} Termination Reason: Server.InternalError: {data['detail'] or 'Internal error on launch'}"
    ),
    ReasonKind.SERVER_VANISHED: lambda _: (
        f"{_UNHEALTHY} Termination Reason: Client.UserInitiatedShutdown: User initiated shutdown"
    ),
    ReasonKind.LAUNCH_LOST: lambda _: "No instance was seen for the launch request.",
    ReasonKind.ABANDONED: lambda data: (
        "Instance failed to complete user's Lifecycle Action: Lifecycle Action with token"
        f" {data['token']} was abandoned: {_DECIDED.get(data['decided'], 'ABANDON')}"
    ),
    ReasonKind.START_TIMEOUT: lambda _: "The instance did not start in time.",
    ReasonKind.GIVEN_UP: lambda data: (
        f"No instance was launched successfully for over {data['hours']} hours. The Launch process is suspended until"
        " it is resumed."
    ),
    ReasonKind.SOURCE_NOT_FOUND: lambda _: (
        "One or more target groups not found. Validating load balancer configuration failed."
    ),
    # What a request with these sizes would be refused with.
    ReasonKind.OUT_OF_BOUNDS: lambda data: (
        f"Desired capacity:{data['desired']} must be between the specified min size:{data['minimum']}"
        f" and max size:{data['maximum']}"
    ),
    ReasonKind.BOUNDS_CROSSED: lambda data: (
        f"Max bound, {data['maximum']}, must be greater than or equal to min bound, {data['minimum']}"
    ),
    ReasonKind.CLUSTER_DELETED: lambda _: "The AutoScalingGroup was deleted.",
    ReasonKind.ZONE_LEFT: lambda data: (  # unsourced
        f"The Availability Zone {data['zone']} is not one of the AutoScalingGroup any more."
    ),
    ReasonKind.SUPERSEDED: lambda _: "The desired capacity was lowered before the instance came into service.",
}


def unspoken() -> tuple[set[CauseKind], set[ReasonKind]]:
    """The kinds that have no sentence: none, and a test holds it so."""
    own = {CauseKind.ALL_PROTECTED, CauseKind.USER_ATTACHED, CauseKind.USER_DELETED_CLUSTER}
    return set(CauseKind) - set(_CAUSES) - set(_MOVES) - set(_POOL_REQUESTS) - own, set(ReasonKind) - set(_REASONS)


def _rounded(at: datetime) -> datetime:
    """To the nearest second, which is how AWS tells when an activity ended (23.938 is :24).

    Source: radkawar/stackd testdata/aws/autoscaling/retention_native.json.
    """
    return (at + timedelta(milliseconds=500)).replace(microsecond=0)


def told(activity: Activity, region: str, account: str, zone_ids: Mapping[str, str]) -> dict[str, Any]:
    """One Activity of an answer; what is not known or not over yet is absent.

    Args:
        zone_ids: zone name -> its id, of the zones whose id is known.
    """
    result: dict[str, Any] = {
        "ActivityId": activity.id,
        "AutoScalingGroupName": activity.cluster_name,
        "AutoScalingGroupARN": arns.group(region, account, activity.cluster_id, activity.cluster_name),
        "Description": description(activity),
        "Cause": cause(activity),
        "StartTime": activity.started_at,
        "StatusCode": str(activity.status),
        "Progress": activity.progress,
        "Details": details(activity, zone_ids, (region, account)),
    }
    if activity.ended_at is not None:
        result["EndTime"] = _rounded(activity.ended_at)
    message = status_message(activity)
    if message is not None:
        result["StatusMessage"] = message
    result["AutoScalingGroupState"] = "Deleted" if activity.cluster_deleted else "InService"
    return result
