"""Warm pools through their operations: what is merged, told and refused."""

from __future__ import annotations

import pytest

from backend.domain.node import NodeState
from tests.factories import SCOPE

WEB = {"AutoScalingGroupName": "web"}
GROUP_UNKNOWN = "AutoScalingGroup name not found - No such Auto Scaling group: web"


@pytest.fixture
def put(world):
    world.group(minimum=0, maximum=4, desired=0)

    def ask(**params):
        world.call("PutWarmPool", **WEB, **params)
        return world.call("DescribeWarmPool", **WEB)["WarmPoolConfiguration"]

    return ask


def test_what_is_left_out_is_as_usual(put):
    assert put() == {"MinSize": 0, "PoolState": "Stopped"}


def test_a_put_merges(put):
    """Source: stackd warm_pool_native; hashicorp/terraform-provider-aws #44732."""
    whole = {"MinSize": 2, "MaxGroupPreparedCapacity": 0, "InstanceReusePolicy": {"ReuseOnScaleIn": False}}
    assert put(**whole, PoolState="Running") == {**whole, "PoolState": "Running"}
    assert put(PoolState="Hibernated") == {**whole, "PoolState": "Hibernated"}
    cleared = put(MaxGroupPreparedCapacity=-1)
    assert "MaxGroupPreparedCapacity" not in cleared
    assert cleared["MinSize"] == 2


def test_the_group_repeats_it(world, put):
    told = put(MinSize=1)
    (group,) = world.call("DescribeAutoScalingGroups")["AutoScalingGroups"]
    assert (group["WarmPoolConfiguration"], group["WarmPoolSize"]) == (told, 0)


def test_members_are_told_in_the_pool_and_not_in_the_group(world, put):
    put()
    cluster = world.backend.clusters.get(SCOPE, "web")
    for name, state in (("a", NodeState.WARMED_STOPPED), ("b", NodeState.WARMED_TERMINATING_WAIT)):
        world.put(cluster, name, state=state)
    first = world.call("DescribeWarmPool", **WEB, MaxRecords=1)
    second = world.call("DescribeWarmPool", **WEB, MaxRecords=1, NextToken=first["NextToken"])
    (one,), (other,) = first["Instances"], second["Instances"]
    assert {one["LifecycleState"], other["LifecycleState"]} == {"Warmed:Stopped", "Warmed:Terminating:Wait"}
    assert "NextToken" not in second
    assert (one["HealthStatus"], "ProtectedFromScaleIn" in one) == ("Healthy", False)
    (group,) = world.call("DescribeAutoScalingGroups")["AutoScalingGroups"]
    assert (group["Instances"], group["WarmPoolSize"]) == ([], 2)
    (shown, _) = world.call("DescribeAutoScalingInstances")["AutoScalingInstances"]
    assert (shown["HealthStatus"], shown["ProtectedFromScaleIn"]) == ("HEALTHY", False)


def test_a_forced_deletion_is_told_while_it_lasts(world, put, refused):
    put(MaxGroupPreparedCapacity=3, PoolState="Running")
    world.put(world.backend.clusters.get(SCOPE, "web"), "a", state=NodeState.WARMED_RUNNING)
    in_use = refused("DeleteWarmPool", **WEB)
    assert (in_use.code, in_use.message) == (
        "ResourceInUse",
        "You cannot delete a warm pool while there are instances still in it unless you use the force delete option.",
    )
    world.call("DeleteWarmPool", **WEB, ForceDelete=True)
    assert world.call("DescribeWarmPool", **WEB)["WarmPoolConfiguration"] == {
        "MinSize": 0,
        "MaxGroupPreparedCapacity": 0,
        "PoolState": "Running",
        "Status": "PendingDelete",
    }
    world.call("DeleteWarmPool", **WEB, ForceDelete=True)
    assert refused("PutWarmPool", **WEB).code == "ValidationError"


def test_an_empty_pool_goes_at_once(world, put, refused):
    put()
    world.call("DeleteWarmPool", **WEB)
    assert world.call("DescribeWarmPool", **WEB) == {"Instances": []}
    error = refused("DeleteWarmPool", **WEB)
    assert (error.code, error.message) == (
        "ValidationError",
        "No warm pool found for Auto Scaling group 'web'.",
    )


def test_a_group_whose_pool_holds_instances_is_in_use(world, put, refused):
    put()
    world.put(world.backend.clusters.get(SCOPE, "web"), "a", state=NodeState.WARMED_STOPPED)
    assert refused("DeleteAutoScalingGroup", **WEB).code == "ResourceInUse"
    world.call("DeleteAutoScalingGroup", **WEB, ForceDelete=True)
    (group,) = world.call("DescribeAutoScalingGroups")["AutoScalingGroups"]
    assert group["WarmPoolConfiguration"]["Status"] == "PendingDelete"


def test_an_empty_pool_hinders_no_deletion(world, put):
    """Source: stackd warm_pool_return_abandon_native.empty-pool-group-delete."""
    put()
    world.call("DeleteAutoScalingGroup", **WEB)
    assert world.call("DescribeAutoScalingGroups") == {"AutoScalingGroups": []}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            {"MinSize": -1},
            "'-1' at 'minSize' failed to satisfy constraint: Member must have value greater than or equal to 0",
        ),
        (
            {"MaxGroupPreparedCapacity": -2},
            (
                "'-2' at 'maxGroupPreparedCapacity' failed to satisfy constraint: Member must have value greater than or"
                " equal to -1"
            ),
        ),
    ],
)
def test_refusals(refused, put, params, words):
    assert refused("PutWarmPool", **WEB, **params).message == f"1 validation error detected: Value {words}"


@pytest.mark.parametrize("operation", ["PutWarmPool", "DescribeWarmPool", "DeleteWarmPool"])
def test_a_group_that_is_not_there(refused, operation):
    assert refused(operation, **WEB).message == GROUP_UNKNOWN


def test_one_that_leaves_or_comes_is_not_for_users(world, put, refused):
    put()
    world.put(world.backend.clusters.get(SCOPE, "web"), "a", state=NodeState.WARMED_STOPPED)
    (one,) = world.call("DescribeWarmPool", **WEB)["Instances"]
    server = one["InstanceId"]
    error = refused("SetInstanceProtection", **WEB, InstanceIds=[server], ProtectedFromScaleIn=True)
    assert error.message == f"The instance {server} is not in InService or EnteringStandby or Standby."
    for operation, params in (
        ("EnterStandby", {"InstanceIds": [server], **WEB, "ShouldDecrementDesiredCapacity": False}),
        ("DetachInstances", {"InstanceIds": [server], **WEB, "ShouldDecrementDesiredCapacity": False}),
        ("TerminateInstanceInAutoScalingGroup", {"InstanceId": server, "ShouldDecrementDesiredCapacity": False}),
    ):
        assert refused(operation, **params).code == "ValidationError"
