"""Warm pools: none can be made yet; describing tells an empty one, as for any group without."""

from __future__ import annotations

from translators.autoscaling.errors import validation
from translators.autoscaling.listing import group_of, limit_of, marker_of
from translators.registry import Call, Result, operation


@operation("autoscaling", "DescribeWarmPool")
def describe(call: Call) -> Result:
    group_of(call)
    limit_of(call, 50, 50)
    marker_of(call)
    return {"Instances": []}


@operation("autoscaling", "DeleteWarmPool")
def delete(call: Call) -> Result:
    raise validation(f"No warm pool found for AutoScalingGroup {group_of(call).name}")
