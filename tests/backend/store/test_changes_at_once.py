"""What several change at once of one thing: none undoes what another did."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from backend import Backend
from backend.domain.parameters import ParameterType
from backend.domain.queues import PurgedLately
from backend.drivers.catalog import Catalog
from backend.drivers.simulated import SimulatedCloud
from backend.errors import LimitExceeded
from backend.services import limits
from backend.services.events import RuleRequest
from backend.services.identity_providers import IdentityProviders
from backend.services.parameters import NewParameter, Parameters
from backend.services.queues import Queues
from backend.services.roles import NewRole, Roles
from backend.services.target_groups import TargetGroups
from backend.services.topics import Topics
from backend.store.balancers import GROUPS
from backend.store.parameters import PARAMETERS, key_of
from backend.store.secrets import Seal
from tests.backend.drivers.openstack.test_balancers import GROUP
from tests.databases import memory
from tests.factories import SCOPE, World

MANY = 6


class Changed:
    """One thing of each kind; what changes it, and what it has then."""

    def __init__(self, store, clock) -> None:
        self.roles, self.providers = Roles(store, clock), IdentityProviders(store, clock)
        self.queues, self.topics = Queues(store, clock), Topics(store, clock)
        cloud = SimulatedCloud.open(None, clock).cloud
        self.store, self.groups = store, TargetGroups(store, cloud, Catalog(cloud, clock), clock)
        self.parameters = Parameters(store, Catalog(cloud, clock), clock, Seal())

    def parameter(self):
        self._put("a")
        return lambda name: self.parameters.retag(SCOPE, "p", {name: ""}), lambda: self.parameters.find(SCOPE, "p").tags

    def labels(self):
        self._put("a")
        label = lambda name: self.parameters.label(SCOPE, "p", 1, [name])  # noqa: E731
        return label, lambda: self.parameters.find(SCOPE, "p", "1").labels, 3

    def versions(self):
        """Of each the description tells who wrote it."""
        return self._put, lambda: [each.description for each in self._versions()]

    def _versions(self):
        with self.store.read() as conn:
            return PARAMETERS.all(conn, SCOPE, parameter=key_of("p"))

    def _put(self, name):
        wanted = NewParameter("p", "text", ParameterType.STRING, description=name)
        self.parameters.put(SCOPE, wanted, "me", overwrite=True)

    def target_group(self):
        self.store.transact(lambda conn: GROUPS.add(conn, SCOPE, GROUP))
        change = lambda name: self.groups.change(SCOPE, GROUP.id, attributes={name: ""})  # noqa: E731
        return change, lambda: self.groups.get(SCOPE, GROUP.id).attributes.keys() - GROUP.attributes.keys()

    def role(self):
        self.roles.create(SCOPE, NewRole("r", "/", "{}"))
        return lambda name: self.roles.retag(SCOPE, "r", {name: ""}), lambda: self.roles.find(SCOPE, "r").tags

    def provider(self):
        self.providers.create(SCOPE, "u", (), (), {})
        add = lambda name: self.providers.add_client(SCOPE, "u", name)  # noqa: E731
        return add, lambda: self.providers.find(SCOPE, "u").client_ids

    def tags_of_provider(self):
        self.providers.create(SCOPE, "u", (), (), {})
        return lambda name: self.providers.retag(SCOPE, "u", {name: ""}), lambda: self.providers.find(SCOPE, "u").tags

    def queue(self):
        self.queues.create(SCOPE, "q", {}, {})
        return lambda name: self.queues.retag(SCOPE, "q", {name: ""}), lambda: self.queues.find(SCOPE, "q").tags

    def topic(self):
        self.topics.create(SCOPE, "t", {}, {})
        return lambda name: self.topics.retag(SCOPE, "t", {name: ""}), lambda: self.topics.find(SCOPE, "t").tags

    def settings_of_topic(self):
        self.topics.create(SCOPE, "t", {}, {})
        change = lambda name: self.topics.change(SCOPE, "t", {"further": {name: ""}})  # noqa: E731
        return change, lambda: self.topics.find(SCOPE, "t").further


class Asked:
    """The same of what is asked for by operations."""

    def __init__(self, store, clock) -> None:
        # Its own connections are to the same database; whoever asks does so from many threads.
        self.world = World(clock=clock)
        memory.release(self.world.store)
        self.world.store = store
        self.world.backend = Backend.build(store, self.world.simulated.cloud, clock)

    def ask(self, service, operation, **params):
        return self.world.call(operation, service=service, **params)

    def _group(self):
        self.world.group()
        return {"AutoScalingGroupName": "web"}

    def hooks(self):
        whose, held = self._group(), {"LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"}
        put = lambda name: self.ask("autoscaling", "PutLifecycleHook", LifecycleHookName=name, **whose, **held)  # noqa: E731
        return put, lambda: [
            each["LifecycleHookName"]
            for each in self.ask("autoscaling", "DescribeLifecycleHooks", **whose)["LifecycleHooks"]
        ]

    def tags_of_group(self):
        whose = {"ResourceId": self._group()["AutoScalingGroupName"], "ResourceType": "auto-scaling-group"}
        tag = lambda name: {**whose, "Key": name, "Value": "", "PropagateAtLaunch": False}  # noqa: E731
        put = lambda name: self.ask("autoscaling", "CreateOrUpdateTags", Tags=[tag(name)])  # noqa: E731
        return put, lambda: [each["Key"] for each in self.ask("autoscaling", "DescribeTags")["Tags"]]

    def scaling_policies(self):
        whose = self._group()
        how = {"AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": 1}
        put = lambda name: self.ask("autoscaling", "PutScalingPolicy", PolicyName=name, **whose, **how)  # noqa: E731
        return put, lambda: [
            each["PolicyName"] for each in self.ask("autoscaling", "DescribePolicies", **whose)["ScalingPolicies"]
        ]

    def template_versions(self):
        data = {"LaunchTemplateData": {"InstanceType": "t3.micro"}, "LaunchTemplateName": "tmpl"}
        self.ask("ec2", "CreateLaunchTemplate", **data)
        put = lambda name: self.ask("ec2", "CreateLaunchTemplateVersion", VersionDescription=name, **data)  # noqa: E731
        return put, lambda: [
            each["VersionDescription"]
            for each in self.ask("ec2", "DescribeLaunchTemplateVersions", LaunchTemplateName="tmpl")[
                "LaunchTemplateVersions"
            ]
            if each["VersionNumber"] > 1
        ]

    def _vpc(self):
        return {"VpcId": self.ask("ec2", "CreateVpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]}

    def routes(self):
        vpc = self._vpc()
        gateway = self.ask("ec2", "CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
        self.ask("ec2", "AttachInternetGateway", InternetGatewayId=gateway, **vpc)
        table = {"RouteTableId": self.ask("ec2", "CreateRouteTable", **vpc)["RouteTable"]["RouteTableId"]}

        def put(name):
            block = f"172.16.{int(name.replace('-', ''))}.0/24"
            self.ask("ec2", "CreateRoute", DestinationCidrBlock=block, GatewayId=gateway, **table)

        def told():
            (found,) = self.ask("ec2", "DescribeRouteTables", RouteTableIds=list(table.values()))["RouteTables"]
            blocks = [each["DestinationCidrBlock"] for each in found["Routes"]]
            return ["-".join(each.split(".")[2].zfill(2)) for each in blocks if each.startswith("172.")]

        return put, told

    def acl_entries(self):
        acl = {"NetworkAclId": self.ask("ec2", "CreateNetworkAcl", **self._vpc())["NetworkAcl"]["NetworkAclId"]}
        every = {"Protocol": "-1", "RuleAction": "allow", "Egress": False, "CidrBlock": "0.0.0.0/0"}

        def put(name):
            self.ask("ec2", "CreateNetworkAclEntry", RuleNumber=int(name.replace("-", "")) + 1, **every, **acl)

        def told():
            (found,) = self.ask("ec2", "DescribeNetworkAcls", NetworkAclIds=list(acl.values()))["NetworkAcls"]
            numbers = [each["RuleNumber"] for each in found["Entries"]]
            return ["-".join(str(each - 1).zfill(2)) for each in numbers if each < 100]

        return put, told

    def rules_of_security_group(self):
        group = {"GroupId": self.ask("ec2", "CreateSecurityGroup", GroupName="g", Description="d")["GroupId"]}

        def put(name):
            port = int(name.replace("-", "")) + 1
            one = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
            self.ask("ec2", "AuthorizeSecurityGroupIngress", IpPermissions=[one], **group)

        def told():
            (found,) = self.ask("ec2", "DescribeSecurityGroups", GroupIds=list(group.values()))["SecurityGroups"]
            return ["-".join(str(each["FromPort"] - 1).zfill(2)) for each in found["IpPermissions"]]

        return put, told

    def entries_of_prefix_list(self):
        wanted = {"PrefixListName": "l", "AddressFamily": "IPv4", "MaxEntries": 100}
        made = {"PrefixListId": self.ask("ec2", "CreateManagedPrefixList", **wanted)["PrefixList"]["PrefixListId"]}

        def put(name):
            cidr = f"10.{int(name.replace('-', ''))}.0.0/16"
            self.ask("ec2", "ModifyManagedPrefixList", AddEntries=[{"Cidr": cidr}], **made)

        def told():
            found = self.ask("ec2", "GetManagedPrefixListEntries", **made)["Entries"]
            return ["-".join(each["Cidr"].split(".")[1].zfill(2)) for each in found]

        return put, told

    def policies_of_balancer(self):
        whose = {"LoadBalancerName": "old"}
        front = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}
        zones = ["us-east-1a"]
        self.ask("elb", "CreateLoadBalancer", Listeners=[front], AvailabilityZones=zones, **whose)
        put = lambda name: self.ask("elb", "CreateLBCookieStickinessPolicy", PolicyName=name, **whose)  # noqa: E731
        return put, lambda: [
            each["PolicyName"]
            for each in self.ask("elb", "DescribeLoadBalancerPolicies", **whose)["PolicyDescriptions"]
        ]

    def tags_of_dashboard(self):
        dashboards = self.world.backend.dashboards
        dashboards.put(SCOPE, "d", "{}", {})
        return lambda name: dashboards.tag(SCOPE, "d", {name: ""}), lambda: dashboards.tags(SCOPE, "d")

    def tags_of_rule(self):
        events = self.world.backend.events
        events.put(SCOPE, RuleRequest("r", '{"source": ["a"]}'))
        return lambda name: events.retag(SCOPE, "r", {name: ""}), lambda: events.get(SCOPE, "r").tags

    def tags_of_resource(self):
        tags = self.world.backend.resource_tags
        return lambda name: tags.put(SCOPE, ["r"], {name: ""}), lambda: tags.of(SCOPE, ["r"])["r"]


@pytest.mark.parametrize(
    "kind",
    [
        "role",
        "provider",
        "tags_of_provider",
        "queue",
        "topic",
        "settings_of_topic",
        "target_group",
        "parameter",
        "labels",
        "versions",
        *sorted(name for name in vars(Asked) if not name.startswith("_") and name != "ask"),
    ],
)
def test_none_undoes_what_another_did(store, clock, kind):
    whose = Changed if hasattr(Changed, kind) else Asked
    change, told, *fewer = getattr(whose(store, clock), kind)()
    many = fewer[0] if fewer else MANY
    for turn in range(3):
        begin = Barrier(many)

        def work(number, turn=turn, begin=begin):
            begin.wait(30)
            change(f"{turn}-{number}")

        with ThreadPoolExecutor(many) as pool:
            list(pool.map(work, range(many)))
    assert sorted(told()) == sorted(f"{turn}-{number}" for turn in range(3) for number in range(many))


class Bounded:
    """What so many may do at once; whoever comes later is refused."""

    def __init__(self, store, clock) -> None:
        self.queues, cloud = Queues(store, clock), SimulatedCloud.open(None, clock).cloud
        self.store, self.groups = store, TargetGroups(store, cloud, Catalog(cloud, clock), clock)

    def purges(self):
        self.queues.create(SCOPE, "q", {}, {})
        return lambda _: self.queues.purge(SCOPE, "q"), PurgedLately, 1

    def targets(self):
        self.store.transact(lambda conn: GROUPS.add(conn, SCOPE, replace(GROUP, target_type="ip")))
        return lambda at: self.groups.register(SCOPE, GROUP.id, [(f"10.0.0.{at}", 80)]), LimitExceeded, 2


@pytest.mark.parametrize("kind", ["purges", "targets"])
def test_no_more_do_than_may(store, clock, monkeypatch, kind):
    monkeypatch.setattr(limits, "TARGETS_OF_GROUP", 2)
    act, refusal, most = getattr(Bounded(store, clock), kind)()
    begin = Barrier(MANY)

    def work(number):
        begin.wait(30)
        try:
            act(number)
        except refusal:
            return 0
        return 1

    with ThreadPoolExecutor(MANY) as pool:
        assert sum(pool.map(work, range(MANY))) == most
