"""A group's members both ways: what each input member means to the engine, and where each output member comes from.

``INPUT`` names every member of CreateAutoScalingGroup and UpdateAutoScalingGroup, ``OUTPUT`` every member of
AutoScalingGroup; a test holds both against the model, so a member that AWS adds cannot be dropped in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from backend.domain.cluster import DeletionProtection, TerminationRule, ZoneDistribution
from backend.domain.consultations import CONSULTANTS
from backend.domain.web_addresses import shown, web_address
from translators.autoscaling.errors import constraint, unsupported, validation

Values = dict[str, Any]
Reader = Callable[[Any], Values]

DAY_SECONDS: Final = 86_400
LIFETIME_SECONDS: Final = 365 * DAY_SECONDS
MAXIMUM_COUNT: Final = 2**31 - 1
HEALTH_CHECKS: Final = ("EC2", "EBS", "ELB", "VPC_LATTICE")
CAPACITY_TYPES: Final = ("units", "vcpu", "memory-mib")


class Fate(StrEnum):
    """What becomes of a member."""

    HONOURED = "honoured"
    REFUSED = "refused"  # a value that asks for anything is refused by name
    ELSEWHERE = "elsewhere"  # honoured by groups.py: names, source, placement, tags
    COMPUTED = "computed"  # output: from the cluster's own rows


def _count(member: str, field: str) -> Reader:
    def read(value: int) -> Values:
        return {field: _within(value, member, 0, MAXIMUM_COUNT)}

    return read


def _minimum(value: int) -> Values:
    if value < 0:
        raise validation(f"Min bound, {value}, must be non-negative")
    return _count("MinSize", "minimum")(value)


def _grace(value: int) -> Values:
    if value < 0:
        raise validation("Grace period must be a positive integer.")
    return _count("HealthCheckGracePeriod", "health_grace_seconds")(value)


def _within(value: int, member: str, least: int, most: int) -> int:
    wire = member[0].lower() + member[1:]
    if value < least:
        raise constraint(value, wire, f"Member must have value greater than or equal to {least}")
    if value > most:
        raise constraint(value, wire, f"Member must have value less than or equal to {most}")
    return value


def _plain(field: str) -> Reader:
    return lambda value: {field: value}


def _health_checks(value: str) -> Values:
    kinds = tuple(dict.fromkeys(kind.strip() for kind in value.split(",")))
    for kind in kinds:
        if kind not in HEALTH_CHECKS:
            # unsourced
            raise validation(f"Invalid HealthCheckType: {value}. Valid values are EC2, EBS, ELB and VPC_LATTICE.")
    if "EC2" in kinds and len(kinds) > 1:
        raise validation(
            "Specifying EC2 in addition to other health check types is not supported. Remove EC2 from HealthCheckType"
            " and try again."
        )
    return {"health_checks": kinds}


def _termination(value: list[str]) -> Values:
    for position, rule in enumerate(value):
        if rule.startswith("arn:"):
            raise unsupported("TerminationPolicies with a Lambda function", "a URL in its place is asked instead")
        if rule.startswith(CONSULTANTS):
            if position > 0:
                raise validation("A custom termination policy must be the first one of the list.")  # unsourced
            if web_address(rule) is None:
                raise validation(f"Invalid termination policy: {shown(rule)} is no URL that can be asked.")  # unsourced
            continue
        if rule not in set(TerminationRule):
            # unsourced
            raise validation(f"Invalid termination policy: {rule}. Valid values: [{', '.join(TerminationRule)}]")
    return {"termination_rules": tuple(value) or (TerminationRule.DEFAULT.value,)}


def _lifetime(value: int) -> Values:
    if value == 0:
        return {"maximum_lifetime_seconds": None}
    if not DAY_SECONDS <= value <= LIFETIME_SECONDS:
        raise validation(
            f"maxInstanceLifetime must be between {DAY_SECONDS} and {LIFETIME_SECONDS} seconds (inclusive)."
        )
    return {"maximum_lifetime_seconds": value}


def _warmup(value: int) -> Values:
    # -1 takes a value away that was set before.
    value = _within(value, "DefaultInstanceWarmup", -1, MAXIMUM_COUNT)
    return {"warmup_seconds": None if value == -1 else value}


def _maintenance(value: Mapping[str, int]) -> Values:
    least, most = value.get("MinHealthyPercentage"), value.get("MaxHealthyPercentage")
    if least is None or most is None:
        # unsourced
        raise validation("InstanceMaintenancePolicy needs both MinHealthyPercentage and MaxHealthyPercentage.")
    if (least == -1) is not (most == -1):
        raise validation("To clear the InstanceMaintenancePolicy, set both of its percentages to -1.")  # unsourced
    if least == -1:
        return {"maintenance_minimum_percent": None, "maintenance_maximum_percent": None}
    _within(least, "instanceMaintenancePolicy.minHealthyPercentage", 0, 100)
    _within(most, "instanceMaintenancePolicy.maxHealthyPercentage", 100, 200)
    if most - least > 100:
        raise validation(
            "The difference between MaxHealthyPercentage and MinHealthyPercentage must be less than or equal to 100."
        )
    return {"maintenance_minimum_percent": least, "maintenance_maximum_percent": most}


def _distribution(value: Mapping[str, str]) -> Values:
    strategy = value.get("CapacityDistributionStrategy", ZoneDistribution.BEST_EFFORT.value)
    if strategy not in set(ZoneDistribution):
        raise unsupported(f"CapacityDistributionStrategy {strategy}", "there are no capacity reservations")
    return {"zone_distribution": ZoneDistribution(strategy)}


def _impairment(value: Mapping[str, Any]) -> Values:
    if value.get("ZonalShiftEnabled"):
        raise unsupported("ZonalShiftEnabled")
    behaviour = value.get("ImpairedZoneHealthCheckBehavior")
    return {"ignore_impaired_zones": None if behaviour is None else behaviour == "IgnoreUnhealthy"}


def _reservations(value: Mapping[str, Any]) -> Values:
    target = value.get("CapacityReservationTarget") or {}
    preference = value.get("CapacityReservationPreference")
    if target.get("CapacityReservationIds") or target.get("CapacityReservationResourceGroupArns"):
        if preference in {"default", "none"}:
            raise validation(
                "You can't specify CapacityReservationPreference as default or none and provide a"
                " CapacityReservationTarget in the same request."
            )
        raise unsupported("CapacityReservationTarget", "there are no capacity reservations")
    if preference not in {None, "default", "none"}:
        raise unsupported(f"CapacityReservationPreference {preference}", "there are no capacity reservations")
    return {"reservation_preference": preference}


def _lifecycle(value: Mapping[str, Any]) -> Values:
    trigger = (value.get("RetentionTriggers") or {}).get("TerminateHookAbandon")
    return {} if trigger is None else {"retain_abandoned": trigger == "retain"}


def _capacity_type(value: str) -> Values:
    if value not in CAPACITY_TYPES:
        # unsourced
        raise validation(f"Invalid DesiredCapacityType: {value}. Valid values: [{', '.join(CAPACITY_TYPES)}]")
    return {"capacity_type": value}


def _role(value: str) -> Values:
    if not value.startswith("arn:"):
        raise validation(f"Invalid ServiceLinkedRoleARN: {value}")
    return {"service_role": value}


def _operator(value: Mapping[str, str]) -> Values:
    return {"operator": value.get("Principal")}


def _placement_group(value: str) -> Values:
    # An empty name takes a group away that was set before.
    return {"server_group": value or None}


READERS: Final[Mapping[str, Reader]] = {
    "MinSize": _minimum,
    "MaxSize": _count("MaxSize", "maximum"),
    "DesiredCapacity": _count("DesiredCapacity", "desired"),
    "DefaultCooldown": _count("DefaultCooldown", "cooldown_seconds"),
    "HealthCheckType": _health_checks,
    "HealthCheckGracePeriod": _grace,
    "TerminationPolicies": _termination,
    "NewInstancesProtectedFromScaleIn": _plain("protect_new"),
    "CapacityRebalance": _plain("capacity_rebalance"),
    "DeletionProtection": lambda value: {"deletion_protection": DeletionProtection(value)},
    "ServiceLinkedRoleARN": _role,
    "MaxInstanceLifetime": _lifetime,
    "Context": _plain("context"),
    "DesiredCapacityType": _capacity_type,
    "DefaultInstanceWarmup": _warmup,
    "InstanceMaintenancePolicy": _maintenance,
    "AvailabilityZoneDistribution": _distribution,
    "AvailabilityZoneImpairmentPolicy": _impairment,
    "CapacityReservationSpecification": _reservations,
    "InstanceLifecyclePolicy": _lifecycle,
    "PlacementGroup": _placement_group,
    "SkipZonalShiftValidation": lambda _: {},
    "Operator": _operator,
}
"""Input member -> the fields of the engine's spec it sets; raises the refusal of a value that is not honoured."""

INPUT: Final[Mapping[str, Fate]] = {
    **dict.fromkeys(READERS, Fate.HONOURED),
    **dict.fromkeys(
        (
            "AutoScalingGroupName",
            "LaunchConfigurationName",
            "LaunchTemplate",
            "MixedInstancesPolicy",
            "InstanceId",
            "AvailabilityZones",
            "AvailabilityZoneIds",
            "VPCZoneIdentifier",
            "Tags",
            "TargetGroupARNs",
            "LoadBalancerNames",
            "TrafficSources",
            "LifecycleHookSpecificationList",
        ),
        Fate.ELSEWHERE,
    ),
}

OUTPUT: Final[Mapping[str, Fate]] = {
    **dict.fromkeys(
        (
            "AutoScalingGroupName",
            "AutoScalingGroupARN",
            "LaunchConfigurationName",
            "LaunchTemplate",
            "MinSize",
            "MaxSize",
            "DesiredCapacity",
            "DefaultCooldown",
            "AvailabilityZones",
            "LoadBalancerNames",
            "TargetGroupARNs",
            "HealthCheckType",
            "HealthCheckGracePeriod",
            "Instances",
            "CreatedTime",
            "SuspendedProcesses",
            "VPCZoneIdentifier",
            "EnabledMetrics",
            "Status",
            "Tags",
            "TerminationPolicies",
            "NewInstancesProtectedFromScaleIn",
            "ServiceLinkedRoleARN",
            "MaxInstanceLifetime",
            "CapacityRebalance",
            "Context",
            "DesiredCapacityType",
            "DefaultInstanceWarmup",
            "TrafficSources",
            "InstanceMaintenancePolicy",
            "DeletionProtection",
            "AvailabilityZoneDistribution",
            "AvailabilityZoneIds",
            "AvailabilityZoneImpairmentPolicy",
            "CapacityReservationSpecification",
            "InstanceLifecyclePolicy",
            "PlacementGroup",
            "Operator",
            "WarmPoolConfiguration",
            "WarmPoolSize",
            "MixedInstancesPolicy",
            "PredictedCapacity",
        ),
        Fate.COMPUTED,
    ),
}


def values_of(params: Mapping[str, Any]) -> Values:
    """The fields of the engine's spec that a request sets.

    Raises:
        AWSError: a value is invalid or not honoured.
    """
    values: Values = {}
    for member, value in params.items():
        reader = READERS.get(member)
        if reader is not None:
            values |= reader(value)
    return values
