"""Two versions at work on one database, under load, in each order of restarts: nothing is lost, doubled or disturbed.

COPPICE_UPGRADE_FROM names the commit of the older version. Between two restarts the load goes on; what only the newer
version knows is written as soon as one of its gateways is there, while engines of the older one may still be at work.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, EndpointConnectionError

from conformance.clients import client
from conformance.fleet import Fleet, make_fleet, unique
from conformance.product import ROOT, until
from conformance.upgrade.site import Site, tree_of
from conformance.writers import Writer, capacity, make_so, nothing_lost_doubled_or_leaked
from tests.databases import start

FROM = os.environ["COPPICE_UPGRADE_FROM"]
GATEWAYS = ("gateway-1", "gateway-2")
PROCESSES = (*GATEWAYS, "engine-1", "engine-2")
CLIENTS = 4
ORDERS = {
    "engines-first": ("engine-1", "engine-2", "gateway-1", "gateway-2"),
    "gateways-first": ("gateway-1", "gateway-2", "kill engine-1", "engine-2"),
    "and-back": ("gateway-1", "engine-1", "back engine-1", "back gateway-1", *PROCESSES),
}
"""What is replaced, one after the other. ``kill``: it dies; ``back``: the older version takes its place again."""


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tree_of(FROM, tmp_path_factory.mktemp("older"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with start.server("postgresql") as url:
        made = Site(url, tmp_path / "site")
        yield made
        made.kill_all()


class Balanced(Writer):
    """A user behind a balancer of both gateways: where one takes no connections, or is not ready yet, the other is asked.

    Attributes:
        broken: what came of requests that a gateway had taken and did not answer as it should.
        cut: connections that a gateway of the older version lost as it stopped, after which the other gateway was asked.
            Its listening sockets stay open while it answers others, and nobody attends to them; a client of AWS's SDKs
            tries again. One of this version has to lose none.
    """

    def __init__(self, site: Site, template: str, seed: int) -> None:
        super().__init__(site.access("gateway-1"), template, seed)
        self.clients = {name: client(site.access(name), "autoscaling", recorded=False) for name in GATEWAYS}
        self.site, self.turn = site, seed
        self.broken: list[str] = []
        self.cut = 0

    def ask(self, wanted: int) -> None:
        refused: Exception | None = None
        for _ in GATEWAYS:
            self.turn += 1
            gateway = GATEWAYS[self.turn % len(GATEWAYS)]
            if gateway not in self.site.serving:
                continue
            try:
                return make_so(self.clients[gateway], self.group, self.template, wanted)
            except EndpointConnectionError as error:
                refused = error
                continue
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                    self.broken.append(str(error))
                raise
            except BotoCoreError as error:
                if isinstance(error, ConnectionClosedError) and self.site.leaving.get(gateway, ROOT) != ROOT:
                    self.cut += 1
                    refused = error
                    continue
                self.broken.append(repr(error))
                raise
        assert refused is not None
        self.broken.append(repr(refused))
        raise refused


@dataclass
class Untouched:
    """What users made before the upgrade, and leave alone until it is over."""

    fleet: Fleet
    members: dict[str, list[str]] = field(default_factory=dict)
    held: str = ""
    alarmed: str = ""

    def make(self, cloudwatch: Any) -> None:
        for _ in range(3):
            name = self.fleet.create(3)
            self.members[name] = self.fleet.ids(name)
        asg = self.fleet.autoscaling
        self.held = self.fleet.create(0)
        hook = {"LifecycleHookName": "warm", "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"}
        asg.put_lifecycle_hook(AutoScalingGroupName=self.held, HeartbeatTimeout=7200, **hook)
        asg.set_desired_capacity(AutoScalingGroupName=self.held, DesiredCapacity=4)
        until("launches are held", lambda: len(self.fleet.ids(self.held, "Pending:Wait")) == 4)
        # Its first launch is to hold up no policy: what is asked for is that the alarm goes on.
        self.alarmed = self.fleet.create(1, DefaultCooldown=0)
        policy = asg.put_scaling_policy(
            AutoScalingGroupName=self.alarmed,
            PolicyName="out",
            AdjustmentType="ExactCapacity",
            ScalingAdjustment=2,
        )
        watch(cloudwatch, self.alarmed, [policy["PolicyARN"]])

    def be_as_they_were(self, cloudwatch: Any) -> None:
        """No member was replaced, and what waited goes on."""
        for name, ids in self.members.items():
            assert self.fleet.settle(name, 3) == ids, "members that nobody asked to replace were"
        waiting = self.fleet.ids(self.held, "Pending:Wait")
        assert len(waiting) == 4, self.fleet.story(self.held)
        for one in waiting:
            self.fleet.autoscaling.complete_lifecycle_action(
                AutoScalingGroupName=self.held,
                LifecycleHookName="warm",
                LifecycleActionResult="CONTINUE",
                InstanceId=one,
            )
        assert self.fleet.settle(self.held, 4) == waiting
        data = {"MetricName": "load", "Dimensions": [{"Name": "group", "Value": self.alarmed}], "Value": 9.0}
        cloudwatch.put_metric_data(Namespace="upgrade", MetricData=[data])
        self.fleet.settle(self.alarmed, 2, seconds=90)


def watch(cloudwatch: Any, name: str, actions: list[str]) -> None:
    """An alarm of that name over the load of the group of that name."""
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="upgrade",
        MetricName="load",
        Dimensions=[{"Name": "group", "Value": name}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=5.0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=actions,
    )


@dataclass
class Novelties:
    """What the older version does not know, written while it is at work."""

    fleet: Fleet
    cloudwatch: Any
    mix: dict[str, Any] = field(default_factory=dict)
    rebuilt: str = ""
    foreseen: str = ""
    composite: str = ""

    def write(self, known_to_all: str) -> None:
        """
        Args:
            known_to_all: an alarm that was there before.
        """
        asg = self.fleet.autoscaling
        override = {"InstanceType": "t3.micro", "ImageId": self.fleet.image}
        # Root volumes are replaced from a version that has a number, and a template is named in one way.
        specification = {"LaunchTemplateName": self.fleet.template, "Version": "1"}
        self.mix = {"LaunchTemplate": {"LaunchTemplateSpecification": specification, "Overrides": [override]}}
        self.rebuilt = self.empty(MixedInstancesPolicy=self.mix)
        self.foreseen = self.empty()
        load = {"PredefinedMetricType": "ASGCPUUtilization"}
        asg.put_scaling_policy(
            AutoScalingGroupName=self.foreseen,
            PolicyName="ahead",
            PolicyType="PredictiveScaling",
            PredictiveScalingConfiguration={
                "MetricSpecifications": [{"TargetValue": 40.0, "PredefinedMetricPairSpecification": load}]
            },
        )
        self.composite = unique("composite")
        self.cloudwatch.put_composite_alarm(AlarmName=self.composite, AlarmRule=f"ALARM({known_to_all})")
        for name in (self.rebuilt, self.foreseen):
            asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2)

    def empty(self, **more: Any) -> str:
        """A group of nothing, which is not waited for."""
        name = unique("novel")
        more = more or {"LaunchTemplate": {"LaunchTemplateName": self.fleet.template}}
        self.fleet.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            MinSize=0,
            MaxSize=4,
            DesiredCapacity=0,
            VPCZoneIdentifier=",".join(self.fleet.subnets.values()),
            **more,
        )
        self.fleet.made.append(name)
        return name

    def rebuild(self) -> None:
        """Begun as soon as there are members, whoever is at work on them."""
        self.fleet.settle(self.rebuilt, 2)
        self.fleet.autoscaling.start_instance_refresh(
            AutoScalingGroupName=self.rebuilt,
            Strategy="ReplaceRootVolume",
            DesiredConfiguration={"MixedInstancesPolicy": self.mix},
            Preferences={"MinHealthyPercentage": 0, "InstanceWarmup": 0},
        )

    def come_true(self) -> None:
        """Once the newer version alone is at work."""
        for name in (self.rebuilt, self.foreseen):
            self.fleet.settle(name, 2, seconds=60)

        def state(_: object = None) -> tuple[str, str]:
            (found,) = self.fleet.autoscaling.describe_instance_refreshes(AutoScalingGroupName=self.rebuilt)[
                "InstanceRefreshes"
            ]
            return found["Status"], found.get("StatusReason", "")

        until("root volumes are replaced", lambda: state()[0] == "Successful" or state(), 90)
        assert state()[0] == "Successful", state()
        (policy,) = self.fleet.autoscaling.describe_policies(AutoScalingGroupName=self.foreseen)["ScalingPolicies"]
        assert policy["PolicyType"] == "PredictiveScaling"

        def alarmed() -> bool:
            answer = self.cloudwatch.describe_alarms(AlarmNames=[self.composite], AlarmTypes=["CompositeAlarm"])
            return bool(answer["CompositeAlarms"][0]["StateValue"] == "ALARM")

        until("the composite alarm follows", alarmed, 60)


def clients_of(site: Site, gateway: str) -> tuple[Fleet, Any]:
    access = site.access(gateway)
    made = [client(access, name, recorded=False, attempts=8) for name in ("autoscaling", "ec2", "cloudwatch")]
    return make_fleet(*made[:2]), made[2]


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_two_versions_on_one_database(site: Site, older: Path, order: tuple[str, ...]) -> None:
    migrated = site.command(older, "migrate")
    assert migrated.returncode == 0, migrated.stderr
    for name in PROCESSES:
        site.start(name, older)
    fleet, cloudwatch = clients_of(site, "gateway-1")
    untouched = Untouched(fleet)
    untouched.make(cloudwatch)
    writers = [Balanced(site, fleet.template, seed) for seed in range(CLIENTS)]
    for writer in writers:
        writer.start()

    def load_goes_on() -> None:
        before = [writer.accepted for writer in writers]
        until(
            "each user is heard again and again",
            lambda: all(writer.accepted > was + 3 for writer, was in zip(writers, before, strict=True)),
            60,
        )
        for name in site.running:
            until(f"{name} has its share of the work", lambda name=name: site.has_work(name), 60)
            site.alive(name)

    load_goes_on()
    migrated = site.command(ROOT, "migrate")
    assert migrated.returncode == 0, migrated.stderr
    load_goes_on()
    novelties = None
    for step in order:
        how, _, name = step.rpartition(" ")
        (site.kill if how == "kill" else site.stop)(name)
        site.start(name, older if how == "back" else ROOT)
        load_goes_on()
        if novelties is None and name.startswith("gateway"):
            novelties = Novelties(*clients_of(site, name))
            novelties.write(untouched.alarmed)
            novelties.rebuild()
            load_goes_on()
    for writer in writers:
        writer.stop.set()
    for writer in writers:
        writer.join(30)
        assert not writer.is_alive()
    fleet, cloudwatch = clients_of(site, "gateway-2")
    fleet.made = [writer.group for writer in writers]
    for writer in writers:
        assert capacity(fleet, writer.group) in writer.allowed, (writer.group, writer.allowed)
    broken = [each for writer in writers for each in writer.broken]
    answered = sum(writer.accepted for writer in writers)
    cut = sum(writer.cut for writer in writers)
    print(
        f"{order}: {answered} writes acknowledged, {len(broken)} broken off, {cut} cut by the older one as it stopped"
    )
    assert not broken, broken
    nothing_lost_doubled_or_leaked(fleet, fleet.made)
    untouched.fleet = fleet
    untouched.be_as_they_were(cloudwatch)
    assert novelties is not None
    novelties.fleet.autoscaling = fleet.autoscaling
    novelties.come_true()
    looked = site.command(ROOT, "doctor", "-o", "json")
    assert looked.returncode == 0, looked.stdout + looked.stderr


def test_the_newer_one_waits_for_the_schema(site: Site, older: Path) -> None:
    """It says so, and touches nothing: the database is migrated by who is told to."""
    assert site.command(older, "migrate").returncode == 0
    said = site.command(ROOT, "groups")
    assert said.returncode != 0
    assert "the database is not migrated: coppice migrate" in said.stderr
