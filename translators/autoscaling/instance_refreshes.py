"""Instance refreshes: none can be made yet, and lists say so truthfully, since clients poll them."""

from __future__ import annotations

from translators.autoscaling.errors import unknown_group
from translators.autoscaling.listing import group_of, limit_of, marker_of
from translators.registry import Call, Result, operation


@operation("autoscaling", "DescribeInstanceRefreshes")
def describe(call: Call) -> Result:
    with unknown_group(call.operation):
        group_of(call)
    limit_of(call, 50, 100)
    marker_of(call)
    return {"InstanceRefreshes": []}
