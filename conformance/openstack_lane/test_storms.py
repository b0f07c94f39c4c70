"""A part of the cloud dies in the middle of a scale-out of thirty: the group comes to thirty, nothing twice, nothing left."""

from __future__ import annotations

import time

import pytest

from conformance.fleet import Fleet
from conformance.openstack_lane.operator import Operator, converged
from conformance.product import until

SIZE = 30
DEAD_SECONDS = 5


@pytest.mark.parametrize(
    "parts",
    [("keystone",), ("nova-api", "nova-conductor", "nova-scheduler"), ("rabbitmq",)],
    ids=["keystone", "nova", "rabbitmq"],
)
def test_a_scale_out_outlives(fleet: Fleet, operator: Operator, parts: tuple[str, ...]) -> None:
    name = fleet.create(0, maximum=SIZE)
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=SIZE)
    until("it has begun", lambda: len(operator.servers(name)) > 2, pause=0.3)
    operator.kill(*parts)
    time.sleep(DEAD_SECONDS)
    operator.start(*parts)
    converged(fleet, operator, name, SIZE)
    fleet.delete(name)
    until("nothing is left", lambda: not operator.servers() and not operator.ports(), pause=1)
