"""Volumes: those of the block storage, and the disks that servers alone tell of; their status and changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from backend.domain.ids import short_id
from backend.drivers.volumes import Attachment, Kind, OwnDisk, Volume
from translators import arns
from translators.ec2 import actions, tag_words, volume_words
from translators.ec2.disks import Disk, owned
from translators.ec2.instance_words import Instance, Surroundings
from translators.errors import AWSError
from translators.filters import Filters, always, never
from translators.nouns import Asked, Members, Naming, Noun
from translators.registry import Call, Result

_BOUNDS: Final = actions.Bounds(5, 1000)
"""Of more than 500 AWS gives 500, and refuses nothing: the CLI asks for 1,000 where its user says nothing.

Source: aws/aws-cli awscli/customizations/ec2/paginate.py.
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A volume with what it is attached to.

    Attributes:
        own: the block storage's; None where a server alone tells of it.
        instance, disk: what has it, and as what.
    """

    id: str
    size_gib: int
    kind: Kind
    zone: str
    state: str
    created_at: datetime
    around: Surroundings
    own: Volume | None = None
    instance: Instance | None = None
    disk: Disk | None = None

    @property
    def snapshot(self) -> str | None:
        if self.own is not None and self.own.snapshot_id:
            return arns.resource_id(arns.SNAPSHOT, self.own.snapshot_id)
        return self.disk.snapshot if self.disk else None

    @property
    def zone_id(self) -> str | None:
        return self.around.zone_ids.get(self.zone)

    def own_disk(self) -> OwnDisk | None:
        """It as the disk of the server that tells of it."""
        if self.instance is None or self.disk is None:
            return None
        return owned(self.instance.server, self.disk)


def of_volume(around: Surroundings, volume: Volume) -> Shown:
    """A volume of the block storage, without what it is attached to."""
    return Shown(
        id=arns.resource_id(arns.VOLUME, volume.id),
        size_gib=volume.size_gib,
        kind=volume.kind,
        zone=volume.zone or next(iter(around.zone_ids), ""),
        state=str(volume.state),
        created_at=volume.created_at,
        around=around,
        own=volume,
    )


def _of_disk(instance: Instance, disk: Disk) -> Shown:
    volume = disk.volume
    return Shown(
        id=disk.volume_id,
        size_gib=disk.size_gib,
        kind=disk.kind,
        zone=instance.server.zone,
        state=str(volume.state) if volume else "in-use",
        created_at=volume.created_at if volume else instance.server.created_at,
        around=instance.around,
        own=volume,
        instance=instance,
        disk=disk,
    )


def _volumes(call: Call, _: Asked) -> Iterable[Shown]:
    around = Surroundings(call)
    around.volumes = {volume.id: volume for volume in call.backend.volumes.list(call.scope)}
    told = set()
    for server in call.backend.servers.list(call.scope):
        instance = Instance(server, around)
        for disk in instance.disks():
            told.add(disk.volume_id)
            yield _of_disk(instance, disk)
    for volume in around.volumes.values():
        shown = of_volume(around, volume)
        if shown.id not in told:
            yield shown


def attachment(volume_id: str, held: Attachment, *, goes: bool, state: str = "") -> dict[str, Any]:
    """What a volume is attached to."""
    return {
        "VolumeId": volume_id,
        "InstanceId": arns.instance_id(held.server_id),
        "Device": held.device,
        "State": state or str(held.state),
        "AttachTime": held.attached_at,
        "DeleteOnTermination": goes,
    }


def _attachments(volume: Shown) -> list[dict[str, Any]]:
    if volume.instance is not None and volume.disk is not None:
        disk = volume.disk
        held = Attachment(volume.instance.server.id, disk.device, disk.attached_at)
        return [attachment(volume.id, held, goes=disk.delete_on_termination, state=disk.state)]
    if volume.own is not None and (held_ := volume.own.attachment):
        return [attachment(volume.id, held_, goes=bool(held_.delete_on_termination))]
    return []


MEMBERS: Final[Members[Shown]] = {
    "VolumeId": lambda volume: volume.id,
    "VolumeArn": lambda volume: arns.ec2(volume.around.region, volume.around.account, "volume", volume.id),
    "Size": lambda volume: volume.size_gib,
    "SnapshotId": lambda volume: volume.snapshot or "",
    "AvailabilityZone": lambda volume: volume.zone,
    "AvailabilityZoneId": lambda volume: volume.zone_id or None,
    "State": lambda volume: volume.state,
    "CreateTime": lambda volume: volume.created_at,
    "Attachments": _attachments,
    "Encrypted": lambda volume: volume.own.encrypted if volume.own else False,
    "VolumeType": lambda volume: volume.kind.type,
    "MultiAttachEnabled": False,
    "Iops": lambda volume: volume_words.iops(volume.size_gib, volume.kind),
    "Throughput": lambda volume: volume_words.throughput(volume.kind),
}
_FILTERS: Final[Filters[Shown]] = {
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
_NAMINGS: Final[tuple[Naming[Shown]]] = (actions.by_ids("VolumeIds", actions.VOLUME, lambda volume: volume.id),)
VOLUMES: Final = Noun(
    answer="Volumes",
    items=_volumes,
    members=MEMBERS,
    order=lambda volume: volume.id,
    filters=_FILTERS,
    namings=_NAMINGS,
    tagging=tag_words.kept(lambda volume: volume.id),
    pages=actions.pages("VolumeIds", _BOUNDS),
)

actions.describes("DescribeVolumes", VOLUMES)


def _status(volume: Shown) -> dict[str, Any]:
    broken = volume.state == "error"
    return {
        "Status": "impaired" if broken else "ok",
        "Details": [
            {"Name": "io-enabled", "Status": "failed" if broken else "passed"},
            {"Name": "io-performance", "Status": "not-applicable"},
        ],
    }


STATUSES: Final = Noun(
    answer="VolumeStatuses",
    items=_volumes,
    members={
        "VolumeId": lambda volume: volume.id,
        "AvailabilityZone": lambda volume: volume.zone,
        "AvailabilityZoneId": lambda volume: volume.zone_id or None,
        "VolumeStatus": _status,
        "Actions": (),
        "Events": (),
    },
    order=lambda volume: volume.id,
    filters={
        "availability-zone": "AvailabilityZone",
        "volume-status.details-name": "VolumeStatus.Details.Name",
        "volume-status.details-status": "VolumeStatus.Details.Status",
        "volume-status.status": "VolumeStatus.Status",
        **never(
            "action.code",
            "action.description",
            "action.event-id",
            "attachment-status.instance-id",
            "attachment-status.io-performance",
            "event.description",
            "event.event-id",
            "event.event-type",
            "event.not-after",
            "event.not-before",
        ),
    },
    namings=_NAMINGS,
    pages=actions.pages("VolumeIds", actions.Bounds(5, 1000)),
)

actions.describes("DescribeVolumeStatus", STATUSES)


def modification(volume: Shown) -> dict[str, Any]:
    """The last change of a volume; the cloud has done it when it answers."""
    told = volume.own.modification if volume.own else None
    if told is None:
        return {}
    after = _kind_words("Target", volume.size_gib, volume.kind)
    return {
        "VolumeId": volume.id,
        "ModificationState": "completed",
        **after,
        **_kind_words("Original", told.size_gib, told.kind),
        "Progress": 100,
        "StartTime": told.started_at,
        "EndTime": told.started_at,
    }


def _kind_words(which: str, size_gib: int, kind: Kind) -> dict[str, Any]:
    words = {
        f"{which}Size": size_gib,
        f"{which}VolumeType": kind.type,
        f"{which}Iops": volume_words.iops(size_gib, kind),
        f"{which}Throughput": volume_words.throughput(kind),
        f"{which}MultiAttachEnabled": False,
    }
    return {name: value for name, value in words.items() if value is not None}


def _modified(name: str) -> Any:
    return lambda volume: modification(volume).get(name)


MODIFICATIONS: Final = Noun(
    answer="VolumesModifications",
    items=_volumes,
    members={
        name: _modified(name)
        for name in (
            "VolumeId",
            "ModificationState",
            *(
                f"{which}{member}"
                for which in ("Target", "Original")
                for member in ("Size", "VolumeType", "Iops", "Throughput", "MultiAttachEnabled")
            ),
            "Progress",
            "StartTime",
            "EndTime",
        )
    },
    order=lambda volume: volume.id,
    filters={
        "modification-state": "ModificationState",
        "original-iops": "OriginalIops",
        "original-size": "OriginalSize",
        "original-volume-type": "OriginalVolumeType",
        "originalMultiAttachEnabled": "OriginalMultiAttachEnabled",
        "start-time": "StartTime",
        "target-iops": "TargetIops",
        "target-size": "TargetSize",
        "target-volume-type": "TargetVolumeType",
        "targetMultiAttachEnabled": "TargetMultiAttachEnabled",
        "volume-id": "VolumeId",
    },
    namings=_NAMINGS,
    keeps=lambda _, volume: volume.own is not None and volume.own.modification is not None,
    pages=actions.pages("VolumeIds", _BOUNDS),
)


def _describe_modifications(call: Call) -> Result:
    """Volumes that were never changed are left out unless they are named."""
    named = MODIFICATIONS.named_by(call.params)
    volumes = MODIFICATIONS.chosen(call, named)
    if named and (never_ := [each.id for each in volumes if not modification(each)]):
        # Source: hashicorp/terraform-provider-aws, internal/service/ec2/errors.go (the code); the words are unsourced.
        raise AWSError("InvalidVolumeModification.NotFound", f"Modification for volume '{never_[0]}' does not exist.")
    return MODIFICATIONS.told(call, volumes)


actions.describes("DescribeVolumesModifications", MODIFICATIONS, _describe_modifications)

_ATTRIBUTES: Final[Mapping[str, dict[str, Any]]] = {
    "autoEnableIO": {"AutoEnableIO": {"Value": False}},
    "productCodes": {"ProductCodes": []},
}


@actions.reads("DescribeVolumeAttribute")
def describe_attribute(call: Call) -> Result:
    (volume,) = VOLUMES.of_ids(call, [call.params["VolumeId"]])
    return {"VolumeId": volume.id, **_ATTRIBUTES[call.params["Attribute"]]}


def instance_id(volume: Volume) -> str | None:
    """The id of the instance that has it."""
    return f"{arns.INSTANCE}-{short_id(volume.attachment.server_id)}" if volume.attachment else None
