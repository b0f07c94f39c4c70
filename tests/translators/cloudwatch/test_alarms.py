"""Alarms as CloudWatch's clients write and read them."""

import json
from datetime import timedelta

import pytest

from backend.errors import Finding
from tests.factories import NOW, OTHER, World
from translators.errors import AWSError, translate

BASE = {
    "Namespace": "N",
    "MetricName": "u",
    "Statistic": "Average",
    "Period": 60,
    "EvaluationPeriods": 3,
    "Threshold": 10.0,
    "ComparisonOperator": "GreaterThanThreshold",
}
TOPIC = "arn:aws:sns:us-east-1:123456789012:t"


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


@pytest.fixture
def ask(world):
    def call(operation, **params):
        return world.call(operation, service="cloudwatch", **params)

    return call


@pytest.fixture
def refused(ask):
    def error(operation, **params):
        with pytest.raises((AWSError, Finding)) as found:
            ask(operation, **params)
        told = translate(found.value, "cloudwatch")
        assert told is not None
        return told

    return error


@pytest.fixture
def put(ask):
    def write(name="a", **params):
        ask("PutMetricAlarm", AlarmName=name, **{**BASE, **params})

    return write


def listed(ask, **params):
    return ask("DescribeAlarms", **params)["MetricAlarms"]


def test_what_was_not_given_is_not_told(ask, put):
    """Source: conformance/recorded, the shape of DescribeAlarms."""
    put(Dimensions=[{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}])
    (told,) = listed(ask)
    arn = told.pop("AlarmArn")
    assert arn.startswith("arn:aws:cloudwatch:us-east-1:")
    assert arn.endswith(":alarm:a")
    assert told.pop("Dimensions") == [{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]
    assert told == {
        **BASE,
        "AlarmName": "a",
        "ActionsEnabled": True,
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "StateValue": "INSUFFICIENT_DATA",
        "StateReason": "Unchecked: Initial alarm creation",
        "StateUpdatedTimestamp": NOW,
        "StateTransitionedTimestamp": NOW,
        "AlarmConfigurationUpdatedTimestamp": NOW,
    }


def test_lists_there_are_always_three_of(ask, put):
    put()
    answer = ask("DescribeAlarms", AlarmTypes=["CompositeAlarm"])
    assert answer == {"MetricAlarms": [], "CompositeAlarms": [], "LogAlarms": []}
    assert ask("DescribeAlarms", scope=OTHER) == {"MetricAlarms": [], "CompositeAlarms": [], "LogAlarms": []}


def test_an_update_keeps_state_and_tags_and_an_exact_repeat_does_nothing(world, ask, put):
    """Source: conformance/recorded alarm_controls, alarm_idempotence."""
    put(TreatMissingData="ignore", Tags=[{"Key": "k", "Value": "v"}])
    world.clock.move(1)
    ask("SetAlarmState", AlarmName="a", StateValue="OK", StateReason="x")
    world.clock.move(59)
    put(TreatMissingData="ignore")
    (same,) = listed(ask)
    assert same["AlarmConfigurationUpdatedTimestamp"] == NOW
    put(Threshold=20.0, Tags=[{"Key": "other", "Value": "v"}])
    (told,) = listed(ask)
    assert (told["Threshold"], told["StateValue"], "TreatMissingData" in told) == (20.0, "OK", False)
    assert told["AlarmConfigurationUpdatedTimestamp"] == NOW + timedelta(seconds=60)
    summaries = [item["HistorySummary"] for item in ask("DescribeAlarmHistory", AlarmName="a")["AlarmHistoryItems"]]
    assert summaries == ['Alarm "a" updated', "Alarm updated from INSUFFICIENT_DATA to OK", 'Alarm "a" created']


def test_a_state_that_is_set(world, ask, put, refused):
    put(AlarmActions=[TOPIC], Unit="Count")
    world.clock.move(1)
    ask("SetAlarmState", AlarmName="a", StateValue="ALARM", StateReason="x", StateReasonData="[]")
    (told,) = listed(ask, StateValue="ALARM")
    assert (told["StateReason"], told["StateReasonData"]) == ("x", "[]")
    world.clock.move(1)
    ask("SetAlarmState", AlarmName="a", StateValue="ALARM", StateReason="again")
    assert listed(ask)[0]["StateReason"] == "x"
    items = ask("DescribeAlarmHistory", AlarmName="a", HistoryItemType="Action")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in items] == [f"Successfully executed action {TOPIC}"]
    assert json.loads(items[0]["HistoryData"])["notificationResource"] == TOPIC
    missing = refused("SetAlarmState", AlarmName="none", StateValue="OK", StateReason="x")
    assert (missing.code, missing.status, missing.message) == ("ResourceNotFound", 404, "")
    bad = refused("SetAlarmState", AlarmName="a", StateValue="OK", StateReason="x", StateReasonData='{"unfinished":')
    assert (bad.code, bad.message) == ("InvalidFormat", "")


def test_switching_and_deleting_pass_over_what_is_not_there(world, ask, put):
    put()
    put("b")
    world.clock.move(5)
    ask("DisableAlarmActions", AlarmNames=["a", "none"])
    told = {each["AlarmName"]: each for each in listed(ask)}
    assert (told["a"]["ActionsEnabled"], told["b"]["ActionsEnabled"]) == (False, True)
    assert told["a"]["AlarmConfigurationUpdatedTimestamp"] == NOW + timedelta(seconds=5)
    ask("EnableAlarmActions", AlarmNames=["a"])
    ask("DeleteAlarms", AlarmNames=["a", "none"])
    assert [each["AlarmName"] for each in listed(ask)] == ["b"]
    found = ask("DescribeAlarmHistory", AlarmName="a")["AlarmHistoryItems"]
    assert {json.loads(item["HistoryData"])["type"] for item in found} == {"Create", "Update", "Delete"}
    assert len(found) == 4


METRICS = [
    {"Id": "m1", "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "u"}, "Period": 60, "Stat": "Sum"},
     "ReturnData": False},
    {"Id": "e1", "Expression": "m1 + 1", "Period": 60, "ReturnData": True},
]  # fmt: skip
MATH = {name: value for name, value in BASE.items() if name not in {"Namespace", "MetricName", "Statistic", "Period"}}

REFUSED = {
    "Invalid arn syntax: not-an-arn": {**BASE, "AlarmActions": ["not-an-arn"]},
    "Actions of lambda are not supported by this service: arn:aws:lambda:r:1:function:f": {
        **BASE, "OKActions": ["arn:aws:lambda:r:1:function:f"],
    },
    "MetricName should not be set if list of Metrics is set.": {**BASE, "Metrics": METRICS},
    "Exactly one element of the metrics list should return data.": {**MATH, "Metrics": METRICS[:1]},
    "Error in expression 'e1' [": {**MATH, "Metrics": [{**METRICS[1], "Expression": "m1 +* 2"}]},
    "DatapointsToAlarm must be less than or equal to EvaluationPeriods": {**BASE, "DatapointsToAlarm": 4},
    "Period must be 10, 20, 30 or a multiple of 60": {**BASE, "Period": 45},
    "MetricName must not be null": {name: value for name, value in BASE.items() if name != "MetricName"},
    "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).": {
        **BASE, "Period": 300, "EvaluationPeriods": 300,
    },
    "Metrics cannot be checked across more than seven days (EvaluationPeriods * Period must be <= 604800).": {
        **BASE, "Period": 3600, "EvaluationPeriods": 169,
    },
    "ThresholdMetricId is not supported by this service.": {**BASE, "ThresholdMetricId": "m"},
    "ComparisonOperator GreaterThanUpperThreshold is not supported by this service.": {
        **BASE, "ComparisonOperator": "GreaterThanUpperThreshold",
    },
    "TreatMissingData must be one of": {**BASE, "TreatMissingData": "odd"},
}  # fmt: skip


@pytest.mark.parametrize(("words", "params"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_is_refused(ask, refused, words, params):
    error = refused("PutMetricAlarm", AlarmName="a", **params)
    assert (error.code, error.message[: len(words)]) == ("ValidationError", words)
    assert listed(ask) == []


def test_a_percentile_that_is_none(refused):
    params = {**BASE, "Statistic": None, "ExtendedStatistic": "p101"}
    error = refused("PutMetricAlarm", AlarmName="a", **params)
    assert (error.code, error.message) == (
        "InvalidParameterValue",
        "The value p101 for parameter ExtendedStatistic is not supported.",
    )


def test_one_of_an_expression(ask):
    """Source: conformance/recorded alarm_query_admission."""
    ask("PutMetricAlarm", AlarmName="a", Metrics=METRICS, **MATH)
    (told,) = listed(ask)
    stat = {"Metric": {"Namespace": "N", "MetricName": "u", "Dimensions": []}, "Period": 60, "Stat": "Sum"}
    assert told["Metrics"] == [{"Id": "m1", "MetricStat": stat, "ReturnData": False}, METRICS[1]]
    assert told["Dimensions"] == []
    assert not {"MetricName", "Namespace", "Statistic", "Period"} & told.keys()
    assert ask("DescribeAlarmsForMetric", Namespace="N", MetricName="u") == {"MetricAlarms": []}


def test_those_of_a_metric_are_compared_exactly(ask, put):
    """Source: conformance/recorded alarm_controls."""
    two = [{"Name": "x", "Value": "1"}, {"Name": "y", "Value": "2"}]
    put("plain")
    put("sum", Statistic="Sum")
    put("dimensions", Dimensions=two)

    def found(**params):
        answer = ask("DescribeAlarmsForMetric", Namespace="N", MetricName="u", **params)
        return [each["AlarmName"] for each in answer["MetricAlarms"]]

    assert found() == ["plain", "sum"]
    assert found(Statistic="Sum") == ["sum"]
    assert found(Dimensions=two[::-1]) == ["dimensions"]
    assert found(Dimensions=two[:1]) == []
    assert found(Period=300) == []


def test_pages_and_filters(ask, put, refused):
    for number in range(7):
        put(f"a{number}", AlarmActions=[TOPIC] if number % 2 else [])
    put("b_")
    put("bx")
    seen, token = [], {}
    while True:
        answer = ask("DescribeAlarms", MaxRecords=3, **token)
        seen += [each["AlarmName"] for each in answer["MetricAlarms"]]
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert seen == [*(f"a{number}" for number in range(7)), "b_", "bx"]
    assert [each["AlarmName"] for each in listed(ask, AlarmNamePrefix="b_")] == ["b_"]
    assert [each["AlarmName"] for each in listed(ask, AlarmNames=["a1", "a1", "none"])] == ["a1"]
    assert [each["AlarmName"] for each in listed(ask, ActionPrefix=TOPIC, MaxRecords=2)] == ["a1", "a3"]
    first = ask("DescribeAlarmHistory", MaxRecords=4, ScanBy="TimestampAscending")
    rest = ask("DescribeAlarmHistory", ScanBy="TimestampAscending", NextToken=first["NextToken"])
    names = [item["AlarmName"] for item in [*first["AlarmHistoryItems"], *rest["AlarmHistoryItems"]]]
    assert sorted(names) == seen
    error = refused("DescribeAlarmHistory", AlarmName="a1", NextToken="invalid-token")
    assert (error.code, error.message) == ("InvalidNextToken", "Invalid NextToken : invalid-token")


def test_an_expression_that_answers_several_lines_is_watched_by_no_alarm(world, refused):
    metric = {"Metric": {"Namespace": "N", "MetricName": "u"}, "Period": 60, "Stat": "Average"}
    queries = [{"Id": name, "MetricStat": metric, "ReturnData": False} for name in ("a", "b")]
    asked = {name: value for name, value in BASE.items() if name in {"EvaluationPeriods", "Threshold"}}
    asked |= {"AlarmName": "a", "ComparisonOperator": BASE["ComparisonOperator"]}
    for several in ("[a,b]", "METRICS()", "[a,b]*2"):
        told = refused("PutMetricAlarm", **asked, Metrics=[*queries, {"Id": "e", "Expression": several}])
        assert (told.code, "single time series" in told.message) == ("ValidationError", True)
    world.call(
        "PutMetricAlarm", service="cloudwatch", **asked, Metrics=[*queries, {"Id": "e", "Expression": "SUM([a,b])"}]
    )


@pytest.mark.parametrize(
    ("action", "dimension", "words"),
    [
        ("arn:aws:automate:us-east-1:ec2:stop", "InstanceId", None),
        ("arn:aws:swf:us-east-1:123456789012:action/actions/AWS_EC2.InstanceId.Reboot/1.0", "InstanceId", None),
        (
            "arn:aws:automate:us-east-1:ec2:stop",
            "Group",
            "Invalid use of EC2 action. An EC2 action can only be used if",
        ),
        ("arn:aws:automate:us-west-2:ec2:stop", "InstanceId", "Invalid region us-west-2 specified."),
        (
            "arn:aws:automate:us-east-1:ec2:melt",
            "InstanceId",
            "Actions of this kind are not supported by this service:",
        ),
        ("arn:aws:lambda:us-east-1:123456789012:function:f", "InstanceId", "Actions of lambda are not supported"),
    ],
)
def test_actions_on_instances(put, refused, action, dimension, words):
    """Source: of what is no instance a text that a user showed (marklogic #82)."""
    given = {"Dimensions": [{"Name": dimension, "Value": "i-0123456789abcdef0"}], "OKActions": [action]}
    if words is None:
        put(**given)
    else:
        assert refused("PutMetricAlarm", AlarmName="a", **{**BASE, **given}).message.startswith(words)
