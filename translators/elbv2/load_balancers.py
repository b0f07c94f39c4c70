"""Load balancers and their listeners, as they are described; they are made where the cloud's own are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from backend.drivers.balancing import Balancer, Listener
from translators import arns
from translators.elbv2 import errors, listing
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


def balancer_arns(call: Call) -> dict[str, str]:
    """ARN of every load balancer by its id; those that speak HTTP, or nothing yet, are application load balancers."""
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


@dataclass(frozen=True, slots=True)
class _Balancer:
    balancer: Balancer
    arn: str


@dataclass(frozen=True, slots=True)
class _Listener:
    listener: Listener
    balancer_arn: str
    target_arn: str | None

    @property
    def arn(self) -> str:
        return arns.listener(self.balancer_arn, self.listener.id)


def _balancers(call: Call, _: Asked) -> Iterable[_Balancer]:
    arn_of = balancer_arns(call)
    return (_Balancer(each, arn_of[each.id]) for each in call.backend.traffic.balancers(call.scope))


def _listeners(call: Call, _: Asked) -> Iterable[_Listener]:
    arn_of = balancer_arns(call)
    balancer = call.params.get("LoadBalancerArn")
    if balancer is not None and balancer not in arn_of.values():
        raise errors.load_balancer_not_found()
    targets = {
        pool.id: arns.target_group(call.region, call.account_id, pool.id, pool.name)
        for pool in call.backend.traffic.pools(call.scope)
    }
    return (
        _Listener(each, arn_of[each.balancer_id], targets.get(each.pool_id or ""))
        for each in call.backend.traffic.listeners(call.scope)
        if each.balancer_id in arn_of
    )


def _check_listeners(call: Call) -> None:
    if call.params.get("LoadBalancerArn") is None and not call.params.get("ListenerArns"):
        raise errors.validation("You must specify either listener ARNs or a load balancer ARN")


_BALANCER: Final[Members[_Balancer]] = {
    "LoadBalancerArn": lambda each: each.arn,
    "LoadBalancerName": lambda each: arns.balancing_name(each.balancer.name),
    "DNSName": lambda each: each.balancer.address,
    "CreatedTime": lambda each: each.balancer.created_at,
    "Scheme": "internal",
    "State": lambda each: {"Code": each.balancer.status},
    "Type": lambda each: _KINDS[each.arn.split("/")[1]],
    "VpcId": lambda each: (
        None if each.balancer.network_id is None else arns.resource_id(arns.NETWORK, each.balancer.network_id)
    ),
    "AvailabilityZones": (),
    "SecurityGroups": (),
    "IpAddressType": "ipv4",
}
BALANCERS: Final = Noun(
    answer="LoadBalancers",
    items=_balancers,
    members=_BALANCER,
    namings=(
        listing.by_names("LoadBalancerArns", lambda each: each.arn, errors.load_balancer_not_found),
        listing.by_names("Names", lambda each: arns.balancing_name(each.balancer.name), errors.load_balancer_not_found),
    ),
    pages=listing.pages,
)

_LISTENER: Final[Members[_Listener]] = {
    "ListenerArn": lambda each: each.arn,
    "LoadBalancerArn": lambda each: each.balancer_arn,
    "Port": lambda each: each.listener.port,
    "Protocol": lambda each: PROTOCOLS.get(each.listener.protocol, "TCP"),
    "DefaultActions": lambda each: (
        [{"Type": "forward", "TargetGroupArn": each.target_arn, "Order": 1}] if each.target_arn else []
    ),
}
LISTENERS: Final = Noun(
    answer="Listeners",
    items=_listeners,
    members=_LISTENER,
    namings=(listing.by_names("ListenerArns", lambda each: each.arn, errors.listener_not_found),),
    check=_check_listeners,
    keeps=lambda call, each: call.params.get("LoadBalancerArn") in {None, each.balancer_arn},
    pages=listing.pages,
)

listing.describes("DescribeLoadBalancers", BALANCERS)
listing.describes("DescribeListeners", LISTENERS)
