"""Predictive policies as AWS's clients write and read them, and what they foresaw."""

from datetime import timedelta

import pytest

from backend.domain.prediction import Expected
from backend.store import forecasts
from backend.store.leased import Claimer, Room
from tests.factories import NOW, OTHER

LABEL = "app/front/50dc6c495c0c9188/targetgroup/web/943f017f100becff"
PAIR = {"TargetValue": 40.0, "PredefinedMetricPairSpecification": {"PredefinedMetricType": "ASGCPUUtilization"}}
REQUESTS = {"PredefinedMetricType": "ALBRequestCount", "ResourceLabel": LABEL}
LOAD = {"PredefinedMetricType": "ASGTotalNetworkIn"}
SCALING = {"PredefinedMetricType": "ASGAverageNetworkIn"}


def stat(name, statistic="Sum", query="q", **more):
    metric = {"Namespace": "App", "MetricName": name, "Dimensions": [{"Name": "Queue", "Value": "jobs"}]}
    return {"Id": query, "MetricStat": {"Metric": metric, "Stat": statistic}, "ReturnData": True, **more}


def queries(*asked):
    return {"MetricDataQueries": list(asked)}


CUSTOM = {
    "TargetValue": 10.0,
    "CustomizedLoadMetricSpecification": queries(stat("Work", Label="all of it")),
    "CustomizedScalingMetricSpecification": queries(
        stat("Work", query="work", ReturnData=False),
        stat("Size", "Average", query="size", ReturnData=False),
        {"Id": "each", "Expression": "work / size", "ReturnData": True},
    ),
    "CustomizedCapacityMetricSpecification": queries(
        {"Id": "e", "Expression": "SUM(SEARCH('{App} MetricName=\"Size\"', 'Average', 300))", "ReturnData": True}
    ),
}


@pytest.fixture
def put(world):
    world.group()

    def write(specification=PAIR, name="ahead", **configuration):
        return world.call(
            "PutScalingPolicy",
            AutoScalingGroupName="web",
            PolicyName=name,
            PolicyType="PredictiveScaling",
            PredictiveScalingConfiguration={"MetricSpecifications": [specification], **configuration},
        )

    return write


def listed(world):
    return world.call("DescribePolicies", AutoScalingGroupName="web")["ScalingPolicies"]


@pytest.mark.parametrize(
    ("specification", "configuration"),
    [
        (PAIR, {}),
        (PAIR, {"Mode": "ForecastOnly", "SchedulingBufferTime": 0, "MaxCapacityBreachBehavior": "HonorMaxCapacity"}),
        (PAIR, {"Mode": "ForecastAndScale", "SchedulingBufferTime": 3599}),
        (PAIR, {"MaxCapacityBreachBehavior": "IncreaseMaxCapacity", "MaxCapacityBuffer": 0}),
        (
            {
                "TargetValue": 1e6,
                "PredefinedLoadMetricSpecification": LOAD,
                "PredefinedScalingMetricSpecification": SCALING,
            },
            {},
        ),
        (CUSTOM, {}),
        (
            {
                "TargetValue": 50.0,
                "PredefinedLoadMetricSpecification": LOAD,
                "CustomizedScalingMetricSpecification": queries(stat("Busy", "Average")),
            },
            {},
        ),
    ],
)
def test_it_is_told_as_it_was_given(world, put, specification, configuration):
    """Source: Auto Scaling User Guide, "Create a predictive scaling policy": an ARN, and no alarms."""
    answer = put(specification, **configuration)
    assert answer["Alarms"] == []
    (told,) = listed(world)
    assert told == {
        "AutoScalingGroupName": "web",
        "PolicyName": "ahead",
        "PolicyARN": answer["PolicyARN"],
        "PolicyType": "PredictiveScaling",
        "StepAdjustments": [],
        "Alarms": [],
        "PredictiveScalingConfiguration": {"MetricSpecifications": [specification], **configuration},
        "Enabled": True,
    }


ONE_PAIR = (
    "The metric specification is invalid. A policy must have either one scaling metric and one load metric or one"
    " metric pair."
)
DOUBLE = queries(stat("Work"), stat("Size", ReturnData=False))
REFUSED = {
    "You must specify one metric specification": [{"MetricSpecifications": []}, {"MetricSpecifications": [PAIR] * 2}],
    ONE_PAIR: [
        {"TargetValue": 1.0},
        {"TargetValue": 1.0, "PredefinedLoadMetricSpecification": LOAD},
        {**PAIR, "PredefinedLoadMetricSpecification": LOAD},
        {**PAIR, "CustomizedScalingMetricSpecification": queries(stat("Busy"))},
        {**CUSTOM, "PredefinedLoadMetricSpecification": LOAD},
        # Source: stackd preflight predictive-capacity-alone
        {"TargetValue": 50, "CustomizedCapacityMetricSpecification": queries(stat("Size"))},
    ],
    "Capacity metric can only be used when you use customized load metric.": [
        {
            "TargetValue": 1.0,
            "PredefinedLoadMetricSpecification": LOAD,
            "PredefinedScalingMetricSpecification": SCALING,
            "CustomizedCapacityMetricSpecification": queries(stat("Size")),
        },
        {**PAIR, "CustomizedCapacityMetricSpecification": queries(stat("Size"))},
    ],
    "A resource label is required": [
        {"TargetValue": 1.0, "PredefinedMetricPairSpecification": {"PredefinedMetricType": "ALBRequestCount"}},
    ],
    "ResourceLabel is not supported for predefined metric type ASGCPUUtilization": [
        {
            "TargetValue": 1.0,
            "PredefinedMetricPairSpecification": {"PredefinedMetricType": "ASGCPUUtilization", "ResourceLabel": LABEL},
        },
    ],
    "Target group targetgroup/web/943f017f100becff is not attached to the Auto Scaling group": [
        {"TargetValue": 1.0, "PredefinedMetricPairSpecification": REQUESTS},
    ],
    "Invalid resource label 'app/front' for predefined metric type ALBRequestCountPerTarget": [
        {"TargetValue": 1.0, "PredefinedMetricPairSpecification": {**REQUESTS, "ResourceLabel": "app/front"}},
    ],
    "Target value must be between 8.51592E-12 and 1.174271E17": [
        {**PAIR, "TargetValue": value} for value in (0.0, -1.0, 1e18, float("nan"), float("inf"))
    ],
    "Any expressions used must create exactly one time series": [
        {**CUSTOM, "CustomizedLoadMetricSpecification": queries(stat("Work"), stat("Size", query="r"))},
        {**CUSTOM, "CustomizedLoadMetricSpecification": queries(stat("Work", ReturnData=False))},
        {**CUSTOM, "CustomizedCapacityMetricSpecification": queries()},
    ],
    "The MetricDataQuery object q has a problem or incorrect syntax": [
        {**CUSTOM, "CustomizedLoadMetricSpecification": DOUBLE},
    ],
    "The MetricDataQuery object e has a problem or incorrect syntax: Unsupported token 'nothing' at char 0": [
        {**CUSTOM, "CustomizedLoadMetricSpecification": queries({"Id": "e", "Expression": "nothing"})},
    ],
    "Exactly one of MetricStat and Expression must be specified for q.": [
        {**CUSTOM, "CustomizedLoadMetricSpecification": queries({"Id": "q"})},
        {**CUSTOM, "CustomizedLoadMetricSpecification": queries(stat("Work", Expression="1"))},
    ],
}


@pytest.mark.parametrize(
    ("words", "given"), [(words, given) for words, every in REFUSED.items() for given in every]
)  # fmt: skip
def test_what_is_refused(world, put, refused, words, given):
    configuration = given if "MetricSpecifications" in given else {"MetricSpecifications": [given]}
    params = {"PolicyType": "PredictiveScaling", "PredictiveScalingConfiguration": configuration}
    error = refused("PutScalingPolicy", AutoScalingGroupName="web", PolicyName="x", **params)
    assert (error.code, error.message) == ("ValidationError", words)
    assert listed(world) == []


SETTINGS = {
    "SchedulingBufferTime must be less than 3600": {"SchedulingBufferTime": 3600},
    "You must specify max capacity buffer when using IncreaseMaxCapacity": {
        "MaxCapacityBreachBehavior": "IncreaseMaxCapacity",
    },
    "You must not specify max capacity buffer when using HonorMaxCapacity": {"MaxCapacityBuffer": 10},
}


@pytest.mark.parametrize(("words", "given"), SETTINGS.items())
def test_settings_that_are_refused(world, put, refused, words, given):
    configuration = {"MetricSpecifications": [PAIR], **given}
    params = {"PolicyType": "PredictiveScaling", "PredictiveScalingConfiguration": configuration}
    assert refused("PutScalingPolicy", AutoScalingGroupName="web", PolicyName="x", **params).message == words


@pytest.mark.parametrize(
    "members",
    [
        {"AdjustmentType": "ChangeInCapacity"},
        {"ScalingAdjustment": 1},
        {"EstimatedInstanceWarmup": 0},
        {"StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]},
        {"MetricAggregationType": "Average"},
        {"TargetTrackingConfiguration": {"TargetValue": 1.0}},
    ],
)
def test_members_of_other_policies(world, put, refused, members):
    (name,) = members
    params = {"PolicyType": "PredictiveScaling", "PredictiveScalingConfiguration": {"MetricSpecifications": [PAIR]}}
    error = refused("PutScalingPolicy", AutoScalingGroupName="web", PolicyName="x", **params, **members)
    assert error.message == f"You can't specify {name} for policy type: PredictiveScaling"


def test_without_its_configuration(put, refused):
    error = refused("PutScalingPolicy", AutoScalingGroupName="web", PolicyName="x", PolicyType="PredictiveScaling")
    assert error.message == "You must specify PredictiveScalingConfiguration"


def test_it_is_executed_by_nobody(put, refused):
    put()
    error = refused("ExecutePolicy", AutoScalingGroupName="web", PolicyName="ahead")
    assert error.message == "Policies of type PredictiveScaling cannot be executed. Policy: ahead"


def ask(call, start=NOW, end=NOW + timedelta(hours=2), policy="ahead", **more):
    return call(
        "GetPredictiveScalingForecast",
        AutoScalingGroupName="web",
        PolicyName=policy,
        StartTime=start,
        EndTime=end,
        **more,
    )


def foresee(world, expected):
    """What an engine would have made of what was measured."""
    claimer = Claimer("engine", timedelta(minutes=1))
    (lease,) = forecasts.LEASED.claim(world.store, claimer, NOW, Room(2, []))
    world.store.transact(lambda conn: forecasts.keep(conn, lease, expected, {}, NOW))


def test_what_was_foreseen(world, put, refused):
    arn = put({**CUSTOM, "TargetValue": 10.0}, Mode="ForecastOnly")["PolicyARN"]
    for error in (ask(refused), ask(refused, policy=arn)):
        assert (error.code, error.message[:32]) == ("ValidationError", "There is no forecast for policy ")
    foresee(world, Expected(NOW, (120.0, 240.5), (2, 4)))
    answer = ask(world.call)
    assert answer["LoadForecast"] == [
        {
            "Timestamps": [NOW, NOW + timedelta(hours=1)],
            "Values": [120.0, 240.5],
            "MetricSpecification": CUSTOM,
        }
    ]
    assert answer["CapacityForecast"] == {"Timestamps": [NOW, NOW + timedelta(hours=1)], "Values": [2.0, 4.0]}
    assert answer["UpdateTime"] == NOW
    assert ask(world.call, policy=arn) == answer
    # from the start on, and before the end
    assert ask(world.call, end=NOW + timedelta(hours=1))["CapacityForecast"]["Values"] == [2.0]
    later = ask(world.call, start=NOW + timedelta(seconds=1), end=NOW + timedelta(days=3))
    assert later["CapacityForecast"]["Values"] == [4.0]
    assert ask(world.call, start=NOW - timedelta(days=9), end=NOW)["LoadForecast"][0]["Values"] == []
    error = ask(refused, scope=OTHER)
    assert error.message == "AutoScalingGroup name not found - AutoScalingGroup 'web' not found"


SPANS = {
    "StartTime must be before EndTime": (0, 0),
    "The time between StartTime and EndTime must not be more than 30 days": (-10, 21),
    "StartTime must not be more than one year in the past": (-366, -360),
}


@pytest.mark.parametrize(("words", "days"), SPANS.items())
def test_spans_that_are_refused(put, refused, words, days):
    put()
    error = ask(refused, *(NOW + timedelta(days=each) for each in days))
    assert (error.code, error.message) == ("ValidationError", words)


def test_the_longest_span(world, put):
    put()
    foresee(world, Expected(NOW, (1.0,), (1,)))
    start = NOW - timedelta(days=364, hours=23)
    assert ask(world.call, start, start + timedelta(days=30))["CapacityForecast"]["Values"] == []


def test_of_policies_that_foresee_nothing(world, put, refused):
    error = ask(refused, policy="none")
    assert error.message == "Scaling policy 'none' not found"
    world.call(
        "PutScalingPolicy",
        AutoScalingGroupName="web",
        PolicyName="up",
        AdjustmentType="ExactCapacity",
        ScalingAdjustment=1,
    )
    error = ask(refused, policy="up")
    assert error.message == "Policies of type SimpleScaling have no forecast. Policy: up"
