from __future__ import annotations

import pytest

from backend.drivers.simulated.faults import Where
from tests.factories import OTHER, World
from tests.translators.ec2.test_running import run, states
from tests.translators.ec2.wire import Asking, filtered

ZONE = "us-east-1a"


@pytest.fixture
def volume(aws: Asking) -> str:
    return made(aws)


@pytest.fixture
def instance(aws: Asking, image: str) -> str:
    return run(aws, image, Placement={"AvailabilityZone": ZONE})[0]


def made(aws: Asking, **params: object) -> str:
    return aws("CreateVolume", **{"AvailabilityZone": ZONE, "Size": 10, **params})["VolumeId"]


def told(aws: Asking, volume: str) -> dict:
    return aws("DescribeVolumes", VolumeIds=[volume])["Volumes"][0]


def disks(aws: Asking, instance: str) -> dict[str, str]:
    one = aws("DescribeInstances", InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return {disk["DeviceName"]: disk["Ebs"]["VolumeId"] for disk in one["BlockDeviceMappings"]}


def root(aws: Asking, instance: str) -> str:
    return next(iter(disks(aws, instance).values()))


def test_a_volume_is_made_with_what_its_type_has(aws: Asking) -> None:
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "data"}]}]
    answer = aws(
        "CreateVolume", AvailabilityZone=ZONE, Size=100, VolumeType="gp3", Iops=4000, Throughput=250,
        TagSpecifications=tags,
    )  # fmt: skip
    assert answer["Tags"] == [{"Key": "Name", "Value": "data"}]
    one = told(aws, answer["VolumeId"])
    assert (one["State"], one["Size"], one["AvailabilityZone"]) == ("available", 100, ZONE)
    assert (one["VolumeType"], one["Iops"], one["Throughput"]) == ("gp3", 4000, 250)
    assert (one["Attachments"], one["Encrypted"], one["SnapshotId"]) == ([], False, "")
    assert aws("DescribeVolumes", Filters=filtered("tag:Name", "data"))["Volumes"] == [one]
    usual = told(aws, made(aws))
    assert (usual["VolumeType"], usual["Iops"], "Throughput" in usual) == ("gp2", 100, False)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"Size": None}, "MissingParameter"),
        ({"AvailabilityZone": None}, "MissingParameter"),
        ({"AvailabilityZone": "us-east-1q"}, "InvalidZone.NotFound"),
        ({"AvailabilityZoneId": "use1-az1"}, "InvalidParameterCombination"),
        ({"VolumeType": "gp2", "Iops": 300}, "InvalidParameterCombination"),
        ({"VolumeType": "gp2", "Throughput": 300}, "InvalidParameterCombination"),
        ({"VolumeType": "gp3", "Iops": 100}, "InvalidParameterValue"),
        ({"VolumeType": "gp3", "Iops": 6000}, "InvalidParameterValue"),
        ({"VolumeType": "gp3", "Throughput": 1000}, "InvalidParameterValue"),
        ({"VolumeType": "io1"}, "MissingParameter"),
        ({"VolumeType": "io1", "Iops": 900}, "InvalidParameterValue"),
        ({"VolumeType": "st1"}, "InvalidParameterValue"),
        ({"VolumeType": "standard", "Size": 2000}, "InvalidParameterValue"),
        ({"Size": 0}, "InvalidParameterValue"),
        ({"Encrypted": True}, "UnsupportedOperation"),
        ({"MultiAttachEnabled": True, "VolumeType": "io2", "Iops": 100}, "UnsupportedOperation"),
        ({"SnapshotId": "snap-0123456789abcdef0"}, "InvalidSnapshot.NotFound"),
        ({"SnapshotId": "snap"}, "InvalidSnapshotID.Malformed"),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_volumes_that_are_not_made(aws: Asking, params: dict, code: str) -> None:
    asked = {"AvailabilityZone": ZONE, "Size": 10, **params}
    assert aws.code("CreateVolume", **{name: value for name, value in asked.items() if value is not None}) == code
    assert aws("DescribeVolumes")["Volumes"] == []


def test_a_token_makes_one_volume(aws: Asking, world: World) -> None:
    first = made(aws, ClientToken="t")
    assert made(aws, ClientToken="t") == first
    assert aws.code("CreateVolume", AvailabilityZone=ZONE, Size=11, ClientToken="t") == "IdempotentParameterMismatch"
    world.simulated.faults.lose_answer(Where(("create_volume",)))
    assert aws.code("CreateVolume", AvailabilityZone=ZONE, Size=10, ClientToken="lost") == "InternalError"
    found = made(aws, ClientToken="lost")
    assert found != first
    assert len(aws("DescribeVolumes")["Volumes"]) == 2


def test_a_volume_is_attached_and_detached(aws: Asking, volume: str, instance: str) -> None:
    answer = aws("AttachVolume", VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    assert (answer["State"], answer["Device"]) == ("attaching", "/dev/sdf")
    one = told(aws, volume)
    assert one["State"] == "in-use"
    (held,) = one["Attachments"]
    assert (held["InstanceId"], held["State"], held["DeleteOnTermination"]) == (instance, "attached", False)
    assert disks(aws, instance)["/dev/sdf"] == volume
    assert aws("DescribeVolumes", Filters=filtered("attachment.instance-id", instance))["Volumes"][0]["Size"]
    assert aws.code("AttachVolume", VolumeId=volume, InstanceId=instance, Device="/dev/sdg") == "VolumeInUse"
    assert aws.code("DeleteVolume", VolumeId=volume) == "VolumeInUse"
    other = made(aws)
    refusal = aws.refused("AttachVolume", VolumeId=other, InstanceId=instance, Device="/dev/sdf")
    assert refusal.message.endswith("Attachment point /dev/sdf is already in use")
    assert aws.code("DetachVolume", VolumeId=volume, InstanceId="i-0123456789abcdef0") == "InvalidAttachment.NotFound"
    assert aws("DetachVolume", VolumeId=volume)["State"] == "detaching"
    assert (told(aws, volume)["State"], "/dev/sdf" in disks(aws, instance)) == ("available", False)
    assert aws.code("DetachVolume", VolumeId=volume) == "IncorrectState"
    aws("DeleteVolume", VolumeId=volume)
    assert aws.code("DescribeVolumes", VolumeIds=[volume]) == "InvalidVolume.NotFound"
    assert aws.code("DeleteVolume", VolumeId=volume) == "InvalidVolume.NotFound"


def test_where_a_volume_is_not_attached(aws: Asking, volume: str, image: str) -> None:
    (elsewhere,) = run(aws, image, Placement={"AvailabilityZone": "us-east-1b"})
    asked = {"VolumeId": volume, "InstanceId": elsewhere, "Device": "/dev/sdf"}
    assert aws.code("AttachVolume", **asked) == "InvalidVolume.ZoneMismatch"
    assert aws.code("AttachVolume", **{**asked, "Device": "sdf; rm"}) == "InvalidParameterValue"
    aws("TerminateInstances", InstanceIds=[elsewhere])
    assert aws.code("AttachVolume", **{**asked, "InstanceId": "i-0123456789abcdef0"}) == "InvalidInstanceID.NotFound"


def test_what_was_attached_outlives_its_instance(
    aws: Asking, volume: str, instance: str, image: str, world: World
) -> None:
    mapping = [{"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 5, "DeleteOnTermination": False}}]
    (keeper,) = run(aws, image, BlockDeviceMappings=mapping, Placement={"AvailabilityZone": ZONE})
    kept = disks(aws, keeper)["/dev/sdb"]
    aws("AttachVolume", VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    aws("TerminateInstances", InstanceIds=[instance, keeper])
    world.clock.move(60)
    assert states(aws, instance, keeper) == ["terminated", "terminated"]
    assert {each["VolumeId"]: each["State"] for each in aws("DescribeVolumes")["Volumes"]} == {
        volume: "available",
        kept: "available",
    }


def test_a_volume_grows(aws: Asking, volume: str) -> None:
    code = aws.code("DescribeVolumesModifications", VolumeIds=[volume])
    assert code == "InvalidVolumeModification.NotFound"
    assert aws("DescribeVolumesModifications")["VolumesModifications"] == []
    answer = aws("ModifyVolume", VolumeId=volume, Size=20, VolumeType="gp3", Iops=3500)["VolumeModification"]
    assert answer["ModificationState"] == "modifying"
    assert (answer["OriginalSize"], answer["TargetSize"], answer["TargetIops"]) == (10, 20, 3500)
    one = told(aws, volume)
    assert (one["Size"], one["VolumeType"], one["Iops"]) == (20, "gp3", 3500)
    (modified,) = aws("DescribeVolumesModifications", VolumeIds=[volume])["VolumesModifications"]
    assert (modified["ModificationState"], modified["Progress"]) == ("completed", 100)
    assert aws("DescribeVolumesModifications", Filters=filtered("target-size", "20"))["VolumesModifications"]
    assert aws.code("ModifyVolume", VolumeId=volume, Size=5) == "InvalidParameterValue"
    aws("ModifyVolume", VolumeId=volume, VolumeType="gp2")
    assert told(aws, volume)["Iops"] == 100


def test_the_disks_of_an_instance_are_volumes(aws: Asking, instance: str, image: str, world: World) -> None:
    """The same id before and after something was done to it; what was taken away does not come again."""
    own = root(aws, instance)
    aws("ModifyVolume", VolumeId=own, Size=16)
    assert (root(aws, instance), told(aws, own)["Size"], told(aws, own)["State"]) == (own, 16, "in-use")
    assert aws.code("DetachVolume", VolumeId=own) == "OperationNotPermitted"
    (other,) = run(
        aws, image, Placement={"AvailabilityZone": ZONE},
        BlockDeviceMappings=[{"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 8, "VolumeType": "gp3", "Iops": 3100}}],
    )  # fmt: skip
    second = disks(aws, other)["/dev/sdb"]
    assert told(aws, second)["Iops"] == 3100
    aws("DetachVolume", VolumeId=second)
    assert (told(aws, second)["State"], "/dev/sdb" in disks(aws, other)) == ("available", False)
    aws("AttachVolume", VolumeId=second, InstanceId=instance, Device="/dev/sdc")
    aws("DetachVolume", VolumeId=second, InstanceId=instance, Device="/dev/sdc")
    aws("DeleteVolume", VolumeId=second)
    assert "/dev/sdb" not in disks(aws, other)
    aws("TerminateInstances", InstanceIds=[instance, other])
    world.clock.move(60)
    assert aws("DescribeVolumes")["Volumes"] == []


def test_whether_a_disk_goes_with_its_instance_can_be_changed(aws: Asking, instance: str, world: World) -> None:
    own = root(aws, instance)
    device = next(iter(disks(aws, instance)))
    mapping = [{"DeviceName": device, "Ebs": {"DeleteOnTermination": False}}]
    aws("ModifyInstanceAttribute", InstanceId=instance, BlockDeviceMappings=mapping)
    assert told(aws, own)["Attachments"][0]["DeleteOnTermination"] is False
    mapping = [{"DeviceName": "/dev/sdz", "Ebs": {"DeleteOnTermination": False}}]
    asked = {"InstanceId": instance, "BlockDeviceMappings": mapping}
    assert aws.code("ModifyInstanceAttribute", **asked) == "InvalidInstanceAttributeValue"
    aws("TerminateInstances", InstanceIds=[instance])
    world.clock.move(60)
    assert told(aws, own)["State"] == "available"


def test_pages_are_as_long_as_the_cli_wants_them(aws: Asking, volume: str) -> None:
    assert len(aws("DescribeVolumes", MaxResults=1000)["Volumes"]) == 1
    assert aws("DescribeSnapshots", MaxResults=1000)["Snapshots"] == []
    for _ in range(5):
        made(aws)
    page = aws("DescribeVolumes", MaxResults=5)
    rest = aws("DescribeVolumes", MaxResults=5, NextToken=page["NextToken"])["Volumes"]
    assert (len(page["Volumes"]), len(rest)) == (5, 1)


def test_status_and_attributes(aws: Asking, volume: str, instance: str) -> None:
    statuses = aws("DescribeVolumeStatus", VolumeIds=[volume])["VolumeStatuses"]
    assert statuses[0]["VolumeStatus"]["Status"] == "ok"
    assert len(aws("DescribeVolumeStatus", Filters=filtered("volume-status.status", "ok"))["VolumeStatuses"]) == 2
    answer = aws("DescribeVolumeAttribute", VolumeId=volume, Attribute="autoEnableIO")
    assert answer == {"VolumeId": volume, "AutoEnableIO": {"Value": False}}
    assert aws.code("ModifyVolumeAttribute", VolumeId=volume, AutoEnableIO={"Value": True}) == "UnsupportedOperation"
    assert aws("ModifyVolumeAttribute", VolumeId=volume, AutoEnableIO={"Value": False}) == {}


def test_snapshots(aws: Asking, volume: str, instance: str) -> None:
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "Name", "Value": "s"}]}]
    answer = aws("CreateSnapshot", VolumeId=volume, Description="before", TagSpecifications=tags)
    snapshot = answer["SnapshotId"]
    assert (answer["State"], answer["VolumeSize"], answer["Tags"]) == ("pending", 10, tags[0]["Tags"])
    (one,) = aws("DescribeSnapshots", OwnerIds=["self"], SnapshotIds=[snapshot])["Snapshots"]
    assert (one["State"], one["Progress"], one["Description"], one["VolumeId"]) == (
        "completed", "100%", "before", volume,
    )  # fmt: skip
    assert aws("DescribeSnapshots", OwnerIds=["amazon"])["Snapshots"] == []
    copy = made(aws, SnapshotId=snapshot, Size=12)
    assert (told(aws, copy)["Size"], told(aws, copy)["SnapshotId"]) == (12, snapshot)
    assert aws.code("CreateVolume", AvailabilityZone=ZONE, SnapshotId=snapshot, Size=5) == "InvalidParameterValue"
    own = aws("CreateSnapshot", VolumeId=root(aws, instance))["SnapshotId"]
    assert len(aws("DescribeSnapshots", Filters=filtered("volume-id", root(aws, instance)))["Snapshots"]) == 1
    aws("CreateTags", Resources=[own, copy], Tags=[{"Key": "k", "Value": "v"}])
    assert len(aws("DescribeTags", Filters=filtered("key", "k"))["Tags"]) == 2
    aws("DeleteSnapshot", SnapshotId=snapshot)
    assert aws.code("DeleteSnapshot", SnapshotId=snapshot) == "InvalidSnapshot.NotFound"


def test_a_disk_of_a_snapshot_is_as_large_as_that(aws: Asking, volume: str, image: str) -> None:
    snapshot = aws("CreateSnapshot", VolumeId=volume)["SnapshotId"]

    def mapped(**ebs: object) -> list[dict]:
        return [{"DeviceName": "/dev/sdb", "Ebs": {"SnapshotId": snapshot, **ebs}}]

    (instance,) = run(aws, image, BlockDeviceMappings=mapped())
    one = told(aws, disks(aws, instance)["/dev/sdb"])
    assert (one["Size"], one["SnapshotId"]) == (10, snapshot)
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    refusal = aws.refused("RunInstances", **asked, BlockDeviceMappings=mapped(VolumeSize=4))
    assert refusal.code == "InvalidBlockDeviceMapping"


def test_nobody_sees_anothers(aws: Asking, volume: str, world: World) -> None:
    snapshot = aws("CreateSnapshot", VolumeId=volume)["SnapshotId"]
    other = Asking(world, scope=OTHER)
    assert other("DescribeVolumes")["Volumes"] == []
    assert other("DescribeSnapshots")["Snapshots"] == []
    for operation in ("DeleteVolume", "ModifyVolume", "DetachVolume"):
        assert other.code(operation, VolumeId=volume) == "InvalidVolume.NotFound"
    assert other.code("DeleteSnapshot", SnapshotId=snapshot) == "InvalidSnapshot.NotFound"
    assert told(aws, volume)["State"] == "available"
