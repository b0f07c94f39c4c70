"""Every member of every operation's input and output against the handlers: spoken of, or here with the reason why not.

What a handler speaks of is found in its code: the texts that it, and all of the translators that it reaches, are made of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

import botocore.session
import pytest

from translators import load, registry

load.load()
MODEL: Final = botocore.session.get_session().get_service_model("autoscaling")
ANSWERED: Final = tuple(name for name in MODEL.operation_names if registry.find("autoscaling", name) is not None)

PRICES: Final = "prices are the operator's: no type is left out for its price"
AS_IT_CAME: Final = "launch configurations are told as they came"

UNREAD: Final[Mapping[str, str]] = {
    "AttachTrafficSources.SkipZonalShiftValidation": "zonal shift is refused, so there is nothing to validate",
    "CreateLaunchConfiguration.BlockDeviceMappings.Ebs.Encrypted": "kept and told again: volume types decide on it",
    "DeleteTags.Tags.PropagateAtLaunch": "a tag goes by its key and value",
}
"""Input members, by the beginning of their path, that no handler speaks of: why nothing is lost by it."""

_GROUPS: Final = "DescribeAutoScalingGroups.AutoScalingGroups"
_CONFIGURATIONS: Final = "DescribeLaunchConfigurations.LaunchConfigurations"
UNTOLD: Final[Mapping[str, str]] = {
    "DescribeAccountSettings.Settings.": "told of settings that are enforced, and none is",
    f"{_GROUPS}.CapacityReservationSpecification.CapacityReservationTarget": "there are no capacity reservations",
    f"{_GROUPS}.MixedInstancesPolicy.LaunchTemplate.Overrides.InstanceRequirements.": PRICES,
    f"{_CONFIGURATIONS}.BlockDeviceMappings.": AS_IT_CAME,
    f"{_CONFIGURATIONS}.ClassicLinkVPCId": "EC2-Classic is refused",
    f"{_CONFIGURATIONS}.MetadataOptions.": AS_IT_CAME,
}
"""Output members, by the beginning of their path, that no handler speaks of: why they are never missed."""


def spoken(operation: str) -> frozenset[str]:
    """The texts of an operation's handler and of what it reaches within the translators."""
    found: set[str] = set()
    seen: set[int] = set()
    waiting: list[Any] = [registry.find("autoscaling", operation)]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, str):
            found.update(_BETWEEN.split(one))  # tables of nested members name them by their path
        elif isinstance(one, FunctionType):
            waiting += _parts(one)
        elif isinstance(one, Mapping):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, tuple | list | frozenset | set):
            waiting += one
    return frozenset(found)


def _parts(function: FunctionType) -> Iterator[Any]:
    """What a function of the translators is made of: texts, tables and other functions."""
    if not function.__module__.startswith("translators."):
        return
    for cell in function.__closure__ or ():
        yield cell.cell_contents
    names, consts = _names(function.__code__)
    yield from consts
    for name in names:
        here = function.__globals__.get(name)
        if isinstance(here, ModuleType) and here.__name__.startswith("translators."):
            yield from (getattr(here, each) for each in names if hasattr(here, each))
        else:
            yield here


def _names(code: CodeType) -> tuple[set[str], list[Any]]:
    names, consts = set(code.co_names), []
    for const in code.co_consts:
        if isinstance(const, CodeType):
            inner, more = _names(const)
            names |= inner
            consts += more
        else:
            consts.append(const)
    return names, consts


def members(shape: Any, path: str, within: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """(path, name) of every member of a shape, nested ones too."""
    if shape is None or shape.name in within:
        return
    if shape.type_name == "list":
        yield from members(shape.member, path, within)
    elif shape.type_name == "structure":
        for name, inner in shape.members.items():
            yield f"{path}.{name}", name
            yield from members(inner, f"{path}.{name}", (*within, shape.name))


_BETWEEN: Final = re.compile(r"[.\[\]]+")


def silent(operation: str, side: str) -> set[str]:
    model = MODEL.operation_model(operation)
    shape = model.input_shape if side == "in" else model.output_shape
    words = spoken(operation)
    return {path for path, name in members(shape, operation) if name not in words}


@pytest.mark.parametrize(("side", "table"), [("in", UNREAD), ("out", UNTOLD)], ids=["in", "out"])
def test_every_member_is_spoken_of_or_here(side, table):
    found = {path for operation in ANSWERED for path in silent(operation, side)}
    assert {path for path in found if not path.startswith(tuple(table))} == set(), "nobody speaks of these"
    assert {start for start in table if not any(path.startswith(start) for path in found)} == set(), "spoken of by now"


def test_a_member_that_nobody_reads_is_found(monkeypatch):
    """The test of the test: a handler that says nothing."""
    monkeypatch.setattr(registry, "find", lambda _service, _operation: lambda _call: {})
    assert "SetDesiredCapacity.HonorCooldown" in silent("SetDesiredCapacity", "in")
    monkeypatch.undo()
    assert silent("SetDesiredCapacity", "in") == set()
