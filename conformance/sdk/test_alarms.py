"""boto3: a metric goes over its threshold, the alarm fires, the policy acts, the group grows; and shrinks again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.clients import client, refused
from conformance.fleet import Fleet, unique
from conformance.product import Access, until


@pytest.fixture
def cloudwatch(server: Access) -> Any:
    return client(server, "cloudwatch")


def alarm(cloudwatch: Any, name: str, comparison: str, threshold: float, metric: str, action: str) -> None:
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Conformance",
        MetricName=metric,
        Statistic="Average",
        Period=10,
        EvaluationPeriods=1,
        Threshold=threshold,
        ComparisonOperator=comparison,
        AlarmActions=[action],
    )


def state(cloudwatch: Any, name: str) -> str:
    (told,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(told["StateValue"])


def test_a_group_follows_a_metric(fleet: Fleet, cloudwatch: Any) -> None:
    name, metric = fleet.create(1, DefaultCooldown=0), unique("load")
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
            EstimatedInstanceWarmup=3600 if policy == "out" else 0,
            StepAdjustments=steps,
        )["PolicyARN"]
    high, low = unique("high"), unique("low")
    alarm(cloudwatch, high, "GreaterThanThreshold", 50.0, metric, arns["out"])
    told = fleet.autoscaling.describe_policies(AutoScalingGroupName=name, PolicyNames=["out"])["ScalingPolicies"]
    assert [each["AlarmName"] for each in told[0]["Alarms"]] == [high]

    def measure(value: float) -> None:
        datum = {"MetricName": metric, "Value": value, "StorageResolution": 1}
        cloudwatch.put_metric_data(Namespace="Conformance", MetricData=[datum])

    def alarms_when(value: float, which: str) -> bool:
        measure(value)
        return state(cloudwatch, which) == "ALARM"

    until("the alarm fires", lambda: alarms_when(75.0, high), 60)
    fleet.settle(name, 2)
    story = fleet.activities(name)[0]
    assert (
        f"a monitor alarm {high} in state ALARM triggered policy out changing the desired capacity from 1 to 2."
        in (story["Cause"])
    )
    (invoking,) = json.loads(story["Details"])["InvokingAlarms"]
    assert (invoking["AlarmName"], invoking["NewStateValue"]) == (high, "ALARM")
    assert (invoking["Trigger"]["MetricName"], invoking["Trigger"]["Threshold"]) == (metric, 50.0)
    cloudwatch.delete_alarms(AlarmNames=[high])
    alarm(cloudwatch, low, "LessThanThreshold", 10.0, metric, arns["in"])
    until("the alarm for too little fires", lambda: alarms_when(1.0, low), 60)
    until("the group shrinks", lambda: fleet.group(name)["DesiredCapacity"] < 2)
    history = cloudwatch.describe_alarm_history(AlarmName=low, HistoryItemType="Action")["AlarmHistoryItems"]
    assert history[-1]["HistorySummary"] == f"Successfully executed action {arns['in']}"
    found = cloudwatch.describe_alarms_for_metric(Namespace="Conformance", MetricName=metric)["MetricAlarms"]
    assert [each["AlarmName"] for each in found] == [low]
    cloudwatch.disable_alarm_actions(AlarmNames=[low])
    cloudwatch.enable_alarm_actions(AlarmNames=[low])
    cloudwatch.delete_alarms(AlarmNames=[low])


def test_a_state_that_is_set_is_told_to_a_topic_and_acts(fleet: Fleet, cloudwatch: Any, server: Access) -> None:
    name, which = fleet.create(0), unique("set")
    arn = fleet.autoscaling.put_scaling_policy(
        AutoScalingGroupName=name, PolicyName="one", AdjustmentType="ExactCapacity", ScalingAdjustment=1
    )["PolicyARN"]
    sns, sqs = client(server, "sns"), client(server, "sqs")
    topic = sns.create_topic(Name=unique("alarms"))["TopicArn"]
    url = sqs.create_queue(QueueName=unique("alarms"))["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
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
    told: list[Any] = []

    def heard() -> bool:
        told.extend(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", ()))
        return bool(told)

    until("the topic is told", heard)
    body = json.loads(told[0]["Body"])
    assert (body["AlarmName"], body["OldStateValue"], body["NewStateValue"]) == (which, "INSUFFICIENT_DATA", "ALARM")
    assert (body["NewStateReason"], body["AlarmDescription"]) == ("testing", "by hand")
    assert (body["Trigger"]["Statistic"], body["Trigger"]["Unit"]) == ("SUM", None)
    with refused("ResourceNotFound", status=404):
        cloudwatch.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="x")
    with refused("ValidationError", "Invalid arn syntax: not-an-arn"):
        alarm(cloudwatch, which, "GreaterThanThreshold", 1.0, "nothing", "not-an-arn")
    cloudwatch.delete_alarms(AlarmNames=[which])
    sqs.delete_queue(QueueUrl=url)
    sns.delete_topic(TopicArn=topic)
