"""Target groups, load balancers and the health of targets, in Elastic Load Balancing's words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backend.domain.ids import account_id, balancing_id
from backend.domain.traffic import MemberHealth
from backend.drivers.balancing import Target
from backend.errors import Finding
from tests.factories import OTHER, SCOPE, World
from translators import arns
from translators.errors import AWSError, translate

ACCOUNT = account_id(SCOPE.project_id)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


@pytest.fixture
def ask(world):
    return lambda operation, **params: world.call(operation, service="elbv2", **params)


@pytest.fixture
def refused(ask):
    def refused(operation: str, **params) -> AWSError:
        with pytest.raises((AWSError, Finding)) as found:
            ask(operation, **params)
        told = translate(found.value, "elbv2")
        assert told is not None, found.value
        return told

    return refused


@pytest.fixture
def pool(world):
    return world.simulated.pools.create(SCOPE, "web", port=8080)


@pytest.fixture
def arn(pool):
    return arns.target_group(SCOPE.region, ACCOUNT, pool.id, pool.name)


def test_a_target_group(ask, arn):
    (told,) = ask("DescribeTargetGroups")["TargetGroups"]
    balancer = told.pop("LoadBalancerArns")[0]
    assert balancer.startswith(f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:loadbalancer/app/web/")
    assert told.pop("VpcId").startswith("vpc-")
    assert told == {
        "TargetGroupArn": arn,
        "TargetGroupName": "web",
        "Protocol": "HTTP",
        "ProtocolVersion": "HTTP1",
        "Port": 8080,
        "TargetType": "instance",
        "IpAddressType": "ipv4",
        "HealthCheckEnabled": True,
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckPath": "/",
        "HealthCheckIntervalSeconds": 5,
        "HealthCheckTimeoutSeconds": 3,
        "HealthyThresholdCount": 2,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200"},
    }


def test_a_target_group_that_nobody_checks(world, ask):
    world.simulated.pools.create(SCOPE, "db", protocol="TCP", monitored=False, served=False)
    (told,) = ask("DescribeTargetGroups")["TargetGroups"]
    assert (told["Protocol"], told["HealthCheckEnabled"], told["LoadBalancerArns"]) == ("TCP", False, [])
    assert "HealthCheckPath" not in told
    assert "ProtocolVersion" not in told


def test_groups_are_found_by_name_arn_and_balancer(world, ask, refused, pool, arn):
    world.simulated.pools.create(SCOPE, "api")
    web, api = ask("DescribeTargetGroups")["TargetGroups"][::-1]
    for asked in ({"Names": ["web"]}, {"TargetGroupArns": [arn]}, {"LoadBalancerArn": web["LoadBalancerArns"][0]}):
        assert ask("DescribeTargetGroups", **asked)["TargetGroups"] == [web]
    assert api["TargetGroupName"] == "api"
    assert refused("DescribeTargetGroups", Names=["nowhere"]).code == "TargetGroupNotFound"
    assert refused("DescribeTargetGroups", TargetGroupArns=[arn, "x"]).code == "TargetGroupNotFound"
    assert refused("DescribeTargetGroups", LoadBalancerArn="x").code == "LoadBalancerNotFound"
    assert refused("DescribeTargetGroups", Names=["web"], TargetGroupArns=[arn]).code == "ValidationError"


def test_pages(world, ask, refused):
    for name in "abc":
        world.simulated.pools.create(SCOPE, name)
    first = ask("DescribeTargetGroups", PageSize=2)
    second = ask("DescribeTargetGroups", PageSize=2, Marker=first["NextMarker"])
    assert [each["TargetGroupName"] for each in first["TargetGroups"] + second["TargetGroups"]] == ["a", "b", "c"]
    assert "NextMarker" not in second
    assert refused("DescribeTargetGroups", Marker="bad").code == "ValidationError"
    assert refused("DescribeTargetGroups", PageSize=0).code == "ValidationError"
    assert refused("DescribeTargetGroups", PageSize=401).code == "ValidationError"


def test_balancers_and_listeners(world, ask, refused, pool, arn):
    world.simulated.pools.create(SCOPE, "db", protocol="TCP", port=5432)
    db, web = ask("DescribeLoadBalancers")["LoadBalancers"]
    assert (web["Type"], web["State"], web["LoadBalancerName"]) == ("application", {"Code": "active"}, "web")
    assert (db["Type"], "loadbalancer/net/db/" in db["LoadBalancerArn"]) == ("network", True)
    assert ask("DescribeLoadBalancers", Names=["db"])["LoadBalancers"] == [db]
    assert ask("DescribeLoadBalancers", LoadBalancerArns=[db["LoadBalancerArn"]])["LoadBalancers"] == [db]
    (listener,) = ask("DescribeListeners", LoadBalancerArn=web["LoadBalancerArn"])["Listeners"]
    assert (listener["Port"], listener["Protocol"]) == (8080, "HTTP")
    assert listener["DefaultActions"] == [{"Type": "forward", "TargetGroupArn": arn, "Order": 1}]
    assert listener["ListenerArn"].startswith(web["LoadBalancerArn"].replace(":loadbalancer/", ":listener/"))
    assert ask("DescribeListeners", ListenerArns=[listener["ListenerArn"]])["Listeners"] == [listener]
    assert refused("DescribeLoadBalancers", Names=["x"]).code == "LoadBalancerNotFound"
    assert refused("DescribeLoadBalancers", LoadBalancerArns=["x"]).code == "LoadBalancerNotFound"
    assert refused("DescribeListeners", LoadBalancerArn="x").code == "LoadBalancerNotFound"
    assert refused("DescribeListeners", ListenerArns=["x"]).code == "ListenerNotFound"
    assert refused("DescribeListeners").code == "ValidationError"


def test_attributes(ask, refused, arn):
    told = {
        each["Key"]: each["Value"] for each in ask("DescribeTargetGroupAttributes", TargetGroupArn=arn)["Attributes"]
    }
    assert told["deregistration_delay.timeout_seconds"] == "300"
    assert told["stickiness.enabled"] == "false"
    assert told["load_balancing.algorithm.type"] == "round_robin"
    assert refused("DescribeTargetGroupAttributes", TargetGroupArn=arn[:-1] + "x").code == "TargetGroupNotFound"


def test_tags(ask, refused, arn):
    assert ask("DescribeTags", ResourceArns=[arn])["TagDescriptions"] == [{"ResourceArn": arn, "Tags": []}]
    assert refused("DescribeTags", ResourceArns=[arn, arn + "0"]).code == "TargetGroupNotFound"
    assert refused("DescribeTags", ResourceArns=["x"]).code == "LoadBalancerNotFound"


@pytest.fixture
def health(ask, arn):
    def health(**params):
        told = ask("DescribeTargetHealth", TargetGroupArn=arn, **params)["TargetHealthDescriptions"]
        return {each["Target"]["Id"]: each["TargetHealth"] for each in told}

    return health


def test_the_health_of_targets(world, health, pool):
    server = world.server()
    target = Target("node", server.private_address, 8080)
    balancing = world.simulated.cloud.balancing
    balancing.add_members(SCOPE, pool.id, [target])
    name = server.private_address  # no instance of a group: it goes by its address
    assert health()[name]["State"] == "initial"
    world.clock.move(2)
    assert health()[name] == {"State": "healthy"}
    world.simulated.pools.judge(pool.id, name, MemberHealth.UNHEALTHY)
    assert (health()[name]["State"], health()[name]["Reason"]) == ("unhealthy", "Target.FailedHealthChecks")
    balancing.drain_members(SCOPE, pool.id, [target])
    assert (health()[name]["State"], health()[name]["Reason"]) == ("draining", "Target.DeregistrationInProgress")


def test_targets_that_are_asked_for(world, ask, arn, pool):
    world.simulated.pools.add_foreign(pool.id, "10.0.0.5", 8080)
    asked = [{"Id": "10.0.0.5"}, {"Id": "10.0.0.5", "Port": 1}, {"Id": "i-0123456789abcdef0"}]
    told = ask("DescribeTargetHealth", TargetGroupArn=arn, Targets=asked)["TargetHealthDescriptions"]
    assert [each["Target"] for each in told] == [
        {"Id": "10.0.0.5", "Port": 8080},
        {"Id": "10.0.0.5", "Port": 1},
        {"Id": "i-0123456789abcdef0", "Port": 8080},
    ]
    assert [each["TargetHealth"].get("Reason") for each in told[1:]] == ["Target.NotRegistered"] * 2


@pytest.mark.parametrize(
    ("values", "state", "reason"),
    [
        ({"monitored": False}, "unavailable", "Target.HealthCheckDisabled"),
        ({"served": False}, "unused", "Target.NotInUse"),
    ],
)
def test_targets_whose_health_means_nothing(world, ask, values, state, reason):
    made = world.simulated.pools.create(SCOPE, "mute", **values)
    world.simulated.pools.add_foreign(made.id, "10.0.0.5", 80)
    name = arns.target_group(SCOPE.region, ACCOUNT, made.id, made.name)
    (told,) = ask("DescribeTargetHealth", TargetGroupArn=name)["TargetHealthDescriptions"]
    assert (told["TargetHealth"]["State"], told["TargetHealth"]["Reason"]) == (state, reason)


def test_other_accounts_see_nothing(ask, arn):
    assert ask("DescribeTargetGroups", scope=OTHER)["TargetGroups"] == []
    with pytest.raises((AWSError, Finding)):
        ask("DescribeTargetHealth", scope=OTHER, TargetGroupArn=arn)


def test_what_the_cloud_does_not_answer(world, refused, arn, pool):
    assert refused("DescribeTargetHealth", TargetGroupArn="x").code == "TargetGroupNotFound"
    gone = arn.replace(balancing_id(pool.id), "0" * 16)
    assert refused("DescribeTargetHealth", TargetGroupArn=gone).code == "TargetGroupNotFound"
    world.simulated.faults.unavailable()
    assert refused("DescribeTargetGroups").status == 503
