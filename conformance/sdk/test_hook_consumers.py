"""boto3: programs that read a queue, and let instances go on by what they find there, as drainers and registrars do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conformance.clients import client, refused
from conformance.fleet import Fleet, unique
from conformance.product import Access, until

LAUNCHING, TERMINATING = "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"
ROLE = "arn:aws:iam::123456789012:role/r"
ASKED = {
    "LifecycleTransition",
    "EC2InstanceId",
    "LifecycleHookName",
    "AutoScalingGroupName",
    "LifecycleActionToken",
    "RequestId",
    "Time",
    "Origin",
    "Destination",
    "Service",
    "AccountId",
}
"""What the consumers that are in use read of a message, without asking whether it is there."""


class Consumer:
    """Reads a queue as the node termination handler does: what is no action is dropped, what is one is completed.

    Attributes:
        heard: (transition, instance, hook) of each action that it completed, in their order.
        tests: groups whose hooks were tried when they were put.
    """

    def __init__(self, sqs: Any, asg: Any) -> None:
        self.sqs, self.asg = sqs, asg
        self.url: str = sqs.create_queue(QueueName=unique("drain"))["QueueUrl"]
        asked = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn: str = asked["Attributes"]["QueueArn"]
        self.heard: list[tuple[str, str, str]] = []
        self.tests: set[str] = set()

    def work(self) -> None:
        """Read what there is, and act on it."""
        told = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=5, VisibilityTimeout=20)
        for each in told.get("Messages", ()):
            self._act(_unwrapped(json.loads(each["Body"])))
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])

    def _act(self, told: dict[str, Any]) -> None:
        if told.get("Event") == "autoscaling:TEST_NOTIFICATION":
            self.tests.add(told["AutoScalingGroupName"])
            return
        assert set(told) >= ASKED, told
        names = {name: told[name] for name in ("AutoScalingGroupName", "LifecycleHookName", "LifecycleActionToken")}
        names["InstanceId"] = told["EC2InstanceId"]
        self.asg.record_lifecycle_action_heartbeat(**names)
        self.asg.complete_lifecycle_action(**names, LifecycleActionResult="CONTINUE")
        with refused("ValidationError", "No active Lifecycle Action found"):  # a message that came twice does no harm
            self.asg.complete_lifecycle_action(**names, LifecycleActionResult="CONTINUE")
        self.heard.append((told["LifecycleTransition"], told["EC2InstanceId"], told["LifecycleHookName"]))


def _unwrapped(body: dict[str, Any]) -> dict[str, Any]:
    """An action as it was told: by a rule, by the hook itself, or by a topic that the queue hears."""
    if body.get("source") == "aws.autoscaling":
        common = {"RequestId": body["id"], "Time": body["time"], "Service": "", "AccountId": body["account"]}
        return {**common, **body["detail"]}
    return dict(json.loads(body["Message"])) if body.get("Type") == "Notification" else body


@pytest.fixture
def consumer(server: Access, asg: Any) -> Iterator[Consumer]:
    made = Consumer(client(server, "sqs"), asg)
    yield made
    made.sqs.delete_queue(QueueUrl=made.url)


@pytest.fixture
def topic(server: Access, consumer: Consumer) -> Iterator[str]:
    """A topic that the consumer's queue hears, each message in the topic's envelope."""
    sns = client(server, "sns")
    arn: str = sns.create_topic(Name=unique("drain"))["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=consumer.arn)
    yield arn
    sns.delete_topic(TopicArn=arn)


def create(fleet: Fleet, target: str | None, desired: int, name: str = "") -> str:
    """A group with a hook each way from the beginning."""
    name = name or unique("drained")
    told = {} if target is None else {"NotificationTargetARN": target, "RoleARN": ROLE}
    fleet.made.append(name)
    fleet.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=4,
        DesiredCapacity=desired,
        LaunchTemplate={"LaunchTemplateName": fleet.template},
        VPCZoneIdentifier=",".join(fleet.subnets.values()),
        LifecycleHookSpecificationList=[
            {"LifecycleHookName": hook, "LifecycleTransition": transition, "HeartbeatTimeout": 600, **told}
            for hook, transition in (("register", LAUNCHING), ("drain", TERMINATING))
        ],
    )
    return name


def come_and_go(fleet: Fleet, consumer: Consumer, group: str, number: int) -> None:
    """Instances of a group come into service and leave again, each by the consumer's word alone."""

    def are(count: int) -> Callable[[], bool]:
        def check() -> bool:
            consumer.work()
            return len(fleet.ids(group)) == count == len(fleet.instances(group))

        return check

    until(f"{number} of {group} are in service", are(number), 60)
    came = fleet.ids(group)
    assert sorted(consumer.heard) == [(LAUNCHING, instance, "register") for instance in came]
    consumer.heard.clear()
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=0)
    until(f"{group} is empty", are(0), 60)
    assert sorted(consumer.heard) == [(TERMINATING, instance, "drain") for instance in came]
    ended = [one for one in fleet.activities(group) if one["Description"].startswith("Terminating EC2 instance: ")]
    assert [one["StatusCode"] for one in ended] == ["Successful"] * number


def test_a_queue_of_the_hooks(fleet: Fleet, consumer: Consumer) -> None:
    group = create(fleet, consumer.arn, 2)
    come_and_go(fleet, consumer, group, 2)
    assert consumer.tests == {group}


def test_a_topic_of_the_hooks(fleet: Fleet, consumer: Consumer, topic: str) -> None:
    come_and_go(fleet, consumer, create(fleet, topic, 1), 1)


def test_a_rule_where_the_hooks_name_nobody(fleet: Fleet, server: Access, consumer: Consumer) -> None:
    events, rule, group = client(server, "events"), unique("actions"), unique("drained")
    kinds = [f"EC2 Instance-{which} Lifecycle Action" for which in ("launch", "terminate")]
    pattern = {"source": ["aws.autoscaling"], "detail-type": kinds, "detail": {"AutoScalingGroupName": [group]}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": consumer.arn}])
    try:
        come_and_go(fleet, consumer, create(fleet, None, 1, group), 1)
    finally:
        events.remove_targets(Rule=rule, Ids=["q"])
        events.delete_rule(Name=rule)


def test_hooks_whose_queue_is_gone_go_by_their_default(fleet: Fleet, consumer: Consumer, server: Access) -> None:
    """At once, and not at the end of their time: whoever was to answer will never hear."""
    sqs = client(server, "sqs")
    url = sqs.create_queue(QueueName=unique("gone"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    group = fleet.create(0)
    told = {"NotificationTargetARN": arn, "RoleARN": ROLE, "DefaultResult": "CONTINUE", "HeartbeatTimeout": 600}
    fleet.autoscaling.put_lifecycle_hook(
        AutoScalingGroupName=group, LifecycleHookName="h", LifecycleTransition=LAUNCHING, **told
    )
    sqs.delete_queue(QueueUrl=url)
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=1)
    fleet.settle(group, 1)
