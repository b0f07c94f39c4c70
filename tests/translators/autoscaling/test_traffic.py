"""Target groups and traffic sources of groups, in AWS's words."""

import pytest

from backend.domain.ids import account_id
from tests.factories import SCOPE
from translators import arns

ACCOUNT = account_id(SCOPE.project_id)
INVALID = "Provided Target Groups may not be valid. Please ensure they exist and try again."
NO_BALANCERS = "Provided Load Balancers may not be valid. Please ensure they exist and try again."
GROUP = {"AutoScalingGroupName": "web"}


@pytest.fixture
def make(world):
    def make(name="front end"):
        pool = world.simulated.pools.create(SCOPE, name)
        return arns.target_group(SCOPE.region, ACCOUNT, pool.id, pool.name)

    return make


def _states(world):
    told = world.call("DescribeLoadBalancerTargetGroups", **GROUP)["LoadBalancerTargetGroups"]
    return {each["LoadBalancerTargetGroupARN"]: each["State"] for each in told}


def _described(world):
    (group,) = world.call("DescribeAutoScalingGroups")["AutoScalingGroups"]
    return group["TargetGroupARNs"], group.get("TrafficSources", [])


def test_a_target_group_is_attached_and_detached(world, make):
    world.group()
    arn = make()
    assert arn.startswith(f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:targetgroup/front-end/")
    assert world.call("AttachLoadBalancerTargetGroups", TargetGroupARNs=[arn], **GROUP) == {}
    assert _states(world) == {arn: "Adding"}
    assert _described(world) == ([arn], [{"Identifier": arn, "Type": "elbv2"}])
    assert world.call("DetachLoadBalancerTargetGroups", TargetGroupARNs=[arn], **GROUP) == {}
    assert _states(world) == {arn: "Removing"}
    assert _described(world) == ([], [])


@pytest.mark.parametrize("kind", [{"Type": "elbv2"}, {}])
def test_a_traffic_source_is_attached_and_detached(world, make, kind):
    world.group()
    arn = make()
    source = {"Identifier": arn, **kind}
    assert world.call("AttachTrafficSources", TrafficSources=[source], **GROUP) == {}
    told = world.call("DescribeTrafficSources", **GROUP)["TrafficSources"]
    assert told == [{"TrafficSource": arn, "Identifier": arn, "Type": "elbv2", "State": "Adding"}]
    assert world.call("DescribeTrafficSources", TrafficSourceType="elbv2", **GROUP)["TrafficSources"] == told
    assert world.call("DescribeTrafficSources", TrafficSourceType="elb", **GROUP)["TrafficSources"] == []
    assert world.call("DetachTrafficSources", TrafficSources=[source], **GROUP) == {}
    assert [each["State"] for each in world.call("DescribeTrafficSources", **GROUP)["TrafficSources"]] == ["Removing"]


def test_a_group_is_made_with_both(world, make):
    world.launch_configuration()
    one, two = make("one"), make("two")
    world.call(
        "CreateAutoScalingGroup",
        MinSize=0,
        MaxSize=1,
        LaunchConfigurationName="lc",
        AvailabilityZones=["us-east-1a"],
        TargetGroupARNs=[one],
        TrafficSources=[{"Identifier": one}, {"Identifier": two, "Type": "elbv2"}],
        LoadBalancerNames=[],
        **GROUP,
    )
    assert _described(world)[0] == [one, two]


@pytest.mark.parametrize(
    "arn",
    [
        "web",
        "arn:aws:elasticloadbalancing:us-east-1:{0}:targetgroup/web/0123456789abcdef",
        "arn:aws:elasticloadbalancing:us-east-1:{0}:targetgroup/web/",
        "arn:aws:elasticloadbalancing:us-east-1:{0}:loadbalancer/app/web/0123456789abcdef",
        "arn:aws:elasticloadbalancing:eu-west-1:{0}:targetgroup/web/0123456789abcdef",
        "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef",
    ],
)
def test_what_is_no_target_group_of_the_account(world, refused, arn):
    world.group()
    error = refused("AttachLoadBalancerTargetGroups", TargetGroupARNs=[arn.format(ACCOUNT)], **GROUP)
    assert (error.code, error.message) == ("ValidationError", INVALID)


def test_the_name_in_an_arn_is_not_what_is_looked_for(world, make):
    world.group()
    renamed = make().replace("/front-end/", "/renamed/")
    world.call("AttachLoadBalancerTargetGroups", TargetGroupARNs=[renamed], **GROUP)
    assert list(_states(world)) == [renamed.replace("/renamed/", "/front-end/")]


@pytest.mark.parametrize("operation", ["AttachLoadBalancerTargetGroups", "DetachLoadBalancerTargetGroups"])
def test_ten_at_a_time(world, refused, make, operation):
    world.group()
    error = refused(operation, TargetGroupARNs=[make()] * 11, **GROUP)
    assert error.message == "Trying to update too many Target Groups at once. The limit is 10"
    sources = [{"Identifier": make()}] * 11
    error = refused("AttachTrafficSources", TrafficSources=sources, **GROUP)
    assert error.message == "Trying to update too many Traffic Sources at once. The limit is 10"


def test_what_is_not_attached_is_not_detached(world, refused, make):
    world.group()
    error = refused("DetachLoadBalancerTargetGroups", TargetGroupARNs=[make()], **GROUP)
    assert error.message == "Trying to remove Target Groups that are not part of the group"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"Identifier": "classic"}, NO_BALANCERS),
        ({"Identifier": "classic", "Type": "elb"}, NO_BALANCERS),
        ({"Identifier": "x", "Type": "y"}, "Invalid traffic source type: y. Valid values: [elb, elbv2, vpc-lattice]"),
        (
            {"Identifier": "arn:aws:vpc-lattice:us-east-1:1:targetgroup/tg-1"},
            "Traffic source type vpc-lattice is not supported by this service.",
        ),
    ],
)
def test_sources_of_other_kinds(world, refused, source, message):
    world.group()
    assert refused("AttachTrafficSources", TrafficSources=[source], **GROUP).message == message


def test_classic_load_balancers_that_are_not_there(world, refused):
    world.group()
    assert world.call("DescribeLoadBalancers", **GROUP) == {"LoadBalancers": []}
    assert world.call("AttachLoadBalancers", LoadBalancerNames=[], **GROUP) == {}
    assert refused("AttachLoadBalancers", LoadBalancerNames=["x"], **GROUP).message == NO_BALANCERS
    error = refused("DetachLoadBalancers", LoadBalancerNames=["x"], **GROUP)
    assert error.message == "Trying to remove Load Balancers that are not part of the group"


def test_pages(world, refused, make):
    world.group()
    given = [make(f"p{number}") for number in range(3)]
    world.call("AttachLoadBalancerTargetGroups", TargetGroupARNs=given, **GROUP)
    first = world.call("DescribeLoadBalancerTargetGroups", MaxRecords=2, **GROUP)
    second = world.call("DescribeLoadBalancerTargetGroups", MaxRecords=2, NextToken=first["NextToken"], **GROUP)
    told = first["LoadBalancerTargetGroups"] + second["LoadBalancerTargetGroups"]
    assert [each["LoadBalancerTargetGroupARN"] for each in told] == given
    assert "NextToken" not in second
    error = refused("DescribeTrafficSources", TrafficSourceType="x", **GROUP)
    assert error.code == "ValidationError"


@pytest.mark.parametrize(
    ("name", "fit"),
    [("web", "web"), ("a b/c", "a-b-c"), ("ü", "unnamed"), ("", "unnamed"), ("x" * 40, "x" * 32), ("-a-", "a")],
)
def test_names_fit_into_arns(name, fit):
    assert arns.balancing_name(name) == fit
