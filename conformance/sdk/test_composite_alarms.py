"""boto3: a composite alarm follows others, tells a topic and the event bus, and keeps what it needs from deletion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.clients import client, refused
from conformance.fleet import unique
from conformance.product import Access, until

pytestmark = pytest.mark.embedded("no cloud has a part in composite alarms")


@pytest.fixture
def cloudwatch(server: Access) -> Any:
    return client(server, "cloudwatch")


@pytest.fixture
def queue(server: Access) -> Iterator[tuple[Any, str, str]]:
    """A queue: its client, its URL and its ARN."""
    sqs = client(server, "sqs")
    url = sqs.create_queue(QueueName=unique("composites"))["QueueUrl"]
    yield sqs, url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.delete_queue(QueueUrl=url)


def quiet(cloudwatch: Any, name: str) -> None:
    """An alarm that stays as it is set."""
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Conformance",
        MetricName="nothing",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )


def told(cloudwatch: Any, name: str) -> Any:
    (found,) = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    return found


def test_it_follows_others_and_is_told(cloudwatch: Any, server: Access, queue: tuple[Any, str, str]) -> None:
    """Source: conformance/recorded test_trigger_composite_alarm, with alarms that stay as they are set."""
    sqs, url, arn = queue
    sns, events = client(server, "sns"), client(server, "events")
    topic = sns.create_topic(Name=unique("composites"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    one, two, both, rule = unique("one"), unique("two"), unique("both"), unique("rule")
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": [both]}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": arn}])
    quiet(cloudwatch, one)
    quiet(cloudwatch, two)
    cloudwatch.put_composite_alarm(
        AlarmName=both, AlarmRule=f'ALARM({one}) AND ALARM("{two}")', AlarmActions=[topic], AlarmDescription="both"
    )
    assert told(cloudwatch, both)["StateValue"] == "OK"
    for name in (one, two):
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")
    until("it follows", lambda: told(cloudwatch, both)["StateValue"] == "ALARM")
    assert f":alarm:{two} transitioned to ALARM at " in told(cloudwatch, both)["StateReason"]
    heard: list[Any] = []

    def all_heard() -> bool:
        found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", ())
        heard.extend(json.loads(each["Body"]) for each in found)
        return len(heard) >= 4  # made, OK, ALARM, and what the topic was told

    until("the queue hears all of it", all_heard)
    (message,) = [each for each in heard if "AlarmRule" in each]
    assert (message["AlarmName"], message["NewStateValue"], message["OldStateValue"]) == (both, "ALARM", "OK")
    (child,) = message["TriggeringChildren"]
    assert (child["Arn"].rpartition(":")[2], child["State"]["Value"]) == (two, "ALARM")
    changes = [each["detail"] for each in heard if each.get("detail-type") == "CloudWatch Alarm State Change"]
    assert sorted(each["state"]["value"] for each in changes) == ["ALARM", "OK"]
    (made,) = [each for each in heard if each.get("detail-type") == "CloudWatch Alarm Configuration Change"]
    assert (made["detail"]["operation"], made["source"]) == ("create", "aws.cloudwatch")
    with refused("ValidationError", f"Cannot delete {one} as there are composite alarm(s) depending on it."):
        cloudwatch.delete_alarms(AlarmNames=[one])
    parents = cloudwatch.describe_alarms(ParentsOfAlarmName=one)["CompositeAlarms"]
    assert [each["AlarmName"] for each in parents] == [both]
    events.remove_targets(Rule=rule, Ids=["q"])
    events.delete_rule(Name=rule)
    cloudwatch.delete_alarms(AlarmNames=[both])
    cloudwatch.delete_alarms(AlarmNames=[one, two])
    sns.delete_topic(TopicArn=topic)


def test_a_suppressor_holds_its_actions_back(cloudwatch: Any, server: Access) -> None:
    name, other, topic = unique("held"), unique("other"), client(server, "sns").create_topic(Name=unique("held"))
    quiet(cloudwatch, other)
    cloudwatch.set_alarm_state(AlarmName=other, StateValue="ALARM", StateReason="by hand")
    cloudwatch.put_composite_alarm(
        AlarmName=name,
        AlarmRule="FALSE",
        AlarmActions=[topic["TopicArn"]],
        ActionsSuppressor=other,
        ActionsSuppressorWaitPeriod=1,
        ActionsSuppressorExtensionPeriod=1,
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")
    held = told(cloudwatch, name)
    assert (held["ActionsSuppressedBy"], held["ActionsSuppressedReason"]) == ("Alarm", "Actions suppressed by Alarm")
    cloudwatch.set_alarm_state(AlarmName=other, StateValue="OK", StateReason="by hand")
    until("nothing holds them any more", lambda: "ActionsSuppressedBy" not in told(cloudwatch, name))
    items = cloudwatch.describe_alarm_history(
        AlarmName=name, AlarmTypes=["CompositeAlarm"], HistoryItemType="Action"
    )["AlarmHistoryItems"]  # fmt: skip
    assert [each["HistorySummary"] for each in items] == [f"Successfully executed action {topic['TopicArn']}"]
    with refused("ValidationError"):
        cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule="ALARM(")
    cloudwatch.delete_alarms(AlarmNames=[name])
    cloudwatch.delete_alarms(AlarmNames=[other])
    client(server, "sns").delete_topic(TopicArn=topic["TopicArn"])
