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
