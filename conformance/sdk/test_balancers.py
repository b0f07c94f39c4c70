"""boto3: a balancer from its making to its end, with all that is asked about it on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conformance.clients import client, refused
from conformance.fleet import unique
from conformance.product import Access, until


@pytest.fixture(scope="module")
def elb(server: Access) -> Any:
    return client(server, "elbv2")


@pytest.fixture(scope="module")
def place(ec2: Any) -> dict[str, Any]:
    """The default VPC, and a subnet in each of two zones."""
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    by_zone = {each["AvailabilityZone"]: each["SubnetId"] for each in subnets}
    return {"vpc": vpc, "subnets": [by_zone[zone] for zone in sorted(by_zone)]}


@pytest.fixture(scope="module")
def balancer(elb: Any, place: dict[str, Any]) -> Iterator[str]:
    made = elb.create_load_balancer(Name=unique("lb"), Subnets=place["subnets"][:2], Scheme="internal")
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]
    elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[arn], WaiterConfig={"Delay": 1})
    yield str(arn)
    elb.delete_load_balancer(LoadBalancerArn=arn)
    elb.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[arn], WaiterConfig={"Delay": 1})


@pytest.fixture(scope="module")
def groups(elb: Any, place: dict[str, Any]) -> Iterator[list[str]]:
    made = [
        elb.create_target_group(Name=unique("tg"), Protocol="HTTP", Port=80, VpcId=place["vpc"], TargetType="ip")
        for _ in range(2)
    ]
    arns = [each["TargetGroups"][0]["TargetGroupArn"] for each in made]
    yield arns
    for arn in arns:
        elb.delete_target_group(TargetGroupArn=arn)


@pytest.fixture(scope="module")
def listener(elb: Any, balancer: str, groups: list[str]) -> Iterator[str]:
    forward = [{"Type": "forward", "TargetGroupArn": groups[0]}]
    made = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=forward)
    arn = made["Listeners"][0]["ListenerArn"]
    yield str(arn)
    elb.delete_listener(ListenerArn=arn)


def values(answer: dict[str, Any]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in answer["Attributes"]}


def test_what_a_balancer_tells_and_takes(elb: Any, ec2: Any, balancer: str, place: dict[str, Any]) -> None:
    (told,) = elb.describe_load_balancers(LoadBalancerArns=[balancer])["LoadBalancers"]
    assert told["State"] == {"Code": "active"}
    assert {each["SubnetId"] for each in told["AvailabilityZones"]} == set(place["subnets"][:2])
    idle = [{"Key": "idle_timeout.timeout_seconds", "Value": "90"}]
    changed = elb.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=idle)
    assert values(changed)["idle_timeout.timeout_seconds"] == "90"
    assert values(elb.describe_load_balancer_attributes(LoadBalancerArn=balancer)) == values(changed)
    assert elb.set_ip_address_type(LoadBalancerArn=balancer, IpAddressType="ipv4")["IpAddressType"] == "ipv4"
    found = elb.set_subnets(LoadBalancerArn=balancer, Subnets=place["subnets"][:2])["AvailabilityZones"]
    assert len(found) == 2
    (group,) = ec2.describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["default"]}, {"Name": "vpc-id", "Values": [place["vpc"]]}]
    )["SecurityGroups"]
    set_to = elb.set_security_groups(LoadBalancerArn=balancer, SecurityGroups=[group["GroupId"]])
    assert set_to["SecurityGroupIds"] == [group["GroupId"]]


def test_what_a_target_group_tells_and_takes(elb: Any, groups: list[str], listener: str) -> None:
    arn = groups[0]
    changed = elb.modify_target_group(TargetGroupArn=arn, HealthCheckPath="/up", HealthCheckIntervalSeconds=6)
    assert changed["TargetGroups"][0]["HealthCheckPath"] == "/up"
    (told,) = elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    assert (told["HealthCheckPath"], told["HealthCheckIntervalSeconds"]) == ("/up", 6)
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
    changed = elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=delay)
    assert values(elb.describe_target_group_attributes(TargetGroupArn=arn)) == values(changed)
    target = {"Id": "172.31.250.9", "Port": 8080}
    elb.register_targets(TargetGroupArn=arn, Targets=[target])

    def states() -> list[str]:
        found = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return [each["TargetHealth"]["State"] for each in found]

    assert states() in (["initial"], ["unhealthy"], ["healthy"], ["unavailable"])
    elb.deregister_targets(TargetGroupArn=arn, Targets=[target])
    until("the target's end", lambda: not states())
    with refused("ResourceInUse"):
        elb.delete_target_group(TargetGroupArn=arn)


def test_rules(elb: Any, groups: list[str], listener: str) -> None:
    condition = [{"Field": "path-pattern", "Values": ["/a/*"]}]
    forward = [{"Type": "forward", "TargetGroupArn": groups[1]}]
    (rule,) = elb.create_rule(ListenerArn=listener, Priority=3, Conditions=condition, Actions=forward)["Rules"]
    arn = rule["RuleArn"]
    elb.set_rule_priorities(RulePriorities=[{"RuleArn": arn, "Priority": 7}])
    condition[0]["Values"] = ["/b/*"]
    elb.modify_rule(RuleArn=arn, Conditions=condition)
    told = elb.describe_rules(ListenerArn=listener)["Rules"]
    assert [each["Priority"] for each in told] == ["7", "default"]
    assert told[0]["Conditions"][0]["PathPatternConfig"] == {"Values": ["/b/*"]}
    elb.delete_rule(RuleArn=arn)
    with refused("RuleNotFound"):
        elb.describe_rules(RuleArns=[arn])


def test_what_a_listener_tells_and_takes(elb: Any, balancer: str, groups: list[str], listener: str) -> None:
    changed = elb.modify_listener(ListenerArn=listener, Port=81)["Listeners"][0]
    (told,) = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
    assert (told, told["Port"]) == (changed, 81)
    server = [{"Key": "routing.http.response.server.enabled", "Value": "false"}]
    changed = elb.modify_listener_attributes(ListenerArn=listener, Attributes=server)
    assert values(elb.describe_listener_attributes(ListenerArn=listener)) == values(changed)
    assert elb.describe_listener_certificates(ListenerArn=listener)["Certificates"] == []


@pytest.mark.embedded("certificates of ACM are taken by the simulated balancer alone")
def test_certificates(elb: Any, balancer: str, groups: list[str], account: str) -> None:
    first, second = (
        f"arn:aws:acm:us-east-1:{account}:certificate/{letter * 8}-0000-4000-8000-{letter * 12}" for letter in "ab"
    )
    made = elb.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": first}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": groups[0]}],
    )["Listeners"][0]
    assert (made["SslPolicy"], made["Certificates"]) == ("ELBSecurityPolicy-2016-08", [{"CertificateArn": first}])
    arn = made["ListenerArn"]
    elb.add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": second}])
    told = elb.describe_listener_certificates(ListenerArn=arn)["Certificates"]
    assert [(each["CertificateArn"], each["IsDefault"]) for each in told] == [(first, True), (second, False)]
    elb.remove_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": second}])
    elb.delete_listener(ListenerArn=arn)
    with refused("ListenerNotFound"):
        elb.describe_listeners(ListenerArns=[arn])


def test_tags_and_what_is_offered(elb: Any, balancer: str) -> None:
    elb.add_tags(ResourceArns=[balancer], Tags=[{"Key": "team", "Value": "a"}, {"Key": "x", "Value": ""}])
    elb.remove_tags(ResourceArns=[balancer], TagKeys=["x"])
    (told,) = elb.describe_tags(ResourceArns=[balancer])["TagDescriptions"]
    assert told["Tags"] == [{"Key": "team", "Value": "a"}]
    assert elb.describe_ssl_policies(Names=["ELBSecurityPolicy-2016-08"])["SslPolicies"][0]["Ciphers"]
    assert {"Name": "target-groups", "Max": "3000"} in elb.describe_account_limits()["Limits"]
