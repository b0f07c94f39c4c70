"""Load balancers as they are described: those that are made here, and those that the cloud has otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from backend.domain.balancers import BalancerKind, LoadBalancer
from backend.drivers.balancing import Balancer
from translators import arns
from translators.elbv2 import errors, ids, listing
from translators.nouns import Asked, Members, Noun
from translators.registry import Call

PROTOCOLS: Final = {
    "HTTP": "HTTP",
    "HTTPS": "HTTPS",
    "TERMINATED_HTTPS": "HTTPS",
    "UDP": "UDP",
}
"""The cloud's protocols in AWS's words; all others are carried by TCP."""
_KINDS: Final = {"app": "application", "net": "network"}
_HOSTED_ZONE: Final = "ZCOPPICEBALANCING"
"""There is no zone of anyone's that an alias could lead to."""


def balancer_arns(call: Call) -> dict[str, str]:
    """ARN of every balancer of the cloud's own by id; those that speak HTTP, or nothing yet, are application ones."""
    plain = {
        each.balancer_id
        for each in call.backend.traffic.listeners(call.scope)
        if PROTOCOLS.get(each.protocol) not in {"HTTP", "HTTPS"}
    }
    return {
        each.id: arns.load_balancer(
            call.region, call.account_id, "net" if each.id in plain else "app", each.id, each.name
        )
        for each in call.backend.traffic.balancers(call.scope)
    }


def made(call: Call) -> list[LoadBalancer]:
    """Balancers that are made here, but for classic ones."""
    return [each for each in call.backend.balancers.all(call.scope) if each.kind is not BalancerKind.CLASSIC]


@dataclass(frozen=True, slots=True)
class Told:
    """A balancer as it is told, wherever it was made."""

    arn: str
    name: str
    dns_name: str
    created_at: datetime
    scheme: str
    state: Mapping[str, str]
    network_id: str | None
    zones: Sequence[tuple[str, str]] = ()
    security_groups: Sequence[str] = ()
    hosted_zone: str | None = None
    addresses: Sequence[Mapping[str, str]] = ()

    @property
    def kind(self) -> str:
        return _KINDS[self.arn.split("/")[1]]


def told(call: Call, balancer: LoadBalancer) -> Told:
    """A balancer that is made here."""
    state = {"Code": str(balancer.state)}
    return Told(
        ids.balancer_arn(call, balancer),
        balancer.name,
        call.backend.balancers.dns_name(call.scope, balancer),
        balancer.created_at,
        balancer.scheme,
        {**state, "Reason": balancer.reason} if balancer.reason else state,
        balancer.network_id,
        list(zip(balancer.subnets, balancer.zones, strict=True)),
        balancer.security_groups,
        _HOSTED_ZONE,
        _addresses(call, balancer),
    )


def _addresses(call: Call, balancer: LoadBalancer) -> list[dict[str, str]]:
    """Addresses that it was made with, all of its first subnet."""
    if balancer.wished_address is not None:
        return [{"PrivateIPv4Address": balancer.wished_address}]
    if balancer.allocation_id is None:
        return []
    kept = call.backend.addresses.list(call.scope, [balancer.allocation_id])
    return [{"AllocationId": f"{arns.ELASTIC_ADDRESS}-{each.id}", "IpAddress": each.address} for each in kept]


def _adopted(arn: str, balancer: Balancer) -> Told:
    name = arns.balancing_name(balancer.name)
    state = {"Code": balancer.status}
    return Told(arn, name, balancer.address, balancer.created_at, "internal", state, balancer.network_id)


def adopted(call: Call) -> list[Told]:
    """Balancers that the cloud has otherwise."""
    arn_of = balancer_arns(call)
    return [_adopted(arn_of[each.id], each) for each in call.backend.traffic.balancers(call.scope)]


def _balancers(call: Call, asked: Asked) -> Iterable[Told]:
    found = [told(call, each) for each in made(call)]
    if listing.all_named(
        asked, {"LoadBalancerArns": {each.arn for each in found}, "Names": {each.name for each in found}}
    ):
        return found
    return sorted((*found, *adopted(call)), key=lambda each: (each.name, each.arn))


def zones(each: Told) -> list[dict[str, Any]]:
    return [
        {
            "ZoneName": zone,
            "SubnetId": arns.subnet_id(subnet),
            "LoadBalancerAddresses": [] if index else list(each.addresses),
        }
        for index, (subnet, zone) in enumerate(each.zones)
    ]


_BALANCER: Final[Members[Told]] = {
    "LoadBalancerArn": lambda each: each.arn,
    "LoadBalancerName": lambda each: each.name,
    "DNSName": lambda each: each.dns_name,
    "CanonicalHostedZoneId": lambda each: each.hosted_zone,
    "CreatedTime": lambda each: each.created_at,
    "Scheme": lambda each: each.scheme,
    "State": lambda each: each.state,
    "Type": lambda each: each.kind,
    "VpcId": lambda each: None if each.network_id is None else arns.resource_id(arns.NETWORK, each.network_id),
    "AvailabilityZones": zones,
    "SecurityGroups": lambda each: [arns.resource_id(arns.SECURITY_GROUP, one) for one in each.security_groups],
    "IpAddressType": "ipv4",
}
BALANCERS: Final = Noun(
    answer="LoadBalancers",
    items=_balancers,
    members=_BALANCER,
    namings=(
        listing.by_names("LoadBalancerArns", lambda each: each.arn, errors.load_balancer_not_found),
        listing.by_names("Names", lambda each: each.name, errors.load_balancer_not_found),
    ),
    pages=listing.pages,
)

listing.describes("DescribeLoadBalancers", BALANCERS)
