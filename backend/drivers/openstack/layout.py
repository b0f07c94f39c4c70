"""A project's networks as VPCs, zonal subnets and security groups. Pure.

OpenStack's subnets belong to no zone, AWS's to exactly one. A subnet that its operator bound to one zone (the setting
``subnet_zones``, or the Neutron tag ``zone=NAME``) is told as it is, under its own id. Any other is told once
in each zone that its network serves, under an id of its own for each: a group over two zones names two of them, and its
servers are put on the one subnet, in two zones.
"""

from __future__ import annotations

import hashlib
import ipaddress
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from backend.domain.scope import Scope
from backend.drivers.network import Network, Rule, SecurityGroup, Subnet
from backend.drivers.openstack.group_marks import cloud_name, mark_of, plain_name
from backend.drivers.openstack.network_marks import NetworkMark
from backend.drivers.openstack.network_marks import mark_of as network_mark_of
from backend.drivers.openstack.settings import OpenStackSettings, ZoneNames

Document = Mapping[str, Any]

ZONE_TAG: Final = "zone="
DEFAULT_TAG: Final = "default"
_ANY: Final = "0.0.0.0/0"
_KEPT_DIGITS: Final = 12
_PROTOCOLS: Final = {
    "1": "icmp",
    "6": "tcp",
    "17": "udp",
    "58": "icmpv6",
    "any": "-1",
    "0": "-1",
    "ipv6-icmp": "icmpv6",
}


@dataclass(frozen=True, slots=True)
class Placement:
    """A subnet as AWS sees it, and the real one.

    Attributes:
        real_id: Neutron's id of it.
        network_id, label: Neutron's id and name of the network that it is in.
        alone: it is its network's only subnet with IPv4 addresses, so every server there has an address of it.
    """

    subnet: Subnet
    real_id: str
    alone: bool
    network_id: str = ""
    label: str = ""


@dataclass(frozen=True)
class Layout:
    """What a project sees of Neutron, in AWS's form."""

    networks: Sequence[Network]
    placements: Sequence[Placement]
    groups: Sequence[SecurityGroup]

    @classmethod
    def of(  # noqa: PLR0917 - one noun each
        cls,
        networks: Iterable[Document],
        subnets: Iterable[Document],
        groups: Iterable[Document],
        zones: Sequence[str],
        scope: Scope,
        settings: OpenStackSettings,
    ) -> Layout:
        """The layout of Neutron's documents; ``zones`` are AWS's names."""
        listed = [each for each in networks if not each.get("router:external") or each.get("shared")]
        own = {
            each["id"]: mark for each in listed if _owner(each) == scope.project_id and (mark := network_mark_of(each))
        }
        usable = [each for each in listed if each["id"] not in own]
        v4 = [each for each in subnets if each.get("ip_version") == 4]
        by_network: dict[str, list[Document]] = {}
        for each in sorted(v4, key=_age):
            by_network.setdefault(each["network_id"], []).append(each)
        served = [each for each in usable if by_network.get(each["id"])]
        default_id = _default(served, scope.project_id, settings)
        names = settings.zone_names(scope.region)
        placements: list[Placement] = []
        for network in served:
            here = by_network[network["id"]]
            taken: set[str] = set()
            for subnet in here:
                for placement in _placements(network, subnet, zones, names, settings, alone=len(here) == 1):
                    first = network["id"] == default_id and placement.subnet.zone not in taken
                    taken.add(placement.subnet.zone)
                    placements.append(replace(placement, subnet=replace(placement.subnet, zone_default=first)))
        placements += [
            _made(network, subnet, own[network["id"]], names)
            for network in listed
            if network["id"] in own and names.to_aws(own[network["id"]].zone) in zones
            for subnet in by_network.get(network["id"], [])[:1]
        ]
        return cls(
            [
                *(_network(each, by_network.get(each["id"], []), default=each["id"] == default_id) for each in usable),
                *(Network(vpc, "", _ANY, made=True) for vpc in sorted({mark.vpc for mark in own.values()})),
            ],
            placements,
            [_group(each, default_id or "") for each in groups],
        )

    @cached_property
    def by_id(self) -> Mapping[str, Placement]:
        """Placements by the id that AWS sees."""
        return {placement.subnet.id: placement for placement in self.placements}

    @cached_property
    def group_ids(self) -> Mapping[str, str]:
        """Security groups' ids by the names that the cloud has them by."""
        return {cloud_name(group): group.id for group in reversed(self.groups)}

    def default(self, zone: str) -> Placement | None:
        """Where a server of the zone goes when no subnet is named."""
        return next((each for each in self.placements if each.subnet.zone_default and each.subnet.zone == zone), None)

    def at(self, address: str, label: str, zone: str) -> Placement | None:
        """The subnet of a server by its address and its network's name: for servers that others made."""
        ip = ipaddress.ip_address(address)
        fitting = [
            each for each in self.placements if each.label == label and ip in ipaddress.ip_network(each.subnet.cidr)
        ]
        return next((each for each in fitting if each.subnet.zone == zone), fitting[0] if fitting else None)


def view_id(subnet_id: str, zone: str) -> str:
    """The id of a subnet in one of several zones: the first 12 digits are its own, the next 5 tell the zone."""
    digits = subnet_id.replace("-", "")
    mark = hashlib.sha256(zone.encode()).hexdigest()[: 17 - _KEPT_DIGITS]
    return str(uuid.UUID(digits[:_KEPT_DIGITS] + mark + digits[17:]))


def addresses_of(subnet: Document) -> int:
    """How many addresses a subnet gives out."""
    return sum(
        int(ipaddress.ip_address(pool["end"])) - int(ipaddress.ip_address(pool["start"])) + 1
        for pool in subnet.get("allocation_pools") or ()
    )


def _age(document: Document) -> tuple[str, str]:
    return document.get("created_at") or "", document["id"]


def _default(networks: Sequence[Document], project_id: str, settings: OpenStackSettings) -> str | None:
    """The setting's network, else the project's own that is tagged as the default, else the project's oldest, else the
    oldest shared one.

    Whoever owns a network may share it with any project, under any name and tag: servers shall not end up on it for
    these.
    """

    def order(network: Document) -> tuple[bool, bool, bool, bool, tuple[str, str]]:
        meant = bool(settings.default_network) and settings.default_network == network["id"]
        named = bool(settings.default_network) and settings.default_network == network["name"]
        own = _owner(network) == project_id
        tagged = own and DEFAULT_TAG in (network.get("tags") or ())
        return not meant, not named, not tagged, not own, _age(network)

    found = min(networks, key=order, default=None)
    return found["id"] if found else None


def _owner(document: Document) -> str:
    return str(document.get("project_id") or document.get("tenant_id") or "")


def _placements(
    network: Document,
    subnet: Document,
    zones: Sequence[str],
    names: ZoneNames,
    settings: OpenStackSettings,
    *,
    alone: bool,
) -> list[Placement]:
    bound = settings.subnet_zones.get(subnet["id"]) or settings.subnet_zones.get(subnet["name"])
    if bound:
        chosen = [bound]
    else:
        tagged = {
            names.to_aws(tag.removeprefix(ZONE_TAG)) for tag in subnet.get("tags") or () if tag.startswith(ZONE_TAG)
        }
        hinted = {names.to_aws(hint) for hint in network.get("availability_zone_hints") or ()}
        chosen = [zone for zone in zones if zone in tagged] if tagged else list(zones)
        chosen = ([zone for zone in chosen if zone in hinted] or chosen) if not tagged else chosen
        bound = chosen[0] if tagged and len(chosen) == 1 else None
    return [
        Placement(
            Subnet(
                id=subnet["id"] if bound else view_id(subnet["id"], names.to_cloud(zone)),
                name=subnet["name"],
                network_id=network["id"],
                cidr=subnet["cidr"],
                zone=zone,
                free_addresses=addresses_of(subnet),
            ),
            subnet["id"],
            alone,
            network["id"],
            network["name"],
        )
        for zone in chosen
        if zone in zones
    ]


def _made(network: Document, subnet: Document, mark: NetworkMark, names: ZoneNames) -> Placement:
    """A subnet of a VPC; alone in its network by the way it was made."""
    told = Subnet(
        id=subnet["id"],
        name="",
        network_id=mark.vpc,
        cidr=subnet["cidr"],
        zone=names.to_aws(mark.zone),
        free_addresses=addresses_of(subnet),
        made=True,
    )
    return Placement(told, subnet["id"], True, network["id"], network["name"])


def _network(network: Document, subnets: Sequence[Document], *, default: bool) -> Network:
    return Network(network["id"], network["name"], subnets[0]["cidr"] if subnets else _ANY, default)


def _group(group: Document, network_id: str) -> SecurityGroup:
    rules = tuple(rule_of(rule) for rule in group.get("security_group_rules") or ())
    name, description = group["name"], group.get("description") or ""
    mark = mark_of(description)
    if mark is None:
        return SecurityGroup(group["id"], name, description, network_id, rules, everywhere=True)
    installation, own_network = mark
    return SecurityGroup(group["id"], plain_name(name), "", own_network, rules, installation=installation)


def block_of(told: str) -> str:
    """A block of addresses in its canonical form: Neutron ends some of IPv6 with the dots of IPv4.

    Source: netaddr, strategy/ipv6.py, which writes them as inet_ntop does (``::ffff:0.0.0.0/96``).
    """
    return str(ipaddress.ip_network(told, strict=False)) if "." in told and ":" in told else told


def rule_of(rule: Document) -> Rule:
    """A rule of Neutron's document."""
    protocol = str(rule.get("protocol") or "-1")
    v6 = rule.get("ethertype") == "IPv6"
    group, addresses = rule.get("remote_group_id"), rule.get("remote_address_group_id")
    anywhere = "::/0" if v6 else "0.0.0.0/0"
    return Rule(
        ingress=rule["direction"] == "ingress",
        protocol=_PROTOCOLS.get(protocol, protocol),
        port_from=rule.get("port_range_min"),
        port_to=rule.get("port_range_max"),
        cidr=None if group or addresses else block_of(rule.get("remote_ip_prefix") or anywhere),
        group_id=group,
        list_id=addresses,
        ipv6=v6,
        description=rule.get("description") or "",
    )
