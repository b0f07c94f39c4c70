"""Scheduled actions as AWS's clients write and read them."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.factories import NOW, OTHER

HOUR = timedelta(hours=1)


@pytest.fixture
def put(world):
    world.group()

    def write(name="up", **params):
        return world.call(
            "PutScheduledUpdateGroupAction", AutoScalingGroupName="web", ScheduledActionName=name, **params
        )

    return write


def listed(world, **params):
    return world.call("DescribeScheduledActions", **params)["ScheduledUpdateGroupActions"]


def test_one_that_runs_once(world, put):
    put(StartTime=NOW + HOUR, MinSize=1, MaxSize=5, DesiredCapacity=3)
    (told,) = listed(world, AutoScalingGroupName="web")
    arn = told.pop("ScheduledActionARN")
    assert arn.startswith("arn:aws:autoscaling:us-east-1:")
    assert ":scheduledUpdateGroupAction:" in arn
    assert arn.endswith(":autoScalingGroupName/web:scheduledActionName/up")
    assert told == {
        "AutoScalingGroupName": "web",
        "ScheduledActionName": "up",
        "StartTime": NOW + HOUR,
        "Time": NOW + HOUR,
        "MinSize": 1,
        "MaxSize": 5,
        "DesiredCapacity": 3,
    }


def test_a_recurring_one_tells_its_next_run(world, put):
    put(Recurrence="0 9 * * *", TimeZone="Europe/Berlin", MaxSize=7)
    (told,) = listed(world)
    assert told["StartTime"] == told["Time"] == datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    assert (told["Recurrence"], told["TimeZone"], told["MaxSize"]) == ("0 9 * * *", "Europe/Berlin", 7)
    assert not {"EndTime", "MinSize", "DesiredCapacity"} & told.keys()


def test_a_start_goes_before_the_recurrence(world, put):
    put(Recurrence="0 9 * * *", StartTime=NOW + HOUR, DesiredCapacity=1)
    assert listed(world)[0]["StartTime"] == NOW + HOUR


def test_writing_it_anew_keeps_nothing_but_its_arn(world, put):
    put(StartTime=NOW + HOUR, MinSize=1, MaxSize=5, TimeZone="UTC", EndTime=NOW + 9 * HOUR)
    (before,) = listed(world)
    put(StartTime=NOW + 2 * HOUR, DesiredCapacity=2)
    (after,) = listed(world)
    assert after["ScheduledActionARN"] == before["ScheduledActionARN"]
    assert (after["StartTime"], after["DesiredCapacity"]) == (NOW + 2 * HOUR, 2)
    assert not {"MinSize", "MaxSize", "TimeZone", "EndTime"} & after.keys()


def test_the_older_name_of_the_start(world, put, refused):
    put(Time=NOW + HOUR, DesiredCapacity=1)
    assert listed(world)[0]["StartTime"] == NOW + HOUR
    given = {"AutoScalingGroupName": "web", "ScheduledActionName": "up", "DesiredCapacity": 1}
    error = refused("PutScheduledUpdateGroupAction", Time=NOW + HOUR, StartTime=NOW + 2 * HOUR, **given)
    assert error.code == "ValidationError"


FLAWS = {
    "At least one of max size, min size, or desired capacity must be specified": {"StartTime": NOW + HOUR},
    "Min size must be non-negative": {"StartTime": NOW + HOUR, "MinSize": -1},
    "Max size must be non-negative": {"StartTime": NOW + HOUR, "MaxSize": -1},
    "Desired capacity must be non-negative": {"StartTime": NOW + HOUR, "DesiredCapacity": -1},
    "Max size must be greater than or equal to min size": {"StartTime": NOW + HOUR, "MinSize": 3, "MaxSize": 2},
    "Desired capacity must be less than or equal to max size": {"MaxSize": 1, "DesiredCapacity": 2},
    "Desired capacity must be greater than or equal to min size": {"MinSize": 3, "DesiredCapacity": 2},
    "Scheduled start time must be specified for non-recurrent future group action": {"MinSize": 0},
    "Given start time is in the past": {"StartTime": NOW - HOUR, "MinSize": 0},
    "Given end time is in the past": {"Recurrence": "0 9 * * *", "EndTime": NOW - HOUR, "MinSize": 0},
    "Given end time must be after start time": {"StartTime": NOW + 2 * HOUR, "EndTime": NOW + HOUR, "MinSize": 0},
    "Given recurrence string: cron(0 9 * * ? *) is invalid": {"Recurrence": "cron(0 9 * * ? *)", "MinSize": 0},
    "Time zone specified does not conform to standardized time zones found in IANA Time Zone Database": {
        "Recurrence": "0 9 * * *", "TimeZone": "EST5EDT4", "DesiredCapacity": 0,
    },
}  # fmt: skip


@pytest.mark.parametrize(("words", "params"), FLAWS.items())
def test_what_is_refused(world, put, refused, words, params):
    named = {"AutoScalingGroupName": "web", "ScheduledActionName": "up"}
    error = refused("PutScheduledUpdateGroupAction", **named, **params)
    assert (error.code, error.message) == ("ValidationError", words)
    assert listed(world) == []


def test_a_past_start_with_a_recurrence_is_refused_too(put, refused):
    named = {"AutoScalingGroupName": "web", "ScheduledActionName": "up"}
    error = refused("PutScheduledUpdateGroupAction", **named, Recurrence="0 9 * * *", StartTime=NOW - HOUR, MinSize=0)
    assert error.message == "Given start time is in the past"


def test_one_time_for_one_action(world, put, refused):
    put("one", StartTime=NOW + HOUR, MinSize=0)
    named = {"AutoScalingGroupName": "web", "ScheduledActionName": "two"}
    error = refused("PutScheduledUpdateGroupAction", **named, Recurrence="0 14 * * *", MinSize=0)
    assert error.code == "AlreadyExists"
    assert error.message == "Scheduled action with this scheduled start time already exists"
    put("one", StartTime=NOW + HOUR, MinSize=1)  # its own time


def test_there_is_an_end_to_it(world, refused):
    world.group()
    for page in range(3):
        items = [
            {
                "ScheduledActionName": f"{page}-{n}",
                "StartTime": NOW + timedelta(hours=page + 1, seconds=n),
                "MinSize": 0,
            }
            for n in range(50 if page < 2 else 25)
        ]
        world.call("BatchPutScheduledUpdateGroupAction", AutoScalingGroupName="web", ScheduledUpdateGroupActions=items)
    named = {"AutoScalingGroupName": "web", "ScheduledActionName": "more"}
    assert (
        refused("PutScheduledUpdateGroupAction", **named, StartTime=NOW + 9 * HOUR, MinSize=0).code == "LimitExceeded"
    )
    seen, token = [], {}
    while True:
        answer = world.call("DescribeScheduledActions", MaxRecords=40, **token)
        seen += [each["ScheduledActionName"] for each in answer["ScheduledUpdateGroupActions"]]
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert len(seen) == len(set(seen)) == 125
    assert seen == sorted(seen)


def test_a_batch_stores_what_is_good(world, put):
    put("one", StartTime=NOW + HOUR, MinSize=0)
    items = [
        {"ScheduledActionName": "past", "StartTime": NOW - HOUR, "MinSize": 0},
        {"ScheduledActionName": "good", "Recurrence": "0 9 * * *", "MinSize": 1},
        {"ScheduledActionName": "taken", "StartTime": NOW + HOUR, "MinSize": 1},
        {"ScheduledActionName": "low", "StartTime": NOW + 2 * HOUR, "MinSize": 2, "DesiredCapacity": 1},
    ]
    answer = world.call(
        "BatchPutScheduledUpdateGroupAction", AutoScalingGroupName="web", ScheduledUpdateGroupActions=items
    )
    failed = {
        each["ScheduledActionName"]: (each["ErrorCode"], each["ErrorMessage"])
        for each in answer["FailedScheduledUpdateGroupActions"]
    }
    assert failed == {
        "past": ("ValidationError", "Given start time is in the past"),
        "taken": ("AlreadyExists", "Scheduled action with this scheduled start time already exists"),
        "low": ("ValidationError", "Desired capacity must be greater than or equal to min size"),
    }
    assert [each["ScheduledActionName"] for each in listed(world)] == ["good", "one"]


def test_batches_have_fifty(world, put, refused):
    items = [{"ScheduledActionName": f"{n}", "StartTime": NOW + HOUR, "MinSize": 0} for n in range(51)]
    group = {"AutoScalingGroupName": "web"}
    error = refused("BatchPutScheduledUpdateGroupAction", **group, ScheduledUpdateGroupActions=items)
    assert "'scheduledUpdateGroupActions'" in error.message
    names = [item["ScheduledActionName"] for item in items]
    assert (
        "'scheduledActionNames'" in refused("BatchDeleteScheduledAction", **group, ScheduledActionNames=names).message
    )


def test_a_batch_deletes_what_is_there(world, put):
    put("one", StartTime=NOW + HOUR, MinSize=0)
    answer = world.call("BatchDeleteScheduledAction", AutoScalingGroupName="web", ScheduledActionNames=["one", "two"])
    assert answer["FailedScheduledActions"] == [
        {
            "ScheduledActionName": "two",
            "ErrorCode": "ValidationError",
            "ErrorMessage": "Scheduled action name not found",
        }
    ]
    assert listed(world) == []


def test_deleting_one(world, put, refused):
    put("one", StartTime=NOW + HOUR, MinSize=0)
    named = {"AutoScalingGroupName": "web", "ScheduledActionName": "one"}
    world.call("DeleteScheduledAction", **named)
    error = refused("DeleteScheduledAction", **named)
    assert (error.code, error.message) == ("ValidationError", "Scheduled action name not found")


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("PutScheduledUpdateGroupAction", {"ScheduledActionName": "x", "StartTime": NOW + HOUR, "MinSize": 0}),
        ("DeleteScheduledAction", {"ScheduledActionName": "x"}),
        ("BatchPutScheduledUpdateGroupAction", {"ScheduledUpdateGroupActions": []}),
        ("BatchDeleteScheduledAction", {"ScheduledActionNames": ["x"]}),
    ],
)
def test_of_no_group(refused, operation, params):
    error = refused(operation, AutoScalingGroupName="none", **params)
    assert error.code == "ValidationError"
    assert error.message == "AutoScalingGroup name not found - AutoScalingGroup 'none' not found"


def test_what_is_listed(world, put, refused):
    world.group("other")
    for name, hours in (("a", 1), ("b", 2), ("c", 3)):
        put(name, StartTime=NOW + hours * HOUR, MinSize=0)
    named = {"AutoScalingGroupName": "other", "ScheduledActionName": "b"}
    world.call("PutScheduledUpdateGroupAction", **named, StartTime=NOW + 2 * HOUR, MinSize=0)

    def names(**params):
        return [f"{each['AutoScalingGroupName']} {each['ScheduledActionName']}" for each in listed(world, **params)]

    assert names() == ["other b", "web a", "web b", "web c"]
    assert names(AutoScalingGroupName="web") == ["web a", "web b", "web c"]
    assert names(ScheduledActionNames=["b", "x"]) == ["other b", "web b"]
    assert names(AutoScalingGroupName="web", StartTime=NOW + 2 * HOUR) == ["web b", "web c"]
    assert names(AutoScalingGroupName="web", EndTime=NOW + 2 * HOUR) == ["web a", "web b"]
    # Times narrow nothing where names are given.
    assert names(AutoScalingGroupName="web", ScheduledActionNames=["a"], StartTime=NOW + 2 * HOUR) == ["web a"]
    assert names(AutoScalingGroupName="none") == []
    assert listed(world, scope=OTHER) == []
    assert refused("DescribeScheduledActions", NextToken="x").code == "InvalidNextToken"
    assert "'maxRecords'" in refused("DescribeScheduledActions", MaxRecords=101).message


def test_a_group_takes_its_actions_with_it(world, put):
    put(StartTime=NOW + HOUR, MinSize=0)
    world.call("DeleteAutoScalingGroup", AutoScalingGroupName="web")
    assert listed(world) == []


def test_what_was_read_can_be_sent_again(world, put, refused):
    """As Terraform does, which keeps the start that it was told."""
    put(Recurrence="0 14 * * *", DesiredCapacity=2)
    read = listed(world)[0]["StartTime"]
    world.clock.move(3 * 3600)
    put(Recurrence="0 14 * * *", DesiredCapacity=2, StartTime=read)
    assert listed(world)[0]["StartTime"] == read + 24 * HOUR
    put(Recurrence="30 14 * * *", DesiredCapacity=2, StartTime=read)
    assert listed(world)[0]["StartTime"] == datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
    named = {"AutoScalingGroupName": "web", "ScheduledActionName": "up"}
    given = {"Recurrence": "0 14 * * *", "DesiredCapacity": 2}
    for start in (read - 24 * HOUR, read + HOUR):  # before it was there; never a time of it
        error = refused("PutScheduledUpdateGroupAction", **named, **given, StartTime=start)
        assert error.message == "Given start time is in the past"
    put("one", **given, StartTime=NOW + 5 * HOUR)
    world.clock.move(3 * 3600)
    put("one", **given, StartTime=NOW + 5 * HOUR)  # given, and told, and passed
    put("one", **given)
    world.clock.move(1)
    named["ScheduledActionName"] = "none"
    error = refused("PutScheduledUpdateGroupAction", **named, **given, StartTime=read)
    assert error.message == "Given start time is in the past"
