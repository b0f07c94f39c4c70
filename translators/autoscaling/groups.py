"""Auto Scaling groups: create, change, delete, describe."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain.cluster import ClusterChange, NewCluster, PlacementRequest, SourceRequest, TagMatch
from backend.domain.cluster_findings import CapacityOutOfBounds
from backend.domain.mixes import MixRequest
from backend.services.templates import TemplateRef
from translators import arns
from translators.autoscaling import group_spec, group_words, hook_words, ids, mix_words, traffic_words
from translators.autoscaling.errors import unknown_group, validation
from translators.autoscaling.listing import among, limit_of, marker_of, result, with_managed
from translators.autoscaling.tag_words import new_tags
from translators.ec2 import launch_data
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_NAME: Final = re.compile(r"[\x20-\x39\x3b-\x7e]{1,255}")
_VERSION: Final = re.compile(r"[0-9]{1,9}")
_MOST_NAMES: Final = 100
_SOURCES: Final = ("LaunchTemplate", "LaunchConfigurationName", "InstanceId", "MixedInstancesPolicy")
_NO_SOURCE: Final = (
    "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy"
    " parameter."
)


@operation("autoscaling", "CreateAutoScalingGroup")
def create(call: Call) -> Result:
    params = call.params
    name = params["AutoScalingGroupName"]
    check_name(name)
    values = group_spec.values_of(params)
    if sum(params.get(source) is not None for source in _SOURCES) != 1:
        raise validation(_NO_SOURCE)
    source, mix = _source(params)
    if source is None:
        raise validation("Valid requests must contain either launchTemplateId or LaunchTemplateName")
    check_template(call, source, by_subnet=bool(params.get("VPCZoneIdentifier")))
    tags = new_tags(params.get("Tags") or (), name)
    pools = traffic_words.pools_of_group(call)
    hooks = hook_words.at_creation(params.get("LifecycleHookSpecificationList") or ())
    wanted = NewCluster(name, values, source, _placement(params), tags, pools, hooks, mix)
    call.backend.clusters.create(call.scope, wanted)
    return {}


@operation("autoscaling", "UpdateAutoScalingGroup")
def update(call: Call) -> Result:
    params = call.params
    values = group_spec.values_of(params)
    if sum(params.get(source) is not None for source in _SOURCES) > 1:
        raise validation(_NO_SOURCE)
    source, mix = _source(params)
    change = ClusterChange(values, source, _placement(params), mix)
    with unknown_group(call.operation):
        if change.source is not None:
            here = call.backend.clusters.get(call.scope, params["AutoScalingGroupName"]).spec
            check_template(call, change.source, by_subnet=bool(params.get("VPCZoneIdentifier") or here.subnets))
        call.backend.clusters.update(call.scope, params["AutoScalingGroupName"], change)
    return {}


@operation("autoscaling", "SetDesiredCapacity")
def set_desired_capacity(call: Call) -> Result:
    params = call.params
    values = group_spec.values_of({"DesiredCapacity": params["DesiredCapacity"]})
    honor = bool(params.get("HonorCooldown"))
    try:
        call.backend.clusters.resize(
            call.scope, params["AutoScalingGroupName"], values["desired"], honor_cooldown=honor
        )
    except CapacityOutOfBounds as found:
        raise _outside(found) from found
    return {}


def _outside(found: CapacityOutOfBounds) -> AWSError:
    above = found.desired > found.maximum
    relation, bound = ("above max value", found.maximum) if above else ("below min value", found.minimum)
    return validation(f"New SetDesiredCapacity value {found.desired} is {relation} {bound} for the AutoScalingGroup.")


@operation("autoscaling", "DeleteAutoScalingGroup")
def delete(call: Call) -> Result:
    force = bool(call.params.get("ForceDelete"))
    call.backend.clusters.delete(call.scope, call.params["AutoScalingGroupName"], force=force)
    return {}


@operation("autoscaling", "DescribeAutoScalingGroups")
def describe(call: Call) -> Result:
    params = call.params
    with_instances = params.get("IncludeInstances") is not False
    page = call.backend.clusters.page(
        call.scope,
        names=among(call, "AutoScalingGroupNames", _MOST_NAMES),
        matches=_matches(params.get("Filters") or ()),
        limit=limit_of(call, 50, 100),
        after=marker_of(call),
        with_members=with_instances,
        managed=with_managed(call),
    )
    region, account = call.region, call.account_id
    zones = {zone for view in page.items for zone in view.cluster.spec.zones}
    zone_ids = call.backend.catalog.zone_ids(call.scope, zones)
    return result(
        call,
        page,
        "AutoScalingGroups",
        lambda view: group_words.group(view, region, account, zone_ids, with_instances=with_instances),
    )


def check_name(name: str) -> None:
    """Refuse what no group may be called.

    Raises:
        AWSError
    """
    if ":" in name:
        raise validation("Group name cannot contain the character ':'")  # unsourced
    if not _NAME.fullmatch(name):
        raise validation("Group name must consist of printable ASCII characters")  # unsourced


def _source(params: Mapping[str, Any]) -> tuple[SourceRequest | None, MixRequest | None]:
    policy = params.get("MixedInstancesPolicy")
    if policy is None:
        return _plain_source(params), None
    return mix_of(policy)


def mix_of(policy: Mapping[str, Any]) -> tuple[SourceRequest | None, MixRequest]:
    """What a MixedInstancesPolicy asks for.

    Raises:
        AWSError
    """
    return mix_words.request(policy, template_of)


def _plain_source(params: Mapping[str, Any]) -> SourceRequest | None:
    configuration, instance = params.get("LaunchConfigurationName"), params.get("InstanceId")
    if configuration is not None:
        return SourceRequest(configuration=configuration)
    if instance is not None:
        return SourceRequest(server=ids.server_of(instance))
    template = params.get("LaunchTemplate")
    return None if template is None else template_of(template)


def template_of(template: Mapping[str, str]) -> SourceRequest:
    """What a LaunchTemplateSpecification asks for.

    Raises:
        AWSError
    """
    template_id, name = template.get("LaunchTemplateId"), template.get("LaunchTemplateName")
    if (template_id is None) is (name is None):
        raise validation("Valid requests must contain either launchTemplateId or LaunchTemplateName")
    if template_id is not None and not arns.is_well_formed(arns.TEMPLATE, template_id):
        raise validation(f"Invalid launch template ID: '{template_id}'")  # unsourced
    version = template.get("Version")
    if version is not None and version not in {"$Default", "$Latest"} and not _VERSION.fullmatch(version):
        raise validation(
            "Invalid launch template version: either '$Default', '$Latest', or a numeric version are allowed."
        )
    # An old id of 8 digits names nothing here; it goes on as it is and is told again as not found.
    short = None if template_id is None else arns.short_of(arns.TEMPLATE, template_id) or template_id
    return SourceRequest(template=short, template_name=name, version=version)


def check_template(call: Call, source: SourceRequest, *, by_subnet: bool) -> None:
    """Refuse a template whose members do not go together.

    Raises:
        AWSError
    """
    if source.template is None and source.template_name is None:
        return
    ref = TemplateRef(id=source.template, name=source.template_name)
    version = call.backend.templates.version(call.scope, ref, source.version)
    launch_data.check_launch(version.document, by_subnet=by_subnet)


def _placement(params: Mapping[str, Any]) -> PlacementRequest:
    zones, zone_ids = params.get("AvailabilityZones"), params.get("AvailabilityZoneIds")
    if zones and zone_ids:
        # unsourced
        raise validation("You cannot specify both AvailabilityZones and AvailabilityZoneIds in the same request.")
    subnets = [text.strip() for text in params.get("VPCZoneIdentifier", "").split(",")]
    shorts = tuple(arns.short_of(arns.SUBNET, text) or text for text in subnets if text)
    return PlacementRequest(tuple(zones or ()) or None, tuple(zone_ids or ()) or None, shorts or None)


def _matches(filters: Sequence[Mapping[str, Any]]) -> list[TagMatch]:
    matches = []
    for item in filters:
        name, values = item.get("Name", ""), tuple(item.get("Values") or ())
        if name == "tag-key":
            matches.append(TagMatch(keys=values))
        elif name == "tag-value":
            matches.append(TagMatch(values=values))
        elif name.startswith("tag:"):
            matches.append(TagMatch(keys=(name[4:],), values=values))
        else:
            raise validation(  # unsourced
                f"Filter type {name} is not correct. Allowed Filter types are: tag-key, tag-value, tag:<key>"
            )
    return matches
