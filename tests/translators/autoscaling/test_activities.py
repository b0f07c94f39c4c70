from datetime import timedelta

import pytest

from backend.domain.activity import ActivityStatus
from backend.store import journal
from tests.factories import NOW, activity


@pytest.fixture
def entries(world):
    web = world.group()
    made = {
        name: activity(web, name, started_at=NOW + timedelta(seconds=seconds), **values)
        for name, seconds, values in (
            ("open", 0, {}),
            ("done", 10, {"status": ActivityStatus.SUCCESSFUL, "ended_at": NOW}),
            ("failed", 20, {"status": ActivityStatus.FAILED, "ended_at": NOW}),
        )
    }
    world.store.transact(lambda conn: journal.begin(conn, list(made.values())))
    return made


@pytest.fixture
def listed(world, entries):
    names = {entry.id: name for name, entry in entries.items()}

    def ask(**params):
        return [names[told["ActivityId"]] for told in world.call("DescribeScalingActivities", **params)["Activities"]]

    return ask


def filters(**values):
    return [{"Name": name, "Values": [value]} for name, value in values.items()]


def test_in_progress_first_then_newest(listed):
    assert listed() == listed(AutoScalingGroupName="web") == ["open", "failed", "done"]


def test_filters(listed):
    assert listed(AutoScalingGroupName="web", Filters=filters(Status="Failed")) == ["failed"]
    assert listed(Filters=filters(StartTimeLowerBound="2026-11-22T13:00:10Z")) == ["failed", "done"]
    assert listed(Filters=filters(StartTimeUpperBound="2026-11-22T13:00:10")) == ["open", "done"]
    both = filters(StartTimeLowerBound="2026-11-22T14:00:05+01:00", StartTimeUpperBound="2026-11-22T13:00:15Z")
    assert listed(Filters=both) == ["done"]


def test_ids(listed, entries):
    assert listed(ActivityIds=[entries["done"].id, "unknown"]) == ["done"]


def test_ids_outlive_their_group(world, listed, entries):
    world.call("DeleteAutoScalingGroup", AutoScalingGroupName="web", ForceDelete=True)
    assert listed() == []
    assert listed(ActivityIds=[entries["failed"].id]) == ["failed"]
    assert listed(AutoScalingGroupName="web", IncludeDeletedGroups=True) == ["open", "failed", "done"]
    told = world.call("DescribeScalingActivities", IncludeDeletedGroups=True)["Activities"]
    assert {entry["AutoScalingGroupState"] for entry in told} == {"Deleted"}


def test_pages(world, entries):
    first = world.call("DescribeScalingActivities", AutoScalingGroupName="web", MaxRecords=2)
    rest = world.call(
        "DescribeScalingActivities", AutoScalingGroupName="web", MaxRecords=2, NextToken=first["NextToken"]
    )
    assert len(first["Activities"]) == 2
    assert [told["ActivityId"] for told in rest["Activities"]] == [entries["done"].id]
    assert "NextToken" not in rest


def test_refusals(entries, refused):
    def words(**params):
        return refused("DescribeScalingActivities", **params).message

    assert words(AutoScalingGroupName="x") == "AutoScalingGroup name not found - AutoScalingGroup 'x' not found"
    assert words(Filters=filters(Status="Failed")).startswith("The Status filter can only be used with")
    assert words(Filters=filters(Cause="x")).startswith("Filter type Cause is not correct.")
    assert words(Filters=[{"Name": "StartTimeLowerBound", "Values": []}]).endswith("must have at least one value.")
    assert words(Filters=filters(StartTimeLowerBound="yesterday")) == "Invalid timestamp: yesterday"
    assert "'maxRecords'" in words(MaxRecords=101)
    assert "'activityIds'" in words(ActivityIds=["x"] * 51)
