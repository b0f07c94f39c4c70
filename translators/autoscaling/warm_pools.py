"""Warm pools: none can be made yet; describing tells an empty one, as for any group without."""

from __future__ import annotations

from translators.autoscaling.errors import unknown_group, validation
from translators.autoscaling.listing import group_of, limit_of, marker_of
from translators.registry import Call, Result, operation


@operation("autoscaling", "DescribeWarmPool")
def describe(call: Call) -> Result:
    with unknown_group(call.operation):
        group_of(call)
    limit_of(call, 50, 50)
    marker_of(call)
    return {"Instances": []}


@operation("autoscaling", "DeleteWarmPool")
def delete(call: Call) -> Result:
    with unknown_group(call.operation):
        name = group_of(call).name
    raise validation(f"No warm pool found for AutoScalingGroup {name}")  # unsourced
