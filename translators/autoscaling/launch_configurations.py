"""Launch configurations: create, list, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from backend.domain.launch_findings import ProfileNotFound
from backend.domain.profile import LaunchConfiguration, ServerSpec
from translators import arns
from translators.autoscaling import ids
from translators.autoscaling.errors import unsupported, validation
from translators.autoscaling.listing import among, limit_of, marker_of, result
from translators.ec2 import launch_data
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_MOST_NAMES: Final = 100
_NO_SOURCE: Final = (
    "Valid requests must contain either the InstanceID parameter or both the ImageId and InstanceType parameters."
)
_REFUSED: Final[Mapping[str, str]] = {
    "ClassicLinkVPCId": "there is no EC2-Classic",
    "ClassicLinkVPCSecurityGroups": "there is no EC2-Classic",
    "KernelId": "images bring their own kernel",
    "RamdiskId": "images bring their own RAM disk",
}
# Told again as given; on this cloud they change nothing (launch templates treat the same members alike).
_KEPT: Final = (
    "BlockDeviceMappings",
    "EbsOptimized",
    "InstanceMonitoring",
    "MetadataOptions",
    "PlacementTenancy",
    "SpotPrice",
)

MEMBERS: Final = frozenset(
    {
        "LaunchConfigurationName",
        "ImageId",
        "InstanceId",
        "InstanceType",
        "KeyName",
        "SecurityGroups",
        "UserData",
        "AssociatePublicIpAddress",
        "IamInstanceProfile",
        *_REFUSED,
        *_KEPT,
    }
)
"""Every member of the input this module knows; a test holds them against the model."""


@operation("autoscaling", "CreateLaunchConfiguration")
def create(call: Call) -> Result:
    params = call.params
    _refuse(params)
    instance = params.get("InstanceId")
    if instance is None and not (params.get("ImageId") and params.get("InstanceType")):
        raise validation(_NO_SOURCE)
    spec = ServerSpec()
    if instance is not None:
        spec = call.backend.configurations.describe_server(call.scope, ids.server_of(instance))
    document = {name: params[name] for name in _KEPT if name in params}
    name = params["LaunchConfigurationName"]
    call.backend.configurations.create(call.scope, name, _over(spec, params), document)
    return {}


@operation("autoscaling", "DescribeLaunchConfigurations")
def describe(call: Call) -> Result:
    page = call.backend.configurations.page(
        call.scope,
        names=among(call, "LaunchConfigurationNames", _MOST_NAMES),
        limit=limit_of(call, 50, 100),
        after=marker_of(call),
    )
    region, account = call.region, call.account_id
    return result(call, page, "LaunchConfigurations", lambda item: _told(item, region, account))


@operation("autoscaling", "DeleteLaunchConfiguration")
def delete(call: Call) -> Result:
    try:
        call.backend.configurations.delete(call.scope, call.params["LaunchConfigurationName"])
    except ProfileNotFound as found:
        words = f"Launch configuration name not found - Launch configuration {found.name} not found"
        raise validation(words) from found
    return {}


def _refuse(params: Mapping[str, Any]) -> None:
    for member, why in _REFUSED.items():
        if params.get(member):
            raise unsupported(member, why)
    tenancy = params.get("PlacementTenancy")
    if tenancy not in {None, "", "default"}:
        raise unsupported(f"PlacementTenancy {tenancy}")


def _over(spec: ServerSpec, params: Mapping[str, Any]) -> ServerSpec:
    """The server of a request: what it says, over the instance it may start from."""
    values: dict[str, Any] = {}
    if image := params.get("ImageId"):
        values["image"] = arns.short_of(arns.IMAGE, image) or image
    if instance_type := params.get("InstanceType"):
        values["instance_type"] = instance_type
    if key_name := params.get("KeyName"):
        values["key_name"] = key_name
    if groups := params.get("SecurityGroups"):
        values |= _groups(groups)
    if params.get("UserData"):
        values["user_data"] = _user_data(params["UserData"])
    if devices := params.get("BlockDeviceMappings"):
        values["block_devices"] = tuple(launch_data.block_device(_device(each)) for each in devices)
    if "AssociatePublicIpAddress" in params:
        values["public_address"] = params["AssociatePublicIpAddress"]
    if params.get("SpotPrice"):
        values["preemptible"] = True  # whatever the bound: nobody bids here
    if profile := params.get("IamInstanceProfile"):
        values["iam_profile"] = profile
    # What is not said stays unsaid, though AWS measures in detail then: versions before these switches read it, too.
    switches = ("EbsOptimized", "MetadataOptions")
    said = {"Monitoring": params.get("InstanceMonitoring"), **{name: params.get(name) for name in switches}}
    values["options"] = launch_data.options_of(said)
    return replace(spec, **values)


def _groups(groups: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Security groups are named by id or by name, never by both in one request."""
    by_id = [arns.is_well_formed(arns.SECURITY_GROUP, group) for group in groups]
    if any(by_id) and not all(by_id):
        raise validation("Security groups must be specified either by ID or by name, not both.")  # unsourced
    if not any(by_id):
        return {"security_group_names": tuple(groups), "security_group_ids": ()}
    shorts = tuple(arns.short_of(arns.SECURITY_GROUP, group) or group for group in groups)
    return {"security_group_ids": shorts, "security_group_names": ()}


def _user_data(text: str) -> str | None:
    try:
        return launch_data.checked_user_data(text)
    except AWSError as error:
        raise validation(error.message) from error


def _device(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """A mapping in EC2's words: there NoDevice suppresses by being said, here by being true."""
    if mapping.get("NoDevice"):
        return mapping
    return {name: value for name, value in mapping.items() if name != "NoDevice"}


def _told(item: LaunchConfiguration, region: str, account: str) -> dict[str, Any]:
    """One LaunchConfiguration; lists and texts are told even where they are empty, as clients rely on it."""
    spec, kept = item.spec, item.document
    told: dict[str, Any] = {
        "LaunchConfigurationName": item.name,
        "LaunchConfigurationARN": arns.launch_configuration(region, account, item.id, item.name),
        "ImageId": ids.shown(arns.IMAGE, spec.image or ""),
        "InstanceType": spec.instance_type,
        "KeyName": spec.key_name or "",
        "SecurityGroups": [
            *(ids.shown(arns.SECURITY_GROUP, group) for group in spec.security_group_ids),
            *spec.security_group_names,
        ],
        "ClassicLinkVPCSecurityGroups": [],
        "UserData": spec.user_data or "",
        "KernelId": "",
        "RamdiskId": "",
        "BlockDeviceMappings": kept.get("BlockDeviceMappings") or [],
        "InstanceMonitoring": {"Enabled": (kept.get("InstanceMonitoring") or {}).get("Enabled", True)},
        "CreatedTime": item.created_at,
        "EbsOptimized": kept.get("EbsOptimized", False),
    }
    if spec.public_address is not None:
        told["AssociatePublicIpAddress"] = spec.public_address
    if spec.iam_profile:
        told["IamInstanceProfile"] = spec.iam_profile
    for member in ("PlacementTenancy", "MetadataOptions", "SpotPrice"):
        if kept.get(member):
            told[member] = kept[member]
    return told
