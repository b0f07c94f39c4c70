"""Placement groups: the cloud's server groups.

``spread`` keeps servers on different hosts, ``cluster`` on the same one. A cloud knows no partitions of its hosts, so
``partition`` is refused, and with it ``PartitionCount``. Groups of the soft policies that somebody made at the cloud
are told as the strategy that they wish for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from backend.drivers.compute import GroupPolicy, ServerGroup
from translators import arns, filters
from translators.ec2 import actions, tag_words
from translators.errors import AWSError
from translators.registry import Call, Result, operation

STRATEGIES: Final[Mapping[GroupPolicy, str]] = {
    GroupPolicy.AFFINITY: "cluster",
    GroupPolicy.ANTI_AFFINITY: "spread",
}
"""What a strategy is made of; the others are told as the hard one of their kind."""
_POLICIES: Final = {strategy: policy for policy, strategy in STRATEGIES.items()}
_TAGGABLE: Final = frozenset({"placement-group"})
_LONGEST: Final = 255
_RESERVED: Final = ("LinkedGroupId", "ParentGroupId", "Operator")


def group_id(group: ServerGroup) -> str:
    return arns.resource_id(arns.PLACEMENT_GROUP, group.id)


def strategy(group: ServerGroup) -> str:
    return "spread" if group.policy.apart else "cluster"


@operation("ec2", "CreatePlacementGroup")
def create(call: Call) -> Result:
    name, policy = _name(call.params), _policy(call.params)
    tags = tag_words.specified(call.params.get("TagSpecifications"), _TAGGABLE).get("placement-group", {})
    actions.check_dry_run(call)
    made = call.backend.server_groups.create(call.scope, name, policy)
    call.backend.resource_tags.put(call.scope, [group_id(made)], tags)
    return {"PlacementGroup": _shown(call, made, tags)}


@actions.answers("DescribePlacementGroups")
def describe(call: Call) -> Result:
    groups = call.backend.server_groups.list(call.scope)
    names = call.params.get("GroupNames") or ()
    if missing := [name for name in names if name not in {group.name for group in groups}]:
        raise actions.not_found(actions.PLACEMENT_GROUP, missing)
    chosen = actions.named(actions.PLACEMENT_GROUP, call.params.get("GroupIds"), groups, group_id)
    if names:
        chosen = [group for group in chosen if group.name in names]
    tagged = call.backend.resource_tags.all(call.scope)
    fields: filters.Fields[ServerGroup] = {
        "group-arn": lambda group: _arn(call, group),
        "group-name": lambda group: group.name,
        "spread-level": lambda group: "rack" if group.policy.apart else None,
        "state": lambda _: "available",
        "strategy": strategy,
    }
    found = filters.matching(
        chosen, call.params.get("Filters") or (), fields, lambda one: tagged.get(group_id(one), {})
    )
    return {"PlacementGroups": [_shown(call, group, tagged.get(group_id(group), {})) for group in found]}


@actions.answers("DeletePlacementGroup")
def delete(call: Call) -> Result:
    gone = call.backend.server_groups.delete(call.scope, call.params["GroupName"])
    call.backend.resource_tags.remove(call.scope, [group_id(gone)], None)
    return {}


def _name(params: Mapping[str, Any]) -> str:
    name: str = params.get("GroupName") or ""
    if not name:
        raise AWSError("MissingParameter", "The request must contain the parameter groupName")  # unsourced
    # A cloud takes no blanks around a name, so such a group could not be found again by it.
    if len(name) > _LONGEST or not name.isascii() or not name.isprintable() or name != name.strip():
        raise _invalid(
            name, "groupName", f"A name is up to {_LONGEST} printable ASCII characters without blanks around"
        )
    return name


def _policy(params: Mapping[str, Any]) -> GroupPolicy:
    """What the cloud is to heed; raises AWSError where that is more than it can."""
    for member in _RESERVED:
        if params.get(member):
            raise AWSError("UnsupportedOperation", f"The parameter {member} is reserved.")
    wanted = params.get("Strategy")
    if not wanted:
        raise AWSError("MissingParameter", "The request must contain the parameter strategy")  # unsourced
    if params.get("PartitionCount") is not None and wanted != "partition":
        raise AWSError(  # unsourced
            "InvalidParameterCombination", "The parameter PartitionCount is only valid with the strategy 'partition'."
        )
    if wanted not in _POLICIES:
        raise AWSError("UnsupportedOperation", f"The strategy '{wanted}' is not supported in this region.")  # unsourced
    level = params.get("SpreadLevel")
    if level and wanted != "spread":
        raise AWSError(  # unsourced
            "InvalidParameterCombination", "The parameter SpreadLevel is only valid with the strategy 'spread'."
        )
    if level == "host":
        raise AWSError(  # unsourced
            "UnsupportedOperation", "The spread level 'host' can be used with Outpost placement groups only."
        )
    if level not in {None, "", "rack"}:
        raise _invalid(level, "spreadLevel", "Valid values are host and rack")
    return _POLICIES[wanted]


def _invalid(value: str, member: str, words: str) -> AWSError:
    return AWSError("InvalidParameterValue", f"Value ({value}) for parameter {member} is invalid. {words}.")


def _arn(call: Call, group: ServerGroup) -> str:
    return arns.ec2(call.region, call.account_id, "placement-group", group.name)


def _shown(call: Call, group: ServerGroup, tags: Mapping[str, str]) -> dict[str, Any]:
    told = {
        "GroupName": group.name,
        "State": "available",
        "Strategy": strategy(group),
        "GroupId": group_id(group),
        "Tags": tag_words.shown(tags),
        "GroupArn": _arn(call, group),
    }
    if group.policy.apart:
        told["SpreadLevel"] = "rack"
    return told
