"""Load balancers, target groups, traffic sources: none can be attached yet; lists say so, since clients poll them."""

from __future__ import annotations

from translators.autoscaling.listing import group_of, limit_of, marker_of
from translators.registry import Call, Result, operation


@operation("autoscaling", "DescribeLoadBalancers")
def describe_load_balancers(call: Call) -> Result:
    return _none(call, "LoadBalancers", 100)


@operation("autoscaling", "DescribeLoadBalancerTargetGroups")
def describe_target_groups(call: Call) -> Result:
    return _none(call, "LoadBalancerTargetGroups", 100)


@operation("autoscaling", "DescribeTrafficSources")
def describe_traffic_sources(call: Call) -> Result:
    return _none(call, "TrafficSources", 50)


def _none(call: Call, member: str, most: int) -> Result:
    group_of(call)
    limit_of(call, most, most)
    marker_of(call)
    return {member: []}
