"""Terraform with the AWS provider: a group that follows load, by policies of every kind, with the alarms round them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.clients import client
from conformance.fleet import unique
from conformance.leaks import standing
from conformance.product import Access
from conformance.terraform.stack import Stack, Tool

HERE = Path(__file__).parent
pytestmark = pytest.mark.tool


def _policies(asg: Any, name: str) -> dict[str, dict[str, Any]]:
    found = asg.describe_policies(AutoScalingGroupName=name)["ScalingPolicies"]
    return {each["PolicyName"]: each for each in found}


def _alarms(cloudwatch: Any, mark: str) -> dict[str, dict[str, Any]]:
    """The alarms of a stack by what stands behind its mark in their names."""
    found = cloudwatch.describe_alarms(AlarmNamePrefix=f"{mark}-")["MetricAlarms"]
    return {each["AlarmName"].removeprefix(f"{mark}-"): each for each in found}


def test_what_makes_a_group_follow_load(terraform: Tool, tmp_path: Path, server: Access, asg: Any) -> None:
    before = standing(server)
    cloudwatch, mark = client(server, "cloudwatch"), unique("load")
    stack = Stack(terraform, HERE / "policies", tmp_path / "one", server, mark)
    stack.apply()
    name = stack.outputs()["group"]
    made = _policies(asg, name)
    assert {policy: each["PolicyType"] for policy, each in made.items()} == {
        "simple": "SimpleScaling",
        "exact": "SimpleScaling",
        "step": "StepScaling",
        "predefined": "TargetTrackingScaling",
        "customized": "TargetTrackingScaling",
        "math": "TargetTrackingScaling",
        "pair": "PredictiveScaling",
        "two": "PredictiveScaling",
        "own": "PredictiveScaling",
    }
    alarms = _alarms(cloudwatch, mark)
    assert alarms.keys() == {"high", "slow", "errors"}
    assert [each["AlarmName"] for each in made["step"]["Alarms"]] == [f"{mark}-high"]
    assert [each["AlarmName"] for each in made["simple"]["Alarms"]] == [f"{mark}-slow"]
    assert len(made["predefined"]["Alarms"]) == 2
    stack.no_change()

    changed = ("-var=target=40", "-var=step=2", "-var=enabled=false")
    stack.apply(*changed)
    made, alarms = _policies(asg, name), _alarms(cloudwatch, mark)
    assert made["simple"]["ScalingAdjustment"] == -2
    assert made["step"]["MinAdjustmentMagnitude"] == 2
    assert made["predefined"]["TargetTrackingConfiguration"]["TargetValue"] == 40
    assert {policy for policy, each in made.items() if not each["Enabled"]} == {"exact", "predefined"}
    assert (alarms["high"]["ActionsEnabled"], alarms["errors"]["Threshold"]) == (False, 20)
    foreseen = made["pair"]["PredictiveScalingConfiguration"]
    assert (foreseen["Mode"], foreseen["SchedulingBufferTime"]) == ("ForecastAndScale", 120)
    (composite,) = cloudwatch.describe_alarms(AlarmNames=[f"{mark}-bad"], AlarmTypes=["CompositeAlarm"])[
        "CompositeAlarms"
    ]
    assert (composite["ActionsEnabled"], composite["ActionsSuppressorExtensionPeriod"]) == (False, 20)
    board = json.loads(cloudwatch.get_dashboard(DashboardName=f"{mark}-web")["DashboardBody"])
    assert board["widgets"][0]["height"] == 12
    stack.no_change(*changed)

    keys = stack.outputs()["import"]
    second = Stack(terraform, HERE / "policies", tmp_path / "two", server, mark)
    assert second.imports(keys, *changed) == {address: ["no-op"] for address in keys}
    stack.run("destroy", "-auto-approve", *changed)
    assert standing(server) == before
