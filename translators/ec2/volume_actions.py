"""Volumes made, attached, detached, changed and ended.

Source: Amazon EC2 API Reference, CreateVolume, AttachVolume, DetachVolume, ModifyVolume, DeleteVolume.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from backend.domain import server_findings
from backend.domain.node import ServerStatus
from backend.drivers.volumes import Kind, NewVolume, Snapshot, Volume
from translators import arns
from translators.ec2 import actions, tag_words, volume_words
from translators.ec2.instance_words import Surroundings
from translators.ec2.instances import one as one_instance
from translators.ec2.snapshots import named as named_snapshot
from translators.ec2.volumes import VOLUMES, Shown, attachment, modification, of_volume
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_DEVICE: Final = re.compile(r"(/dev/)?(sd|xvd|hd|vd)[a-z]{1,2}[0-9]{0,2}")
_REFUSED: Final = ("KmsKeyId", "OutpostArn", "Operator", "SourceVolumeId")
_USUAL: Final = "gp2"


@operation("ec2", "CreateVolume")
def create(call: Call) -> Result:
    params = call.params
    for member in _REFUSED:
        if params.get(member):
            raise _meaningless(member)
    for member in ("Encrypted", "MultiAttachEnabled"):
        if params.get(member):
            raise _meaningless(member)  # a protection or a sharing that is not there must not be promised
    zone = _zone(call)
    tags = tag_words.specified(params.get("TagSpecifications"), frozenset({"volume"})).get("volume", {})
    token = actions.client_token(call, 64)
    snapshot = named_snapshot(call, params["SnapshotId"]) if params.get("SnapshotId") else None
    size = _size(params.get("Size"), snapshot)
    kind = Kind(params.get("VolumeType") or _USUAL, params.get("Iops"), params.get("Throughput"))
    new = NewVolume(
        size_gib=size,
        zone=zone,
        kind=volume_words.checked(size, kind),
        snapshot_id=snapshot.id if snapshot else None,
        name=tags.get("Name", ""),
    )
    actions.check_dry_run(call)
    volume = call.backend.volumes.create(call.scope, new, token)
    shown = of_volume(Surroundings(call), volume)
    if tags:
        call.backend.resource_tags.put(call.scope, [shown.id], tags)
    return {**VOLUMES.view(shown), **tag_words.member(tags)}


@operation("ec2", "DeleteVolume")
def delete(call: Call) -> Result:
    volume = _named(call)
    actions.check_dry_run(call)
    if volume.own is None or volume.own.attachment is not None:
        holder = volume.instance.id if volume.instance else _holder(volume.own)
        raise AWSError("VolumeInUse", f"Volume {volume.id} is currently attached to {holder}")
    call.backend.volumes.delete(call.scope, volume.own)
    call.backend.resource_tags.remove(call.scope, [volume.id], None)
    return {}


@operation("ec2", "AttachVolume")
def attach(call: Call) -> Result:
    device = call.params["Device"]
    if not _DEVICE.fullmatch(device):
        # unsourced
        words = f"Value ({device[:64]}) for parameter device is invalid. {device[:64]} is not a valid EBS device name."
        raise AWSError("InvalidParameterValue", words)
    volume = _named(call)
    instance = one_instance(call, call.params["InstanceId"])
    if any(disk.device == device and disk.volume_id != volume.id for disk in instance.disks()):
        # Source: hashicorp/terraform-provider-aws #12453 (the words).
        raise AWSError(
            "InvalidParameterValue",
            f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use",
        )
    if volume.own is None or volume.own.attachment is not None:
        raise AWSError("VolumeInUse", f"{volume.id} is already attached to an instance")
    actions.check_dry_run(call)
    try:
        made = call.backend.volumes.attach(call.scope, volume.own, instance.server, device)
    except server_findings.ServerConflict:
        # unsourced
        raise AWSError("IncorrectState", f"Instance '{instance.id}' is not 'running'.") from None
    return attachment(volume.id, made, goes=False, state="attaching")


@operation("ec2", "DetachVolume")
def detach(call: Call) -> Result:
    params = call.params
    volume = _named(call)
    wanted = params.get("InstanceId")
    if wanted:
        actions.check_forms(actions.INSTANCE, [wanted])
    if not VOLUMES.view(volume)["Attachments"]:
        raise AWSError("IncorrectState", f"Volume '{volume.id}' is in the 'available' state.")
    holder = volume.instance.id if volume.instance else _holder(volume.own)
    device = volume.disk.device if volume.disk else None
    if (wanted or holder) != holder or (params.get("Device") or device) != device:
        # unsourced
        words = f"Instance '{wanted or holder}' is not attached to volume '{volume.id}'."
        raise AWSError("InvalidAttachment.NotFound", words)
    instance = volume.instance
    root = instance is not None and volume.disk is not None and volume.disk.device == instance.root_device
    if root and instance is not None and instance.server.status is not ServerStatus.STOPPED:
        # unsourced
        words = f"Unable to detach root volume '{volume.id}' from instance '{holder}'"
        raise AWSError("OperationNotPermitted", words)
    actions.check_dry_run(call)
    goes = bool(volume.disk and volume.disk.delete_on_termination)
    held = call.backend.volumes.detach(call.scope, _real(call, volume))
    return attachment(volume.id, held, goes=goes, state="detaching")


@operation("ec2", "ModifyVolume")
def modify(call: Call) -> Result:
    params = call.params
    if params.get("MultiAttachEnabled"):
        raise _meaningless("MultiAttachEnabled")
    volume = _named(call)
    size = params.get("Size") or volume.size_gib
    kind = _changed(volume.kind, params)
    volume_words.checked(size, kind)
    if size < volume.size_gib:
        raise AWSError("InvalidParameterValue", "New size cannot be smaller than existing size")
    actions.check_dry_run(call)
    changed = call.backend.volumes.modify(call.scope, _real(call, volume), size, kind)
    shown = replace(volume, own=changed, size_gib=changed.size_gib, kind=changed.kind)
    return {"VolumeModification": {**modification(shown), "ModificationState": "modifying", "Progress": 0}}


@operation("ec2", "ModifyVolumeAttribute")
def modify_attribute(call: Call) -> Result:
    _named(call)
    if (call.params.get("AutoEnableIO") or {}).get("Value"):
        raise _meaningless("AutoEnableIO")
    actions.check_dry_run(call)
    return {}


def _named(call: Call) -> Shown:
    return VOLUMES.of_ids(call, [call.params["VolumeId"]])[0]


def _real(call: Call, volume: Shown) -> Volume:
    """The block storage's volume; a server's own disk becomes one."""
    if volume.own is not None:
        return volume.own
    disk = volume.own_disk()
    if disk is None:
        raise actions.not_found(actions.VOLUME, [volume.id])
    return call.backend.volumes.realize(call.scope, disk)


def _holder(volume: Volume | None) -> str:
    return arns.instance_id(volume.attachment.server_id) if volume and volume.attachment else "an instance"


def _zone(call: Call) -> str:
    name, zone_id = call.params.get("AvailabilityZone"), call.params.get("AvailabilityZoneId")
    if bool(name) == bool(zone_id):
        if name:
            # unsourced
            words = "The parameter availabilityZone cannot be used with the parameter availabilityZoneId"
            raise AWSError("InvalidParameterCombination", words)
        raise AWSError("MissingParameter", "The request must contain the parameter zone")  # unsourced
    for zone in call.backend.catalog.zones(call.scope):
        if (name or zone.name) == zone.name and (zone_id or zone.zone_id) == zone.zone_id:
            return zone.name
    shown = str(name or zone_id)[:64]
    # Source: the CLI's users (the words).
    raise AWSError("InvalidZone.NotFound", f"The zone '{shown}' does not exist.")


def _size(size: int | None, snapshot: Snapshot | None) -> int:
    if snapshot is None:
        if size is None:
            # unsourced
            raise AWSError("MissingParameter", "The request must contain the parameter size/snapshot")
        return size
    if size is not None and size < snapshot.size_gib:
        shown = arns.resource_id(arns.SNAPSHOT, snapshot.id)
        raise AWSError(
            "InvalidParameterValue",
            f"Volume of size {size}GB is smaller than snapshot '{shown}', expect size >= {snapshot.size_gib}GB",
        )
    return size or snapshot.size_gib


def _changed(kind: Kind, params: Mapping[str, Any]) -> Kind:
    """The kind of a volume after a change: what is not said stays, where the type still has it."""
    wanted = params.get("VolumeType") or kind.type
    same = wanted == kind.type
    return Kind(
        wanted,
        params.get("Iops") or (kind.iops if same else None),
        params.get("Throughput") or (kind.throughput if same else None),
    )


def _meaningless(member: str) -> AWSError:
    return AWSError("UnsupportedOperation", f"{member} has no meaning on this cloud.")  # unsourced
