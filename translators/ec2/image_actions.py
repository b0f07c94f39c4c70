"""Images made and taken away by their owners: registered, copied, deregistered.

There are no snapshots: an image that is registered from one boots, and has the size that its mapping says.

Source: Amazon EC2 API Reference, RegisterImage, CopyImage, DeregisterImage.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from backend import errors
from backend.drivers.images import GIB, NAME, NewImage
from translators import arns
from translators.ec2 import actions, tag_words
from translators.errors import AWSError
from translators.registry import Call, Handler, Result, operation

_VIRTUALIZATIONS: Final = frozenset({"hvm", "paravirtual"})
_DEVICE: Final = re.compile(r"[a-z0-9/_-]{1,64}")
_DESCRIPTION_LENGTH: Final = 255
_ZONES: Final = ("DestinationAvailabilityZone", "DestinationAvailabilityZoneId")
_TAGGABLE: Final = frozenset({"image", "snapshot"})


def _answers(name: str) -> Callable[[Handler], Handler]:
    """Register an answer that only a cloud gives in which images are made; elsewhere not even a dry run succeeds."""

    def register(handler: Handler) -> Handler:
        def answer(call: Call) -> Result:
            if not call.backend.images.made_here:
                raise AWSError(
                    "UnsupportedOperation", "Images of this cloud are made with its own tools (openstack image create)."
                )
            actions.check_dry_run(call)
            try:
                return handler(call)
            except errors.ImageNameTaken as taken:
                words = f"AMI name {taken.name} is already in use by AMI {arns.image_id(taken.image_id)}"
                raise AWSError("InvalidAMIName.Duplicate", words) from None
            except errors.ImageNotOwned as found:
                shown = arns.image_id(found.image_id)
                raise AWSError("AuthFailure", f"Not authorized for image:{shown}", 403) from None
            except errors.ImageNotFound as found:
                raise actions.not_found(actions.IMAGE, [f"{arns.IMAGE}-{found.image}"]) from None
            except errors.ImagesExhausted as full:
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
    tags = _tags(call)
    made = call.backend.images.register(
        call.scope,
        NewImage(
            name=_name(params["Name"]),
            description=_description(params),
            architecture=params.get("Architecture", "i386"),
            root_device=root,
            virtualization=virtualization,
            size_gib=disk.get("VolumeSize", 8),
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


@_answers("DeregisterImage")
def deregister(call: Call) -> Result:
    shown = call.params["ImageId"]
    call.backend.images.deregister(call.scope, _short(shown))
    call.backend.resource_tags.remove(call.scope, [shown], None)
    return {"Return": True, "DeleteSnapshotResults": []}


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


def _invalid(value: str, member: str) -> AWSError:
    return AWSError("InvalidParameterValue", f"Value ({value[:64]}) for parameter {member} is invalid.")  # unsourced
