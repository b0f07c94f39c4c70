"""Target tracking policies as AWS's clients write and read them, with the alarms that come with them."""

import pytest

from tests.factories import OTHER

CPU = {"PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"}, "TargetValue": 50.0}


@pytest.fixture
def put(world):
    world.group()

    def write(name="cpu", configuration=CPU, **params):
        return world.call(
            "PutScalingPolicy",
            AutoScalingGroupName="web",
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration=configuration,
            **params,
        )

    return write


def listed(world):
    return world.call("DescribePolicies", AutoScalingGroupName="web")["ScalingPolicies"]


def alarms(world, **params):
    return world.call("DescribeAlarms", service="cloudwatch", **params)["MetricAlarms"]


def custom(**members):
    return {"CustomizedMetricSpecification": members, "TargetValue": 10.0}


def test_it_has_two_alarms(world, put):
    """Source: cloud-custodian's recording; conformance/recorded aas/scale_in; alarms that users imported."""
    answer = put(AdjustmentType="ChangeInCapacity", Cooldown=300)
    (told,) = listed(world)
    assert told.pop("PolicyARN") == answer["PolicyARN"]
    assert told.pop("Alarms") == answer["Alarms"]
    assert told == {
        "AutoScalingGroupName": "web",
        "PolicyName": "cpu",
        "PolicyType": "TargetTrackingScaling",
        "StepAdjustments": [],
        "TargetTrackingConfiguration": {**CPU, "DisableScaleIn": False},
        "Enabled": True,
    }
    names = [each["AlarmName"] for each in answer["Alarms"]]
    high, low = alarms(world, AlarmNames=names)
    assert [high["AlarmName"], low["AlarmName"]] == names
    assert [each["AlarmArn"] for each in (high, low)] == [each["AlarmARN"] for each in answer["Alarms"]]
    assert high["AlarmDescription"] == f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {answer['PolicyARN']}."
    for each, threshold, periods, comparison in (
        (high, 50.0, 3, "GreaterThanThreshold"), (low, 45.0, 15, "LessThanThreshold"),
    ):  # fmt: skip
        assert (each["Threshold"], each["EvaluationPeriods"], each["ComparisonOperator"]) == (
            threshold, periods, comparison,
        )  # fmt: skip
        assert (each["Namespace"], each["MetricName"], each["Statistic"], each["Period"]) == (
            "AWS/EC2", "CPUUtilization", "Average", 60,
        )  # fmt: skip
        assert each["Dimensions"] == [{"Name": "AutoScalingGroupName", "Value": "web"}]
        assert each["AlarmActions"] == [answer["PolicyARN"]]
        assert not {"DatapointsToAlarm", "TreatMissingData", "Unit"} & each.keys()
    assert alarms(world, scope=OTHER) == []


def test_alarms_go_with_the_policy_and_with_its_group(world, put):
    put()
    put("net", {"PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageNetworkIn"}, "TargetValue": 1e6})
    assert len(alarms(world)) == 4
    world.call("DeletePolicy", AutoScalingGroupName="web", PolicyName="cpu")
    assert {each["MetricName"] for each in alarms(world)} == {"NetworkIn"}
    world.call("PutScalingPolicy", AutoScalingGroupName="web", PolicyName="net", AdjustmentType="ExactCapacity",
               ScalingAdjustment=1)  # fmt: skip
    assert alarms(world) == []
    put()
    world.call("DeleteAutoScalingGroup", AutoScalingGroupName="web", ForceDelete=True)
    assert alarms(world) == []


def test_a_metric_of_the_callers(world, put):
    given = {"MetricName": "m", "Namespace": "n", "Statistic": "Average", "Unit": "Count", "Period": 10,
             "Dimensions": [{"Name": "d", "Value": "v"}]}  # fmt: skip
    put("mine", custom(**given))
    (told,) = listed(world)
    assert told["TargetTrackingConfiguration"]["CustomizedMetricSpecification"] == given
    high, low = alarms(world)
    assert (high["Period"], high["Unit"], high["EvaluationPeriods"], low["EvaluationPeriods"]) == (10, "Count", 3, 30)


WORK = {"Id": "work", "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "Work"}, "Stat": "Sum"},
        "ReturnData": False}  # fmt: skip
WORKERS = {"Id": "workers", "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "Workers"}, "Stat": "Average",
           "Unit": "Count"}, "ReturnData": False}  # fmt: skip
RATIO = {"Id": "ratio", "Expression": "work / workers", "Label": "Work per worker", "ReturnData": True}


def test_metric_math(world, put):
    """Source: conformance/recorded aas/metric_math: a period on each query of the alarm, none in the policy's answer."""
    put("ratio", custom(Metrics=[WORK, WORKERS, RATIO]))
    (told,) = listed(world)
    answered = told["TargetTrackingConfiguration"]["CustomizedMetricSpecification"]
    assert answered["Dimensions"] == []
    assert answered["Metrics"][2] == RATIO
    assert "Period" not in answered["Metrics"][0]["MetricStat"]
    (high, _) = alarms(world)
    assert [each.get("Period") or each["MetricStat"]["Period"] for each in high["Metrics"]] == [60, 60, 60]


LABELLED = "ALBRequestCountPerTarget"
REFUSED = {
    "Target value must be between 8.51592E-12 and 1.174271E17": {**CPU, "TargetValue": -5.0},
    "1 validation error detected: Value null at 'targetTrackingConfiguration.customizedMetricSpecification.statistic'"
    " failed to satisfy constraint: Member must not be null": custom(MetricName="m", Namespace="n"),
    "You must specify either a PredefinedMetricSpecification or a CustomizedMetricSpecification.": {"TargetValue": 5.0},
    "Unable to create alarms in CloudWatch: All metrics in the alarm should have the same period": custom(
        Metrics=[WORK, {**RATIO, "Period": 10}]
    ),
    "The collection Metrics must not have a size greater than 20.": custom(Metrics=[WORK] * 21),
    "Exactly one element of the metrics list should return data.": custom(Metrics=[WORK]),
    "Unable to create alarms in CloudWatch: Error in expression 'ratio' [": custom(Metrics=[WORK, {**RATIO, "Expression": "work / absent"}]),
    "ResourceLabel must be specified for predefined metric type ALBRequestCountPerTarget": {
        "PredefinedMetricSpecification": {"PredefinedMetricType": LABELLED}, "TargetValue": 5.0,
    },
    "Invalid resource label 'app/lb/1/targetgroup/tg/2/x' for predefined metric type ALBRequestCountPerTarget": {
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": LABELLED, "ResourceLabel": "app/lb/1/targetgroup/tg/2/x",
        },
        "TargetValue": 5.0,
    },
    "Target group targetgroup/tg/fedcba9876543210 is not attached to the Auto Scaling group": {
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": LABELLED,
            "ResourceLabel": "app/lb/0123456789abcdef/targetgroup/tg/fedcba9876543210",
        },
        "TargetValue": 5.0,
    },
}  # fmt: skip


@pytest.mark.parametrize(("words", "configuration"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_is_refused(world, put, refused, words, configuration):
    put  # noqa: B018 - there is the group
    error = refused(
        "PutScalingPolicy",
        AutoScalingGroupName="web",
        PolicyName="x",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration=configuration,
    )
    assert (error.code, error.message[: len(words)]) == ("ValidationError", words)
    assert (listed(world), alarms(world)) == ([], [])


def test_one_policy_for_one_metric(world, put, refused):
    put()
    put(configuration={**CPU, "TargetValue": 60.0})  # itself
    error = refused(
        "PutScalingPolicy",
        AutoScalingGroupName="web",
        PolicyName="again",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={**CPU, "TargetValue": 70.0},
    )
    assert error.message == "Only one TargetTrackingScaling policy for a given metric specification is allowed."
    error = refused("ExecutePolicy", AutoScalingGroupName="web", PolicyName="cpu")
    assert error.code == "ValidationError"
