"""Lists of what no group can have yet: clients poll them, and are told the truth."""

import pytest

OF_A_GROUP = {
    "DescribeLifecycleHooks": "LifecycleHooks",
    "DescribeInstanceRefreshes": "InstanceRefreshes",
    "DescribePolicies": "ScalingPolicies",
    "DescribeLoadBalancers": "LoadBalancers",
    "DescribeLoadBalancerTargetGroups": "LoadBalancerTargetGroups",
    "DescribeTrafficSources": "TrafficSources",
    "DescribeWarmPool": "Instances",
}


# Source: conformance/recorded; of refreshes a report of cluster-api-provider-aws.
UNKNOWN = {
    "DescribeInstanceRefreshes": "AutoScalingGroup x not found",
    "DescribeWarmPool": "No such Auto Scaling group: x",
}


@pytest.mark.parametrize(("operation", "member"), OF_A_GROUP.items())
def test_of_a_group(world, refused, operation, member):
    world.group()
    assert world.call(operation, AutoScalingGroupName="web") == {member: []}
    error = refused(operation, AutoScalingGroupName="x")
    words = UNKNOWN.get(operation, "AutoScalingGroup 'x' not found")
    assert error.message == f"AutoScalingGroup name not found - {words}"


@pytest.mark.parametrize("operation", sorted(set(OF_A_GROUP) - {"DescribeLifecycleHooks"}))
def test_paging_is_checked(world, refused, operation):
    world.group()
    assert "'maxRecords'" in refused(operation, AutoScalingGroupName="web", MaxRecords=101).message
    assert refused(operation, AutoScalingGroupName="web", NextToken="bad").code == "InvalidNextToken"


def test_of_no_group(world):
    assert world.call("DescribePolicies") == {"ScalingPolicies": []}
    params = {"AutoScalingGroupNames": ["x"]}
    assert world.call("DescribeNotificationConfigurations", **params) == {"NotificationConfigurations": []}
