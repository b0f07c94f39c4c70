"""Balancers before groups, made with the ELBv2 API, and what the suites want to know of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.fleet import Fleet, unique
from conformance.openstack.cloud import connect
from conformance.openstack_lane.asking import Asking
from conformance.product import TENANT, until

LONG = 600.0
"""Seconds, before patience: Octavia makes one change after the other, each a reload of HAProxy."""


@dataclass(frozen=True)
class Front:
    """An internal balancer that forwards port 80 to one target group.

    Attributes:
        address: the balancer's.
    """

    elb: Any
    target_group: str
    address: str

    def health(self) -> dict[str, str]:
        """Instance -> what is told of it."""
        told = self.elb.describe_target_health(TargetGroupArn=self.target_group)["TargetHealthDescriptions"]
        return {each["Target"]["Id"]: each["TargetHealth"]["State"] for each in told}

    @contextlib.contextmanager
    def like(self, told: dict[str, Any]) -> Iterator[Front]:
        """Another target group behind it, of the kind that is told, until the block ends."""
        same = ("Protocol", "Port", "VpcId", "HealthCheckPath", "HealthCheckIntervalSeconds")
        same = (*same, "HealthCheckTimeoutSeconds", "HealthyThresholdCount", "UnhealthyThresholdCount")
        made = self.elb.create_target_group(Name=unique("tg"), **{each: told[each] for each in same})
        arn = made["TargetGroups"][0]["TargetGroupArn"]
        _drain_soon(self.elb, arn)
        try:
            yield Front(self.elb, arn, self.address)
        finally:
            self.elb.delete_target_group(TargetGroupArn=arn)

    def await_healthy(self, fleet: Fleet, group: str, count: int) -> list[str]:
        """All targets are healthy, and they are the group's members."""

        def check() -> bool:
            members = fleet.ids(group)
            return len(members) == count and self.health() == dict.fromkeys(members, "healthy")

        until(f"{count} healthy targets", check, LONG)
        return fleet.ids(group)


@contextlib.contextmanager
def front(elb: Any, vpc: str, subnets: Sequence[str], path: str) -> Iterator[Front]:
    """A balancer, until the block ends. ``path``: where targets are asked for their health."""
    name = unique("lb")
    made = elb.create_load_balancer(Name=name, Subnets=list(subnets), Scheme="internal")
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]
    target_group = elb.create_target_group(
        Name=unique("tg"),
        Protocol="HTTP",
        Port=80,
        VpcId=vpc,
        HealthCheckPath=path,
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=3,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    _drain_soon(elb, target_group)
    forward = [{"Type": "forward", "TargetGroupArn": target_group}]
    elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=forward)
    try:
        yield Front(elb, target_group, address_of(name))
    finally:
        elb.delete_load_balancer(LoadBalancerArn=arn)
        until("the balancer is gone", lambda: gone(elb, arn), LONG)
        elb.delete_target_group(TargetGroupArn=target_group)


def _drain_soon(elb: Any, target_group: str) -> None:
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "10"}]
    elb.modify_target_group_attributes(TargetGroupArn=target_group, Attributes=delay)


def address_of(name: str) -> str:
    """The address of the balancer that has this in its name, once there is one."""
    with connect(TENANT) as owner:

        def address() -> str | None:
            found = [each.vip_address for each in owner.load_balancer.load_balancers() if name in each.name]
            return found[0] if found else None

        return str(until("a balancer's address", address, LONG))


def gone(elb: Any, arn: str) -> bool:
    """Whether a balancer is told no more."""
    try:
        return not elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
    except elb.exceptions.LoadBalancerNotFoundException:
        return True


def await_turns(asking: Asking, members: Sequence[str], who: Callable[[str], str]) -> None:
    """All these answer in turn, and nobody else. ``who``: the member that an answer is of."""
    asking.fresh()
    until("all members take turns", lambda: set(map(who, asking.heard())) == set(members), 30)


def none_lost(asking: Asking, lost: Sequence[str], what: str) -> None:
    """``lost``: what members know that the client does not."""
    print(f"\n{what}: {asking.asked} requests answered, {asking.failed} failed, slowest {asking.slowest:.2f} s")
    assert asking.failures == []
    assert list(lost) == []
    assert asking.asked > 0
