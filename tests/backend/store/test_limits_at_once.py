"""What a project may have so much of: many who ask for more at once make no more than that, on any database."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any, Final

import pytest

from backend import Backend
from backend.domain import security_groups as group_rules
from backend.domain.ids import account_id
from backend.domain.metrics import MetricLimits
from backend.domain.network_findings import NetworkLimit
from backend.domain.prefix_list_findings import ListFull, ListTwinInUse
from backend.domain.queues import QueueLimits
from backend.domain.quotas import Quota
from backend.domain.receivers import WantedReceiver
from backend.errors import Finding, LimitExceeded
from backend.services import (
    addresses,
    alarms,
    events,
    identities,
    interfaces,
    key_pairs,
    limits,
    nat_gateways,
    network_limits,
    parameters,
    prefix_lists,
    receivers,
    resource_tags,
    security_groups,
    templates,
    topics,
)
from backend.services.dashboards import Dashboards
from backend.services.metrics import Metrics
from backend.services.server_certificates import NewCertificate, ServerCertificates
from backend.services.topics import Topics
from backend.store import quotas
from backend.store.secrets import Seal
from backend.store.session import Store
from tests.databases import memory
from tests.factories import NOW, SCOPE, HandClock, World

MANY: Final = 8
MOST: Final = 3
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)
Ask = Callable[..., Any]


class Limited:
    """Of each kind: what asks for one more, by number."""

    def __init__(self, store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.patch = World(clock=clock), monkeypatch
        memory.release(self.world.store)
        self.world.store = self.store = store
        self.clock = clock
        few = QueueLimits(queues=MOST, topics=MOST, subscriptions=MOST)
        self.world.backend = Backend.build(store, self.world.simulated.cloud, clock, queue_limits=few)

    def ask(self, service: str, operation: str, **params: Any) -> Any:
        return self.world.call(operation, service=service, **params)

    def _most(self, module: Any, name: str) -> None:
        self.patch.setattr(module, name, MOST)

    def _instead(self, **services: Any) -> None:
        self.world.backend = replace(self.world.backend, **services)

    def _quota(self, quota: Quota) -> None:
        self.store.transact(lambda conn: quotas.put(conn, SCOPE.project_id, quota, MOST))

    # Auto Scaling

    def groups(self) -> Ask:
        self.world.launch_configuration()
        self._quota(Quota.CLUSTERS)
        return lambda at: self.world.group(f"g{at}")

    def launch_configurations(self) -> Ask:
        self._quota(Quota.CONFIGURATIONS)
        return lambda at: self.world.launch_configuration(f"lc{at}")

    def _of_group(self, quota: Quota, operation: str, name: str, **params: Any) -> Ask:
        self.world.group()
        self._quota(quota)
        whose = {"AutoScalingGroupName": "web"}
        return lambda at: self.ask("autoscaling", operation, **{name: f"n{at}"}, **whose, **params)

    def hooks(self) -> Ask:
        held = {"LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"}
        return self._of_group(Quota.HOOKS, "PutLifecycleHook", "LifecycleHookName", **held)

    def scaling_policies(self) -> Ask:
        how = {"AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": 1}
        return self._of_group(Quota.POLICIES, "PutScalingPolicy", "PolicyName", **how)

    def scheduled_actions(self) -> Ask:
        self.world.group()
        self._quota(Quota.SCHEDULES)

        def put(at: int) -> None:
            start = NOW + timedelta(hours=at + 1)
            named = {"AutoScalingGroupName": "web", "ScheduledActionName": f"n{at}"}
            self.ask("autoscaling", "PutScheduledUpdateGroupAction", StartTime=start, DesiredCapacity=1, **named)

        return put

    def tags_of_group(self) -> Ask:
        self.world.group()
        self._quota(Quota.TAGS)
        whose = {"ResourceId": "web", "ResourceType": "auto-scaling-group", "PropagateAtLaunch": False}
        return lambda at: self.ask("autoscaling", "CreateOrUpdateTags", Tags=[{**whose, "Key": f"k{at}", "Value": ""}])

    def receivers(self) -> Ask:
        self.world.group("a")
        self.world.group("b")  # they hold no row in common
        self._most(receivers, "_MOST")
        return lambda at: self.world.backend.receivers.add(SCOPE, WantedReceiver("ab"[at % 2]))

    # EC2

    def templates(self) -> Ask:
        self._most(templates, "LIMIT")
        data = {"LaunchTemplateData": {"InstanceType": "t3.micro"}}
        make = partial(self.ask, "ec2", "CreateLaunchTemplate", **data)
        return lambda at, **again: make(LaunchTemplateName=f"tmpl{at}", **again)

    def template_versions(self) -> Ask:
        named = {"LaunchTemplateName": "tmpl", "LaunchTemplateData": {"InstanceType": "t3.micro"}}
        self.ask("ec2", "CreateLaunchTemplate", **named)
        self.patch.setattr(templates, "VERSIONS_LIMIT", MOST + 1)
        return lambda _: self.ask("ec2", "CreateLaunchTemplateVersion", **named)

    def key_pairs(self) -> Ask:
        self._most(key_pairs, "LIMIT")
        return lambda at: self.ask("ec2", "CreateKeyPair", KeyName=f"k{at}", KeyType="ed25519")

    def security_groups(self) -> Ask:
        self._most(security_groups, "LIMIT")
        return lambda at: self.ask("ec2", "CreateSecurityGroup", GroupName=f"g{at}", Description="d")

    def rules_of_security_group(self) -> Ask:
        group = self.ask("ec2", "CreateSecurityGroup", GroupName="g", Description="d")["GroupId"]
        self.patch.setattr(group_rules, "RULES_LIMIT", MOST)

        def put(at: int) -> None:
            one = {"IpProtocol": "tcp", "FromPort": at, "ToPort": at, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
            self.ask("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[one])

        return put

    def prefix_lists(self) -> Ask:
        self._most(prefix_lists, "LIMIT")
        return lambda at: self._list(f"l{at}")

    def entries_of_prefix_list(self) -> Ask:
        made = self._list("l", MaxEntries=MOST)
        change = partial(self.ask, "ec2", "ModifyManagedPrefixList", PrefixListId=made)
        return lambda at: change(AddEntries=[{"Cidr": f"10.{at}.0.0/16"}])

    def lists_of_security_group(self) -> Ask:
        """Each counts as what it may have, and so does what one that is named may have from now on."""
        group = self.ask("ec2", "CreateSecurityGroup", GroupName="g", Description="d")["GroupId"]
        made = [self._list(f"l{at}") for at in range(MOST + MANY + 1)]
        self.patch.setattr(group_rules, "RULES_LIMIT", MOST)

        def put(at: int) -> None:
            one = {"IpProtocol": "tcp", "FromPort": at, "ToPort": at, "PrefixListIds": [{"PrefixListId": made[at]}]}
            self.ask("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[one])

        return put

    def _list(self, name: str, **more: Any) -> str:
        wanted = {"PrefixListName": name, "AddressFamily": "IPv4", "MaxEntries": 1, **more}
        made: str = self.ask("ec2", "CreateManagedPrefixList", **wanted)["PrefixList"]["PrefixListId"]
        return made

    def addresses(self) -> Ask:
        self._most(addresses, "ADDRESSES")
        return lambda _: self.ask("ec2", "AllocateAddress")

    def _subnet(self) -> str:
        return self.ask("ec2", "DescribeSubnets")["Subnets"][0]["SubnetId"]

    def network_interfaces(self) -> Ask:
        subnet = self._subnet()
        self._most(interfaces, "INTERFACES")
        return lambda _: self.ask("ec2", "CreateNetworkInterface", SubnetId=subnet)

    def nat_gateways(self) -> Ask:
        subnet = self._subnet()
        self._most(nat_gateways, "GATEWAYS")
        return lambda _: self.ask("ec2", "CreateNatGateway", SubnetId=subnet, ConnectivityType="private")

    def vpcs(self) -> Ask:
        self._most(network_limits, "VPCS")
        return lambda at: self.ask("ec2", "CreateVpc", CidrBlock=f"10.{at}.0.0/16")

    def _vpc(self) -> str:
        return self.ask("ec2", "CreateVpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]

    def subnets(self) -> Ask:
        vpc = self._vpc()
        self._most(network_limits, "SUBNETS_OF_VPC")
        return lambda at: self.ask("ec2", "CreateSubnet", VpcId=vpc, CidrBlock=f"10.0.{at}.0/24")

    def cidrs_of_vpc(self) -> Ask:
        vpc = self._vpc()
        self.patch.setattr(network_limits, "CIDRS_OF_VPC", MOST + 1)
        return lambda at: self.ask("ec2", "AssociateVpcCidrBlock", VpcId=vpc, CidrBlock=f"10.{at + 1}.0.0/16")

    def dhcp_options(self) -> Ask:
        self._most(network_limits, "DHCP_OPTIONS")
        wanted = [{"Key": "domain-name-servers", "Values": ["10.0.0.2"]}]
        return lambda _: self.ask("ec2", "CreateDhcpOptions", DhcpConfigurations=wanted)

    def internet_gateways(self) -> Ask:
        self._most(network_limits, "GATEWAYS")
        return lambda _: self.ask("ec2", "CreateInternetGateway")

    def route_tables(self) -> Ask:
        vpc = self._vpc()
        self.patch.setattr(network_limits, "ROUTE_TABLES_OF_VPC", MOST + 1)
        return lambda _: self.ask("ec2", "CreateRouteTable", VpcId=vpc)

    def network_acls(self) -> Ask:
        vpc = self._vpc()
        self.patch.setattr(network_limits, "ACLS_OF_VPC", MOST + 1)
        return lambda _: self.ask("ec2", "CreateNetworkAcl", VpcId=vpc)

    def tags_of_resource(self) -> Ask:
        self._most(resource_tags, "LIMIT")
        of = [f"vpc-{'0' * 17}"]
        return lambda at: self.world.backend.resource_tags.put(SCOPE, of, {f"k{at}": ""})

    # Load balancing

    def _balancers(self, kind: str) -> Ask:
        subnets = [each["SubnetId"] for each in self.ask("ec2", "DescribeSubnets")["Subnets"][:2]]
        self.patch.setattr(limits, "BALANCERS", dict.fromkeys(limits.BALANCERS, MOST))
        return lambda at: self.ask("elbv2", "CreateLoadBalancer", Name=f"b{at}", Type=kind, Subnets=subnets)

    def application_balancers(self) -> Ask:
        return self._balancers("application")

    def network_balancers(self) -> Ask:
        return self._balancers("network")

    def classic_balancers(self) -> Ask:
        self.patch.setattr(limits, "BALANCERS", dict.fromkeys(limits.BALANCERS, MOST))
        front = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}
        wanted = {"Listeners": [front], "AvailabilityZones": ["us-east-1a"]}
        return lambda at: self.ask("elb", "CreateLoadBalancer", LoadBalancerName=f"b{at}", **wanted)

    def target_groups(self) -> Ask:
        self._most(limits, "TARGET_GROUPS")
        vpc = self.ask("ec2", "DescribeVpcs")["Vpcs"][0]["VpcId"]
        wanted = {"Protocol": "HTTP", "Port": 80, "VpcId": vpc}
        return lambda at: self.ask("elbv2", "CreateTargetGroup", Name=f"t{at}", **wanted)

    def _listened(self, port: int = 80) -> tuple[str, dict[str, Any]]:
        """A balancer, and what a listener of it does."""
        subnets = [each["SubnetId"] for each in self.ask("ec2", "DescribeSubnets")["Subnets"][:2]]
        made = self.ask("elbv2", "CreateLoadBalancer", Name="b", Subnets=subnets)["LoadBalancers"][0]
        says = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
        return made["LoadBalancerArn"], {"Protocol": "HTTP", "DefaultActions": says}

    def listeners(self) -> Ask:
        balancer, how = self._listened()
        self._most(limits, "LISTENERS_OF_BALANCER")
        return lambda at: self.ask("elbv2", "CreateListener", LoadBalancerArn=balancer, Port=at + 1, **how)

    def rules_of_balancer(self) -> Ask:
        balancer, how = self._listened()
        made = self.ask("elbv2", "CreateListener", LoadBalancerArn=balancer, Port=80, **how)["Listeners"][0]
        self._most(limits, "RULES_OF_BALANCER")

        def put(at: int) -> None:
            means = [{"Field": "path-pattern", "Values": [f"/{at}"]}]
            where = {"ListenerArn": made["ListenerArn"], "Priority": at + 1}
            self.ask("elbv2", "CreateRule", Conditions=means, Actions=how["DefaultActions"], **where)

        return put

    # Identities

    def roles(self) -> Ask:
        self._most(identities, "ROLES")
        return lambda at: self.ask("iam", "CreateRole", RoleName=f"r{at}", AssumeRolePolicyDocument=TRUST)

    def instance_profiles(self) -> Ask:
        self._most(identities, "PROFILES")
        return lambda at: self.ask("iam", "CreateInstanceProfile", InstanceProfileName=f"p{at}")

    def policies(self) -> Ask:
        self._most(identities, "POLICIES")
        return lambda at: self.ask("iam", "CreatePolicy", PolicyName=f"p{at}", PolicyDocument=POLICY)

    def policy_versions(self) -> Ask:
        arn = self.ask("iam", "CreatePolicy", PolicyName="p", PolicyDocument=POLICY)["Policy"]["Arn"]
        self.patch.setattr(identities, "VERSIONS", MOST + 1)
        return lambda _: self.ask("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=POLICY)

    def attached_policies(self) -> Ask:
        self.roles()(0)
        arns = [
            self.ask("iam", "CreatePolicy", PolicyName=f"p{at}", PolicyDocument=POLICY)["Policy"]["Arn"]
            for at in range(MANY)
        ]
        self._most(identities, "ATTACHED")
        return lambda at: self.ask("iam", "AttachRolePolicy", RoleName="r0", PolicyArn=arns[at])

    def providers(self) -> Ask:
        self._most(identities, "PROVIDERS")
        return lambda at: self.ask("iam", "CreateOpenIDConnectProvider", Url=f"https://p{at}.example")

    def server_certificates(self) -> Ask:
        self._most(identities, "CERTIFICATES")
        kept = ServerCertificates(self.store, self.clock, _Plain())
        until = NOW + timedelta(days=1)
        return lambda at: kept.upload(SCOPE, NewCertificate(f"c{at}", "/", "", "", "", NOW, until, {}))

    # Messages

    def queues(self) -> Ask:
        return lambda at: self.ask("sqs", "CreateQueue", QueueName=f"q{at}")

    def topics(self) -> Ask:
        return lambda at: self.ask("sns", "CreateTopic", Name=f"t{at}")

    def _topic(self) -> str:
        return self.ask("sns", "CreateTopic", Name="t")["TopicArn"]

    def subscriptions(self) -> Ask:
        arns = [self.ask("sns", "CreateTopic", Name=name)["TopicArn"] for name in "ab"]
        how = {"Protocol": "sqs"}
        return lambda at: self.ask("sns", "Subscribe", TopicArn=arns[at % 2], Endpoint=_queue(at), **how)

    def filters_of_topic(self) -> Ask:
        self._instead(topics=Topics(self.store, self.clock))
        arn, how = self._topic(), {"Protocol": "sqs", "Attributes": {"FilterPolicy": '{"a": ["b"]}'}}
        self._most(topics, "MOST_FILTERS")
        return lambda at: self.ask("sns", "Subscribe", TopicArn=arn, Endpoint=_queue(at), **how)

    def filters_given_later(self) -> Ask:
        self._instead(topics=Topics(self.store, self.clock))
        arn = self._topic()
        made = [
            self.ask("sns", "Subscribe", TopicArn=arn, Endpoint=_queue(at), Protocol="sqs")["SubscriptionArn"]
            for at in range(MANY)
        ]
        self._most(topics, "MOST_FILTERS")
        how = {"AttributeName": "FilterPolicy", "AttributeValue": '{"a": ["b"]}'}
        return lambda at: self.ask("sns", "SetSubscriptionAttributes", SubscriptionArn=made[at], **how)

    def rules(self) -> Ask:
        self._most(events, "MOST_RULES")
        return lambda at: self.ask("events", "PutRule", Name=f"r{at}", EventPattern='{"source": ["a"]}')

    # Metrics, alarms and parameters

    def alarms(self) -> Ask:
        self._most(alarms, "MOST_ALARMS")
        watched = {"MetricName": "m", "Namespace": "n", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1}
        over = {"Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"}
        return lambda at: self.ask("cloudwatch", "PutMetricAlarm", AlarmName=f"a{at}", **watched, **over)

    def dashboards(self) -> Ask:
        kept = Dashboards(self.store, self.clock, MetricLimits(dashboards=MOST))
        return lambda at: kept.put(SCOPE, f"d{at}", "{}", {})

    def series(self) -> Ask:
        self._instead(metrics=Metrics(self.store, self.clock, MetricLimits(series=MOST)))
        data = lambda at: [{"MetricName": f"m{at}", "Value": 1.0}]  # noqa: E731
        return lambda at: self.ask("cloudwatch", "PutMetricData", Namespace="n", MetricData=data(at))

    def parameters(self) -> Ask:
        self._most(parameters, "MOST")
        return lambda at: self.ask("ssm", "PutParameter", Name=f"p{at}", Value="v", Type="String")


def _queue(at: int) -> str:
    return f"arn:aws:sqs:{SCOPE.region}:{account_id(SCOPE.project_id)}:q{at}"


class _Plain(Seal):
    """Closes nothing: what is sealed is not looked at here."""

    def close(self, text: str) -> str:
        return text


@pytest.mark.parametrize("kind", [name for name in vars(Limited) if not name.startswith("_") and name != "ask"])
def test_no_more_are_made_at_once_than_may_be(store, clock, monkeypatch, kind):
    ask = getattr(Limited(store, clock, monkeypatch), kind)()
    assert sorted(_at_once(*(partial(ask, at) for at in range(MANY)))) == [*["done"] * MOST, *["full"] * (MANY - MOST)]


def _at_once(*acts: Callable[[], Any]) -> list[str]:
    """What came of what was begun at once: ``done``, ``full``, or what else was found."""
    begin = Barrier(len(acts))

    def work(act: Callable[[], Any]) -> str:
        begin.wait(30)
        try:
            act()
        except (LimitExceeded, NetworkLimit, ListFull):
            return "full"
        except Finding as found:
            return type(found).__name__
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(work, acts))


@pytest.mark.parametrize(
    "kind", ["queues", "topics", "rules", "dashboards", "target_groups", "application_balancers", "tokens"]
)
def test_who_asks_for_the_last_one_at_once_is_told_of_it(store, clock, monkeypatch, kind):
    ask = getattr(Limited(store, clock, monkeypatch), kind if kind != "tokens" else "templates")()
    for at in range(1, MOST):
        ask(at)
    again = {"ClientToken": "t"} if kind == "tokens" else {}
    assert _at_once(*(partial(ask, 0, **again) for _ in range(MANY))) == ["done"] * MANY


def test_of_addresses_that_are_led_to_one_server_at_once_one_leads_there(store, clock, monkeypatch):
    limited = Limited(store, clock, monkeypatch)
    server = limited.world.server()
    made = [limited.ask("ec2", "AllocateAddress")["AllocationId"] for _ in range(MANY)]
    lead = lambda each: limited.ask("ec2", "AssociateAddress", AllocationId=each, InstanceId=f"i-{server.short_id}")  # noqa: E731
    assert _at_once(*(partial(lead, each) for each in made)) == ["done"] * MANY
    told = limited.ask("ec2", "DescribeAddresses")["Addresses"]
    assert sum("AssociationId" in each for each in told) == 1


def test_a_security_group_that_a_rule_names_at_once_is_there(store, clock, monkeypatch):
    limited = Limited(store, clock, monkeypatch)
    make = lambda name: limited.ask("ec2", "CreateSecurityGroup", GroupName=name, Description="d")["GroupId"]  # noqa: E731
    pairs = [(make(f"a{at}"), make(f"b{at}")) for at in range(MANY)]

    def name(one: str, other: str) -> None:
        rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": other}]}
        limited.ask("ec2", "AuthorizeSecurityGroupIngress", GroupId=one, IpPermissions=[rule])

    drop = lambda each: limited.ask("ec2", "DeleteSecurityGroup", GroupId=each)  # noqa: E731
    acts = [act for one, other in pairs for act in (partial(name, one, other), partial(drop, other))]
    told = _at_once(*acts)
    assert {*zip(told[::2], told[1::2], strict=True)} <= {
        ("done", "SecurityGroupInUse"),
        ("SecurityGroupNotFound", "done"),
    }


def test_a_prefix_list_that_a_rule_names_at_once_is_there(store, clock, monkeypatch):
    limited = Limited(store, clock, monkeypatch)
    group = limited.ask("ec2", "CreateSecurityGroup", GroupName="g", Description="d")["GroupId"]
    made = [limited._list(f"l{at}") for at in range(MANY)]

    def name(at: int) -> None:
        rule = {"IpProtocol": "tcp", "FromPort": at, "ToPort": at, "PrefixListIds": [{"PrefixListId": made[at]}]}
        limited.ask("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[rule])

    def drop(at: int) -> None:
        gone = limited.ask("ec2", "DeleteManagedPrefixList", PrefixListId=made[at])["PrefixList"]
        if gone["State"] == "delete-failed":
            raise ListTwinInUse

    told = _at_once(*(act for at in range(MANY) for act in (partial(name, at), partial(drop, at))))
    assert {*zip(told[::2], told[1::2], strict=True)} <= {("done", "ListTwinInUse"), ("ListNotFound", "done")}
