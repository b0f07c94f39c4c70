"""boto3: instance refreshes, from their start to their end."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.clients import refused
from conformance.fleet import Fleet
from conformance.product import until

OVER = {"Successful", "Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful"}
AT_ONCE = {"MinHealthyPercentage": 0, "InstanceWarmup": 0}


@pytest.fixture
def template(fleet: Fleet) -> str:
    """A template of two versions."""
    name = fleet.new_template()
    data = {"ImageId": fleet.image, "InstanceType": "t3.micro"}
    fleet.ec2.create_launch_template_version(LaunchTemplateName=name, LaunchTemplateData=data)
    return name


def version(template: str, number: str) -> dict[str, str]:
    return {"LaunchTemplateName": template, "Version": number}


def refreshes(fleet: Fleet, name: str, **more: Any) -> list[dict[str, Any]]:
    found = fleet.autoscaling.describe_instance_refreshes(AutoScalingGroupName=name, **more)["InstanceRefreshes"]
    assert isinstance(found, list)
    return found


def ended(fleet: Fleet, name: str, seconds: float = 20.0) -> dict[str, Any]:
    """The newest refresh, when it is over."""
    try:
        until(f"the refresh of {name} is over", lambda: refreshes(fleet, name)[0]["Status"] in OVER, seconds)
    except AssertionError as late:
        raise AssertionError(f"{late}\n{refreshes(fleet, name)}\n{fleet.story(name)}") from None
    return refreshes(fleet, name)[0]


def made_from(fleet: Fleet, name: str) -> set[str]:
    return {one["LaunchTemplate"]["Version"] for one in fleet.instances(name, "InService")}


def start(fleet: Fleet, name: str, **more: Any) -> str:
    identity = fleet.autoscaling.start_instance_refresh(AutoScalingGroupName=name, **more)["InstanceRefreshId"]
    assert isinstance(identity, str)
    return identity


def test_a_refresh_brings_its_template_to_all(fleet: Fleet, template: str) -> None:
    name = fleet.create(2, LaunchTemplate=version(template, "1"), DefaultInstanceWarmup=0)
    before = fleet.ids(name)
    wanted = version(template, "2")
    identity = start(fleet, name, DesiredConfiguration={"LaunchTemplate": wanted}, Preferences=AT_ONCE)
    told = ended(fleet, name)
    assert (told["InstanceRefreshId"], told["Status"], told["Strategy"]) == (identity, "Successful", "Rolling")
    assert (told["PercentageComplete"], told["InstancesToUpdate"]) == (100, 0)
    assert "StatusReason" not in told
    assert told["EndTime"] >= told["StartTime"]
    assert told["DesiredConfiguration"]["LaunchTemplate"].keys() == {
        "LaunchTemplateId",
        "LaunchTemplateName",
        "Version",
    }
    assert told["Preferences"] == {
        **AT_ONCE,
        "SkipMatching": False,
        "AutoRollback": False,
        "AlarmSpecification": {},
    }
    assert not set(fleet.settle(name, 2)) & set(before)
    assert made_from(fleet, name) == {"2"}
    assert fleet.group(name)["LaunchTemplate"]["Version"] == "2"
    launched = [one["Cause"] for one in fleet.activities(name) if one["Description"].startswith("Launching")][:2]
    assert all(cause.endswith("an instance was launched in response to an instance refresh.") for cause in launched)
    gone = [one["Cause"] for one in fleet.activities(name) if one["Description"].startswith("Terminating")]
    assert all(cause.endswith("was taken out of service in response to an instance refresh.") for cause in gone)


def test_what_is_not_there_or_there_already_is_refused(fleet: Fleet, template: str) -> None:
    name, asg = fleet.create(1, LaunchTemplate=version(template, "1")), fleet.autoscaling
    with refused("ActiveInstanceRefreshNotFound", "No in progress, baking, pending, or cancelling Instance Refresh"):
        asg.cancel_instance_refresh(AutoScalingGroupName=name)
    with refused("ActiveInstanceRefreshNotFound", f"baking Instance Refresh found for Auto Scaling group {name}."):
        asg.rollback_instance_refresh(AutoScalingGroupName=name)
    identity = start(fleet, name, Preferences={"InstanceWarmup": 3600})
    with refused("InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks"):
        start(fleet, name)
    until("it is in progress", lambda: refreshes(fleet, name)[0]["Status"] == "InProgress")
    with refused("IrreversibleInstanceRefresh", "a desired configuration was not found"):
        asg.rollback_instance_refresh(AutoScalingGroupName=name)
    answer = asg.cancel_instance_refresh(AutoScalingGroupName=name, WaitForTransitioningInstances=False)
    assert answer["InstanceRefreshId"] == identity
    told = ended(fleet, name)
    assert told["Status"] == "Cancelled"
    reason = "Cancelled without waiting for ongoing instance launches and terminations due to user request."
    assert told["StatusReason"] == reason


def test_a_rollback_brings_back_what_was(fleet: Fleet, template: str) -> None:
    name = fleet.create(1, LaunchTemplate=version(template, "1"))
    wanted = {"LaunchTemplate": version(template, "2")}
    preferences = {**AT_ONCE, "BakeTime": 600}
    start(fleet, name, DesiredConfiguration=wanted, Preferences=preferences)
    until("it bakes", lambda: refreshes(fleet, name)[0]["Status"] == "Baking", 60.0)
    assert refreshes(fleet, name)[0]["StatusReason"].startswith("Waiting for bake time to finish before continuing.")
    assert fleet.group(name)["LaunchTemplate"]["Version"] == "1"
    with refused("ValidationError", "An active instance refresh with a desired configuration exists."):
        fleet.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, LaunchTemplate=version(template, "2"))
    fleet.autoscaling.rollback_instance_refresh(AutoScalingGroupName=name)
    told = ended(fleet, name)
    assert (told["Status"], told["PercentageComplete"], told["InstancesToUpdate"]) == ("RollbackSuccessful", 0, 1)
    details = told["RollbackDetails"]
    assert details["RollbackReason"] == "Rollback triggered due to user request."
    assert (details["PercentageCompleteOnRollback"], details["InstancesToUpdateOnRollback"]) == (100, 0)
    assert made_from(fleet, name) == {"1"}


def test_root_volumes_are_replaced_and_members_stay(fleet: Fleet, template: str) -> None:
    override = {"InstanceType": "t3.micro", "ImageId": fleet.image}
    policy = {"LaunchTemplate": {"LaunchTemplateSpecification": version(template, "1"), "Overrides": [override]}}
    name = fleet.create(2, MixedInstancesPolicy=policy, DefaultInstanceWarmup=0)
    before, brought = fleet.ids(name), {"MixedInstancesPolicy": policy}
    with refused("ValidationError", "The DesiredConfiguration parameter must be specified"):
        start(fleet, name, Strategy="ReplaceRootVolume")
    bare = {"LaunchTemplate": {**policy["LaunchTemplate"], "Overrides": [{"InstanceType": "t3.micro"}]}}
    with refused("ValidationError", "requires an ImageId in every launch template override"):
        start(fleet, name, Strategy="ReplaceRootVolume", DesiredConfiguration={"MixedInstancesPolicy": bare})
    preferences = {**AT_ONCE, "BakeTime": 2}
    start(fleet, name, Strategy="ReplaceRootVolume", DesiredConfiguration=brought, Preferences=preferences)
    with refused("InstanceRefreshInProgress", "does not support warm pools"):
        fleet.autoscaling.put_warm_pool(AutoScalingGroupName=name)
    told = ended(fleet, name, 60.0)
    assert (told["Status"], told["Strategy"]) == ("Successful", "ReplaceRootVolume")
    (shown,) = told["DesiredConfiguration"]["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"]
    assert shown == override
    here = fleet.instances(name, "InService")
    assert ({one["InstanceId"] for one in here}, {one["ImageId"] for one in here}) == (set(before), {fleet.image})
