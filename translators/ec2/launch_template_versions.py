"""Versions of launch templates: made, merged, listed; and the words of a running instance as such data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from backend.domain.profile import TemplateVersion
from backend.drivers.compute import Server
from translators import arns, filters, paging
from translators.ec2 import actions, instances, launch_data, tag_words
from translators.ec2.launch_templates import check_version, new_version, reference, refuse_operator
from translators.errors import AWSError
from translators.filters import Fields
from translators.registry import Call, Result, operation

_BOUNDS: Final = actions.Bounds(1, 200, 200)
# Source: moto tests/test_ec2/test_launch_templates.py, verified against AWS.
_SELECTORS: Final = (
    "To describe the launch template data for all your launch templates, for \u2018--versions\u2019 specify"
    " \u2018$Latest\u2019, \u2018$Default\u2019, or both, and omit \u2018--launch-template-id\u2019,"
    " \u2018--launch-template-name\u2019, and version numbers. To describe the launch template data for a specific"
    " launch template, specify \u2018--launch-template-id\u2019 or \u2018--launch-template-name\u2019, and for"
    " \u2018--versions\u2019 specify one or more of the following values: \u2018$Latest\u2019,"
    " \u2018$Default\u2019, or one or more version numbers."
)
_DIGITS: Final = 18
_LATEST_AND_DEFAULT: Final = frozenset({"$Latest", "$Default"})


def _data(*path: str) -> Any:
    def look(version: TemplateVersion) -> Any:
        value: Any = version.document
        for name in path:
            value = (value or {}).get(name)
        return value

    return look


def _each(member: str, name: str) -> Any:
    return lambda version: [each.get(name) for each in version.document.get(member) or ()]


FIELDS: Final[Fields[TemplateVersion]] = {
    "create-time": lambda version: version.created_at,
    "ebs-optimized": _data("EbsOptimized"),
    "host-resource-group-arn": _data("Placement", "HostResourceGroupArn"),
    "http-endpoint": _data("MetadataOptions", "HttpEndpoint"),
    "http-protocol-ipv4": lambda _: None,
    "http-protocol-ipv6": _data("MetadataOptions", "HttpProtocolIpv6"),
    "http-tokens": _data("MetadataOptions", "HttpTokens"),
    "iam-instance-profile": lambda version: (version.document.get("IamInstanceProfile") or {}).values(),
    "image-id": _data("ImageId"),
    "instance-type": _data("InstanceType"),
    "is-default-version": lambda version: version.is_default,
    "kernel-id": _data("KernelId"),
    "license-configuration-arn": _each("LicenseSpecifications", "LicenseConfigurationArn"),
    "network-card-index": _each("NetworkInterfaces", "NetworkCardIndex"),
    "ram-disk-id": _data("RamDiskId"),
}


@operation("ec2", "CreateLaunchTemplateVersion")
def create(call: Call) -> Result:
    refuse_operator(call.params)
    ref = reference(call)
    source = call.params.get("SourceVersion")
    kept: dict[str, Any] = {}
    if source:
        check_version(source)
        kept = dict(call.backend.templates.version(call.scope, ref, source).document)
    document = launch_data.merged(kept, call.params.get("LaunchTemplateData") or {})
    if not document:
        actions.check_dry_run(call)
        raise AWSError("MissingParameter", "The request must contain the parameter LaunchTemplateData")
    version = new_version(call, document)
    token = actions.client_token(call)
    actions.check_dry_run(call)
    made = call.backend.templates.add_version(call.scope, ref, version, token=token)
    return {"LaunchTemplateVersion": shown(made)}


@actions.answers("DescribeLaunchTemplateVersions")
def describe(call: Call) -> Result:
    params = call.params
    for version in params.get("Versions") or ():
        check_version(version)
    for bound in ("MinVersion", "MaxVersion"):
        if params.get(bound):
            check_version(params[bound])
    if params.get("MaxResults") is not None:
        actions.check_bounds(params["MaxResults"], _BOUNDS)
    if not params.get("LaunchTemplateId") and not params.get("LaunchTemplateName"):
        found, token = _of_each(call)
    else:
        found, token = actions.page(call, "", _of_one(call), lambda version: -version.version, _BOUNDS)
    if params.get("ResolveAlias") and any(launch_data.is_alias(version.document.get("ImageId")) for version in found):
        # unsourced
        raise AWSError("UnsupportedOperation", "Image IDs that are parameters cannot be resolved by Coppice.")
    return {"LaunchTemplateVersions": [shown(version) for version in found], **token}


@actions.answers("GetLaunchTemplateData")
def get_data(call: Call) -> Result:
    server = instances.one(call, call.params["InstanceId"])
    return {"LaunchTemplateData": _data_of(server)}


def shown(version: TemplateVersion) -> dict[str, Any]:
    """A version as answers hold it."""
    told = {
        "LaunchTemplateId": arns.template_id(version.template_id),
        "LaunchTemplateName": version.template_name,
        "VersionNumber": version.version,
        "CreateTime": version.created_at.replace(microsecond=0),
        "CreatedBy": version.created_by,
        "DefaultVersion": version.is_default,
        "LaunchTemplateData": launch_data.shown(version.document),
        "Operator": {"Managed": False},
    }
    if version.description:
        told["VersionDescription"] = version.description
    return told


def _of_one(call: Call) -> list[TemplateVersion]:
    """The wanted versions of one template, the newest first."""
    params, ref = call.params, reference(call)
    wanted: Sequence[str] = params.get("Versions") or ()
    bounds = [params.get("MinVersion"), params.get("MaxVersion")]
    if wanted:
        if any(bounds):
            raise AWSError(  # unsourced
                "InvalidParameterCombination",
                "The parameter Versions cannot be used together with MinVersion or MaxVersion.",
            )
        chosen = [call.backend.templates.version(call.scope, ref, version) for version in wanted]
        found: list[TemplateVersion] = list({version.version: version for version in chosen}.values())
    else:
        least, most = (_number(call, bound) for bound in bounds)
        found = list(call.backend.templates.versions(call.scope, ref, minimum=least or 1, maximum=most)[1])
    found.sort(key=lambda version: -version.version)
    return filters.matching(found, params.get("Filters") or (), FIELDS)


def _number(call: Call, bound: str | None) -> int | None:
    if not bound:
        return None
    if bound.isdecimal():
        return int(bound) if len(bound) < _DIGITS else 10**_DIGITS  # beyond every version that there can be
    return call.backend.templates.version(call.scope, reference(call), bound).version


def _of_each(call: Call) -> tuple[Sequence[TemplateVersion], dict[str, Any]]:
    """The latest and default versions of all templates, by name of the template."""
    wanted = set(call.params.get("Versions") or ())
    if not wanted or wanted - _LATEST_AND_DEFAULT:
        raise AWSError("InvalidParameterValue" if wanted else "MissingParameter", _SELECTORS)
    limit: int = call.params.get("MaxResults") or _BOUNDS.default or 0
    mark = paging.binding(call)
    token = call.params.get("NextToken")
    after = paging.decode(token, call.operation, mark, "ec2") if token else None
    # With both asked for, a template can give two versions: fewer templates make a page then.
    pages = [
        call.backend.templates.each_version(call.scope, version, after=after, limit=max(1, limit // len(wanted)))
        for version in sorted(wanted)
    ]
    versions = {(each.template_name, -each.version): each for page in pages for each in page.items}
    found = filters.matching([versions[key] for key in sorted(versions)], call.params.get("Filters") or (), FIELDS)
    marker = pages[0].marker
    return found, {} if marker is None else {"NextToken": paging.encode(call.operation, marker, mark)}


def _data_of(server: Server) -> dict[str, Any]:
    """What a template would have to say to make such a server."""
    interface: dict[str, Any] = {
        "DeviceIndex": 0,
        "DeleteOnTermination": True,
        "Groups": [arns.resource_id(arns.SECURITY_GROUP, group) for group in server.security_group_ids],
        "AssociatePublicIpAddress": server.public_address is not None,
    }
    if server.subnet_id:
        interface["SubnetId"] = arns.subnet_id(server.subnet_id)
    told: dict[str, Any] = {
        "InstanceType": server.flavor,
        "Placement": {"AvailabilityZone": server.zone, "Tenancy": "default"},
        "NetworkInterfaces": [interface],
        "BlockDeviceMappings": [instances.disk(device) for device in server.block_devices],
        "Monitoring": {"Enabled": False},
        "DisableApiTermination": False,
        "EbsOptimized": False,
    }
    if server.server_group_name:
        told["Placement"]["GroupName"] = server.server_group_name
    if server.image_id:
        told["ImageId"] = arns.image_id(server.image_id)
    if server.key_name:
        told["KeyName"] = server.key_name
    if server.user_data:
        told["UserData"] = server.user_data
    tags = {key: value for key, value in server.tags.items() if not key.startswith(tag_words.RESERVED)}
    if tags:
        told["TagSpecifications"] = [{"ResourceType": "instance", "Tags": tag_words.shown(tags)}]
    return told
