"""Lifecycle hooks: none can be made yet, and lists say so truthfully, since clients poll them."""

from __future__ import annotations

from translators.autoscaling.listing import group_of
from translators.registry import Call, Result, operation


@operation("autoscaling", "DescribeLifecycleHooks")
def describe(call: Call) -> Result:
    group_of(call)
    return {"LifecycleHooks": []}
