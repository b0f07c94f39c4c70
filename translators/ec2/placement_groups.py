"""Placement groups: the cloud's server groups.

``spread`` keeps servers on different hosts, ``cluster`` on the same one. ``partition`` is refused where a cloud knows
no partitions of its hosts, as Nova. Groups of the soft policies that somebody made at the cloud are told as the
strategy that they wish for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.drivers.compute import GroupPolicy, ServerGroup
from translators import arns
from translators.ec2 import actions, tag_words
from translators.errors import AWSError
from translators.filters import Filters
from translators.nouns import Asked, Members, Noun
from translators.registry import Call, Result, operation

STRATEGIES: Final[Mapping[GroupPolicy, str]] = {
    GroupPolicy.AFFINITY: "cluster",
    GroupPolicy.ANTI_AFFINITY: "spread",
    GroupPolicy.PARTITION: "partition",
}
"""What a strategy is made of; the others are told as the hard one of their kind."""
_POLICIES: Final = {strategy: policy for policy, strategy in STRATEGIES.items()}
_TAGGABLE: Final = frozenset({"placement-group"})
_LONGEST: Final = 255
_USUAL_PARTITIONS: Final = 2
"""Source: Terraform's aws_placement_group, "partition_count"."""
_RESERVED: Final = ("LinkedGroupId", "ParentGroupId", "Operator")


def group_id(group: ServerGroup) -> str:
    return arns.resource_id(arns.PLACEMENT_GROUP, group.id)


def strategy(group: ServerGroup) -> str:
    if group.policy is GroupPolicy.PARTITION:
        return STRATEGIES[group.policy]
    return "spread" if group.policy.apart else "cluster"


@operation("ec2", "CreatePlacementGroup")
def create(call: Call) -> Result:
    name, policy = _name(call.params), _policy(call.params, call.backend.server_groups.partitions)
    partitions = _partitions(call.params, call.backend.server_groups.partitions)
    tags = tag_words.specified(call.params.get("TagSpecifications"), _TAGGABLE).get("placement-group", {})
    actions.check_dry_run(call)
    made = call.backend.server_groups.create(call.scope, name, policy, partitions)
    call.backend.resource_tags.put(call.scope, [group_id(made)], tags)
    return {"PlacementGroup": GROUPS.view(_Group(made, call)) | tag_words.whole(tags)}


@operation("ec2", "DeletePlacementGroup")
def delete(call: Call) -> Result:
    name = call.params["GroupName"]
    if call.params.get("DryRun"):
        GROUPS.chosen(call, {"GroupNames": [name]})
        actions.check_dry_run(call)
    gone = call.backend.server_groups.delete(call.scope, name)
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


def _policy(params: Mapping[str, Any], partitions: int) -> GroupPolicy:
    """What the cloud is to heed; raises AWSError where that is more than it can.

    Args:
        partitions: how many of them the cloud keeps apart.
    """
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
    if wanted not in _POLICIES or (wanted == "partition" and not partitions):
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


def _partitions(params: Mapping[str, Any], most: int) -> int | None:
    if params["Strategy"] != "partition":
        return None
    count: int | None = params.get("PartitionCount")
    if count is not None and not 1 <= count <= most:
        raise _invalid(str(count), "partitionCount", f"The number of partitions is between 1 and {most}")  # unsourced
    return min(_USUAL_PARTITIONS, most) if count is None else count


def _invalid(value: str, member: str, words: str) -> AWSError:
    return AWSError("InvalidParameterValue", f"Value ({value}) for parameter {member} is invalid. {words}.")


@dataclass(frozen=True, slots=True)
class _Group:
    group: ServerGroup
    call: Call


def _groups(call: Call, _: Asked) -> Iterable[_Group]:
    return (_Group(group, call) for group in call.backend.server_groups.list(call.scope))


_MEMBERS: Final[Members[_Group]] = {
    "GroupName": lambda each: each.group.name,
    "State": "available",
    "Strategy": lambda each: strategy(each.group),
    "GroupId": lambda each: group_id(each.group),
    "GroupArn": lambda each: arns.ec2(each.call.region, each.call.account_id, "placement-group", each.group.name),
    "PartitionCount": lambda each: each.group.partitions,
    "SpreadLevel": lambda each: "rack" if each.group.policy.apart else None,
}
_FILTERS: Final[Filters[_Group]] = {
    "group-arn": "GroupArn",
    "group-name": "GroupName",
    "spread-level": "SpreadLevel",
    "state": "State",
    "strategy": "Strategy",
}
GROUPS: Final = Noun(
    answer="PlacementGroups",
    items=_groups,
    members=_MEMBERS,
    filters=_FILTERS,
    namings=(
        actions.by_ids("GroupIds", actions.PLACEMENT_GROUP, lambda each: group_id(each.group)),
        actions.by_names(
            "GroupNames",
            lambda each: each.group.name,
            actions.PLACEMENT_GROUP.missing,
            actions.PLACEMENT_GROUP.one,
            actions.PLACEMENT_GROUP.many,
        ),
    ),
    tagging=tag_words.kept(lambda each: group_id(each.group), told=tag_words.whole),
)

actions.describes("DescribePlacementGroups", GROUPS)
