"""The same calls to two servers, and where their answers differ, member by member, once ids and times are evened out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from conformance.product import until
from conformance.recorded.rows import rows

_IDS = (
    (
        re.compile(
            r"\b(vpc-cidr-assoc|i|lt|ami|vpc|subnet|sg|r|eni|eni-attach|vol|dopt|acl|rtb|igw|snap|sgr|sir)-(?:[0-9a-f]{17}|[0-9a-f]{8})\b"
        ),
        r"<\1>",
    ),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b\d{12}\b"), "<account>"),
    (re.compile(r"\bus-east-1[a-f]\b"), "<zone>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "<time>"),
    (re.compile(r"\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b"), "<mac>"),
    (re.compile(r"\b\d{1,3}(\.\d{1,3}){3}(?!/)\b"), "<address>"),
    (re.compile(r"\bip-<address>|\bip(-\d{1,3}){4}\b|\bec2(-\d{1,3}){4}\b"), "<host>"),
)
_MANY = 10
"""So many recorded objects tell which members there are."""
_ASIDE = {"ResponseMetadata", "NextToken", "AvailableIpAddressCount"}
"""Members that tell of the connection, or of what else is going on."""
_NAMES = (
    "AutoScalingGroupName",
    "LaunchConfigurationName",
    "ProcessName",
    "Metric",
    "Key",
    "ZoneName",
    "AttributeName",
    "VersionNumber",
)


def evened(value: Any) -> Any:
    """An answer with everything that cannot be the same on two servers put aside."""
    if isinstance(value, dict):
        return {key: evened(item) for key, item in value.items() if key not in _ASIDE}
    if isinstance(value, list):
        return sorted((evened(item) for item in value), key=_order)
    if isinstance(value, datetime):
        return "<time>"
    if isinstance(value, str):
        for pattern, name in _IDS:
            value = pattern.sub(name, value)
    return value


def _order(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    for name in ("AvailabilityZone", "Placement"):
        if name in item:
            return str(item[name])
    return next((str(item[name]) for name in _NAMES if name in item), str(sorted(item)))


def differences(path: str, ours: Any, theirs: Any) -> Iterator[tuple[str, str]]:
    """Paths of members that differ, with what is different."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(set(ours) | set(theirs)):
            inner = f"{path}.{key}"
            if key not in theirs:
                yield inner, f"only Coppice: {ours[key]!r}"
            elif key not in ours:
                yield inner, f"only moto: {theirs[key]!r}"
            else:
                yield from differences(inner, ours[key], theirs[key])
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            yield f"{path}[]", f"{len(ours)} here, {len(theirs)} at moto: {ours!r} / {theirs!r}"
            return
        for left, right in zip(ours, theirs, strict=True):
            yield from differences(f"{path}[]", left, right)
    elif ours != theirs:
        yield path, f"{ours!r} here, {theirs!r} at moto"


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern of differences.py (``*`` stands for any text) is about that path."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), path) is not None


@dataclass
class Side:
    """One server in the comparison, and what the steps learned on it."""

    asg: Any
    ec2: Any
    sts: Any
    scales: bool
    known: dict[str, Any] = field(default_factory=dict)

    def prepare(self) -> None:
        """What each server has of its own: an image, the default subnets of three zones."""
        images = self.ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "architecture", "Values": ["x86_64"]}])
        self.known["image"] = min(
            one["ImageId"] for one in images["Images"] if one.get("Name", "").startswith("amzn2-ami-hvm")
        )
        subnets = self.ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
        self.known["subnets"] = {one["AvailabilityZone"]: one["SubnetId"] for one in subnets}

    def settled(self, name: str, count: int) -> None:
        """moto's groups are at once what they were told; ours take a moment."""
        if not self.scales:
            return

        def check() -> bool:
            group = self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
            return (
                [one["LifecycleState"] for one in group["Instances"]].count("InService")
                == count
                == len(group["Instances"])
            )

        until(f"{name} has {count}", check)

    def resting(self, name: str, state: str) -> list[str]:
        """The members once one of them is in that state: ours take a moment to get there."""

        def check() -> bool:
            group = self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
            return state in [one["LifecycleState"] for one in group["Instances"]]

        until(f"{name} has one {state}", check)
        return self.members(name)

    def members(self, name: str) -> list[str]:
        group = self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
        return [one["InstanceId"] for one in sorted(group["Instances"], key=lambda one: one["AvailabilityZone"])]


@dataclass(frozen=True)
class Step:
    """One call, named for its operation and what is special about it."""

    name: str
    call: Callable[[Side], Any]

    @property
    def operation(self) -> str:
        return self.name.partition(" ")[0]


@dataclass(frozen=True)
class Recorded:
    """What rows of conformance/recorded judge, so that moto is not asked.

    Attributes:
        refusals: operations with a code whose words are recorded.
        members: operations with the path of a list's objects, and the members that recordings of these have.
    """

    refusals: frozenset[tuple[str, str]]
    members: dict[tuple[str, str], frozenset[str]]

    @classmethod
    def read(cls) -> Recorded:
        known = list(rows())
        return cls(
            frozenset((row.ask.operation, row.answer.get("code", "")) for row in known),
            {
                (row.ask.operation, row.shape["path"]): frozenset((*row.shape["always"], *row.shape["sometimes"]))
                for row in known
                if row.kind == "shape" and row.shape["seen"] >= _MANY
            },
        )

    def refusal(self, operation: str, ours: Any) -> bool:
        """Whether an answer is a refusal whose words are recorded."""
        told = ours.get("Error") if isinstance(ours, dict) else None
        return told is not None and (operation, told["Code"]) in self.refusals

    def member(self, step: Step, path: str, what: str) -> bool:
        """Whether a difference is that a member is there or not, of objects that are recorded."""
        owner, _, name = path.removeprefix(f"{step.name}.").rpartition(".")
        return what.startswith("only ") and name in self.members.get((step.operation, owner), ())


def answer(step: Step, side: Side) -> Any:
    """The evened answer of a step; an error is its code and message."""
    try:
        return evened(step.call(side))
    except ClientError as error:
        told = error.response["Error"]
        return {"Error": evened({"Code": told["Code"], "Message": told.get("Message", "")})}
    except ResponseParserError:
        # moto answers some calls with status 500 and a page of HTML.
        return {"Error": {"Code": "a page of HTML", "Message": ""}}
