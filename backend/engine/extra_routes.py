"""Which extra routes a VPC is to have: what tables say of interfaces, held against who has addresses. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from backend.domain.networks import Hop, Progress, Subnet
from backend.drivers.network_making import ExtraRoute, HeldAddress


def near(hops: Mapping[str, Hop], subnets: Iterable[Subnet]) -> list[Subnet]:
    """The subnets that interfaces of routes are in, those on their way out apart."""
    addresses = [ipaddress.IPv4Address(each.address) for each in hops.values()]
    standing = [each for each in subnets if each.state is not Progress.DELETING]
    return [each for each in standing if any(address in ipaddress.IPv4Network(each.cidr) for address in addresses)]


def wanted(hops: Mapping[str, Hop], held: Iterable[HeldAddress]) -> frozenset[ExtraRoute]:
    """The routes whose interfaces have their addresses.

    One that was made keeps its address while no server has it: what is sent there is lost until one does, as it is at
    AWS. An address that is free may be somebody else's next, so nothing is led there.
    """
    holders: dict[str, list[HeldAddress]] = {}
    for each in held:
        holders.setdefault(each.address, []).append(each)
    return frozenset(
        ExtraRoute(cidr, hop.address)
        for cidr, hop in hops.items()
        if any(_is_at(hop, each) for each in holders.get(hop.address, ()))
    )


def within(routes: Iterable[ExtraRoute], subnets: Sequence[Subnet]) -> frozenset[ExtraRoute]:
    """Those whose next hops are in these subnets: a router knows no others."""
    blocks = [ipaddress.IPv4Network(each.cidr) for each in subnets]
    return frozenset(each for each in routes if any(ipaddress.IPv4Address(each.next_hop) in block for block in blocks))


def _is_at(hop: Hop, held: HeldAddress) -> bool:
    return held.interface == hop.interface if hop.interface else bool(hop.server) and held.server == hop.server
