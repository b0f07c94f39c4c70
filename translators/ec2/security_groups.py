"""Security groups and their rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.security_groups import GroupRule
from backend.services.security_groups import ListedGroup
from translators import arns
from translators.ec2 import actions, permissions, tag_words
from translators.errors import AWSError
from translators.filters import Field, Filters, never
from translators.nouns import Asked, Members, Noun
from translators.registry import Call

_BOUNDS: Final = actions.Bounds(5, 1000)


@dataclass(frozen=True, slots=True)
class Group:
    """A security group as this caller sees it."""

    group: ListedGroup
    call: Call

    @property
    def id(self) -> str:
        return f"{arns.SECURITY_GROUP}-{self.group.id}"

    def rules(self, ingress: bool) -> list[GroupRule]:
        return [rule for rule in self.group.rules if rule.egress is not ingress]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as this caller sees it."""

    rule: GroupRule
    call: Call

    @property
    def id(self) -> str:
        return f"{arns.SECURITY_GROUP_RULE}-{self.rule.id}"


def _groups(call: Call, asked: Asked) -> Iterable[Group]:
    named = [short for each in asked.named.get("GroupIds", ()) if (short := arns.short_of(arns.SECURITY_GROUP, each))]
    found = call.backend.security_groups.list(call.scope, named or None, fresh=asked.fresh)
    return (Group(each, call) for each in found)


def _rules(call: Call, asked: Asked) -> Iterable[Rule]:
    ids = asked.named.get("SecurityGroupRuleIds", ())
    shorts = [short for each in ids if (short := arns.short_of(arns.SECURITY_GROUP_RULE, each))]
    kept = call.backend.security_groups.rules(call.scope, shorts)
    if ids and len(kept) == len({*ids}):
        return [Rule(rule, call) for rule in kept]
    found = call.backend.security_groups.list(call.scope, _groups_of_rules(call), fresh=asked.fresh)
    return (Rule(rule, call) for group in found for rule in group.rules)


def _groups_of_rules(call: Call) -> list[str] | None:
    """The groups that a filter names in so many words: no rules of others need be read."""
    for each in call.params.get("Filters") or ():
        if each.get("Name") == "group-id":
            return [short for value in each.get("Values") or () if (short := arns.short_of(arns.SECURITY_GROUP, value))]
    return None


def _check_rule_filters(call: Call) -> None:
    for each in call.params.get("Filters") or ():
        for value in each.get("Values") or () if each.get("Name") == "group-id" else ():
            if not arns.is_well_formed(arns.SECURITY_GROUP, value):
                raise AWSError("InvalidGroupId.Malformed", f"The security group ID '{value}' is malformed")


_GROUP: Final[Members[Group]] = {
    "GroupId": lambda each: each.id,
    "GroupName": lambda each: each.group.name,
    "Description": lambda each: each.group.description,
    "OwnerId": lambda each: each.call.account_id,
    "VpcId": lambda each: f"{arns.NETWORK}-{each.group.vpc}",
    "SecurityGroupArn": lambda each: arns.ec2(each.call.region, each.call.account_id, "security-group", each.id),
    "IpPermissions": lambda each: permissions.shown(each.call, each.rules(True)),
    "IpPermissionsEgress": lambda each: permissions.shown(each.call, each.rules(False)),
}


def _each_rule(ingress: bool, pick: Callable[[GroupRule], Any]) -> Field[Group]:
    return lambda each: [pick(rule) for rule in each.rules(ingress)]


def _permission_filters(head: str, member: str, ingress: bool) -> Filters[Group]:
    """Filters by rules of one direction; a rule for all ports is told without any, and found by -1."""
    return {
        f"{head}.cidr": f"{member}.IpRanges.CidrIp",
        f"{head}.from-port": _each_rule(ingress, lambda rule: rule.from_port),
        f"{head}.group-id": f"{member}.UserIdGroupPairs.GroupId",
        f"{head}.ipv6-cidr": f"{member}.Ipv6Ranges.CidrIpv6",
        f"{head}.prefix-list-id": f"{member}.PrefixListIds.PrefixListId",
        f"{head}.protocol": f"{member}.IpProtocol",
        f"{head}.to-port": _each_rule(ingress, lambda rule: rule.to_port),
        f"{head}.user-id": f"{member}.UserIdGroupPairs.UserId",
        **never(f"{head}.group-name"),
    }


_GROUP_FILTERS: Final[Filters[Group]] = {
    "description": "Description",
    "group-id": "GroupId",
    "group-name": "GroupName",
    "owner-id": "OwnerId",
    "vpc-id": "VpcId",
    **_permission_filters("ip-permission", "IpPermissions", ingress=True),
    **_permission_filters("egress.ip-permission", "IpPermissionsEgress", ingress=False),
}
GROUPS: Final = Noun(
    answer="SecurityGroups",
    items=_groups,
    members=_GROUP,
    order=lambda each: each.id,
    filters=_GROUP_FILTERS,
    namings=(
        actions.by_ids("GroupIds", actions.SECURITY_GROUP, lambda each: each.id),
        # EC2 looks names up in the default network; here any network's will do.
        actions.by_names(
            "GroupNames",
            lambda each: each.group.name,
            "InvalidGroup.NotFound",
            "The security group '{}' does not exist",
        ),
    ),
    tagging=tag_words.kept(lambda each: each.id),
    aging=True,
    pages=actions.pages("GroupIds", _BOUNDS),
)


def _cidr(each: Rule, ipv6: bool) -> str | None:
    rule = each.rule
    return None if rule.of_group or rule.of_list or rule.ipv6 is not ipv6 else rule.peer


def group_of(rule: GroupRule) -> str:
    """The id of the group that a rule belongs to."""
    return f"{arns.SECURITY_GROUP}-{rule.group_id}"


def peer_of(rule: GroupRule) -> str | None:
    """The id of the group that a rule lets through, None where it lets addresses through, or a list of them."""
    return f"{arns.SECURITY_GROUP}-{rule.peer}" if rule.of_group else None


_RULE: Final[Members[Rule]] = {
    "SecurityGroupRuleId": lambda each: each.id,
    "SecurityGroupRuleArn": lambda each: arns.ec2(
        each.call.region, each.call.account_id, "security-group-rule", each.id
    ),
    "GroupId": lambda each: group_of(each.rule),
    "GroupOwnerId": lambda each: each.call.account_id,
    "IsEgress": lambda each: each.rule.egress,
    "IpProtocol": lambda each: each.rule.protocol,
    "FromPort": lambda each: each.rule.from_port,
    "ToPort": lambda each: each.rule.to_port,
    "ReferencedGroupInfo": lambda each: (
        {"GroupId": peer_of(each.rule), "UserId": each.call.account_id} if each.rule.of_group else None
    ),
    "PrefixListId": lambda each: each.rule.peer if each.rule.of_list else None,
    "CidrIpv4": lambda each: _cidr(each, ipv6=False),
    "CidrIpv6": lambda each: _cidr(each, ipv6=True),
    "Description": lambda each: each.rule.description,
}
RULES: Final = Noun(
    answer="SecurityGroupRules",
    items=_rules,
    members=_RULE,
    order=lambda each: each.id,
    filters={"group-id": "GroupId", "security-group-rule-id": "SecurityGroupRuleId"},
    namings=(actions.by_ids("SecurityGroupRuleIds", actions.SECURITY_GROUP_RULE, lambda each: each.id),),
    tagging=tag_words.kept(lambda each: each.id, told=tag_words.whole),
    check=_check_rule_filters,
    pages=actions.pages("SecurityGroupRuleIds"),
)

actions.describes("DescribeSecurityGroups", GROUPS)
actions.describes("DescribeSecurityGroupRules", RULES)


def _of_vpc(call: Call, asked: Asked) -> Iterable[tuple[Group, Mapping[str, str]]]:
    """Those of the VPC that a request names, which every one has to, with their tags; all of them without."""
    given: str | None = call.params.get("VpcId")
    found = list(_groups(call, asked))
    if given is not None:
        vpc = actions.digits_of(actions.NETWORK, given)
        if not any(each.short_id == vpc for each in call.backend.catalog.networks(call.scope, fresh=True)):
            raise actions.not_found(actions.NETWORK, [given])
        found = [each for each in found if each.group.vpc == vpc]
    tags = call.backend.resource_tags.of(call.scope, [each.id for each in found])
    return [(each, tags.get(each.id, {})) for each in found]


GROUPS_OF_VPC: Final[Noun[tuple[Group, Mapping[str, str]]]] = Noun(
    answer="SecurityGroupForVpcs",
    items=_of_vpc,
    members={
        "Description": lambda each: each[0].group.description,
        "GroupName": lambda each: each[0].group.name,
        "OwnerId": lambda each: each[0].call.account_id,
        "GroupId": lambda each: each[0].id,
        "PrimaryVpcId": lambda each: f"{arns.NETWORK}-{each[0].group.vpc}",
        "Tags": lambda each: tag_words.shown(each[1]),
    },
    order=lambda each: each[0].id,
    filters={
        "group-id": "GroupId",
        "description": "Description",
        "group-name": "GroupName",
        "owner-id": "OwnerId",
        "primary-vpc-id": "PrimaryVpcId",
    },
    pages=actions.pages("", _BOUNDS),
)

actions.describes("GetSecurityGroupsForVpc", GROUPS_OF_VPC)
