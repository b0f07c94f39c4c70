"""boto3: target groups of groups. Members come with instances, drain before they go, and tell how instances do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.clients import client, refused
from conformance.fleet import Fleet, make_fleet, unique
from conformance.product import ROOT, Product, until

DRAIN_SECONDS = 3
INVALID = "Provided Target Groups may not be valid. Please ensure they exist and try again."


@dataclass
class Operator:
    """Who makes load balancers on the simulated cloud, and sees what is in them."""

    product: Product

    def do(self, *words: str) -> str:
        command = [sys.executable, "-m", "backend.drivers.simulated", str(self.product.state / "cloud.db"), *words]
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    def make(self, *options: str) -> str:
        """A new pool with a load balancer; its name."""
        name = unique("tg")
        self.do("pool", "embedded", name, "--port", "8080", *options)
        return name

    def members(self, pool: str) -> list[list[str]]:
        """Address and port, weight, health and node of each member."""
        return [line.split("  ") for line in self.do("members", pool).splitlines()]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A Coppice of our own: load balancers are made beside it."""
    quick = {"OS_ENGINE__DEREGISTRATION_SECONDS": str(DRAIN_SECONDS), "OS_ENGINE__WATCH_IDLE_SECONDS": "1"}
    made = Product(tmp_path_factory.mktemp("traffic") / "state", settings=quick)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def operator(product: Product) -> Operator:
    return Operator(product)


@pytest.fixture(scope="module")
def elb(product: Product) -> Any:
    return client(product.access, "elbv2")


@pytest.fixture(scope="module")
def served(product: Product) -> Iterator[Fleet]:
    made = make_fleet(client(product.access, "autoscaling"), client(product.access, "ec2"))
    yield made
    made.sweep()


@pytest.fixture
def target(operator: Operator, elb: Any) -> dict[str, Any]:
    """A new target group, as it is described."""
    found: dict[str, Any] = elb.describe_target_groups(Names=[operator.make()])["TargetGroups"][0]
    return found


def health(elb: Any, target: dict[str, Any]) -> dict[str, str]:
    answer = elb.describe_target_health(TargetGroupArn=target["TargetGroupArn"])
    return {one["Target"]["Id"]: one["TargetHealth"]["State"] for one in answer["TargetHealthDescriptions"]}


def states(fleet: Fleet, name: str) -> dict[str, str]:
    answer = fleet.autoscaling.describe_load_balancer_target_groups(AutoScalingGroupName=name)
    return {one["LoadBalancerTargetGroupARN"]: one["State"] for one in answer["LoadBalancerTargetGroups"]}


def test_members_come_with_instances_and_drain_before_they_go(
    served: Fleet, elb: Any, operator: Operator, target: dict[str, Any]
) -> None:
    asg, arn = served.autoscaling, target["TargetGroupArn"]
    name = served.create(1)
    asg.attach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=[arn])
    until("the target group is added", lambda: states(served, name) == {arn: "Added"})
    group = served.group(name)
    assert group["TargetGroupARNs"] == [arn]
    assert group["TrafficSources"] == [{"Identifier": arn, "Type": "elbv2"}]
    asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=4)
    ids = served.settle(name, 4)
    until("all are healthy", lambda: health(elb, target) == dict.fromkeys(ids, "healthy"))
    addresses = {one["PrivateIpAddress"] for one in served.servers(name)}
    members = operator.members(target["TargetGroupName"])
    assert {member[0] for member in members} == {f"{address}:8080" for address in addresses}

    asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
    until("three drain", lambda: sorted(health(elb, target).values()) == ["draining"] * 3 + ["healthy"])
    assert len(served.servers(name, "running")) == 4
    waiting = [one["StatusCode"] for one in served.activities(name) if "Terminating" in one["Description"]]
    assert waiting == ["WaitingForELBConnectionDraining"] * 3
    (stays,) = served.settle(name, 1)
    assert health(elb, target) == {stays: "healthy"}
    assert len(operator.members(target["TargetGroupName"])) == 1

    asg.detach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=[arn])
    assert served.group(name)["TargetGroupARNs"] == []
    until("the target group is removed", lambda: states(served, name) == {})
    assert operator.members(target["TargetGroupName"]) == []
    assert served.ids(name) == [stays]


def test_traffic_sources(served: Fleet, elb: Any, operator: Operator, target: dict[str, Any]) -> None:
    asg, arn = served.autoscaling, target["TargetGroupArn"]
    source = {"Identifier": arn, "Type": "elbv2"}
    name = served.create(1, TrafficSources=[source], HealthCheckType="ELB")

    def told() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = asg.describe_traffic_sources(AutoScalingGroupName=name)["TrafficSources"]
        return found

    until("it is in service", lambda: [one["State"] for one in told()] == ["InService"])
    asg.detach_traffic_sources(AutoScalingGroupName=name, TrafficSources=[source])
    until("it is gone", lambda: told() == [])
    asg.attach_traffic_sources(AutoScalingGroupName=name, TrafficSources=[source])
    until("it is in service again", lambda: [one["State"] for one in told()] == ["InService"])
    served.delete(name)
    until("the pool is empty", lambda: operator.members(target["TargetGroupName"]) == [])


def test_what_the_balancer_finds_sick_is_replaced_where_that_counts(
    served: Fleet, elb: Any, operator: Operator, target: dict[str, Any]
) -> None:
    asg, arn = served.autoscaling, target["TargetGroupArn"]
    name = served.create(1, TargetGroupARNs=[arn], HealthCheckType="ELB")
    (sick,) = served.ids(name)
    # Who was never seen healthy is not judged yet: the group's own word for that it was.
    until("it is seen healthy", lambda: states(served, name) == {arn: "InService"})
    asg.update_auto_scaling_group(AutoScalingGroupName=name, HealthCheckType="EC2")
    asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2)
    (well,) = set(served.settle(name, 2)) - {sick}
    until("both are healthy", lambda: health(elb, target) == {sick: "healthy", well: "healthy"})
    operator.do("member-down", target["TargetGroupName"], sick)
    until("one is found sick", lambda: health(elb, target) == {sick: "unhealthy", well: "healthy"})
    assert set(served.ids(name)) == {sick, well}
    asg.update_auto_scaling_group(AutoScalingGroupName=name, HealthCheckType="ELB")
    until("it is replaced", lambda: sick not in served.ids(name) and len(served.ids(name)) == 2)
    until("the other one serves", lambda: health(elb, target) == dict.fromkeys(served.ids(name), "healthy"))
    causes = [one["Cause"] for one in served.activities(name) if one["Description"].endswith(sick)]
    assert "an instance was taken out of service in response to an ELB system health check failure." in causes[0]


def test_standby_takes_no_traffic(served: Fleet, elb: Any, target: dict[str, Any]) -> None:
    asg = served.autoscaling
    name = served.create(2, TargetGroupARNs=[target["TargetGroupArn"]])
    resting, serving = served.ids(name)
    until("both are healthy", lambda: health(elb, target) == {resting: "healthy", serving: "healthy"})
    asg.enter_standby(AutoScalingGroupName=name, InstanceIds=[resting], ShouldDecrementDesiredCapacity=True)
    served.settle(name, 1, standby=1)
    assert health(elb, target) == {serving: "healthy"}
    asg.exit_standby(AutoScalingGroupName=name, InstanceIds=[resting])
    served.settle(name, 2)
    until("both are healthy", lambda: health(elb, target) == {resting: "healthy", serving: "healthy"})


def test_refusals(served: Fleet, target: dict[str, Any]) -> None:
    asg, arn = served.autoscaling, target["TargetGroupArn"]
    name = served.create()
    with refused("ValidationError", INVALID):
        asg.attach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=[arn[:-16] + "0" * 16])
    with refused("ValidationError", INVALID):
        served.create(TargetGroupARNs=["x"])
    with refused("ValidationError", "Trying to remove Target Groups that are not part of the group"):
        asg.detach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=[arn])
    with refused("ValidationError", "Trying to update too many Target Groups at once. The limit is 10"):
        asg.attach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=[arn] * 11)
    with refused("ValidationError", "AutoScalingGroup name not found"):
        asg.attach_load_balancer_target_groups(AutoScalingGroupName=unique("none"), TargetGroupARNs=[arn])
    asg.attach_load_balancers(AutoScalingGroupName=name, LoadBalancerNames=[])
    asg.detach_load_balancers(AutoScalingGroupName=name, LoadBalancerNames=[])
    with refused(
        "ValidationError", "Provided Load Balancers may not be valid. Please ensure they exist and try again."
    ):
        asg.attach_load_balancers(AutoScalingGroupName=name, LoadBalancerNames=["classic"])


def test_what_load_balancing_tells(elb: Any, target: dict[str, Any]) -> None:
    arn = target["TargetGroupArn"]
    assert (target["Port"], target["Protocol"], target["TargetType"]) == (8080, "HTTP", "instance")
    (balancer,) = elb.describe_load_balancers(LoadBalancerArns=target["LoadBalancerArns"])["LoadBalancers"]
    assert balancer["State"]["Code"] == "active"
    (listener,) = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert listener["DefaultActions"][0]["TargetGroupArn"] == arn
    attributes = elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    assert {"Key": "deregistration_delay.timeout_seconds", "Value": str(DRAIN_SECONDS)} in attributes
    assert elb.describe_tags(ResourceArns=[arn])["TagDescriptions"] == [{"ResourceArn": arn, "Tags": []}]
    with refused("TargetGroupNotFound"):
        elb.describe_target_groups(Names=[unique("none")])
    with refused("LoadBalancerNotFound"):
        elb.describe_load_balancers(Names=[unique("none")])
    with refused("TargetGroupNotFound"):
        elb.describe_target_health(TargetGroupArn=arn[:-16] + "0" * 16)
