"""Images as AMIs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.ids import account_id
from backend.drivers.images import Image
from translators import arns, filters
from translators.ec2 import actions, tag_words
from translators.errors import AWSError
from translators.filters import Fields
from translators.registry import Call, Result

_ACCOUNT_DIGITS: Final = 12
_BOUNDS: Final = actions.Bounds(1, 1000)


@dataclass(frozen=True, slots=True)
class _Ami:
    image: Image
    tags: Mapping[str, str]

    @property
    def id(self) -> str:
        return arns.image_id(self.image.id)

    @property
    def owner(self) -> str:
        return owner_of(self.image)

    @property
    def location(self) -> str:
        return f"{self.image.owner_alias or self.owner}/{self.image.name}"

    @property
    def state(self) -> str:
        return "available" if self.image.active else "disabled"

    @property
    def created(self) -> str:
        return filters.instant(self.image.created_at)

    @property
    def disk(self) -> dict[str, Any]:
        """The root disk of what is booted from it."""
        image = self.image
        ebs: dict[str, Any] = {
            "DeleteOnTermination": True,
            "VolumeSize": image.size_gib,
            "VolumeType": image.volume_type,
            "Encrypted": False,
        }
        if image.snapshot_id:
            ebs["SnapshotId"] = arns.resource_id(arns.SNAPSHOT, image.snapshot_id)
        return {"DeviceName": image.root_device, "Ebs": ebs}


def owner_of(image: Image) -> str:
    """The account that owns an image; private images name the project."""
    given = image.owner_id
    return given if len(given) == _ACCOUNT_DIGITS and given.isdecimal() else account_id(given)


def _platform(image: Image) -> str | None:
    return "windows" if image.platform == "windows" else None


FIELDS: Final[Fields[_Ami]] = {
    **filters.never(
        "image-watermark.source-image-creation-time",
        "image-watermark.source-image-id",
        "image-watermark.source-image-region",
        "image-watermark.watermark-creation-time",
        "image-watermark.watermark-key",
        "instance-type-specification.supported-instance-type",
        "instance-type-specification.unsupported-instance-type",
        "public-ssm-parameter-name",
        "scan-result.critical-fix-available-since",
        "scan-result.finding-scan-date",
        "scan-result.high-fix-available-since",
        "scan-result.highest-finding-severity-label",
        "scan-result.informational-fix-available-since",
        "scan-result.low-fix-available-since",
        "scan-result.medium-fix-available-since",
    ),
    "architecture": lambda ami: ami.image.architecture,
    "block-device-mapping.delete-on-termination": lambda _: True,
    "block-device-mapping.device-name": lambda ami: ami.image.root_device,
    "block-device-mapping.encrypted": lambda _: False,
    "block-device-mapping.snapshot-id": lambda ami: ami.disk["Ebs"].get("SnapshotId"),
    "block-device-mapping.volume-size": lambda ami: ami.image.size_gib,
    "block-device-mapping.volume-type": lambda ami: ami.image.volume_type,
    "boot-mode": lambda ami: ami.image.boot_mode,
    "creation-date": lambda ami: ami.created,
    "description": lambda ami: ami.image.description,
    "ena-support": lambda ami: ami.image.ena,
    "free-tier-eligible": lambda _: False,
    "hypervisor": lambda _: "xen",
    "image-allowed": lambda _: True,
    "image-id": lambda ami: ami.id,
    "image-type": lambda _: "machine",
    "imds-support": lambda ami: "v2.0" if ami.image.imds_v2 else None,
    "is-public": lambda ami: ami.image.public,
    "kernel-id": lambda _: None,
    "manifest-location": lambda ami: ami.location,
    "name": lambda ami: ami.image.name,
    "owner-alias": lambda ami: ami.image.owner_alias,
    "owner-id": lambda ami: ami.owner,
    "platform": lambda ami: _platform(ami.image),
    "platform-details": lambda ami: ami.image.platform_details,
    "product-code": lambda _: None,
    "product-code.type": lambda _: None,
    "ramdisk-id": lambda _: None,
    "root-device-name": lambda ami: ami.image.root_device,
    "root-device-type": lambda ami: ami.image.root_device_type,
    "source-image-id": lambda _: None,
    "source-image-region": lambda _: None,
    "source-instance-id": lambda _: None,
    "state": lambda ami: ami.state,
    "state-reason-code": lambda _: None,
    "state-reason-message": lambda _: None,
    "sriov-net-support": lambda _: None,
    "virtualization-type": lambda ami: ami.image.virtualization,
}


@actions.answers("DescribeImages")
def describe(call: Call) -> Result:
    params = call.params
    ids = params.get("ImageIds") or ()
    actions.check_forms(actions.IMAGE, ids)
    _check_owners(params.get("Owners"))
    images = actions.listed(call, call.backend.catalog.images, ids, lambda image: arns.image_id(image.id))
    tagged = call.backend.resource_tags.all(call.scope)
    amis = [_Ami(image, tagged.get(arns.image_id(image.id), {})) for image in images]
    chosen = actions.named(actions.IMAGE, ids, amis, lambda ami: ami.id)
    chosen = [
        ami
        for ami in chosen
        if (ami.image.active or params.get("IncludeDisabled"))
        and _owned(call, ami, params.get("Owners"))
        and _executable(call, ami, params.get("ExecutableUsers"))
    ]
    chosen.sort(key=lambda ami: ami.id)
    found = filters.matching(chosen, params.get("Filters") or (), FIELDS, lambda ami: ami.tags)
    items, token = actions.page(call, "ImageIds", found, lambda ami: ami.id, _BOUNDS)
    return {"Images": [_shown(ami) for ami in items], **token}


def _check_owners(owners: Sequence[str] | None) -> None:
    for owner in owners or ():
        known = owner in {"self", "amazon", "aws-marketplace", "aws-backup-vault", "microsoft"}
        if not known and not (len(owner) == _ACCOUNT_DIGITS and owner.isdecimal()):
            raise AWSError("InvalidUserID.Malformed", f'Invalid user id: "{owner}"')  # unsourced


def _owned(call: Call, ami: _Ami, owners: Sequence[str] | None) -> bool:
    if not owners:
        return True
    return any(
        ami.owner == (call.account_id if owner == "self" else owner) or owner == ami.image.owner_alias
        for owner in owners
    )


def _executable(call: Call, ami: _Ami, users: Sequence[str] | None) -> bool:
    """Whether one of the users was given leave to boot it: everybody, or (``self``) the caller by name."""
    if not users:
        return True
    for user in users:
        if user not in {"self", "all"} and not (len(user) == _ACCOUNT_DIGITS and user.isdecimal()):
            raise AWSError("InvalidUserID.Malformed", f'Invalid user id: "{user}"')  # unsourced
    if ami.image.public:
        return "all" in users
    # What a project sees of others' private images was shared with it.
    return ami.owner != call.account_id and ("self" in users or call.account_id in users)


def _shown(ami: _Ami) -> dict[str, Any]:
    image = ami.image
    told: dict[str, Any] = {
        "ImageId": ami.id,
        "ImageLocation": ami.location,
        "State": ami.state,
        "OwnerId": ami.owner,
        "CreationDate": ami.created,
        "Public": image.public,
        "Architecture": image.architecture,
        "ImageType": "machine",
        "PlatformDetails": image.platform_details,
        "UsageOperation": "RunInstances:0002" if _platform(image) else "RunInstances",
        "BlockDeviceMappings": [ami.disk],
        "Description": image.description,
        "EnaSupport": image.ena,
        "Hypervisor": "xen",
        "Name": image.name,
        "RootDeviceName": image.root_device,
        "RootDeviceType": image.root_device_type,
        "SriovNetSupport": "simple" if image.virtualization == "hvm" else None,
        **tag_words.member(ami.tags),
        "VirtualizationType": image.virtualization,
        "ImageOwnerAlias": image.owner_alias,
        "BootMode": image.boot_mode,
        "ImdsSupport": "v2.0" if image.imds_v2 else None,
        "Platform": _platform(image),
        "DeregistrationProtection": "disabled",
        "ImageAllowed": True,
    }
    return {name: value for name, value in told.items() if value is not None}
