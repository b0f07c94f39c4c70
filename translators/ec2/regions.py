"""Regions, availability zones, and what an account may have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from backend.drivers.compute import Zone
from translators import arns
from translators.ec2 import actions, region_names
from translators.filters import Filters, never
from translators.nouns import Asked, Members, Noun
from translators.registry import Call, Result

_OPT_IN: Final = "opt-in-not-required"


def _regions(call: Call, _: Asked) -> Iterable[str]:
    """The regions that one may sign for here; a client finds them all at the same address."""
    return sorted({*call.regions, call.region})


REGIONS: Final = Noun(
    answer="Regions",
    items=_regions,
    members={
        "RegionName": lambda name: name,
        "Endpoint": lambda name: f"ec2.{name}.amazonaws.com",
        "OptInStatus": region_names.opt_in,
    },
    filters={"endpoint": "Endpoint", "opt-in-status": "OptInStatus", "region-name": "RegionName"},
    namings=(
        actions.by_names(
            "RegionNames",
            lambda name: name,
            "InvalidParameterValue",
            "Invalid region name: '{}'",  # unsourced
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class _Zone:
    zone: Zone
    region: str


def _zones(call: Call, _: Asked) -> Iterable[_Zone]:
    return (_Zone(zone, call.region) for zone in call.backend.catalog.zones(call.scope))


def _long_name(region: str) -> str | None:
    return f"{region_names.LONG[region]} 1" if region in region_names.LONG else None


_ZONE: Final[Members[_Zone]] = {
    "State": lambda each: "available" if each.zone.available else "unavailable",
    "OptInStatus": _OPT_IN,
    "Messages": (),
    "RegionName": lambda each: each.region,
    "ZoneName": lambda each: each.zone.name,
    "ZoneId": lambda each: each.zone.zone_id,
    "GroupName": lambda each: f"{each.region}-zg-1",
    "GroupLongName": lambda each: _long_name(each.region),
    "NetworkBorderGroup": lambda each: each.region,
    "ZoneType": "availability-zone",
}
_ZONE_FILTERS: Final[Filters[_Zone]] = {
    "group-long-name": "GroupLongName",
    "group-name": "GroupName",
    "message": "Messages.Message",
    "opt-in-status": "OptInStatus",
    "region-name": "RegionName",
    "state": "State",
    "zone-id": "ZoneId",
    "zone-name": "ZoneName",
    "zone-type": "ZoneType",
    **never("parent-zone-id", "parent-zone-name"),
}
ZONES: Final = Noun(
    answer="AvailabilityZones",
    items=_zones,
    members=_ZONE,
    order=lambda each: each.zone.name,
    filters=_ZONE_FILTERS,
    namings=(
        actions.by_names(
            "ZoneNames", lambda each: each.zone.name, "InvalidParameterValue", "Invalid availability zone: [{}]"
        ),
        actions.by_names(
            "ZoneIds", lambda each: each.zone.zone_id, "InvalidParameterValue", "Invalid availability zone-id: [{}]"
        ),
    ),
)

actions.describes("DescribeRegions", REGIONS)
actions.describes("DescribeAvailabilityZones", ZONES)


@actions.reads("DescribeAccountAttributes")
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
