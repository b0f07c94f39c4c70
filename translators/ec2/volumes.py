"""Volumes: the disks that servers were made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.profile import BlockDevice
from translators import arns, filters
from translators.ec2 import actions, tag_words
from translators.ec2.instance_words import Instance, surroundings
from translators.filters import Fields
from translators.registry import Call, Result

_BOUNDS: Final = actions.Bounds(5, 500)


@dataclass(frozen=True, slots=True)
class _Volume:
    id: str
    device: str
    disk: BlockDevice
    instance: Instance
    tags: Mapping[str, str]

    @property
    def snapshot(self) -> str | None:
        if self.disk.snapshot:
            return f"{arns.SNAPSHOT}-{self.disk.snapshot}"
        image = self.instance.image
        if image and image.snapshot_id and self.device == self.instance.root_device:
            return arns.resource_id(arns.SNAPSHOT, image.snapshot_id)
        return None


FIELDS: Final[Fields[_Volume]] = {
    **filters.never("operator.principal"),
    "operator.managed": lambda _: False,
    "attachment.attach-time": lambda volume: volume.instance.server.created_at,
    "attachment.delete-on-termination": lambda volume: volume.disk.delete_on_termination,
    "attachment.device": lambda volume: volume.device,
    "attachment.instance-id": lambda volume: volume.instance.id,
    "attachment.status": lambda _: "attached",
    "availability-zone": lambda volume: volume.instance.server.zone,
    "availability-zone-id": lambda volume: volume.instance.zone_id,
    "create-time": lambda volume: volume.instance.server.created_at,
    "encrypted": lambda _: False,
    "fast-restored": lambda _: False,
    "multi-attach-enabled": lambda _: False,
    "size": lambda volume: volume.instance.size_gib(volume.disk),
    "snapshot-id": lambda volume: volume.snapshot,
    "status": lambda _: "in-use",
    "volume-id": lambda volume: volume.id,
    "volume-type": lambda volume: volume.instance.volume_type(volume.disk),
}


@actions.answers("DescribeVolumes")
def describe(call: Call) -> Result:
    around = surroundings(call)
    tagged = call.backend.resource_tags.all(call.scope)
    volumes = [
        _Volume(volume, device, disk, instance, tagged.get(volume, {}))
        for instance in (Instance(server, around) for server in call.backend.servers.list(call.scope))
        for device, volume, disk in instance.disks()
    ]
    chosen = actions.named(actions.VOLUME, call.params.get("VolumeIds"), volumes, lambda volume: volume.id)
    chosen.sort(key=lambda volume: volume.id)
    found = filters.matching(chosen, call.params.get("Filters") or (), FIELDS, lambda volume: volume.tags)
    items, token = actions.page(call, "VolumeIds", found, lambda volume: volume.id, _BOUNDS)
    return {"Volumes": [_shown(call, volume) for volume in items], **token}


def _performance(volume: _Volume) -> dict[str, int]:
    """What AWS's types promise, which is what its clients expect to read; the cloud's own types decide on the rest.

    Source: Amazon EBS User Guide, "Amazon EBS volume types".
    """
    kind = volume.instance.volume_type(volume.disk)
    if kind == "gp3":
        return {"Iops": 3000, "Throughput": 125}
    if kind == "gp2":
        return {"Iops": min(16_000, max(100, 3 * volume.instance.size_gib(volume.disk)))}
    return {}


def _shown(call: Call, volume: _Volume) -> dict[str, Any]:
    server = volume.instance.server
    told = {
        "VolumeId": volume.id,
        "VolumeArn": arns.ec2(call.region, call.account_id, "volume", volume.id),
        "Size": volume.instance.size_gib(volume.disk),
        "SnapshotId": volume.snapshot or "",
        "AvailabilityZone": server.zone,
        "State": "in-use",
        "CreateTime": server.created_at,
        "Attachments": [
            {
                "VolumeId": volume.id,
                "InstanceId": volume.instance.id,
                "Device": volume.device,
                "State": "attached",
                "AttachTime": server.created_at,
                "DeleteOnTermination": volume.disk.delete_on_termination,
            }
        ],
        "Encrypted": False,
        "VolumeType": volume.instance.volume_type(volume.disk),
        "MultiAttachEnabled": False,
        **tag_words.member(volume.tags),
        **_performance(volume),
    }
    if volume.instance.zone_id:
        told["AvailabilityZoneId"] = volume.instance.zone_id
    return told
