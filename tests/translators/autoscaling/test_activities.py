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
    assert listed(Filters=filters(StartTimeUpperBound="2026-11-22T13:00:10Z")) == ["open", "done"]
    both = filters(StartTimeLowerBound="2026-11-22T14:00:05+01:00", StartTimeUpperBound="2026-11-22T13:00:15Z")
    assert listed(Filters=both) == ["done"]


UNREADABLE = "The filter configuration isn't valid. The specified timestamp isn't valid."
"""Source: conformance/recorded activity-filters/refused-words."""


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-22T13:00:10", "2026-11-22 13:00:10Z", "2026-11-22", "20261122T130010Z", "2026-11-22T13:00:10+0800",
        "2026-W01", "2026-13-01T00:00:00Z", "2026-11-32T00:00:00Z", "2026-11-22T24:00:01Z", "2026-11-22T13:60:00Z",
        "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "", "\u0662026-11-22T13:00:10Z",
    ],
)  # fmt: skip
def test_times_that_are_none(entries, refused, value):
    assert refused("DescribeScalingActivities", Filters=filters(StartTimeLowerBound=value)).message == UNREADABLE


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2026-11-22t13:00:10z", ["failed", "done"]),
        (" 2026-11-22T13:00:10.000Z ", ["failed", "done"]),
        ("2026-11-22T24:00:00Z", []),
        ("2026-02-30T13:00:10Z", ["open", "failed", "done"]),
        ("2026-11-22T08:00:15-05:00", ["failed"]),
    ],
)
def test_times_in_other_forms(listed, value, found):
    assert listed(Filters=filters(StartTimeLowerBound=value)) == found


def test_a_bound_is_compared_with_what_is_told(world):
    """Starts are told in milliseconds and kept finer: what was read finds its activity again, from both sides."""
    entry = activity(world.group(), "fine", started_at=NOW + timedelta(microseconds=1999))
    world.store.transact(lambda conn: journal.begin(conn, [entry]))

    def found(**bounds):
        return len(world.call("DescribeScalingActivities", Filters=filters(**bounds))["Activities"])

    read = "2026-11-22T13:00:00.001Z"
    assert found(StartTimeLowerBound=read, StartTimeUpperBound=read) == 1
    assert found(StartTimeUpperBound="2026-11-22T13:00:00.000999Z") == 0
    assert found(StartTimeLowerBound="2026-11-22T13:00:00.001001Z") == 0


def test_one_bound_a_filter(entries, refused):
    at = "2026-11-22T13:00:10Z"
    words = (
        "The filter configuration isn't valid. Multiple values for StartTimeUpperBound aren't supported. Specify a"
        " single timestamp value."
    )
    twice = [{"Name": "StartTimeUpperBound", "Values": [at, at]}]
    assert refused("DescribeScalingActivities", Filters=twice).message == words
    again = filters(StartTimeUpperBound=at) * 2
    assert refused("DescribeScalingActivities", Filters=again).message == words


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

    assert words(AutoScalingGroupName="x") == "AutoScalingGroup name not found - AutoScalingGroup x not found"
    assert words(Filters=filters(Status="Failed")).startswith("The Status filter can only be used with")
    assert words(Filters=filters(Cause="x")).startswith("Filter type Cause is not correct.")
    assert words(Filters=[{"Name": "StartTimeLowerBound", "Values": []}]).endswith("must have at least one value.")
    assert words(Filters=filters(StartTimeLowerBound="yesterday")) == UNREADABLE
    for beyond in ("0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "9999-12-31T23:59:59.9999Z"):
        assert words(Filters=filters(StartTimeLowerBound=beyond)) == UNREADABLE
    assert "'maxRecords'" in words(MaxRecords=101)
    assert "'activityIds'" in words(ActivityIds=["x"] * 51)
