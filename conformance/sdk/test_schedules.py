"""boto3: scheduled actions, written, followed, listed, deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from conformance.clients import refused
from conformance.fleet import Fleet
from conformance.product import until


def soon(**after: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(**after)


def put(fleet: Fleet, name: str, action: str, **params: Any) -> None:
    fleet.autoscaling.put_scheduled_update_group_action(AutoScalingGroupName=name, ScheduledActionName=action, **params)


def listed(fleet: Fleet, name: str) -> dict[str, dict[str, Any]]:
    told = fleet.autoscaling.describe_scheduled_actions(AutoScalingGroupName=name)["ScheduledUpdateGroupActions"]
    return {each["ScheduledActionName"]: each for each in told}


def test_an_action_runs_and_tells_its_cause(fleet: Fleet) -> None:
    name = fleet.create(0, 0, 4)
    start = soon(seconds=3)
    put(fleet, name, "up", StartTime=start, MinSize=1, MaxSize=3, DesiredCapacity=2)
    told = listed(fleet, name)["up"]
    assert told["StartTime"] == told["Time"] == start
    assert f":autoScalingGroupName/{name}:scheduledActionName/up" in told["ScheduledActionARN"]
    fleet.settle(name, 2)
    group = fleet.group(name)
    assert (group["MinSize"], group["DesiredCapacity"], group["MaxSize"]) == (1, 2, 3)
    assert listed(fleet, name) == {}
    cause = fleet.activities(name)[0]["Cause"]
    assert (
        "a scheduled action update of AutoScalingGroup constraints to min: 1, max: 3, desired: 2 changing the desired"
        " capacity from 0 to 2." in cause
    )


def test_what_cannot_be_followed_is_a_failed_activity(fleet: Fleet) -> None:
    name = fleet.create(0, 0, 1)
    put(fleet, name, "much", StartTime=soon(seconds=2), DesiredCapacity=2)
    until("it was tried", lambda: fleet.activities(name))
    (story,) = fleet.activities(name)
    assert (story["StatusCode"], story["Progress"]) == ("Failed", 100)
    assert "must be between the specified min size:0 and max size:1" in story["StatusMessage"]
    assert fleet.group(name)["DesiredCapacity"] == 0


def test_recurring_actions(fleet: Fleet) -> None:
    asg, name = fleet.autoscaling, fleet.create(0, 0, 1)
    ends = soon(days=400)
    put(fleet, name, "daily", Recurrence="30 9 * * MON-FRI", TimeZone="Europe/Berlin", MinSize=0, EndTime=ends)
    told = listed(fleet, name)["daily"]
    assert told["StartTime"] > datetime.now(UTC)
    assert told["StartTime"].minute == 30
    assert (told["Recurrence"], told["TimeZone"], told["EndTime"]) == ("30 9 * * MON-FRI", "Europe/Berlin", ends)
    put(fleet, name, "daily", Recurrence="0 3 1 1 *", StartTime=soon(hours=2), DesiredCapacity=1)
    told = listed(fleet, name)["daily"]
    assert "MinSize" not in told
    assert "TimeZone" not in told
    asg.delete_scheduled_action(AutoScalingGroupName=name, ScheduledActionName="daily")
    assert listed(fleet, name) == {}
    with refused("ValidationError", "Scheduled action name not found"):
        asg.delete_scheduled_action(AutoScalingGroupName=name, ScheduledActionName="daily")


def test_batches(fleet: Fleet) -> None:
    asg, name = fleet.autoscaling, fleet.create(0, 0, 1)
    start = soon(hours=1)
    actions = [
        {"ScheduledActionName": "good", "StartTime": start, "MinSize": 0},
        {"ScheduledActionName": "past", "StartTime": start - timedelta(hours=2), "MinSize": 0},
        {"ScheduledActionName": "low", "Recurrence": "0 9 * * *", "MinSize": 2, "DesiredCapacity": 1},
        {"ScheduledActionName": "odd", "Recurrence": "@daily", "MinSize": 2},
        {"ScheduledActionName": "late", "StartTime": start, "MinSize": 0},
    ]
    answer = asg.batch_put_scheduled_update_group_action(AutoScalingGroupName=name, ScheduledUpdateGroupActions=actions)
    failed = {
        each["ScheduledActionName"]: f"{each['ErrorCode']}: {each['ErrorMessage']}"
        for each in answer["FailedScheduledUpdateGroupActions"]
    }
    assert failed == {
        "past": "ValidationError: Given start time is in the past",
        "low": "ValidationError: Desired capacity must be greater than or equal to min size",
        "odd": "ValidationError: Given recurrence string: @daily is invalid",
        "late": "AlreadyExists: Scheduled action with this scheduled start time already exists",
    }
    assert set(listed(fleet, name)) == {"good"}
    answer = asg.batch_delete_scheduled_action(AutoScalingGroupName=name, ScheduledActionNames=["good", "none"])
    assert answer["FailedScheduledActions"] == [
        {
            "ScheduledActionName": "none",
            "ErrorCode": "ValidationError",
            "ErrorMessage": "Scheduled action name not found",
        }
    ]


def test_what_is_refused(fleet: Fleet) -> None:
    name = fleet.create(0, 0, 1)
    for words, params in {
        "At least one of max size, min size, or desired capacity must be specified": {"StartTime": soon(hours=1)},
        "Given start time is in the past": {"StartTime": soon(hours=-1), "MinSize": 0},
        "Given end time must be after start time": {
            "StartTime": soon(hours=2), "EndTime": soon(hours=1), "MinSize": 0,
        },
        "Scheduled start time must be specified for non-recurrent future group action": {"MinSize": 0},
        "Time zone specified does not conform": {"Recurrence": "0 9 * * *", "TimeZone": "EST5EDT4", "MinSize": 0},
    }.items():  # fmt: skip
        with refused("ValidationError", words):
            put(fleet, name, "x", **params)
    with refused("ValidationError", "AutoScalingGroup name not found"):
        put(fleet, "none-of-ours", "x", StartTime=soon(hours=1), MinSize=0)
    put(fleet, name, "x", StartTime=soon(hours=1).replace(second=0), MinSize=0)
    with refused("AlreadyExists", "Scheduled action with this scheduled start time already exists"):
        put(fleet, name, "y", StartTime=listed(fleet, name)["x"]["StartTime"], MinSize=0)


def test_pages(fleet: Fleet) -> None:
    name, start = fleet.create(0, 0, 1), soon(hours=1)
    actions = [
        {"ScheduledActionName": f"a{n:02}", "StartTime": start + timedelta(minutes=n), "MinSize": 0} for n in range(7)
    ]
    fleet.autoscaling.batch_put_scheduled_update_group_action(
        AutoScalingGroupName=name, ScheduledUpdateGroupActions=actions
    )
    paginator = fleet.autoscaling.get_paginator("describe_scheduled_actions")
    pages = list(paginator.paginate(AutoScalingGroupName=name, PaginationConfig={"PageSize": 3}))
    found = [each["ScheduledActionName"] for page in pages for each in page["ScheduledUpdateGroupActions"]]
    assert found == [each["ScheduledActionName"] for each in actions]
    assert len(pages) == 3
    late = fleet.autoscaling.describe_scheduled_actions(
        AutoScalingGroupName=name, StartTime=start + timedelta(minutes=5)
    )
    assert [each["ScheduledActionName"] for each in late["ScheduledUpdateGroupActions"]] == ["a05", "a06"]
    assert (
        fleet.autoscaling.describe_scheduled_actions(AutoScalingGroupName="none")["ScheduledUpdateGroupActions"] == []
    )
