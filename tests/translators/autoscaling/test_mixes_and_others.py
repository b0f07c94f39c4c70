"""A mix beside what does not go with every mix: a warm pool, and launches by number."""

import pytest

from backend.domain.profile import ServerSpec
from backend.services.templates import NewVersion
from tests.factories import SCOPE

WEB = {"AutoScalingGroupName": "web"}
TEMPLATE = {"LaunchTemplateSpecification": {"LaunchTemplateName": "lt"}}
SPOT = {"LaunchTemplate": TEMPLATE, "InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": 50}}
WEIGHTS = {
    "LaunchTemplate": {**TEMPLATE, "Overrides": [{"InstanceType": "t3.micro", "WeightedCapacity": "2"}]},
}
PLAIN = {"LaunchTemplate": {**TEMPLATE, "Overrides": [{"InstanceType": "t3.micro"}]}}


@pytest.fixture
def made(world):
    spec = ServerSpec(image=world.image(), instance_type="t3.micro")
    world.backend.templates.create(SCOPE, "lt", NewVersion(spec, {}, "arn"))

    def make(policy):
        sizes = {"MinSize": 0, "MaxSize": 4, "AvailabilityZones": ["us-east-1a"]}
        world.call("CreateAutoScalingGroup", **WEB, **sizes, MixedInstancesPolicy=policy)

    return make


@pytest.mark.parametrize(
    ("policy", "words"), [(SPOT, "that requests Spot Instances"), (WEIGHTS, "with instance weights")]
)
def test_no_warm_pool_comes_to_spot_or_weights(world, refused, made, policy, words):
    made(policy)
    error = refused("PutWarmPool", **WEB)
    assert error.code == "ValidationError"
    assert error.message.startswith("You can't add a warm pool to an Auto Scaling group that")
    assert error.message.endswith(words)
    assert "WarmPoolConfiguration" not in world.call("DescribeWarmPool", **WEB)


@pytest.mark.parametrize(("policy", "words"), [(SPOT, "request Spot Instances"), (WEIGHTS, "use instance weights")])
def test_neither_comes_to_a_warm_pool(world, refused, made, policy, words):
    """Source: hashicorp/terraform-provider-aws #42437."""
    made(PLAIN)
    world.call("PutWarmPool", **WEB)
    error = refused("UpdateAutoScalingGroup", **WEB, MixedInstancesPolicy=policy)
    assert error.message == f"You can't {words} for an Auto Scaling group that has a warm pool"
    world.call("DeleteWarmPool", **WEB)
    world.call("UpdateAutoScalingGroup", **WEB, MixedInstancesPolicy=policy)


@pytest.mark.parametrize(
    ("policy", "pool", "code"), [(PLAIN, True, "UnsupportedOperation"), (SPOT, False, "ValidationError")]
)
def test_what_is_not_launched_into_by_number(world, refused, made, policy, pool, code):
    made(policy)
    if pool:
        world.call("PutWarmPool", **WEB)
    assert refused("LaunchInstances", **WEB, RequestedCapacity=1, ClientToken="t").code == code
