"""What groups do is told to a queue of Zaqar's in their own project, where the operator names one: ``make queues``."""

from __future__ import annotations

import json
import os
import uuid
from typing import Any

from conformance.fleet import Fleet
from conformance.openstack_lane.operator import Operator
from conformance.product import until

EVERYWHERE = "OS_MESSAGES__EVERYWHERE"


def test_launches_and_ends_come_to_the_projects_queue(fleet: Fleet, operator: Operator) -> None:
    queue = os.environ[EVERYWHERE].removeprefix("zaqar:")
    group = fleet.create(1)
    (instance,) = fleet.ids(group)
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=0)

    def told() -> list[Any]:
        answer = operator.owner.session.get(
            f"/v2/queues/{queue}/messages?limit=20",
            endpoint_filter={"service_type": "messaging"},
            headers={"Client-ID": str(uuid.uuid4())},
        )
        events = [json.loads(each["body"]["body"]) for each in answer.json()["messages"]]
        of_group = [each["detail"] | each for each in events if each["detail"].get("AutoScalingGroupName") == group]
        return [(each["detail-type"], each["EC2InstanceId"]) for each in of_group]

    both = [(f"EC2 Instance {what} Successful", instance) for what in ("Launch", "Terminate")]
    until("both are told", lambda: told() == both)
