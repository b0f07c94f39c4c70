"""Classic balancers: made in Terraform's order, told, followed by an engine, and used by groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from backend.domain.balancer_findings import BalancingLacks, ListenerExists
from backend.domain.balancers import BalancerKind, LoadBalancer
from backend.domain.ids import account_id
from backend.drivers.openstack import octavia
from backend.errors import Finding
from backend.services.balancers import NewBalancer
from backend.services.classic import ClassicBalancers, Front
from backend.store.balancers import BALANCERS, TARGETS
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE
from translators import arns
from translators.errors import AWSError, translate

Ask = Callable[..., Any]
NAME = {"LoadBalancerName": "old"}
LISTENER = {"Protocol": "http", "LoadBalancerPort": 80, "InstanceProtocol": "http", "InstancePort": 8080}
ZONES = ["us-east-1a", "us-east-1b"]


@pytest.fixture
def world() -> Iterator[EngineWorld]:
    made = EngineWorld()
    yield made
    made.close()


@pytest.fixture
def ask(world) -> Ask:
    return lambda operation, **params: world.call(operation, service="elb", **params)


@pytest.fixture
def refused(ask) -> Callable[..., AWSError]:
    def refused(operation: str, **params: Any) -> AWSError:
        with pytest.raises((AWSError, Finding)) as found:
            ask(operation, **params)
        told = translate(found.value, "elb")
        assert told is not None, found.value
        return told

    return refused


@pytest.fixture
def balancer(ask) -> None:
    ask("CreateLoadBalancer", **NAME, Listeners=[LISTENER], AvailabilityZones=ZONES)


def told(ask: Ask) -> dict[str, Any]:
    (found,) = ask("DescribeLoadBalancers", LoadBalancerNames=["old"])["LoadBalancerDescriptions"]
    return dict(found)


def states(ask: Ask) -> list[str]:
    return [each["State"] for each in ask("DescribeInstanceHealth", **NAME)["InstanceStates"]]


def test_a_balancer_is_made_in_many_steps(world, ask, refused):
    assert refused("DescribeLoadBalancers", LoadBalancerNames=["old"]).code == "LoadBalancerNotFound"
    made = ask("CreateLoadBalancer", **NAME, Listeners=[LISTENER], AvailabilityZones=ZONES, Tags=[{"Key": "a"}])
    assert made["DNSName"].startswith("old-")
    ask("CreateLoadBalancerListeners", **NAME, Listeners=[LISTENER])
    other = {**LISTENER, "InstancePort": 9090}
    assert refused("CreateLoadBalancerListeners", **NAME, Listeners=[other]).code == "DuplicateListener"
    check = {"Target": "HTTP:8080/up", "Interval": 10, "Timeout": 5, "UnhealthyThreshold": 2, "HealthyThreshold": 3}
    assert told(ask)["HealthCheck"] == {**check, "Target": "TCP:8080", "Interval": 30, "HealthyThreshold": 10}
    ask("ConfigureHealthCheck", **NAME, HealthCheck=check)
    ask(
        "ModifyLoadBalancerAttributes",
        **NAME,
        LoadBalancerAttributes={"ConnectionDraining": {"Enabled": True, "Timeout": 20}},
    )
    ask("ModifyLoadBalancerAttributes", **NAME, LoadBalancerAttributes={"ConnectionDraining": {"Enabled": False}})
    attributes = ask("DescribeLoadBalancerAttributes", **NAME)["LoadBalancerAttributes"]
    assert attributes["ConnectionDraining"] == {"Enabled": False, "Timeout": 20}
    found = told(ask)
    assert (found["HealthCheck"], found["AvailabilityZones"]) == (check, ("us-east-1a", "us-east-1b"))
    assert found["SourceSecurityGroup"]["GroupName"] == "default"
    (listener,) = found["ListenerDescriptions"]
    assert listener["Listener"] == {
        "Protocol": "HTTP",
        "LoadBalancerPort": 80,
        "InstanceProtocol": "HTTP",
        "InstancePort": 8080,
    }
    assert ask("DescribeTags", LoadBalancerNames=["old"])["TagDescriptions"][0]["Tags"] == [{"Key": "a", "Value": ""}]
    assert world.call("DescribeLoadBalancers", service="elbv2")["LoadBalancers"] == []
    assert world.call("DescribeTargetGroups", service="elbv2")["TargetGroups"] == []


def test_instances_come_and_go(world, ask, refused, balancer):
    server = world.server()
    world.clock.move(5)
    instance = [{"InstanceId": arns.instance_id(server.id)}]
    ask(
        "ModifyLoadBalancerAttributes",
        **NAME,
        LoadBalancerAttributes={"ConnectionDraining": {"Enabled": True, "Timeout": 5}},
    )
    assert ask("RegisterInstancesWithLoadBalancer", **NAME, Instances=instance)["Instances"] == instance
    assert states(ask) == ["OutOfService"]
    world.pass_time(4)
    assert states(ask) == ["InService"]
    ask("CreateLoadBalancerListeners", **NAME, Listeners=[{**LISTENER, "LoadBalancerPort": 81, "InstancePort": 81}])
    world.pass_time(4)
    assert states(ask) == ["InService"]
    assert {each.port for each in world.simulated.pools.all()} == {8080, 81}
    assert ask("DeregisterInstancesFromLoadBalancer", **NAME, Instances=instance)["Instances"] == []
    world.pass_time(8)
    assert [world.simulated.pools.members(each.id) for each in world.simulated.pools.all()] == [[], []]
    unknown = [{"InstanceId": "i-0123456789abcdef0"}]
    assert refused("RegisterInstancesWithLoadBalancer", **NAME, Instances=unknown).code == "InvalidInstance"
    ask("DeleteLoadBalancerListeners", **NAME, LoadBalancerPorts=[81])
    world.pass_time(2)
    assert {each.port for each in world.simulated.pools.all()} == {8080}


def test_a_group_behind_it(world, ask, balancer):
    world.make(desired=1)
    world.call("AttachLoadBalancers", AutoScalingGroupName="web", LoadBalancerNames=["old"])
    ask("CreateLoadBalancerListeners", **NAME, Listeners=[{**LISTENER, "LoadBalancerPort": 81, "InstancePort": 81}])
    world.pass_time(12)
    assert states(ask) == ["InService"]
    assert len(told(ask)["Instances"]) == 1
    (group,) = world.call("DescribeAutoScalingGroups")["AutoScalingGroups"]
    assert (group["LoadBalancerNames"], group["TargetGroupARNs"]) == (["old"], [])
    assert group["TrafficSources"] == [{"Identifier": "old", "Type": "elb"}]
    found = world.call("DescribeLoadBalancers", AutoScalingGroupName="web")["LoadBalancers"]
    assert found == [{"LoadBalancerName": "old", "State": "Added"}]
    assert world.call("DescribeLoadBalancerTargetGroups", AutoScalingGroupName="web")["LoadBalancerTargetGroups"] == []
    world.call("DetachLoadBalancers", AutoScalingGroupName="web", LoadBalancerNames=["old"])
    world.pass_time(5)
    assert told(ask)["Instances"] == []
    assert world.call("DescribeLoadBalancers", AutoScalingGroupName="web")["LoadBalancers"] == []


def test_stickiness(world, ask, refused, balancer):
    ask("CreateLBCookieStickinessPolicy", **NAME, PolicyName="sticky", CookieExpirationPeriod=60)
    words = refused("CreateAppCookieStickinessPolicy", **NAME, PolicyName="sticky", CookieName="c")
    assert words.code == "DuplicatePolicyName"
    ask("SetLoadBalancerPoliciesOfListener", **NAME, LoadBalancerPort=80, PolicyNames=["sticky"])
    found = told(ask)
    assert found["ListenerDescriptions"][0]["PolicyNames"] == ["sticky"]
    assert found["Policies"]["LBCookieStickinessPolicies"] == [{"PolicyName": "sticky", "CookieExpirationPeriod": 60}]
    assert refused("DeleteLoadBalancerPolicy", **NAME, PolicyName="sticky").status == 409
    ask("SetLoadBalancerPoliciesOfListener", **NAME, LoadBalancerPort=80, PolicyNames=[])
    ask("DeleteLoadBalancerPolicy", **NAME, PolicyName="sticky")
    assert refused("DescribeLoadBalancerPolicies", **NAME, PolicyNames=["sticky"]).code == "PolicyNotFound"


def test_deletion(world, ask, balancer):
    world.pass_time(2)
    ask("DeleteLoadBalancer", **NAME)
    ask("DeleteLoadBalancer", **NAME)
    assert ask("DescribeLoadBalancers")["LoadBalancerDescriptions"] == []
    world.pass_time(2)
    assert world.simulated.pools.all() == []


@pytest.mark.parametrize(
    ("operation", "params", "code", "status"),
    [
        ("DescribeLoadBalancerAttributes", {}, "LoadBalancerNotFound", 400),
        ("ConfigureHealthCheck", {"HealthCheck": {"Target": "x"}}, "ValidationError", 400),
        ("CreateLoadBalancer", {"Listeners": [LISTENER]}, "ValidationError", 400),
        ("CreateLoadBalancer", {"Listeners": [], "AvailabilityZones": ZONES}, "ValidationError", 400),
        ("CreateLoadBalancer", {"Listeners": [LISTENER], "Subnets": ["subnet-x"]}, "SubnetNotFound", 400),
        (
            "CreateLoadBalancer",
            {"Listeners": [{**LISTENER, "InstanceProtocol": "tcp"}], "AvailabilityZones": ZONES},
            "InvalidConfigurationRequest",
            409,
        ),
        (
            "CreateLoadBalancer",
            {"Listeners": [{**LISTENER, "Protocol": "https"}], "AvailabilityZones": ZONES},
            "InvalidConfigurationRequest",
            409,
        ),
    ],
)
def test_refusals(refused, operation, params, code, status):
    found = refused(operation, **NAME, **params)
    assert (found.code, found.status) == (code, status)


def test_a_balancer_whose_listeners_cannot_be_is_not_made(world, monkeypatch):
    making = world.simulated.cloud.balancer_making
    monkeypatch.setattr(type(making), "lacks", lambda _self, _scope, part: octavia.lacks(part))
    wanted = NewBalancer("old", BalancerKind.CLASSIC, "internal", world.simulated.cloud.network.subnets(SCOPE)[:1])
    plain = Front("HTTP", 80, "HTTP", 8080)
    for front, refusal in (
        (Front("SSL", 443, "TCP", 8080, "arn:x"), BalancingLacks),
        (Front("HTTP", 80, "HTTP", 9090), ListenerExists),
    ):
        with pytest.raises(refusal):
            world.backend.classic_balancers.create(SCOPE, wanted, [plain, front])
        assert world.backend.balancers.all(SCOPE) == []


def test_a_balancer_has_no_certificates_where_the_cloud_keeps_none(world, ask, refused, balancer, monkeypatch):
    arn = f"arn:aws:acm:us-east-1:{account_id(SCOPE.project_id)}:certificate/{'0' * 8}-0000-4000-8000-{'0' * 12}"
    secure = {**LISTENER, "Protocol": "https", "LoadBalancerPort": 443, "SSLCertificateId": arn}
    ask("CreateLoadBalancerListeners", **NAME, Listeners=[secure])
    making = type(world.simulated.cloud.balancer_making)
    monkeypatch.setattr(making, "lacks_certificates", lambda _self, _scope: "no HTTPS here")
    monkeypatch.setattr(making, "lacks", lambda _self, _scope, part: octavia.lacks(part))
    other = {**secure, "LoadBalancerPort": 8443}
    assert refused("CreateLoadBalancerListeners", **NAME, Listeners=[other]).message == "no HTTPS here"
    new = {"LoadBalancerName": "new", "Listeners": [secure], "AvailabilityZones": ZONES}
    assert refused("CreateLoadBalancer", **new).message == "no HTTPS here"
    put = {**NAME, "LoadBalancerPort": 443, "SSLCertificateId": arn}
    assert "ACM" in refused("SetLoadBalancerListenerSSLCertificate", **put).message


def test_a_balancer_goes_with_its_instances_at_once(world, ask, balancer, monkeypatch):
    ask("RegisterInstancesWithLoadBalancer", **NAME, Instances=[{"InstanceId": arns.instance_id(world.server().id)}])
    transact, done = world.store.transact, []

    def dies(work):
        """The process ends once something is written."""
        if done:
            raise KeyboardInterrupt
        found = transact(work)
        done.append(found)
        return found

    monkeypatch.setattr(world.store, "transact", dies)
    with suppress(KeyboardInterrupt):
        ask("DeleteLoadBalancer", **NAME)
    monkeypatch.undo()
    world.pass_time(30)
    with world.store.read() as conn:
        assert (TARGETS.all(conn, SCOPE), BALANCERS.all(conn, SCOPE)) == ([], [])


class Interrupted(ClassicBalancers):
    """Somebody else's change of a balancer comes between a look at it and the first change of it."""

    def __init__(self, within: ClassicBalancers, first: Callable[[], object]) -> None:
        super().__init__(within._store, within._cloud, within._clock, within._every)
        self._first: list[Callable[[], object]] = [first]

    def change(self, *given: Any, **values: Any) -> LoadBalancer:
        while self._first:
            self._first.pop()()
        return super().change(*given, **values)


ATTACH, DETACH = "AttachLoadBalancerToSubnets", "DetachLoadBalancerFromSubnets"
ENABLE, DISABLE = "EnableAvailabilityZonesForLoadBalancer", "DisableAvailabilityZonesForLoadBalancer"


@pytest.mark.parametrize(
    ("others", "operation", "place", "left"),
    [
        ((ATTACH, 2), ATTACH, 1, [0, 2, 1]),
        ((ATTACH, 2), DETACH, 1, [0, 2]),
        ((DETACH, 1), ATTACH, 2, [0, 2]),
        ((ENABLE, 2), ENABLE, 1, [0, 2, 1]),
        ((ENABLE, 2), DISABLE, 1, [0, 2]),
        ((DISABLE, 1), ENABLE, 2, [0, 2]),
    ],
)
def test_no_change_of_its_places_undoes_another(world, ask, balancer, others, operation, place, left):
    places = [each for each in world.call("DescribeSubnets", service="ec2")["Subnets"] if each["DefaultForAz"]]
    places.sort(key=lambda each: each["AvailabilityZone"])

    def asked(operation: str, at: int) -> None:
        named = {"Subnets": "SubnetId"} if operation in {ATTACH, DETACH} else {"AvailabilityZones": "AvailabilityZone"}
        ask(operation, **NAME, **{member: [places[at][key]] for member, key in named.items()})

    if len(left) > len(ZONES):
        asked(DETACH, 1)
    made = Interrupted(world.backend.classic_balancers, lambda: asked(*others))
    world.backend = replace(world.backend, classic_balancers=made)
    asked(operation, place)
    assert told(ask)["Subnets"] == [places[at]["SubnetId"] for at in left]
    assert [*told(ask)["AvailabilityZones"]] == [places[at]["AvailabilityZone"] for at in left]
