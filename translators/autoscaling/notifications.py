"""Notification configurations: none can be made yet, and lists say so truthfully, since clients poll them."""

from __future__ import annotations

from translators.autoscaling.listing import limit_of, marker_of
from translators.registry import Call, Result, operation


@operation("autoscaling", "DescribeNotificationConfigurations")
def describe(call: Call) -> Result:
    # As in all lists of groups, names that no group has are left out without an error.
    limit_of(call, 50, 100)
    marker_of(call)
    return {"NotificationConfigurations": []}
