"""Notification configurations: topics that hear of a group's moves."""

from __future__ import annotations

import json

import pytest

from backend.domain.messages import Gone
from backend.store import rows
from backend.store.outlets import Outlets
from tests.factories import World
from translators.events.bodies import Bodies

TOPIC = "arn:aws:sns:us-east-1:123456789012:"
LAUNCH, FAILED = "autoscaling:EC2_INSTANCE_LAUNCH", "autoscaling:EC2_INSTANCE_LAUNCH_ERROR"
TEST = "autoscaling:TEST_NOTIFICATION"


@pytest.fixture
def heard():
    """(topic, subject, body) of what was published."""
    return []


@pytest.fixture
def world(heard):
    def shelf(_conn, _scope, target, telling, _now):
        if target.endswith(":gone"):
            raise Gone("Topic does not exist")
        heard.append((target, telling.subject, json.loads(telling.body)))

    words = Bodies(lambda region: region, lambda _: "123456789012", lambda *_: {}, rows.entry_told)
    made = World(outlets=Outlets(words=words, shelves={"sns": shelf}, sinks={"log": shelf}, reserved={"log"}))
    yield made
    made.close()


def _put(world, topic="a", *types, group="web"):
    world.call(
        "PutNotificationConfiguration",
        AutoScalingGroupName=group,
        TopicARN=f"{TOPIC}{topic}",
        NotificationTypes=list(types or (LAUNCH,)),
    )


def _listed(world, **params):
    told = world.call("DescribeNotificationConfigurations", **params)
    return [
        (row["AutoScalingGroupName"], row["TopicARN"].removeprefix(TOPIC), row["NotificationType"])
        for row in told["NotificationConfigurations"]
    ]


def test_a_put_replaces_what_the_topic_hears_and_tests_it_each_time(world, heard):
    world.group()
    _put(world, "a", LAUNCH, FAILED, LAUNCH)
    _put(world, "b", TEST)
    assert _listed(world) == [("web", "a", LAUNCH), ("web", "a", FAILED), ("web", "b", TEST)]
    _put(world, "a", FAILED)
    assert _listed(world) == [("web", "a", FAILED), ("web", "b", TEST)]
    assert [(topic.removeprefix(TOPIC), subject) for topic, subject, _ in heard] == [
        ("a", 'Auto Scaling: test notification for group "web"'),
        ("b", 'Auto Scaling: test notification for group "web"'),
        ("a", 'Auto Scaling: test notification for group "web"'),
    ]
    assert {body["Event"] for _, _, body in heard} == {TEST}


def test_names_narrow_the_list_and_unknown_ones_are_left_out(world):
    world.group()
    world.group("api")
    _put(world)
    _put(world, group="api")
    assert _listed(world, AutoScalingGroupNames=["api", "x"]) == [("api", "a", LAUNCH)]


def test_the_list_comes_in_pages(world):
    world.group()
    for topic in "abc":
        _put(world, topic, LAUNCH, FAILED)
    rows, token, pages = [], None, 0
    while token or not pages:
        more = {"NextToken": token} if token else {}
        told = world.call("DescribeNotificationConfigurations", MaxRecords=4, **more)
        rows += told["NotificationConfigurations"]
        token, pages = told.get("NextToken"), pages + 1
    assert pages == 2
    assert len({(row["TopicARN"], row["NotificationType"]) for row in rows}) == 6


def test_no_row_is_lost_between_pages_where_a_name_goes_on_with_a_tab(world):
    names = ("web", "web\t", "web\n", "web-1", "web 1")
    for name in names:
        world.group(name)
        _put(world, "a", LAUNCH, FAILED, group=name)
    rows, more = [], {}
    while not rows or more:
        told = world.call("DescribeNotificationConfigurations", MaxRecords=1, **more)
        rows += [(row["AutoScalingGroupName"], row["NotificationType"]) for row in told["NotificationConfigurations"]]
        more = {"NextToken": told["NextToken"]} if "NextToken" in told else {}
    assert sorted(rows) == sorted((name, kind) for name in names for kind in (LAUNCH, FAILED))


def test_a_deletion_forgets_the_topic_and_may_be_repeated(world):
    world.group()
    _put(world)
    for _ in range(2):
        params = {"AutoScalingGroupName": "web", "TopicARN": f"{TOPIC}a"}
        world.call("DeleteNotificationConfiguration", **params)
    assert _listed(world) == []


def test_the_end_of_a_group_takes_them_along(world):
    world.group(desired=0, minimum=0)
    _put(world)
    world.call("DeleteAutoScalingGroup", AutoScalingGroupName="web")
    world.group()
    assert _listed(world) == []


@pytest.mark.parametrize(
    ("topic", "types", "words"),
    [
        (f"{TOPIC}a", ["autoscaling:X"], '"autoscaling:X" is not a valid Notification Type'),
        (f"{TOPIC}gone", [LAUNCH], "Invalid parameter: Topic"),
        ("log:", [LAUNCH], "Invalid parameter: Topic"),
        ("arn:aws:log:us-east-1:1:x", [LAUNCH], "Invalid parameter: Topic"),
        ("arn:aws:lambda:us-east-1:1:x", [LAUNCH], "Invalid parameter: Topic"),
    ],
)
def test_what_is_refused_is_not_stored(world, refused, heard, topic, types, words):
    world.group()
    params = {"AutoScalingGroupName": "web", "TopicARN": topic, "NotificationTypes": types}
    error = refused("PutNotificationConfiguration", **params)
    assert (error.code, error.message[: len(words)]) == ("ValidationError", words)
    assert (heard, _listed(world)) == ([], [])


def test_the_eleventh_topic(world, refused):
    world.group()
    for number in range(10):
        _put(world, f"t{number}")
    params = {"AutoScalingGroupName": "web", "TopicARN": f"{TOPIC}more", "NotificationTypes": [LAUNCH]}
    error = refused("PutNotificationConfiguration", **params)
    assert (error.code, "can't have more than 10 topics" in error.message) == ("LimitExceeded", True)


@pytest.mark.parametrize("operation", ["PutNotificationConfiguration", "DeleteNotificationConfiguration"])
def test_of_an_unknown_group(world, refused, operation):
    more = {"NotificationTypes": [LAUNCH]} if operation.startswith("Put") else {}
    error = refused(operation, AutoScalingGroupName="x", TopicARN=f"{TOPIC}a", **more)
    assert error.message == "AutoScalingGroup name not found - AutoScalingGroup 'x' not found"


def test_nothing_of_another_project_is_told(world):
    from tests.factories import OTHER

    world.group()
    _put(world)
    assert world.backend.notifications.list(OTHER) == []
