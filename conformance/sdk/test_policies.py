"""boto3: scaling policies, written, executed, listed, deleted."""

from __future__ import annotations

from typing import Any

from conformance.clients import refused
from conformance.fleet import Fleet
from conformance.product import until


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
