from __future__ import annotations

from dataclasses import replace

import pytest

from backend.drivers.simulated import SimulatedSettings
from backend.drivers.simulated.regions import MOST
from tests.factories import SCOPE, World, request
from tests.translators.ec2.wire import Asking, filtered
from translators.ec2 import regions
from translators.errors import AWSError

REGIONS = ("us-east-1", "us-west-2")


def test_a_region_knows_itself(aws: Asking) -> None:
    regions = aws("DescribeRegions")["Regions"]
    assert regions == [
        {"RegionName": "us-east-1", "Endpoint": "ec2.us-east-1.amazonaws.com", "OptInStatus": "opt-in-not-required"}
    ]
    assert aws("DescribeRegions", RegionNames=["us-east-1"], AllRegions=True)["Regions"] == regions
    assert aws("DescribeRegions", Filters=filtered("region-name", "eu-*"))["Regions"] == []
    assert aws.code("DescribeRegions", RegionNames=["eu-west-1"]) == "InvalidParameterValue"


def test_every_region_that_one_may_sign_for_is_told(world: World) -> None:
    def told(signed: str, **params: object) -> list[str]:
        call = replace(request(world.backend, "ec2", "DescribeRegions", params), region=signed, regions=REGIONS)
        return [region["RegionName"] for region in regions.REGIONS.describe(call)["Regions"]]

    assert told("us-west-2") == ["us-east-1", "us-west-2"]
    assert told("us-west-2", RegionNames=["us-east-1"]) == ["us-east-1"]
    assert told("RegionOne") == ["RegionOne", "us-east-1", "us-west-2"]
    with pytest.raises(AWSError):
        told("us-east-1", RegionNames=["us-east-1", "RegionOne"])


def test_zones_by_name_by_id_and_by_filter(aws: Asking) -> None:
    zones = aws("DescribeAvailabilityZones")["AvailabilityZones"]
    assert [(zone["ZoneName"], zone["ZoneId"]) for zone in zones] == [
        ("us-east-1a", "use1-az1"),
        ("us-east-1b", "use1-az2"),
        ("us-east-1c", "use1-az3"),
    ]
    assert {zone["State"] for zone in zones} == {"available"}
    assert aws("DescribeAvailabilityZones", ZoneNames=["us-east-1b"])["AvailabilityZones"] == zones[1:2]
    assert aws("DescribeAvailabilityZones", ZoneIds=["use1-az3"])["AvailabilityZones"] == zones[2:]
    usual = [*filtered("opt-in-status", "opt-in-not-required"), *filtered("state", "available")]
    assert aws("DescribeAvailabilityZones", Filters=usual)["AvailabilityZones"] == zones
    assert aws.code("DescribeAvailabilityZones", ZoneNames=["us-east-1z"]) == "InvalidParameterValue"
    assert aws.code("DescribeAvailabilityZones", ZoneIds=["x"]) == "InvalidParameterValue"


def test_account_attributes(aws: Asking) -> None:
    vpc = aws("DescribeVpcs")["Vpcs"][0]["VpcId"]
    all_of_them = aws("DescribeAccountAttributes")["AccountAttributes"]
    told = {each["AttributeName"]: each["AttributeValues"][0]["AttributeValue"] for each in all_of_them}
    assert told["default-vpc"] == vpc
    assert told["supported-platforms"] == "VPC"
    some = aws("DescribeAccountAttributes", AttributeNames=["max-instances"])["AccountAttributes"]
    assert [each["AttributeName"] for each in some] == ["max-instances"]


def test_where_no_more_regions_are_open_it_is_told_in_aws_s_words() -> None:
    world = World(settings=SimulatedSettings(seed=7, any_region=True))
    for number in range(MOST):
        place = ("north", "south", "east", "west", "central", "northeast", "southeast", "southwest")[number // 8]
        there = Asking(world, scope=replace(SCOPE, region=f"sa-{place}-{number % 8 + 1}"))
        assert there("CreatePlacementGroup", GroupName="spread", Strategy="spread")
    aws = Asking(world)
    assert aws("DescribeImages", Owners=["amazon"])["Images"]
    for operation, params in (
        ("RegisterImage", {"Name": "mine"}),
        ("CreatePlacementGroup", {"GroupName": "spread", "Strategy": "spread"}),
    ):
        refused = aws.refused(operation, **params)
        assert (refused.code, refused.status) == ("OptInRequired", 401)
        assert refused.message == (
            "You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe. "
            f"The account has instances, images or placement groups in {MOST} regions already."
        )
    world.close()
