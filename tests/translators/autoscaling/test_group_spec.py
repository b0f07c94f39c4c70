"""Each member both ways: honoured or refused by name, and none that the model has is unknown."""

import botocore.session
import pytest

from backend.domain.cluster import DeletionProtection, ZoneDistribution
from translators.autoscaling import group_spec, launch_configurations
from translators.autoscaling.group_spec import Fate
from translators.errors import AWSError

MODEL = botocore.session.get_session().get_service_model("autoscaling")


@pytest.mark.parametrize("operation", ["CreateAutoScalingGroup", "UpdateAutoScalingGroup"])
def test_every_input_member_is_known(operation):
    members = set(MODEL.operation_model(operation).input_shape.members)
    assert members - set(group_spec.INPUT) == set()


def test_every_input_member_of_the_table_is_one():
    assert set(group_spec.READERS) <= set(group_spec.INPUT)
    assert {name for name, fate in group_spec.INPUT.items() if fate is not Fate.ELSEWHERE} == set(group_spec.READERS)


def test_every_output_member_is_known():
    assert set(MODEL.shape_for("AutoScalingGroup").members) - set(group_spec.OUTPUT) == set()


def test_every_member_of_a_launch_configuration_is_known():
    shape = MODEL.operation_model("CreateLaunchConfiguration").input_shape
    assert set(shape.members) - launch_configurations.MEMBERS == set()


@pytest.mark.parametrize(
    ("member", "value", "values"),
    [
        ("MinSize", 0, {"minimum": 0}),
        ("MaxSize", 5, {"maximum": 5}),
        ("DesiredCapacity", 2, {"desired": 2}),
        ("DefaultCooldown", 0, {"cooldown_seconds": 0}),
        ("HealthCheckType", "EC2", {"health_checks": ("EC2",)}),
        ("HealthCheckType", "ELB, VPC_LATTICE,ELB", {"health_checks": ("ELB", "VPC_LATTICE")}),
        ("HealthCheckGracePeriod", 300, {"health_grace_seconds": 300}),
        ("TerminationPolicies", ["OldestInstance", "Default"], {"termination_rules": ("OldestInstance", "Default")}),
        ("TerminationPolicies", [], {"termination_rules": ("Default",)}),
        ("NewInstancesProtectedFromScaleIn", True, {"protect_new": True}),
        ("CapacityRebalance", False, {"capacity_rebalance": False}),
        ("DeletionProtection", "prevent-all-deletion", {"deletion_protection": DeletionProtection.PREVENT_ALL}),
        ("ServiceLinkedRoleARN", "arn:aws:iam::1:role/x", {"service_role": "arn:aws:iam::1:role/x"}),
        ("MaxInstanceLifetime", 0, {"maximum_lifetime_seconds": None}),
        ("MaxInstanceLifetime", 86_400, {"maximum_lifetime_seconds": 86_400}),
        ("Context", "c", {"context": "c"}),
        ("DesiredCapacityType", "units", {"capacity_type": "units"}),
        ("DefaultInstanceWarmup", -1, {"warmup_seconds": None}),
        ("DefaultInstanceWarmup", 0, {"warmup_seconds": 0}),
        (
            "InstanceMaintenancePolicy",
            {"MinHealthyPercentage": 90, "MaxHealthyPercentage": 120},
            {"maintenance_minimum_percent": 90, "maintenance_maximum_percent": 120},
        ),
        (
            "InstanceMaintenancePolicy",
            {"MinHealthyPercentage": -1, "MaxHealthyPercentage": -1},
            {"maintenance_minimum_percent": None, "maintenance_maximum_percent": None},
        ),
        (
            "AvailabilityZoneDistribution",
            {"CapacityDistributionStrategy": "balanced-only"},
            {"zone_distribution": ZoneDistribution.ONLY},
        ),
        ("AvailabilityZoneDistribution", {}, {"zone_distribution": ZoneDistribution.BEST_EFFORT}),
        (
            "AvailabilityZoneImpairmentPolicy",
            {"ZonalShiftEnabled": False, "ImpairedZoneHealthCheckBehavior": "IgnoreUnhealthy"},
            {"ignore_impaired_zones": True},
        ),
        ("AvailabilityZoneImpairmentPolicy", {"ZonalShiftEnabled": False}, {"ignore_impaired_zones": None}),
        (
            "CapacityReservationSpecification",
            {"CapacityReservationPreference": "none", "CapacityReservationTarget": {"CapacityReservationIds": []}},
            {"reservation_preference": "none"},
        ),
        ("InstanceLifecyclePolicy", {}, {}),
        (
            "InstanceLifecyclePolicy",
            {"RetentionTriggers": {"TerminateHookAbandon": "terminate"}},
            {"retain_abandoned": False},
        ),
        (
            "InstanceLifecyclePolicy",
            {"RetentionTriggers": {"TerminateHookAbandon": "retain"}},
            {"retain_abandoned": True},
        ),
        ("PlacementGroup", "pg", {"server_group": "pg"}),
        ("PlacementGroup", "", {"server_group": None}),
        ("SkipZonalShiftValidation", True, {}),
        ("LoadBalancerNames", [], {}),
        ("LifecycleHookSpecificationList", [], {}),
        ("Tags", [{"Key": "k"}], {}),
    ],
)
def test_honoured(member, value, values):
    assert group_spec.values_of({member: value}) == values


@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        ("MinSize", -1, "Min bound, -1, must be non-negative"),
        ("MaxSize", 2**31, "at 'maxSize' failed to satisfy constraint: Member must have value less than or equal to"),
        ("DefaultCooldown", -1, "defaultCooldown"),
        ("HealthCheckGracePeriod", -1, "Grace period must be a positive integer."),
        ("HealthCheckType", "EC2,ELB", "Specifying EC2 in addition to other health check types"),
        ("HealthCheckType", "EC2,HTTP", "Invalid HealthCheckType: EC2,HTTP"),
        ("TerminationPolicies", ["Newest"], "Invalid termination policy: Newest"),
        ("TerminationPolicies", ["arn:aws:lambda:r:1:function:f"], "TerminationPolicies with a Lambda function"),
        ("TerminationPolicies", ["Default", "https://choose.example/"], "must be the first one of the list"),
        ("TerminationPolicies", ["https://me@choose.example/"], "is no URL that can be asked"),
        ("ServiceLinkedRoleARN", "role", "Invalid ServiceLinkedRoleARN"),
        ("MaxInstanceLifetime", 86_399, "maxInstanceLifetime must be between 86400 and 31536000 seconds"),
        ("MaxInstanceLifetime", -1, "maxInstanceLifetime must be between 86400 and 31536000 seconds"),
        ("MaxInstanceLifetime", 366 * 86_400, "maxInstanceLifetime must be between 86400 and 31536000 seconds"),
        ("DesiredCapacityType", "pounds", "Invalid DesiredCapacityType"),
        ("DefaultInstanceWarmup", -2, "defaultInstanceWarmup"),
        ("InstanceMaintenancePolicy", {"MinHealthyPercentage": 90}, "needs both"),
        (
            "InstanceMaintenancePolicy",
            {"MinHealthyPercentage": -1, "MaxHealthyPercentage": 110},
            "both of its percentages",
        ),
        ("InstanceMaintenancePolicy", {"MinHealthyPercentage": 50, "MaxHealthyPercentage": 99}, "maxHealthyPercentage"),
        ("InstanceMaintenancePolicy", {"MinHealthyPercentage": 50, "MaxHealthyPercentage": 151}, "difference"),
        (
            "AvailabilityZoneDistribution",
            {"CapacityDistributionStrategy": "reservations-then-balanced"},
            "reservations",
        ),
        ("AvailabilityZoneImpairmentPolicy", {"ZonalShiftEnabled": True}, "ZonalShiftEnabled is not supported"),
        ("CapacityReservationSpecification", {"CapacityReservationPreference": "capacity-reservations-only"}, "only"),
        (
            "CapacityReservationSpecification",
            {"CapacityReservationTarget": {"CapacityReservationIds": ["cr-1"]}},
            "CapacityReservationTarget is not supported",
        ),
        (
            "CapacityReservationSpecification",
            {
                "CapacityReservationPreference": "none",
                "CapacityReservationTarget": {"CapacityReservationIds": ["cr-1"]},
            },
            "You can't specify CapacityReservationPreference as default or none",
        ),
    ],
)
def test_refused_by_name(member, value, words):
    with pytest.raises(AWSError) as found:
        group_spec.values_of({member: value})
    assert found.value.code == "ValidationError"
    assert words in found.value.message
