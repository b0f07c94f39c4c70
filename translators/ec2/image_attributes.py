"""Attributes of images and snapshots, as they are told; who may use them is the cloud's own affair.

Source: Amazon EC2 API Reference, DescribeImageAttribute, DescribeSnapshotAttribute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from translators.ec2 import actions
from translators.ec2.images import AMIS, Ami
from translators.ec2.snapshots import SNAPSHOTS
from translators.errors import AWSError
from translators.registry import Call, Result


def _valued(member: str, value: str | None) -> dict[str, Any]:
    return {member: {"Value": value} if value else {}}


_OF_IMAGES: Final[Mapping[str, Callable[[Ami], dict[str, Any]]]] = {
    "description": lambda ami: _valued("Description", ami.image.description),
    "kernel": lambda _: {"KernelId": {}},
    "ramdisk": lambda _: {"RamdiskId": {}},
    "launchPermission": lambda ami: {"LaunchPermissions": [{"Group": "all"}] if ami.image.public else []},
    "productCodes": lambda _: {"ProductCodes": []},
    "blockDeviceMapping": lambda ami: {"BlockDeviceMappings": [ami.disk]},
    "sriovNetSupport": lambda ami: _valued("SriovNetSupport", "simple" if ami.image.virtualization == "hvm" else None),
    "bootMode": lambda ami: _valued("BootMode", ami.image.boot_mode),
    "tpmSupport": lambda _: {"TpmSupport": {}},
    "uefiData": lambda _: {"UefiData": {}},
    "lastLaunchedTime": lambda _: {"LastLaunchedTime": {}},
    "imdsSupport": lambda ami: _valued("ImdsSupport", "v2.0" if ami.image.imds_v2 else None),
    "deregistrationProtection": lambda _: _valued("DeregistrationProtection", "disabled"),
}
_OF_SNAPSHOTS: Final[Mapping[str, dict[str, Any]]] = {
    "createVolumePermission": {"CreateVolumePermissions": []},
    "productCodes": {"ProductCodes": []},
}


@actions.reads("DescribeImageAttribute")
def describe_image(call: Call) -> Result:
    (ami,) = AMIS.of_ids(call, [call.params["ImageId"]])
    if ami.owner != call.account_id:
        # As DeregisterImage says it.
        raise AWSError("AuthFailure", f"Not authorized for image:{ami.id}", 403)
    return {"ImageId": ami.id, **_OF_IMAGES[call.params["Attribute"]](ami)}


@actions.reads("DescribeSnapshotAttribute")
def describe_snapshot(call: Call) -> Result:
    (snapshot,) = SNAPSHOTS.of_ids(call, [call.params["SnapshotId"]])
    return {"SnapshotId": snapshot.id, **_OF_SNAPSHOTS[call.params["Attribute"]]}
