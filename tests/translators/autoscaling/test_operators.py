"""Groups that have an operator: who may change them, and lists without them."""

from dataclasses import replace

import pytest

from backend.domain.cluster_findings import NodeNotInCluster
from tests.factories import OTHER, SCOPE
from translators.callers import names_of
from translators.registry import Caller

MINE = replace(SCOPE, names=frozenset({"eks"}))
SIZES = {"MinSize": 0, "MaxSize": 4, "AvailabilityZones": ["us-east-1a"]}


@pytest.fixture
def managed(world):
    """A group that ``eks`` operates, beside one that nobody does."""
    world.group()
    source = {"LaunchConfigurationName": "lc", **SIZES, "Operator": {"Principal": "eks"}}
    world.call("CreateAutoScalingGroup", scope=MINE, AutoScalingGroupName="nodes", **source)
    (cluster,) = [
        view.cluster for view in world.backend.clusters.page(SCOPE, limit=9).items if view.cluster.name == "nodes"
    ]
    return cluster


def test_it_is_told(world, managed):
    told = {each["AutoScalingGroupName"]: each for each in world.call("DescribeAutoScalingGroups")["AutoScalingGroups"]}
    assert told["nodes"]["Operator"] == {"Principal": "eks"}
    assert "Operator" not in told["web"]


CHANGES = {
    "UpdateAutoScalingGroup": {"MinSize": 1},
    "SetDesiredCapacity": {"DesiredCapacity": 1},
    "DeleteAutoScalingGroup": {},
    "SuspendProcesses": {},
    "EnableMetricsCollection": {"Granularity": "1Minute"},
    "PutLifecycleHook": {"LifecycleHookName": "h", "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"},
    "PutScheduledUpdateGroupAction": {"ScheduledActionName": "s", "Recurrence": "0 9 * * *", "MinSize": 1},
    "SetInstanceProtection": {"InstanceIds": ["i-0123456789abcdef0"], "ProtectedFromScaleIn": True},
    "DetachInstances": {"InstanceIds": ["i-0123456789abcdef0"], "ShouldDecrementDesiredCapacity": True},
}


@pytest.mark.parametrize(("operation", "params"), CHANGES.items())
def test_nobody_else_changes_it(world, managed, refused, operation, params):
    error = refused(operation, AutoScalingGroupName="nodes", **params)
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message == "Only its operator eks can change the AutoScalingGroup nodes."
    if "InstanceIds" in params:
        with pytest.raises(NodeNotInCluster):
            world.call(operation, scope=MINE, AutoScalingGroupName="nodes", **params)
    else:
        world.call(operation, scope=MINE, AutoScalingGroupName="nodes", **params)


def test_its_instances_are_changed_by_nobody_else(world, managed, refused):
    (node,) = world.put(managed, "n")
    instance = {"InstanceId": f"i-{node.server_id.replace('-', '')[:17]}"}
    tag = {"ResourceId": "nodes", "ResourceType": "auto-scaling-group", "Key": "k", "Value": "v"}
    for operation, params in (
        ("SetInstanceHealth", {**instance, "HealthStatus": "Unhealthy"}),
        ("TerminateInstanceInAutoScalingGroup", {**instance, "ShouldDecrementDesiredCapacity": False}),
        ("CreateOrUpdateTags", {"Tags": [tag]}),
    ):
        assert refused(operation, **params).code == "AccessDenied"
        world.call(operation, scope=MINE, **params)


def test_one_is_named_by_itself_alone(world, refused):
    world.group()
    source = {"LaunchConfigurationName": "lc", **SIZES, "Operator": {"Principal": "eks"}}
    assert refused("CreateAutoScalingGroup", AutoScalingGroupName="nodes", **source).code == "AccessDenied"


def test_lists_leave_it_out_where_that_is_wanted(world, managed):
    (node,) = world.put(managed, "n")
    for name, scope in (("web", SCOPE), ("nodes", MINE)):
        tag = {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": "k", "Value": "v"}
        world.call("CreateOrUpdateTags", scope=scope, Tags=[tag])
        schedule = {"ScheduledActionName": "s", "Recurrence": "0 9 * * *", "MinSize": 1}
        world.call("PutScheduledUpdateGroupAction", scope=scope, AutoScalingGroupName=name, **schedule)
        policy = {"PolicyName": "p", "AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": 1}
        world.call("PutScalingPolicy", scope=scope, AutoScalingGroupName=name, **policy)
    world.call(
        "SetInstanceHealth", scope=MINE, InstanceId=f"i-{node.server_id.replace('-', '')[:17]}", HealthStatus="Healthy"
    )
    params = {"InstanceId": f"i-{node.server_id.replace('-', '')[:17]}", "ShouldDecrementDesiredCapacity": False}
    world.call("TerminateInstanceInAutoScalingGroup", scope=MINE, **params)
    lists = {
        "DescribeAutoScalingGroups": "AutoScalingGroups",
        "DescribeAutoScalingInstances": "AutoScalingInstances",
        "DescribeTags": "Tags",
        "DescribeScheduledActions": "ScheduledUpdateGroupActions",
        "DescribeScalingActivities": "Activities",
        "DescribeNotificationConfigurations": "NotificationConfigurations",
        "DescribePolicies": "ScalingPolicies",
    }

    def groups(**more):
        told = [each for operation, member in lists.items() for each in world.call(operation, **more)[member]]
        return {each.get("AutoScalingGroupName") or each.get("ResourceId") for each in told}

    assert groups() == groups(IncludeManagedResources=True) == {"web", "nodes"}
    assert groups(IncludeManagedResources=False) == {"web"}
    assert world.call("DescribeAutoScalingGroups", AutoScalingGroupNames=["nodes"], IncludeManagedResources=False) == {
        "AutoScalingGroups": []
    }


def test_what_callers_go_by():
    user = Caller("AK", "id", "eks", OTHER.project_id)
    assert names_of(user, "123456789012") == {"eks", "arn:aws:iam::123456789012:user/eks"}
    role = replace(user, user_name="me", assumed_role="deploy/me")
    assert names_of(role, "123456789012") == {
        "arn:aws:iam::123456789012:role/deploy",
        "arn:aws:sts::123456789012:assumed-role/deploy/me",
    }
    odd = replace(user, user_name="arn:aws:iam::123456789012:role/deploy")
    assert "arn:aws:iam::123456789012:role/deploy" not in names_of(odd, "123456789012")
