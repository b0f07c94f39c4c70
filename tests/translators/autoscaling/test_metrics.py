import pytest

from translators.autoscaling.metrics import METRICS


@pytest.fixture(autouse=True)
def group(world):
    return world.group()


def enabled(world):
    (group,) = world.call("DescribeAutoScalingGroups")["AutoScalingGroups"]
    return [(metric["Metric"], metric["Granularity"]) for metric in group["EnabledMetrics"]]


def test_some_and_all(world):
    params = {"AutoScalingGroupName": "web", "Granularity": "1Minute"}
    world.call("EnableMetricsCollection", **params, Metrics=["GroupMinSize"])
    assert enabled(world) == [("GroupMinSize", "1Minute")]
    world.call("EnableMetricsCollection", **params)
    assert {name for name, _ in enabled(world)} == set(METRICS)
    assert len(METRICS) == 24
    world.call("DisableMetricsCollection", AutoScalingGroupName="web", Metrics=["GroupMinSize"])
    assert len(enabled(world)) == 23
    world.call("DisableMetricsCollection", AutoScalingGroupName="web")
    assert enabled(world) == []


def test_refusals(refused):
    params = {"AutoScalingGroupName": "web", "Granularity": "1Minute"}
    words = f"Valid metrics collection types are: [{', '.join(METRICS)}]"
    assert refused("EnableMetricsCollection", **params, Metrics=["Nothing"]).message == words
    assert refused("DisableMetricsCollection", AutoScalingGroupName="web", Metrics=["Nothing"]).message == words
    assert "5Minutes" in refused("EnableMetricsCollection", AutoScalingGroupName="web", Granularity="5Minutes").message
    assert "not found" in refused("DisableMetricsCollection", AutoScalingGroupName="x").message
