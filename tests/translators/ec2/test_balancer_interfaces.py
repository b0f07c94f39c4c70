"""The interfaces that load balancers have in their subnets, as EC2's clients find them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.backend.engine.world import EngineWorld
from tests.translators.ec2.wire import Asking, filtered

Ask = Callable[..., Any]


@pytest.fixture
def world() -> Iterator[EngineWorld]:
    made = EngineWorld()
    yield made
    made.close()


@pytest.fixture
def subnets(world: EngineWorld) -> list[str]:
    return [each["SubnetId"] for each in world.call("DescribeSubnets", service="ec2")["Subnets"]]


def told(world: EngineWorld, **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.call("DescribeNetworkInterfaces", service="ec2", **asked)["NetworkInterfaces"]
    return found


def test_a_balancer_has_one_in_each_subnet(world: EngineWorld, subnets: list[str]) -> None:
    (made,) = world.call("CreateLoadBalancer", service="elbv2", Name="web", Subnets=subnets[:2])["LoadBalancers"]
    tail = made["LoadBalancerArn"].partition("loadbalancer/")[2]
    found = told(world, Filters=filtered("description", f"ELB {tail}"))
    assert tail.startswith("app/web/")
    assert sorted(each["SubnetId"] for each in found) == sorted(subnets[:2])
    for each in found:
        assert (each["Status"], each["RequesterId"], each["RequesterManaged"]) == ("in-use", "amazon-elb", True)
        assert (each["InterfaceType"], each["Attachment"]["InstanceOwnerId"]) == ("interface", "amazon-elb")
        assert [group["GroupId"] for group in each["Groups"]] == made["SecurityGroups"]
        assert each["VpcId"] == made["VpcId"]
    assert [each["SubnetId"] for each in found if each.get("PrivateIpAddress")] == subnets[:1]  # where it listens
    of_group = told(world, Filters=filtered("group-id", made["SecurityGroups"][0]))
    assert {each["NetworkInterfaceId"] for each in found} <= {each["NetworkInterfaceId"] for each in of_group}
    owner = filtered("attachment.instance-owner-id", "amazon-elb")
    assert told(world, Filters=owner) == told(world, Filters=filtered("requester-id", "amazon-elb")) == found
    world.call("DeleteLoadBalancer", service="elbv2", LoadBalancerArn=made["LoadBalancerArn"])
    assert told(world, Filters=owner) == []


def test_of_other_kinds_they_are_told_apart(world: EngineWorld, subnets: list[str]) -> None:
    made = world.call("CreateLoadBalancer", service="elbv2", Name="tcp", Type="network", Subnets=subnets[:1])
    tail = made["LoadBalancers"][0]["LoadBalancerArn"].partition("loadbalancer/")[2]
    (found,) = told(world, Filters=filtered("description", f"ELB {tail}"))
    assert (found["InterfaceType"], found["Attachment"]["InstanceOwnerId"]) == ("network_load_balancer", "amazon-aws")
    listener = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}
    asked = {"LoadBalancerName": "old", "Subnets": subnets[:1], "Listeners": [listener]}
    world.call("CreateLoadBalancer", service="elb", **asked)
    (found,) = told(world, Filters=filtered("description", "ELB old"))
    assert found["Attachment"]["InstanceOwnerId"] == "amazon-elb"


def test_nobody_else_changes_them(world: EngineWorld, subnets: list[str]) -> None:
    aws = Asking(world)
    world.call("CreateLoadBalancer", service="elbv2", Name="tcp", Type="network", Subnets=subnets[:1])
    (found,) = told(world, Filters=filtered("requester-managed", "true"))
    asked = {"NetworkInterfaceId": found["NetworkInterfaceId"]}
    refused = aws.refused("DeleteNetworkInterface", **asked)
    assert refused.message == f"Network interface '{found['NetworkInterfaceId']}' is currently in use."
    for member in ({"Groups": ["sg-0123456789abcdef0"]}, {"SourceDestCheck": {"Value": True}}):
        assert aws.code("ModifyNetworkInterfaceAttribute", **asked, **member) == "AuthFailure"
    attachment = found["Attachment"]["AttachmentId"]
    assert aws.code("DetachNetworkInterface", AttachmentId=attachment) == "OperationNotPermitted"
    assert aws("DescribeNetworkInterfaceAttribute", Attribute="description", **asked)["Description"]["Value"]


@pytest.mark.parametrize("kind", ["application", "network", "classic"])
def test_a_group_of_a_balancer_stays(world: EngineWorld, subnets: list[str], kind: str) -> None:
    aws = Asking(world)
    vpc = aws("DescribeVpcs")["Vpcs"][0]["VpcId"]
    group = aws("CreateSecurityGroup", GroupName="front", Description="d", VpcId=vpc)["GroupId"]
    asked = {"Subnets": subnets[:2], "SecurityGroups": [group]}
    if kind == "classic":
        listener = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}
        world.call("CreateLoadBalancer", service="elb", LoadBalancerName="web", Listeners=[listener], **asked)
        end, named = "elb", {"LoadBalancerName": "web"}
    else:
        made = world.call("CreateLoadBalancer", service="elbv2", Name="web", Type=kind, **asked)["LoadBalancers"][0]
        end, named = "elbv2", {"LoadBalancerArn": made["LoadBalancerArn"]}
    refused = aws.refused("DeleteSecurityGroup", GroupId=group)
    assert (refused.code, refused.message) == ("DependencyViolation", f"resource {group} has a dependent object")
    world.call("DeleteLoadBalancer", service=end, **named)
    aws("DeleteSecurityGroup", GroupId=group)


def test_a_group_of_an_interface_stays(world: EngineWorld, subnets: list[str]) -> None:
    aws = Asking(world)
    vpc = aws("DescribeVpcs")["Vpcs"][0]["VpcId"]
    group = aws("CreateSecurityGroup", GroupName="front", Description="d", VpcId=vpc)["GroupId"]
    made = aws("CreateNetworkInterface", SubnetId=subnets[0], Groups=[group])["NetworkInterface"]
    assert aws.code("DeleteSecurityGroup", GroupId=group) == "DependencyViolation"
    aws("DeleteNetworkInterface", NetworkInterfaceId=made["NetworkInterfaceId"])
    aws("DeleteSecurityGroup", GroupId=group)
