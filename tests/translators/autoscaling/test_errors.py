"""The table: every finding that a service of groups may raise has words of its own."""

import dataclasses
import inspect
from enum import Enum
from itertools import product
from typing import get_type_hints

import pytest

from backend import errors
from backend.domain import (
    balancer_findings,
    cluster_findings,
    image_findings,
    key_pair_findings,
    launch_findings,
    lifecycle_findings,
    mix_findings,
    refresh_findings,
    scaling_findings,
    schedule_findings,
    security_group_findings,
    server_findings,
    session_findings,
    volume_findings,
    warm_pool_findings,
)
from translators.autoscaling.errors import TABLE, constraint, unsupported
from translators.errors import translate

# What a service of groups may meet; none of its operations makes networks or addresses.
MODULES = (
    errors,
    balancer_findings,
    cluster_findings,
    image_findings,
    key_pair_findings,
    launch_findings,
    lifecycle_findings,
    mix_findings,
    refresh_findings,
    scaling_findings,
    schedule_findings,
    security_group_findings,
    server_findings,
    session_findings,
    volume_findings,
    warm_pool_findings,
)
# Raised by what operations of other services alone ask for.
ELSEWHERE = {
    "QuotaExceeded", "NoCapacity", "NetworkMissing", "LaunchUnsupported", "ProfileIncomplete",
    "ServerConflict", "TemplateExists", "TemplateDefaultVersionKept", "TokenSpent", "TokenUsed",
    "ServerGroupExists", "ServerGroupInUse", "ImageNameTaken", "ImageNotOwned", "ImagesExhausted", "RoleRefused",
    "BalancerNotFound", "BalancerExists", "BalancerProtected", "TargetGroupExists", "TargetGroupInUse",
    "TargetGroupElsewhere", "PolicyUnknown", "PolicyExists", "PolicyInUse",
    "ListenerNotFound", "ListenerExists", "RuleNotFound", "PriorityInUse", "TargetsInvalid", "BalancingLacks", "RuleMisplaced",
    "KeyGone", "RegionNotOpened", "RolesNotAssumed", "SessionsExhausted", "SessionsUnavailable",
    "VolumeNotFound", "VolumeConflict", "VolumeAttached", "VolumeNotAttached", "VolumeElsewhere", "VolumeShrinks", "SnapshotNotFound",
    "SnapshotInUse", "ServerProtected",
    "SecurityGroupExists", "SecurityGroupInUse", "SecurityGroupKept", "GroupRuleExists",
    "GroupRuleMissing", "GroupRulesUnknown", "KeyPairExists", "KeyPairNotPublic",
}  # fmt: skip
FINDINGS = [
    found
    for module in MODULES
    for _, found in inspect.getmembers(module, inspect.isclass)
    if found.__module__ == module.__name__ and issubclass(found, errors.Finding) and found is not errors.Finding
    if found.__name__ not in ELSEWHERE
]


PLAIN = {
    "str": "x",
    "int": 1,
    "float": 1.0,
    "bool": False,
    "str | None": "x",
    "Finding": image_findings.ImageNotFound("x"),
}
SEVERAL = {"tuple[str, ...]": ("x",), "Sequence[float]": (1.0,), "tuple[float, ...]": (1.0,)}


def samples(finding):
    """One of the finding; where it names a member of an enumeration, one of each."""
    hints, told = get_type_hints(finding), {}
    enums = {}
    for field in dataclasses.fields(finding):
        if inspect.isclass(hints[field.name]) and issubclass(hints[field.name], Enum):
            enums[field.name] = tuple(hints[field.name])
        else:
            told[field.name] = (PLAIN | SEVERAL)[str(field.type)]
    return [finding(**told, **dict(zip(enums, chosen, strict=True))) for chosen in product(*enums.values())]


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.__name__)
def test_each_has_words(finding):
    assert finding in TABLE
    for found in samples(finding):
        told = translate(found, "autoscaling")
        assert told.code
        assert told.message
        assert 400 <= told.status < 600


def test_status():
    assert translate(errors.StaleRead("x"), "autoscaling").status == 500
    assert translate(errors.CloudNotReached("x"), "autoscaling").status == 503
    assert translate(errors.NotPermitted("x"), "autoscaling").status == 403


def test_forms():
    assert constraint(["a", "b"], "names", "Member must be few").message == (
        "1 validation error detected: Value '[a, b]' at 'names' failed to satisfy constraint: Member must be few"
    )
    assert unsupported("X").message == "X is not supported by this service."
    assert unsupported("X", "no Y").message == "X is not supported by this service: no Y."
