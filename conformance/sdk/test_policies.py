"""boto3: scaling policies, written, executed, listed, deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from conformance.clients import client, refused
from conformance.fleet import Fleet
from conformance.product import Access, until


def put(fleet: Fleet, name: str, policy: str, **params: Any) -> dict[str, Any]:
    answer: dict[str, Any] = fleet.autoscaling.put_scaling_policy(
        AutoScalingGroupName=name, PolicyName=policy, **params
    )
    return answer


def listed(fleet: Fleet, name: str) -> dict[str, dict[str, Any]]:
    told = fleet.autoscaling.describe_policies(AutoScalingGroupName=name)["ScalingPolicies"]
    return {each["PolicyName"]: each for each in told}


def run(fleet: Fleet, name: str, policy: str, **params: Any) -> None:
    fleet.autoscaling.execute_policy(AutoScalingGroupName=name, PolicyName=policy, **params)


def test_a_simple_policy_acts_cools_down_and_is_told(fleet: Fleet) -> None:
    name = fleet.create(1, DefaultCooldown=0)
    put(fleet, name, "out", AdjustmentType="ChangeInCapacity", ScalingAdjustment=2, Cooldown=2)
    run(fleet, name, "out", HonorCooldown=True)
    with refused("ScalingActivityInProgress"):
        run(fleet, name, "out", HonorCooldown=True)
    fleet.settle(name, 3)
    causes = [one["Cause"] for one in fleet.activities(name) if "executed policy" in one["Cause"]]
    assert len(causes) == 2
    assert all(
        "a user request executed policy out changing the desired capacity from 1 to 3.  At " in cause
        for cause in causes
    )

    def over() -> bool:
        try:
            run(fleet, name, "out", HonorCooldown=True)
        except fleet.autoscaling.exceptions.ScalingActivityInProgressFault:
            return False
        return True

    until("its own cooldown of two seconds is over", over)
    fleet.settle(name, 5)


def test_a_step_policy(fleet: Fleet) -> None:
    name = fleet.create(2)
    arn = put(
        fleet,
        name,
        "steps",
        PolicyType="StepScaling",
        AdjustmentType="ChangeInCapacity",
        EstimatedInstanceWarmup=3600,
        StepAdjustments=[
            {"MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -1},
            {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 15.0, "ScalingAdjustment": 1},
            {"MetricIntervalLowerBound": 15.0, "ScalingAdjustment": 2},
        ],
    )["PolicyARN"]
    told = listed(fleet, name)["steps"]
    assert (told["PolicyARN"], told["MetricAggregationType"], told["Alarms"]) == (arn, "Average", [])
    run(fleet, name, "steps", MetricValue=55.0, BreachThreshold=50.0)
    fleet.settle(name, 3)
    run(fleet, name, "steps", MetricValue=55.0, BreachThreshold=50.0)
    assert fleet.group(name)["DesiredCapacity"] == 3
    fleet.autoscaling.execute_policy(PolicyName=arn, MetricValue=80.0, BreachThreshold=50.0)
    fleet.settle(name, 4)
    run(fleet, name, "steps", MetricValue=10.0, BreachThreshold=50.0)  # something still warms up
    assert fleet.group(name)["DesiredCapacity"] == 4
    fleet.autoscaling.delete_policy(PolicyName=arn)
    assert listed(fleet, name) == {}


def test_what_is_refused(fleet: Fleet) -> None:
    name = fleet.create()
    with refused("ValidationError", "You must specify an AdjustmentType for policy type: SimpleScaling"):
        put(fleet, name, "x", ScalingAdjustment=1)
    with refused("ValidationError", "Scaling increment must be specified for a SimpleScaling policy"):
        put(fleet, name, "x", AdjustmentType="ChangeInCapacity")
    with refused("ValidationError", "AutoScalingGroup name not found"):
        put(fleet, "none-of-ours", "x", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1)
    with refused("ValidationError", "not found"):
        run(fleet, name, "none")
    with refused("ValidationError", "not found"):
        fleet.autoscaling.delete_policy(AutoScalingGroupName=name, PolicyName="none")


def gauge(name: str, group: str, statistic: str) -> dict[str, Any]:
    metric = {
        "Namespace": "Conformance",
        "MetricName": name,
        "Dimensions": [{"Name": "Group", "Value": group}],
    }
    return {"MetricDataQueries": [{"Id": "q", "MetricStat": {"Metric": metric, "Stat": statistic}, "ReturnData": True}]}


def predictive(group: str, target: float) -> dict[str, Any]:
    return {
        "TargetValue": target,
        "CustomizedLoadMetricSpecification": gauge("Work", group, "Sum"),
        "CustomizedScalingMetricSpecification": gauge("Busy", group, "Average"),
        "CustomizedCapacityMetricSpecification": gauge("Size", group, "Average"),
    }


def test_a_predictive_policy_foresees_and_acts(fleet: Fleet, server: Access) -> None:
    """Six units of work in each hour of the last two days, two nodes that each had three of them: at most two each."""
    name = fleet.create(1, 0, 5)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    past = [hour - timedelta(hours=back) for back in range(1, 49)]
    values = {"Work": 6.0, "Busy": 3.0, "Size": 2.0}
    data = [
        {"MetricName": what, "Dimensions": [{"Name": "Group", "Value": name}], "Timestamp": at, "Value": value}
        for what, value in values.items()
        for at in past
    ]
    client(server, "cloudwatch").put_metric_data(Namespace="Conformance", MetricData=data)
    configuration = {
        "MetricSpecifications": [predictive(name, 2.0)],
        "Mode": "ForecastAndScale",
        "SchedulingBufferTime": 60,
        "MaxCapacityBreachBehavior": "HonorMaxCapacity",
    }
    answer = put(fleet, name, "ahead", PolicyType="PredictiveScaling", PredictiveScalingConfiguration=configuration)
    assert answer["Alarms"] == []
    assert listed(fleet, name)["ahead"]["PredictiveScalingConfiguration"] == configuration
    fleet.settle(name, 3)
    causes = [one["Cause"] for one in fleet.activities(name) if "predictive scaling policy ahead" in one["Cause"]]
    assert len(causes) == 2
    assert "with a forecast of 3 changing the desired capacity from 1 to 3.  At " in causes[0]
    assert fleet.group(name)["PredictedCapacity"] == 3
    asked = {"AutoScalingGroupName": name, "PolicyName": "ahead"}
    told = fleet.autoscaling.get_predictive_scaling_forecast(
        **asked, StartTime=hour, EndTime=hour + timedelta(hours=48)
    )
    load, capacity = told["LoadForecast"][0], told["CapacityForecast"]
    assert load["Timestamps"] == capacity["Timestamps"]
    assert len(load["Timestamps"]) in {47, 48}  # an hour may have begun meanwhile
    assert set(capacity["Values"]) == {3.0}
    assert all(abs(value - 6.0) < 1e-6 for value in load["Values"])
    assert load["MetricSpecification"] == configuration["MetricSpecifications"][0]
    assert told["UpdateTime"] >= hour
    with refused("ValidationError", "must not be more than 30 days"):
        fleet.autoscaling.get_predictive_scaling_forecast(**asked, StartTime=hour, EndTime=hour + timedelta(days=31))
    with refused("ValidationError", "not found"):
        fleet.autoscaling.get_predictive_scaling_forecast(
            **{**asked, "PolicyName": "none"}, StartTime=hour, EndTime=hour + timedelta(hours=1)
        )
    fleet.autoscaling.delete_policy(**asked)
    assert "PredictedCapacity" not in fleet.group(name)


def test_predictive_policies_that_are_refused(fleet: Fleet) -> None:
    name = fleet.create()
    kind = {"PolicyType": "PredictiveScaling"}
    with refused("ValidationError", "You must specify PredictiveScalingConfiguration"):
        put(fleet, name, "x", **kind)
    with refused("ValidationError", "You must specify one metric specification"):
        configuration: dict[str, Any] = {"MetricSpecifications": [predictive(name, 1.0)] * 2}
        put(fleet, name, "x", **kind, PredictiveScalingConfiguration=configuration)
    with refused("ValidationError", "You must not specify max capacity buffer when using HonorMaxCapacity"):
        configuration = {"MetricSpecifications": [predictive(name, 1.0)], "MaxCapacityBuffer": 10}
        put(fleet, name, "x", **kind, PredictiveScalingConfiguration=configuration)
