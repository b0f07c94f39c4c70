"""Groups behind balancers that really forward, and a client that keeps asking: ``make balancers``.

The balancers are Octavia's, an HAProxy for each; the servers' answers are simulated (``conformance.openstack.backends``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.clients import client
from conformance.fleet import Fleet, unique
from conformance.openstack import backends
from conformance.openstack.backends import Folder
from conformance.openstack.cloud import connect, state_folder
from conformance.openstack.settings import Settings, settle
from conformance.openstack_lane.asking import Asking
from conformance.product import TENANT, Access, until

SIZE = 6
LONG = 600.0
"""Seconds, before patience: Octavia makes one change after the other, each a reload of HAProxy."""


@pytest.fixture(scope="module")
def settings() -> Settings:
    return settle(state_folder(), None)


@pytest.fixture(scope="module")
def folder(settings: Settings) -> Iterator[Folder]:
    with backends.running(settings) as found:
        yield found


@pytest.fixture(scope="module")
def elb(server: Access) -> Any:
    return client(server, "elbv2")


@dataclass
class Site:
    """A group behind a balancer."""

    elb: Any
    fleet: Fleet
    target_group: str
    balancer: str
    address: str
    group: str = ""

    def health(self) -> dict[str, str]:
        told = self.elb.describe_target_health(TargetGroupArn=self.target_group)["TargetHealthDescriptions"]
        return {each["Target"]["Id"]: each["TargetHealth"]["State"] for each in told}

    def await_healthy(self, count: int) -> list[str]:
        """All targets are healthy, and they are the group's members."""

        def check() -> bool:
            health = self.health()
            members = self.fleet.ids(self.group)
            return len(members) == count and health == dict.fromkeys(members, "healthy")

        until(f"{count} healthy targets", check, LONG)
        return self.fleet.ids(self.group)


@pytest.fixture(scope="module")
def site(shared_fleet: Fleet, ec2: Any, elb: Any, folder: Folder) -> Iterator[Site]:
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    name = unique("lb")
    made = elb.create_load_balancer(Name=name, Subnets=list(shared_fleet.subnets.values())[:2], Scheme="internal")
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]
    target_group = elb.create_target_group(
        Name=unique("tg"),
        Protocol="HTTP",
        Port=80,
        VpcId=vpc,
        HealthCheckPath="/health",
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=3,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "10"}]
    elb.modify_target_group_attributes(TargetGroupArn=target_group, Attributes=delay)
    forward = [{"Type": "forward", "TargetGroupArn": target_group}]
    elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=forward)
    with connect(TENANT) as owner:

        def address() -> str | None:
            found = [each.vip_address for each in owner.load_balancer.load_balancers() if name in each.name]
            return found[0] if found else None

        vip = until("a balancer's address", address, LONG)
    made_site = Site(elb, shared_fleet, target_group, arn, str(vip))
    made_site.group = shared_fleet.create(
        0,
        maximum=SIZE,
        TargetGroupARNs=[target_group],
        HealthCheckType="ELB",
        HealthCheckGracePeriod=600,
    )
    try:
        shared_fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=made_site.group, DesiredCapacity=SIZE)
        made_site.await_healthy(SIZE)
        yield made_site
    finally:
        shared_fleet.delete(made_site.group)
        elb.delete_load_balancer(LoadBalancerArn=arn)
        until("the balancer is gone", lambda: not _known(elb, arn), LONG)
        elb.delete_target_group(TargetGroupArn=target_group)


def _known(elb: Any, arn: str) -> bool:
    try:
        return bool(elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"])
    except elb.exceptions.LoadBalancerNotFoundException:
        return False


def instance(server_id: str) -> str:
    """A server's id as Coppice tells it."""
    return f"i-{server_id.replace('-', '')[:17]}"


def await_turns(asking: Asking, members: list[str]) -> None:
    """All these answer in turn, and nobody else."""
    asking.fresh()

    def turns() -> bool:
        return {instance(each) for each in asking.answers if each} == set(members)

    until("all members take turns", turns, 30)


def none_lost(asking: Asking, folder: Folder, what: str) -> None:
    print(f"\n{what}: {asking.asked} requests answered, {asking.failed} failed, slowest {asking.slowest:.2f} s")
    assert asking.failures == []
    assert folder.lost == []
    assert asking.asked > 0


def test_a_refresh_of_six_loses_no_request(site: Site, settings: Settings, folder: Folder) -> None:
    before = site.fleet.ids(site.group)
    autoscaling = site.fleet.autoscaling
    with Asking(settings, site.address) as asking:
        await_turns(asking, before)
        refresh = autoscaling.start_instance_refresh(
            AutoScalingGroupName=site.group,
            Preferences={"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150, "InstanceWarmup": 0},
        )["InstanceRefreshId"]

        def status() -> str:
            told = autoscaling.describe_instance_refreshes(
                AutoScalingGroupName=site.group, InstanceRefreshIds=[refresh]
            )["InstanceRefreshes"][0]
            return str(told["Status"])

        until("the refresh's end", lambda: status() not in {"Pending", "InProgress"}, LONG)
        assert status() == "Successful"
        after = site.await_healthy(SIZE)
        assert not set(after) & set(before)
        await_turns(asking, after)
    none_lost(asking, folder, "a refresh of six")


def test_a_sick_member_is_replaced(site: Site, settings: Settings, folder: Folder) -> None:
    members = site.fleet.ids(site.group)
    with Asking(settings, site.address) as asking:
        await_turns(asking, members)
        server = next(each for each in asking.answers if each)
        site.fleet.autoscaling.update_auto_scaling_group(AutoScalingGroupName=site.group, HealthCheckGracePeriod=0)
        folder.sicken(server)
        until("the sick one is gone", lambda: instance(server) not in site.fleet.ids(site.group, None), LONG)
        site.fleet.autoscaling.update_auto_scaling_group(AutoScalingGroupName=site.group, HealthCheckGracePeriod=600)
        await_turns(asking, site.await_healthy(SIZE))
    none_lost(asking, folder, "a sick member")


def test_scaling_in_loses_no_request(site: Site, settings: Settings, folder: Folder) -> None:
    with Asking(settings, site.address) as asking:
        await_turns(asking, site.fleet.ids(site.group))
        site.fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=site.group, DesiredCapacity=2)
        site.fleet.settle(site.group, 2, seconds=LONG)
        await_turns(asking, site.await_healthy(2))
    none_lost(asking, folder, "scaling in from six to two")
