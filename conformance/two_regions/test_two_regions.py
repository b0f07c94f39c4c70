"""One server in front of two regions of a real OpenStack: each has its own groups, templates and instances."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance.clients import client, refused
from conformance.fleet import unique
from conformance.openstack.cloud import VARIABLE, connect
from conformance.openstack.settings import settle
from conformance.product import Access, Product, openstack_settings, until

USER = "demo"
REGIONS = {"us-east-1": "RegionOne", "us-west-2": "RegionTwo"}
# Both regions have a zone that Nova calls az1.
ZONES = {"us-east-1a": "az1", "us-east-1b": "az2", "us-east-1c": "az3", "us-west-2a": "az1"}
SECONDS = 180.0

# openstacksdk warns of calls that it makes itself.
pytestmark = pytest.mark.filterwarnings("ignore::openstack.warnings.RemovedInSDK50Warning")


def option(values: Mapping[str, str]) -> str:
    return ",".join(f"{key}:{value}" for key, value in values.items())


@pytest.fixture(scope="module")
def cloud() -> Path:
    """The state folder of a test cloud with two regions."""
    if not os.environ.get(VARIABLE):
        pytest.skip(f"{VARIABLE} names no test cloud")
    state = Path(os.environ[VARIABLE])
    if settle(state, None).regions < 2:
        pytest.skip("the test cloud has one region (`make openstack-up REGIONS=2` gives it another)")
    return state


@pytest.fixture(scope="module")
def server(cloud: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    settings = openstack_settings(cloud) | {
        "OS_OPENSTACK__REGIONS": option(REGIONS),
        "OS_OPENSTACK__ZONES": option(ZONES),
    }
    state = tmp_path_factory.mktemp("regions") / "state"
    product = Product(state, arguments=(), settings=settings, keys=cloud / f"ec2-{USER}.env")
    yield product.start()
    product.stop()


@dataclass
class Side:
    """One region, as a client of the server and as a user of the cloud see it."""

    region: str
    asg: Any
    ec2: Any
    nova: Any

    def group(self, name: str) -> dict[str, Any] | None:
        found = self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        return found[0] if found else None

    def in_service(self, name: str) -> list[dict[str, Any]]:
        members = (self.group(name) or {"Instances": []})["Instances"]
        return [one for one in members if one["LifecycleState"] == "InService"]

    def servers(self, name: str) -> list[Any]:
        """Nova's own view of a group's servers."""
        return [one for one in self.nova.servers() if one.metadata.get("aws:autoscaling:groupName") == name]

    def template(self, name: str, **data: Any) -> None:
        image = next(one for one in self.ec2.describe_images()["Images"] if one["Name"] == "cirros")
        given = {"ImageId": image["ImageId"], "InstanceType": "m1.nano", **data}
        self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=given)

    def create(self, name: str, desired: int, zones: list[str], **more: Any) -> None:
        self.asg.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchTemplate={"LaunchTemplateName": name},
            MinSize=0,
            MaxSize=4,
            DesiredCapacity=desired,
            AvailabilityZones=zones,
            **more,
        )

    def settle(self, name: str, count: int) -> None:
        until(f"{count} of {name} in {self.region}", lambda: len(self.in_service(name)) == count, SECONDS, 0.5)

    def end(self, name: str) -> None:
        """Nothing of the name is left, in the server and in Nova."""
        if self.group(name):
            self.asg.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
        until(f"{name} is gone from {self.region}", lambda: not self.group(name) and not self.servers(name), SECONDS)
        names = {one["LaunchTemplateName"] for one in self.ec2.describe_launch_templates()["LaunchTemplates"]}
        if name in names:
            self.ec2.delete_launch_template(LaunchTemplateName=name)


@pytest.fixture(scope="module")
def sides(server: Access, cloud: Path) -> Iterator[tuple[Side, Side]]:
    """East and west."""
    connections = [connect(USER, cloud, region) for region in REGIONS.values()]
    east, west = (
        Side(
            name,
            client(server, "autoscaling", region=name),
            client(server, "ec2", region=name),
            connection.compute,
        )
        for name, connection in zip(REGIONS, connections, strict=True)
    )
    yield east, west
    for connection in connections:
        connection.close()


@pytest.fixture
def named(sides: tuple[Side, Side]) -> Iterator[Callable[[], str]]:
    """New names; what bears them goes in the end, in both regions."""
    made: list[str] = []

    def name() -> str:
        made.append(unique("region"))
        return made[-1]

    yield name
    for side in sides:
        for each in made:
            side.end(each)


def test_both_regions_are_told_with_zones_of_their_own(sides: tuple[Side, Side]) -> None:
    for side in sides:
        assert [one["RegionName"] for one in side.ec2.describe_regions()["Regions"]] == [*REGIONS]
        zones = side.ec2.describe_availability_zones()["AvailabilityZones"]
        assert [one["ZoneName"] for one in zones] == [zone for zone in ZONES if zone.startswith(side.region)]
        assert {one["RegionName"] for one in zones} == {side.region}
        subnets = side.ec2.describe_subnets()["Subnets"]
        assert {one["AvailabilityZone"] for one in subnets} == {one["ZoneName"] for one in zones}
    east, west = ({one["SubnetId"] for one in side.ec2.describe_subnets()["Subnets"]} for side in sides)
    assert not east & west


def test_a_region_that_is_not_there_is_refused(server: Access) -> None:
    words = "Credential should be scoped to a valid region, not 'eu-west-1'."
    with refused("SignatureDoesNotMatch", words, 403):
        client(server, "autoscaling", region="eu-west-1").describe_auto_scaling_groups()
    with refused("AuthFailure", status=401):
        client(server, "ec2", region="eu-west-1").describe_vpcs()


def test_groups_of_one_name_live_and_end_apart(sides: tuple[Side, Side], named: Callable[[], str]) -> None:
    east, west = sides
    name = named()
    east.template(name)
    with refused("InvalidLaunchTemplateName.NotFoundException"):
        west.ec2.describe_launch_template_versions(LaunchTemplateName=name)
    with refused("ValidationError", f"The specified launch template, with template name {name}, does not exist."):
        west.create(name, 1, ["us-west-2a"])
    west.template(name)
    east.create(name, 2, ["us-east-1a", "us-east-1b"])
    assert west.group(name) is None
    west.create(name, 1, ["us-west-2a"])
    east.settle(name, 2)
    west.settle(name, 1)
    assert {one["AvailabilityZone"] for one in east.in_service(name)} == {"us-east-1a", "us-east-1b"}
    assert [one["AvailabilityZone"] for one in west.in_service(name)] == ["us-west-2a"]
    assert sorted(one.availability_zone for one in east.servers(name)) == ["az1", "az2"]
    assert [one.availability_zone for one in west.servers(name)] == ["az1"]
    made = [side.group(name) for side in sides]
    arns = [one["AutoScalingGroupARN"].split(":")[3] for one in made if one]
    assert arns == [*REGIONS]

    there = west.in_service(name)[0]["InstanceId"]
    with refused("ValidationError"):
        east.asg.terminate_instance_in_auto_scaling_group(InstanceId=there, ShouldDecrementDesiredCapacity=False)
    with refused("InvalidInstanceID.NotFound"):
        east.ec2.describe_instances(InstanceIds=[there])

    east.end(name)
    assert [one["InstanceId"] for one in west.in_service(name)] == [there]
    assert [one.status for one in west.servers(name)] == ["ACTIVE"]


def test_a_placement_group_is_of_its_region_and_spreads_over_its_hosts(
    sides: tuple[Side, Side], named: Callable[[], str]
) -> None:
    east, west = sides
    name = named()
    west.template(name)
    west.ec2.create_placement_group(GroupName=name, Strategy="spread")
    try:
        with refused("InvalidPlacementGroup.Unknown"):
            east.ec2.describe_placement_groups(GroupNames=[name])
        west.create(name, 2, ["us-west-2a"], PlacementGroup=name)
        west.settle(name, 1)

        def failures() -> list[str]:
            told = west.asg.describe_scaling_activities(AutoScalingGroupName=name)["Activities"]
            return [one["StatusMessage"] for one in told if one["StatusCode"] == "Failed"]

        until("the second finds no host", failures, SECONDS)
        assert failures()[0].startswith(
            "We currently do not have sufficient m1.nano capacity in the Availability Zone you requested (us-west-2a)."
        )
        assert len(west.in_service(name)) == 1
        with refused("InvalidPlacementGroup.InUse"):
            west.ec2.delete_placement_group(GroupName=name)
    finally:
        west.end(name)
        west.ec2.delete_placement_group(GroupName=name)
