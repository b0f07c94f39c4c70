"""Regions, availability zones, and what an account may have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.drivers.compute import Zone
from translators import arns, filters
from translators.ec2 import actions, region_names
from translators.errors import AWSError
from translators.filters import Fields
from translators.registry import Call, Result

_OPT_IN: Final = "opt-in-not-required"


@actions.answers("DescribeRegions")
def describe_regions(call: Call) -> Result:
    """The regions that one may sign for here; a client finds them all at the same address."""
    known = sorted({*call.regions, call.region})
    wanted = call.params.get("RegionNames") or known
    for name in wanted:
        if name not in known:
            raise AWSError("InvalidParameterValue", f"Invalid region name: '{name}'")  # unsourced
    regions = [
        {"RegionName": name, "Endpoint": f"ec2.{name}.amazonaws.com", "OptInStatus": region_names.opt_in(name)}
        for name in known
        if name in wanted
    ]
    fields: Fields[dict[str, str]] = {
        "endpoint": lambda each: each["Endpoint"],
        "opt-in-status": lambda each: each["OptInStatus"],
        "region-name": lambda each: each["RegionName"],
    }
    return {"Regions": filters.matching(regions, call.params.get("Filters") or (), fields)}


@actions.answers("DescribeAvailabilityZones")
def describe_zones(call: Call) -> Result:
    params = call.params
    zones: Sequence[Zone] = sorted(call.backend.catalog.zones(call.scope), key=lambda zone: zone.name)
    zones = _named(zones, params.get("ZoneNames"), "availability zone", lambda zone: zone.name)
    zones = _named(zones, params.get("ZoneIds"), "availability zone-id", lambda zone: zone.zone_id)
    told = [_zone(call, zone) for zone in zones]
    return {"AvailabilityZones": filters.matching(told, params.get("Filters") or (), _ZONE_FIELDS)}


def _named(zones: Sequence[Zone], wanted: Sequence[str] | None, noun: str, name_of: Any) -> Sequence[Zone]:
    if not wanted:
        return zones
    known = {name_of(zone) for zone in zones}
    for name in wanted:
        if name not in known:
            raise AWSError("InvalidParameterValue", f"Invalid {noun}: [{name}]")
    return [zone for zone in zones if name_of(zone) in wanted]


def _zone(call: Call, zone: Zone) -> dict[str, Any]:
    return {
        "State": "available" if zone.available else "unavailable",
        "OptInStatus": _OPT_IN,
        "Messages": [],
        "RegionName": call.region,
        "ZoneName": zone.name,
        "ZoneId": zone.zone_id,
        "GroupName": f"{call.region}-zg-1",
        "NetworkBorderGroup": call.region,
        "ZoneType": "availability-zone",
        **({"GroupLongName": f"{region_names.LONG[call.region]} 1"} if call.region in region_names.LONG else {}),
    }


_ZONE_FIELDS: Final[Fields[dict[str, Any]]] = {
    "group-name": lambda zone: zone["GroupName"],
    "group-long-name": lambda zone: zone.get("GroupLongName"),
    "message": lambda _: None,
    "opt-in-status": lambda zone: zone["OptInStatus"],
    "parent-zone-id": lambda _: None,
    "parent-zone-name": lambda _: None,
    "region-name": lambda zone: zone["RegionName"],
    "state": lambda zone: zone["State"],
    "zone-id": lambda zone: zone["ZoneId"],
    "zone-name": lambda zone: zone["ZoneName"],
    "zone-type": lambda zone: zone["ZoneType"],
}


@actions.answers("DescribeAccountAttributes")
def describe_account(call: Call) -> Result:
    wanted = call.params.get("AttributeNames")
    attributes = _attributes(call)
    return {
        "AccountAttributes": [
            {"AttributeName": name, "AttributeValues": [{"AttributeValue": value} for value in values]}
            for name, values in attributes.items()
            if not wanted or name in wanted
        ]
    }


def _attributes(call: Call) -> Mapping[str, Sequence[str]]:
    """What an account is told; the counts are AWS's defaults, what really holds are the cloud's quotas."""
    network = next((each for each in call.backend.catalog.networks(call.scope) if each.default), None)
    return {
        "supported-platforms": ("VPC",),
        "vpc-max-security-groups-per-interface": ("5",),
        "max-elastic-ips": ("5",),
        "max-instances": ("20",),
        "vpc-max-elastic-ips": ("5",),
        "default-vpc": (arns.resource_id(arns.NETWORK, network.id) if network else "none",),
    }
