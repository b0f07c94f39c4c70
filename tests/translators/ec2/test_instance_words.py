from __future__ import annotations

from dataclasses import replace

from backend import Backend
from backend.domain.profile import BlockDevice
from backend.drivers.volumes import Attachment, Kind, Volume, VolumeState
from tests.factories import NOW, World, request, uuid_of
from tests.translators.ec2.wire import Asking
from translators.ec2.instance_words import Instance, Surroundings


def instance(world: World, **values: object) -> Instance:
    """A server whose disks are the block storage's, as a cloud tells it that boots from volumes."""
    around = Surroundings(request(world.backend, "ec2", "DescribeInstances", {}))
    return Instance(replace(world.server(), **values), around)


def volume(server_id: str, device: str, **values: object) -> Volume:
    held = Attachment(server_id, device, NOW)
    made = Volume(uuid_of(device), 10, "us-east-1a", VolumeState.IN_USE, NOW, Kind("gp3"), attachment=held)
    return replace(made, **values)


def test_the_volume_that_a_server_boots_from_is_its_root_disk(world: World) -> None:
    root, data = uuid_of("/dev/vda"), uuid_of("/dev/sdf")
    one = instance(world, volumes={data: False, root: True})
    told = [volume(one.server.id, "/dev/sdf"), volume(one.server.id, "/dev/vda", bootable=True)]
    one.around.volumes = {each.id: each for each in told}
    assert [(disk.device, disk.volume, disk.delete_on_termination) for disk in one.disks()] == [
        (one.root_device, told[1], True),
        ("/dev/sdf", told[0], False),
    ]


def test_without_its_block_storage_a_server_is_told_without_disks(world: World) -> None:
    one = instance(world, volumes={uuid_of("/dev/vda"): True}, block_devices=(BlockDevice("/dev/sdb", 5),))
    one.around.volumes = None
    assert one.disks() == []
    assert instance(world, root_volume=True).disks() == []


def test_a_cloud_without_block_storage_says_so(world: World) -> None:
    world.backend = Backend.build(world.store, replace(world.simulated.cloud, volumes=None), world.clock)
    aws = Asking(world)
    assert (aws("DescribeSnapshots")["Snapshots"], aws("DescribeVolumes")["Volumes"]) == ([], [])
    refusal = aws.refused("CreateVolume", AvailabilityZone="us-east-1a", Size=1)
    assert refusal.code == "UnsupportedOperation"
    server = world.server()
    (own,) = aws("DescribeVolumes")["Volumes"]
    assert own["Attachments"][0]["InstanceId"] == f"i-{server.short_id}"
    assert aws.code("ModifyVolume", VolumeId=own["VolumeId"], Size=50) == "UnsupportedOperation"
