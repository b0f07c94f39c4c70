"""boto3: a classic balancer from its making to its end, in the order in which tools make one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conformance.clients import client, refused
from conformance.fleet import Fleet, unique
from conformance.product import Access, until

LISTENER = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstanceProtocol": "HTTP", "InstancePort": 8080}


@pytest.fixture(scope="module")
def elb(server: Access) -> Any:
    return client(server, "elb")


@pytest.fixture(scope="module")
def zones(ec2: Any) -> list[str]:
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    return sorted({each["AvailabilityZone"] for each in subnets})


@pytest.fixture(scope="module")
def name(elb: Any, zones: list[str]) -> Iterator[str]:
    made = unique("old")
    elb.create_load_balancer(LoadBalancerName=made, Listeners=[LISTENER], AvailabilityZones=zones[:1])
    yield made
    elb.delete_load_balancer(LoadBalancerName=made)
    with refused("LoadBalancerNotFound"):
        elb.describe_load_balancers(LoadBalancerNames=[made])


def described(elb: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = elb.describe_load_balancers(LoadBalancerNames=[name])["LoadBalancerDescriptions"][0]
    return found


def test_its_settings(elb: Any, ec2: Any, name: str, zones: list[str]) -> None:
    elb.create_load_balancer_listeners(LoadBalancerName=name, Listeners=[LISTENER])
    second = {**LISTENER, "LoadBalancerPort": 81}
    elb.create_load_balancer_listeners(LoadBalancerName=name, Listeners=[second])
    elb.delete_load_balancer_listeners(LoadBalancerName=name, LoadBalancerPorts=[81])
    check = {"Target": "HTTP:8080/", "Interval": 10, "Timeout": 5, "UnhealthyThreshold": 2, "HealthyThreshold": 2}
    elb.configure_health_check(LoadBalancerName=name, HealthCheck=check)
    draining = {"ConnectionDraining": {"Enabled": True, "Timeout": 1}}
    elb.modify_load_balancer_attributes(LoadBalancerName=name, LoadBalancerAttributes=draining)
    told = elb.describe_load_balancer_attributes(LoadBalancerName=name)["LoadBalancerAttributes"]
    assert told["ConnectionDraining"] == draining["ConnectionDraining"]
    found = described(elb, name)
    assert (found["HealthCheck"], found["AvailabilityZones"]) == (check, zones[:1])
    assert [each["Listener"] for each in found["ListenerDescriptions"]] == [LISTENER]
    source = found["SourceSecurityGroup"]
    (group,) = ec2.describe_security_groups(
        Filters=[
            {"Name": "group-name", "Values": [source["GroupName"]]},
            {"Name": "owner-id", "Values": [source["OwnerAlias"]]},
            {"Name": "vpc-id", "Values": [found["VPCId"]]},
        ]
    )["SecurityGroups"]
    set_to = elb.apply_security_groups_to_load_balancer(LoadBalancerName=name, SecurityGroups=[group["GroupId"]])
    assert set_to["SecurityGroups"] == [group["GroupId"]]


def test_its_places(elb: Any, ec2: Any, name: str, zones: list[str]) -> None:
    more = elb.enable_availability_zones_for_load_balancer(LoadBalancerName=name, AvailabilityZones=zones[1:2])
    assert more["AvailabilityZones"] == zones[:2]
    subnet = described(elb, name)["Subnets"][1]
    less = elb.disable_availability_zones_for_load_balancer(LoadBalancerName=name, AvailabilityZones=zones[1:2])
    assert less["AvailabilityZones"] == zones[:1]
    assert subnet in elb.attach_load_balancer_to_subnets(LoadBalancerName=name, Subnets=[subnet])["Subnets"]
    assert subnet not in elb.detach_load_balancer_from_subnets(LoadBalancerName=name, Subnets=[subnet])["Subnets"]


def test_its_policies_and_tags(elb: Any, name: str) -> None:
    elb.create_lb_cookie_stickiness_policy(LoadBalancerName=name, PolicyName="a", CookieExpirationPeriod=60)
    elb.create_app_cookie_stickiness_policy(LoadBalancerName=name, PolicyName="b", CookieName="c")
    elb.create_load_balancer_policy(
        LoadBalancerName=name,
        PolicyName="c",
        PolicyTypeName="AppCookieStickinessPolicyType",
        PolicyAttributes=[{"AttributeName": "CookieName", "AttributeValue": "d"}],
    )
    elb.set_load_balancer_policies_of_listener(LoadBalancerName=name, LoadBalancerPort=80, PolicyNames=["a"])
    elb.set_load_balancer_policies_for_backend_server(LoadBalancerName=name, InstancePort=8080, PolicyNames=[])
    told = elb.describe_load_balancer_policies(LoadBalancerName=name)["PolicyDescriptions"]
    assert [each["PolicyName"] for each in told] == ["a", "b", "c"]
    elb.delete_load_balancer_policy(LoadBalancerName=name, PolicyName="b")
    elb.add_tags(LoadBalancerNames=[name], Tags=[{"Key": "team", "Value": "a"}, {"Key": "x", "Value": ""}])
    elb.remove_tags(LoadBalancerNames=[name], Tags=[{"Key": "x"}])
    (tagged,) = elb.describe_tags(LoadBalancerNames=[name])["TagDescriptions"]
    assert tagged["Tags"] == [{"Key": "team", "Value": "a"}]
    assert {each["Name"] for each in elb.describe_account_limits()["Limits"]} >= {"classic-load-balancers"}


def test_a_group_and_an_instance_behind_it(elb: Any, asg: Any, fleet: Fleet, name: str) -> None:
    group = fleet.create(1)
    (identity,) = fleet.settle(group, 1)
    asg.attach_load_balancers(AutoScalingGroupName=group, LoadBalancerNames=[name])
    until("the instance behind it", lambda: len(described(elb, name)["Instances"]) == 1)
    assert elb.describe_instance_health(LoadBalancerName=name)["InstanceStates"]
    assert asg.describe_load_balancers(AutoScalingGroupName=group)["LoadBalancers"][0]["LoadBalancerName"] == name
    asg.detach_load_balancers(AutoScalingGroupName=group, LoadBalancerNames=[name])
    until("nothing behind it", lambda: not described(elb, name)["Instances"])
    instances = [{"InstanceId": identity}]
    elb.register_instances_with_load_balancer(LoadBalancerName=name, Instances=instances)
    elb.deregister_instances_from_load_balancer(LoadBalancerName=name, Instances=instances)
    assert described(elb, name)["Instances"] == []


@pytest.mark.embedded("certificates of ACM are taken by the simulated balancer alone")
def test_a_certificate(elb: Any, account: str, zones: list[str]) -> None:
    name = unique("tls")
    old, new = (f"arn:aws:acm:us-east-1:{account}:certificate/{each * 8}-0000-4000-8000-{each * 12}" for each in "ab")
    secure = {"Protocol": "HTTPS", "LoadBalancerPort": 443, "InstanceProtocol": "HTTP", "InstancePort": 80}
    elb.create_load_balancer(
        LoadBalancerName=name, AvailabilityZones=zones[:1], Listeners=[{**secure, "SSLCertificateId": old}]
    )
    elb.set_load_balancer_listener_ssl_certificate(LoadBalancerName=name, LoadBalancerPort=443, SSLCertificateId=new)
    (told,) = described(elb, name)["ListenerDescriptions"]
    assert told["Listener"]["SSLCertificateId"] == new
    elb.delete_load_balancer(LoadBalancerName=name)
