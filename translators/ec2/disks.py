"""The disks of instances: volumes of the block storage, and those that a server alone tells of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from backend.domain.profile import BlockDevice
from backend.drivers.compute import Server
from backend.drivers.images import Image
from backend.drivers.volumes import Kind, OwnDisk, Volume
from translators import arns

_ROOTS: Final = frozenset({"/dev/vda", "/dev/sda", "/dev/xvda", "/dev/hda"})
"""What hypervisors call a root disk, whatever its image calls it."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A volume of an instance.

    Attributes:
        snapshot: its id at AWS, where it was made from one.
        volume: the block storage's; None where the server alone tells of it.
    """

    device: str
    volume_id: str
    size_gib: int
    kind: Kind
    delete_on_termination: bool
    attached_at: datetime
    state: str = "attached"
    snapshot: str | None = None
    volume: Volume | None = None


def attached(volume: Volume, root_device: str, *, goes: bool) -> Disk:
    """A volume of the block storage as a disk; ``goes``: it is deleted with the instance."""
    held = volume.attachment
    device = held.device if held else ""
    return Disk(
        device=root_device if volume.bootable and device in _ROOTS else device,
        volume_id=arns.resource_id(arns.VOLUME, volume.id),
        size_gib=volume.size_gib,
        kind=volume.kind,
        delete_on_termination=goes,
        attached_at=held.attached_at if held else volume.created_at,
        state=str(held.state) if held else "attached",
        volume=volume,
    )


def own(server: Server, image: Image | None, root_device: str, disk: BlockDevice) -> Disk:
    """A disk that the server alone tells of: its size where it was asked for, else the image's."""
    root = disk.device == root_device
    snapshot = f"{arns.SNAPSHOT}-{disk.snapshot}" if disk.snapshot else None
    if snapshot is None and root and image and image.snapshot_id:
        snapshot = arns.resource_id(arns.SNAPSHOT, image.snapshot_id)
    usual = image.volume_type if image else "gp2"
    return Disk(
        device=disk.device,
        volume_id=arns.derived_id(arns.VOLUME, server.id, disk.device),
        size_gib=disk.size_gib or (image.size_gib if image and root else 1),
        kind=Kind(disk.volume_type or usual, disk.iops, disk.throughput),
        delete_on_termination=disk.delete_on_termination,
        attached_at=server.created_at,
        snapshot=snapshot,
    )


def owned(server: Server, disk: Disk) -> OwnDisk:
    """A disk that a server alone tells of, as the block storage may make a volume of it."""
    return OwnDisk(server.id, disk.device, disk.size_gib, disk.kind, disk.delete_on_termination)


def mapping(disk: Disk) -> dict[str, Any]:
    """A disk as an instance tells it."""
    return {
        "DeviceName": disk.device,
        "Ebs": {
            "AttachTime": disk.attached_at,
            "DeleteOnTermination": disk.delete_on_termination,
            "Status": disk.state,
            "VolumeId": disk.volume_id,
        },
    }
