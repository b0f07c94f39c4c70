"""boto3: a metric goes over its threshold, the alarm fires, the policy acts, the group grows; and shrinks again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conformance.clients import client, refused
from conformance.fleet import Fleet, unique
from conformance.product import Access, until


@pytest.fixture
def cloudwatch(server: Access) -> Any:
    return client(server, "cloudwatch")


@pytest.fixture
def heard(server: Access) -> Iterator[tuple[str, Callable[[], list[dict[str, Any]]]]]:
    """A topic, and what a queue has heard from it so far."""
    sns, sqs = client(server, "sns"), client(server, "sqs")
    topic = sns.create_topic(Name=unique("alarms"))["TopicArn"]
    url = sqs.create_queue(QueueName=unique("alarms"))["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    bodies: list[dict[str, Any]] = []

    def listen() -> list[dict[str, Any]]:
        for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", ()):
            bodies.append(json.loads(each["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return bodies

    yield topic, listen
    sqs.delete_queue(QueueUrl=url)
    sns.delete_topic(TopicArn=topic)


def alarm(cloudwatch: Any, name: str, comparison: str, threshold: float, metric: str, *actions: str) -> None:
    """An alarm that does the last of its actions when all is well again, too."""
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Conformance",
        MetricName=metric,
        Statistic="Average",
        Period=10,
        EvaluationPeriods=1,
        Threshold=threshold,
        ComparisonOperator=comparison,
        AlarmActions=list(actions),
        OKActions=list(actions[-1:]),
    )


def state(cloudwatch: Any, name: str) -> str:
    (told,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(told["StateValue"])


def test_a_group_follows_a_metric(
    fleet: Fleet, cloudwatch: Any, heard: tuple[str, Callable[[], list[dict[str, Any]]]]
) -> None:
    # One has to stay: the alarm for too little may go on for as long as a server takes to go.
    name, metric, (topic, listen) = fleet.create(1, minimum=1, DefaultCooldown=0), unique("load"), heard
    arns = {}
    for policy, steps in {
        "out": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
        "in": [{"MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -1}],
    }.items():
        arns[policy] = fleet.autoscaling.put_scaling_policy(
            AutoScalingGroupName=name,
            PolicyName=policy,
            PolicyType="StepScaling",
            AdjustmentType="ChangeInCapacity",
            # It acts once: what is launched warms up for longer than the alarm rings. The other one looks at its own.
            EstimatedInstanceWarmup=3600 if policy == "out" else 0,
            StepAdjustments=steps,
        )["PolicyARN"]
    high, low = unique("high"), unique("low")
    alarm(cloudwatch, high, "GreaterThanThreshold", 50.0, metric, arns["out"], topic)
    told = fleet.autoscaling.describe_policies(AutoScalingGroupName=name, PolicyNames=["out"])["ScalingPolicies"]
    assert [each["AlarmName"] for each in told[0]["Alarms"]] == [high]

    def measure(value: float) -> None:
        datum = {"MetricName": metric, "Value": value, "StorageResolution": 1}
        cloudwatch.put_metric_data(Namespace="Conformance", MetricData=[datum])

    def is_when(value: float, which: str, wanted: str) -> bool:
        measure(value)
        return state(cloudwatch, which) == wanted

    until("the alarm fires", lambda: is_when(75.0, high, "ALARM"), 60)
    fleet.settle(name, 2)
    story = fleet.activities(name)[0]
    assert (
        f"a monitor alarm {high} in state ALARM triggered policy out changing the desired capacity from 1 to 2."
        in (story["Cause"])
    )
    (invoking,) = json.loads(story["Details"])["InvokingAlarms"]
    assert (invoking["AlarmName"], invoking["NewStateValue"]) == (high, "ALARM")
    assert (invoking["Trigger"]["MetricName"], invoking["Trigger"]["Threshold"]) == (metric, 50.0)

    alarm(cloudwatch, low, "LessThanThreshold", 10.0, metric, arns["in"], topic)
    until("the alarm is over", lambda: is_when(1.0, high, "OK"), 60)
    until("the alarm for too little fires", lambda: is_when(1.0, low, "ALARM"), 60)
    fleet.settle(name, 1)
    assert (
        f"a monitor alarm {low} in state ALARM triggered policy in changing the desired capacity from 2 to 1."
        in (fleet.activities(name)[0]["Cause"])
    )
    until(
        "the topic is told of all three",
        lambda: len([each for each in listen() if each["AlarmName"] in {high, low}]) >= 3,
    )
    told_of = {(each["AlarmName"], each["NewStateValue"]) for each in listen()}
    assert told_of >= {(high, "ALARM"), (high, "OK"), (low, "ALARM")}
    first = next(each for each in listen() if (each["AlarmName"], each["NewStateValue"]) == (high, "ALARM"))
    assert (first["Trigger"]["MetricName"], first["Trigger"]["Threshold"], first["Trigger"]["Period"]) == (
        metric,
        50.0,
        10,
    )
    assert first["NewStateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [75.0 (")

    for which, action, states in ((high, arns["out"], ["ALARM", "OK"]), (low, arns["in"], ["ALARM"])):
        pages = cloudwatch.get_paginator("describe_alarm_history").paginate(
            AlarmName=which, ScanBy="TimestampAscending"
        )
        items = [each for page in pages for each in page["AlarmHistoryItems"]]
        summaries = [each["HistorySummary"] for each in items if each["HistoryItemType"] == "Action"]
        assert {f"Successfully executed action {action}", f"Successfully executed action {topic}"} <= set(summaries)
        updates = [each for each in items if each["HistoryItemType"] == "StateUpdate"]
        seen = [json.loads(each["HistoryData"])["newState"]["stateValue"] for each in updates]
        told = [state for state in seen if state != "INSUFFICIENT_DATA"]  # nothing is measured while we wait
        assert told[-len(states) :] == states
    found = cloudwatch.describe_alarms_for_metric(Namespace="Conformance", MetricName=metric)["MetricAlarms"]
    assert {each["AlarmName"] for each in found} == {high, low}
    cloudwatch.disable_alarm_actions(AlarmNames=[high, low])
    cloudwatch.enable_alarm_actions(AlarmNames=[low])
    cloudwatch.delete_alarms(AlarmNames=[high, low])


def test_a_state_that_is_set_is_told_to_a_topic_and_acts(
    fleet: Fleet, cloudwatch: Any, heard: tuple[str, Callable[[], list[dict[str, Any]]]]
) -> None:
    name, which, (topic, listen) = fleet.create(0), unique("set"), heard
    arn = fleet.autoscaling.put_scaling_policy(
        AutoScalingGroupName=name, PolicyName="one", AdjustmentType="ExactCapacity", ScalingAdjustment=1
    )["PolicyARN"]
    cloudwatch.put_metric_alarm(
        AlarmName=which,
        AlarmDescription="by hand",
        Namespace="Conformance",
        MetricName="nothing",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
        AlarmActions=[arn, topic],
    )
    cloudwatch.set_alarm_state(AlarmName=which, StateValue="ALARM", StateReason="testing")
    fleet.settle(name, 1)
    until("the topic is told", listen)
    body = listen()[0]
    assert (body["AlarmName"], body["OldStateValue"], body["NewStateValue"]) == (which, "INSUFFICIENT_DATA", "ALARM")
    assert (body["NewStateReason"], body["AlarmDescription"]) == ("testing", "by hand")
    assert (body["Trigger"]["Statistic"], body["Trigger"]["Unit"]) == ("SUM", None)
    with refused("ResourceNotFound", status=404):
        cloudwatch.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="x")
    with refused("ValidationError", "Invalid arn syntax: not-an-arn"):
        alarm(cloudwatch, which, "GreaterThanThreshold", 1.0, "nothing", "not-an-arn")
    cloudwatch.delete_alarms(AlarmNames=[which])
