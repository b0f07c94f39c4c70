"""Target groups, classic balancers and other traffic sources of groups: attach, detach, describe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from backend.domain.page import Page
from backend.domain.quotas import MOST
from backend.domain.traffic import TrafficSource
from translators.autoscaling import traffic_words
from translators.autoscaling.errors import validation
from translators.autoscaling.listing import group_of, limit_of, marker_of, result
from translators.registry import Call, Result, operation

_MOST_PER_CALL: Final = 10


@operation("autoscaling", "AttachLoadBalancerTargetGroups")
def attach_target_groups(call: Call) -> Result:
    pools = traffic_words.pools_of_arns(call)
    call.backend.traffic.attach(call.scope, call.params["AutoScalingGroupName"], pools)
    return {}


@operation("autoscaling", "DetachLoadBalancerTargetGroups")
def detach_target_groups(call: Call) -> Result:
    pools = traffic_words.pools_of_arns(call)
    call.backend.traffic.detach(call.scope, call.params["AutoScalingGroupName"], pools)
    return {}


@operation("autoscaling", "DescribeLoadBalancerTargetGroups")
def describe_target_groups(call: Call) -> Result:
    page = _page(call, 100, classic=False)
    region, account = call.region, call.account_id
    return result(
        call,
        page,
        "LoadBalancerTargetGroups",
        lambda each: {
            "LoadBalancerTargetGroupARN": traffic_words.arn(each, region, account),
            "State": str(each.state),
        },
    )


@operation("autoscaling", "AttachTrafficSources")
def attach_traffic_sources(call: Call) -> Result:
    pools = traffic_words.pools_of_sources(call, most=_MOST_PER_CALL)
    call.backend.traffic.attach(call.scope, call.params["AutoScalingGroupName"], pools)
    return {}


@operation("autoscaling", "DetachTrafficSources")
def detach_traffic_sources(call: Call) -> Result:
    pools = traffic_words.pools_of_sources(call, most=_MOST_PER_CALL, here=lambda names: _attached(call, names))
    call.backend.traffic.detach(call.scope, call.params["AutoScalingGroupName"], pools)
    return {}


@operation("autoscaling", "DescribeTrafficSources")
def describe_traffic_sources(call: Call) -> Result:
    kind = call.params.get("TrafficSourceType")
    if kind is not None and kind not in traffic_words.TYPES:
        # unsourced
        raise validation(f"Invalid traffic source type: {kind}. Valid values: [{', '.join(traffic_words.TYPES)}]")
    page = _page(call, 50, classic=None if kind is None else kind == traffic_words.CLASSIC)
    if kind == "vpc-lattice":
        page = Page(())
    return result(call, page, "TrafficSources", lambda each: _described(call, each))


def _described(call: Call, each: TrafficSource) -> dict[str, str]:
    told = traffic_words.source(each, call.region, call.account_id)
    return {**told, "TrafficSource": told["Identifier"], "State": str(each.state)}


def _page(call: Call, most: int, *, classic: bool | None) -> Page[TrafficSource]:
    limit, after = limit_of(call, most, most), marker_of(call)
    name = call.params["AutoScalingGroupName"]
    return call.backend.traffic.page(call.scope, name, limit=limit, after=after, classic=classic)


@operation("autoscaling", "AttachLoadBalancers")
def attach_load_balancers(call: Call) -> Result:
    group_of(call)
    found = traffic_words.balancers_of_names(call, call.params["LoadBalancerNames"])
    call.backend.traffic.attach(call.scope, call.params["AutoScalingGroupName"], found)
    return {}


@operation("autoscaling", "DetachLoadBalancers")
def detach_load_balancers(call: Call) -> Result:
    group_of(call)
    found = _attached(call, call.params["LoadBalancerNames"])
    call.backend.traffic.detach(call.scope, call.params["AutoScalingGroupName"], found)
    return {}


def _attached(call: Call, names: Sequence[str]) -> Sequence[str]:
    """Classic balancers of a group by name, which need not exist any more."""
    every = call.backend.traffic.page(call.scope, call.params["AutoScalingGroupName"], limit=MOST, classic=True)
    ids = {each.name: each.pool_id for each in every.items}
    if not ids.keys() >= set(names):
        raise validation("Trying to remove Load Balancers that are not part of the group")  # unsourced
    return [ids[name] for name in dict.fromkeys(names)]


@operation("autoscaling", "DescribeLoadBalancers")
def describe_load_balancers(call: Call) -> Result:
    group_of(call)
    page = _page(call, 100, classic=True)
    return result(call, page, "LoadBalancers", lambda each: {"LoadBalancerName": each.name, "State": str(each.state)})
