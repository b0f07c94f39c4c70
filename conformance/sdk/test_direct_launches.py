"""boto3: instances that a caller waits for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from conformance.clients import refused
from conformance.fleet import Fleet, unique


def launched(answer: dict[str, Any]) -> list[str]:
    assert answer["Errors"] == []
    return [instance for made in answer["Instances"] for instance in made["InstanceIds"]]


def test_ids_come_with_the_answer_and_the_token_brings_them_again(fleet: Fleet, loose_asg: Any) -> None:
    name, token = fleet.create(1, maximum=4), unique("token")
    fleet.autoscaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["AZRebalance"])
    zone = min(fleet.subnets)
    asked = {"AutoScalingGroupName": name, "RequestedCapacity": 2, "ClientToken": token, "AvailabilityZones": [zone]}
    answer = fleet.autoscaling.launch_instances(**asked)
    (made,) = answer["Instances"]
    ids = launched(answer)
    assert len(set(ids)) == 2
    assert (made["InstanceType"], made["MarketType"], made["AvailabilityZone"]) == ("t3.micro", "OnDemand", zone)
    assert made["SubnetId"] == fleet.subnets[zone]
    assert made["AvailabilityZoneId"]
    assert (answer["AutoScalingGroupName"], answer["ClientToken"]) == (name, token)
    group = fleet.group(name)
    assert group["DesiredCapacity"] == 3
    assert set(ids) <= {member["InstanceId"] for member in group["Instances"]}
    fleet.settle(name, 3)
    again = fleet.autoscaling.launch_instances(**asked)
    assert launched(again) == ids
    assert fleet.group(name)["DesiredCapacity"] == 3
    with refused("IdempotentParameterMismatch"):
        fleet.autoscaling.launch_instances(**{**asked, "RequestedCapacity": 1})
    with refused("ValidationError", "would exceed the max size 4"):
        fleet.autoscaling.launch_instances(**{**asked, "ClientToken": unique("token")})
    with refused("ValidationError", "clientToken"):
        loose_asg.launch_instances(**{**asked, "ClientToken": ""})


def test_requests_of_one_token_at_once_launch_once(fleet: Fleet) -> None:
    name = fleet.create(0, maximum=4)
    asked = {
        "AutoScalingGroupName": name,
        "RequestedCapacity": 1,
        "ClientToken": unique("token"),
        "SubnetIds": [fleet.subnets[sorted(fleet.subnets)[1]]],
    }

    def ask(_: int) -> str:
        """The instance, or the code of the refusal."""
        try:
            (instance,) = launched(fleet.autoscaling.launch_instances(**asked))
        except fleet.autoscaling.exceptions.ClientError as error:
            return str(error.response["Error"]["Code"])
        return instance

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(ask, range(4)))
    assert answers - {"IdempotentCallInProgress", "ResourceContention"} == set(fleet.settle(name, 1))


def test_zones_go_by_their_ids_too(fleet: Fleet) -> None:
    zones = fleet.ec2.describe_availability_zones()["AvailabilityZones"]
    ids = {zone["ZoneName"]: zone["ZoneId"] for zone in zones}
    first, second = sorted(fleet.subnets)[:2]
    name = unique("g")
    fleet.made.append(name)
    fleet.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=4,
        LaunchTemplate={"LaunchTemplateName": fleet.template},
        AvailabilityZoneIds=[ids[first], ids[second]],
    )
    # Two in one zone of two would be evened out.
    fleet.autoscaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["AZRebalance"])
    group = fleet.group(name)
    assert (group["AvailabilityZones"], group["AvailabilityZoneIds"]) == ([first, second], [ids[first], ids[second]])
    answer = fleet.autoscaling.launch_instances(
        AutoScalingGroupName=name, RequestedCapacity=2, AvailabilityZoneIds=[ids[second]]
    )
    assert {made["AvailabilityZone"] for made in answer["Instances"]} == {second}
    wanted = launched(answer)
    assert fleet.settle(name, 2) == sorted(wanted)
    ended = fleet.autoscaling.terminate_instance_in_auto_scaling_group(
        AutoScalingGroupName=name, InstanceIds=wanted, ShouldDecrementDesiredCapacity=True
    )
    assert len(ended["Activities"]) == 2
    fleet.settle(name, 0)


def test_what_cannot_be_launched_is_told_with_a_code(fleet: Fleet) -> None:
    name = fleet.create(0, LaunchTemplate={"LaunchTemplateName": fleet.new_template(InstanceType="t3.nano")})
    fleet.ec2.delete_launch_template(LaunchTemplateName=fleet.templates.pop())
    answer = fleet.autoscaling.launch_instances(
        AutoScalingGroupName=name, RequestedCapacity=1, AvailabilityZones=[min(fleet.subnets)]
    )
    assert answer["Instances"] == []
    assert [error["ErrorCode"] for error in answer["Errors"]] == ["InvalidLaunchTemplateId.NotFound"]
    configured = fleet.create(LaunchConfigurationName=fleet.configuration())
    with refused("ValidationError", "launch template"):
        fleet.autoscaling.launch_instances(AutoScalingGroupName=configured, RequestedCapacity=1)
