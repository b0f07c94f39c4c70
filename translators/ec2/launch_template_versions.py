"""Versions of launch templates: made, merged, listed; and the words of a running instance as such data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain import image_findings
from backend.domain.identities import noted_profile
from backend.domain.profile import TemplateVersion
from translators import arns, paging
from translators.ec2 import actions, instances, launch_data, tag_words
from translators.ec2.instance_words import Instance
from translators.ec2.launch_templates import check_version, new_version, reference, refuse_operator
from translators.errors import AWSError
from translators.filters import Filters, never
from translators.nouns import Members, Noun
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


_MEMBERS: Final[Members[TemplateVersion]] = {
    "LaunchTemplateId": lambda version: arns.template_id(version.template_id),
    "LaunchTemplateName": lambda version: version.template_name,
    "VersionNumber": lambda version: version.version,
    "VersionDescription": lambda version: version.description or None,
    "CreateTime": lambda version: version.created_at.replace(microsecond=0),
    "CreatedBy": lambda version: version.created_by,
    "DefaultVersion": lambda version: version.is_default,
    "LaunchTemplateData": lambda version: launch_data.shown(version.document),
    "Operator": {"Managed": False},
}
_FILTERS: Final[Filters[TemplateVersion]] = {
    "create-time": "CreateTime",
    "ebs-optimized": "LaunchTemplateData.EbsOptimized",
    "host-resource-group-arn": "LaunchTemplateData.Placement.HostResourceGroupArn",
    "http-endpoint": "LaunchTemplateData.MetadataOptions.HttpEndpoint",
    "http-protocol-ipv6": "LaunchTemplateData.MetadataOptions.HttpProtocolIpv6",
    "http-tokens": "LaunchTemplateData.MetadataOptions.HttpTokens",
    "iam-instance-profile": lambda version: (version.document.get("IamInstanceProfile") or {}).values(),
    "image-id": "LaunchTemplateData.ImageId",
    "instance-type": "LaunchTemplateData.InstanceType",
    "is-default-version": "DefaultVersion",
    "kernel-id": "LaunchTemplateData.KernelId",
    "license-configuration-arn": "LaunchTemplateData.LicenseSpecifications.LicenseConfigurationArn",
    "network-card-index": "LaunchTemplateData.NetworkInterfaces.NetworkCardIndex",
    "ram-disk-id": "LaunchTemplateData.RamDiskId",
    **never("http-protocol-ipv4"),
}
VERSIONS: Final = Noun(
    answer="LaunchTemplateVersions",
    items=lambda call, _: _wanted(call),
    members=_MEMBERS,
    order=lambda version: -version.version,
    filters=_FILTERS,
    pages=actions.pages("", _BOUNDS),
)


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
    _resolved(call, [{"LaunchTemplateData": document}])
    version = new_version(call, document)
    token = actions.client_token(call)
    actions.check_dry_run(call)
    made = call.backend.templates.add_version(call.scope, ref, version, token=token)
    return {"LaunchTemplateVersion": _resolved(call, [VERSIONS.view(made)])[0]}


def _describe(call: Call) -> Result:
    params = call.params
    for version in params.get("Versions") or ():
        check_version(version)
    for bound in ("MinVersion", "MaxVersion"):
        if params.get(bound):
            check_version(params[bound])
    if params.get("MaxResults") is not None:
        actions.check_bounds(params["MaxResults"], _BOUNDS)
    one = params.get("LaunchTemplateId") or params.get("LaunchTemplateName")
    of_one = VERSIONS.describe if params.get("Versions") else _of_one
    answer = of_one(call) if one else _of_each(call)
    return {**answer, "LaunchTemplateVersions": _resolved(call, answer["LaunchTemplateVersions"])}


actions.describes("DescribeLaunchTemplateVersions", VERSIONS, _describe)


@actions.reads("GetLaunchTemplateData")
def get_data(call: Call) -> Result:
    return {"LaunchTemplateData": _data_of(instances.one(call, call.params["InstanceId"]))}


def _resolved(call: Call, versions: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Versions with the images that parameters mean now, where that is asked for.

    Raises:
        ImageNotFound: a parameter means none.
    """
    if not call.params.get("ResolveAlias"):
        return list(versions)
    return [{**each, "LaunchTemplateData": _plain(call, each["LaunchTemplateData"])} for each in versions]


def _plain(call: Call, data: Mapping[str, Any]) -> Mapping[str, Any]:
    image = data.get("ImageId")
    if not launch_data.is_alias(image):
        return data
    meant = call.backend.parameters.image(call.scope, str(image))
    if meant is None:
        raise image_findings.ImageNotFound(str(image))
    return {**data, "ImageId": arns.image_id(meant.id)}


def _wanted(call: Call) -> list[TemplateVersion]:
    """The versions of one template that are named."""
    params, ref = call.params, reference(call)
    if params.get("MinVersion") or params.get("MaxVersion"):
        raise AWSError(  # unsourced
            "InvalidParameterCombination",
            "The parameter Versions cannot be used together with MinVersion or MaxVersion.",
        )
    chosen = [call.backend.templates.version(call.scope, ref, version) for version in params["Versions"]]
    return list({version.version: version for version in chosen}.values())


def _of_one(call: Call) -> Result:
    """Versions of one template within bounds, a page of them: there may be thousands, and each lie sealed."""
    params, ref = call.params, reference(call)
    least, most = (_number(call, params.get(bound)) for bound in ("MinVersion", "MaxVersion"))
    limit: int = params.get("MaxResults") or _BOUNDS.default or 0
    mark = paging.binding(call)
    if token := params.get("NextToken"):
        before = -paging.decode(token, call.operation, mark, "ec2", like=0) - 1
        most = before if most is None else min(most, before)
    found: list[TemplateVersion] = []
    more = True
    while more and len(found) <= limit:
        some = call.backend.templates.versions(call.scope, ref, minimum=least or 1, maximum=most, limit=limit + 1)
        found += VERSIONS.matching(call, some)[0]
        more = len(some) > limit
        most = some[-1].version - 1 if some else most
    shown = found[:limit]
    last = {"NextToken": paging.encode(call.operation, -shown[-1].version, mark)} if len(found) > limit else {}
    return {VERSIONS.answer: VERSIONS.shown(call, shown), **last}


def _number(call: Call, bound: str | None) -> int | None:
    if not bound:
        return None
    if bound.isdecimal():
        return int(bound) if len(bound) < _DIGITS else 10**_DIGITS  # beyond every version that there can be
    return call.backend.templates.version(call.scope, reference(call), bound).version


def _of_each(call: Call) -> Result:
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
    found, _ = VERSIONS.matching(call, [versions[key] for key in sorted(versions)])
    marker = pages[0].marker
    more = {} if marker is None else {"NextToken": paging.encode(call.operation, marker, mark)}
    return {"LaunchTemplateVersions": VERSIONS.shown(call, found), **more}


def _data_of(instance: Instance) -> dict[str, Any]:
    """What a template would have to say to make such a server."""
    server, switches = instance.server, instance.server.options
    volumes = {disk.device for disk in instance.disks() if disk.volume}
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
        "BlockDeviceMappings": [
            # What became a volume of its own meanwhile was no disk that was left out.
            instances.disk(device)
            for device in server.block_devices
            if not (device.suppressed and device.device in volumes)
        ],
        "Monitoring": {"Enabled": switches.monitored},
        "DisableApiTermination": switches.protected,
        "DisableApiStop": switches.kept_running,
        "EbsOptimized": switches.ebs_optimized,
    }
    if switches.credits:
        told["CreditSpecification"] = {"CpuCredits": switches.credits}
    if server.server_group_name:
        told["Placement"]["GroupName"] = server.server_group_name
    if server.partition is not None:
        told["Placement"]["PartitionNumber"] = server.partition
    if server.image_id:
        told["ImageId"] = arns.image_id(server.image_id)
    if profile := noted_profile(server.tags):
        told["IamInstanceProfile"] = {"Name": profile[1]}
    if server.key_name:
        told["KeyName"] = server.key_name
    if server.user_data:
        told["UserData"] = server.user_data
    tags = {key: value for key, value in server.tags.items() if not key.startswith(tag_words.RESERVED)}
    if tags:
        told["TagSpecifications"] = [{"ResourceType": "instance", "Tags": tag_words.shown(tags)}]
    return told
