"""Scaling policies as AWS's clients write, read and execute them."""

from datetime import timedelta

import pytest

from backend.domain.node import NodeState
from backend.store import clusters
from tests.factories import NOW, OTHER, SCOPE

OUT = {"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}


@pytest.fixture
def put(world):
    world.group(maximum=20, desired=4)

    def write(name="up", **params):
        return world.call("PutScalingPolicy", AutoScalingGroupName="web", PolicyName=name, **params)

    return write


def listed(world, **params):
    return world.call("DescribePolicies", **params)["ScalingPolicies"]


def desired(world):
    return world.backend.clusters.get(SCOPE, "web").spec.desired


def run(world, name="up", **params):
    return world.call("ExecutePolicy", AutoScalingGroupName="web", PolicyName=name, **params)


def serve(world, *names, **values):
    world.put(world.backend.clusters.get(SCOPE, "web"), *names, **values)


def test_a_simple_one(world, put):
    answer = put(AdjustmentType="ChangeInCapacity", ScalingAdjustment=2, Cooldown=0)
    assert answer["Alarms"] == []
    (told,) = listed(world, AutoScalingGroupName="web")
    assert told == {
        "AutoScalingGroupName": "web",
        "PolicyName": "up",
        "PolicyARN": answer["PolicyARN"],
        "PolicyType": "SimpleScaling",
        "AdjustmentType": "ChangeInCapacity",
        "ScalingAdjustment": 2,
        "Cooldown": 0,
        "StepAdjustments": [],
        "Alarms": [],
        "Enabled": True,
    }
    assert answer["PolicyARN"].startswith("arn:aws:autoscaling:us-east-1:")
    assert answer["PolicyARN"].endswith(":autoScalingGroupName/web:policyName/up")
    run(world)
    assert desired(world) == 6
    (cause,) = [each for each in world.backend.clusters.get(SCOPE, "web").causes if "policy" in each.data]
    assert dict(cause.data) == {"policy": "up", "before": 4, "after": 6}


def test_a_step_one_tells_its_defaults_and_not_what_was_not_given(world, put):
    put(PolicyType="StepScaling", AdjustmentType="PercentChangeInCapacity", MinAdjustmentMagnitude=2, Cooldown=7,
        StepAdjustments=[OUT])  # fmt: skip
    (told,) = listed(world)
    assert told["MetricAggregationType"] == "Average"
    assert told["MinAdjustmentMagnitude"] == told["MinAdjustmentStep"] == 2
    assert told["StepAdjustments"] == [OUT]
    assert not {"Cooldown", "EstimatedInstanceWarmup", "ScalingAdjustment"} & told.keys()


def test_writing_it_anew_keeps_nothing_but_its_arn(world, put):
    before = put(AdjustmentType="ChangeInCapacity", ScalingAdjustment=2, Cooldown=60)
    after = put(PolicyType="StepScaling", AdjustmentType="ExactCapacity", StepAdjustments=[OUT], Enabled=False)
    assert after["PolicyARN"] == before["PolicyARN"]
    (told,) = listed(world)
    assert (told["PolicyType"], told["Enabled"]) == ("StepScaling", False)
    assert not {"Cooldown", "ScalingAdjustment"} & told.keys()


SIMPLE = {"AdjustmentType": "ChangeInCapacity"}
STEP = {"PolicyType": "StepScaling", "AdjustmentType": "ChangeInCapacity"}


def steps(*ends):
    return [
        {name: end for name, end in zip(("MetricIntervalLowerBound", "MetricIntervalUpperBound"), each, strict=True)
         if end is not None} | {"ScalingAdjustment": 1}
        for each in ends
    ]  # fmt: skip


FLAWS = {
    "You must specify an AdjustmentType for policy type: SimpleScaling": {"ScalingAdjustment": 1},
    "You must specify an AdjustmentType for policy type: StepScaling": {"PolicyType": "StepScaling"},
    "Scaling increment must be specified for a SimpleScaling policy": SIMPLE,
    "The lower range for adjustment is 0 with the specified adjustment type.": {
        "AdjustmentType": "ExactCapacity", "ScalingAdjustment": -1,
    },
    "You should specify at least one StepAdjustment with a StepScaling policy.": STEP,
    "Your policies can have at most 20 StepAdjustments.": {
        **STEP, "StepAdjustments": steps(*((n, n + 1) for n in range(20)), (20, None)),
    },
    "The lowest value for ScalingAdjustment parameter is 0 with the specified adjustment type. Erroneous StepAdjustment"
    " is StepAdjustment{MetricIntervalLowerBound=0.0,MetricIntervalUpperBound=null,ScalingAdjustment=-1.0,"
    "ProportionalFactor=null}": {
        **STEP, "AdjustmentType": "ExactCapacity", "StepAdjustments": [{**OUT, "ScalingAdjustment": -1}],
    },
    "There must be a StepAdjustment with an unspecified upper bound (i.e., upper bound is null) when one StepAdjustment"
    " has a positive upper bound": {**STEP, "StepAdjustments": steps((1, 2))},
    "There must be a StepAdjustment with an unspecified lower bound (i.e., lower bound is null) when one StepAdjustment"
    " has a negative lower bound": {**STEP, "StepAdjustments": steps((-2, 0))},
    "Both lower and upper bounds of a step adjustment cannot be left unspecified": {
        **STEP, "StepAdjustments": steps((None, None)),
    },
    "StepAdjustment intervals can't overlap": {**STEP, "StepAdjustments": steps((0, 10), (5, None))},
    "StepAdjustment intervals can't have gaps between them": {**STEP, "StepAdjustments": steps((0, 10), (15, None))},
    "At most one StepAdjustment may have an unspecified upper bound": {
        **STEP, "StepAdjustments": steps((0, None), (5, None)),
    },
    "At most one StepAdjustment may have an unspecified lower bound": {
        **STEP, "StepAdjustments": steps((None, 0), (None, -5)),
    },
    "You can't specify MetricAggregationType for policy type: SimpleScaling": {
        **SIMPLE, "ScalingAdjustment": 1, "MetricAggregationType": "Average",
    },
    "You can't specify ScalingAdjustment for policy type: StepScaling": {
        **STEP, "StepAdjustments": [OUT], "ScalingAdjustment": 1,
    },
    "StepAdjustments must be a finite number.": {**STEP, "StepAdjustments": steps((float("nan"), None))},
}  # fmt: skip


@pytest.mark.parametrize(("words", "params"), FLAWS.items(), ids=range(len(FLAWS)))
def test_what_is_refused(world, put, refused, words, params):
    error = refused("PutScalingPolicy", AutoScalingGroupName="web", PolicyName="x", **params)
    assert (error.code, error.message) == ("ValidationError", words)
    assert listed(world) == []


def test_words_that_are_none(put, refused):
    for member, value in {"PolicyType": "Odd", "AdjustmentType": "Odd"}.items():
        params = {**SIMPLE, "ScalingAdjustment": 1, member: value}
        error = refused("PutScalingPolicy", AutoScalingGroupName="web", PolicyName="x", **params)
        assert f"Value 'Odd' at '{member[0].lower()}{member[1:]}'" in error.message


def test_of_groups_that_are_not_there(world, put, refused):
    given = {"AutoScalingGroupName": "none", "PolicyName": "up"}
    for operation, more in {"PutScalingPolicy": {**SIMPLE, "ScalingAdjustment": 1}, "ExecutePolicy": {}, "DeletePolicy": {}}.items():  # fmt: skip
        error = refused(operation, **given, **more)
        assert error.message == "AutoScalingGroup name not found - AutoScalingGroup 'none' not found"


def test_named_by_its_arn(world, put, refused):
    arn = put(AdjustmentType="ExactCapacity", ScalingAdjustment=7)["PolicyARN"]
    put("other", AdjustmentType="ExactCapacity", ScalingAdjustment=9)
    world.call("ExecutePolicy", PolicyName=arn)
    assert desired(world) == 7
    assert [each["PolicyName"] for each in listed(world, PolicyNames=[arn])] == ["up"]
    assert [each["PolicyName"] for each in listed(world, PolicyNames=["other", "none"])] == ["other"]
    assert listed(world, PolicyNames=[arn.replace("us-east-1", "eu-west-1")]) == []
    assert listed(world, PolicyTypes=["StepScaling"]) == []
    assert world.call("DescribePolicies", scope=OTHER) == {"ScalingPolicies": []}
    world.call("DeletePolicy", PolicyName=arn)
    for operation in ("DeletePolicy", "ExecutePolicy"):
        error = refused(operation, PolicyName=arn)
        assert (error.code, "not found" in error.message) == ("ValidationError", True)
        assert (
            refused(operation, PolicyName="up", AutoScalingGroupName="web").message == "Scaling policy 'up' not found"
        )
        assert "AutoScalingGroupName" in refused(operation, PolicyName="up").message


def test_a_disabled_one_and_what_no_policy_takes(world, put, refused):
    put(**SIMPLE, ScalingAdjustment=1, Enabled=False)
    named = {"AutoScalingGroupName": "web", "PolicyName": "up"}
    assert refused("ExecutePolicy", **named).message == "Policy up is disabled"
    put(**SIMPLE, ScalingAdjustment=1)
    assert "not supported" in refused("ExecutePolicy", **named, MetricValue=1.0, BreachThreshold=1.0).message
    put(**STEP, StepAdjustments=[OUT])
    assert "required" in refused("ExecutePolicy", **named).message
    assert "together" in refused("ExecutePolicy", **named, MetricValue=1.0).message
    below = refused("ExecutePolicy", **named, MetricValue=0.14, BreachThreshold=85.0)
    assert below.message == "No step adjustment found for metric value [0.14] and breach threshold 85.0"
    assert desired(world) == 4


def test_within_the_bounds(world, put):
    put(**SIMPLE, ScalingAdjustment=100)
    run(world)
    assert desired(world) == 20
    run(world)
    assert desired(world) == 20
    put(**SIMPLE, ScalingAdjustment=-100)
    run(world)
    assert desired(world) == 1


def test_the_cooldown_that_is_honoured(world, put, refused):
    def met(**values):
        def work(conn):
            before = clusters.get(conn, SCOPE, "web")
            clusters.change(conn, before.id, NOW, causes=(), **values)

        world.store.transact(work)

    put(**SIMPLE, ScalingAdjustment=1, Cooldown=60)
    given = {"AutoScalingGroupName": "web", "PolicyName": "up", "HonorCooldown": True}
    assert refused("ExecutePolicy", **given).code == "ScalingActivityInProgress"  # the group is only just made
    met()
    world.call("ExecutePolicy", **given)
    assert world.backend.clusters.get(SCOPE, "web").own_cooldown_seconds == 60
    assert refused("ExecutePolicy", **given).code == "ScalingActivityInProgress"  # no activity has followed yet
    met(cooldown_until=NOW + timedelta(seconds=60))
    assert refused("ExecutePolicy", **given).code == "ScalingActivityInProgress"
    run(world)
    assert desired(world) == 6
    met()
    world.clock.move(60)
    world.call("ExecutePolicy", **given)
    assert desired(world) == 7
    world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=3)
    assert world.backend.clusters.get(SCOPE, "web").own_cooldown_seconds is None


def test_steps_count_what_warms_up(world, put):
    """Source: Auto Scaling User Guide, "Step and simple scaling policies": the worked example of instance warm-up."""
    serve(world, "a", "b", "c", "d")
    put(
        **STEP,
        EstimatedInstanceWarmup=120,
        StepAdjustments=[
            {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 1},
            {"MetricIntervalLowerBound": 10, "ScalingAdjustment": 3},
        ],
    )
    put("down", **STEP, StepAdjustments=[{"MetricIntervalUpperBound": 0, "ScalingAdjustment": -1}])
    world.clock.move(10)
    run(world, MetricValue=65.0, BreachThreshold=60.0)
    assert desired(world) == 5
    run(world, MetricValue=65.0, BreachThreshold=60.0)  # the same step
    assert desired(world) == 5
    serve(world, "e", state=NodeState.PENDING, in_service_at=None)
    run(world, MetricValue=75.0, BreachThreshold=60.0)  # a higher one: the rest of it
    assert desired(world) == 7
    run(world, "down", MetricValue=10.0, BreachThreshold=60.0)
    assert desired(world) == 7
    at = world.clock.now()
    serve(world, "f", "g", created_at=at, in_service_at=at)
    world.clock.move(121)
    run(world, MetricValue=65.0, BreachThreshold=60.0)
    assert desired(world) == 7  # one of seven is still on its way


def test_there_is_an_end_to_it(world, put, refused):
    for number in range(50):
        put(f"p{number:02}", **SIMPLE, ScalingAdjustment=1)
    named = {"AutoScalingGroupName": "web", "PolicyName": "more"}
    assert refused("PutScalingPolicy", **named, **SIMPLE, ScalingAdjustment=1).code == "LimitExceeded"
    seen, token = [], {}
    while True:
        answer = world.call("DescribePolicies", MaxRecords=20, **token)
        seen += [each["PolicyName"] for each in answer["ScalingPolicies"]]
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert seen == sorted(seen)
    assert len(set(seen)) == 50


def test_they_go_with_their_group(world, put):
    put(**SIMPLE, ScalingAdjustment=1)
    world.call("DeleteAutoScalingGroup", AutoScalingGroupName="web", ForceDelete=True)
    assert listed(world) == []
