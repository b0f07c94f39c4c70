"""Findings about networks: what cannot be done with a VPC and what is in it. Data, no sentences; see backend.errors.

``kind`` is a word for the sort of thing (``vpc``, ``subnet``, ``internet-gateway``, ``route-table``,
``route-association``, ``network-acl``, ``acl-association``, ``dhcp-options``, ``cidr-association``, ``nat-gateway``,
``interface``), ``id`` its digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.errors import Finding


@dataclass(eq=False)
class NetworkThingMissing(Finding):
    """There is no such thing in the project and the region."""

    kind: str
    id: str


@dataclass(eq=False)
class NetworkThingInUse(Finding):
    """Something is in it, or needs it."""

    kind: str
    id: str


@dataclass(eq=False)
class NotOurs(Finding):
    """The cloud has it, and Coppice did not make it: it is shown and not changed."""

    kind: str
    id: str


@dataclass(eq=False)
class CidrConflict(Finding):
    """The block has addresses in common with another of the VPC. ``of``: ``vpc``, ``subnet`` or ``route``."""

    of: str
    cidr: str


@dataclass(eq=False)
class CidrOutside(Finding):
    """The subnet would lie outside of its VPC's blocks."""

    cidr: str


@dataclass(eq=False)
class CidrNeeded(Finding):
    """The block cannot go: subnets lie in it, or it is the VPC's first."""

    id: str
    first: bool


@dataclass(eq=False)
class ZoneUnknown(Finding):
    """A subnet was asked for in a zone that is none of ``known``."""

    zone: str
    known: Sequence[str]


@dataclass(eq=False)
class AlreadyJoined(Finding):
    """It belongs to something else already. ``to``: digits of what it belongs to."""

    kind: str
    id: str
    to: str


@dataclass(eq=False)
class NotJoined(Finding):
    """A gateway is not at that VPC."""

    id: str
    vpc_id: str


@dataclass(eq=False)
class AddressesMapped(Finding):
    """Public addresses lead into the VPC, whose gateway therefore stays."""

    vpc_id: str


@dataclass(eq=False)
class RouteExists(Finding):
    cidr: str


@dataclass(eq=False)
class RouteMissing(Finding):
    """``replacing``: it was to be replaced."""

    cidr: str
    table_id: str
    replacing: bool = False


@dataclass(eq=False)
class RouteElsewhere(Finding):
    """What is to be led to, or from, belongs to another VPC than the table or list; kinds as in NetworkThingMissing."""

    table_id: str
    kind: str
    target: str
    of: str = "route-table"


@dataclass(eq=False)
class RouteLocal(Finding):
    """The route is one that each table has."""

    cidr: str


@dataclass(eq=False)
class RouteWithin(Finding):
    """The block is one of the VPC's own, or part of one. ``interface``: the route was to lead to an interface."""

    cidr: str
    interface: bool


@dataclass(eq=False)
class RouteForAll(Finding):
    """All that is not the VPC's was to be led to an interface: a router has one such way, for all of its subnets."""


@dataclass(eq=False)
class RouteDiffers(Finding):
    """Another table of the VPC leads the block elsewhere, and one of the two routes leads to an interface."""

    cidr: str
    table_id: str


@dataclass(eq=False)
class MainTable(Finding):
    """What is asked cannot be done with a VPC's main table, or its association."""

    id: str
    associating: bool = False


@dataclass(eq=False)
class DefaultAcl(Finding):
    """The list that came with a VPC stays with it."""

    id: str


@dataclass(eq=False)
class AclUnenforced(Finding):
    """The list would keep something out, which no cloud of ours does. ``id`` of the list."""

    id: str


@dataclass(eq=False)
class EntryExists(Finding):
    number: int
    egress: bool


@dataclass(eq=False)
class EntryMissing(Finding):
    number: int
    egress: bool
    acl_id: str


@dataclass(eq=False)
class NetworkLimit(Finding):
    """The project, or the VPC, has as many of a kind as it may. ``id``: digits of what is full, where that is one."""

    kind: str
    most: int
    id: str = ""


@dataclass(eq=False)
class NetworkUnknown(Finding):
    """No such network (AWS: VPC). ``network`` is a short id, empty where the default one is missing."""

    network: str


@dataclass(eq=False)
class NoAddresses(Finding):
    """The subnet (as the cloud names it) has no free address."""

    subnet: str


@dataclass(eq=False)
class AddressTaken(Finding):
    """The address that was asked for (``detail`` tells more) is somebody's already."""

    detail: str


@dataclass(eq=False)
class AddressUnfit(Finding):
    """The address that was asked for is none that a server may have in its subnet."""

    detail: str
