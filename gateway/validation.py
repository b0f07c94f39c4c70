"""Checks compiled from input shapes: required, length, range, enum, pattern, in AWS's words; no service's own rules.

Every constraint that is not met is told, as AWS's own framework does:
``2 validation errors detected: Value 'x' at 'minSize' failed to satisfy constraint: ...; Value null at ...``.

Constraints that the real service does not take from the model, because it answers in words of its own or takes more
than the model says, stand in SELF_CHECKED and are left to the translators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from botocore.model import Shape

from gateway.compiling import kept
from gateway.patterns import compiled
from gateway.protocol.form import shown
from gateway.protocol.scalars import milliseconds_when_any, written_blob

Check = Callable[[Any, str, "list[Failure]"], None]
Naming = Callable[[Shape, str], str]
Constraint = tuple[Callable[[Any], bool], str]

SELF_CHECKED: Final[dict[tuple[str, str], str]] = {
    ("ec2", "InstanceType"): "a cloud has types of its own names; EC2 answers InvalidInstanceType or a text of its own",
    ("ec2", "PlacementGroupArn"): "the model's pattern has a ^ in its middle and matches nothing",
    ("sqs", "QueueAttributeName"): "an unknown one is InvalidAttributeName",
    ("sqs", "MessageSystemAttributeName"): "an unknown one is InvalidAttributeName",
    ("sqs", "MessageSystemAttributeNameForSends"): "an unknown one is told in a text of its own",
}

# Members that the model requires and the real service does not, or not in these words: (service, shape, member).
NOT_REQUIRED: Final[dict[tuple[str, str, str], str]] = {
    (
        "ec2",
        "CreateLaunchTemplateRequest",
        "LaunchTemplateData",
    ): "a dry run passes without",
    ("ec2", "CreateLaunchTemplateVersionRequest", "LaunchTemplateData"): "with a source version none is a copy",
}

# What the real service checks in this way although its public model says it otherwise, or not at all.
UNMODELLED: Final[dict[tuple[str, str], dict[str, Any]]] = {
    # It takes colons in front. Source: conformance/recorded.
    ("cloudwatch", "Namespace"): {"pattern": ""},
    ("autoscaling", "AutoScalingGroupMaxSize"): {"min": 0},
    ("autoscaling", "AutoScalingGroupDesiredCapacity"): {"min": 0},
    # 16 KiB of user data make one character more than the model has. Source: hashicorp/terraform-provider-aws #2973.
    ("autoscaling", "XmlStringUserData"): {"max": 21_848},
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One constraint that one member does not meet.

    Attributes:
        path: dotted wire names from the top, lists with their index from 1 (``tags.1.member.key``).
        value: the value as text, None where there is none.
        expectation: what must hold (``Member must not be null``).
        secret: whether the value must not be repeated.
    """

    path: str
    value: str | None
    expectation: str
    secret: bool = False

    @property
    def is_missing(self) -> bool:
        return self.expectation == _NOT_NULL

    @property
    def shown(self) -> str:
        return "" if self.secret or self.value is None else self.value

    @property
    def clause(self) -> str:
        """The failure in AWS's words."""
        value = " null" if self.value is None else "" if self.secret else f" '{self.value}'"
        return f"Value{value} at '{self.path}' failed to satisfy constraint: {self.expectation}"


_NOT_NULL: Final = "Member must not be null"
_MOST_TOLD: Final = 100


_TOLD_AS: Final[Mapping[frozenset[str], Sequence[str]]] = {
    frozenset({"OK", "ALARM", "INSUFFICIENT_DATA"}): ("INSUFFICIENT_DATA", "ALARM", "OK"),
    frozenset({"Stopped", "Running", "Hibernated"}): ("Stopped", "Hibernated", "Running"),
}
"""Words that the service names in another order than its model.

Source: conformance/recorded, cloudwatch; answers of the real service recorded by stackd, warm_pool_native.
"""


def sentence(failures: list[Failure]) -> str:
    """All failures as AWS tells them; of very many, all are counted and the first hundred told."""
    count = len(failures)
    noun = "error" if count == 1 else "errors"
    told = "; ".join(failure.clause for failure in failures[:_MOST_TOLD])
    return f"{count} validation {noun} detected: {told}"


def lower_first(_member: Shape, name: str) -> str:
    """The name of a member in the query services' sentences: ``autoScalingGroupName``."""
    return name[0].lower() + name[1:]


class Validators:
    """Compiles and keeps the checks of one service's shapes.

    Args:
        service: botocore's name, for SELF_CHECKED.
        naming: how a member is named in a path.
        element: what stands between a list's name and a member of its element, ``.1.member`` or ``.1``.
    """

    def __init__(self, service: str, naming: Naming, element: str) -> None:
        self._service = service
        self._naming = naming
        self._element = element
        self._made: dict[str, Check | None] = {}

    def of(self, shape: Shape) -> Check | None:
        """The check of a shape; None where the model constrains nothing in it."""
        if shape.name not in self._made:
            kept(self._made, shape.name, self._later(shape), partial(self._make, shape))
        return self._made[shape.name]

    def _later(self, shape: Shape) -> Check:
        def run(value: Any, path: str, failures: list[Failure]) -> None:
            check = self.of(shape)
            if check is not None:
                check(value, path, failures)

        return run

    def _make(self, shape: Shape) -> Check | None:
        if shape.type_name == "structure":
            return self._structure(shape)
        own = _own(shape, self._constraints(shape))
        if shape.type_name == "list":
            return _both(own, self._elements(shape))
        if shape.type_name == "map":
            return _both(own, self._entries(shape))
        return own

    def _constraints(self, shape: Shape) -> list[Constraint]:
        key = (self._service, shape.name)
        if key in SELF_CHECKED:
            return []
        return _constraints(shape.type_name, {**shape.metadata, **UNMODELLED.get(key, {})})

    def _structure(self, shape: Shape) -> Check | None:
        required = {name for name in shape.required_members if (self._service, shape.name, name) not in NOT_REQUIRED}
        members = []
        for name, member in shape.members.items():
            check = self.of(member)
            if check is not None or name in required:
                members.append((name, self._naming(member, name), check, name in required))
        if not members:
            return None

        def run(value: Any, path: str, failures: list[Failure]) -> None:
            get = value.get
            for name, wire, check, needed in members:
                member = get(name)
                if member is None:
                    if needed:
                        failures.append(Failure(path + wire, None, _NOT_NULL))
                elif check is not None:
                    check(member, path + wire, failures)

        # The path of a member starts after a dot, except at the top.
        def nested(value: Any, path: str, failures: list[Failure]) -> None:
            run(value, f"{path}." if path else "", failures)

        return nested

    def _elements(self, shape: Shape) -> Check | None:
        member = shape.member
        if member.type_name in ("structure", "list", "map"):
            return self._each(self.of(member))
        phrases = self._constraints(member)
        if not phrases:
            return None
        holds = [constraint for constraint, _ in phrases]
        expectation = f"Member must satisfy constraint: [{', '.join(words for _, words in phrases)}]"
        secret = _secret(member)

        def run(value: Any, path: str, failures: list[Failure]) -> None:
            if not all(constraint(item) for item in value for constraint in holds):
                failures.append(Failure(path, _text(value), expectation, secret))

        return run

    def _each(self, check: Check | None) -> Check | None:
        if check is None:
            return None
        element = self._element

        def run(value: Any, path: str, failures: list[Failure]) -> None:
            for index, item in enumerate(value, 1):
                check(item, f"{path}.{index}{element}", failures)

        return run

    def _entries(self, shape: Shape) -> Check | None:
        keys, values = self._constraints(shape.key), self._constraints(shape.value)
        inner = self.of(shape.value) if shape.value.type_name in ("structure", "list", "map") else None
        if not keys and not values and inner is None:
            return None

        def run(value: Any, path: str, failures: list[Failure]) -> None:
            for kind, phrases, items in (("keys", keys, value.keys()), ("value", values, value.values())):
                if not all(constraint(item) for item in items for constraint, _ in phrases):
                    words = ", ".join(words for _, words in phrases)
                    failures.append(Failure(path, _text(value), f"Map {kind} must satisfy constraint: [{words}]"))
            if inner is not None:
                for key, item in value.items():
                    inner(item, f"{path}.{shown(key)}.member", failures)

        return run


def _both(first: Check | None, second: Check | None) -> Check | None:
    if first is None or second is None:
        return first or second

    def run(value: Any, path: str, failures: list[Failure]) -> None:
        first(value, path, failures)
        second(value, path, failures)

    return run


def _own(shape: Shape, phrases: list[Constraint]) -> Check | None:
    """The check of a shape's own constraints, each told by itself."""
    if not phrases:
        return None
    secret = _secret(shape)

    def run(value: Any, path: str, failures: list[Failure]) -> None:
        for holds, words in phrases:
            if not holds(value):
                failures.append(Failure(path, _text(value), words, secret))

    return run


def _constraints(kind: str, metadata: Mapping[str, Any]) -> list[Constraint]:
    """What is asked of a value of a type, with AWS's words for it, in the order AWS lists them."""
    found: list[Constraint] = []
    bound, measure = ("length", len) if kind in ("string", "list", "map", "blob") else ("value", _itself)
    if kind not in ("structure", "boolean", "timestamp"):
        if (most := metadata.get("max")) is not None:
            found.append(
                (lambda value: measure(value) <= most, f"Member must have {bound} less than or equal to {most}")
            )
        if (least := metadata.get("min")) is not None and not (bound == "length" and least <= 0):
            found.append(
                (lambda value: measure(value) >= least, f"Member must have {bound} greater than or equal to {least}")
            )
    if kind == "string" and (pattern := metadata.get("pattern")):
        matches = compiled(pattern).fullmatch
        found.append(
            (lambda value: matches(value) is not None, f"Member must satisfy regular expression pattern: {pattern}")
        )
    if kind == "string" and (enum := metadata.get("enum")):
        allowed = frozenset(enum)
        told = _TOLD_AS.get(allowed, enum)
        found.append((lambda value: value in allowed, f"Member must satisfy enum value set: [{', '.join(told)}]"))
    return found


def _itself(value: Any) -> Any:
    return value


def _secret(shape: Shape) -> bool:
    return bool(shape.metadata.get("sensitive"))


def _text(value: Any) -> str:
    """A value as AWS's framework, which is Java, prints it; long ones are cut."""
    return shown(_printed(value), 1024)


def _printed(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return written_blob(value)
    if isinstance(value, datetime):
        return milliseconds_when_any(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={_printed(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_printed(item) for item in value) + "]"
    return str(value)
