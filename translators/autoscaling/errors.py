"""Auto Scaling's errors: the one table from the engine's findings to AWS's code, words and status.

The words are the real service's where they were seen (clients match on them); the others follow its manner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from backend import errors
from backend.domain import (
    balancer_findings,
    cluster_findings,
    image_findings,
    key_pair_findings,
    launch_findings,
    lifecycle_findings,
    schedule_findings,
    security_group_findings,
    server_findings,
    volume_findings,
)
from backend.domain.quotas import Quota
from backend.domain.schedules import Flaw
from translators import arns
from translators.autoscaling import fleet_errors, scaling_errors
from translators.autoscaling.ids import instance, shown
from translators.autoscaling.refusals import constraint, unsupported, validation
from translators.ec2 import errors as ec2_errors
from translators.errors import AWSError, Table, register, translate

__all__ = ["TABLE", "constraint", "launch_suspended", "unknown_group", "unsupported", "validation"]

# Registered by being imported: launch templates are refused in EC2's words.
assert ec2_errors


_UNKNOWN_GROUP: Final[Mapping[str, str]] = {
    "DescribeScalingActivities": "AutoScalingGroup {} not found",
    "DescribeInstanceRefreshes": "AutoScalingGroup {} not found",
    "UpdateAutoScalingGroup": "null",
    "AttachInstances": "AutoScalingGroup: {} not found",
    "DescribeWarmPool": "No such Auto Scaling group: {}",
    "DeleteWarmPool": "No such Auto Scaling group: {}",
    "PutWarmPool": "No such Auto Scaling group: {}",
}
"""What follows "name not found - " where an operation does not say it as DeleteAutoScalingGroup does.

Source: conformance/recorded; of instance refreshes cluster-api-provider-aws, of AttachInstances a user's report.
"""


@contextmanager
def unknown_group(operation: str) -> Iterator[None]:
    """A group that is not there is told in the operation's own words."""
    try:
        yield
    except cluster_findings.ClusterNotFound as found:
        words = _UNKNOWN_GROUP[operation].format(found.name)
        raise validation(f"AutoScalingGroup name not found - {words}") from found


@contextmanager
def launch_suspended(doing: str) -> Iterator[None]:
    """A suspended Launch process is told with what cannot be done for it."""
    try:
        yield
    except cluster_findings.ProcessSuspended as found:
        raise validation(
            f"Cannot {doing} AutoScalingGroup {found.name} while the {found.process} process is suspended"
        ) from found


def _cluster_not_found(found: cluster_findings.ClusterNotFound) -> AWSError:
    return validation(f"AutoScalingGroup name not found - AutoScalingGroup '{found.name}' not found")


def _cluster_exists(found: cluster_findings.ClusterExists) -> AWSError:
    words = f"AutoScalingGroup by this name already exists - A group with the name {found.name} already exists"
    if found.leaving:
        words += (
            " and is pending delete.  Please wait until Autoscaling completes the deletion process before creating"
            " another group with the same name."
        )
    return AWSError("AlreadyExists", words)


def _target(found: lifecycle_findings.TargetUnreached) -> AWSError:
    # Source: hashicorp/terraform #3351, aws/aws-cdk #1212.
    by = f" using IAM role {found.role}" if found.role else ""
    return validation(
        f"Unable to publish test message to notification target {found.target}{by}. Please check your target and role"
        " configuration and try to put lifecycle hook again."
    )


def _topic_refused(found: lifecycle_findings.TopicRefused) -> AWSError:
    """Source: the beginning as badmintoncryer/cdk-preflight measured it; the rest unsourced."""
    return validation(f"Invalid parameter: Topic {found.topic} cannot be published to: {found.why}")


def _cooling(found: cluster_findings.CoolingDown) -> AWSError:
    """Source: diem #4597. What was just asked for has no activity yet: the words for that are unsourced."""
    which = f"Scaling activity {found.activity}" if found.activity else "A scaling activity"
    return AWSError("ScalingActivityInProgress", f"{which} is in progress and blocks this action")


def _protected(found: cluster_findings.ClusterProtected) -> AWSError:
    return validation(  # unsourced
        f"The AutoScalingGroup {found.name} cannot be deleted: its deletion protection is set to {found.protection}."
        " Change the deletion protection first."
    )


def _below(found: cluster_findings.BelowMinimum) -> AWSError:
    return validation(  # unsourced
        f"AutoScalingGroup {found.cluster} has min-size={found.minimum}, max-size={found.maximum}, and"
        f" desired-size={found.desired}. To detach {_instances(found.count)}, please update the AutoScalingGroup sizes"
        " appropriately."
    )


def _above(found: cluster_findings.AboveMaximum) -> AWSError:
    return validation(  # unsourced
        f"AutoScalingGroup {found.cluster} has min-size={found.minimum}, max-size={found.maximum}, and"
        f" desired-size={found.desired}. To attach {found.count} more"
        f" {'instance' if found.count == 1 else 'instances'}, please update the AutoScalingGroup sizes appropriately."
    )


def _instances(count: int) -> str:
    return f"{count} {'instance' if count == 1 else 'instances'}"


def _state(found: cluster_findings.NodeStateConflict) -> AWSError:
    return validation(f"The instance {instance(found.server)} is not in {' or '.join(found.required)}.")


def _not_attachable(found: server_findings.ServerNotAttachable) -> AWSError:
    name = instance(found.server)
    match found.why:
        case "not_running":
            return validation(  # unsourced
                f"Instance {name} is not in correct state. Instance(s) must be in 'running' state,"
                f" but it is in '{found.state}' state."
            )
        case "in_cluster":
            # Source: a user's report of 2015.
            return validation(f"The Instance: {name} is already part of AutoScalingGroup:{found.cluster}")
        case "image":
            return validation(f"The image of instance {name} does not exist any more.")  # unsourced
        case _:
            # unsourced
            return validation(f"Instance {name} is not in one of the Availability Zones of the AutoScalingGroup.")


def _action(found: lifecycle_findings.ActionNotFound) -> AWSError:
    # Source: users' reports: spacelift-io #197, convox #2432, aws-node-termination-handler #607.
    if found.token is not None:
        return validation(f"No active Lifecycle Action found with token {found.token}")
    return validation(f"No active Lifecycle Action found with instance ID {instance(found.server or '')}")


def _suspended(found: cluster_findings.ProcessSuspended) -> AWSError:
    return validation(
        f"The {found.process} process of AutoScalingGroup {found.name} is suspended. Resume it and try again."
    )


def _template_unusable(found: launch_findings.TemplateUnusable) -> AWSError:
    return _template(found.reason)


def _template_missing(found: errors.Finding) -> AWSError:
    """A template or version that is not there is told in EC2's words alone."""
    said = translate(found, "ec2")
    assert said is not None
    return validation(said.message)


def _template(reason: errors.Finding) -> AWSError:
    """Creating a group tries its template against EC2, and tells what EC2 said."""
    said = translate(reason, "ec2")
    words = said.message if said is not None else "It names something that does not exist."
    return validation(f"You must use a valid fully-formed launch template. {words}")


def _limit(found: errors.LimitExceeded) -> AWSError:
    words: dict[str, str] = {
        Quota.CLUSTERS: f"You have already reached your limit of {found.limit} AutoScalingGroups.",
        Quota.CONFIGURATIONS: f"You have already reached your limit of {found.limit} launch configurations.",
        Quota.SOURCES: f"You have exceeded the limit of {found.limit} target groups for an AutoScalingGroup.",
        # unsourced
        Quota.SCHEDULES: f"You have already reached your limit of {found.limit} scheduled actions for this group.",
        Quota.TOPICS: f"An AutoScalingGroup can't have more than {found.limit} topics",
        Quota.TAGS: "You tried to create more tags than allowed",
        # unsourced
        Quota.POLICIES: f"You have already reached your limit of {found.limit} scaling policies for this group.",
        Quota.HOOKS: f"You have exceeded the limit of {found.limit} lifecycle hooks for an AutoScalingGroup.",
        Quota.SIZE: f"The maximum size of an AutoScalingGroup can be no more than {found.limit}.",  # unsourced
        Quota.INSTANCES: f"You have already reached your limit of {found.limit} instances.",  # unsourced
    }
    return AWSError("LimitExceeded", words.get(found.what, f"You have reached the limit of {found.limit}."))


def _type_not_supported(_: launch_findings.TypeNotSupported) -> AWSError:
    return validation(  # unsourced
        "The requested configuration is currently not supported."
        " Please check the documentation for supported configurations."
    )


def _security_group(found: security_group_findings.SecurityGroupNotFound) -> AWSError:
    if found.named:
        return validation(f"The security group '{found.group}' does not exist in default VPC")  # unsourced
    return validation(f"The security group '{shown(arns.SECURITY_GROUP, found.group)}' does not exist")


def _image(found: image_findings.ImageNotFound) -> AWSError:
    image = shown(arns.IMAGE, found.image)
    return validation(f"AMI {image} is invalid: The image id '[{image}]' does not exist")  # unsourced


def _contention(_: Any) -> AWSError:
    return AWSError(
        "ResourceContention",
        "You already have a pending update to an Auto Scaling resource"
        " (for example, an Auto Scaling group, instance, or load balancer).",
        500,
    )


def _unavailable(_: Any) -> AWSError:
    return AWSError("ServiceUnavailable", "The service is unavailable. Please try again later.", 503)  # unsourced


_FLAWS: Final[Mapping[str, str]] = {
    Flaw.NOTHING_TO_SET: "At least one of max size, min size, or desired capacity must be specified",
    Flaw.NEGATIVE_MINIMUM: "Min size must be non-negative",  # unsourced
    Flaw.NEGATIVE_MAXIMUM: "Max size must be non-negative",  # unsourced
    Flaw.NEGATIVE_DESIRED: "Desired capacity must be non-negative",
    Flaw.BOUNDS_CROSSED: "Max size must be greater than or equal to min size",  # unsourced
    Flaw.ABOVE_MAXIMUM: "Desired capacity must be less than or equal to max size",
    Flaw.BELOW_MINIMUM: "Desired capacity must be greater than or equal to min size",
    Flaw.NO_START: "Scheduled start time must be specified for non-recurrent future group action",
    Flaw.START_PASSED: "Given start time is in the past",
    Flaw.END_PASSED: "Given end time is in the past",
    Flaw.END_BEFORE_START: "Given end time must be after start time",
    Flaw.ZONE: "Time zone specified does not conform to standardized time zones found in IANA Time Zone Database",
}
"""What is wrong with a scheduled action, but for its recurrence.

Source: badmintoncryer/cdk-preflight, whose rules hold measured refusals; users' reports.
"""


def _schedule(found: schedule_findings.ScheduleRefused) -> AWSError:
    return validation(_FLAWS.get(found.flaw, f"Given recurrence string: {found.given} is invalid"))


TABLE: Final[Table] = {
    cluster_findings.ClusterNotFound: _cluster_not_found,
    cluster_findings.ClusterExists: _cluster_exists,
    cluster_findings.ClusterInUse: lambda _: AWSError(
        "ResourceInUse",
        "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s)"
        " still in the group. Also, you can\u2019t delete it while there are instances that are part of a warm pool.",
    ),
    cluster_findings.ClusterBusy: lambda _: AWSError(
        "ScalingActivityInProgress",
        "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.",
    ),
    cluster_findings.ClusterDeleting: lambda _: validation(
        "The AutoScaling group may not be modified while it is pending delete"
    ),
    cluster_findings.ClusterProtected: _protected,
    schedule_findings.ScheduleRefused: _schedule,
    schedule_findings.ScheduleTimeTaken: lambda _: AWSError(
        "AlreadyExists", "Scheduled action with this scheduled start time already exists"
    ),
    schedule_findings.ScheduleNotFound: lambda _: validation("Scheduled action name not found"),
    cluster_findings.CoolingDown: _cooling,
    cluster_findings.CapacityOutOfBounds: lambda found: validation(
        f"Desired capacity:{found.desired} must be between the specified min size:{found.minimum}"
        f" and max size:{found.maximum}"
    ),
    cluster_findings.BoundsCrossed: lambda found: validation(  # unsourced
        f"Max bound, {found.maximum}, must be greater than or equal to min bound, {found.minimum}"
    ),
    cluster_findings.BelowMinimum: _below,
    cluster_findings.AboveMaximum: _above,
    cluster_findings.NodeNotFound: lambda found: validation(  # unsourced
        f"Instance Id not found - No managed instance found for instance ID: {instance(found.server)}"
    ),
    cluster_findings.NodeNotInCluster: lambda found: validation(
        f"The instance {instance(found.server)} is not part of Auto Scaling group {found.cluster}."
    ),
    cluster_findings.NodeStateConflict: _state,
    # Source: stackd, retention_decrement.
    lifecycle_findings.NodeRetained: lambda found: validation(
        f"The instance {instance(found.server)} is in a Retained state and can't be terminated while decreasing desired"
        " capacity. Retry without decreasing the Auto Scaling group's desired capacity."
    ),
    # Source: conformance/recorded, stackd retention_force.
    lifecycle_findings.RetentionForbids: lambda _: validation(
        "You can't force delete this Auto Scaling group because the TerminateHookAbandon retention trigger is set to"
        " retain. Change the retention trigger to terminate and try again."
    ),
    # Source: alchemy, stackd.
    lifecycle_findings.HookNotFound: lambda found: validation(
        f"No Lifecycle Hook found with name '{found.name}' for group '{found.cluster}'"
    ),
    # unsourced
    lifecycle_findings.HookIncomplete: lambda found: validation(
        "'RoleARN' parameter required when 'NotificationTargetARN' parameter is specified"
        if found.lacks_role
        else "'LifecycleTransition' parameter required for a new lifecycle hook"
    ),
    lifecycle_findings.ActionNotFound: _action,
    **fleet_errors.TABLE,
    **scaling_errors.TABLE,
    lifecycle_findings.TargetUnreached: _target,
    cluster_findings.ClusterManaged: lambda found: AWSError(  # unsourced
        "AccessDenied", f"Only its operator {found.operator} can change the AutoScalingGroup {found.name}.", 403
    ),
    cluster_findings.ProcessSuspended: _suspended,
    server_findings.ServerUnknown: lambda found: validation(
        f"Invalid Instance ID(s): [{instance(found.server)}]"
    ),  # unsourced
    server_findings.ServerNotAttachable: _not_attachable,
    launch_findings.ProfileNotFound: lambda found: validation(  # unsourced
        f"Launch configuration name not found - A launch configuration with the name: {found.name} does not exist"
    ),
    launch_findings.ProfileExists: lambda found: AWSError(  # unsourced
        "AlreadyExists",
        "Launch Configuration by this name already exists -"
        f" A launch configuration already exists with the name {found.name}",
    ),
    launch_findings.ProfileInUse: lambda found: AWSError(
        "ResourceInUse",
        f"Cannot delete launch configuration {found.name} because it is attached to AutoScalingGroup {found.cluster}",
    ),
    launch_findings.TemplateNotFound: _template_missing,
    launch_findings.TemplateVersionNotFound: _template_missing,
    launch_findings.TemplateUnusable: _template_unusable,
    image_findings.ImageNotFound: _image,
    volume_findings.NoVolumes: lambda _: unsupported("HealthCheckType EBS", "the cloud has no block storage"),
    volume_findings.VolumeTooSmall: lambda found: validation(ec2_errors.volume_too_small(found).message),
    launch_findings.TypeNotFound: lambda found: validation(f"Invalid instance type: '{found.type}'"),  # unsourced
    launch_findings.TypeNotSupported: _type_not_supported,
    key_pair_findings.KeyPairNotFound: lambda found: validation(f"The key pair '{found.name}' does not exist"),
    security_group_findings.SecurityGroupNotFound: _security_group,
    # unsourced, as is the next
    server_findings.PartitionNotFound: lambda found: validation(
        f"The placement group has no partition {found.partition}."
    ),
    server_findings.ServerGroupNotFound: lambda found: validation(f"The Placement Group '{found.group}' is unknown."),
    launch_findings.SubnetNotFound: lambda found: validation(
        f"The subnet ID '{shown(arns.SUBNET, found.subnet)}' does not exist"
    ),
    launch_findings.ZoneNotFound: lambda found: validation(f"Invalid availability zones: [{found.zone}]"),  # unsourced
    launch_findings.ZonesMismatch: lambda _: validation(
        "The availability zones of the specified subnets and the Auto Scaling group do not match"
    ),
    launch_findings.PlacementMissing: lambda _: validation(
        "You must specify 1 of either AvailabilityZones, AvailabilityZoneIds, or Subnets"
    ),
    # Source: hashicorp/terraform-provider-aws, launch_configuration.go, which retries on these words.
    launch_findings.IamProfileNotFound: lambda found: validation(f"Invalid IamInstanceProfile: {found.name}"),
    balancer_findings.PoolNotFound: lambda _: validation(  # unsourced
        "Provided Target Groups may not be valid. Please ensure they exist and try again."
    ),
    balancer_findings.NoBalancing: lambda _: validation(  # unsourced
        "Provided Target Groups may not be valid. Please ensure they exist and try again."
    ),
    # unsourced
    cluster_findings.SourceNotAttached: lambda _: validation(
        "Trying to remove Target Groups that are not part of the group"
    ),
    errors.LimitExceeded: _limit,
    lifecycle_findings.TopicRefused: _topic_refused,
    errors.StaleRead: _contention,
    errors.TokenReused: lambda found: AWSError(  # unsourced
        "IdempotentParameterMismatch", f"The client token {found.token} was used before with other parameters."
    ),
    balancer_findings.PoolBusy: _contention,
    errors.CloudNotReached: _unavailable,
    errors.StoreUnavailable: _unavailable,
    errors.KeysUnreached: _unavailable,
    errors.NewerWord: _unavailable,
    errors.CommitUnknown: _unavailable,
    errors.OutcomeUnclear: _unavailable,
    errors.NotPermitted: lambda _: AWSError(  # unsourced
        "AccessDenied", "The service may not act in this account. Check the delegation of its cloud project.", 403
    ),
    errors.CloudRefused: lambda found: validation(f"The request was refused: {found.detail}"),  # unsourced
}

register("autoscaling", TABLE)
