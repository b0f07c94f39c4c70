"""Tags of balancers, target groups, listeners and rules: told, added and removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from backend.services.balancers import tag_id
from translators.elbv2 import errors, ids, tag_words
from translators.elbv2.listeners import LISTENERS, RULES
from translators.elbv2.load_balancers import BALANCERS
from translators.elbv2.target_groups import GROUPS
from translators.nouns import Noun
from translators.registry import Call, Result, operation

_MOST: Final = 20
_NOUNS: Final[dict[str, Noun[Any]]] = {
    "loadbalancer": BALANCERS,
    "targetgroup": GROUPS,
    "listener": LISTENERS,
    "listener-rule": RULES,
}


@operation("elbv2", "DescribeTags")
def describe_tags(call: Call) -> Result:
    kept = _kept(call)
    found = call.backend.resource_tags.of(call.scope, list(kept.values()))
    return {
        "TagDescriptions": [
            {"ResourceArn": arn, "Tags": [{"Key": key, "Value": value} for key, value in found.get(each, {}).items()]}
            for arn, each in kept.items()
        ]
    }


@operation("elbv2", "AddTags")
def add_tags(call: Call) -> Result:
    kept = _kept(call)
    call.backend.resource_tags.put(call.scope, list(kept.values()), tag_words.checked(call.params["Tags"]))
    return {}


@operation("elbv2", "RemoveTags")
def remove_tags(call: Call) -> Result:
    kept = _kept(call)
    keys = dict.fromkeys(call.params["TagKeys"])
    call.backend.resource_tags.remove(call.scope, list(kept.values()), keys)
    return {}


def _kept(call: Call) -> dict[str, str]:
    """What the tags of a request's resources are kept by, each of which exists."""
    asked: Sequence[str] = call.params["ResourceArns"]
    if len(asked) > _MOST:
        raise errors.validation(f"At most {_MOST} resources can be specified")  # unsourced
    by_kind: dict[str, list[str]] = {}
    for arn in asked:
        by_kind.setdefault(_kind(arn), []).append(arn)
    for kind, found in by_kind.items():
        _NOUNS[kind].of_ids(call, found)
    return {arn: tag_id(ids.digits(call, _kind(arn), arn)) for arn in asked}


def _kind(arn: str) -> str:
    """What an ARN is of; what is none is taken for a balancer's, and not found."""
    kind = arn.rpartition(":")[2].partition("/")[0]
    return kind if kind in _NOUNS else "loadbalancer"
