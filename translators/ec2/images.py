"""Images as AMIs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.ids import account_id
from backend.drivers.images import Image
from translators import arns, filters
from translators.ec2 import actions, tag_words
from translators.errors import AWSError
from translators.filters import Filters, always, never
from translators.nouns import Asked, Members, Noun
from translators.registry import Call

_ACCOUNT_DIGITS: Final = 12
_BOUNDS: Final = actions.Bounds(1, 1000)
_OWNERS: Final = frozenset({"self", "amazon", "aws-marketplace", "aws-backup-vault", "microsoft"})


@dataclass(frozen=True, slots=True)
class Ami:
    """An image in EC2's words."""

    image: Image

    @property
    def id(self) -> str:
        return arns.image_id(self.image.id)

    @property
    def owner(self) -> str:
        return owner_of(self.image)

    @property
    def state(self) -> str:
        return "available" if self.image.active else "pending" if self.image.pending else "disabled"

    @property
    def platform(self) -> str | None:
        return "windows" if self.image.platform == "windows" else None

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


def _amis(call: Call, asked: Asked) -> Iterable[Ami]:
    """All of them. Of one's own nothing old is told where they are asked for: another process may just have had one
    made or changed.
    """
    mine = not {"self", call.account_id}.isdisjoint(call.params.get("Owners") or ())
    images = call.backend.catalog.images(call.scope, fresh=asked.fresh or mine)
    if not asked.fresh and (named := asked.named.get("ImageIds")):
        own = {arns.image_id(each.id) for each in images if each.owner_id == call.scope.project_id}
        if not own.isdisjoint(named):
            images = call.backend.catalog.images(call.scope, fresh=True)
    return map(Ami, images)


def _check(call: Call) -> None:
    for owner in call.params.get("Owners") or ():
        _check_user(owner, _OWNERS)
    for user in call.params.get("ExecutableUsers") or ():
        _check_user(user, frozenset({"self", "all"}))


def _check_user(user: str, words: frozenset[str]) -> None:
    if user not in words and not (len(user) == _ACCOUNT_DIGITS and user.isdecimal()):
        raise AWSError("InvalidUserID.Malformed", f'Invalid user id: "{user}"')  # unsourced


def _keeps(call: Call, ami: Ami) -> bool:
    params = call.params
    return (
        bool(ami.image.active or ami.image.pending or params.get("IncludeDisabled"))
        and _owned(call, ami, params.get("Owners"))
        and _executable(call, ami, params.get("ExecutableUsers"))
    )


def _owned(call: Call, ami: Ami, owners: Sequence[str] | None) -> bool:
    if not owners:
        return True
    return any(
        ami.owner == (call.account_id if owner == "self" else owner) or owner == ami.image.owner_alias
        for owner in owners
    )


def _executable(call: Call, ami: Ami, users: Sequence[str] | None) -> bool:
    """Whether one of the users was given leave to boot it: everybody, or (``self``) the caller by name."""
    if not users:
        return True
    if ami.image.public:
        return "all" in users
    # What a project sees of others' private images was shared with it.
    return ami.owner != call.account_id and ("self" in users or call.account_id in users)


_MEMBERS: Final[Members[Ami]] = {
    "ImageId": lambda ami: ami.id,
    "ImageLocation": lambda ami: f"{ami.image.owner_alias or ami.owner}/{ami.image.name}",
    "State": lambda ami: ami.state,
    "OwnerId": lambda ami: ami.owner,
    "CreationDate": lambda ami: filters.instant(ami.image.created_at),
    "Public": lambda ami: ami.image.public,
    "Architecture": lambda ami: ami.image.architecture,
    "ImageType": "machine",
    "PlatformDetails": lambda ami: ami.image.platform_details,
    "UsageOperation": lambda ami: "RunInstances:0002" if ami.platform else "RunInstances",
    "BlockDeviceMappings": lambda ami: [ami.disk],
    "Description": lambda ami: ami.image.description,
    "EnaSupport": lambda ami: ami.image.ena,
    "Hypervisor": "xen",
    "Name": lambda ami: ami.image.name,
    "RootDeviceName": lambda ami: ami.image.root_device,
    "RootDeviceType": lambda ami: ami.image.root_device_type,
    "SriovNetSupport": lambda ami: "simple" if ami.image.virtualization == "hvm" else None,
    "VirtualizationType": lambda ami: ami.image.virtualization,
    "ImageOwnerAlias": lambda ami: ami.image.owner_alias,
    "BootMode": lambda ami: ami.image.boot_mode,
    "ImdsSupport": lambda ami: "v2.0" if ami.image.imds_v2 else None,
    "Platform": lambda ami: ami.platform,
    "DeregistrationProtection": "disabled",
    "ImageAllowed": True,
}
_FILTERS: Final[Filters[Ami]] = {
    "architecture": "Architecture",
    "block-device-mapping.delete-on-termination": "BlockDeviceMappings.Ebs.DeleteOnTermination",
    "block-device-mapping.device-name": "BlockDeviceMappings.DeviceName",
    "block-device-mapping.encrypted": "BlockDeviceMappings.Ebs.Encrypted",
    "block-device-mapping.snapshot-id": "BlockDeviceMappings.Ebs.SnapshotId",
    "block-device-mapping.volume-size": "BlockDeviceMappings.Ebs.VolumeSize",
    "block-device-mapping.volume-type": "BlockDeviceMappings.Ebs.VolumeType",
    "boot-mode": "BootMode",
    "creation-date": "CreationDate",
    "description": "Description",
    "ena-support": "EnaSupport",
    "hypervisor": "Hypervisor",
    "image-allowed": "ImageAllowed",
    "image-id": "ImageId",
    "image-type": "ImageType",
    "imds-support": "ImdsSupport",
    "is-public": "Public",
    "manifest-location": "ImageLocation",
    "name": "Name",
    "owner-alias": "ImageOwnerAlias",
    "owner-id": "OwnerId",
    "platform": "Platform",
    "platform-details": "PlatformDetails",
    "root-device-name": "RootDeviceName",
    "root-device-type": "RootDeviceType",
    "sriov-net-support": "SriovNetSupport",
    "state": "State",
    "virtualization-type": "VirtualizationType",
    **always(False, "free-tier-eligible"),
    **never(
        "image-watermark.source-image-creation-time",
        "image-watermark.source-image-id",
        "image-watermark.source-image-region",
        "image-watermark.watermark-creation-time",
        "image-watermark.watermark-key",
        "instance-type-specification.supported-instance-type",
        "instance-type-specification.unsupported-instance-type",
        "kernel-id",
        "product-code",
        "product-code.type",
        "public-ssm-parameter-name",
        "ramdisk-id",
        "scan-result.critical-fix-available-since",
        "scan-result.finding-scan-date",
        "scan-result.high-fix-available-since",
        "scan-result.highest-finding-severity-label",
        "scan-result.informational-fix-available-since",
        "scan-result.low-fix-available-since",
        "scan-result.medium-fix-available-since",
        "source-image-id",
        "source-image-region",
        "source-instance-id",
        "state-reason-code",
        "state-reason-message",
    ),
}
AMIS: Final = Noun(
    answer="Images",
    items=_amis,
    members=_MEMBERS,
    order=lambda ami: ami.id,
    filters=_FILTERS,
    namings=(actions.by_ids("ImageIds", actions.IMAGE, lambda ami: ami.id),),
    tagging=tag_words.kept(lambda ami: ami.id),
    aging=True,
    check=_check,
    keeps=_keeps,
    pages=actions.pages("ImageIds", _BOUNDS),
)

actions.describes("DescribeImages", AMIS)
