from __future__ import annotations

from dataclasses import replace

import pytest

from backend.domain.profile import BlockDevice
from backend.drivers.compute import Flavor
from backend.drivers.errors import Unsupported
from backend.drivers.openstack.disks import Disks, disks
from backend.drivers.openstack.flavors import Offer

FLAVOR = Flavor("t3.micro", 2, 1024, ("x86_64",), ("az1",))
TYPES = {"gp3": "fast"}


def made(*devices, disk=10, ephemeral=0, volumes=True):
    return disks(devices, "image-1", "/dev/vda", Offer(FLAVOR, "f-1", disk, ephemeral), TYPES, volumes=volumes)


@pytest.mark.parametrize(
    "devices",
    [
        (),
        (BlockDevice("/dev/sda1", size_gib=10),),
        (BlockDevice("/dev/xvda", size_gib=8, volume_type="gp2"),),
        (BlockDevice("/dev/vda"),),
        (BlockDevice("/dev/sdb", suppressed=True),),
        (BlockDevice("/dev/sdc", ephemeral="ephemeral0"),),
    ],
)
def test_the_flavor_s_own_disk_is_taken_where_it_is_enough(devices):
    assert made(*devices, volumes=False) == Disks()


@pytest.mark.parametrize(
    ("device", "size", "kept"),
    [
        (BlockDevice("/dev/sda1", size_gib=20), 20, True),
        (BlockDevice("/dev/vda", size_gib=5, delete_on_termination=False), 10, False),
        (BlockDevice("/dev/xvda", size_gib=5, volume_type="gp3"), 10, True),
    ],
)
def test_a_larger_lasting_or_typed_root_disk_is_a_volume_of_the_image(device, size, kept):
    found = made(device)
    assert found.root_volume
    (root,) = found.mapping
    assert (root["source_type"], root["destination_type"], root["uuid"]) == ("image", "volume", "image-1")
    assert (root["boot_index"], root["volume_size"], root["delete_on_termination"]) == (0, size, kept)
    assert root.get("volume_type") == TYPES.get(device.volume_type)


def test_other_disks_stand_beside_the_root():
    found = made(
        BlockDevice("/dev/sdb", size_gib=100, volume_type="gp3", delete_on_termination=False),
        BlockDevice("/dev/sdc", ephemeral="ephemeral0"),
        ephemeral=50,
    )
    root, volume, local = found.mapping
    assert not found.root_volume
    assert (root["destination_type"], root["boot_index"]) == ("local", 0)
    assert (volume["source_type"], volume["volume_size"], volume["volume_type"]) == ("blank", 100, "fast")
    assert (volume["boot_index"], volume["delete_on_termination"]) == (-1, False)
    assert (local["source_type"], local["destination_type"]) == ("blank", "local")


def test_a_local_disk_needs_no_block_storage():
    found = made(BlockDevice("/dev/sdc", ephemeral="ephemeral0"), ephemeral=50, volumes=False)
    assert len(found.mapping) == 2


@pytest.mark.parametrize(
    ("devices", "volumes", "member"),
    [
        ((BlockDevice("/dev/sda1", size_gib=20),), False, "BlockDeviceMappings"),
        ((BlockDevice("/dev/sdb", size_gib=20),), False, "BlockDeviceMappings"),
        ((BlockDevice("/dev/sdb", snapshot="0123456789abcdef0"),), True, "BlockDeviceMappings.Ebs.SnapshotId"),
        ((BlockDevice("/dev/sdb"),), True, "BlockDeviceMappings.Ebs.VolumeSize"),
    ],
)
def test_what_cannot_be_had_is_refused_by_its_name(devices, volumes, member):
    with pytest.raises(Unsupported) as told:
        made(*devices, volumes=volumes)
    assert told.value.detail == member


def test_a_lasting_root_disk_of_no_known_size_is_refused():
    with pytest.raises(Unsupported, match="VolumeSize"):
        made(BlockDevice("/dev/vda", delete_on_termination=False), disk=0)


def test_a_disk_of_a_snapshot_is_a_volume_made_of_it():
    device = BlockDevice("/dev/sdb", snapshot="0123456789abcdef0", size_gib=20, volume_type="gp3")
    offer = Offer(FLAVOR, "f-1", 10, 0)
    known = {"0123456789abcdef0": "snapshot-1"}
    _, volume = disks((device,), "image-1", "/dev/vda", offer, TYPES, volumes=True, snapshots=known).mapping
    assert volume == {
        "boot_index": -1,
        "uuid": "snapshot-1",
        "source_type": "snapshot",
        "destination_type": "volume",
        "volume_size": 20,
        "volume_type": "fast",
        "delete_on_termination": True,
    }
    with pytest.raises(Unsupported, match="SnapshotId"):
        disks((replace(device, device="/dev/vda"),), "image-1", "/dev/vda", offer, TYPES, volumes=True, snapshots=known)
