from __future__ import annotations

import pytest

from tests.translators.ec2.wire import Asking, filtered


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("amazon", "amzn2-ami-hvm-*-x86_64-gp2"),
        ("amazon", "al2023-ami-2023.*-x86_64"),
        ("amazon", "al2023-ami-minimal-*-arm64"),
        ("amazon", "amzn-ami-hvm-*-x86_64-gp2"),
        ("137112412989", "amzn2-ami-hvm-*-arm64-gp2"),
        ("099720109477", "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-*"),
        ("099720109477", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-*"),
    ],
)
def test_the_usual_look_ups_find_something(aws: Asking, owner: str, name: str) -> None:
    filters = [
        *filtered("name", name),
        *filtered("virtualization-type", "hvm"),
        *filtered("root-device-type", "ebs"),
        *filtered("state", "available"),
    ]
    images = aws("DescribeImages", Owners=[owner], Filters=filters)["Images"]
    assert images
    assert len({image["CreationDate"] for image in images}) == len(images), "the most recent one is one"
    newest = max(images, key=lambda image: image["CreationDate"])
    assert aws("DescribeImages", ImageIds=[newest["ImageId"]])["Images"] == [newest]


def test_owners(aws: Asking) -> None:
    everything = aws("DescribeImages")["Images"]
    assert aws("DescribeImages", Owners=["self"])["Images"] == []
    assert aws("DescribeImages", Owners=["aws-marketplace"])["Images"] == []
    both = aws("DescribeImages", Owners=["self", "amazon"])["Images"]
    assert 0 < len(both) <= len(everything)
    assert {image["ImageOwnerAlias"] for image in both} == {"amazon"}
    assert aws("DescribeImages", ExecutableUsers=["all"])["Images"] == everything
    assert aws("DescribeImages", ExecutableUsers=["self"])["Images"] == []
    assert aws.code("DescribeImages", ExecutableUsers=["me"]) == "InvalidUserID.Malformed"


def test_ids_and_filters_are_checked(aws: Asking) -> None:
    refused = aws.refused("DescribeImages", ImageIds=["ami-0123456789abcdef0"])
    assert (refused.code, refused.message) == (
        "InvalidAMIID.NotFound",
        "The image id '[ami-0123456789abcdef0]' does not exist",
    )
    assert aws.code("DescribeImages", ImageIds=["x"]) == "InvalidAMIID.Malformed"
    assert aws.code("DescribeImages", Filters=filtered("nome", "x")) == "InvalidParameterValue"
    arm = aws("DescribeImages", Filters=filtered("architecture", "arm64"))["Images"]
    assert {image["Architecture"] for image in arm} == {"arm64"}


def test_an_image_tells_its_root_disk(aws: Asking) -> None:
    image = aws("DescribeImages", Filters=filtered("name", "al2023-ami-2023*-x86_64"))["Images"][0]
    disk = image["BlockDeviceMappings"][0]
    assert disk["DeviceName"] == image["RootDeviceName"]
    assert disk["Ebs"]["VolumeSize"] == 8
    assert disk["Ebs"]["SnapshotId"].startswith("snap-")
    assert image["CreationDate"].endswith("Z")
    snapshot = filtered("block-device-mapping.snapshot-id", disk["Ebs"]["SnapshotId"])
    assert aws("DescribeImages", Filters=snapshot)["Images"] == [image]


def test_pages(aws: Asking) -> None:
    whole = [image["ImageId"] for image in aws("DescribeImages")["Images"]]
    page = aws("DescribeImages", MaxResults=10)
    rest = aws("DescribeImages", MaxResults=1000, NextToken=page["NextToken"])
    assert [image["ImageId"] for image in (*page["Images"], *rest["Images"])] == whole
