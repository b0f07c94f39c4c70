"""boto3: lifecycle hooks hold instances, whoever is asked lets them go on; every refusal in its words."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.clients import refused
from conformance.fleet import Fleet, unique
from conformance.product import until

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
ROLE = "arn:aws:iam::123456789012:role/r"
TOKEN = "12345678-1234-1234-1234-123456789012"


def create(fleet: Fleet, desired: int, *hooks: dict[str, Any], **more: Any) -> str:
    """A group with hooks from the beginning, which nobody waits for."""
    name = unique("hooked")
    fleet.made.append(name)
    fleet.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=4,
        DesiredCapacity=desired,
        LaunchTemplate={"LaunchTemplateName": fleet.template},
        VPCZoneIdentifier=",".join(fleet.subnets.values()),
        LifecycleHookSpecificationList=list(hooks),
        **more,
    )
    return name


def hook(name: str, transition: str, **more: Any) -> dict[str, Any]:
    return {"LifecycleHookName": name, "LifecycleTransition": transition, "HeartbeatTimeout": 60, **more}


def waits(fleet: Fleet, group: str, state: str, count: int = 1) -> list[str]:
    until(f"{count} of {group} are {state}", lambda: len(fleet.instances(group, state)) == count)
    return fleet.ids(group, state)


def complete(fleet: Fleet, group: str, name: str, instance: str, result: str = "CONTINUE") -> None:
    fleet.autoscaling.complete_lifecycle_action(
        AutoScalingGroupName=group, LifecycleHookName=name, LifecycleActionResult=result, InstanceId=instance
    )


def test_hooks_at_creation_hold_the_first_instances(fleet: Fleet) -> None:
    group = create(fleet, 2, hook("warm", LAUNCHING), hook("check", LAUNCHING, NotificationMetadata="m"))
    waiting = waits(fleet, group, "Pending:Wait", 2)
    (first, *_) = fleet.activities(group)
    assert (first["StatusCode"], first["Progress"]) == ("MidLifecycleAction", 40)
    for instance in waiting:
        complete(fleet, group, "warm", instance)
        fleet.autoscaling.record_lifecycle_action_heartbeat(
            AutoScalingGroupName=group, LifecycleHookName="check", InstanceId=instance
        )
        complete(fleet, group, "check", instance)
    assert fleet.settle(group, 2) == waiting
    with refused("ValidationError", f"No active Lifecycle Action found with instance ID {waiting[0]}"):
        complete(fleet, group, "warm", waiting[0])


def test_a_drainer_finds_what_leaves_in_the_activities(fleet: Fleet) -> None:
    group = fleet.create(1)
    fleet.autoscaling.put_lifecycle_hook(AutoScalingGroupName=group, **hook("drain", TERMINATING))
    (instance,) = fleet.ids(group)
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=0)
    assert waits(fleet, group, "Terminating:Wait") == [instance]
    (leaving, *_) = fleet.activities(group)
    assert (leaving["StatusCode"], leaving["Progress"]) == ("MidTerminatingLifecycleAction", 60)
    assert leaving["Description"] == f"Terminating EC2 instance: {instance}"
    with refused("ValidationError", f"The instance {instance} is not in InService or EnteringStandby or Standby."):
        fleet.autoscaling.set_instance_protection(
            AutoScalingGroupName=group, InstanceIds=[instance], ProtectedFromScaleIn=True
        )
    complete(fleet, group, "drain", instance)
    fleet.settle(group, 0)


def test_an_abandoned_launch_is_told_and_replaced(fleet: Fleet) -> None:
    group = create(fleet, 1, hook("warm", LAUNCHING))
    (instance,) = waits(fleet, group, "Pending:Wait")
    complete(fleet, group, "warm", instance, "ABANDON")
    until("another waits", lambda: fleet.ids(group, "Pending:Wait") not in ([], [instance]))
    (abandoned,) = [one for one in fleet.activities(group) if one["StatusCode"] == "Cancelled"]
    words = "Instance failed to complete user's Lifecycle Action: Lifecycle Action with token "
    assert abandoned["StatusMessage"].startswith(words)
    assert abandoned["StatusMessage"].endswith(" was abandoned: Lifecycle Action Completed with ABANDON Result")
    told = f"Launching a new EC2 instance: {instance}.  Status Reason: {abandoned['StatusMessage']}"
    assert (abandoned["Description"], abandoned["Progress"]) == (told, 100)
    fleet.autoscaling.delete_lifecycle_hook(AutoScalingGroupName=group, LifecycleHookName="warm")
    fleet.settle(group, 1)


def test_an_abandoned_end_is_retained(fleet: Fleet) -> None:
    retain = {"RetentionTriggers": {"TerminateHookAbandon": "retain"}}
    group = create(fleet, 1, hook("keep", TERMINATING), InstanceLifecyclePolicy=retain)
    assert fleet.group(group)["InstanceLifecyclePolicy"] == retain
    (instance,) = fleet.settle(group, 1)
    asg = fleet.autoscaling
    asg.terminate_instance_in_auto_scaling_group(InstanceId=instance, ShouldDecrementDesiredCapacity=False)
    waits(fleet, group, "Terminating:Wait")
    complete(fleet, group, "keep", instance, "ABANDON")
    assert fleet.ids(group, "Terminating:Retained") == [instance]
    waits(fleet, group, "InService")
    with refused("ValidationError", f"The instance {instance} is in a Retained state and can't be terminated while"):
        asg.terminate_instance_in_auto_scaling_group(InstanceId=instance, ShouldDecrementDesiredCapacity=True)
    with refused("ValidationError", "You can't force delete this Auto Scaling group because the TerminateHookAbandon"):
        asg.delete_auto_scaling_group(AutoScalingGroupName=group, ForceDelete=True)
    asg.set_instance_health(InstanceId=instance, HealthStatus="Healthy")
    with refused("ValidationError", f"The instance {instance} is not in InService"):
        asg.enter_standby(AutoScalingGroupName=group, InstanceIds=[instance], ShouldDecrementDesiredCapacity=True)
    asg.detach_instances(AutoScalingGroupName=group, InstanceIds=[instance], ShouldDecrementDesiredCapacity=False)
    fleet.settle(group, 1)
    assert fleet.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["State"] == {
        "Code": 16,
        "Name": "running",
    }
    fleet.ec2.terminate_instances(InstanceIds=[instance])
    terminate = {"RetentionTriggers": {"TerminateHookAbandon": "terminate"}}
    asg.update_auto_scaling_group(AutoScalingGroupName=group, InstanceLifecyclePolicy=terminate)
    asg.delete_lifecycle_hook(AutoScalingGroupName=group, LifecycleHookName="keep")


def test_what_is_told_of_hooks(fleet: Fleet) -> None:
    group = fleet.create(0)
    asg = fleet.autoscaling
    asg.put_lifecycle_hook(AutoScalingGroupName=group, LifecycleHookName="b", LifecycleTransition=TERMINATING)
    asg.put_lifecycle_hook(AutoScalingGroupName=group, **hook("a", LAUNCHING, DefaultResult="CONTINUE"))
    asg.put_lifecycle_hook(AutoScalingGroupName=group, LifecycleHookName="a", NotificationMetadata="m")
    assert asg.describe_lifecycle_hooks(AutoScalingGroupName=group)["LifecycleHooks"] == [
        {
            "LifecycleHookName": "a",
            "AutoScalingGroupName": group,
            "LifecycleTransition": LAUNCHING,
            "NotificationMetadata": "m",
            "HeartbeatTimeout": 60,
            "GlobalTimeout": 6000,
            "DefaultResult": "CONTINUE",
        },
        {
            "LifecycleHookName": "b",
            "AutoScalingGroupName": group,
            "LifecycleTransition": TERMINATING,
            "HeartbeatTimeout": 3600,
            "GlobalTimeout": 172800,
            "DefaultResult": "ABANDON",
        },
    ]
    answer = asg.describe_lifecycle_hooks(AutoScalingGroupName=group, LifecycleHookNames=["b", "unknown"])
    assert [one["LifecycleHookName"] for one in answer["LifecycleHooks"]] == ["b"]
    with refused("ValidationError", "AutoScalingGroup name not found - AutoScalingGroup 'nothing' not found"):
        asg.describe_lifecycle_hooks(AutoScalingGroupName="nothing")
    for name in ("a", "b"):
        asg.delete_lifecycle_hook(AutoScalingGroupName=group, LifecycleHookName=name)
    with refused("ValidationError", f"No Lifecycle Hook found with name 'a' for group '{group}'"):
        asg.delete_lifecycle_hook(AutoScalingGroupName=group, LifecycleHookName="a")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"HeartbeatTimeout": 29}, "HeartbeatTimeout must be between 30 and 7200 seconds"),
        ({"HeartbeatTimeout": 7201}, "HeartbeatTimeout must be between 30 and 7200 seconds"),
        ({"DefaultResult": "GO"}, "'DefaultResult' must be one of: CONTINUE, ABANDON"),
        (
            {"LifecycleTransition": "launch"},
            f"'LifecycleTransition' must be one of: {LAUNCHING}, {TERMINATING}",
        ),
        ({"RoleARN": ROLE}, "'NotificationTargetARN' parameter required when 'RoleARN' parameter is specified"),
        (
            {"NotificationTargetARN": QUEUE},
            "'RoleARN' parameter required when 'NotificationTargetARN' parameter is specified",
        ),
        ({"RoleARN": ROLE, "NotificationTargetARN": "q"}, "'NotificationTargetARN' must be a valid ARN"),
        (
            {"RoleARN": ROLE, "NotificationTargetARN": "arn:aws:lambda:us-east-1:123456789012:function:f"},
            "'RoleARN' parameter should not be specified when 'NotificationTargetARN' is a Lambda function",
        ),
        (
            {"RoleARN": ROLE, "NotificationTargetARN": QUEUE},
            (
                f"Unable to publish test message to notification target {QUEUE} using IAM role {ROLE}. Please check"
                " your target and role configuration and try to put lifecycle hook again."
            ),
        ),
    ],
)
def test_what_no_hook_may_be(fleet: Fleet, asked: dict[str, Any], words: str) -> None:
    group = fleet.create(0)
    with refused("ValidationError", words):
        fleet.autoscaling.put_lifecycle_hook(AutoScalingGroupName=group, **{**hook("h", LAUNCHING), **asked})
    assert fleet.autoscaling.describe_lifecycle_hooks(AutoScalingGroupName=group)["LifecycleHooks"] == []
    with refused("ValidationError", words):
        create(fleet, 0, {**hook("h", LAUNCHING), **asked})


def test_answers_that_nobody_waits_for(fleet: Fleet) -> None:
    group = create(fleet, 0, hook("h", LAUNCHING))
    asg = fleet.autoscaling
    names = {"AutoScalingGroupName": group, "LifecycleHookName": "h"}
    with refused("ValidationError", f"No active Lifecycle Action found with token {TOKEN}"):
        asg.complete_lifecycle_action(**names, LifecycleActionResult="CONTINUE", LifecycleActionToken=TOKEN)
    with refused("ValidationError", f"No active Lifecycle Action found with token {TOKEN}"):
        asg.record_lifecycle_action_heartbeat(**names, LifecycleActionToken=TOKEN, InstanceId="i-00000000000000001")
    with refused("ValidationError", "No active Lifecycle Action found with instance ID i-00000000000000001"):
        asg.record_lifecycle_action_heartbeat(**names, InstanceId="i-00000000000000001")
    with refused("ValidationError"):
        asg.record_lifecycle_action_heartbeat(**names)
    with refused("ValidationError", "'LifecycleActionResult' must be one of: CONTINUE, ABANDON"):
        asg.complete_lifecycle_action(**names, LifecycleActionResult="GO", LifecycleActionToken=TOKEN)


def test_how_many_there_may_be(fleet: Fleet) -> None:
    with refused("ValidationError", "You cannot specify more than 5 hooks"):
        create(fleet, 0, *(hook(f"h{number}", LAUNCHING) for number in range(6)))
    with refused("ValidationError", "Multiple lifecycle hooks found for name 'h'"):
        create(fleet, 0, hook("h", LAUNCHING), hook("h", TERMINATING))
    group = fleet.create(0)
    for number in range(50):
        fleet.autoscaling.put_lifecycle_hook(AutoScalingGroupName=group, **hook(f"h{number}", LAUNCHING))
    with refused("LimitExceeded"):
        fleet.autoscaling.put_lifecycle_hook(AutoScalingGroupName=group, **hook("more", LAUNCHING))
    fleet.autoscaling.delete_lifecycle_hook(AutoScalingGroupName=group, LifecycleHookName="h0")
    with refused("ValidationError", "'LifecycleTransition' parameter required"):
        fleet.autoscaling.put_lifecycle_hook(AutoScalingGroupName=group, LifecycleHookName="more")
