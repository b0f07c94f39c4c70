from __future__ import annotations

from dataclasses import replace

import pytest

from backend import Backend
from backend.drivers.simulated import SimulatedSettings
from backend.services.images import MOST
from tests.factories import OTHER, SCOPE, World, request
from tests.translators.ec2.wire import Asking
from translators.registry import find

MAPPED = {
    "RootDeviceName": "/dev/xvda",
    "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 12}}],
}
ABROAD = replace(SCOPE, region="eu-west-1")


@pytest.fixture
def world():
    world = World(settings=SimulatedSettings(boot_seconds=0, seed=7, any_region=True))
    yield world
    world.close()


@pytest.fixture
def aws(world):
    return Asking(world)


def abroad(region):
    """Where else requests can be signed for: any region of AWS's form, told or not."""
    return replace(SCOPE, region=region) if region.startswith(("us-", "eu-")) else None


def own(aws):
    return [image["ImageId"] for image in aws("DescribeImages", Owners=["self"])["Images"]]


def test_an_image_is_registered_boots_and_goes(world, aws):
    members = {"Architecture": "x86_64", "VirtualizationType": "hvm", "Description": "mine", **MAPPED}
    tags = [{"ResourceType": "image", "Tags": [{"Key": "a", "Value": "b"}]}]
    image = aws("RegisterImage", Name="web (1)", TagSpecifications=tags, **members)["ImageId"]
    (told,) = aws("DescribeImages", ImageIds=[image])["Images"]
    assert (told["Name"], told["Description"], told["Public"]) == ("web (1)", "mine", False)
    assert told["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == 12
    assert told["Tags"] == [{"Key": "a", "Value": "b"}]
    ran = aws("RunInstances", ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    assert ran["Instances"][0]["ImageId"] == image
    assert aws("DeregisterImage", ImageId=image)["Return"]
    assert own(aws) == []
    assert aws.refused("DeregisterImage", ImageId=image).code == "InvalidAMIID.NotFound"
    assert aws.refused("RunInstances", ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1).code == (
        "InvalidAMIID.NotFound"
    )
    (instance,) = aws("DescribeInstances")["Reservations"][0]["Instances"]
    assert instance["State"]["Name"] == "running", "what was made from it stays"


def test_an_image_is_its_owner_s_alone(world, aws):
    image = aws("RegisterImage", Name="mine")["ImageId"]
    other = Asking(world, scope=OTHER)
    assert own(other) == []
    assert other.refused("DeregisterImage", ImageId=image).code == "InvalidAMIID.NotFound"
    assert other.refused("CopyImage", Name="x y z", SourceImageId=image, SourceRegion=SCOPE.region).code == (
        "InvalidAMIID.NotFound"
    )
    assert own(aws) == [image]
    assert Asking(world, scope=OTHER)("RegisterImage", Name="mine")["ImageId"] != image


def test_what_belongs_to_others_stays(aws):
    public = aws("DescribeImages", Owners=["amazon"])["Images"][0]["ImageId"]
    refused = aws.refused("DeregisterImage", ImageId=public)
    assert (refused.code, refused.message) == ("AuthFailure", f"Not authorized for image:{public}")


def test_an_image_is_copied_into_another_region(world, aws):
    tags = [{"ResourceType": "image", "Tags": [{"Key": "a", "Value": "b"}]}]
    image = aws("RegisterImage", Name="mine", Architecture="x86_64", TagSpecifications=tags, **MAPPED)["ImageId"]
    params = {"Name": "copy", "SourceImageId": image, "SourceRegion": SCOPE.region, "CopyImageTags": True}
    call = request(world.backend, "ec2", "CopyImage", params, ABROAD)
    made = find("ec2", "CopyImage")(replace(call, scope_in=abroad))["ImageId"]
    (told,) = Asking(world, scope=ABROAD)("DescribeImages", ImageIds=[made])["Images"]
    assert (told["Name"], told["Architecture"], told["Tags"]) == ("copy", "x86_64", [{"Key": "a", "Value": "b"}])
    assert made != image
    assert own(aws) == [image]
    public = aws("DescribeImages", Owners=["amazon"])["Images"][0]["ImageId"]
    assert aws("CopyImage", Name="of amazon", SourceImageId=public, SourceRegion=SCOPE.region)["ImageId"] in own(aws)


def test_a_region_that_is_not_told_can_be_copied_from(world, aws):
    there = Asking(world, scope=replace(SCOPE, region="eu-northwest-4"))
    image = there("RegisterImage", Name="far away")["ImageId"]
    params = {"Name": "copy", "SourceImageId": image, "SourceRegion": "eu-northwest-4"}
    call = replace(request(world.backend, "ec2", "CopyImage", params), regions=(SCOPE.region,), scope_in=abroad)
    assert find("ec2", "CopyImage")(call)["ImageId"] in own(aws)
    assert aws.refused("CopyImage", **params).code == "InvalidParameterValue", "where it cannot be signed for"


def test_a_copy_with_more_tags_than_there_may_be_makes_no_image(world, aws):
    def tags(prefix, number):
        given = [{"Key": f"{prefix}{each}", "Value": "x"} for each in range(number)]
        return [{"ResourceType": "image", "Tags": given}]

    image = aws("RegisterImage", Name="mine", TagSpecifications=tags("a", 50))["ImageId"]
    params = {"SourceImageId": image, "SourceRegion": SCOPE.region, "CopyImageTags": True}
    refused = aws.refused("CopyImage", Name="copy", TagSpecifications=tags("b", 1), **params)
    assert refused.code == "TagLimitExceeded"
    assert own(aws) == [image]
    assert aws("CopyImage", Name="copy", TagSpecifications=tags("a", 1), **params)["ImageId"] in own(aws)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        *(("VirtualizationType", value) for value in ("", "xen", "HVM", "hvm\n", "h" * 60_000)),
        *(("RootDeviceName", value) for value in ("</x>", "/dev/sda1\n", "h" * 60_000)),
    ],
)
def test_what_is_kept_of_an_image_is_bounded(aws, member, value):
    refused = aws.refused("RegisterImage", Name="mine", **{member: value})
    assert refused.code == "InvalidParameterValue"
    assert len(refused.message) < 200
    assert own(aws) == []


@pytest.mark.parametrize("name", ["ab", "a" * 129, "a+b", "söme", "line\nbreak"])
def test_a_name_that_cannot_be_is_refused(aws, name):
    assert aws.refused("RegisterImage", Name=name).code == "InvalidAMIName.Malformed"
    assert own(aws) == []


def test_a_name_is_one_image_s(aws):
    image = aws("RegisterImage", Name="mine")["ImageId"]
    refused = aws.refused("RegisterImage", Name="mine")
    assert refused.code == "InvalidAMIName.Duplicate"
    assert refused.message == f"AMI name mine is already in use by AMI {image}"


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("RegisterImage", {"Name": "abc", "Description": "x" * 256}, "InvalidParameterValue"),
        (
            "RegisterImage",
            {"Name": "abc", "BlockDeviceMappings": [{"DeviceName": "/dev/xvda"}, {"DeviceName": "/dev/xvdb"}]},
            "UnsupportedOperation",
        ),
        (
            "RegisterImage",
            {"Name": "abc", "BlockDeviceMappings": [{"Ebs": {"VolumeSize": 0}}]},
            "InvalidParameterValue",
        ),
        ("CopyImage", {"Name": "abc", "SourceImageId": "x", "SourceRegion": "us-east-1"}, "InvalidAMIID.Malformed"),
        (
            "CopyImage",
            {"Name": "abc", "SourceImageId": "ami-12345678", "SourceRegion": "us-east-1"},
            "InvalidAMIID.NotFound",
        ),
        (
            "CopyImage",
            {"Name": "abc", "SourceImageId": "ami-12345678", "SourceRegion": "mars"},
            "InvalidParameterValue",
        ),
        (
            "CopyImage",
            {"Name": "abc", "SourceImageId": "ami-12345678", "SourceRegion": "us-east-1", "Encrypted": True},
            "UnsupportedOperation",
        ),
        (
            "CopyImage",
            {
                "Name": "abc",
                "SourceImageId": "ami-12345678",
                "SourceRegion": "us-east-1",
                "DestinationAvailabilityZoneId": "use1-az1",
            },
            "UnsupportedOperation",
        ),
        ("DeregisterImage", {"ImageId": "ami-1"}, "InvalidAMIID.Malformed"),
        ("DeregisterImage", {"ImageId": "ami-12345678", "DryRun": True}, "DryRunOperation"),
    ],
)
def test_what_cannot_be_done_is_refused(aws, operation, params, code):
    assert aws.refused(operation, **params).code == code


def test_an_account_has_a_bounded_number(world, aws):
    new = aws("RegisterImage", Name="first")
    assert new
    projects = world.simulated.projects
    template = projects.images(SCOPE)[-1]
    for number in range(MOST - 1):
        projects.add_image(SCOPE, replace(template, id=f"00000000-0000-4000-8000-{number:012d}", name=f"n{number}"))
    refused = aws.refused("RegisterImage", Name="one more")
    assert (refused.code, f"{MOST} AMIs" in refused.message) == ("ResourceLimitExceeded", True)


def test_where_images_are_made_elsewhere_not_even_a_dry_run_succeeds(world):
    world.backend = Backend.build(world.store, replace(world.simulated.cloud, making=None), world.clock)
    aws = Asking(world)
    for operation, params in (
        ("RegisterImage", {"Name": "mine"}),
        ("CopyImage", {"Name": "abc", "SourceImageId": "ami-12345678", "SourceRegion": "us-east-1"}),
    ):
        assert aws.refused(operation, DryRun=True, **params).code == "UnsupportedOperation"


def test_an_image_of_an_instance_boots_and_has_a_snapshot(world, aws):
    source = f"ami-{world.image()}"
    device = aws("DescribeImages", ImageIds=[source])["Images"][0]["RootDeviceName"]
    disk = [{"DeviceName": device, "Ebs": {"VolumeSize": 15}}]
    asked = {"InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    instance = aws("RunInstances", ImageId=source, BlockDeviceMappings=disk, **asked)["Instances"][0]["InstanceId"]
    tags = [{"ResourceType": kind, "Tags": [{"Key": "of", "Value": kind}]} for kind in ("image", "snapshot")]
    image = aws("CreateImage", InstanceId=instance, Name="golden", Description="d", TagSpecifications=tags)["ImageId"]
    (told,) = aws("DescribeImages", Owners=["self"])["Images"]
    assert (told["ImageId"], told["State"], told["Name"], told["Description"]) == (image, "available", "golden", "d")
    assert told["Tags"] == tags[0]["Tags"]
    ebs = told["BlockDeviceMappings"][0]["Ebs"]
    assert ebs["VolumeSize"] == 15
    (snapshot,) = aws("DescribeSnapshots")["Snapshots"]
    assert (snapshot["SnapshotId"], snapshot["VolumeSize"]) == (ebs["SnapshotId"], 15)
    assert snapshot["Tags"] == tags[1]["Tags"]
    assert aws("RunInstances", ImageId=image, **asked)["Instances"][0]["ImageId"] == image
    assert aws.refused("CreateImage", InstanceId=instance, Name="golden").code == "InvalidAMIName.Duplicate"
    assert aws.refused("CreateImage", InstanceId="i-0123456789abcdef0", Name="abc").code == "InvalidInstanceID.NotFound"
    assert aws.refused("DeleteSnapshot", SnapshotId=ebs["SnapshotId"]).code == "InvalidSnapshot.InUse"
    gone = aws("DeregisterImage", ImageId=image, DeleteAssociatedSnapshots=True)["DeleteSnapshotResults"]
    assert gone == [{"SnapshotId": ebs["SnapshotId"], "ReturnCode": "success"}]
    assert aws("DescribeSnapshots")["Snapshots"] == []


def test_an_image_is_registered_from_a_snapshot(world, aws):
    zone = aws("DescribeAvailabilityZones")["AvailabilityZones"][0]["ZoneName"]
    volume = aws("CreateVolume", AvailabilityZone=zone, Size=9)["VolumeId"]
    snapshot = aws("CreateSnapshot", VolumeId=volume)["SnapshotId"]

    def mapped(**ebs):
        return {
            "Name": "from",
            "RootDeviceName": "/dev/sda1",
            "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": ebs}],
        }

    image = aws("RegisterImage", **mapped(SnapshotId=snapshot))["ImageId"]
    ebs = aws("DescribeImages", ImageIds=[image])["Images"][0]["BlockDeviceMappings"][0]["Ebs"]
    assert (ebs["SnapshotId"], ebs["VolumeSize"]) == (snapshot, 9)
    for ebs, code in (
        ({"SnapshotId": snapshot, "VolumeSize": 4}, "InvalidBlockDeviceMapping"),
        ({"SnapshotId": "snap-0123456789abcdef0"}, "InvalidSnapshot.NotFound"),
    ):
        assert aws.refused("RegisterImage", **mapped(**ebs)).code == code


def test_where_images_are_made_elsewhere_those_of_instances_are_made_all_the_same(world):
    world.backend = Backend.build(world.store, replace(world.simulated.cloud, making=None), world.clock)
    aws = Asking(world)
    server = world.server()
    image = aws("CreateImage", InstanceId=f"i-{server.short_id}", Name="mine")["ImageId"]
    assert own(aws) == [image]
    aws("DeregisterImage", ImageId=image)
    assert own(aws) == []


def test_attributes_of_ones_own(world, aws):
    server = world.server()
    image = aws("CreateImage", InstanceId=f"i-{server.short_id}", Name="mine", Description="d")["ImageId"]
    snapshot = aws("DescribeSnapshots")["Snapshots"][0]["SnapshotId"]
    for attribute, member, value in (
        ("description", "Description", {"Value": "d"}),
        ("launchPermission", "LaunchPermissions", []),
        ("kernel", "KernelId", {}),
        ("sriovNetSupport", "SriovNetSupport", {"Value": "simple"}),
    ):
        assert aws("DescribeImageAttribute", ImageId=image, Attribute=attribute)[member] == value
    disk = aws("DescribeImageAttribute", ImageId=image, Attribute="blockDeviceMapping")["BlockDeviceMappings"][0]
    assert disk["Ebs"]["SnapshotId"] == snapshot
    public = f"ami-{world.image()}"
    assert aws.refused("DescribeImageAttribute", ImageId=public, Attribute="kernel").code == "AuthFailure"
    told = aws("DescribeSnapshotAttribute", SnapshotId=snapshot, Attribute="createVolumePermission")
    assert told == {"SnapshotId": snapshot, "CreateVolumePermissions": []}


def test_an_image_is_described_anew(world, aws):
    """Terraform sets a copy's description one call after the copy is there, whatever it was copied with."""
    image = aws("RegisterImage", Name="first", Description="old")["ImageId"]
    assert aws.code("ModifyImageAttribute", ImageId=image, Description={"Value": "x"}, DryRun=True) == "DryRunOperation"
    aws("ModifyImageAttribute", ImageId=image, Description={"Value": "new"})
    assert aws("DescribeImages", ImageIds=[image])["Images"][0]["Description"] == "new"
    aws("ModifyImageAttribute", ImageId=image, Attribute="description", Value="newer")
    assert aws("DescribeImageAttribute", ImageId=image, Attribute="description")["Description"] == {"Value": "newer"}
    aws("ModifyImageAttribute", ImageId=image, Description={"Value": ""})
    assert not aws("DescribeImages", ImageIds=[image])["Images"][0].get("Description")
    public = next(each["ImageId"] for each in aws("DescribeImages")["Images"] if each["Public"])
    for given, code in (
        ({"ImageId": public, "Description": {"Value": "x"}}, "AuthFailure"),
        ({"ImageId": "ami-12345678", "Description": {"Value": "x"}}, "InvalidAMIID.NotFound"),
        ({"ImageId": image, "Description": {"Value": "x" * 256}}, "InvalidParameterValue"),
        ({"ImageId": image, "LaunchPermission": {"Add": [{"Group": "all"}]}}, "UnsupportedOperation"),
        ({"ImageId": image, "Attribute": "launchPermission", "OperationType": "add"}, "UnsupportedOperation"),
        ({"ImageId": image, "ImdsSupport": {"Value": "v2.0"}}, "UnsupportedOperation"),
        ({"ImageId": image}, "InvalidParameterCombination"),
    ):
        assert aws.refused("ModifyImageAttribute", **given).code == code


def test_of_ones_own_image_that_is_named_nothing_old_is_told(world, aws):
    """Another process may have changed it, or taken it away, a moment ago; of all others the listing may be old."""
    image = aws("RegisterImage", Name="first", Description="old")["ImageId"]
    aws("DescribeImages", ImageIds=[image])
    projects = world.simulated.projects
    (kept,) = [each for each in projects.images(SCOPE) if each.owner_id == SCOPE.project_id]
    projects.add_image(SCOPE, replace(kept, description="new"))
    assert aws("DescribeImages", ImageIds=[image])["Images"][0]["Description"] == "new"
    projects.drop_image(SCOPE, kept.id)
    assert aws.code("DescribeImages", ImageIds=[image]) == "InvalidAMIID.NotFound"


@pytest.mark.parametrize("owner", ["self", None])
def test_whoever_lists_ones_own_images_finds_one_that_another_process_just_made(world, aws, owner):
    image = aws("RegisterImage", Name="first")["ImageId"]
    account = aws("DescribeImages", ImageIds=[image])["Images"][0]["OwnerId"]
    asked = {"Owners": [owner or account]}
    aws("DescribeImages", **asked)
    projects = world.simulated.projects
    (kept,) = [each for each in projects.images(SCOPE) if each.owner_id == SCOPE.project_id]
    projects.add_image(SCOPE, replace(kept, id="00000000-0000-4000-8000-000000000009", name="second"))
    assert {each["Name"] for each in aws("DescribeImages", **asked)["Images"]} == {"first", "second"}
