"""Groups behind balancers that really forward, and a client that keeps asking: ``make balancers``.

The balancers are Octavia's, an HAProxy for each; the servers' answers are simulated (``conformance.openstack.backends``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.clients import client
from conformance.fleet import Fleet
from conformance.openstack import backends
from conformance.openstack.backends import Folder
from conformance.openstack.cloud import state_folder
from conformance.openstack.settings import Settings, settle
from conformance.openstack_lane.asking import Asking
from conformance.openstack_lane.fronts import LONG, Front, await_turns, front, none_lost
from conformance.openstack_lane.operator import short
from conformance.product import Access, Product, make_product, until

SIZE = 6
COUNTED = 300
"""Answers that shares are taken of."""


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A Coppice that waits longer: balancers and a client that keeps asking share the machine with the cloud."""
    patience = {
        "OS_ENGINE__LAUNCH_GRACE_SECONDS": "120",
        "OS_ENGINE__BOOT_TIMEOUT_SECONDS": "300",
        "OS_OPENSTACK__PORT_GRACE_SECONDS": "300",
    }
    made = make_product(tmp_path_factory.mktemp("product") / "state", patience)
    made.start()
    yield made
    made.stop()


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

    front: Front
    fleet: Fleet
    group: str

    def await_healthy(self, count: int) -> list[str]:
        return self.front.await_healthy(self.fleet, self.group, count)


@pytest.fixture(scope="module")
def site(shared_fleet: Fleet, ec2: Any, elb: Any, folder: Folder) -> Iterator[Site]:
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    with front(elb, vpc, list(shared_fleet.subnets.values())[:2], "/health") as made:
        group = shared_fleet.create(
            0,
            maximum=SIZE,
            TargetGroupARNs=[made.target_group],
            HealthCheckType="ELB",
            HealthCheckGracePeriod=600,
            DefaultInstanceWarmup=0,
        )
        try:
            shared_fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=SIZE)
            site = Site(made, shared_fleet, group)
            site.await_healthy(SIZE)
            yield site
        finally:
            shared_fleet.delete(group)


def test_a_refresh_of_six_loses_no_request(site: Site, settings: Settings, folder: Folder) -> None:
    before = site.fleet.ids(site.group)
    autoscaling = site.fleet.autoscaling
    with Asking(settings, site.front.address) as asking:
        await_turns(asking, before, short)
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
        await_turns(asking, after, short)
    none_lost(asking, folder.lost, "a refresh of six")


def test_a_sick_member_is_replaced(site: Site, settings: Settings, folder: Folder) -> None:
    members = site.fleet.ids(site.group)
    with Asking(settings, site.front.address) as asking:
        await_turns(asking, members, short)
        server = min(asking.heard())
        site.fleet.autoscaling.update_auto_scaling_group(AutoScalingGroupName=site.group, HealthCheckGracePeriod=0)
        folder.sicken(server)
        until("the sick one is gone", lambda: short(server) not in site.fleet.ids(site.group, None), LONG)
        site.fleet.autoscaling.update_auto_scaling_group(AutoScalingGroupName=site.group, HealthCheckGracePeriod=600)
        await_turns(asking, site.await_healthy(SIZE), short)
    none_lost(asking, folder.lost, "a sick member")


def test_scaling_in_loses_no_request(site: Site, settings: Settings, folder: Folder) -> None:
    with Asking(settings, site.front.address) as asking:
        await_turns(asking, site.fleet.ids(site.group), short)
        site.fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=site.group, DesiredCapacity=2)
        site.fleet.settle(site.group, 2, seconds=LONG)
        await_turns(asking, site.await_healthy(2), short)
    none_lost(asking, folder.lost, "scaling in from six to two")


def test_a_canary_gets_its_share_and_loses_no_request(site: Site, settings: Settings, folder: Folder) -> None:
    """A forward by weights, from one group to another and to that alone, as a release goes out."""
    blue, elb, fleet = site.await_healthy(2), site.front.elb, site.fleet
    (told,) = elb.describe_target_groups(TargetGroupArns=[site.front.target_group])["TargetGroups"]
    (listener,) = elb.describe_listeners(LoadBalancerArn=told["LoadBalancerArns"][0])["Listeners"]

    def lead(where: dict[str, Any]) -> None:
        elb.modify_listener(ListenerArn=listener["ListenerArn"], DefaultActions=[{"Type": "forward", **where}])

    with site.front.like(told) as front:

        def forward(old: int, new: int) -> None:
            groups = [(site.front.target_group, old), (front.target_group, new)]
            lead({"ForwardConfig": {"TargetGroups": [{"TargetGroupArn": arn, "Weight": each} for arn, each in groups]}})

        with Asking(settings, site.front.address) as asking:
            await_turns(asking, blue, short)
            forward(3, 0)
            group = fleet.create(
                0, maximum=2, TargetGroupARNs=[front.target_group], HealthCheckType="ELB", HealthCheckGracePeriod=600
            )
            try:
                fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=1)
                forward(3, 1)
                green = front.await_healthy(fleet, group, 1)
                _await_shares(asking, {**dict.fromkeys(blue, 3 / 8), **dict.fromkeys(green, 1 / 4)})
                fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=2)
                green = front.await_healthy(fleet, group, 2)
                forward(1, 3)
                _await_shares(asking, {**dict.fromkeys(blue, 1 / 8), **dict.fromkeys(green, 3 / 8)})
                fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=1)
                green = front.await_healthy(fleet, group, 1)
                _await_shares(asking, {**dict.fromkeys(blue, 1 / 8), **dict.fromkeys(green, 3 / 4)})
                forward(0, 1)
                _await_shares(asking, dict.fromkeys(green, 1.0))
                forward(1, 0)
                _await_shares(asking, dict.fromkeys(blue, 1 / 2))
            finally:
                lead({"TargetGroupArn": site.front.target_group})
                fleet.delete(group)
    none_lost(asking, folder.lost, "a canary")


def _await_shares(asking: Asking, wanted: dict[str, float]) -> None:
    """Members answer as often as that, within some hundredths; instance -> its share of all answers."""

    def meets() -> bool:
        asking.fresh()
        until("three hundred answers", lambda: sum(asking.counted().values()) >= COUNTED, LONG)
        counts = asking.counted()
        shares = {short(who): count / sum(counts.values()) for who, count in counts.items()}
        print(f"shares {shares}, wanted {wanted}")
        return shares.keys() == wanted.keys() and all(abs(shares[each] - wanted[each]) < 0.07 for each in wanted)

    until(f"shares {wanted}", meets, LONG)
