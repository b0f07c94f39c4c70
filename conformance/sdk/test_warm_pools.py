"""boto3: warm pools are filled, drawn from, gone back into and deleted, with the hooks' ways told."""

from __future__ import annotations

from typing import Any

from conformance.clients import refused
from conformance.fleet import Fleet, unique
from conformance.product import until


def create(fleet: Fleet, maximum: int) -> str:
    name = unique("warm")
    fleet.made.append(name)
    fleet.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=maximum,
        DesiredCapacity=0,
        LaunchTemplate={"LaunchTemplateName": fleet.template},
        VPCZoneIdentifier=",".join(fleet.subnets.values()),
    )
    return name


def pooled(fleet: Fleet, group: str) -> dict[str, str]:
    """The members of the pool: instance -> state."""
    answer = fleet.autoscaling.describe_warm_pool(AutoScalingGroupName=group)
    return {one["InstanceId"]: one["LifecycleState"] for one in answer["Instances"]}


def comes_to(fleet: Fleet, group: str, *states: str) -> list[str]:
    until(f"the pool of {group} is {states}", lambda: sorted(pooled(fleet, group).values()) == sorted(states))
    return list(pooled(fleet, group))


def told(fleet: Fleet, group: str) -> dict[str, Any]:
    (one,) = fleet.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    return dict(one)


def test_a_pool_is_filled_drawn_from_and_gone_back_into(fleet: Fleet) -> None:
    group = create(fleet, 1)
    pool = {"AutoScalingGroupName": group, "InstanceReusePolicy": {"ReuseOnScaleIn": True}}
    fleet.autoscaling.put_warm_pool(**pool)
    (instance,) = comes_to(fleet, group, "Warmed:Stopped")
    (first,) = fleet.activities(group)
    assert first["Description"] == f"Launching a new EC2 instance into warm pool: {instance}"
    assert "put a new WarmPool with MinSize: 0 and MaxGroupPreparedCapacity: null changing" in first["Cause"]
    assert (told(fleet, group)["Instances"], told(fleet, group)["WarmPoolSize"]) == ([], 1)
    (server,) = fleet.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
    assert server["State"]["Name"] == "stopped"

    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=1)
    until("it serves", lambda: fleet.ids(group, "InService") == [instance])
    assert fleet.activities(group)[0]["Description"] == f"Launching a new EC2 instance from warm pool: {instance}"
    assert pooled(fleet, group) == {}

    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=0)
    assert comes_to(fleet, group, "Warmed:Stopped") == [instance]
    last = fleet.activities(group)[0]
    assert last["Description"] == f"Scaling in EC2 instance into warm pool: {instance}"
    assert last["Cause"].endswith(f"instance {instance} was selected for scale in to warm pool.")
    with refused("ResourceInUse"):
        fleet.autoscaling.delete_warm_pool(AutoScalingGroupName=group)
    fleet.autoscaling.delete_warm_pool(AutoScalingGroupName=group, ForceDelete=True)
    until("the pool is gone", lambda: "WarmPoolConfiguration" not in told(fleet, group))
    assert fleet.activities(group)[0]["Description"] == f"Terminating EC2 instance from warm pool: {instance}"
    with refused("ValidationError", "No warm pool found"):
        fleet.autoscaling.delete_warm_pool(AutoScalingGroupName=group)
