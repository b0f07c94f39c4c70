"""Balancers, target groups, listeners and rules that are made here, as clients ask and an engine follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from backend.domain.balancers import TargetGroup
from backend.drivers.openstack import precedence
from backend.drivers.simulated import SimulatedSettings
from backend.errors import Finding
from backend.services import listeners
from backend.services.balancers import locked
from backend.services.target_groups import TargetGroups
from backend.store.balancers import LISTENERS
from tests.backend.engine.world import EngineWorld
from tests.factories import OTHER
from translators import arns
from translators.errors import AWSError, translate

Ask = Callable[..., Any]


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[EngineWorld]:
    settings = getattr(request, "param", None)
    made = EngineWorld() if settings is None else EngineWorld(settings=settings)
    yield made
    made.close()


@pytest.fixture
def ask(world) -> Ask:
    return lambda operation, **params: world.call(operation, service="elbv2", **params)


@pytest.fixture
def refused(ask) -> Callable[..., AWSError]:
    def refused(operation: str, **params: Any) -> AWSError:
        with pytest.raises((AWSError, Finding)) as found:
            ask(operation, **params)
        told = translate(found.value, "elbv2")
        assert told is not None, found.value
        return told

    return refused


@pytest.fixture
def subnets(world) -> list[str]:
    return [each["SubnetId"] for each in world.call("DescribeSubnets", service="ec2")["Subnets"]]


@pytest.fixture
def vpc(world) -> str:
    return str(world.call("DescribeVpcs", service="ec2")["Vpcs"][0]["VpcId"])


@pytest.fixture
def balancer(ask, subnets) -> str:
    made = ask("CreateLoadBalancer", Name="web", Subnets=subnets[:2], Tags=[{"Key": "team", "Value": "a"}])
    return str(made["LoadBalancers"][0]["LoadBalancerArn"])


@pytest.fixture
def group(ask, vpc) -> str:
    made = ask("CreateTargetGroup", Name="blue", Protocol="HTTP", Port=8080, VpcId=vpc)
    return str(made["TargetGroups"][0]["TargetGroupArn"])


def forward(group: str) -> list[dict[str, Any]]:
    return [{"Type": "forward", "TargetGroupArn": group}]


@pytest.fixture
def listener(ask, balancer, group) -> str:
    made = ask("CreateListener", LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=forward(group))
    return str(made["Listeners"][0]["ListenerArn"])


def vpc_of(ask: Ask) -> str:
    return str(ask("DescribeLoadBalancers")["LoadBalancers"][0]["VpcId"])


def states(ask: Ask, group: str) -> list[str]:
    found = ask("DescribeTargetHealth", TargetGroupArn=group)["TargetHealthDescriptions"]
    return [each["TargetHealth"]["State"] for each in found]


def test_a_balancer_is_made_and_told(world, ask, refused, subnets):
    assert refused("DescribeLoadBalancers", Names=["web"]).code == "LoadBalancerNotFound"
    asked = {"Name": "web", "Subnets": subnets[:2], "Tags": [{"Key": "team", "Value": "a"}]}
    (made,) = ask("CreateLoadBalancer", **asked)["LoadBalancers"]
    assert made["State"] == {"Code": "provisioning"}
    assert made["LoadBalancerArn"].split(":")[5].startswith("loadbalancer/app/web/")
    assert [each["SubnetId"] for each in made["AvailabilityZones"]] == subnets[:2]
    assert [each["ZoneName"] for each in made["AvailabilityZones"]] == ["us-east-1a", "us-east-1b"]
    assert (made["Scheme"], made["Type"], len(made["SecurityGroups"])) == ("internet-facing", "application", 1)
    world.pass_time(1)
    (told,) = ask("DescribeLoadBalancers", Names=["web"])["LoadBalancers"]
    assert told == {**made, "State": {"Code": "active"}}
    assert ask("CreateLoadBalancer", **asked)["LoadBalancers"] == [told]
    assert refused("CreateLoadBalancer", **{**asked, "Scheme": "internal"}).code == "DuplicateLoadBalancerName"
    (tagged,) = ask("DescribeTags", ResourceArns=[made["LoadBalancerArn"]])["TagDescriptions"]
    assert tagged["Tags"] == asked["Tags"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"Name": "a" * 33}, "ValidationError"),
        ({"Name": "a_b"}, "ValidationError"),
        ({"Name": "-a"}, "ValidationError"),
        ({"Name": "internal-a"}, "ValidationError"),
        ({"Subnets": []}, "ValidationError"),
        ({"Subnets": ["subnet-0123456789abcdef0", "subnet-x"]}, "SubnetNotFound"),
        ({"SecurityGroups": ["sg-0123456789abcdef0"]}, "InvalidSecurityGroup"),
        ({"Type": "gateway"}, "ValidationError"),
        ({"Scheme": "x"}, "ValidationError"),
        ({"IpAddressType": "dualstack"}, "InvalidConfigurationRequest"),
    ],
)
def test_balancers_that_cannot_be(refused, subnets, asked, code):
    assert refused("CreateLoadBalancer", **{"Name": "web", "Subnets": subnets[:2], **asked}).code == code


def test_one_zone_is_too_few_for_an_application_balancer(ask, refused, subnets):
    words = refused("CreateLoadBalancer", Name="web", Subnets=subnets[:1])
    assert (words.code, "two subnets" in words.message) == ("ValidationError", True)
    (made,) = ask("CreateLoadBalancer", Name="tcp", Subnets=subnets[:1], Type="network")["LoadBalancers"]
    assert "loadbalancer/net/tcp/" in made["LoadBalancerArn"]


def test_a_group_alone_is_in_no_use(world, ask, refused, group):
    (told,) = ask("DescribeTargetGroups")["TargetGroups"]
    assert told["LoadBalancerArns"] == []
    assert (told["HealthCheckTimeoutSeconds"], told["HealthyThresholdCount"], told["Matcher"]) == (
        5,
        5,
        {"HttpCode": "200"},
    )
    server = world.server()
    world.clock.move(5)
    ask("RegisterTargets", TargetGroupArn=group, Targets=[{"Id": arns.instance_id(server.id)}])
    (found,) = ask("DescribeTargetHealth", TargetGroupArn=group)["TargetHealthDescriptions"]
    assert found["Target"] == {"Id": arns.instance_id(server.id), "Port": 8080}
    assert found["TargetHealth"]["Reason"] == "Target.NotInUse"
    words = refused("RegisterTargets", TargetGroupArn=group, Targets=[{"Id": "i-0123456789abcdef0"}])
    assert words.code == "InvalidTarget"


def test_a_request_finds_its_way(world, ask, group, listener, balancer):
    (told,) = ask("DescribeListeners", LoadBalancerArn=balancer)["Listeners"]
    assert told["ListenerArn"] == listener
    (action,) = told["DefaultActions"]
    assert action == {
        "Type": "forward",
        "TargetGroupArn": group,
        "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": group, "Weight": 1}],
            "TargetGroupStickinessConfig": {"Enabled": False},
        },
    }
    server = world.server()
    world.clock.move(5)
    ask("RegisterTargets", TargetGroupArn=group, Targets=[{"Id": arns.instance_id(server.id)}])
    assert states(ask, group) == ["initial"]
    world.pass_time(4)
    assert states(ask, group) == ["healthy"]
    assert ask("DescribeTargetGroups")["TargetGroups"][0]["LoadBalancerArns"] == [balancer]


def test_idle_targets_are_gone_at_once(world, ask, group, listener):
    target = {"Id": "172.31.0.99"}
    (made,) = ask("CreateTargetGroup", Name="ip", Protocol="HTTP", Port=1, VpcId=vpc_of(ask), TargetType="ip")[
        "TargetGroups"
    ]
    ask("ModifyListener", ListenerArn=listener, DefaultActions=forward(made["TargetGroupArn"]))
    ask("RegisterTargets", TargetGroupArn=made["TargetGroupArn"], Targets=[target])
    world.pass_time(3)
    (told,) = ask("DescribeTargetHealth", TargetGroupArn=made["TargetGroupArn"])["TargetHealthDescriptions"]
    assert told["Target"] == {**target, "Port": 1, "AvailabilityZone": "us-east-1a"}
    ask("DeregisterTargets", TargetGroupArn=made["TargetGroupArn"], Targets=[target])
    world.pass_time(1)
    assert states(ask, made["TargetGroupArn"]) == []


@pytest.mark.parametrize("world", [SimulatedSettings(seed=7, open_connections=True)], indirect=True)
def test_targets_drain_for_as_long_as_their_group_says(world, ask, group, listener):
    ask(
        "ModifyTargetGroupAttributes",
        TargetGroupArn=group,
        Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}],
    )
    server = world.server()
    world.clock.move(5)
    target = {"Id": arns.instance_id(server.id)}
    ask("RegisterTargets", TargetGroupArn=group, Targets=[target])
    world.pass_time(4)
    ask("DeregisterTargets", TargetGroupArn=group, Targets=[target])
    assert states(ask, group) == ["draining"]
    world.pass_time(20)
    assert states(ask, group) == ["draining"]
    world.pass_time(15)
    assert states(ask, group) == []
    assert world.simulated.pools.members("blue") == []


def test_rules(world, ask, refused, group, listener, vpc):
    other = ask("CreateTargetGroup", Name="green", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]
    conditions = [
        {"Field": "path-pattern", "Values": ["/blue/*"]},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Color", "Values": ["blue"]}},
    ]
    fixed = {"StatusCode": "201", "ContentType": "text/plain", "MessageBody": "b"}
    (rule,) = ask(
        "CreateRule",
        ListenerArn=listener,
        Priority=10,
        Conditions=conditions,
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": fixed}],
    )["Rules"]
    assert rule == {
        "RuleArn": rule["RuleArn"],
        "Priority": "10",
        "Conditions": [
            conditions[1],
            {**conditions[0], "PathPatternConfig": {"Values": ["/blue/*"]}},
        ],
        "Actions": [{"Type": "fixed-response", "FixedResponseConfig": fixed}],
        "IsDefault": False,
        "Transforms": (),
    }
    asked = {"ListenerArn": listener, "Conditions": conditions[:1], "Actions": forward(other["TargetGroupArn"])}
    assert refused("CreateRule", Priority=10, **asked).code == "PriorityInUse"
    (second,) = ask("CreateRule", Priority=5, **asked)["Rules"]
    told = ask("DescribeRules", ListenerArn=listener)["Rules"]
    assert [each["Priority"] for each in told] == ["5", "10", "default"]
    swapped = [
        {"RuleArn": rule["RuleArn"], "Priority": 5},
        {"RuleArn": second["RuleArn"], "Priority": 10},
    ]
    ask("SetRulePriorities", RulePriorities=swapped)
    told = ask("DescribeRules", RuleArns=[rule["RuleArn"]])["Rules"]
    assert [each["Priority"] for each in told] == ["5"]
    world.pass_time(2)
    assert {each.name for each in world.simulated.pools.all()} == {"blue", "green"}
    assert refused("DeleteTargetGroup", TargetGroupArn=other["TargetGroupArn"]).code == "ResourceInUse"
    ask("DeleteRule", RuleArn=second["RuleArn"])
    ask("DeleteTargetGroup", TargetGroupArn=other["TargetGroupArn"])
    world.pass_time(2)
    assert {each.name for each in world.simulated.pools.all()} == {"blue"}
    assert (
        refused("DeleteRule", RuleArn=told[0]["RuleArn"].rpartition("/")[0] + "/0123456789abcdef").code
        == "RuleNotFound"
    )


def test_rules_that_the_cloud_would_follow_in_another_order_are_refused(
    world, ask, refused, group, listener, monkeypatch
):
    making = world.simulated.cloud.balancer_making
    monkeypatch.setattr(type(making), "misplaced", lambda _self, _scope, plans: next(precedence.misplaced(plans), None))
    denied = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403"}}]
    below, elsewhere = ([{"Field": "path-pattern", "Values": [each]}] for each in ("/a/*", "/b/*"))
    asked = {"ListenerArn": listener}
    (first,) = ask("CreateRule", **asked, Priority=5, Conditions=below, Actions=forward(group))["Rules"]
    found = refused("CreateRule", **asked, Priority=9, Conditions=below, Actions=denied)
    assert found.code == "InvalidConfigurationRequest"
    assert found.message.startswith("In this cloud the rule of priority 9 would be followed before that of priority 5,")
    (second,) = ask("CreateRule", **asked, Priority=9, Conditions=elsewhere, Actions=denied)["Rules"]
    (third,) = ask("CreateRule", **asked, Priority=1, Conditions=below, Actions=denied)["Rules"]
    moved = [{"RuleArn": third["RuleArn"], "Priority": 7}]
    assert refused("SetRulePriorities", RulePriorities=moved).code == "InvalidConfigurationRequest"
    changed = {"RuleArn": second["RuleArn"], "Conditions": below}
    assert refused("ModifyRule", **changed).code == "InvalidConfigurationRequest"
    ask("DeleteRule", RuleArn=first["RuleArn"])
    ask("ModifyRule", **changed)


def test_a_group_serves_one_balancer(ask, refused, subnets, group, listener):
    (other,) = ask("CreateLoadBalancer", Name="other", Subnets=subnets[:2])["LoadBalancers"]
    asked = {"LoadBalancerArn": other["LoadBalancerArn"], "Protocol": "HTTP", "Port": 80}
    words = refused("CreateListener", **asked, DefaultActions=forward(group))
    assert (words.code, group in words.message) == ("TargetGroupAssociationLimit", True)


def test_a_port_is_listened_on_once(ask, refused, balancer, group, listener):
    asked = {"LoadBalancerArn": balancer, "Protocol": "HTTP", "DefaultActions": forward(group)}
    assert refused("CreateListener", **asked, Port=80).code == "DuplicateListener"
    ask("ModifyListener", ListenerArn=listener, Port=81)
    ask("CreateListener", **asked, Port=80)


def test_deletion_takes_all_but_the_groups(world, ask, refused, balancer, group, listener):
    protect = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    ask("ModifyLoadBalancerAttributes", LoadBalancerArn=balancer, Attributes=protect)
    words = refused("DeleteLoadBalancer", LoadBalancerArn=balancer)
    assert words.message == f"Load balancer '{balancer}' cannot be deleted because deletion protection is enabled"
    protect[0]["Value"] = "false"
    ask("ModifyLoadBalancerAttributes", LoadBalancerArn=balancer, Attributes=protect)
    world.pass_time(2)
    assert len(world.simulated.pools.all()) == 1
    ask("DeleteLoadBalancer", LoadBalancerArn=balancer)
    ask("DeleteLoadBalancer", LoadBalancerArn=balancer)
    assert refused("DescribeLoadBalancers", LoadBalancerArns=[balancer]).code == "LoadBalancerNotFound"
    assert refused("DescribeListeners", ListenerArns=[listener]).code == "ListenerNotFound"
    world.pass_time(2)
    assert world.simulated.pools.all() == []
    (told,) = ask("DescribeTargetGroups")["TargetGroups"]
    assert told["LoadBalancerArns"] == []
    ask("DeleteTargetGroup", TargetGroupArn=group)


def test_no_one_elses(world, ask, balancer, group, listener):
    assert world.call("DescribeLoadBalancers", service="elbv2", scope=OTHER)["LoadBalancers"] == []
    assert world.call("DescribeTargetGroups", service="elbv2", scope=OTHER)["TargetGroups"] == []
    for operation, member, arn in (
        ("DescribeListeners", "LoadBalancerArn", balancer),
        ("DeleteListener", "ListenerArn", listener),
        ("DescribeTargetHealth", "TargetGroupArn", group),
    ):
        with pytest.raises((AWSError, Finding)):
            world.call(operation, service="elbv2", scope=OTHER, **{member: arn})


def test_all_attributes_are_told(ask, refused, balancer, group, listener):
    told = ask("DescribeTargetGroupAttributes", TargetGroupArn=group)["Attributes"]
    assert len(told) == 14
    assert len(ask("DescribeLoadBalancerAttributes", LoadBalancerArn=balancer)["Attributes"]) == 23
    for key, value in (("x", "y"), ("idle_timeout.timeout_seconds", "0"), ("access_logs.s3.enabled", "true")):
        words = refused(
            "ModifyLoadBalancerAttributes", LoadBalancerArn=balancer, Attributes=[{"Key": key, "Value": value}]
        )
        assert words.code == "ValidationError"
    assert ask("DescribeListenerAttributes", ListenerArn=listener)["Attributes"]


def test_nodes_are_registered_when_the_pool_comes(world, ask, group, balancer):
    world.make(desired=1)
    world.call("AttachLoadBalancerTargetGroups", AutoScalingGroupName="web", TargetGroupARNs=[group])
    world.pass_time(8)
    assert states(ask, group) == ["unused"]
    ask("CreateListener", LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=forward(group))
    world.pass_time(12)
    assert states(ask, group) == ["healthy"]
    (told,) = world.call("DescribeLoadBalancerTargetGroups", AutoScalingGroupName="web")["LoadBalancerTargetGroups"]
    assert told["LoadBalancerTargetGroupARN"] == group
    world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=0)
    world.pass_time(5)
    assert states(ask, group) == ["draining"]


def test_nodes_drain_for_as_long_as_their_group_says(world, ask, group, listener):
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "20"}]
    ask("ModifyTargetGroupAttributes", TargetGroupArn=group, Attributes=delay)
    world.make(desired=1)
    world.call("AttachLoadBalancerTargetGroups", AutoScalingGroupName="web", TargetGroupARNs=[group])
    world.pass_time(12)
    assert states(ask, group) == ["healthy"]
    world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=0)
    world.pass_time(15)
    assert states(ask, group) == ["draining"]
    world.pass_time(15)
    assert states(ask, group) == []
    assert world.servers() == []


def test_a_tree_takes_one_change_at_a_time(subnets, vpc):
    slow = EngineWorld(settings=SimulatedSettings(seed=7, balancer_seconds=3))
    try:
        asked: Ask = lambda operation, **params: slow.call(operation, service="elbv2", **params)  # noqa: E731
        (made,) = asked("CreateLoadBalancer", Name="web", Subnets=subnets[:2])["LoadBalancers"]
        (group,) = asked("CreateTargetGroup", Name="t", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"]
        where = {"LoadBalancerArn": made["LoadBalancerArn"], "Protocol": "HTTP"}
        for port in (80, 81):
            asked("CreateListener", **where, Port=port, DefaultActions=forward(group["TargetGroupArn"]))
        slow.pass_time(2)
        assert asked("DescribeLoadBalancers")["LoadBalancers"][0]["State"] == {"Code": "provisioning"}
        slow.pass_time(20)
        assert asked("DescribeLoadBalancers")["LoadBalancers"][0]["State"] == {"Code": "active"}
        with slow.simulated._state.reading() as connection:
            kinds = connection.execute("SELECT kind FROM balancer_parts ORDER BY kind").fetchall()
        assert [kind for (kind,) in kinds] == ["listener", "listener", "pool"]
    finally:
        slow.close()


def test_a_subnet_with_a_balancer_stays(world):
    ec2 = lambda operation, **params: world.call(operation, service="ec2", **params)  # noqa: E731
    vpc = ec2("CreateVpc", CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2("CreateSubnet", VpcId=vpc, CidrBlock=f"10.9.{number}.0/24", AvailabilityZone=f"us-east-1{zone}")
        for number, zone in enumerate("ab")
    ]
    ids = [each["Subnet"]["SubnetId"] for each in subnets]
    (made,) = world.call("CreateLoadBalancer", service="elbv2", Name="own", Subnets=ids)["LoadBalancers"]
    assert made["VpcId"] == vpc
    with pytest.raises((AWSError, Finding)) as found:
        ec2("DeleteSubnet", SubnetId=ids[1])
    assert translate(found.value, "ec2").code == "DependencyViolation"
    world.pass_time(2)
    world.call("DeleteLoadBalancer", service="elbv2", LoadBalancerArn=made["LoadBalancerArn"])
    world.pass_time(2)
    ec2("DeleteSubnet", SubnetId=ids[1])


def test_certificates_of_iam_must_be_there(ask, refused, balancer, group):
    account = balancer.split(":")[4]
    for arn in (
        f"arn:aws:iam::{account}:server-certificate/none",
        f"arn:aws:acm:us-east-1:000000000000:certificate/{'0' * 8}-0000-4000-8000-{'0' * 12}",
    ):
        words = refused(
            "CreateListener",
            LoadBalancerArn=balancer,
            Protocol="HTTPS",
            Port=443,
            Certificates=[{"CertificateArn": arn}],
            DefaultActions=forward(group),
        )
        assert words.code == "CertificateNotFound"


def test_listeners_have_no_certificates_where_the_cloud_keeps_none(ask, refused, world, balancer, group, monkeypatch):
    arn = f"arn:aws:acm:us-east-1:{balancer.split(':')[4]}:certificate/{'0' * 8}-0000-4000-8000-{'0' * 12}"
    asked = {"LoadBalancerArn": balancer, "DefaultActions": forward(group)}
    secure = {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": arn}]}
    (listener,) = ask("CreateListener", **asked, **secure, Port=443)["Listeners"]
    making = type(world.simulated.cloud.balancer_making)
    lack = "Listeners with protocol HTTPS are not supported in this cloud"
    monkeypatch.setattr(making, "lacks_certificates", lambda _self, _scope: lack)
    (plain,) = ask("CreateListener", **asked, Protocol="HTTP", Port=80)["Listeners"]
    for operation, params in (
        ("CreateListener", {**asked, **secure, "Port": 8443}),
        ("ModifyListener", {"ListenerArn": plain["ListenerArn"], **secure}),
    ):
        found = refused(operation, **params)
        assert (found.code, found.message) == ("InvalidConfigurationRequest", lack)
    ask("DeleteListener", ListenerArn=listener["ListenerArn"])


def test_a_duration_is_told_while_its_stickiness_is_off(ask, balancer, group):
    resting = {"Enabled": False, "DurationSeconds": 3600}
    config = {"TargetGroups": [{"TargetGroupArn": group}], "TargetGroupStickinessConfig": resting}
    actions = [{"Type": "forward", "ForwardConfig": config}]
    (made,) = ask("CreateListener", LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=actions)[
        "Listeners"
    ]
    assert made["DefaultActions"][0]["ForwardConfig"]["TargetGroupStickinessConfig"] == resting


class Interrupted(TargetGroups):
    """Somebody else's change of a group comes between a look at it and the first change of it."""

    def __init__(self, within: TargetGroups, first: Callable[[], object]) -> None:
        super().__init__(within._store, within._cloud, within._catalog, within._clock)
        self._first: list[Callable[[], object]] = [first]

    def change(self, *given: Any, **values: Any) -> TargetGroup:
        while self._first:
            self._first.pop()()
        return super().change(*given, **values)


@pytest.mark.parametrize("mine", [{"HealthCheckIntervalSeconds": 60}, {"HealthyThresholdCount": 3}])
def test_no_change_of_a_health_check_undoes_another(world, ask, group, mine):
    theirs = {"HealthCheckPath": "/up", "HealthCheckTimeoutSeconds": 20}
    made = Interrupted(world.backend.target_groups, lambda: ask("ModifyTargetGroup", TargetGroupArn=group, **theirs))
    world.backend = replace(world.backend, target_groups=made)
    (answer,) = ask("ModifyTargetGroup", TargetGroupArn=group, **mine)["TargetGroups"]
    (told,) = ask("DescribeTargetGroups", TargetGroupArns=[group])["TargetGroups"]
    assert told == answer
    assert {**told, **theirs, **mine} == told


def test_two_changes_of_a_health_check_are_none_together(world, ask, refused, group):
    """The interval of one is no longer than the time-out of the other."""
    theirs = {"HealthCheckTimeoutSeconds": 20}
    made = Interrupted(world.backend.target_groups, lambda: ask("ModifyTargetGroup", TargetGroupArn=group, **theirs))
    world.backend = replace(world.backend, target_groups=made)
    assert refused("ModifyTargetGroup", TargetGroupArn=group, HealthCheckIntervalSeconds=15).code == "ValidationError"
    (told,) = ask("DescribeTargetGroups", TargetGroupArns=[group])["TargetGroups"]
    assert (told["HealthCheckIntervalSeconds"], told["HealthCheckTimeoutSeconds"]) == (30, 20)


def test_a_group_of_connections_is_asked_again_as_soon_as_its_time_is_up(ask, refused, vpc):
    """Of HTTP the interval has to be longer; ten and ten is what the AWS load balancer controller begins with."""
    asked = {"VpcId": vpc, "Port": 80, "HealthCheckIntervalSeconds": 10}
    (made,) = ask("CreateTargetGroup", Name="tcp", Protocol="TCP", **asked)["TargetGroups"]
    assert (made["HealthCheckIntervalSeconds"], made["HealthCheckTimeoutSeconds"]) == (10, 10)
    tcp = made["TargetGroupArn"]
    ask("ModifyTargetGroup", TargetGroupArn=tcp, HealthCheckIntervalSeconds=20, HealthCheckTimeoutSeconds=20)
    words = refused("ModifyTargetGroup", TargetGroupArn=tcp, HealthCheckIntervalSeconds=19)
    assert words.message == "Health check timeout '20' must be smaller than the interval '19'"
    words = refused("CreateTargetGroup", Name="web", Protocol="HTTP", HealthCheckTimeoutSeconds=10, **asked)
    assert (words.code, words.message) == ("ValidationError", "Health check interval must be greater than the timeout.")
    (made,) = ask("CreateTargetGroup", Name="web", Protocol="HTTP", **asked)["TargetGroups"]
    words = refused("ModifyTargetGroup", TargetGroupArn=made["TargetGroupArn"], HealthCheckTimeoutSeconds=10)
    assert words.message == "Health check timeout '10' must be smaller than the interval '10'"


def test_what_is_asked_for_where_there_is_nothing_to_guard_is_kept(ask, balancer):
    """Nothing here can fail closed."""
    asked = [{"Key": "waf.fail_open.enabled", "Value": "true"}]
    ask("ModifyLoadBalancerAttributes", LoadBalancerArn=balancer, Attributes=asked)
    told = ask("DescribeLoadBalancerAttributes", LoadBalancerArn=balancer)["Attributes"]
    assert asked[0] in told


def net(subnet: str, *others: str, **address: str) -> dict[str, Any]:
    mappings = [{"SubnetId": subnet, **address}, *({"SubnetId": each} for each in others)]
    return {"Name": "tcp", "Type": "network", "SubnetMappings": mappings}


def test_a_network_balancer_listens_where_it_was_asked_to(world, ask, subnets):
    (subnet,) = world.call("DescribeSubnets", service="ec2", SubnetIds=subnets[:1])["Subnets"]
    wanted = subnet["CidrBlock"].rpartition(".")[0] + ".77"
    asked = {**net(subnets[0], subnets[1], PrivateIPv4Address=wanted), "Scheme": "internal"}
    (made,) = ask("CreateLoadBalancer", **asked)["LoadBalancers"]
    told = {each["SubnetId"]: each["LoadBalancerAddresses"] for each in made["AvailabilityZones"]}
    assert told == {subnets[0]: [{"PrivateIPv4Address": wanted}], subnets[1]: []}
    assert ask("CreateLoadBalancer", **asked)["LoadBalancers"][0]["LoadBalancerArn"] == made["LoadBalancerArn"]
    with pytest.raises(Finding):  # the same name with other settings
        ask("CreateLoadBalancer", **{**net(*subnets[:2]), "Scheme": "internal"})
    filters = [{"Name": "addresses.private-ip-address", "Values": [wanted]}]
    (port,) = world.call("DescribeNetworkInterfaces", service="ec2", Filters=filters)["NetworkInterfaces"]
    assert port["SubnetId"] == subnets[0]
    arn = made["LoadBalancerArn"]
    whole = [*asked["SubnetMappings"], {"SubnetId": subnets[2]}]
    assert len(ask("SetSubnets", LoadBalancerArn=arn, SubnetMappings=whole)["AvailabilityZones"]) == 3


def test_a_projects_own_address_leads_to_a_network_balancer(world, ask, refused, subnets):
    """As long as it is there; nobody leads it elsewhere meanwhile, or gives it back."""
    address = world.call("AllocateAddress", service="ec2")
    allocation = address["AllocationId"]
    (made,) = ask("CreateLoadBalancer", **net(subnets[0], AllocationId=allocation))["LoadBalancers"]
    (zone,) = made["AvailabilityZones"]
    assert zone["LoadBalancerAddresses"] == [{"AllocationId": allocation, "IpAddress": address["PublicIp"]}]
    (told,) = world.call("DescribeAddresses", service="ec2", AllocationIds=[allocation])["Addresses"]
    filters = [{"Name": "association.allocation-id", "Values": [allocation]}]
    (port,) = world.call("DescribeNetworkInterfaces", service="ec2", Filters=filters)["NetworkInterfaces"]
    assert (told["NetworkInterfaceId"], port["RequesterId"]) == (port["NetworkInterfaceId"], "amazon-elb")
    again = refused("CreateLoadBalancer", **{**net(subnets[0], AllocationId=allocation), "Name": "other"})
    assert again.code == "ResourceInUse"
    assert [each["LoadBalancerName"] for each in ask("DescribeLoadBalancers")["LoadBalancers"]] == ["tcp"]
    for operation, more in {
        "ReleaseAddress": {"AllocationId": allocation},
        "DisassociateAddress": {"AssociationId": told["AssociationId"]},
    }.items():
        with pytest.raises((AWSError, Finding)):
            world.call(operation, service="ec2", **more)
    ask("DeleteLoadBalancer", LoadBalancerArn=made["LoadBalancerArn"])
    (told,) = world.call("DescribeAddresses", service="ec2", AllocationIds=[allocation])["Addresses"]
    assert "AssociationId" not in told or told["AssociationId"] is None
    world.call("ReleaseAddress", service="ec2", AllocationId=allocation)


@pytest.mark.parametrize(
    ("more", "address", "code"),
    [
        ({}, {"AllocationId": "eipalloc-0123456789abcdef0"}, "AllocationIdNotFound"),
        ({}, {"AllocationId": "mine"}, "AllocationIdNotFound"),
        ({}, {"PrivateIPv4Address": "172.31.0.9"}, "InvalidConfigurationRequest"),
        ({"Scheme": "internal"}, {"AllocationId": "eipalloc-0123456789abcdef0"}, "InvalidConfigurationRequest"),
        ({"Scheme": "internal"}, {"PrivateIPv4Address": "10.99.0.1"}, "InvalidConfigurationRequest"),
        ({"Scheme": "internal"}, {"PrivateIPv4Address": "x"}, "InvalidConfigurationRequest"),
        ({"Type": "application"}, {"AllocationId": "eipalloc-0123456789abcdef0"}, "InvalidConfigurationRequest"),
        ({}, {"IPv6Address": "::1"}, "InvalidConfigurationRequest"),
    ],
)
def test_addresses_that_no_balancer_has(ask, refused, subnets, more, address, code):
    assert refused("CreateLoadBalancer", **{**net(subnets[0], subnets[1], **address), **more}).code == code
    assert ask("DescribeLoadBalancers")["LoadBalancers"] == []


def test_one_subnet_alone_has_addresses(world, refused, subnets):
    allocation = world.call("AllocateAddress", service="ec2")["AllocationId"]
    asked = net(subnets[0])
    asked["SubnetMappings"].append({"SubnetId": subnets[1], "AllocationId": allocation})
    words = refused("CreateLoadBalancer", **asked)
    assert (words.code, "first subnet only" in words.message) == ("InvalidConfigurationRequest", True)


def test_a_listener_that_goes_meanwhile_has_no_rules(ask, refused, group, listener, monkeypatch):
    """Whoever deletes it comes before the balancer is held."""

    def late(conn, scope, balancer_id, clock):
        LISTENERS.remove(conn, scope, balancer_id=balancer_id)
        return locked(conn, scope, balancer_id, clock)

    monkeypatch.setattr(listeners, "locked", late)
    path = [{"Field": "path-pattern", "Values": ["/a"]}]
    asked = {"ListenerArn": listener, "Priority": 1, "Conditions": path, "Actions": forward(group)}
    assert refused("CreateRule", **asked).code == "ListenerNotFound"
