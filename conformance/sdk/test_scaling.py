"""boto3: groups that scale, heal, rebalance and tell about it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from conformance.clients import refused
from conformance.fleet import Fleet
from conformance.product import until

AT = r"At \d\d\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ "
LAUNCH = (
    AT
    + r"an instance was started in response to a difference between desired and actual capacity, increasing the capacity from {} to {}\."
)
SHRINK = AT + (
    r"an instance was taken out of service in response to a difference between desired and actual capacity, "
    r"shrinking the capacity from {} to {}\.  " + AT + r"instance i-[0-9a-f]+ was selected for termination\."
)


def causes(fleet: Fleet, name: str, start: str) -> list[str]:
    return [one["Cause"] for one in fleet.activities(name) if one["Description"].startswith(start)]


def test_out_and_in_with_balance_and_story(fleet: Fleet) -> None:
    name = fleet.create(1)
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=6)
    fleet.settle(name, 6)
    assert fleet.zones(name) == dict.fromkeys(fleet.subnets, 2)
    assert len(fleet.servers(name, "running")) == 6
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=3)
    fleet.settle(name, 3)
    assert fleet.zones(name) == dict.fromkeys(fleet.subnets, 1)
    until("the others are gone", lambda: len(fleet.servers(name, "pending", "running", "shutting-down")) == 3)
    story = fleet.activities(name)
    assert {one["StatusCode"] for one in story} == {"Successful"}
    assert {one["Progress"] for one in story} == {100}
    assert len({one["ActivityId"] for one in story}) == len(story) == 9
    times = [one["StartTime"] for one in story]
    assert times == sorted(times, reverse=True)
    launches, ends = causes(fleet, name, "Launching"), causes(fleet, name, "Terminating")
    create = AT + r"a user request created an AutoScalingGroup changing the desired capacity from 0 to 1\.  "
    assert re.fullmatch(create + LAUNCH.format(0, 1), launches[-1]), launches[-1]
    explicit = (
        AT + r"a user request explicitly set group desired capacity changing the desired capacity from {} to {}\.  "
    )
    assert all(re.match(explicit.format(1, 6) + AT, text) for text in launches[:-1]), launches
    assert all(re.fullmatch(explicit.format(6, 3) + SHRINK.format(r"\d", r"\d"), text) for text in ends), ends
    for one in story:
        assert re.fullmatch(r"(Launching a new|Terminating) EC2 instance: i-[0-9a-f]{17}", one["Description"])
        details = json.loads(one["Details"])
        assert details["Subnet ID"] == fleet.subnets[details["Availability Zone"]]
        assert one["EndTime"] >= one["StartTime"].replace(microsecond=0)  # it is told in whole seconds


def test_update_tells_its_cause(fleet: Fleet) -> None:
    name = fleet.create(0, 0, 5)
    fleet.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=1, DesiredCapacity=2)
    fleet.settle(name, 2)
    text = (
        r"a user request update of AutoScalingGroup constraints to min: 1, max: 5, desired: 2 "
        r"changing the desired capacity from 0 to 2\."
    )
    assert all(re.match(AT + text, cause) for cause in causes(fleet, name, "Launching"))


def test_launched_instances_and_their_tags(fleet: Fleet) -> None:
    tags = [
        {"Key": "Name", "Value": "web <1> & co", "PropagateAtLaunch": True},
        {"Key": "quiet", "Value": "x", "PropagateAtLaunch": False},
    ]
    name = fleet.create(1, Tags=tags)
    server = fleet.servers(name, "running")[0]
    worn = {tag["Key"]: tag["Value"] for tag in server["Tags"]}
    assert worn["Name"] == "web <1> & co"
    assert worn["aws:autoscaling:groupName"] == name
    assert "quiet" not in worn
    assert server["ImageId"] == fleet.image
    assert server["InstanceType"] == "t3.micro"
    assert server["SubnetId"] in fleet.subnets.values()
    member = fleet.instances(name)[0]
    assert member["InstanceId"] == server["InstanceId"]
    assert member["AvailabilityZone"] == server["Placement"]["AvailabilityZone"]
    assert member["HealthStatus"] == "Healthy"
    assert member["ProtectedFromScaleIn"] is False
    described = fleet.autoscaling.describe_auto_scaling_instances(InstanceIds=[member["InstanceId"]])
    assert described["AutoScalingInstances"][0]["HealthStatus"] == "HEALTHY"
    assert described["AutoScalingInstances"][0]["AutoScalingGroupName"] == name


@pytest.mark.parametrize("how", ["terminate_instances", "stop_instances"])
def test_heals_what_was_taken_away_behind_its_back(fleet: Fleet, how: str) -> None:
    name = fleet.create(2)
    before = fleet.ids(name)
    getattr(fleet.ec2, how)(InstanceIds=before[:1])
    until("a replacement", lambda: before[0] not in fleet.ids(name, None) and len(fleet.ids(name)) == 2)
    fleet.settle(name, 2)
    assert fleet.group(name)["DesiredCapacity"] == 2
    text = (
        AT
        + r"an instance was taken out of service in response to an EC2 health check that indicated it had been terminated or stopped\."
    )
    assert any(re.match(text, cause) for cause in causes(fleet, name, "Terminating")), fleet.story(name)
    until(
        "the old one is gone",
        lambda: before[0] not in {one["InstanceId"] for one in fleet.servers(name, "running", "stopped", "stopping")},
    )


def test_heals_what_is_declared_sick(fleet: Fleet) -> None:
    name = fleet.create(2)
    sick = fleet.ids(name)[0]
    fleet.autoscaling.set_instance_health(InstanceId=sick, HealthStatus="Unhealthy", ShouldRespectGracePeriod=False)
    until("a replacement", lambda: sick not in fleet.ids(name, None))
    fleet.settle(name, 2)
    text = AT + r"an instance was taken out of service in response to a user health-check\."
    assert any(re.match(text, cause) for cause in causes(fleet, name, "Terminating")), fleet.story(name)


def test_health_in_grace_can_be_undone(fleet: Fleet) -> None:
    name = fleet.create(1, HealthCheckGracePeriod=3600)
    one = fleet.ids(name)[0]
    setter = fleet.autoscaling.set_instance_health
    setter(InstanceId=one, HealthStatus="Unhealthy")
    setter(InstanceId=one, HealthStatus="Healthy", ShouldRespectGracePeriod=False)
    assert fleet.settle(name, 1) == [one]
    with refused("ValidationError"):
        setter(InstanceId=one, HealthStatus="Poorly")
    with refused("ValidationError", "not found"):
        setter(InstanceId="i-00000000000000000", HealthStatus="Unhealthy")


def test_suspended_replacement_only_marks(fleet: Fleet) -> None:
    name = fleet.create(1)
    fleet.autoscaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["ReplaceUnhealthy"])
    one = fleet.ids(name)[0]
    fleet.autoscaling.set_instance_health(InstanceId=one, HealthStatus="Unhealthy", ShouldRespectGracePeriod=False)
    assert fleet.instances(name)[0]["HealthStatus"] == "Unhealthy"
    assert fleet.instances(name)[0]["LifecycleState"] == "InService"
    described = fleet.autoscaling.describe_auto_scaling_instances(InstanceIds=[one])["AutoScalingInstances"][0]
    assert described["HealthStatus"] == "UNHEALTHY"
    fleet.autoscaling.resume_processes(AutoScalingGroupName=name, ScalingProcesses=["ReplaceUnhealthy"])
    until("a replacement", lambda: one not in fleet.ids(name, None))
    fleet.settle(name, 1)


def test_suspended_launch_and_terminate(fleet: Fleet) -> None:
    name = fleet.create(1)
    control = fleet.create(1)
    fleet.autoscaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["Launch"])
    for one in (name, control):
        fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=one, DesiredCapacity=2)
    # When the control group has moved, the engine has had its chance on the other too.
    fleet.settle(control, 2)
    assert len(fleet.instances(name)) == 1
    shown = fleet.group(name)["SuspendedProcesses"]
    assert [one["ProcessName"] for one in shown] == ["Launch"]
    assert re.fullmatch(r"User suspended at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", shown[0]["SuspensionReason"])
    fleet.autoscaling.resume_processes(AutoScalingGroupName=name, ScalingProcesses=["Launch"])
    fleet.settle(name, 2)
    fleet.autoscaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["Terminate"])
    for one in (name, control):
        fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=one, DesiredCapacity=0)
    fleet.settle(control, 0)
    assert len(fleet.ids(name)) == 2
    fleet.autoscaling.resume_processes(AutoScalingGroupName=name)
    fleet.settle(name, 0)
    assert fleet.group(name)["SuspendedProcesses"] == []


def test_all_processes(fleet: Fleet, loose_asg: Any) -> None:
    name = fleet.create()
    every = {one["ProcessName"] for one in fleet.autoscaling.describe_scaling_process_types()["Processes"]}
    fleet.autoscaling.suspend_processes(AutoScalingGroupName=name)
    assert {one["ProcessName"] for one in fleet.group(name)["SuspendedProcesses"]} == every
    assert len(every) == 9
    with refused("ValidationError"):
        loose_asg.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["Breathing"])


def test_scale_in_protection(fleet: Fleet) -> None:
    name = fleet.create(3)
    keep = fleet.ids(name)[:2]
    fleet.autoscaling.set_instance_protection(AutoScalingGroupName=name, InstanceIds=keep, ProtectedFromScaleIn=True)
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
    until("the free one is gone", lambda: fleet.ids(name, None) == keep)
    refusal = "Could not scale to desired capacity because all remaining instances are protected from scale-in."
    until(
        "the refusal in the journal",
        lambda: any(
            refusal in one["Cause"] + one.get("StatusMessage", "") + one["Description"]
            for one in fleet.activities(name)
        ),
    )
    fleet.autoscaling.set_instance_protection(
        AutoScalingGroupName=name, InstanceIds=keep[:1], ProtectedFromScaleIn=False
    )
    assert fleet.settle(name, 1) == keep[1:]


def test_new_instances_are_protected(fleet: Fleet) -> None:
    name = fleet.create(1, NewInstancesProtectedFromScaleIn=True)
    assert fleet.instances(name)[0]["ProtectedFromScaleIn"] is True


def test_standby(fleet: Fleet) -> None:
    name = fleet.create(2, 0, 4)
    one, two = fleet.ids(name)
    answer = fleet.autoscaling.enter_standby(
        AutoScalingGroupName=name, InstanceIds=[one], ShouldDecrementDesiredCapacity=True
    )
    activity = answer["Activities"][0]
    assert activity["Description"] == f"Moving EC2 instance to Standby: {one}"
    assert (activity["StatusCode"], activity["Progress"]) == ("InProgress", 50)
    assert re.match(
        AT
        + rf"instance {one} was moved to standby in response to a user request, shrinking the capacity from 2 to 1\.",
        activity["Cause"],
    )
    assert fleet.settle(name, 1, standby=1) == [two]
    assert fleet.group(name)["DesiredCapacity"] == 1
    with refused("ValidationError", f"The instance {one} is not in InService."):
        fleet.autoscaling.enter_standby(
            AutoScalingGroupName=name, InstanceIds=[one], ShouldDecrementDesiredCapacity=True
        )
    answer = fleet.autoscaling.exit_standby(AutoScalingGroupName=name, InstanceIds=[one])
    activity = answer["Activities"][0]
    assert activity["Description"] == f"Moving EC2 instance out of Standby: {one}"
    assert (activity["StatusCode"], activity["Progress"]) == ("PreInService", 30)
    assert (
        "was moved out of standby in response to a user request, increasing the capacity from 1 to 2."
        in activity["Cause"]
    )
    assert fleet.settle(name, 2) == sorted([one, two])
    assert fleet.group(name)["DesiredCapacity"] == 2
    with refused("ValidationError"):
        fleet.autoscaling.exit_standby(AutoScalingGroupName=name, InstanceIds=[one])


def test_standby_without_decrement_is_replaced(fleet: Fleet) -> None:
    name = fleet.create(1, 1, 2)
    one = fleet.ids(name)[0]
    with refused("ValidationError"):
        fleet.autoscaling.enter_standby(
            AutoScalingGroupName=name, InstanceIds=[one], ShouldDecrementDesiredCapacity=True
        )
    fleet.autoscaling.enter_standby(AutoScalingGroupName=name, InstanceIds=[one], ShouldDecrementDesiredCapacity=False)
    fleet.settle(name, 1, standby=1)
    assert fleet.group(name)["DesiredCapacity"] == 1


def test_detach_and_attach(fleet: Fleet) -> None:
    name = fleet.create(2, 0, 3)
    one, two = fleet.ids(name)
    answer = fleet.autoscaling.detach_instances(
        AutoScalingGroupName=name, InstanceIds=[one], ShouldDecrementDesiredCapacity=True
    )
    activity = answer["Activities"][0]
    assert activity["Description"] == f"Detaching EC2 instance: {one}"
    assert (activity["StatusCode"], activity["Progress"]) == ("InProgress", 50)
    assert re.match(
        AT + rf"instance {one} was detached in response to a user request, shrinking the capacity from 2 to 1\.",
        activity["Cause"],
    )
    assert fleet.settle(name, 1) == [two]
    fleet.await_state(one, "running")
    worn = fleet.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [one]}])["Tags"]
    assert "aws:autoscaling:groupName" not in {tag["Key"] for tag in worn}
    with refused("ValidationError", f"The instance {one} is not part of Auto Scaling group {name}."):
        fleet.autoscaling.detach_instances(
            AutoScalingGroupName=name, InstanceIds=[one], ShouldDecrementDesiredCapacity=True
        )
    fleet.autoscaling.attach_instances(AutoScalingGroupName=name, InstanceIds=[one])
    assert fleet.settle(name, 2) == sorted([one, two])
    assert fleet.group(name)["DesiredCapacity"] == 2
    back = next(member for member in fleet.instances(name) if member["InstanceId"] == one)
    # It was launched from the group's template, and tells so again. Source: radkawar/stackd, recorded September 2026.
    assert back["LaunchTemplate"]["LaunchTemplateName"] == fleet.template
    assert "LaunchConfigurationName" not in back


def test_detach_without_decrement_is_replaced(fleet: Fleet) -> None:
    name = fleet.create(1, 1, 2)
    one = fleet.ids(name)[0]
    with refused("ValidationError"):
        fleet.autoscaling.detach_instances(
            AutoScalingGroupName=name, InstanceIds=[one], ShouldDecrementDesiredCapacity=True
        )
    fleet.autoscaling.detach_instances(
        AutoScalingGroupName=name, InstanceIds=[one], ShouldDecrementDesiredCapacity=False
    )
    until("a replacement", lambda: one not in fleet.ids(name, None) and fleet.ids(name))
    fleet.ec2.terminate_instances(InstanceIds=[one])


def test_attach_what_ec2_runs(fleet: Fleet) -> None:
    identity = fleet.run()
    name = fleet.create(0, 0, 1)
    fleet.autoscaling.attach_instances(AutoScalingGroupName=name, InstanceIds=[identity])
    assert fleet.settle(name, 1) == [identity]
    other = fleet.create(0, 0, 5)
    with refused("ValidationError"):
        fleet.autoscaling.attach_instances(AutoScalingGroupName=other, InstanceIds=[identity])
    with refused("ValidationError"):
        fleet.autoscaling.attach_instances(AutoScalingGroupName=other, InstanceIds=["i-00000000000000000"])
    full = fleet.run()
    with refused("ValidationError"):
        fleet.autoscaling.attach_instances(AutoScalingGroupName=name, InstanceIds=[full])
    fleet.ec2.terminate_instances(InstanceIds=[full])


def test_attach_bounds_of_a_call(fleet: Fleet) -> None:
    name = fleet.create()
    many = [f"i-{number:017x}" for number in range(21)]
    with refused("ValidationError"):
        fleet.autoscaling.attach_instances(AutoScalingGroupName=name, InstanceIds=many)
    with refused(
        "ValidationError",
        "List exceeds the maximum number of instances to detach. Please retry your request with fewer instances.",
    ):
        fleet.autoscaling.detach_instances(
            AutoScalingGroupName=name, InstanceIds=many, ShouldDecrementDesiredCapacity=True
        )


def test_terminate_in_group(fleet: Fleet) -> None:
    name = fleet.create(2, 1, 3)
    one, two = fleet.ids(name)
    end = fleet.autoscaling.terminate_instance_in_auto_scaling_group
    activity = end(InstanceId=one, ShouldDecrementDesiredCapacity=True)["Activity"]
    assert activity["Description"] == f"Terminating EC2 instance: {one}"
    assert activity["StatusCode"] == "InProgress"
    assert (
        "was taken out of service in response to a user request, shrinking the capacity from 2 to 1."
        in activity["Cause"]
    )
    assert fleet.settle(name, 1) == [two]

    def finished() -> bool:
        answer = fleet.autoscaling.describe_scaling_activities(ActivityIds=[activity["ActivityId"]])
        return bool(answer["Activities"][0]["Progress"] == 100)

    until("the activity is finished", finished)
    with refused(
        "ValidationError",
        "Currently, desiredSize equals minSize (1). Terminating instance without replacement will violate group's "
        "min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.",
    ):
        end(InstanceId=two, ShouldDecrementDesiredCapacity=True)
    end(InstanceId=two, ShouldDecrementDesiredCapacity=False)
    until("a replacement", lambda: two not in fleet.ids(name, None) and fleet.ids(name))
    assert fleet.group(name)["DesiredCapacity"] == 1
    with refused("ValidationError"):
        end(InstanceId="i-00000000000000000", ShouldDecrementDesiredCapacity=False)


@pytest.mark.parametrize("policy", ["OldestInstance", "NewestInstance"])
def test_termination_by_age(fleet: Fleet, policy: str) -> None:
    subnet = fleet.subnets["us-east-1a"]
    name = fleet.create(1, VPCZoneIdentifier=subnet, TerminationPolicies=[policy])
    order = fleet.ids(name)
    for count in (2, 3):
        fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=count)
        order += [one for one in fleet.settle(name, count) if one not in order]
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
    assert fleet.settle(name, 1) == (order[2:] if policy == "OldestInstance" else order[:1])


def test_termination_of_the_oldest_configuration(fleet: Fleet) -> None:
    subnet, old, new = fleet.subnets["us-east-1a"], fleet.configuration(), fleet.configuration()
    name = fleet.create(
        1, VPCZoneIdentifier=subnet, LaunchConfigurationName=old, TerminationPolicies=["OldestLaunchConfiguration"]
    )
    first = fleet.ids(name)
    fleet.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName=name, LaunchConfigurationName=new, DesiredCapacity=2
    )
    both = fleet.settle(name, 2)
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
    assert fleet.settle(name, 1) == [one for one in both if one not in first]


def test_termination_of_the_oldest_template_version(fleet: Fleet) -> None:
    template = fleet.new_template()
    name = fleet.create(
        1,
        VPCZoneIdentifier=fleet.subnets["us-east-1a"],
        LaunchTemplate={"LaunchTemplateName": template, "Version": "$Latest"},
        TerminationPolicies=["OldestLaunchTemplate"],
    )
    first = fleet.ids(name)
    fleet.ec2.create_launch_template_version(
        LaunchTemplateName=template, SourceVersion="1", LaunchTemplateData={"EbsOptimized": True}
    )
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2)
    both = fleet.settle(name, 2)
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
    assert fleet.settle(name, 1) == [one for one in both if one not in first]


def test_rebalances_when_zones_change(fleet: Fleet) -> None:
    subnets = fleet.subnets
    name = fleet.create(4, VPCZoneIdentifier=subnets["us-east-1a"])
    both = f"{subnets['us-east-1a']},{subnets['us-east-1b']}"
    fleet.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, VPCZoneIdentifier=both)
    until("balanced", lambda: fleet.zones(name) == {"us-east-1a": 2, "us-east-1b": 2}, 60)
    fleet.settle(name, 4)
    text = r"instances were launched to balance instances in zones? .* with other zones resulting in more than desired number of instances in the group\."
    assert any(re.search(AT + text, cause) for cause in causes(fleet, name, "Launching")), fleet.story(name)


def test_cooldown_is_honoured_when_asked(fleet: Fleet) -> None:
    name = fleet.create(1, DefaultCooldown=3600)
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2, HonorCooldown=False)
    fleet.settle(name, 2)
    with refused("ScalingActivityInProgress"):
        fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=3, HonorCooldown=True)
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=3, HonorCooldown=False)
    fleet.settle(name, 3)


def test_activities_by_id_and_filter(fleet: Fleet) -> None:
    name = fleet.create(2)
    story = fleet.activities(name)
    wanted = [one["ActivityId"] for one in story]
    answer = fleet.autoscaling.describe_scaling_activities(
        ActivityIds=[*wanted, "00000000-0000-0000-0000-000000000000"]
    )
    assert sorted(one["ActivityId"] for one in answer["Activities"]) == sorted(wanted)
    assert len(fleet.activities(name, Filters=[{"Name": "Status", "Values": ["Successful"]}])) == 2
    assert fleet.activities(name, Filters=[{"Name": "Status", "Values": ["Failed"]}]) == []
    assert (
        len(fleet.activities(name, Filters=[{"Name": "StartTimeLowerBound", "Values": ["2020-01-01T00:00:00Z"]}])) == 2
    )
    assert fleet.activities(name, Filters=[{"Name": "StartTimeUpperBound", "Values": ["2020-01-01T00:00:00Z"]}]) == []


def test_tags(fleet: Fleet, loose_asg: Any) -> None:
    name = fleet.create(1)

    def tag(key: str, value: str = "v", propagate: bool = False) -> dict[str, Any]:
        return {
            "ResourceId": name,
            "ResourceType": "auto-scaling-group",
            "Key": key,
            "Value": value,
            "PropagateAtLaunch": propagate,
        }

    asg = fleet.autoscaling
    asg.create_or_update_tags(Tags=[tag("a"), tag("b", "1", True)])
    asg.create_or_update_tags(Tags=[tag("b", "2", True)])
    assert fleet.group(name)["Tags"] == [tag("a"), tag("b", "2", True)]
    by = [{"Name": "auto-scaling-group", "Values": [name]}]
    assert asg.describe_tags(Filters=by)["Tags"] == [tag("a"), tag("b", "2", True)]
    assert asg.describe_tags(Filters=[*by, {"Name": "key", "Values": ["a"]}])["Tags"] == [tag("a")]
    assert asg.describe_tags(Filters=[*by, {"Name": "value", "Values": ["2"]}])["Tags"] == [tag("b", "2", True)]
    assert asg.describe_tags(Filters=[*by, {"Name": "propagate-at-launch", "Values": ["true"]}])["Tags"] == [
        tag("b", "2", True)
    ]
    worn = {one["Key"] for one in fleet.servers(name, "running")[0]["Tags"]}
    assert "b" not in worn, "later edits do not touch running instances"
    asg.delete_tags(Tags=[{key: tag("a")[key] for key in ("ResourceId", "ResourceType", "Key")}, tag("b", "2", True)])
    assert fleet.group(name)["Tags"] == []
    with refused("ValidationError", "not found"):
        asg.create_or_update_tags(Tags=[tag("a") | {"ResourceId": "nobody"}])
    with refused("ValidationError"):
        asg.create_or_update_tags(Tags=[tag("aws:x")])
    with refused("ValidationError"):
        loose_asg.create_or_update_tags(Tags=[tag("k" * 129)])
    asg.create_or_update_tags(Tags=[tag(f"k{number:02}") for number in range(25)])
    asg.create_or_update_tags(Tags=[tag(f"k{number:02}") for number in range(25, 50)])
    with refused("LimitExceeded"):
        asg.create_or_update_tags(Tags=[tag("one more")])


def test_metrics_collection(fleet: Fleet, loose_asg: Any) -> None:
    name, asg = fleet.create(), fleet.autoscaling
    types = asg.describe_metric_collection_types()
    assert [one["Granularity"] for one in types["Granularities"]] == ["1Minute"]
    names = {one["Metric"] for one in types["Metrics"]}
    assert len(names) == 24
    asg.enable_metrics_collection(
        AutoScalingGroupName=name, Granularity="1Minute", Metrics=["GroupMinSize", "GroupMaxSize"]
    )
    assert {one["Metric"] for one in fleet.group(name)["EnabledMetrics"]} == {"GroupMinSize", "GroupMaxSize"}
    asg.disable_metrics_collection(AutoScalingGroupName=name, Metrics=["GroupMaxSize"])
    assert fleet.group(name)["EnabledMetrics"] == [{"Metric": "GroupMinSize", "Granularity": "1Minute"}]
    asg.enable_metrics_collection(AutoScalingGroupName=name, Granularity="1Minute")
    assert {one["Metric"] for one in fleet.group(name)["EnabledMetrics"]} == names
    asg.disable_metrics_collection(AutoScalingGroupName=name)
    assert fleet.group(name)["EnabledMetrics"] == []
    with refused("ValidationError"):
        loose_asg.enable_metrics_collection(AutoScalingGroupName=name, Granularity="5Minute")
    with refused("ValidationError"):
        loose_asg.enable_metrics_collection(AutoScalingGroupName=name, Granularity="1Minute", Metrics=["GroupMood"])


def test_types(asg: Any) -> None:
    assert {one["AdjustmentType"] for one in asg.describe_adjustment_types()["AdjustmentTypes"]} == {
        "ChangeInCapacity",
        "ExactCapacity",
        "PercentChangeInCapacity",
    }
    assert set(asg.describe_auto_scaling_notification_types()["AutoScalingNotificationTypes"]) == {
        "autoscaling:EC2_INSTANCE_LAUNCH",
        "autoscaling:EC2_INSTANCE_LAUNCH_ERROR",
        "autoscaling:EC2_INSTANCE_TERMINATE",
        "autoscaling:EC2_INSTANCE_TERMINATE_ERROR",
        "autoscaling:TEST_NOTIFICATION",
    }
    assert set(asg.describe_lifecycle_hook_types()["LifecycleHookTypes"]) == {
        "autoscaling:EC2_INSTANCE_LAUNCHING",
        "autoscaling:EC2_INSTANCE_TERMINATING",
    }
    assert set(asg.describe_termination_policy_types()["TerminationPolicyTypes"]) == {
        "AllocationStrategy",
        "ClosestToNextInstanceHour",
        "Default",
        "NewestInstance",
        "OldestInstance",
        "OldestLaunchConfiguration",
        "OldestLaunchTemplate",
    }


def test_lists_of_what_comes_later_are_empty(fleet: Fleet) -> None:
    asg, name = fleet.autoscaling, fleet.create()
    assert asg.describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"] == []
    assert asg.describe_load_balancers(AutoScalingGroupName=name)["LoadBalancers"] == []
    assert asg.describe_load_balancer_target_groups(AutoScalingGroupName=name)["LoadBalancerTargetGroups"] == []
    assert asg.describe_traffic_sources(AutoScalingGroupName=name)["TrafficSources"] == []
    assert asg.describe_policies(AutoScalingGroupName=name)["ScalingPolicies"] == []
    assert asg.describe_scheduled_actions(AutoScalingGroupName=name)["ScheduledUpdateGroupActions"] == []
    assert asg.describe_notification_configurations(AutoScalingGroupNames=[name])["NotificationConfigurations"] == []
    assert asg.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"] == []
    assert asg.describe_warm_pool(AutoScalingGroupName=name)["Instances"] == []
    with refused("ValidationError", "No warm pool found"):
        asg.delete_warm_pool(AutoScalingGroupName=name)
