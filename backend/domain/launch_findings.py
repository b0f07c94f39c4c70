"""Findings about what servers are made from, and where. Data, no sentences; see backend.errors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backend.errors import Finding


@dataclass(eq=False)
class ProfileNotFound(Finding):
    """No launch configuration of that name."""

    name: str


@dataclass(eq=False)
class ProfileExists(Finding):
    name: str


@dataclass(eq=False)
class ProfileInUse(Finding):
    name: str
    cluster: str


@dataclass(eq=False)
class ProfileIncomplete(Finding):
    """The launch source lacks a member that a launch needs: ``image`` or ``instance_type``."""

    missing: str


@dataclass(eq=False)
class TemplateNotFound(Finding):
    """By id (short id) or by name, whichever was given."""

    id: str | None = None
    name: str | None = None


@dataclass(eq=False)
class TemplateExists(Finding):
    name: str


@dataclass(eq=False)
class TemplateVersionNotFound(Finding):
    name: str
    id: str
    version: str


@dataclass(eq=False)
class TemplateDefaultVersionKept(Finding):
    """The default version cannot be deleted."""

    id: str
    version: int


@dataclass(eq=False)
class TemplateUnusable(Finding):
    """A template version that no server can be made from; ``reason`` is what stands in the way."""

    reason: Finding


@dataclass(eq=False)
class TypeNotFound(Finding):
    type: str


@dataclass(eq=False)
class TypeNotSupported(Finding):
    """The type does not run that image (architecture)."""

    type: str
    architecture: str
    image: str


@dataclass(eq=False)
class IamProfileNotFound(Finding):
    name: str
    empty: bool = False


@dataclass(eq=False)
class SubnetNotFound(Finding):
    subnet: str


@dataclass(eq=False)
class ZoneNotFound(Finding):
    zone: str


@dataclass(eq=False)
class ZonesMismatch(Finding):
    """Zones were given together with subnets that lie elsewhere."""

    zones: tuple[str, ...]


@dataclass(eq=False)
class PlacementMissing(Finding):
    """Neither zones nor subnets were given."""


@dataclass(eq=False)
class NetworkMissing(Finding):
    """There is no default network to put a server on, in ``zone`` where that was asked for."""

    zone: str


@dataclass(eq=False)
class NoCapacity(Finding):
    type: str
    zone: str


@dataclass(eq=False)
class LaunchUnsupported(Finding):
    """The launch source asks for something that this cloud cannot give; ``member`` names it in AWS's words."""

    member: str


class Unfit(StrEnum):
    """Why nodes cannot be launched into a cluster by number."""

    NO_TEMPLATE = "no_template"  #        it launches from a launch configuration
    NO_ZONE = "no_zone"  #                it has several, and none was named
    FOREIGN_SUBNET = "foreign_subnet"  #  the one that was named is none of its own
    WARM_POOL = "warm_pool"  #            it has one
    TWO_CLASSES = "two_classes"  #        of its mix some are On-Demand and some Spot
    TOO_MANY = "too_many"  #              for one request


@dataclass(eq=False)
class DirectLaunchRefused(Finding):
    """Nodes cannot be launched like that while somebody waits for them."""

    cluster: str
    why: Unfit
