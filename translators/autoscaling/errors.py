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
    metric_queries,
    mix_findings,
    refresh_findings,
    scaling_findings,
    schedule_findings,
    security_group_findings,
    server_findings,
    volume_findings,
    warm_pool_findings,
)
from backend.domain.scaling import PolicyFlaw
from backend.domain.schedules import Flaw
from backend.domain.steps import TooManySteps
from backend.domain.warm_pool_findings import UnfitMix
from translators import arns
from translators.autoscaling.ids import instance, shown
from translators.ec2 import errors as ec2_errors
from translators.errors import AWSError, Table, register, translate

__all__ = ["TABLE", "constraint", "launch_suspended", "unknown_group", "unsupported", "validation"]

# Registered by being imported: launch templates are refused in EC2's words.
assert ec2_errors


def validation(message: str) -> AWSError:
    """A ValidationError of these words."""
    return AWSError("ValidationError", message)


def constraint(value: object, member: str, expectation: str) -> AWSError:
    """A member that breaks a constraint which the service checks though its model does not say so.

    Args:
        value: as AWS prints it (lists in brackets).
        member: its wire name (``maxRecords``).
        expectation: ``Member must have value less than or equal to 100``.
    """
    printed = f"[{', '.join(map(str, value))}]" if isinstance(value, list | tuple) else value
    return validation(
        f"1 validation error detected: Value '{printed}' at '{member}' failed to satisfy constraint: {expectation}"
    )


def unsupported(member: str, why: str = "") -> AWSError:
    """A member that Coppice knows and does not act on: refused by name, never dropped."""
    return validation(f"{member} is not supported by this service{': ' if why else ''}{why}.")  # unsourced


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
    return AWSError(
        "ScalingActivityInProgress", f"Scaling activity {found.activity} is in progress and blocks this action"
    )


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
    words = {
        "clusters": f"You have already reached your limit of {found.limit} AutoScalingGroups.",
        "profiles": f"You have already reached your limit of {found.limit} launch configurations.",
        "pools": f"You have exceeded the limit of {found.limit} target groups for an AutoScalingGroup.",
        # unsourced
        "schedules": f"You have already reached your limit of {found.limit} scheduled actions for this group.",
        "topics": f"An AutoScalingGroup can't have more than {found.limit} topics",
        "tags": "You tried to create more tags than allowed",
        # unsourced
        "policies": f"You have already reached your limit of {found.limit} scaling policies for this group.",
        "hooks": f"You have exceeded the limit of {found.limit} lifecycle hooks for an AutoScalingGroup.",
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


_UNFIT: Final[Mapping[str, str]] = {
    launch_findings.Unfit.NO_TEMPLATE: "LaunchInstances is only supported for Auto Scaling groups that use a launch"
    " template.",
    launch_findings.Unfit.NO_ZONE: "You must specify an Availability Zone or a subnet for an Auto Scaling group with"
    " several Availability Zones.",
    launch_findings.Unfit.FOREIGN_SUBNET: "The subnet is not one of the Auto Scaling group's.",
    launch_findings.Unfit.WARM_POOL: "LaunchInstances is not supported for Auto Scaling groups that have a warm pool.",
    launch_findings.Unfit.TWO_CLASSES: "LaunchInstances is only supported for a mixed instances policy that is all"
    " On-Demand or all Spot.",
    launch_findings.Unfit.TOO_MANY: "You can launch at most 100 instances with one request.",
}
"""Why nothing can be launched by LaunchInstances. unsourced."""


def _not_launchable(found: launch_findings.DirectLaunchRefused) -> AWSError:
    if found.why is launch_findings.Unfit.WARM_POOL:
        return AWSError("UnsupportedOperation", _UNFIT[found.why])
    return validation(_UNFIT[found.why])


_UNFIT_MIX: Final = (
    {
        # Source: badmintoncryer/cdk-preflight, of which that of weights is known in part.
        UnfitMix.SPOT: "You can't add a warm pool to an Auto Scaling group that requests Spot Instances",
        UnfitMix.WEIGHTS: "You can't add a warm pool to an Auto Scaling group that uses a mixed instances policy with"
        " instance weights",
    },
    {  # unsourced
        UnfitMix.SPOT: "You can't request Spot Instances for an Auto Scaling group that has a warm pool",
        UnfitMix.WEIGHTS: "You can't use instance weights for an Auto Scaling group that has a warm pool",
    },
)
"""What of a mix no warm pool goes with: for a pool that comes to a mix, and for a mix that comes to a pool."""

_IRREVERSIBLE: Final = (
    "The request failed because a desired configuration was not found or an incompatible launch template (uses a"
    " Systems Manager parameter instead of an AMI ID) or launch template version ($Latest or $Default) is present on"
    " the Auto Scaling group."
)
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


_STEP_END: Final = (
    "There must be a StepAdjustment with an unspecified {end} bound (i.e., {end} bound is null) when one StepAdjustment"
    " has a {sign} {end} bound"
)
_POLICY_FLAWS: Final[Mapping[str, str]] = {
    PolicyFlaw.NO_ADJUSTMENT: "You must specify an AdjustmentType for policy type: {given}",
    PolicyFlaw.NO_AMOUNT: "Scaling increment must be specified for a SimpleScaling policy",
    PolicyFlaw.NO_STEPS: "You should specify at least one StepAdjustment with a StepScaling policy.",
    PolicyFlaw.MANY_STEPS: "Your policies can have at most 20 StepAdjustments.",
    PolicyFlaw.NEGATIVE_AMOUNT: "The lower range for adjustment is 0 with the specified adjustment type.",
    PolicyFlaw.NEGATIVE_STEP: "The lowest value for ScalingAdjustment parameter is 0 with the specified adjustment"
    " type. Erroneous StepAdjustment is {given}",
    PolicyFlaw.NO_UPPER_END: _STEP_END.format(end="upper", sign="positive"),
    PolicyFlaw.NO_LOWER_END: _STEP_END.format(end="lower", sign="negative"),  # the mirror: unsourced
    PolicyFlaw.ENDLESS_STEP: "Both lower and upper bounds of a step adjustment cannot be left unspecified",
    PolicyFlaw.TARGET: "Target value must be between 8.51592E-12 and 1.174271E17",
    PolicyFlaw.TRACKED_TWICE: "Only one TargetTrackingScaling policy for a given metric specification is allowed.",
    # Source: stackd alb_policy_bound_native, of a sibling service.
    PolicyFlaw.LABEL: "Invalid resource label '{given}' for predefined metric type ALBRequestCountPerTarget",
    PolicyFlaw.LABEL_OF_NO_SOURCE: "Target group {given} is not attached to the Auto Scaling group",
    # unsourced, as are those that follow
    PolicyFlaw.EMPTY_STEP: "The upper bound must be greater than the lower bound. Erroneous StepAdjustment is {given}",
    PolicyFlaw.OVERLAP: "StepAdjustment intervals can't overlap",
    PolicyFlaw.GAP: "StepAdjustment intervals can't have gaps between them",
    PolicyFlaw.TWO_UPPER_ENDS: "At most one StepAdjustment may have an unspecified upper bound",
    PolicyFlaw.TWO_LOWER_ENDS: "At most one StepAdjustment may have an unspecified lower bound",
    PolicyFlaw.LABEL_MISSING: "ResourceLabel must be specified for predefined metric type ALBRequestCountPerTarget",
    PolicyFlaw.NEGATIVE_COOLDOWN: "Cooldown must be non-negative",
    PolicyFlaw.NEGATIVE_WARMUP: "EstimatedInstanceWarmup must be non-negative",
    PolicyFlaw.MAGNITUDE_WITHOUT_PERCENT: "MinAdjustmentMagnitude is only supported for the adjustment type"
    " PercentChangeInCapacity",
}
"""What is wrong with a scaling policy.

Source: badmintoncryer/cdk-preflight; aws/aws-cdk #28794; Netflix/asgard #704; terraform-provider-aws #9077, #34408, and
#4812 of a sibling service.
"""


def _policy(found: scaling_findings.PolicyRefused) -> AWSError:
    return validation(_POLICY_FLAWS[found.flaw].format(given=found.given))


def _breach(found: scaling_findings.BreachMissing) -> AWSError:
    if found.given:  # unsourced
        return validation(f"MetricValue and BreachThreshold are not supported for policy type: {found.kind}")
    return validation(f"MetricValue and BreachThreshold are required for policy type: {found.kind}")  # unsourced


def _no_step(found: scaling_findings.NoStepFound) -> AWSError:
    # Source: alarm histories that users showed (DFE-Digital #58, mapbox/watchbot #187).
    points = ", ".join(str(float(point)) for point in found.points)
    return validation(
        f"No step adjustment found for metric value [{points}] and breach threshold {float(found.threshold)}"
    )


def _no_refresh(found: refresh_findings.NoRefresh) -> AWSError:
    which = "No in progress or baking" if found.rollback else "No in progress, baking, pending, or cancelling"
    words = f"{which} Instance Refresh found for Auto Scaling group {found.cluster}."
    return AWSError("ActiveInstanceRefreshNotFound", words)


# Source: conformance/recorded refresh_native; of what cannot go back the model's own words; of a refused update Floci.
_REFRESHES: Final[Table] = {
    refresh_findings.RefreshUnderWay: lambda _: AWSError(
        "InstanceRefreshInProgress",
        "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.",
    ),
    refresh_findings.NoRefresh: _no_refresh,
    refresh_findings.RefreshIrreversible: lambda _: AWSError("IrreversibleInstanceRefresh", _IRREVERSIBLE),
    refresh_findings.RefreshHolds: lambda _: validation(
        "An active instance refresh with a desired configuration exists. All configuration options derived from the"
        " desired configuration are not available for update while the instance refresh is active."
    ),
    # Source: of launch configurations the User Guide's words; else unsourced.
    refresh_findings.RefreshRefused: lambda found: (
        validation("Using skip matching with a launch configuration is not supported.")
        if found.flaw is refresh_findings.RefreshFlaw.SKIPS_CONFIGURATION
        else validation(_IRREVERSIBLE)
    ),
    # unsourced
    refresh_findings.AlarmNotFound: lambda found: validation(f"CloudWatch alarm {found.alarm} does not exist."),
    refresh_findings.AlarmRings: lambda found: validation(f"CloudWatch alarm {found.alarm} is in the ALARM state."),
}

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
    scaling_findings.PolicyRefused: _policy,
    # Source of the beginning: badmintoncryer/cdk-preflight; the rest is CloudWatch's own refusal.
    metric_queries.ExpressionRefused: lambda found: validation(
        f"Unable to create alarms in CloudWatch: Error in expression '{found.query}' [{found.reason}]"
    ),
    TooManySteps: lambda _: validation("Unable to create alarms in CloudWatch: the expression is too costly."),
    # unsourced; clients look for "not found"
    scaling_findings.ScalingPolicyNotFound: lambda found: validation(f"Scaling policy '{found.name}' not found"),
    scaling_findings.PolicyNotExecutable: lambda found: validation(  # unsourced
        f"Policies of type {found.kind} cannot be executed. Policy: {found.name}"
    ),
    scaling_findings.PolicyDisabled: lambda found: validation(f"Policy {found.name} is disabled"),  # unsourced
    scaling_findings.BreachMissing: _breach,
    scaling_findings.NoStepFound: _no_step,
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
    mix_findings.MixWithoutTemplate: lambda _: validation(
        "Valid requests must contain either launchTemplateId or LaunchTemplateName"
    ),
    mix_findings.WeightsIncomplete: lambda found: validation(  # unsourced
        "The Auto Scaling group has running instances of types without a defined WeightedCapacity:"
        f" {', '.join(found.types)}"
    ),
    mix_findings.CapacityTypeUnfit: lambda found: validation(  # unsourced
        f"DesiredCapacityType {found.type} is only supported with instance requirements"
    ),
    mix_findings.TemplateAsksSpot: lambda _: validation(  # unsourced
        "You cannot use a launch template that is set to request Spot Instances (InstanceMarketOptions) when you"
        " configure an Auto Scaling group with a mixed instances policy. Add a different launch template to the group"
        " and try again."
    ),
    mix_findings.SpotRefused: lambda _: validation(  # unsourced
        "Spot Instances are not available: this cloud has no preemptible class of servers. Set"
        " OnDemandPercentageAboveBaseCapacity to 100, or ask the operator to map one."
    ),
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
    # Source: stackd, warm_pool_native.
    warm_pool_findings.WarmPoolNotFound: lambda found: validation(
        f"No warm pool found for Auto Scaling group '{found.cluster}'."
    ),
    # Source: stackd, warm_pool_return_abandon_native.
    warm_pool_findings.WarmPoolInUse: lambda _: AWSError(
        "ResourceInUse",
        "You cannot delete a warm pool while there are instances still in it unless you use the force delete option.",
    ),
    # unsourced
    warm_pool_findings.WarmPoolBusy: lambda _: AWSError(
        "ScalingActivityInProgress",
        "You cannot delete a warm pool while there are scaling activities in progress for that group.",
    ),
    # unsourced
    warm_pool_findings.WarmPoolUnfit: lambda found: validation(_UNFIT_MIX[found.joining][found.why]),
    # unsourced
    warm_pool_findings.WarmPoolDeleting: lambda _: validation(
        "The warm pool may not be modified while it is pending delete"
    ),
    **_REFRESHES,
    lifecycle_findings.TargetUnreached: _target,
    cluster_findings.ClusterManaged: lambda found: AWSError(  # unsourced
        "AccessDenied", f"Only its operator {found.operator} can change the AutoScalingGroup {found.name}.", 403
    ),
    cluster_findings.ProcessSuspended: _suspended,
    launch_findings.DirectLaunchRefused: _not_launchable,
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
    # unsourced
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
    errors.CommitUnknown: _unavailable,
    errors.OutcomeUnclear: _unavailable,
    errors.NotPermitted: lambda _: AWSError(  # unsourced
        "AccessDenied", "The service may not act in this account. Check the delegation of its cloud project.", 403
    ),
    errors.CloudRefused: lambda found: validation(f"The request was refused: {found.detail}"),  # unsourced
}

register("autoscaling", TABLE)
