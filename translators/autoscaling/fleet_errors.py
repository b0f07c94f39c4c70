"""Errors about fleets: mixes, instance refreshes, warm pools and launches by number; a part of Auto Scaling's table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from backend.domain import launch_findings, mix_findings, refresh_findings, warm_pool_findings
from backend.domain.refresh_findings import RefreshFlaw
from backend.domain.warm_pool_findings import UnfitMix
from translators.autoscaling.refusals import validation
from translators.errors import AWSError, Table

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
        UnfitMix.CAPACITY_TYPE: "You can't add a warm pool to an Auto Scaling group whose desired capacity type is not"
        " units",  # unsourced
    },
    {  # unsourced
        UnfitMix.SPOT: "You can't request Spot Instances for an Auto Scaling group that has a warm pool",
        UnfitMix.WEIGHTS: "You can't use instance weights for an Auto Scaling group that has a warm pool",
        UnfitMix.CAPACITY_TYPE: "You can't use a desired capacity type other than units for an Auto Scaling group that"
        " has a warm pool",
    },
)
"""What of a mix no warm pool goes with: for a pool that comes to a mix, and for a mix that comes to a pool."""

_IRREVERSIBLE: Final = (
    "The request failed because a desired configuration was not found or an incompatible launch template (uses a"
    " Systems Manager parameter instead of an AMI ID) or launch template version ($Latest or $Default) is present on"
    " the Auto Scaling group."
)

# Source: of launch configurations the User Guide's words; else unsourced.
_FLAWS: Final[Mapping[RefreshFlaw, str]] = {
    RefreshFlaw.NOT_REVERSIBLE: _IRREVERSIBLE,
    RefreshFlaw.SKIPS_CONFIGURATION: "Using skip matching with a launch configuration is not supported.",
    RefreshFlaw.NEEDS_MIX: "ReplaceRootVolume requires an Auto Scaling group, and a desired"
    " configuration, with a mixed instances policy.",
    RefreshFlaw.NEEDS_IMAGES: "ReplaceRootVolume requires an ImageId in every launch template override"
    " of the desired configuration.",
    RefreshFlaw.MOVING_VERSION: "ReplaceRootVolume requires a launch template version other than $Latest and $Default.",
    RefreshFlaw.FOREIGN_TYPES: "ReplaceRootVolume requires the instance types of all instances in the"
    " launch template overrides of the desired configuration.",
    RefreshFlaw.WARM_POOL: "ReplaceRootVolume is not supported for an Auto Scaling group that has a warm pool.",
}


def _no_refresh(found: refresh_findings.NoRefresh) -> AWSError:
    which = "No in progress or baking" if found.rollback else "No in progress, baking, pending, or cancelling"
    words = f"{which} Instance Refresh found for Auto Scaling group {found.cluster}."
    return AWSError("ActiveInstanceRefreshNotFound", words)


TABLE: Final[Table] = {
    launch_findings.DirectLaunchRefused: _not_launchable,
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
    mix_findings.StrategyUnfit: lambda found: validation(
        f"The {found.strategy} allocation strategy is not compatible with instance requirements"
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
    # Source: conformance/recorded refresh_native; of what cannot go back the model's own words; of a refused update
    # Floci.
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
    refresh_findings.RefreshRefused: lambda found: validation(_FLAWS[found.flaw]),
    refresh_findings.RefreshForbidsPool: lambda _: AWSError(  # unsourced
        "InstanceRefreshInProgress", "The instance refresh that is in progress does not support warm pools."
    ),
    # unsourced
    refresh_findings.AlarmNotFound: lambda found: validation(f"CloudWatch alarm {found.alarm} does not exist."),
    refresh_findings.AlarmRings: lambda found: validation(f"CloudWatch alarm {found.alarm} is in the ALARM state."),
}
