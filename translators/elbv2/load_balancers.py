"""Load balancers and their listeners, as they are described; they are made where the cloud's own are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.drivers.balancing import Balancer, Listener
from translators import arns
from translators.elbv2 import errors
from translators.elbv2.listing import page
from translators.registry import Call, Result, operation

PROTOCOLS: Final = {
    "HTTP": "HTTP",
    "HTTPS": "HTTPS",
    "TERMINATED_HTTPS": "HTTPS",
    "UDP": "UDP",
}
"""The cloud's protocols in AWS's words; all others are carried by TCP."""
_KINDS: Final = {"app": "application", "net": "network"}


@operation("elbv2", "DescribeLoadBalancers")
def describe_load_balancers(call: Call) -> Result:
    wanted, names = call.params.get("LoadBalancerArns") or (), call.params.get("Names") or ()
    arn_of = balancer_arns(call)
    told = [_balancer(each, arn_of[each.id]) for each in call.backend.traffic.balancers(call.scope)]
    found = [each for each in told if not wanted or each["LoadBalancerArn"] in wanted]
    found = [each for each in found if not names or each["LoadBalancerName"] in names]
    if set(wanted) - {each["LoadBalancerArn"] for each in told}:
        raise errors.load_balancer_not_found()
    if set(names) - {each["LoadBalancerName"] for each in told}:
        raise errors.load_balancer_not_found()
    return page(call, "LoadBalancers", found)


@operation("elbv2", "DescribeListeners")
def describe_listeners(call: Call) -> Result:
    balancer, wanted = call.params.get("LoadBalancerArn"), call.params.get("ListenerArns") or ()
    if balancer is None and not wanted:
        raise errors.validation("You must specify either listener ARNs or a load balancer ARN")
    arn_of = balancer_arns(call)
    if balancer is not None and balancer not in arn_of.values():
        raise errors.load_balancer_not_found()
    pools = {pool.id: pool.name for pool in call.backend.traffic.pools(call.scope)}
    told = [
        _listener(call, each, arn_of[each.balancer_id], pools)
        for each in call.backend.traffic.listeners(call.scope)
        if each.balancer_id in arn_of
    ]
    if set(wanted) - {each["ListenerArn"] for each in told}:
        raise errors.listener_not_found()
    return page(
        call,
        "Listeners",
        [
            each
            for each in told
            if balancer in {None, each["LoadBalancerArn"]} and (not wanted or each["ListenerArn"] in wanted)
        ],
    )


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


def _balancer(each: Balancer, arn: str) -> dict[str, Any]:
    kind = arn.split("/")[1]
    told: dict[str, Any] = {
        "LoadBalancerArn": arn,
        "LoadBalancerName": arns.balancing_name(each.name),
        "DNSName": each.address,
        "CreatedTime": each.created_at,
        "Scheme": "internal",
        "State": {"Code": each.status},
        "Type": _KINDS[kind],
        "AvailabilityZones": [],
        "SecurityGroups": [],
        "IpAddressType": "ipv4",
    }
    if each.network_id is not None:
        told["VpcId"] = arns.resource_id(arns.NETWORK, each.network_id)
    return told


def _listener(call: Call, each: Listener, balancer: str, pools: Mapping[str, str]) -> dict[str, Any]:
    actions: Sequence[dict[str, Any]] = ()
    if each.pool_id is not None and each.pool_id in pools:
        target = arns.target_group(call.region, call.account_id, each.pool_id, pools[each.pool_id])
        actions = [{"Type": "forward", "TargetGroupArn": target, "Order": 1}]
    return {
        "ListenerArn": arns.listener(balancer, each.id),
        "LoadBalancerArn": balancer,
        "Port": each.port,
        "Protocol": PROTOCOLS.get(each.protocol, "TCP"),
        "DefaultActions": actions,
    }
