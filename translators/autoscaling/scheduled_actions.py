"""Scheduled actions: what a group's sizes become at a time; write, delete, describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from backend.domain.schedules import Schedule, WantedSchedule
from backend.errors import Finding
from backend.services.schedules import ScheduleQuery
from translators import arns
from translators.autoscaling.errors import constraint, validation
from translators.autoscaling.listing import among, limit_of, marker_of, result, with_managed
from translators.errors import AWSError, translate
from translators.registry import Call, Result, operation

_MOST_PER_CALL: Final = 50
_WANTED: Final[Mapping[str, str]] = {
    "ScheduledActionName": "name",
    "StartTime": "starts_at",
    "EndTime": "ends_at",
    "Recurrence": "recurrence",
    "TimeZone": "zone",
    "MinSize": "minimum",
    "MaxSize": "maximum",
    "DesiredCapacity": "desired",
}
"""Input members, and fields of a schedule."""


@operation("autoscaling", "PutScheduledUpdateGroupAction")
def put(call: Call) -> Result:
    params = call.params
    at, start = params.get("Time"), params.get("StartTime")
    if at is not None and start is not None and at != start:
        raise validation("Time and StartTime must be the same if both are specified.")  # unsourced
    # The older name of StartTime, from before schedules could recur.
    given = params if at is None else {**params, "StartTime": at}
    call.backend.schedules.put(call.scope, params["AutoScalingGroupName"], _wanted(given))
    return {}


@operation("autoscaling", "BatchPutScheduledUpdateGroupAction")
def put_all(call: Call) -> Result:
    wanted = [_wanted(item) for item in call.params["ScheduledUpdateGroupActions"]]
    if len(wanted) > _MOST_PER_CALL:
        expected = f"Member must have length less than or equal to {_MOST_PER_CALL}"
        raise constraint([each.name for each in wanted], "scheduledUpdateGroupActions", expected)
    failures = call.backend.schedules.put_all(call.scope, call.params["AutoScalingGroupName"], wanted)
    return {"FailedScheduledUpdateGroupActions": [_failed(*failure) for failure in failures]}


@operation("autoscaling", "DeleteScheduledAction")
def delete(call: Call) -> Result:
    call.backend.schedules.remove(call.scope, call.params["AutoScalingGroupName"], call.params["ScheduledActionName"])
    return {}


@operation("autoscaling", "BatchDeleteScheduledAction")
def delete_all(call: Call) -> Result:
    names = among(call, "ScheduledActionNames", _MOST_PER_CALL)
    failures = call.backend.schedules.remove_all(call.scope, call.params["AutoScalingGroupName"], names)
    return {"FailedScheduledActions": [_failed(*failure) for failure in failures]}


@operation("autoscaling", "DescribeScheduledActions")
def describe(call: Call) -> Result:
    params = call.params
    names = among(call, "ScheduledActionNames", _MOST_PER_CALL)
    # Times narrow nothing where names are given. Source: the model's own words.
    start, end = (None, None) if names else (params.get("StartTime"), params.get("EndTime"))
    query = ScheduleQuery(params.get("AutoScalingGroupName"), names, start, end, managed=with_managed(call))
    limit, marker = limit_of(call, 50, 100), marker_of(call)
    # No name of a group has a colon.
    cluster, _, name = (marker or "").partition(":")
    page = call.backend.schedules.page(call.scope, query, limit=limit, after=(cluster, name) if marker else None)
    return result(call, page, "ScheduledUpdateGroupActions", lambda item: _told(item, call.region, call.account_id))


def _wanted(params: Mapping[str, Any]) -> WantedSchedule:
    return WantedSchedule(**{_WANTED[name]: value for name, value in params.items() if name in _WANTED})


def _failed(name: str, finding: Finding) -> dict[str, str]:
    error = translate(finding, "autoscaling")
    assert isinstance(error, AWSError)
    return {"ScheduledActionName": name, "ErrorCode": error.code, "ErrorMessage": error.message}


def _told(schedule: Schedule, region: str, account: str) -> dict[str, Any]:
    """One ScheduledUpdateGroupAction: its start is its next run, told under the older name too."""
    told: dict[str, Any] = {
        "AutoScalingGroupName": schedule.cluster_name,
        "ScheduledActionName": schedule.name,
        "ScheduledActionARN": arns.scheduled_action(region, account, schedule.id, schedule.cluster_name, schedule.name),
        "Time": schedule.next_at,
        "StartTime": schedule.next_at,
        "EndTime": schedule.ends_at,
        "Recurrence": schedule.recurrence,
        "MinSize": schedule.minimum,
        "MaxSize": schedule.maximum,
        "DesiredCapacity": schedule.desired,
        "TimeZone": schedule.zone,
    }
    return {name: value for name, value in told.items() if value is not None}
