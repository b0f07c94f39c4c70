"""Every sentence that the sources tell of refusals by CloudWatch and of scaling policies: ours is the same.

The source stands beside each. What is not here has no source, and is marked so where it is written.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from backend.errors import Finding
from tests.factories import NOW, World
from translators.errors import AWSError, translate

CLOUDWATCH, AUTOSCALING = "cloudwatch", "autoscaling"
DAY = timedelta(days=1)
PLAIN: dict[str, Any] = {
    "AlarmName": "a",
    "Namespace": "N",
    "MetricName": "m",
    "Statistic": "Average",
    "Period": 60,
    "EvaluationPeriods": 3,
    "Threshold": 10.0,
    "ComparisonOperator": "GreaterThanThreshold",
}
STAT = {"Metric": {"Namespace": "N", "MetricName": "m"}, "Period": 60, "Stat": "Average"}
ONE, TWO = {"Id": "m1", "MetricStat": STAT}, {"Id": "m2", "MetricStat": STAT}
ASKED: dict[str, Any] = {"Namespace": "N", "MetricName": "m", "Period": 60, "StartTime": NOW - DAY, "EndTime": NOW}
STEPS: dict[str, Any] = {"PolicyType": "StepScaling", "AdjustmentType": "ChangeInCapacity"}


def alarm(**params: Any) -> dict[str, Any]:
    return {name: value for name, value in {**PLAIN, **params}.items() if value is not None}


def of_queries(*queries: Any) -> dict[str, Any]:
    return alarm(Metrics=list(queries), Namespace=None, MetricName=None, Statistic=None, Period=None)


def datum(**params: Any) -> dict[str, Any]:
    return {"Namespace": "N", "MetricData": [{"MetricName": "m", **params}]}


def step(lower: float | None, upper: float | None, amount: int = 1) -> dict[str, Any]:
    ends = {"MetricIntervalLowerBound": lower, "MetricIntervalUpperBound": upper}
    return {**{name: end for name, end in ends.items() if end is not None}, "ScalingAdjustment": amount}


def policy(**params: Any) -> dict[str, Any]:
    return {"AutoScalingGroupName": "web", "PolicyName": "p", **params}


def tracked(**customized: Any) -> dict[str, Any]:
    configuration = {"TargetValue": 50.0, "CustomizedMetricSpecification": customized}
    return policy(PolicyType="TargetTrackingScaling", TargetTrackingConfiguration=configuration)


def foreseen(**specification: Any) -> dict[str, Any]:
    configuration = {"MetricSpecifications": [{"TargetValue": 50.0, **specification}]}
    return policy(PolicyType="PredictiveScaling", PredictiveScalingConfiguration=configuration)


class Refused(NamedTuple):
    """A request, what is answered, and who told that."""

    service: str
    operation: str
    params: dict[str, Any]
    code: str
    words: str
    source: str


def _of(service: str, operation: str, code: str, *rows: tuple[dict[str, Any], str, str]) -> list[Refused]:
    return [Refused(service, operation, params, code, words, source) for params, words, source in rows]


ROWS = [
    *_of(
        CLOUDWATCH,
        "PutMetricAlarm",
        "ValidationError",
        (alarm(Period=45), "Period must be 10, 20, 30 or a multiple of 60", "awsdocs cloudformation #777; the model"),
        (
            alarm(DatapointsToAlarm=4),
            "DatapointsToAlarm must be less than or equal to EvaluationPeriods",
            "hashicorp/terraform #24070",
        ),
        (alarm(MetricName=None), "MetricName must not be null", "hashicorp/terraform #11105"),
        (
            alarm(Metrics=[ONE], Namespace=None, MetricName=None, Period=None),
            "Statistic should not be set if list of Metrics is set.",
            "cfn-lint #766",
        ),
        (
            of_queries(ONE, TWO),
            "Exactly one element of the metrics list should return data.",
            "hashicorp/terraform #29894",
        ),
        (
            of_queries({**ONE, "ReturnData": False}),
            "Exactly one element of the metrics list should return data.",
            "hashicorp/terraform #29894",
        ),
        (
            alarm(AlarmActions=["arn:aws:automate:us-east-1:ec2:stop"]),
            "Invalid use of EC2 action. An EC2 action can only be used if the alarm is monitoring an EC2 instance.",
            "marklogic #82",
        ),
        (
            alarm(Period=3600, EvaluationPeriods=200),
            "Metrics cannot be checked across more than seven days (EvaluationPeriods * Period must be <= 604800).",
            "the model tells of the bound, no source of the words",
        ),
        (
            alarm(EvaluationPeriods=1500),
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).",
            "the facts' own",
        ),
    ),
    *_of(
        CLOUDWATCH,
        "PutCompositeAlarm",
        "ValidationError",
        (
            {"AlarmName": "c", "AlarmRule": "ALARM(none)"},
            (
                "Could not save the composite alarm as alarms"
                " [arn:aws:cloudwatch:us-east-1:{account}:alarm:none] in the alarm rule do not exist"
            ),
            "awsdocs cloudformation #911",
        ),
        (
            {"AlarmName": "c", "AlarmRule": " TRUE"},
            "AlarmRule must not contain leading or trailing whitespace or be null",
            "terraform-provider-aws #19575",
        ),
    ),
    *_of(
        CLOUDWATCH,
        "PutMetricData",
        "InvalidParameterCombination",
        (
            datum(Value=1.0, Values=[1.0]),
            (
                "The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive and you"
                " have specified both."
            ),
            "recorded, localstack",
        ),
        (
            datum(Value=1.0, StatisticValues={"SampleCount": 1.0, "Sum": 1.0, "Minimum": 1.0, "Maximum": 1.0}),
            (
                "The parameters MetricData.member.1.Value and MetricData.member.1.StatisticValues are mutually exclusive"
                " and you have specified both."
            ),
            "recorded, localstack",
        ),
    ),
    *_of(
        CLOUDWATCH,
        "PutMetricData",
        "InvalidParameterValue",
        (
            datum(Values=[1.0, 2.0], Counts=[1.0]),
            "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size.",
            "recorded, localstack",
        ),
        (
            datum(Value=1.0, Timestamp=NOW - timedelta(days=15)),
            "The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks.",
            "cloud-custodian #2559",
        ),
        (
            {"Namespace": "N", "MetricData": [{"MetricName": "m", "Value": 1.0}] * 1001},
            "The collection MetricData must not have a size greater than 1000.",
            "prometheus-to-cloudwatch #3",
        ),
        (
            datum(Value=float("nan")),
            "The value NaN for parameter MetricData.member.1.Value is invalid.",
            "prometheus-to-cloudwatch #17",
        ),
        (
            datum(Value=float("-inf")),
            "The value -Infinity for parameter MetricData.member.1.Value is invalid.",
            "prometheus-to-cloudwatch #17",
        ),
        (
            datum(Value=1e109),
            "The value 1.0E109 for parameter MetricData.member.1.Value is invalid.",
            "prometheus-to-cloudwatch #17",
        ),
    ),
    *_of(
        CLOUDWATCH,
        "GetMetricStatistics",
        "InvalidParameterCombination",
        (
            {**ASKED, "Period": 1, "Statistics": ["Sum"]},
            (
                "You have requested up to 86400 datapoints, which exceeds the limit of 1440. You may reduce the datapoints"
                " requested by increasing Period, or decreasing the time range."
            ),
            "recorded, localstack",
        ),
    ),
    *_of(
        CLOUDWATCH,
        "GetMetricStatistics",
        "InvalidParameterValue",
        (
            {**ASKED, "StartTime": NOW, "Statistics": ["Sum"]},
            "The parameter StartTime must be less than the parameter EndTime.",
            "recorded, localstack",
        ),
    ),
    *_of(
        CLOUDWATCH,
        "GetMetricData",
        "ValidationError",
        (
            {"MetricDataQueries": [ONE], "StartTime": NOW, "EndTime": NOW - DAY},
            "The parameter EndTime must be greater than StartTime.",
            "moto",
        ),
        (
            {"MetricDataQueries": [ONE], "StartTime": NOW, "EndTime": NOW},
            "The parameter StartTime must not equal parameter EndTime.",
            "moto",
        ),
    ),
    *(
        Refused(CLOUDWATCH, operation, params, code, "Request parameter NextToken is invalid", "moto; the model: codes")
        for operation, params, code in (
            (
                "GetMetricData",
                {"MetricDataQueries": [ONE], "StartTime": NOW - DAY, "EndTime": NOW, "NextToken": "x"},
                "InvalidNextToken",
            ),
            ("ListMetrics", {"NextToken": "x"}, "InvalidParameterValue"),
            ("ListDashboards", {"NextToken": "x"}, "InvalidParameterValue"),
        )
    ),
    *_of(
        AUTOSCALING,
        "PutScalingPolicy",
        "ValidationError",
        (
            policy(AdjustmentType="ChangeInCapacity"),
            "Scaling increment must be specified for a SimpleScaling policy",
            "Netflix/asgard #704",
        ),
        (
            policy(**STEPS, StepAdjustments=[step(None, 0.0, -1), step(0.0, 10.0)]),
            (
                "There must be a StepAdjustment with an unspecified upper bound (i.e., upper bound is null) when one"
                " StepAdjustment has a positive upper bound"
            ),
            "terraform-provider-aws #9077",
        ),
        (
            policy(**STEPS, StepAdjustments=[step(-10.0, 0.0, -1), step(0.0, None)]),
            (
                "There must be a StepAdjustment with an unspecified lower bound (i.e., lower bound is null) when one"
                " StepAdjustment has a negative lower bound"
            ),
            "the mirror of terraform-provider-aws #9077",
        ),
        (
            policy(**STEPS, StepAdjustments=[step(None, None)]),
            "Both lower and upper bounds of a step adjustment cannot be left unspecified",
            "terraform-provider-aws #4812, of a sibling service",
        ),
        (
            policy(**STEPS, StepAdjustments=[step(0.0, 10.0), step(5.0, None)]),
            "StepAdjustment intervals can't overlap",
            "cdk-preflight",
        ),
        (
            policy(**STEPS, StepAdjustments=[step(0.0, 10.0), step(20.0, None)]),
            "StepAdjustment intervals can't have gaps between them",
            "cdk-preflight",
        ),
        (
            policy(**STEPS, StepAdjustments=[step(float(each), float(each) + 1) for each in range(21)]),
            "Your policies can have at most 20 StepAdjustments.",
            "cdk-preflight; aws-cdk #27020 has other words, cut off, of a sibling service",
        ),
        (
            foreseen(PredefinedScalingMetricSpecification={"PredefinedMetricType": "ASGAverageCPUUtilization"}),
            (
                "The metric specification is invalid. A policy must have either one scaling metric and one load metric or"
                " one metric pair."
            ),
            "cfn-lint #4192",
        ),
        (
            policy(
                PolicyType="TargetTrackingScaling",
                TargetTrackingConfiguration={
                    "TargetValue": 100.0,
                    "PredefinedMetricSpecification": {
                        "PredefinedMetricType": "ALBRequestCountPerTarget",
                        "ResourceLabel": "app/a/0123456789abcdef/targetgroup/theirs/0123456789abcdef",
                    },
                },
            ),
            None,
            "a label of a target group that is not the group's: a refusal, whatever its words",
        ),
    ),
]


@pytest.fixture
def world():
    made = World()
    made.group(maximum=20, desired=4)
    yield made
    made.close()


def refusal(world: World, service: str, operation: str, params: dict[str, Any]) -> AWSError:
    with pytest.raises((AWSError, Finding)) as found:
        world.call(operation, service=service, **params)
    told = translate(found.value, service)
    assert told is not None
    return told


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.operation}: {str(row.words)[:60]}")
def test_it_is_told_in_the_words_of_the_source(world, row):
    told = refusal(world, row.service, row.operation, row.params)
    assert (told.code, told.status) == (row.code, 400)
    if row.words is not None:
        account = world.call("GetCallerIdentity", service="sts")["Account"]
        assert told.message == row.words.replace("{account}", account)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("ALARM(a) )", "Error in AlarmRule [Unsupported token ')' at char 9"),
        ("ALARM(a Oldest", "Error in AlarmRule [Unsupported token 'Oldest' at char 8, must be: ')'"),
    ],
)
def test_a_rule_is_refused_by_token_and_character(world, rule, words):
    """Source: aws-cdk #34662, #13953."""
    world.call("PutMetricAlarm", service=CLOUDWATCH, **PLAIN)
    told = refusal(world, CLOUDWATCH, "PutCompositeAlarm", {"AlarmName": "c", "AlarmRule": rule})
    assert told.code == "ValidationError"
    assert told.message.startswith(words)


def test_what_others_depend_on_stays(world):
    """Source: aws-nuke #462, cloud-custodian #7763."""
    for name in ("a", "b"):
        world.call("PutMetricAlarm", service=CLOUDWATCH, **alarm(AlarmName=name))
    world.call("PutCompositeAlarm", service=CLOUDWATCH, AlarmName="c", AlarmRule="ALARM(a) OR ALARM(b)")
    one = refusal(world, CLOUDWATCH, "DeleteAlarms", {"AlarmNames": ["a"]})
    both = refusal(world, CLOUDWATCH, "DeleteAlarms", {"AlarmNames": ["a", "b"]})
    assert one.message == "Cannot delete a as there are composite alarm(s) depending on it."
    assert both.message == "Cannot delete a,b as there are composite alarm(s) depending on them."


def test_one_policy_for_one_metric(world):
    """Source: terraform-provider-aws #34408."""
    world.call("PutScalingPolicy", **tracked(MetricName="m", Namespace="N", Statistic="Average"))
    again = {**tracked(MetricName="m", Namespace="N", Statistic="Average"), "PolicyName": "q"}
    told = refusal(world, AUTOSCALING, "PutScalingPolicy", again)
    words = "Only one TargetTrackingScaling policy for a given metric specification is allowed."
    assert (told.code, told.message) == ("ValidationError", words)


def test_no_step_for_what_was_measured(world):
    """Source: DFE-Digital #58, mapbox/watchbot #187: the points as they are, and the threshold."""
    world.call("PutScalingPolicy", **policy(**STEPS, StepAdjustments=[step(0.0, None)]))
    asked = {"AutoScalingGroupName": "web", "PolicyName": "p", "MetricValue": 0.14, "BreachThreshold": 85.0}
    told = refusal(world, AUTOSCALING, "ExecutePolicy", asked)
    assert told.message == "No step adjustment found for metric value [0.14] and breach threshold 85.0"


def test_an_activity_is_in_progress(world):
    """Source: diem #4597."""
    world.call("PutScalingPolicy", **policy(AdjustmentType="ChangeInCapacity", ScalingAdjustment=1, Cooldown=600))
    run = {"AutoScalingGroupName": "web", "PolicyName": "p"}
    world.call("ExecutePolicy", **run)
    told = refusal(world, AUTOSCALING, "ExecutePolicy", {**run, "HonorCooldown": True})
    words = "A scaling activity is in progress and blocks this action"  # what was asked for has no id before its pass
    assert (told.code, told.message) == ("ScalingActivityInProgress", words)
