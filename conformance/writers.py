"""Users who change groups whatever happens to their server, and what has to be true of these groups afterwards."""

from __future__ import annotations

import random
import threading
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from conformance.clients import client
from conformance.fleet import Fleet, unique
from conformance.product import Access, until

MAY_BE_TOLD = frozenset({"ValidationError", "AlreadyExists"})
"""Refusals of a user who does not know what came of the request before: the group is gone, goes, or is there."""
GONE = -1
"""The capacity of a group that does not exist."""


class Writer(threading.Thread):
    """One user who changes one group again and again, and remembers what was promised.

    ``allowed`` holds the capacities that the group may have: the one that was last acknowledged, and any that was
    asked for since and got no answer; ``broken`` what was told that no user brought about.
    """

    def __init__(self, access: Access, template: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.access, self.template, self.seed = access, template, seed
        self.group = unique("load")
        self.allowed = {GONE}
        self.accepted = 0
        self.broken: list[str] = []
        self.stop = threading.Event()
        self._asg: Any = None

    def run(self) -> None:
        chance = random.Random(self.seed)
        while not self.stop.is_set():
            wanted = chance.choice((GONE, 0, 1, 1, 2, 2, 3, 3, 4))
            self.allowed.add(wanted)
            try:
                self.ask(wanted)
            except (BotoCoreError, ClientError, ResponseParserError) as error:
                if is_uncalled_for(error):
                    self.broken.append(str(error))
                # No answer, one that was cut off, or a refusal: what was asked for may have happened.
                self.stop.wait(0.1)
                continue
            self.allowed = {wanted}
            self.accepted += 1
            self.stop.wait(chance.random() * 0.4)

    def ask(self, wanted: int) -> None:
        """Have the group made so; raises what boto3 does."""
        if self._asg is None:
            self._asg = client(self.access, "autoscaling", recorded=False)
        make_so(self._asg, self.group, self.template, wanted)


def is_uncalled_for(error: Exception) -> bool:
    """Whether it is a refusal of what nobody should be refused."""
    if not isinstance(error, ClientError) or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
        return False
    return error.response["Error"]["Code"] not in MAY_BE_TOLD


def make_so(asg: Any, group: str, template: str, wanted: int) -> None:
    """Make the group so; a create that finds it there already becomes an update."""
    if wanted == GONE:
        try:
            asg.delete_auto_scaling_group(AutoScalingGroupName=group, ForceDelete=True)
        except ClientError as error:
            if "not found" not in error.response["Error"]["Message"]:
                raise
        return
    try:
        asg.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=wanted)
    except ClientError as error:
        if "not found" not in error.response["Error"]["Message"]:
            raise
        asg.create_auto_scaling_group(
            AutoScalingGroupName=group,
            MinSize=0,
            MaxSize=4,
            DesiredCapacity=wanted,
            AvailabilityZones=["us-east-1a", "us-east-1b", "us-east-1c"],
            LaunchTemplate={"LaunchTemplateName": template},
        )


def capacity(fleet: Fleet, name: str) -> int:
    found = fleet.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    if not found or found[0].get("Status") == "Delete in progress":
        return GONE
    desired: int = found[0]["DesiredCapacity"]
    return desired


def nothing_lost_doubled_or_leaked(fleet: Fleet, names: list[str]) -> None:
    """Groups come to their desired capacity; members and servers are the same things; the journal is whole."""
    for name in names:
        wanted = capacity(fleet, name)
        if wanted == GONE:
            until(f"{name} is gone", lambda name=name: not fleet.exists(name), 60)
        else:
            fleet.settle(name, wanted, seconds=90)

    def census() -> bool:
        return all(
            sorted(one["InstanceId"] for one in fleet.servers(name))
            == (fleet.ids(name, None) if fleet.exists(name) else [])
            for name in names
        )

    until("every server is a member and every member has one server", census, 60)
    filters = [
        {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
        {"Name": "tag-key", "Values": ["aws:autoscaling:groupName"]},
    ]
    alive = [
        {tag["Key"]: tag["Value"] for tag in one["Tags"]}["aws:autoscaling:groupName"]
        for reservation in fleet.ec2.describe_instances(Filters=filters)["Reservations"]
        for one in reservation["Instances"]
    ]
    assert not [name for name in alive if not fleet.exists(name)], "servers of groups that do not exist"
    for name in names:
        told = fleet.activities(name) if fleet.exists(name) else []
        ids = [one["ActivityId"] for one in told]
        assert len(ids) == len(set(ids))
        until(
            f"every activity of {name} has ended",
            lambda name=name: all(
                one["Progress"] == 100 for one in (fleet.activities(name) if fleet.exists(name) else [])
            ),
        )
        launched = [
            one["Description"] for one in told if one["Description"].startswith("Launching a new EC2 instance: ")
        ]
        assert len(launched) == len(set(launched)), "one launch activity a server"
