"""The network port: networks, subnets and security groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from backend.domain.ids import short_id
from backend.domain.scope import Scope


@dataclass(frozen=True, slots=True)
class Network:
    """A network (AWS: a VPC).

    Attributes:
        default: the one servers go to when none is named.
        made: Coppice made it, here or elsewhere: rows tell of it.
    """

    id: str
    name: str
    cidr: str
    default: bool = False
    made: bool = False

    @property
    def short_id(self) -> str:
        return short_id(self.id)


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet, in one zone.

    Attributes:
        zone_default: where a server of that zone goes when none is named.
        made: as with its network.
    """

    id: str
    name: str
    network_id: str
    cidr: str
    zone: str
    zone_default: bool = False
    free_addresses: int = 0
    public_by_default: bool = False
    made: bool = False

    @property
    def short_id(self) -> str:
        return short_id(self.id)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a security group. ``protocol`` is a name or ``-1`` for all; ports None for all.

    The peer is one of ``cidr``, ``group_id`` and ``list_id``, a set of addresses that the cloud keeps. ``description``
    makes no difference between rules.
    """

    ingress: bool
    protocol: str
    port_from: int | None
    port_to: int | None
    cidr: str | None = None
    group_id: str | None = None
    ipv6: bool = False
    description: str = field(default="", compare=False)
    list_id: str | None = None


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A security group.

    Attributes:
        everywhere: it may be used in every network of the project, not in its own alone.
        installation: of Coppice, which made it; None where that was not noted.
    """

    id: str
    name: str
    description: str
    network_id: str
    rules: tuple[Rule, ...] = ()
    everywhere: bool = False
    installation: str | None = None

    @property
    def short_id(self) -> str:
        return short_id(self.id)


class Networking(Protocol):
    """Each call raises CloudUnavailable or NotAuthorized where it cannot answer."""

    def networks(self, scope: Scope) -> Sequence[Network]: ...

    def subnets(self, scope: Scope) -> Sequence[Subnet]: ...

    def security_groups(self, scope: Scope) -> Sequence[SecurityGroup]: ...
