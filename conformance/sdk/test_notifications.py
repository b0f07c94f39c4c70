"""boto3: topics and rules hear of a group's launches and terminations, through queues that a consumer reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.clients import client, refused
from conformance.fleet import Fleet, unique
from conformance.product import Access, until

LAUNCH, TERMINATE = "autoscaling:EC2_INSTANCE_LAUNCH", "autoscaling:EC2_INSTANCE_TERMINATE"
TEST = "autoscaling:TEST_NOTIFICATION"


class Consumer:
    """Reads a queue, and keeps what it has read."""

    def __init__(self, sqs: Any) -> None:
        self.sqs = sqs
        self.url = sqs.create_queue(QueueName=unique("heard"))["QueueUrl"]
        asked = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn: str = asked["Attributes"]["QueueArn"]
        self.bodies: list[Any] = []

    def heard(self) -> list[Any]:
        told = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
        for each in told.get("Messages", ()):
            self.bodies.append(json.loads(each["Body"]))
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
        return self.bodies

    def first(self, what: str, **members: str) -> Any:
        """The first body with these members; waited for."""

        def found() -> Any:
            return next((body for body in self.heard() if members.items() <= body.items()), None)

        return until(what, found)


@pytest.fixture
def consumer(server: Access) -> Iterator[Consumer]:
    made = Consumer(client(server, "sqs"))
    yield made
    made.sqs.delete_queue(QueueUrl=made.url)


@pytest.fixture
def topic(server: Access, consumer: Consumer) -> Iterator[str]:
    """A topic whose messages come to the consumer as they are."""
    sns = client(server, "sns")
    arn: str = sns.create_topic(Name=unique("topic"))["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=consumer.arn, Attributes={"RawMessageDelivery": "true"})
    yield arn
    sns.delete_topic(TopicArn=arn)


def test_a_topic_hears_what_it_asked_for(fleet: Fleet, asg: Any, topic: str, consumer: Consumer) -> None:
    group = fleet.create()
    asg.put_notification_configuration(AutoScalingGroupName=group, TopicARN=topic, NotificationTypes=[LAUNCH])
    assert consumer.first("the test", Event=TEST)["AutoScalingGroupName"] == group
    told = asg.describe_notification_configurations(AutoScalingGroupNames=[group])["NotificationConfigurations"]
    assert told == [{"AutoScalingGroupName": group, "TopicARN": topic, "NotificationType": LAUNCH}]
    asg.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=1)
    launch = consumer.first("the launch", Event=LAUNCH)
    fleet.settle(group, 1)
    assert launch["EC2InstanceId"] == fleet.ids(group, "InService")[0]
    assert (launch["StatusCode"], launch["Origin"], launch["Destination"]) == ("InProgress", "EC2", "AutoScalingGroup")
    assert "Availability Zone" in launch["Details"]
    asg.put_notification_configuration(AutoScalingGroupName=group, TopicARN=topic, NotificationTypes=[TERMINATE])
    asg.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=0)
    assert consumer.first("the end", Event=TERMINATE)["EC2InstanceId"] == launch["EC2InstanceId"]
    asg.delete_notification_configuration(AutoScalingGroupName=group, TopicARN=topic)
    assert asg.describe_notification_configurations(AutoScalingGroupNames=[group])["NotificationConfigurations"] == []


def test_a_topic_that_is_not_there_is_refused(fleet: Fleet, asg: Any, topic: str) -> None:
    group = fleet.create()
    with refused("ValidationError", "Invalid parameter: Topic"):
        asg.put_notification_configuration(
            AutoScalingGroupName=group, TopicARN=f"{topic}-gone", NotificationTypes=[LAUNCH]
        )
    with refused("ValidationError", '"autoscaling:X" is not a valid Notification Type'):
        asg.put_notification_configuration(
            AutoScalingGroupName=group, TopicARN=topic, NotificationTypes=["autoscaling:X"]
        )


def test_a_rule_hears_of_groups_made_before_and_after_it(
    fleet: Fleet, asg: Any, server: Access, consumer: Consumer
) -> None:
    events, rule = client(server, "events"), unique("rule")
    before = fleet.create()
    pattern = {"source": ["aws.autoscaling"], "detail-type": ["EC2 Instance Launch Successful"]}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": consumer.arn, "InputPath": "$.detail"}])
    after = fleet.create()
    for group in (before, after):
        asg.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=1)
    for group in (before, after):
        assert consumer.first(f"the launch of {group}", AutoScalingGroupName=group)["StatusCode"] == "InProgress"
    events.remove_targets(Rule=rule, Ids=["q"])
    events.delete_rule(Name=rule)
