import botocore.session
import pytest

MODEL = botocore.session.get_session().get_service_model("autoscaling")


def test_account_limits(world):
    world.group()
    assert world.call("DescribeAccountLimits") == {
        "MaxNumberOfAutoScalingGroups": 500,
        "MaxNumberOfLaunchConfigurations": 200,
        "NumberOfAutoScalingGroups": 1,
        "NumberOfLaunchConfigurations": 1,
    }


@pytest.mark.parametrize(
    ("operation", "member", "some"),
    [
        ("DescribeAdjustmentTypes", "AdjustmentTypes", {"AdjustmentType": "PercentChangeInCapacity"}),
        (
            "DescribeAutoScalingNotificationTypes",
            "AutoScalingNotificationTypes",
            "autoscaling:EC2_INSTANCE_TERMINATE_ERROR",
        ),
        ("DescribeLifecycleHookTypes", "LifecycleHookTypes", "autoscaling:EC2_INSTANCE_TERMINATING"),
        ("DescribeMetricCollectionTypes", "Metrics", {"Metric": "GroupAndWarmPoolTotalCapacity"}),
        ("DescribeMetricCollectionTypes", "Granularities", {"Granularity": "1Minute"}),
        ("DescribeScalingProcessTypes", "Processes", {"ProcessName": "AZRebalance"}),
        ("DescribeTerminationPolicyTypes", "TerminationPolicyTypes", "OldestLaunchTemplate"),
    ],
)
def test_types(world, operation, member, some):
    answer = world.call(operation)
    assert some in answer[member]
    assert set(answer) <= set(MODEL.operation_model(operation).output_shape.members)
