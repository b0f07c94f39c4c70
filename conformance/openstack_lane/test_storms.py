"""A part of the cloud dies in the middle of a scale-out: the group comes to its number, nothing twice, nothing left.

Nothing else may use the cloud meanwhile.
"""

from __future__ import annotations

import time

import pytest

from conformance.fleet import Fleet
from conformance.openstack_lane.operator import Operator, converged
from conformance.product import until

DEAD_SECONDS = 5
ROOM = "We currently do not have sufficient t3.micro capacity in the Availability Zone you requested (us-east-1b)."


@pytest.mark.parametrize(
    ("outages", "size"),
    [
        ([("keystone",)], 16),
        # What is lost on its way is waited for until a boot has taken too long: once for both.
        ([("rabbitmq",), ("nova-api", "nova-conductor", "nova-scheduler")], 24),
    ],
    ids=["keystone", "rabbitmq-nova"],
)
def test_a_scale_out_outlives(fleet: Fleet, operator: Operator, outages: list[tuple[str, ...]], size: int) -> None:
    name = fleet.create(0, maximum=size)
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=size)
    until("it has begun", lambda: len(operator.servers(name)) > 2, pause=0.3)
    for parts in outages:
        operator.kill(*parts)
        time.sleep(DEAD_SECONDS)
        operator.start(*parts)
    converged(fleet, operator, name, size)
    fleet.delete(name)
    until("nothing is left", lambda: not operator.servers() and not operator.ports(), pause=1)


def test_a_zone_that_is_disabled_is_made_up_for_and_used_again(fleet: Fleet, operator: Operator) -> None:
    subnets = f"{fleet.subnets['us-east-1a']},{fleet.subnets['us-east-1b']}"
    name = fleet.create(0, VPCZoneIdentifier=subnets)
    with operator.host_disabled("cpu-az2"):
        fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=4)
        converged(fleet, operator, name, 4)
        assert fleet.zones(name) == {"us-east-1a": 4}
        assert any(ROOM in text for text in fleet.failures(name)), fleet.story(name)
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=5)
    until("both zones are in use", lambda: fleet.zones(name)["us-east-1b"] > 0)
    converged(fleet, operator, name, 5)
