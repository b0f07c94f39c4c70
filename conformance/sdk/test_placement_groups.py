"""boto3: placement groups, and what groups and instances make of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conformance.clients import refused
from conformance.fleet import Fleet, unique
from conformance.product import ON_OPENSTACK, until

HOSTS = 1 if ON_OPENSTACK else 7
"""Hosts of a zone: as many servers of a spread group find room there."""


@pytest.fixture
def placement_group(ec2: Any) -> Iterator[Callable[[str], str]]:
    """Makes placement groups; those that are left go in the end, once they are empty."""
    made: list[str] = []

    def make(strategy: str) -> str:
        name = unique("pg")
        ec2.create_placement_group(GroupName=name, Strategy=strategy)
        made.append(name)
        return name

    yield make
    here = {one["GroupName"] for one in ec2.describe_placement_groups()["PlacementGroups"]}
    for name in here & set(made):
        ec2.delete_placement_group(GroupName=name)


def members(fleet: Fleet, placement_group: str) -> Counter[str]:
    """Zones of a placement group's instances."""
    filters = [
        {"Name": "placement-group-name", "Values": [placement_group]},
        {"Name": "instance-state-name", "Values": ["pending", "running"]},
    ]
    told = fleet.ec2.describe_instances(Filters=filters)["Reservations"]
    return Counter(one["Placement"]["AvailabilityZone"] for each in told for one in each["Instances"])


def test_made_told_tagged_and_deleted(ec2: Any, account: str) -> None:
    name = unique("pg")
    tags = [{"Key": "for", "Value": "conformance"}]
    made = ec2.create_placement_group(
        GroupName=name,
        Strategy="spread",
        SpreadLevel="rack",
        TagSpecifications=[{"ResourceType": "placement-group", "Tags": tags}],
    )["PlacementGroup"]
    assert (made["GroupName"], made["State"], made["Strategy"], made["Tags"]) == (name, "available", "spread", tags)
    assert made["GroupArn"] == f"arn:aws:ec2:us-east-1:{account}:placement-group/{name}"
    assert ec2.describe_placement_groups(GroupNames=[name])["PlacementGroups"] == [made]
    assert ec2.describe_placement_groups(GroupIds=[made["GroupId"]])["PlacementGroups"] == [made]
    by_tag = ec2.describe_placement_groups(Filters=[{"Name": "tag:for", "Values": ["conformance"]}])
    assert by_tag["PlacementGroups"] == [made]
    with refused("InvalidPlacementGroup.Duplicate", f"The placement group '{name}' already exists."):
        ec2.create_placement_group(GroupName=name, Strategy="cluster")
    ec2.delete_placement_group(GroupName=name)
    with refused("InvalidPlacementGroup.Unknown", f"The Placement Group '{name}' is unknown."):
        ec2.describe_placement_groups(GroupNames=[name])
    with refused("InvalidPlacementGroup.Unknown"):
        ec2.delete_placement_group(GroupName=name)
    if ON_OPENSTACK:
        with refused("UnsupportedOperation"):
            ec2.create_placement_group(GroupName=name, Strategy="partition", PartitionCount=2)


@pytest.mark.embedded("Nova keeps no partitions apart")
def test_a_group_in_a_placement_group_of_partitions(fleet: Fleet) -> None:
    name = unique("pg")
    made = fleet.ec2.create_placement_group(GroupName=name, Strategy="partition", PartitionCount=3)["PlacementGroup"]
    assert (made["Strategy"], made["PartitionCount"]) == ("partition", 3)
    group = fleet.create(3, PlacementGroup=name, VPCZoneIdentifier=fleet.subnets["us-east-1a"])
    fleet.settle(group, 3)
    told = fleet.ec2.describe_instances(Filters=[{"Name": "placement-group-name", "Values": [name]}])["Reservations"]
    placements = [one["Placement"] for each in told for one in each["Instances"]]
    assert {(one["GroupName"], one["PartitionNumber"]) for one in placements} == {(name, 1), (name, 2), (name, 3)}
    fleet.delete(group)
    fleet.ec2.delete_placement_group(GroupName=name)


def test_a_group_in_a_spread_placement_group(fleet: Fleet, placement_group: Callable[[str], str]) -> None:
    spread = placement_group("spread")
    name = fleet.create(0, PlacementGroup=spread, VPCZoneIdentifier=fleet.subnets["us-east-1a"])
    assert fleet.group(name)["PlacementGroup"] == spread
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=HOSTS + 2)
    until("one is refused", lambda: [a for a in fleet.activities(name) if a["StatusCode"] == "Failed"])
    until("each host has one", lambda: len(fleet.ids(name)) == HOSTS)
    words = {a["StatusMessage"] for a in fleet.activities(name) if a["StatusCode"] == "Failed"}
    assert all(each.startswith("We currently do not have sufficient") for each in words)
    until("no other is left", lambda: members(fleet, spread) == {"us-east-1a": HOSTS})
    with refused("InvalidPlacementGroup.InUse", f"The placement group '{spread}' is in use and may not be deleted."):
        fleet.ec2.delete_placement_group(GroupName=spread)
    fleet.delete(name)


def test_a_group_whose_template_names_a_placement_group(fleet: Fleet, placement_group: Callable[[str], str]) -> None:
    cluster = placement_group("cluster")
    template = fleet.new_template(Placement={"GroupName": cluster})
    name = fleet.create(
        2, LaunchTemplate={"LaunchTemplateName": template}, VPCZoneIdentifier=fleet.subnets["us-east-1b"]
    )
    fleet.settle(name, 2)
    assert members(fleet, cluster) == {"us-east-1b": 2}
    fleet.delete(name)


def test_what_is_not_there_is_refused(fleet: Fleet) -> None:
    nobody = unique("pg")
    template = fleet.new_template(Placement={"GroupName": nobody})
    with refused("ValidationError", f"The Placement Group '{nobody}' is unknown."):
        fleet.create(0, PlacementGroup=nobody)
    with refused("ValidationError", "You must use a valid fully-formed launch template."):
        fleet.create(0, LaunchTemplate={"LaunchTemplateName": template})
    with refused("InvalidPlacementGroup.Unknown", f"The Placement Group '{nobody}' is unknown."):
        fleet.run(Placement={"GroupName": nobody})


def test_a_placement_group_that_disappears_fails_the_launch(
    fleet: Fleet, placement_group: Callable[[str], str]
) -> None:
    spread = placement_group("spread")
    name = fleet.create(0, PlacementGroup=spread)
    fleet.ec2.delete_placement_group(GroupName=spread)
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
    until("it failed", lambda: [a for a in fleet.activities(name) if a["StatusCode"] == "Failed"])
    assert fleet.activities(name)[-1]["StatusMessage"] == (
        f"The Placement Group '{spread}' is unknown. Launching EC2 instance failed."
    )
