from __future__ import annotations

import pytest

from tests.factories import SCOPE, World
from tests.translators.ec2.wire import Asking, filtered


@pytest.fixture
def instance(aws: Asking, image: str) -> str:
    answer = aws("RunInstances", ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    return answer["Instances"][0]["InstanceId"]


def put(aws: Asking, resources: list[str], **tags: str) -> None:
    answer = aws("CreateTags", Resources=resources, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    assert answer == {}


def tags_of(aws: Asking, resource: str) -> dict[str, str]:
    told = aws("DescribeTags", Filters=filtered("resource-id", resource))["Tags"]
    return {tag["Key"]: tag["Value"] for tag in told}


def test_everything_that_is_described_can_be_tagged(aws: Asking, instance: str, image: str, world: World) -> None:
    world.simulated.projects.create_key_pair(SCOPE, "k")
    told = aws("DescribeInstances")["Reservations"][0]["Instances"][0]
    template = aws("CreateLaunchTemplate", LaunchTemplateName="web", LaunchTemplateData={"InstanceType": "t3.micro"})
    resources = {
        instance: "instance",
        image: "image",
        told["VpcId"]: "vpc",
        told["SubnetId"]: "subnet",
        told["SecurityGroups"][0]["GroupId"]: "security-group",
        told["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]: "volume",
        told["NetworkInterfaces"][0]["NetworkInterfaceId"]: "network-interface",
        template["LaunchTemplate"]["LaunchTemplateId"]: "launch-template",
        aws("DescribeKeyPairs")["KeyPairs"][0]["KeyPairId"]: "key-pair",
    }
    put(aws, list(resources), owner="me")
    listed = aws("DescribeTags", Filters=filtered("key", "owner"))["Tags"]
    assert {tag["ResourceId"]: tag["ResourceType"] for tag in listed} == resources
    mine = filtered("tag:owner", "me")
    for operation, member in (
        ("DescribeVpcs", "Vpcs"),
        ("DescribeSubnets", "Subnets"),
        ("DescribeSecurityGroups", "SecurityGroups"),
        ("DescribeImages", "Images"),
        ("DescribeKeyPairs", "KeyPairs"),
        ("DescribeVolumes", "Volumes"),
        ("DescribeLaunchTemplates", "LaunchTemplates"),
    ):
        assert aws(operation, Filters=mine)[member][0]["Tags"] == [{"Key": "owner", "Value": "me"}], operation
    assert aws("DescribeNetworkInterfaces", Filters=mine)["NetworkInterfaces"][0]["TagSet"]
    assert len(aws("DescribeInstances", Filters=mine)["Reservations"]) == 1


def test_a_tag_is_written_over_and_others_stay(aws: Asking, instance: str) -> None:
    vpc = aws("DescribeVpcs")["Vpcs"][0]["VpcId"]
    for resource in (instance, vpc):
        put(aws, [resource], a="1", b="2")
        put(aws, [resource], a="3")
        assert tags_of(aws, resource) == {"a": "3", "b": "2"}


def test_tags_are_taken_away_by_key_by_value_or_all(aws: Asking, instance: str) -> None:
    vpc = aws("DescribeVpcs")["Vpcs"][0]["VpcId"]
    both = [instance, vpc]
    put(aws, both, a="1", b="2", c="", d="4", e="5")
    aws("DeleteTags", Resources=both, Tags=[{"Key": "a"}, {"Key": "b", "Value": "other"}, {"Key": "c", "Value": ""}])
    for resource in both:
        assert tags_of(aws, resource) == {"b": "2", "d": "4", "e": "5"}
    aws("DeleteTags", Resources=both, Tags=[{"Key": "b", "Value": "2"}, {"Key": "d", "Value": ""}])
    for resource in both:
        assert tags_of(aws, resource) == {"d": "4", "e": "5"}
    aws("DeleteTags", Resources=both)
    for resource in both:
        assert tags_of(aws, resource) == {}


@pytest.mark.parametrize(
    ("resources", "tags", "code"),
    [
        (["i-0123456789abcdef0"], [{"Key": "a", "Value": "b"}], "InvalidInstanceID.NotFound"),
        (["lt-0123456789abcdef0"], [{"Key": "a", "Value": "b"}], "InvalidLaunchTemplateId.NotFound"),
        (["vpc-0123456789abcdef0"], [{"Key": "a", "Value": "b"}], "InvalidVpcID.NotFound"),
        (["vpc-nonsense"], [{"Key": "a", "Value": "b"}], "InvalidVpcId.Malformed"),
        (["nonsense"], [{"Key": "a", "Value": "b"}], "InvalidID"),
        (["pl-0123456789abcdef0"], [{"Key": "a", "Value": "b"}], "InvalidPrefixListID.NotFound"),
        (["tgw-0123456789abcdef0"], [{"Key": "a", "Value": "b"}], "InvalidID"),
        (["INSTANCE"], [{"Key": "aws:a", "Value": "b"}], "InvalidParameterValue"),
        (["INSTANCE"], [{"Key": "AWS:a", "Value": "b"}], "InvalidParameterValue"),
        (["INSTANCE"], [{"Key": "", "Value": "b"}], "InvalidParameterValue"),
        (["INSTANCE"], [{"Key": "k" * 129, "Value": "b"}], "InvalidParameterValue"),
        (["INSTANCE"], [{"Key": "k", "Value": "v" * 257}], "InvalidParameterValue"),
        (["INSTANCE"], [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}], "InvalidParameterValue"),
        (["INSTANCE"], [{"Key": f"k{n}", "Value": "1"} for n in range(51)], "TagLimitExceeded"),
    ],
)
def test_what_cannot_be_tagged_and_with_what(
    aws: Asking, instance: str, resources: list[str], tags: list[dict], code: str
) -> None:
    named = [instance if resource == "INSTANCE" else resource for resource in resources]
    assert aws.code("CreateTags", Resources=named, Tags=tags) == code
    assert aws.code("CreateTags", Resources=[*named, instance], Tags=tags) == code
    assert tags_of(aws, instance) == {}


def test_fifty_tags_and_no_more(aws: Asking, instance: str) -> None:
    vpc = aws("DescribeVpcs")["Vpcs"][0]["VpcId"]
    for resource in (instance, vpc):
        put(aws, [resource], **{f"k{number}": "v" for number in range(50)})
        put(aws, [resource], k1="other")
        assert aws.code("CreateTags", Resources=[resource], Tags=[{"Key": "x", "Value": "y"}]) == "TagLimitExceeded"
        assert len(tags_of(aws, resource)) == 50


def test_reserved_tags_stay_and_do_not_count(aws: Asking, image: str) -> None:
    aws(
        "CreateLaunchTemplate",
        LaunchTemplateName="web",
        LaunchTemplateData={"ImageId": image, "InstanceType": "t3.micro"},
    )
    answer = aws("RunInstances", LaunchTemplate={"LaunchTemplateName": "web"}, MinCount=1, MaxCount=1)
    instance = answer["Instances"][0]["InstanceId"]
    put(aws, [instance], **{f"k{number}": "v" for number in range(50)})
    aws("DeleteTags", Resources=[instance])
    assert set(tags_of(aws, instance)) == {"aws:ec2launchtemplate:id", "aws:ec2launchtemplate:version"}
    refused = aws.refused("DeleteTags", Resources=[instance], Tags=[{"Key": "aws:ec2launchtemplate:id"}])
    assert refused.message == "Tag keys starting with 'aws:' are reserved for internal use"


def test_dry_runs_change_nothing(aws: Asking, instance: str) -> None:
    tag = [{"Key": "a", "Value": "b"}]
    assert aws.code("CreateTags", Resources=[instance], Tags=tag, DryRun=True) == "DryRunOperation"
    assert tags_of(aws, instance) == {}
    put(aws, [instance], a="b")
    assert aws.code("DeleteTags", Resources=[instance], Tags=tag, DryRun=True) == "DryRunOperation"
    assert tags_of(aws, instance) == {"a": "b"}


def test_lists_are_filtered_and_paged(aws: Asking, instance: str) -> None:
    put(aws, [instance], **{f"k{number}": str(number % 2) for number in range(8)})
    assert len(aws("DescribeTags", Filters=filtered("value", "1"))["Tags"]) == 4
    assert len(aws("DescribeTags", Filters=filtered("tag:k1", "*"))["Tags"]) == 1
    assert len(aws("DescribeTags", Filters=filtered("resource-type", "instance"))["Tags"]) == 8
    assert aws("DescribeTags", Filters=filtered("resource-type", "vpc"))["Tags"] == []
    page = aws("DescribeTags", MaxResults=5)
    rest = aws("DescribeTags", MaxResults=5, NextToken=page["NextToken"])
    assert [tag["Key"] for tag in (*page["Tags"], *rest["Tags"])] == [f"k{number}" for number in range(8)]
    assert aws.code("DescribeTags", MaxResults=4) == "InvalidParameterValue"
