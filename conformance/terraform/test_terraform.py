"""Terraform with the AWS provider against the server: apply, no change, change, import, destroy, nothing left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.fleet import unique
from conformance.product import Access, until
from conformance.terraform.stack import Stack, Tool, alive, group

HERE = Path(__file__).parent
pytestmark = pytest.mark.tool


def test_a_stack_with_a_launch_template(
    terraform: Tool, tmp_path: Path, server: Access, asg: Any, ec2: Any, account: str
) -> None:
    mark = unique("tf")
    stack = Stack(terraform, HERE / "template", tmp_path / "one", server, mark)
    stack.apply()
    told = stack.outputs()
    assert told["account"] == account
    assert told["zones"] == ["us-east-1a", "us-east-1b", "us-east-1c"]
    made = group(asg, told["group"])
    assert made is not None
    assert len(made["Instances"]) == 2
    assert {one["LifecycleState"] for one in made["Instances"]} == {"InService"}
    for instance in alive(ec2, told["group"]):
        worn = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
        assert worn["Name"] == f"web of {mark}"
        assert worn["from"] == "template"
        assert "quiet" not in worn
    planned = schedules(asg, told["group"])
    assert {name: one["DesiredCapacity"] for name, one in planned.items()} == {"morning": 2, "party": 6}
    assert (planned["morning"]["MinSize"], planned["morning"]["TimeZone"]) == (2, "Europe/Berlin")
    assert not {"MinSize", "MaxSize", "Recurrence"} & planned["party"].keys()
    stack.no_change()

    changed = ("-var=desired=4", "-var=instance_type=t3.small")
    stack.apply(*changed)
    until("the refresh is over", lambda: refreshes(asg, told["group"])[0].get("EndTime"), 120.0)
    (refresh,) = refreshes(asg, told["group"])
    assert (refresh["Status"], refresh["PercentageComplete"]) == ("Successful", 100), refresh
    assert refresh["DesiredConfiguration"]["LaunchTemplate"]["Version"] == "2"
    made = group(asg, told["group"])
    assert made is not None
    assert [one["InstanceType"] for one in made["Instances"]] == ["t3.small"] * 4
    assert made["LaunchTemplate"]["Version"] == "2"
    assert schedules(asg, told["group"])["morning"]["DesiredCapacity"] == 4

    second = Stack(terraform, HERE / "template", tmp_path / "two", server, mark)
    second.run("import", *changed, "aws_autoscaling_group.web", told["group"])
    imported = second.resource("aws_autoscaling_group.web")
    original = stack.resource("aws_autoscaling_group.web")
    # These live in the state alone: the service knows nothing of them.
    own = {"force_delete", "force_delete_warm_pool", "wait_for_capacity_timeout", "ignore_failed_scaling_activities"}
    own |= {"instance_refresh"}
    different = {key for key in original if key not in own and original[key] != imported.get(key)}
    assert different == set(), {key: (original[key], imported.get(key)) for key in different}

    stack.no_change(*changed)
    stack.run("destroy", "-auto-approve")
    assert group(asg, told["group"]) is None
    assert schedules(asg, told["group"]) == {}
    assert alive(ec2, told["group"]) == []
    names = {one["LaunchTemplateName"] for one in ec2.describe_launch_templates()["LaunchTemplates"]}
    assert not [name for name in names if name.startswith(mark)]


def refreshes(asg: Any, name: str) -> list[dict[str, Any]]:
    found = asg.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"]
    assert isinstance(found, list)
    return found


def schedules(asg: Any, name: str) -> dict[str, dict[str, Any]]:
    found = asg.describe_scheduled_actions(AutoScalingGroupName=name)["ScheduledUpdateGroupActions"]
    return {one["ScheduledActionName"]: one for one in found}


def test_a_stack_with_a_launch_configuration(
    terraform: Tool, tmp_path: Path, server: Access, asg: Any, ec2: Any
) -> None:
    mark = unique("tf")
    stack = Stack(terraform, HERE / "configuration", tmp_path / "one", server, mark)
    stack.apply()
    told = stack.outputs()
    made = group(asg, told["group"])
    assert made is not None
    assert [one["ProtectedFromScaleIn"] for one in made["Instances"]] == [True, True]
    assert {one["InstanceType"] for one in made["Instances"]} == {"m5.large"}
    assert made["PlacementGroup"] == told["placement_group"]
    assert {one["Placement"]["GroupName"] for one in alive(ec2, told["group"])} == {told["placement_group"]}
    stack.no_change()
    # The members are protected: Terraform lowers the sizes first and lifts the protection afterwards.
    stack.run("destroy", "-auto-approve")
    assert group(asg, told["group"]) is None
    assert alive(ec2, told["group"]) == []
    left = asg.describe_launch_configurations(LaunchConfigurationNames=[told["configuration"]])["LaunchConfigurations"]
    assert left == []
    groups = ec2.describe_placement_groups()["PlacementGroups"]
    assert told["placement_group"] not in {one["GroupName"] for one in groups}
