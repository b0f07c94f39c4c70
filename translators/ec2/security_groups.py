"""Security groups and their rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from backend.drivers.network import Rule, SecurityGroup
from translators import arns
from translators.ec2 import actions, tag_words
from translators.errors import AWSError
from translators.filters import Field, Filters, never
from translators.nouns import Asked, Members, Noun
from translators.registry import Call

_ALL: Final = "-1"
_BOUNDS: Final = actions.Bounds(5, 1000)


@dataclass(frozen=True, slots=True)
class _Group:
    group: SecurityGroup
    call: Call

    @property
    def id(self) -> str:
        return arns.resource_id(arns.SECURITY_GROUP, self.group.id)

    def rules(self, ingress: bool) -> list[Rule]:
        return [rule for rule in self.group.rules if rule.ingress is ingress]


@dataclass(frozen=True, slots=True)
class _GroupRule:
    rule: Rule
    group: _Group

    @property
    def id(self) -> str:
        rule = self.rule
        parts = (rule.ingress, rule.protocol, rule.port_from, rule.port_to, rule.cidr, rule.group_id, rule.ipv6)
        return arns.derived_id(arns.SECURITY_GROUP_RULE, self.group.group.id, *map(str, parts))


def _groups(call: Call, asked: Asked) -> Iterable[_Group]:
    return (_Group(each, call) for each in call.backend.catalog.security_groups(call.scope, fresh=asked.fresh))


def _rules(call: Call, asked: Asked) -> Iterable[_GroupRule]:
    return (_GroupRule(rule, group) for group in _groups(call, asked) for rule in group.group.rules)


def _check_rule_filters(call: Call) -> None:
    for each in call.params.get("Filters") or ():
        for value in each.get("Values") or () if each.get("Name") == "group-id" else ():
            if not arns.is_well_formed(arns.SECURITY_GROUP, value):
                raise AWSError("InvalidGroupId.Malformed", f"The security group ID '{value}' is malformed")


def _permissions(each: _Group, ingress: bool) -> list[dict[str, Any]]:
    """Rules in EC2's form: those of one protocol and port range together."""
    found: dict[tuple[str, int | None, int | None], dict[str, Any]] = {}
    for rule in each.rules(ingress):
        permission = found.setdefault(
            (rule.protocol, rule.port_from, rule.port_to),
            {
                "IpProtocol": rule.protocol,
                **_ports(rule),
                "UserIdGroupPairs": [],
                "IpRanges": [],
                "Ipv6Ranges": [],
                "PrefixListIds": [],
            },
        )
        if rule.group_id:
            permission["UserIdGroupPairs"].append({"GroupId": _other(rule), "UserId": each.call.account_id})
        elif rule.ipv6:
            permission["Ipv6Ranges"].append({"CidrIpv6": rule.cidr or "::/0"})
        else:
            permission["IpRanges"].append({"CidrIp": rule.cidr or "0.0.0.0/0"})
    return list(found.values())


def _ports(rule: Rule) -> dict[str, int]:
    return {} if rule.protocol == _ALL else {"FromPort": _port(rule.port_from), "ToPort": _port(rule.port_to)}


def _port(port: int | None) -> int:
    return -1 if port is None else port


def _other(rule: Rule) -> str | None:
    return arns.resource_id(arns.SECURITY_GROUP, rule.group_id) if rule.group_id else None


def _cidr(rule: Rule, ipv6: bool) -> str | None:
    if rule.group_id or rule.ipv6 is not ipv6:
        return None
    return rule.cidr or ("::/0" if ipv6 else "0.0.0.0/0")


_GROUP: Final[Members[_Group]] = {
    "GroupId": lambda each: each.id,
    "GroupName": lambda each: each.group.name,
    "Description": lambda each: each.group.description,
    "OwnerId": lambda each: each.call.account_id,
    "VpcId": lambda each: arns.resource_id(arns.NETWORK, each.group.network_id),
    "SecurityGroupArn": lambda each: arns.ec2(each.call.region, each.call.account_id, "security-group", each.id),
    "IpPermissions": lambda each: _permissions(each, True),
    "IpPermissionsEgress": lambda each: _permissions(each, False),
}


def _each_rule(ingress: bool, pick: Callable[[Rule], Any]) -> Field[_Group]:
    return lambda each: [pick(rule) for rule in each.rules(ingress)]


def _permission_filters(head: str, member: str, ingress: bool) -> Filters[_Group]:
    """Filters by rules of one direction; a rule for all ports is told without any, and found by -1."""
    return {
        f"{head}.cidr": f"{member}.IpRanges.CidrIp",
        f"{head}.from-port": _each_rule(ingress, lambda rule: _port(rule.port_from)),
        f"{head}.group-id": f"{member}.UserIdGroupPairs.GroupId",
        f"{head}.ipv6-cidr": f"{member}.Ipv6Ranges.CidrIpv6",
        f"{head}.protocol": f"{member}.IpProtocol",
        f"{head}.to-port": _each_rule(ingress, lambda rule: _port(rule.port_to)),
        f"{head}.user-id": f"{member}.UserIdGroupPairs.UserId",
        **never(f"{head}.group-name", f"{head}.prefix-list-id"),
    }


_GROUP_FILTERS: Final[Filters[_Group]] = {
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

_RULE: Final[Members[_GroupRule]] = {
    "SecurityGroupRuleId": lambda each: each.id,
    "SecurityGroupRuleArn": lambda each: arns.ec2(
        each.group.call.region, each.group.call.account_id, "security-group-rule", each.id
    ),
    "GroupId": lambda each: each.group.id,
    "GroupOwnerId": lambda each: each.group.call.account_id,
    "IsEgress": lambda each: not each.rule.ingress,
    "IpProtocol": lambda each: each.rule.protocol,
    "FromPort": lambda each: _port(each.rule.port_from),
    "ToPort": lambda each: _port(each.rule.port_to),
    "ReferencedGroupInfo": lambda each: (
        {"GroupId": _other(each.rule), "UserId": each.group.call.account_id} if each.rule.group_id else None
    ),
    "CidrIpv4": lambda each: _cidr(each.rule, ipv6=False),
    "CidrIpv6": lambda each: _cidr(each.rule, ipv6=True),
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
