"""The fixed part of the cloud: zones, and each project's default network. Pure: every process computes the same."""

from __future__ import annotations

import ipaddress
import re
import uuid
from functools import lru_cache

from backend.domain.scope import Scope
from backend.drivers.compute import Zone
from backend.drivers.network import Network, Rule, SecurityGroup, Subnet
from backend.drivers.simulated import regions
from backend.drivers.simulated.settings import SimulatedSettings

RESERVED_ADDRESSES = 5
"""AWS keeps the first four addresses of a subnet and the last one."""

_NAMESPACE = uuid.UUID("8b1e5f0e-2d2b-5c57-9d43-0c1d0a6d5c11")
_WORDS = (
    ("northeast", "ne"),
    ("northwest", "nw"),
    ("southeast", "se"),
    ("southwest", "sw"),
    ("north", "n"),
    ("south", "s"),
    ("east", "e"),
    ("west", "w"),
    ("central", "c"),
    ("gov", "g"),
)


def project_uuid(scope: Scope, what: str) -> str:
    """The id of one of a project's built-in objects in a region."""
    return str(uuid.uuid5(_NAMESPACE, f"{scope.region}/{scope.project_id}/{what}"))


def region_code(region: str) -> str:
    """AWS's short word for a region: ``use1`` for us-east-1."""
    code = region
    for word, short in _WORDS:
        code = re.sub(rf"\b{word}\b", short, code)
    return code.replace("-", "")


@lru_cache(maxsize=256)
def zones(region: str, settings: SimulatedSettings) -> tuple[Zone, ...]:
    """The zones of a region by name; none for a region that the cloud does not have."""
    if not regions.has(settings, region):
        return ()
    code = region_code(region)
    return tuple(
        Zone(name=f"{region}{letter}", zone_id=f"{code}-az{number}")
        for number, letter in enumerate("abcdef"[: settings.zones_per_region], start=1)
    )


@lru_cache(maxsize=256)
def zone_names(region: str, settings: SimulatedSettings) -> tuple[str, ...]:
    return tuple(zone.name for zone in zones(region, settings))


@lru_cache(maxsize=1024)
def default_network(scope: Scope, settings: SimulatedSettings) -> Network:
    return Network(
        id=project_uuid(scope, "network"),
        name="",
        cidr=settings.network_cidr,
        default=True,
    )


@lru_cache(maxsize=1024)
def default_subnets(scope: Scope, settings: SimulatedSettings) -> tuple[Subnet, ...]:
    """One subnet a zone, with every address free."""
    blocks = ipaddress.IPv4Network(settings.network_cidr).subnets(new_prefix=settings.subnet_prefix)
    network = default_network(scope, settings)
    return tuple(
        Subnet(
            id=project_uuid(scope, f"subnet/{zone.name}"),
            name="",
            network_id=network.id,
            cidr=str(block),
            zone=zone.name,
            zone_default=True,
            free_addresses=block.num_addresses - RESERVED_ADDRESSES,
            public_by_default=True,
        )
        for zone, block in zip(zones(scope.region, settings), blocks, strict=False)
    )


@lru_cache(maxsize=1024)
def default_security_group(scope: Scope, settings: SimulatedSettings) -> SecurityGroup:
    """AWS's own: everything in from its members, everything out."""
    identity = project_uuid(scope, "security-group")
    return SecurityGroup(
        id=identity,
        name="default",
        description="default VPC security group",
        network_id=default_network(scope, settings).id,
        rules=(
            Rule(ingress=True, protocol="-1", port_from=None, port_to=None, group_id=identity),
            Rule(ingress=False, protocol="-1", port_from=None, port_to=None, cidr="0.0.0.0/0"),
        ),
    )
