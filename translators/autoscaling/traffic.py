"""Target groups and other traffic sources of groups: attach, detach, describe. Classic balancers there are none."""

from __future__ import annotations

from typing import Final

from backend.domain.page import Page
from backend.domain.traffic import TrafficSource
from translators.autoscaling import traffic_words
from translators.autoscaling.errors import validation
from translators.autoscaling.group_spec import NO_BALANCERS
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
    page = _page(call, 100)
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
    pools = traffic_words.pools_of_sources(call, most=_MOST_PER_CALL)
    call.backend.traffic.detach(call.scope, call.params["AutoScalingGroupName"], pools)
    return {}


@operation("autoscaling", "DescribeTrafficSources")
def describe_traffic_sources(call: Call) -> Result:
    kind = call.params.get("TrafficSourceType")
    if kind is not None and kind not in traffic_words.TYPES:
        # unsourced
        raise validation(f"Invalid traffic source type: {kind}. Valid values: [{', '.join(traffic_words.TYPES)}]")
    page = _page(call, 50)
    if kind not in {None, traffic_words.TARGET_GROUP}:
        page = Page(())
    return result(call, page, "TrafficSources", lambda each: _described(call, each))


def _described(call: Call, each: TrafficSource) -> dict[str, str]:
    identifier = traffic_words.arn(each, call.region, call.account_id)
    return {**traffic_words.source(identifier), "TrafficSource": identifier, "State": str(each.state)}


def _page(call: Call, most: int) -> Page[TrafficSource]:
    limit, after = limit_of(call, most, most), marker_of(call)
    return call.backend.traffic.page(call.scope, call.params["AutoScalingGroupName"], limit=limit, after=after)


@operation("autoscaling", "AttachLoadBalancers")
def attach_load_balancers(call: Call) -> Result:
    group_of(call)
    if call.params.get("LoadBalancerNames"):
        raise validation(NO_BALANCERS)
    return {}


@operation("autoscaling", "DetachLoadBalancers")
def detach_load_balancers(call: Call) -> Result:
    group_of(call)
    if call.params.get("LoadBalancerNames"):
        raise validation("Trying to remove Load Balancers that are not part of the group")  # unsourced
    return {}


@operation("autoscaling", "DescribeLoadBalancers")
def describe_load_balancers(call: Call) -> Result:
    group_of(call)
    limit_of(call, 100, 100)
    marker_of(call)
    return {"LoadBalancers": []}
