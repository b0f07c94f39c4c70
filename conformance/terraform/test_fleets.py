"""Terraform with the AWS provider: groups of several types, refreshed, behind target groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.fleet import unique
from conformance.leaks import standing
from conformance.product import Access, until
from conformance.terraform.stack import Stack, Tool, group

HERE = Path(__file__).parent
pytestmark = [
    pytest.mark.tool,
    pytest.mark.embedded("Spot is refused on OpenStack where an operator maps no class to it"),
]


def _refreshes(asg: Any, name: str) -> list[dict[str, Any]]:
    found = asg.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"]
    assert isinstance(found, list)
    return found


def _sources(asg: Any, name: str) -> dict[str, str]:
    found = asg.describe_traffic_sources(AutoScalingGroupName=name)["TrafficSources"]
    return {each["Identifier"]: each["State"] for each in found}


def test_groups_of_several_types(terraform: Tool, tmp_path: Path, server: Access, asg: Any) -> None:
    before = standing(server)
    mark = unique("mix")
    stack = Stack(terraform, HERE / "fleets", tmp_path / "one", server, mark)
    stack.apply()
    told = stack.outputs()
    weighted, meeting = group(asg, told["weighted"]), group(asg, told["meeting"])
    assert weighted is not None
    assert meeting is not None
    assert [(one["InstanceType"], one["WeightedCapacity"]) for one in weighted["Instances"]] == [("t3.small", "2")] * 2
    assert sum(int(one["WeightedCapacity"]) for one in meeting["Instances"]) == 2
    assert {one["InstanceType"][:2] for one in meeting["Instances"]} <= {"m5", "c5"}
    assert _sources(asg, told["weighted"]) == {told["targets"]["blue"]: "Added"}
    assert _sources(asg, told["meeting"]) == {told["targets"]["green"]: "Added"}
    stack.no_change()

    first = {one["InstanceId"] for one in weighted["Instances"]}
    changed = ("-var=release=two", "-var=weight=1", "-var=vcpus=4", "-var=side=green", "-var=balanced=false")
    stack.apply(*changed)
    until("the refresh is over", lambda: _refreshes(asg, told["weighted"])[0].get("EndTime"), 120.0)
    (refresh,) = _refreshes(asg, told["weighted"])
    assert (refresh["Status"], refresh["PercentageComplete"]) == ("Successful", 100), refresh
    assert refresh["Preferences"]["CheckpointPercentages"] == [50, 100]
    assert refresh["Preferences"]["AutoRollback"] is True
    weighted = group(asg, told["weighted"])
    assert weighted is not None
    assert not first & {one["InstanceId"] for one in weighted["Instances"]}
    assert {one["LaunchTemplate"]["Version"] for one in weighted["Instances"]} == {"2"}
    assert [one["WeightedCapacity"] for one in weighted["Instances"]] == ["1"] * 4
    assert _sources(asg, told["weighted"]) == {told["targets"]["green"]: "Added"}
    assert _sources(asg, told["meeting"]) == {}
    stack.no_change(*changed)

    keys = told["import"]
    second = Stack(terraform, HERE / "fleets", tmp_path / "two", server, mark)
    assert {address for address, done in second.imports(keys, *changed).items() if "delete" in done} == set()
    stack.run("destroy", "-auto-approve", *changed)
    assert standing(server) == before
