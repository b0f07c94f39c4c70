"""Scheduled actions: none can be made yet, and lists say so truthfully, since clients poll them."""

from __future__ import annotations

from translators.autoscaling.listing import group_of, limit_of, marker_of
from translators.registry import Call, Result, operation


@operation("autoscaling", "DescribeScheduledActions")
def describe(call: Call) -> Result:
    if call.params.get("AutoScalingGroupName") is not None:
        group_of(call)
    limit_of(call, 50, 100)
    marker_of(call)
    return {"ScheduledUpdateGroupActions": []}
