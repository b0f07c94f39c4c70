"""Images made and taken away by their owners: of instances, registered, copied, described, deregistered.

An image has its root device alone here, and boots whatever its snapshot holds.

Source: Amazon EC2 API Reference, CreateImage, RegisterImage, CopyImage, DeregisterImage, ModifyImageAttribute.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from backend.domain import image_findings, volume_findings
from backend.domain.ids import short_id
from backend.drivers.images import GIB, NAME, NewImage
from backend.drivers.volumes import Snapshot
from translators import arns
from translators.ec2 import actions, tag_words
from translators.ec2.instances import one as one_instance
from translators.ec2.snapshots import SNAPSHOTS
from translators.errors import AWSError
from translators.registry import Call, Handler, Result, operation

_VIRTUALIZATIONS: Final = frozenset({"hvm", "paravirtual"})
_DEVICE: Final = re.compile(r"[a-z0-9/_-]{1,64}")
_DESCRIPTION_LENGTH: Final = 255
_SHARING: Final = (
    "LaunchPermission",
    "ProductCodes",
    "UserGroups",
    "UserIds",
    "OrganizationArns",
    "OrganizationalUnitArns",
    "ImdsSupport",
)
_ZONES: Final = ("DestinationAvailabilityZone", "DestinationAvailabilityZoneId")
_TAGGABLE: Final = frozenset({"image", "snapshot"})


def _answers(name: str, *, of_nothing: bool = True) -> Callable[[Handler], Handler]:
    """Register an answer that changes images.

    Args:
        of_nothing: only a cloud gives it in which images are made of nothing; elsewhere not even a dry run succeeds.
    """

    def register(handler: Handler) -> Handler:
        def answer(call: Call) -> Result:
            if of_nothing and not call.backend.images.made_here:
                raise AWSError(
                    "UnsupportedOperation", "Images of this cloud are made with its own tools (openstack image create)."
                )
            if of_nothing:
                actions.check_dry_run(call)
            try:
                return handler(call)
            except image_findings.ImageNameTaken as taken:
                words = f"AMI name {taken.name} is already in use by AMI {arns.image_id(taken.image_id)}"
                raise AWSError("InvalidAMIName.Duplicate", words) from None
            except image_findings.ImageNotOwned as found:
                shown = arns.image_id(found.image_id)
                raise AWSError("AuthFailure", f"Not authorized for image:{shown}", 403) from None
            except image_findings.ImageNotFound as found:
                raise actions.not_found(actions.IMAGE, [f"{arns.IMAGE}-{found.image}"]) from None
            except image_findings.ImagesExhausted as full:
                words = f"You have reached the limit of {full.limit} AMIs in this Region."  # unsourced
                raise AWSError("ResourceLimitExceeded", words) from None

        return operation("ec2", name)(answer)

    return register


@_answers("RegisterImage")
def register(call: Call) -> Result:
    params = call.params
    root, disk = _root(params)
    virtualization = params.get("VirtualizationType", "paravirtual")
    if virtualization not in _VIRTUALIZATIONS:
        raise _invalid(virtualization, "virtualizationType")
    snapshot = _snapshot(call, disk)
    tags = _tags(call)
    made = call.backend.images.register(
        call.scope,
        NewImage(
            name=_name(params["Name"]),
            description=_description(params),
            architecture=params.get("Architecture", "i386"),
            root_device=root,
            virtualization=virtualization,
            size_gib=disk.get("VolumeSize") or (snapshot.size_gib if snapshot else 8),
            snapshot_id=snapshot.id if snapshot else None,
            volume_type=disk.get("VolumeType", "standard"),
            boot_mode=params.get("BootMode"),
            ena=bool(params.get("EnaSupport", False)),
            imds_v2=params.get("ImdsSupport") == "v2.0",
        ),
    )
    return _made(call, made, tags)


@_answers("CopyImage")
def copy(call: Call) -> Result:
    params = call.params
    for member in ("Encrypted", "KmsKeyId", "DestinationOutpostArn", *_ZONES):
        if params.get(member):
            raise AWSError("UnsupportedOperation", f"{member} has no meaning on this cloud.")  # unsourced
    source = params["SourceRegion"]
    there = call.scope if source == call.region else call.scope_in(source)
    if there is None:
        raise AWSError("InvalidParameterValue", f"Invalid region name: '{source[:64]}'")  # unsourced
    short = _short(params["SourceImageId"])
    tags = _tags(call)
    if params.get("CopyImageTags"):
        known = call.backend.resource_tags.of(there, [params["SourceImageId"]])
        tags = {**known.get(params["SourceImageId"], {}), **tags}
        tag_words.check_number(tags)  # before there is an image
    made = call.backend.images.copy(call.scope, there, short, _name(params["Name"]), _description(params) or None)
    return _made(call, made, tags)


@_answers("DeregisterImage", of_nothing=False)
def deregister(call: Call) -> Result:
    shown = call.params["ImageId"]
    actions.check_forms(actions.IMAGE, [shown])
    actions.check_dry_run(call)
    short = _short(shown)
    snapshots = _snapshots_of(call, short) if call.params.get("DeleteAssociatedSnapshots") else []
    call.backend.images.deregister(call.scope, short)
    call.backend.resource_tags.remove(call.scope, [shown], None)
    return {"Return": True, "DeleteSnapshotResults": [_delete_snapshot(call, each) for each in snapshots]}


@_answers("CreateImage", of_nothing=False)
def create(call: Call) -> Result:
    """An image of an instance's root disk as it is now; the instance runs on, whatever ``NoReboot`` says."""
    params = call.params
    for member in ("BlockDeviceMappings", "SnapshotLocation", "BootModeOverride"):
        if params.get(member) and params[member] != "regional":
            raise AWSError("UnsupportedOperation", f"{member} has no meaning on this cloud.")  # unsourced
    name, description = _name(params["Name"]), _description(params)
    kinds = tag_words.specified(params.get("TagSpecifications"), _TAGGABLE)
    instance = one_instance(call, params["InstanceId"])
    actions.check_dry_run(call)
    made = call.backend.images.of_server(call.scope, instance.server, name, description)
    if tags := kinds.get("snapshot"):
        snapshots = [arns.resource_id(arns.SNAPSHOT, each.id) for each in _snapshots_of(call, short_id(made))]
        call.backend.resource_tags.put(call.scope, snapshots, tags)
    return _made(call, made, kinds.get("image", {}))


@_answers("ModifyImageAttribute")
def modify(call: Call) -> Result:
    """Its description; who may use an image, and how it boots, is the cloud's own affair."""
    params = call.params
    attribute = params.get("Attribute") or ("description" if params.get("Description") is not None else "")
    others = [member for member in _SHARING if params.get(member)]
    if others or attribute not in {"", "description"}:
        what = others[0] if others else attribute[:64]
        raise AWSError("UnsupportedOperation", f"{what} of an image cannot be changed on this cloud.")  # unsourced
    value = params.get("Value") if params.get("Description") is None else params["Description"].get("Value")
    if not attribute or value is None:
        raise AWSError("InvalidParameterCombination", "No attributes specified.")  # unsourced
    call.backend.images.describe(call.scope, _short(params["ImageId"]), _description({"Description": value}))
    return {}


def _snapshots_of(call: Call, short: str) -> list[Snapshot]:
    """The snapshot that an image boots from, where it is the caller's."""
    images = call.backend.catalog.images(call.scope, fresh=True)
    wanted = {image.snapshot_id for image in images if image.short_id == short}
    return [snapshot for snapshot in call.backend.volumes.snapshots(call.scope) if snapshot.id in wanted]


def _delete_snapshot(call: Call, snapshot: Snapshot) -> dict[str, str]:
    shown = arns.resource_id(arns.SNAPSHOT, snapshot.id)
    try:
        call.backend.volumes.delete_snapshot(call.scope, snapshot)
    except volume_findings.SnapshotInUse:
        return {"SnapshotId": shown, "ReturnCode": "skipped"}
    call.backend.resource_tags.remove(call.scope, [shown], None)
    return {"SnapshotId": shown, "ReturnCode": "success"}


def _made(call: Call, image_id: str, tags: Mapping[str, str]) -> Result:
    shown = arns.image_id(image_id)
    if tags:
        call.backend.resource_tags.put(call.scope, [shown], tags)
    return {"ImageId": shown}


def _tags(call: Call) -> dict[str, str]:
    return tag_words.specified(call.params.get("TagSpecifications"), _TAGGABLE).get("image", {})


def _short(text: str) -> str:
    """The digits of an image's id. Raises AWSError where there can be no such image."""
    actions.check_forms(actions.IMAGE, [text])
    short = arns.short_of(arns.IMAGE, text)
    if short is None:
        raise actions.not_found(actions.IMAGE, [text])
    return short


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise AWSError(
            "InvalidAMIName.Malformed",
            "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, "
            "'(', ')', '[', ']', ' ', '.', '/', '-', ''', '@', and '_'",
        )
    return text


def _description(params: Mapping[str, Any]) -> str:
    text: str = params.get("Description") or ""
    if len(text) > _DESCRIPTION_LENGTH:
        raise AWSError(  # unsourced
            "InvalidParameterValue", f"Description exceeds the maximum length of {_DESCRIPTION_LENGTH} characters"
        )
    return text


def _root(params: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Name and disk of the root device. Raises AWSError where other devices are given: an image has one disk here."""
    mappings = params.get("BlockDeviceMappings") or ()
    root: str = params.get("RootDeviceName") or (mappings[0].get("DeviceName") if mappings else "") or "/dev/sda1"
    disk: Mapping[str, Any] = {}
    for each in mappings:
        if each.get("DeviceName", root) != root:
            raise AWSError("UnsupportedOperation", "An image has its root device alone on this cloud.")  # unsourced
        disk = each.get("Ebs") or {}
    size = disk.get("VolumeSize", 8)
    if size not in GIB:
        raise AWSError("InvalidParameterValue", f"Volume of {size}GiB is not possible.")  # unsourced
    if not _DEVICE.fullmatch(root):
        raise _invalid(root, "rootDeviceName")
    return root, disk


def _snapshot(call: Call, disk: Mapping[str, Any]) -> Snapshot | None:
    """The snapshot that an image is registered from. Raises AWSError where the caller has no such one."""
    shown = disk.get("SnapshotId")
    if not shown:
        return None
    (found,) = SNAPSHOTS.of_ids(call, [shown])
    snapshot: Snapshot = found.snapshot
    size = disk.get("VolumeSize")
    if size is not None and size < snapshot.size_gib:
        raise AWSError(
            "InvalidBlockDeviceMapping",
            f"Volume of size {size}GB is smaller than snapshot '{shown}', expect size >= {snapshot.size_gib}GB",
        )
    return snapshot


def _invalid(value: str, member: str) -> AWSError:
    return AWSError("InvalidParameterValue", f"Value ({value[:64]}) for parameter {member} is invalid.")  # unsourced
