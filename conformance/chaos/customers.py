"""Customers who go on whatever happens, and remember what they were promised.

A group is one customer's, so that what it must be is known: what was acknowledged last, or what was asked for since
without an answer.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from conformance.chaos.installation import Installation
from conformance.clients import client
from conformance.fleet import default_subnets, newest_image

MOST = 4
TAG = "told"
THERE, DESIRED, MAXIMUM, SUSPENDED, TAGGED = "there", "desired", "maximum", "suspended", "tagged"
NO_ANSWER = (BotoCoreError, ResponseParserError, OSError)
LATE_SECONDS = 180
"""Whatever was asked for is done, or never will be, so long after nobody waits for its answer."""
NOT_SO = frozenset({"ValidationError"})
"""The group, or its member, is gone meanwhile, or is about to go."""
MAY_BE_TOLD: Mapping[str, frozenset[str]] = {
    "create_auto_scaling_group": frozenset({"AlreadyExists"}),
    "set_desired_capacity": NOT_SO,
    "update_auto_scaling_group": NOT_SO,
    "terminate_instance_in_auto_scaling_group": NOT_SO,
    "detach_instances": NOT_SO,
    "suspend_processes": NOT_SO,
    "resume_processes": NOT_SO,
    "create_or_update_tags": NOT_SO,
    "delete_auto_scaling_group": NOT_SO,
}
"""What a customer's own doing may bring as a refusal; any other is the service's fault."""
_PROCESSES = ("AZRebalance", "ReplaceUnhealthy", "ScheduledActions")


class BrokenPromise(AssertionError):
    """What was acknowledged is not so."""


@dataclass
class Promise:
    """What a group may be: of each of its sides the values that may be told.

    Attributes:
        late: what was asked for by requests that nobody waited for any longer, with when it is done at the latest.
        now: seconds of a clock that never goes back.
    """

    sides: dict[str, set[Any]] = field(default_factory=lambda: {THERE: {False}})
    late: dict[str, dict[Any, float]] = field(default_factory=dict)
    now: Callable[[], float] = time.monotonic

    def asked(self, **values: Any) -> None:
        """It may be so from now on."""
        for side, value in values.items():
            self.sides.setdefault(side, set()).add(value)

    def granted(self, **values: Any) -> None:
        """It is so."""
        for side, value in values.items():
            late = self.late.get(side, {})
            self.sides[side] = {value} | {each for each, until in late.items() if until > self.now()}

    def given_up(self, **values: Any) -> None:
        """It may be so for a while, whatever is granted after it."""
        for side, value in values.items():
            self.late.setdefault(side, {})[value] = self.now() + LATE_SECONDS

    @property
    def surely_there(self) -> bool:
        return self.sides[THERE] == {True}

    def holds(self, found: Mapping[str, Any] | None) -> list[str]:
        """What is told and was never promised. ``found``: None where there is no such group."""
        if found is None:
            return [] if False in self.sides[THERE] else ["it is gone"]
        if True not in self.sides[THERE]:
            return ["it is there"]
        return [
            f"{side} is {value}, promised was {sorted(self.sides[side])}"
            for side, value in found.items()
            if value not in self.sides[side]
        ]


@dataclass
class Customer(threading.Thread):
    """One of them, with groups of its own in an account that it may share.

    Attributes:
        pause: seconds between two requests, at most.
        terminated, detached: servers whose end, or whose release, was asked for.
        told: activities that answers named.
        answers: how often which answer came.
        broken: promises that were found broken on the way.
    """

    installation: Installation
    account: str
    number: int
    groups: int
    seed: int
    pause: float = 0.1
    promises: dict[str, Promise] = field(default_factory=dict)
    terminated: set[str] = field(default_factory=set)
    detached: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    granted: int = 0
    failed: Exception | None = None

    def __post_init__(self) -> None:
        super().__init__(name=f"customer-{self.number}", daemon=True)
        self.rng = random.Random(f"{self.seed} {self.number}")
        self.stop = threading.Event()
        accesses = [self.installation.access(self.account, each) for each in range(len(self.installation.gateways))]
        self.clients = [client(access, "autoscaling", recorded=False) for access in accesses]
        self.ec2 = client(accesses[0], "ec2", recorded=False, attempts=8)
        self.promises = {f"g{self.number}-{each}": Promise() for each in range(self.groups)}
        self.template = f"customer-{self.number}"

    __hash__ = threading.Thread.__hash__

    def prepare(self) -> None:
        """What all its groups are made of."""
        self.zones = list(default_subnets(self.ec2))
        self.ec2.create_launch_template(
            LaunchTemplateName=self.template,
            LaunchTemplateData={"ImageId": newest_image(self.ec2), "InstanceType": "t3.micro"},
        )

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                self._act()
            except Exception as error:  # noqa: BLE001 - the test is told, whatever it is
                self.failed = error
                return
            self.stop.wait(self.rng.random() * self.pause)

    def _act(self) -> None:
        name = self.rng.choice(list(self.promises))
        promise = self.promises[name]
        if not promise.surely_there:
            act: Callable[[str, Promise], None] = self._create
        else:
            acts = (self._resize, self._update, self._terminate, self._detach, self._suspend, self._tag, self._remove)
            (act,) = self.rng.choices(acts, weights=(8, 3, 3, 1, 1, 2, 2))
        act(name, promise)

    def _ask(self, operation: str, promise: Promise, values: Mapping[str, Any], **asked: Any) -> Any:
        """The answer; None where none came, or where it was a refusal. ``values``: what the group is after it."""
        asg = self.rng.choice(self.clients)
        before = {side: set(known) for side, known in promise.sides.items()}
        promise.asked(**values)
        try:
            answer = getattr(asg, operation)(**asked)
        except ClientError as error:
            self._refused(error, operation, promise, before)
            return None
        except NO_ANSWER as error:
            self.answers[type(error).__name__] += 1
            if isinstance(error, ReadTimeoutError):
                promise.given_up(**values)
            self.stop.wait(0.2)
            return None
        self.answers["200"] += 1
        self.granted += 1
        promise.granted(**values)
        return answer

    def _refused(self, error: ClientError, operation: str, promise: Promise, before: dict[str, set[Any]]) -> None:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        self.answers[f"{status} {code}"] += 1
        if status >= 500:
            self.stop.wait(0.2)
            return
        promise.sides = before
        if code not in MAY_BE_TOLD[operation]:
            self.broken.append(f"{operation} {self.number}: {status} {code}: {message}")
            return
        if "not found" in message and operation != "create_auto_scaling_group":
            if False not in promise.sides[THERE] and "Instance" not in message:
                self.broken.append(f"{operation} {self.number}: {message}")
            return
        if code == "AlreadyExists" and True not in promise.sides[THERE] and "pending delete" not in message:
            self.broken.append(f"{operation} {self.number}: {message}")

    def _create(self, name: str, promise: Promise) -> None:
        desired, tagged = self.rng.randint(0, 2), str(self.rng.randint(0, 999))
        made = {THERE: True, DESIRED: desired, MAXIMUM: MOST, SUSPENDED: (), TAGGED: tagged}
        if True in promise.sides[THERE]:  # it may be there as it was: look before asking for anything
            self._look_again(name, promise)
            return
        promise.granted(**{THERE: False})
        self._ask(
            "create_auto_scaling_group",
            promise,
            made,
            AutoScalingGroupName=name,
            MinSize=0,
            MaxSize=MOST,
            DesiredCapacity=desired,
            AvailabilityZones=self.zones,
            LaunchTemplate={"LaunchTemplateName": self.template},
            Tags=[{"Key": TAG, "Value": tagged, "PropagateAtLaunch": True}],
        )

    def _look_again(self, name: str, promise: Promise) -> None:
        try:
            found = told(self.rng.choice(self.clients), name)
        except (ClientError, *NO_ANSWER):
            self.stop.wait(0.2)
            return
        broken = promise.holds(found)
        if broken:
            self.broken.append(f"{name}: {broken}")
        promise.granted(**({THERE: False} if found is None else {THERE: True, **found}))

    def _resize(self, name: str, promise: Promise) -> None:
        highest = min(promise.sides[MAXIMUM])
        desired = self.rng.randint(0, highest)
        self._ask(
            "set_desired_capacity", promise, {DESIRED: desired}, AutoScalingGroupName=name, DesiredCapacity=desired
        )

    def _update(self, name: str, promise: Promise) -> None:
        maximum = self.rng.randint(2, MOST)
        desired = self.rng.randint(0, maximum)
        self._ask(
            "update_auto_scaling_group",
            promise,
            {DESIRED: desired, MAXIMUM: maximum},
            AutoScalingGroupName=name,
            DesiredCapacity=desired,
            MaxSize=maximum,
        )

    def _member(self, name: str) -> str | None:
        try:
            found = self.rng.choice(self.clients).describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        except (ClientError, *NO_ANSWER):
            return None
        members = [
            one["InstanceId"]
            for group in found["AutoScalingGroups"]
            for one in group["Instances"]
            if one["LifecycleState"] == "InService"
        ]
        return self.rng.choice(members) if members else None

    def _fewer(self, promise: Promise) -> int | None:
        """The desired capacity less one, where it is known."""
        known = promise.sides[DESIRED]
        return max(known) - 1 if len(known) == 1 and max(known) > 0 else None

    def _terminate(self, name: str, promise: Promise) -> None:
        member, fewer = self._member(name), self._fewer(promise)
        if member is None:
            return
        decrement = fewer is not None and self.rng.random() < 0.5
        self.terminated.add(member)
        answer = self._ask(
            "terminate_instance_in_auto_scaling_group",
            promise,
            {DESIRED: fewer} if decrement else {},
            InstanceId=member,
            ShouldDecrementDesiredCapacity=decrement,
        )
        if answer is not None:
            self.told.add(answer["Activity"]["ActivityId"])

    def _detach(self, name: str, promise: Promise) -> None:
        member, fewer = self._member(name), self._fewer(promise)
        if member is None or fewer is None:
            return
        answer = self._ask(
            "detach_instances",
            promise,
            {DESIRED: fewer},
            AutoScalingGroupName=name,
            InstanceIds=[member],
            ShouldDecrementDesiredCapacity=True,
        )
        if answer is not None:
            self.detached.add(member)
            self.told.update(one["ActivityId"] for one in answer["Activities"])

    def _suspend(self, name: str, promise: Promise) -> None:
        known = promise.sides[SUSPENDED]
        if len(known) != 1:
            self._ask("resume_processes", promise, {SUSPENDED: ()}, AutoScalingGroupName=name)
            return
        (now,) = known
        process = self.rng.choice(_PROCESSES)
        after = tuple(sorted(set(now) ^ {process}))
        operation = "resume_processes" if process in now else "suspend_processes"
        self._ask(operation, promise, {SUSPENDED: after}, AutoScalingGroupName=name, ScalingProcesses=[process])

    def _tag(self, name: str, promise: Promise) -> None:
        value = str(self.rng.randint(0, 999))
        tag = {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": TAG, "Value": value}
        self._ask("create_or_update_tags", promise, {TAGGED: value}, Tags=[{**tag, "PropagateAtLaunch": True}])

    def _remove(self, name: str, promise: Promise) -> None:
        self._ask("delete_auto_scaling_group", promise, {THERE: False}, AutoScalingGroupName=name, ForceDelete=True)


def told(asg: Any, name: str) -> dict[str, Any] | None:
    """What an answer says of a group, side by side; None where there is none, or none for long."""
    found = asg.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return sides_of(found[0]) if found and "Status" not in found[0] else None


def sides_of(group: Mapping[str, Any]) -> dict[str, Any]:
    return {
        DESIRED: group["DesiredCapacity"],
        MAXIMUM: group["MaxSize"],
        SUSPENDED: tuple(sorted(one["ProcessName"] for one in group["SuspendedProcesses"])),
        TAGGED: next(tag["Value"] for tag in group["Tags"] if tag["Key"] == TAG),
    }
