"""A server's disks, as AWS describes them, in Nova's block device mapping. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.profile import BlockDevice
from backend.drivers.errors import Unsupported
from backend.drivers.openstack.flavors import Offer

_ROOTS: Final = frozenset({"/dev/sda", "/dev/sda1", "/dev/xvda", "/dev/xvda1", "/dev/vda", "/dev/vda1"})
_MEMBER: Final = "BlockDeviceMappings"


@dataclass(frozen=True, slots=True)
class Disks:
    """What goes into the request.

    Attributes:
        mapping: ``block_device_mapping_v2``; empty where the flavor's own disk is all there is.
        root_volume: the root disk is a volume, so Nova will not tell the image.
    """

    mapping: Sequence[Mapping[str, Any]] = ()
    root_volume: bool = False


def disks(
    devices: Sequence[BlockDevice],
    image_id: str,
    root_device: str,
    offer: Offer,
    volume_types: Mapping[str, str],
    *,
    volumes: bool,
    snapshots: Mapping[str, str] | None = None,
) -> Disks:
    """The disks of a server.

    The root disk is the flavor's own where that is as large as asked for and goes with the server; else it is a volume
    made from the image. Other disks are new volumes, or (``ephemeral0``) the flavor's ephemeral one, if it has one:
    AWS passes over an instance store that the type lacks.

    Args:
        root_device: what the image calls its root disk; AWS's usual names of it count too.
        volumes: whether the cloud has a block storage service.
        snapshots: the cloud's ids of snapshots by their short ids.

    Raises:
        Unsupported: what is asked for needs block storage that is not there, or a snapshot that is not.
    """
    root: Mapping[str, Any] | None = None
    others: list[Mapping[str, Any]] = []
    for device in devices:
        if device.suppressed:
            continue
        if device.snapshot and device.device != root_device:
            others.append(_of_snapshot(device, snapshots or {}, volume_types))
        elif device.device in _ROOTS or device.device == root_device:
            if device.snapshot:
                raise Unsupported(f"{_MEMBER}.Ebs.SnapshotId")
            root = _root(device, image_id, offer, volume_types)
        elif device.ephemeral is None:
            others.append(_volume(device, volume_types))
        elif offer.ephemeral_gib:
            others.append(_EPHEMERAL)
    wants_volumes = root is not None or any(other is not _EPHEMERAL for other in others)
    if wants_volumes and not volumes:
        raise Unsupported(_MEMBER)
    if root is None and not others:
        return Disks()
    local = {
        "boot_index": 0,
        "uuid": image_id,
        "source_type": "image",
        "destination_type": "local",
        "delete_on_termination": True,
    }
    return Disks((root or local, *others), root_volume=root is not None)


_EPHEMERAL: Final[Mapping[str, Any]] = {
    "boot_index": -1,
    "source_type": "blank",
    "destination_type": "local",
    "delete_on_termination": True,
}


def _root(
    device: BlockDevice, image_id: str, offer: Offer, volume_types: Mapping[str, str]
) -> Mapping[str, Any] | None:
    """A volume as root disk, None where the flavor's own does."""
    wanted = device.size_gib or 0
    chosen = volume_types.get(device.volume_type or "")
    if device.delete_on_termination and wanted <= offer.disk_gib and chosen is None:
        return None
    size = max(wanted, offer.disk_gib)
    if not size:
        return None if device.delete_on_termination and chosen is None else _refuse_unsized()
    volume = {
        "boot_index": 0,
        "uuid": image_id,
        "source_type": "image",
        "destination_type": "volume",
        "volume_size": size,
        "delete_on_termination": device.delete_on_termination,
    }
    return {**volume, "volume_type": chosen} if chosen else volume


def _of_snapshot(
    device: BlockDevice, snapshots: Mapping[str, str], volume_types: Mapping[str, str]
) -> Mapping[str, Any]:
    """A volume of a snapshot; a root disk is none, for its image would be another."""
    snapshot = snapshots.get(device.snapshot or "")
    if snapshot is None or device.device in _ROOTS:
        raise Unsupported(f"{_MEMBER}.Ebs.SnapshotId")
    volume: dict[str, Any] = {
        "boot_index": -1,
        "uuid": snapshot,
        "source_type": "snapshot",
        "destination_type": "volume",
        "delete_on_termination": device.delete_on_termination,
    }
    if device.size_gib:
        volume["volume_size"] = device.size_gib
    chosen = volume_types.get(device.volume_type or "")
    return {**volume, "volume_type": chosen} if chosen else volume


def _refuse_unsized() -> Mapping[str, Any]:
    raise Unsupported(f"{_MEMBER}.Ebs.VolumeSize")


def _volume(device: BlockDevice, volume_types: Mapping[str, str]) -> Mapping[str, Any]:
    if not device.size_gib:
        raise Unsupported(f"{_MEMBER}.Ebs.VolumeSize")
    volume = {
        "boot_index": -1,
        "source_type": "blank",
        "destination_type": "volume",
        "volume_size": device.size_gib,
        "delete_on_termination": device.delete_on_termination,
    }
    chosen = volume_types.get(device.volume_type or "")
    return {**volume, "volume_type": chosen} if chosen else volume
