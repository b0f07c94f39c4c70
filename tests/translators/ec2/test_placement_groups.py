from __future__ import annotations

import pytest

from backend.drivers.compute import GroupPolicy
from backend.drivers.errors import QuotaExceeded
from backend.drivers.simulated.faults import Where
from tests.factories import SCOPE, World
from tests.translators.ec2.test_running import run
from tests.translators.ec2.wire import Asking, filtered


@pytest.fixture
def groups(aws: Asking) -> Asking:
    aws("CreatePlacementGroup", GroupName="far", Strategy="spread", SpreadLevel="rack")
    aws(
        "CreatePlacementGroup",
        GroupName="near",
        Strategy="cluster",
        TagSpecifications=[{"ResourceType": "placement-group", "Tags": [{"Key": "team", "Value": "blue"}]}],
    )
    return aws


def names(aws: Asking, **params: object) -> list[str]:
    return [group["GroupName"] for group in aws("DescribePlacementGroups", **params)["PlacementGroups"]]


def test_a_group_is_told_as_it_was_made(groups: Asking) -> None:
    far, near = groups("DescribePlacementGroups")["PlacementGroups"]
    assert (far["Strategy"], far["SpreadLevel"], far["State"], far["Tags"]) == ("spread", "rack", "available", [])
    assert (near["Strategy"], near["Tags"]) == ("cluster", [{"Key": "team", "Value": "blue"}])
    assert "SpreadLevel" not in near
    assert far["GroupId"].startswith("pg-")
    account = groups.world.call("GetCallerIdentity", service="sts")["Account"]
    assert far["GroupArn"] == f"arn:aws:ec2:us-east-1:{account}:placement-group/far"
    made = groups("CreatePlacementGroup", GroupName="third", Strategy="spread")["PlacementGroup"]
    assert groups("DescribePlacementGroups", GroupIds=[made["GroupId"]])["PlacementGroups"] == [made]


def test_groups_by_name_id_and_filter(groups: Asking) -> None:
    far = groups("DescribePlacementGroups", GroupNames=["far"])["PlacementGroups"][0]
    assert names(groups, GroupIds=[far["GroupId"]]) == ["far"]
    for name, value in (
        ("group-name", "f*"),
        ("strategy", "spread"),
        ("spread-level", "rack"),
        ("group-arn", far["GroupArn"]),
    ):
        assert names(groups, Filters=filtered(name, value)) == ["far"]
    assert names(groups, Filters=filtered("tag:team", "blue")) == ["near"]
    assert names(groups, Filters=filtered("state", "available")) == ["far", "near"]
    assert names(groups, Filters=filtered("state", "deleted")) == []


def test_tags_are_changed_and_go_with_the_group(groups: Asking) -> None:
    near = groups("DescribePlacementGroups", GroupNames=["near"])["PlacementGroups"][0]["GroupId"]
    groups("CreateTags", Resources=[near], Tags=[{"Key": "team", "Value": "red"}])
    told = groups("DescribeTags", Filters=filtered("resource-type", "placement-group"))["Tags"]
    assert [(tag["ResourceId"], tag["Value"]) for tag in told] == [(near, "red")]
    groups("DeletePlacementGroup", GroupName="near")
    assert groups("DescribeTags")["Tags"] == []
    assert groups.code("CreateTags", Resources=[near], Tags=[{"Key": "a"}]) == "InvalidPlacementGroup.Unknown"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"GroupName": "far", "Strategy": "cluster"}, "InvalidPlacementGroup.Duplicate"),
        ({"Strategy": "cluster"}, "MissingParameter"),
        ({"GroupName": "x"}, "MissingParameter"),
        ({"GroupName": "x" * 256, "Strategy": "cluster"}, "InvalidParameterValue"),
        ({"GroupName": "é", "Strategy": "cluster"}, "InvalidParameterValue"),
        ({"GroupName": " x", "Strategy": "cluster"}, "InvalidParameterValue"),
        ({"GroupName": "x", "Strategy": "partition", "PartitionCount": 0}, "InvalidParameterValue"),
        ({"GroupName": "x", "Strategy": "partition", "PartitionCount": 8}, "InvalidParameterValue"),
        ({"GroupName": "x", "Strategy": "partition", "SpreadLevel": "rack"}, "InvalidParameterCombination"),
        ({"GroupName": "x", "Strategy": "precision-time"}, "UnsupportedOperation"),
        ({"GroupName": "x", "Strategy": "spread", "PartitionCount": 3}, "InvalidParameterCombination"),
        ({"GroupName": "x", "Strategy": "cluster", "SpreadLevel": "rack"}, "InvalidParameterCombination"),
        ({"GroupName": "x", "Strategy": "spread", "SpreadLevel": "host"}, "UnsupportedOperation"),
        ({"GroupName": "x", "Strategy": "spread", "SpreadLevel": "shelf"}, "InvalidParameterValue"),
        ({"GroupName": "x", "Strategy": "spread", "LinkedGroupId": "pg-1"}, "UnsupportedOperation"),
        (
            {"GroupName": "x", "Strategy": "spread", "TagSpecifications": [{"ResourceType": "instance"}]},
            "InvalidParameterValue",
        ),
        ({"GroupName": "x", "Strategy": "spread", "DryRun": True}, "DryRunOperation"),
    ],
)
def test_a_group_that_cannot_be_is_refused_and_not_made(groups: Asking, params: dict, code: str) -> None:
    assert groups.code("CreatePlacementGroup", **params) == code
    assert names(groups) == ["far", "near"]


def test_words_for_what_is_not_there_and_what_is_in_use(groups: Asking, image: str) -> None:
    for operation in ("DescribePlacementGroups", "DeletePlacementGroup"):
        params = {"GroupNames": ["nil"]} if operation.startswith("Describe") else {"GroupName": "nil"}
        told = groups.refused(operation, **params)
        assert (told.code, told.message) == ("InvalidPlacementGroup.Unknown", "The Placement Group 'nil' is unknown.")
    assert groups.code("DescribePlacementGroups", GroupIds=["pg-0123456789abcdef0"]) == "InvalidPlacementGroup.Unknown"
    assert groups.code("DescribePlacementGroups", GroupIds=["far"]) == "InvalidPlacementGroupId.Malformed"
    run(groups, image, Placement={"GroupName": "near"})
    told = groups.refused("DeletePlacementGroup", GroupName="near")
    assert told.code == "InvalidPlacementGroup.InUse"
    assert told.message == "The placement group 'near' is in use and may not be deleted."


def test_a_dry_run_of_a_deletion_tells_what_does_not_exist(groups: Asking) -> None:
    assert groups.code("DeletePlacementGroup", GroupName="nil", DryRun=True) == "InvalidPlacementGroup.Unknown"
    assert groups.code("DeletePlacementGroup", GroupName="near", DryRun=True) == "DryRunOperation"
    assert len(groups("DescribePlacementGroups")["PlacementGroups"]) == 2


def test_instances_are_run_in_a_group_by_name_or_id_and_tell_it(groups: Asking, image: str) -> None:
    far = groups("DescribePlacementGroups", GroupNames=["far"])["PlacementGroups"][0]["GroupId"]
    for given in ({"GroupName": "far"}, {"GroupId": far}):
        ids = run(groups, image, 3, Placement={**given, "AvailabilityZone": "us-east-1b"})
        told = groups("DescribeInstances", InstanceIds=ids, Filters=filtered("placement-group-name", "far"))
        for instance in told["Reservations"][0]["Instances"]:
            assert (instance["Placement"]["GroupName"], instance["Placement"]["GroupId"]) == ("far", far)
    data = groups("GetLaunchTemplateData", InstanceId=ids[0])["LaunchTemplateData"]
    assert data["Placement"] == {"AvailabilityZone": "us-east-1b", "GroupName": "far", "Tenancy": "default"}
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    for given in ({"GroupName": "nil"}, {"GroupId": "pg-0123456789abcdef0"}):
        told = groups.refused("RunInstances", **asked, Placement=given)
        assert told.code == "InvalidPlacementGroup.Unknown"
        assert next(iter(given.values())) in told.message
    full = groups.refused(
        "RunInstances",
        **{**asked, "MinCount": 2, "MaxCount": 2},
        Placement={"GroupName": "far", "AvailabilityZone": "us-east-1b"},
    )
    assert full.code == "InsufficientInstanceCapacity"


def test_what_the_cloud_s_users_made_is_told_by_what_it_wishes_for(aws: Asking, world: World) -> None:
    compute = world.simulated.cloud.compute
    for policy in [*GroupPolicy][:4]:
        compute.create_server_group(SCOPE, policy.value, policy)
    told = aws("DescribePlacementGroups")["PlacementGroups"]
    assert [group["Strategy"] for group in told] == ["cluster", "spread", "cluster", "spread"]


def test_a_quota_of_groups_is_told_as_one(aws: Asking, world: World) -> None:
    world.simulated.faults.refuse(QuotaExceeded("server_groups", 1, 10), Where(calls=("create_server_group",)))
    told = aws.refused("CreatePlacementGroup", GroupName="x", Strategy="spread")
    assert told.code == "PlacementGroupLimitExceeded"
    assert "more placement groups than your current placement groups limit of 10" in told.message


def partitions(aws: Asking, **params: object) -> list[int]:
    told = aws("DescribeInstances", **params)["Reservations"]
    return sorted(each["Placement"]["PartitionNumber"] for all_ in told for each in all_["Instances"])


def test_partitions_are_filled_evenly_or_as_was_asked_for(aws: Asking, image: str) -> None:
    made = aws("CreatePlacementGroup", GroupName="racks", Strategy="partition", PartitionCount=3)["PlacementGroup"]
    assert (made["Strategy"], made["PartitionCount"]) == ("partition", 3)
    assert aws("DescribePlacementGroups", Filters=filtered("strategy", "partition"))["PlacementGroups"] == [made]
    ids = run(aws, image, 7, Placement={"GroupName": "racks", "AvailabilityZone": "us-east-1b"})
    assert partitions(aws, InstanceIds=ids) == [1, 1, 1, 2, 2, 3, 3]
    (more,) = run(aws, image, Placement={"GroupName": "racks", "AvailabilityZone": "us-east-1b", "PartitionNumber": 1})
    assert partitions(aws, InstanceIds=[more]) == [1]
    assert partitions(aws, Filters=filtered("placement-partition-number", "1")) == [1, 1, 1, 1]
    data = aws("GetLaunchTemplateData", InstanceId=more)["LaunchTemplateData"]
    assert data["Placement"]["PartitionNumber"] == 1
    ids = run(aws, image, 2, Placement={"GroupName": "racks", "AvailabilityZone": "us-east-1c"})
    assert partitions(aws, InstanceIds=ids) == [1, 2]  # each zone has partitions of its own
    again = aws("CreatePlacementGroup", GroupName="usual", Strategy="partition")["PlacementGroup"]
    assert again["PartitionCount"] == 2


@pytest.mark.parametrize("placement", [{"GroupName": "far", "PartitionNumber": 1}, {"PartitionNumber": 1}])
def test_a_partition_that_there_is_not_is_refused(groups: Asking, image: str, placement: dict) -> None:
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    assert groups.code("RunInstances", **asked, Placement=placement) == "InvalidParameterValue"
    groups("CreatePlacementGroup", GroupName="racks", Strategy="partition", PartitionCount=3)
    told = groups.refused("RunInstances", **asked, Placement={"GroupName": "racks", "PartitionNumber": 4})
    assert (told.code, "(4) for parameter partitionNumber" in told.message) == ("InvalidParameterValue", True)
