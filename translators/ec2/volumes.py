"""Volumes: the disks that servers were made with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from backend.domain.profile import BlockDevice
from translators import arns
from translators.ec2 import actions, tag_words
from translators.ec2.instance_words import Instance, instances
from translators.filters import Filters, always, never
from translators.nouns import Asked, Members, Noun
from translators.registry import Call

_BOUNDS: Final = actions.Bounds(5, 500)


@dataclass(frozen=True, slots=True)
class _Volume:
    id: str
    device: str
    disk: BlockDevice
    instance: Instance

    @property
    def size(self) -> int:
        return self.instance.size_gib(self.disk)

    @property
    def type(self) -> str:
        return self.instance.volume_type(self.disk)

    @property
    def snapshot(self) -> str | None:
        if self.disk.snapshot:
            return f"{arns.SNAPSHOT}-{self.disk.snapshot}"
        image = self.instance.image
        if image and image.snapshot_id and self.device == self.instance.root_device:
            return arns.resource_id(arns.SNAPSHOT, image.snapshot_id)
        return None


def _volumes(call: Call, _: Asked) -> Iterable[_Volume]:
    return (
        _Volume(volume, device, disk, instance)
        for instance in instances(call)
        for device, volume, disk in instance.disks()
    )


def _iops(volume: _Volume) -> int | None:
    """What AWS's types promise, which is what its clients expect to read; the cloud's own types decide on the rest.

    Source: Amazon EBS User Guide, "Amazon EBS volume types".
    """
    if volume.type == "gp2":
        return min(16_000, max(100, 3 * volume.size))
    return 3000 if volume.type == "gp3" else None


_MEMBERS: Final[Members[_Volume]] = {
    "VolumeId": lambda volume: volume.id,
    "VolumeArn": lambda volume: arns.ec2(
        volume.instance.around.region, volume.instance.around.account, "volume", volume.id
    ),
    "Size": lambda volume: volume.size,
    "SnapshotId": lambda volume: volume.snapshot or "",
    "AvailabilityZone": lambda volume: volume.instance.server.zone,
    "AvailabilityZoneId": lambda volume: volume.instance.zone_id or None,
    "State": "in-use",
    "CreateTime": lambda volume: volume.instance.server.created_at,
    "Attachments": lambda volume: [
        {
            "VolumeId": volume.id,
            "InstanceId": volume.instance.id,
            "Device": volume.device,
            "State": "attached",
            "AttachTime": volume.instance.server.created_at,
            "DeleteOnTermination": volume.disk.delete_on_termination,
        }
    ],
    "Encrypted": False,
    "VolumeType": lambda volume: volume.type,
    "MultiAttachEnabled": False,
    "Iops": _iops,
    "Throughput": lambda volume: 125 if volume.type == "gp3" else None,
}
_FILTERS: Final[Filters[_Volume]] = {
    "attachment.attach-time": "Attachments.AttachTime",
    "attachment.delete-on-termination": "Attachments.DeleteOnTermination",
    "attachment.device": "Attachments.Device",
    "attachment.instance-id": "Attachments.InstanceId",
    "attachment.status": "Attachments.State",
    "availability-zone": "AvailabilityZone",
    "availability-zone-id": "AvailabilityZoneId",
    "create-time": "CreateTime",
    "encrypted": "Encrypted",
    "multi-attach-enabled": "MultiAttachEnabled",
    "size": "Size",
    "snapshot-id": lambda volume: volume.snapshot,
    "status": "State",
    "volume-id": "VolumeId",
    "volume-type": "VolumeType",
    **always(False, "fast-restored", "operator.managed"),
    **never("operator.principal"),
}
VOLUMES: Final = Noun(
    answer="Volumes",
    items=_volumes,
    members=_MEMBERS,
    order=lambda volume: volume.id,
    filters=_FILTERS,
    namings=(actions.by_ids("VolumeIds", actions.VOLUME, lambda volume: volume.id),),
    tagging=tag_words.kept(lambda volume: volume.id),
    pages=actions.pages("VolumeIds", _BOUNDS),
)

actions.describes("DescribeVolumes", VOLUMES)
