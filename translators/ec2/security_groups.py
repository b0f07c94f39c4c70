"""Security groups and their rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.drivers.network import Rule, SecurityGroup
from translators import arns, filters
from translators.ec2 import actions, tag_words
from translators.errors import AWSError
from translators.filters import Fields
from translators.registry import Call, Result

_ALL: Final = "-1"
_BOUNDS: Final = actions.Bounds(5, 1000)


@dataclass(frozen=True, slots=True)
class _Group:
    group: SecurityGroup
    call: Call
    tags: Mapping[str, str]

    @property
    def id(self) -> str:
        return arns.resource_id(arns.SECURITY_GROUP, self.group.id)

    def rules(self, ingress: bool) -> list[Rule]:
        return [rule for rule in self.group.rules if rule.ingress is ingress]


@dataclass(frozen=True, slots=True)
class _GroupRule:
    rule: Rule
    group: _Group
    tags: Mapping[str, str]

    @property
    def id(self) -> str:
        return _rule_id(self.group.group, self.rule)


def _rule_id(group: SecurityGroup, rule: Rule) -> str:
    parts = (rule.ingress, rule.protocol, rule.port_from, rule.port_to, rule.cidr, rule.group_id, rule.ipv6)
    return arns.derived_id(arns.SECURITY_GROUP_RULE, group.id, *map(str, parts))


def _permission(ingress: bool, pick: Callable[[Rule], Any]) -> Callable[[_Group], Iterable[Any]]:
    return lambda each: [pick(rule) for rule in each.rules(ingress)]


def _port(port: int | None) -> int:
    return -1 if port is None else port


def _cidr(ipv6: bool) -> Callable[[Rule], str | None]:
    return lambda rule: rule.cidr if rule.ipv6 is ipv6 else None


def _other(rule: Rule) -> str | None:
    return arns.resource_id(arns.SECURITY_GROUP, rule.group_id) if rule.group_id else None


def _fields() -> Fields[_Group]:
    fields: dict[str, filters.Field[_Group]] = {
        "description": lambda each: each.group.description,
        "group-id": lambda each: each.id,
        "group-name": lambda each: each.group.name,
        "owner-id": lambda each: each.call.account_id,
        "vpc-id": lambda each: arns.resource_id(arns.NETWORK, each.group.network_id),
    }
    for head, ingress in (("ip-permission", True), ("egress.ip-permission", False)):
        fields |= {
            f"{head}.cidr": _permission(ingress, _cidr(ipv6=False)),
            f"{head}.from-port": _permission(ingress, lambda rule: _port(rule.port_from)),
            f"{head}.group-id": _permission(ingress, _other),
            f"{head}.group-name": lambda _: None,
            f"{head}.ipv6-cidr": _permission(ingress, _cidr(ipv6=True)),
            f"{head}.prefix-list-id": lambda _: None,
            f"{head}.protocol": _permission(ingress, lambda rule: rule.protocol),
            f"{head}.to-port": _permission(ingress, lambda rule: _port(rule.port_to)),
            f"{head}.user-id": lambda _: None,
        }
    return fields


FIELDS: Final = _fields()
RULE_FIELDS: Final[Fields[_GroupRule]] = {
    "group-id": lambda each: each.group.id,
    "security-group-rule-id": lambda each: each.id,
}


@actions.answers("DescribeSecurityGroups")
def describe(call: Call) -> Result:
    ids, names = call.params.get("GroupIds"), call.params.get("GroupNames")
    groups = _by_name(
        actions.named(actions.SECURITY_GROUP, ids, _groups(call, ids, names), lambda each: each.id), names
    )
    groups.sort(key=lambda each: each.id)
    found = filters.matching(groups, call.params.get("Filters") or (), FIELDS, lambda each: each.tags)
    items, token = actions.page(call, "GroupIds", found, lambda each: each.id, _BOUNDS)
    return {"SecurityGroups": [_shown(each) for each in items], **token}


@actions.answers("DescribeSecurityGroupRules")
def describe_rules(call: Call) -> Result:
    for each in call.params.get("Filters") or ():
        for value in each.get("Values") or () if each.get("Name") == "group-id" else ():
            if not arns.is_well_formed(arns.SECURITY_GROUP, value):
                raise AWSError("InvalidGroupId.Malformed", f"The security group ID '{value}' is malformed")
    tagged = call.backend.resource_tags.all(call.scope)
    rules = [
        _GroupRule(rule, group, tagged.get(_rule_id(group.group, rule), {}))
        for group in _groups(call)
        for rule in group.group.rules
    ]
    wanted = call.params.get("SecurityGroupRuleIds")
    chosen = actions.named(actions.SECURITY_GROUP_RULE, wanted, rules, lambda each: each.id)
    chosen.sort(key=lambda each: each.id)
    found = filters.matching(chosen, call.params.get("Filters") or (), RULE_FIELDS, lambda each: each.tags)
    items, token = actions.page(call, "SecurityGroupRuleIds", found, lambda each: each.id)
    return {"SecurityGroupRules": [_rule(each) for each in items], **token}


def _groups(call: Call, ids: Sequence[str] | None = None, names: Sequence[str] | None = None) -> list[_Group]:
    tagged = call.backend.resource_tags.all(call.scope)
    listing = call.backend.catalog.security_groups
    if ids:
        groups = actions.listed(call, listing, ids, _id)
    else:
        groups = actions.listed(call, listing, names, lambda group: group.name)
    return [_Group(group, call, tagged.get(_id(group), {})) for group in groups]


def _id(group: SecurityGroup) -> str:
    return arns.resource_id(arns.SECURITY_GROUP, group.id)


def _by_name(groups: list[_Group], names: Sequence[str] | None) -> list[_Group]:
    """Groups of these names: EC2 looks them up in the default network; here any network's will do."""
    if not names:
        return groups
    known = {each.group.name for each in groups}
    for name in names:
        if name not in known:
            raise AWSError("InvalidGroup.NotFound", f"The security group '{name}' does not exist")
    return [each for each in groups if each.group.name in names]


def _shown(each: _Group) -> dict[str, Any]:
    return {
        "GroupId": each.id,
        "GroupName": each.group.name,
        "Description": each.group.description,
        "OwnerId": each.call.account_id,
        "VpcId": arns.resource_id(arns.NETWORK, each.group.network_id),
        "SecurityGroupArn": arns.ec2(each.call.region, each.call.account_id, "security-group", each.id),
        **tag_words.member(each.tags),
        "IpPermissions": _permissions(each, ingress=True),
        "IpPermissionsEgress": _permissions(each, ingress=False),
    }


def _permissions(each: _Group, *, ingress: bool) -> list[dict[str, Any]]:
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


def _rule(each: _GroupRule) -> dict[str, Any]:
    rule, call = each.rule, each.group.call
    told: dict[str, Any] = {
        "SecurityGroupRuleId": each.id,
        "SecurityGroupRuleArn": arns.ec2(call.region, call.account_id, "security-group-rule", each.id),
        "GroupId": each.group.id,
        "GroupOwnerId": call.account_id,
        "IsEgress": not rule.ingress,
        "IpProtocol": rule.protocol,
        "FromPort": _port(rule.port_from),
        "ToPort": _port(rule.port_to),
        "Tags": tag_words.shown(each.tags),
    }
    if rule.group_id:
        told["ReferencedGroupInfo"] = {"GroupId": _other(rule), "UserId": call.account_id}
    elif rule.ipv6:
        told["CidrIpv6"] = rule.cidr or "::/0"
    else:
        told["CidrIpv4"] = rule.cidr or "0.0.0.0/0"
    return told
