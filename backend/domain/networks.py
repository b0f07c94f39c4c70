"""What a network is made of: VPCs, their subnets, gateways, tables of routes, lists of access, options. Data alone.

Ids are the digits of ids at AWS. ``cloud_id`` is the cloud's own id of the one object that a thing stands for.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

MAIN: Final = ""
"""In the place of a subnet: the association of a VPC's main table."""
VPC: Final = "vpc"
SUBNET: Final = "subnet"
"""What is made at the cloud within a request."""
EVERYWHERE: Final = "0.0.0.0/0"
LAST_RULE: Final = 32767
"""The number of the entry that ends every list of access; AWS shows it and nobody makes it."""


class Progress(StrEnum):
    """How far the cloud is with a thing."""

    PENDING = "pending"
    AVAILABLE = "available"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class Vpc:
    """A network of the project's own: a router of the cloud.

    Attributes:
        cidr, association_id: its first block, and the digits of that block's association.
        further: the others, digits of the association -> block.
        dhcp_options_id: digits; empty: the region's own.
        gateway: whether the cloud has led it to the outside.
        routed: block -> next hop, of the extra routes that the cloud may have been told; None: of none ever.
    """

    id: str
    cloud_id: str
    cidr: str
    association_id: str
    state: Progress
    created_at: datetime
    further: Mapping[str, str] = field(default_factory=dict)
    dhcp_options_id: str = ""
    dns_support: bool = True
    dns_hostnames: bool = False
    address_metrics: bool = False
    gateway: bool = False
    routed: Mapping[str, str] | None = None

    @property
    def cidrs(self) -> tuple[str, ...]:
        return (self.cidr, *self.further.values())

    @property
    def associations(self) -> Mapping[str, str]:
        """Digits of the association -> block, of all of them."""
        return {self.association_id: self.cidr, **self.further}


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet of a VPC, in one zone: a network of the cloud with one subnet in it.

    Attributes:
        network_id: the cloud's network; empty where that is not known.
        hostname_type, a_record, aaaa_record: how names of servers would be made; kept, and told again.
        dns: the servers of names that the cloud tells its servers of.
    """

    id: str
    cloud_id: str
    network_id: str
    vpc_id: str
    cidr: str
    zone: str
    state: Progress
    created_at: datetime
    public_by_default: bool = False
    hostname_type: str = "ip-name"
    a_record: bool = False
    aaaa_record: bool = False
    dns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InternetGateway:
    """A way out, of one VPC or of none."""

    id: str
    vpc_id: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Hop:
    """An interface as the cloud finds it, where a route leads to one; ids are the cloud's.

    Attributes:
        address: its private one.
        interface: of one that was made; empty where a server has it from birth.
        server: of that server; empty where the interface was made: whoever has it may change.
    """

    address: str
    interface: str = ""
    server: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """One route of a table.

    Attributes:
        kind: ``gateway``, ``nat`` or ``interface``.
        target: digits of its id.
        hop: of an interface.
    """

    cidr: str
    kind: str
    target: str
    hop: Hop | None = None

    @property
    def words(self) -> dict[str, str]:
        """As a table keeps it, under its block."""
        told = {"kind": self.kind, "target": self.target}
        if self.hop is None:
            return told
        return {**told, "address": self.hop.address, "interface": self.hop.interface, "server": self.hop.server}


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A table of routes. ``routes``: those that were made, by block; the local ones follow from the VPC."""

    id: str
    vpc_id: str
    created_at: datetime
    routes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def listed(self) -> list[Route]:
        return [_route(cidr, each) for cidr, each in self.routes.items()]

    @property
    def hops(self) -> dict[str, Hop]:
        """Block -> where its interface is, of the routes that lead to one."""
        return {each.cidr: each.hop for each in self.listed() if each.hop is not None}


def _route(cidr: str, words: Mapping[str, str]) -> Route:
    hop = Hop(words["address"], words["interface"], words["server"]) if words["kind"] == "interface" else None
    return Route(cidr, words["kind"], words["target"], hop)


@dataclass(frozen=True, slots=True)
class RouteAssociation:
    """Which table a subnet has, or a VPC as its main one (``subnet_id`` is MAIN)."""

    id: str
    vpc_id: str
    table_id: str
    subnet_id: str


@dataclass(frozen=True, slots=True)
class NetworkAcl:
    """A list of access. ``entries``: rules in AWS's members, without the last ones."""

    id: str
    vpc_id: str
    is_default: bool
    created_at: datetime
    entries: tuple[Mapping[str, Any], ...] = ()

    @property
    def passes_all(self) -> bool:
        """Whether everything goes through, both ways."""
        return self.passes(egress=False) and self.passes(egress=True)

    def passes(self, *, egress: bool) -> bool:
        """Whether everything goes through that way: an entry lets it, before any that denies something."""
        for each in sorted(self.entries, key=lambda entry: int(entry["RuleNumber"])):
            if each["Egress"] is egress and (each["RuleAction"] == "deny" or open_wide(each)):
                return bool(each["RuleAction"] == "allow")
        return False


def open_wide(entry: Mapping[str, Any]) -> bool:
    """Whether an entry lets everything pass."""
    return (entry["RuleAction"], entry["Protocol"], entry.get("CidrBlock")) == ("allow", "-1", EVERYWHERE)


ALLOW_ALL: Final[tuple[Mapping[str, Any], ...]] = tuple(
    {"RuleNumber": 100, "Protocol": "-1", "RuleAction": "allow", "Egress": egress, "CidrBlock": EVERYWHERE}
    for egress in (True, False)
)
"""What the list that comes with a VPC has."""


@dataclass(frozen=True, slots=True)
class AclAssociation:
    """Which list of access a subnet has."""

    id: str
    vpc_id: str
    acl_id: str
    subnet_id: str


@dataclass(frozen=True, slots=True)
class DhcpOptions:
    """What servers are told of names. ``options``: key -> values, as they were given."""

    id: str
    options: Mapping[str, list[str]]
    created_at: datetime

    @property
    def dns(self) -> tuple[str, ...]:
        """The servers of names that are addresses; AWS's own word stands for the cloud's."""
        given = self.options.get("domain-name-servers", ())
        return tuple(dict.fromkeys(each for each in given if _is_address(each)))


@dataclass(frozen=True, slots=True)
class Making:
    """Something that the cloud was asked for and that has no row yet. ``id`` is the token it was asked for with."""

    id: str
    kind: str
    created_at: datetime


def overlap(one: str, other: str) -> bool:
    """Whether two blocks have addresses in common."""
    return ipaddress.ip_network(one).overlaps(ipaddress.ip_network(other))


def lies_in(inner: str, outer: str) -> bool:
    """Whether a block is part of another."""
    return ipaddress.IPv4Network(inner).subnet_of(ipaddress.IPv4Network(outer))


def room_of(cidr: str) -> int:
    """How many addresses an empty subnet has to give: AWS keeps five of each."""
    return ipaddress.ip_network(cidr).num_addresses - 5


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
