"""Security groups made, changed and deleted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from backend.domain import security_group_findings
from backend.domain.security_groups import DEFAULT, GroupRule
from backend.services.security_groups import Changed, ListedGroup
from translators import arns
from translators.ec2 import actions, permissions, tag_words
from translators.ec2.security_groups import RULES, Rule, peer_of
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_GROUP_TAGS: Final = frozenset({"security-group"})
_RULE_TAGS: Final = frozenset({"security-group-rule"})
_LONGEST: Final = 255


@operation("ec2", "CreateSecurityGroup")
def create(call: Call) -> Result:
    params = call.params
    name, description = _text(params, "GroupName"), _text(params, "Description", "GroupDescription")
    if name.lower().startswith("sg-"):
        raise _refused(f"Value ({name}) for parameter GroupName is invalid. Group names may not be in the format sg-*.")
    if name == DEFAULT:
        raise AWSError("InvalidGroup.Reserved", "Cannot use reserved security group name: default")
    tags = tag_words.specified(params.get("TagSpecifications"), _GROUP_TAGS).get("security-group", {})
    vpc = _vpc(call)
    actions.check_dry_run(call)
    made = call.backend.security_groups.create(call.scope, name, description, vpc)
    group_id = f"{arns.SECURITY_GROUP}-{made.id}"
    call.backend.resource_tags.put(call.scope, [group_id], tags)
    arn = arns.ec2(call.region, call.account_id, "security-group", group_id)
    return {"GroupId": group_id, "SecurityGroupArn": arn, **tag_words.member(tags)}


@operation("ec2", "DeleteSecurityGroup")
def delete(call: Call) -> Result:
    group = _group(call)
    actions.check_dry_run(call)
    call.backend.security_groups.delete(call.scope, group.id)
    group_id = f"{arns.SECURITY_GROUP}-{group.id}"
    call.backend.resource_tags.remove(call.scope, [group_id, *map(_rule_id, group.rules)], None)
    return {"Return": True, "GroupId": group_id}


@operation("ec2", "AuthorizeSecurityGroupIngress")
def authorize_ingress(call: Call) -> Result:
    return _authorize(call, egress=False)


@operation("ec2", "AuthorizeSecurityGroupEgress")
def authorize_egress(call: Call) -> Result:
    return _authorize(call, egress=True)


@operation("ec2", "RevokeSecurityGroupIngress")
def revoke_ingress(call: Call) -> Result:
    return _revoke(call, egress=False)


@operation("ec2", "RevokeSecurityGroupEgress")
def revoke_egress(call: Call) -> Result:
    return _revoke(call, egress=True)


@operation("ec2", "ModifySecurityGroupRules")
def modify(call: Call) -> Result:
    group = _group(call)
    updates = call.params["SecurityGroupRules"]
    ids = [each.get("SecurityGroupRuleId") or "" for each in updates]
    old = _rules_of(group, ids)
    if len(old) < len(ids):
        raise _refused("The same permission must not appear multiple times")
    new = {
        short: permissions.modified(each.get("SecurityGroupRule") or {}, old[short])
        for each, short in zip(updates, old, strict=True)
    }
    actions.check_dry_run(call)
    _put(call, group, new, lambda rule: new[rule.id])
    return {"Return": True}


@operation("ec2", "UpdateSecurityGroupRuleDescriptionsIngress")
def describe_ingress(call: Call) -> Result:
    return _redescribe(call, egress=False)


@operation("ec2", "UpdateSecurityGroupRuleDescriptionsEgress")
def describe_egress(call: Call) -> Result:
    return _redescribe(call, egress=True)


def _authorize(call: Call, *, egress: bool) -> Result:
    group = _group(call)
    asked = permissions.asked(call.params, egress, _named(call, group))
    specified = tag_words.specified(call.params.get("TagSpecifications"), _RULE_TAGS)
    tags = specified.get("security-group-rule", {})
    actions.check_dry_run(call)
    changed = call.backend.security_groups.change(call.scope, group.id, lambda rules: [*rules, *asked])
    meanings = {rule.meaning for rule in group.rules}
    added = [rule for rule in changed.added if rule.meaning not in meanings] or changed.added
    if tags:
        call.backend.resource_tags.put(call.scope, [_rule_id(rule) for rule in added], tags)
    told = [{**RULES.view(Rule(rule, call)), **tag_words.member(tags)} for rule in added]
    return {"Return": True, "SecurityGroupRules": told}


def _revoke(call: Call, *, egress: bool) -> Result:
    group = _group(call)
    ids = call.params.get("SecurityGroupRuleIds")
    if ids:
        found = [rule for rule in _rules_of(group, ids).values() if rule.egress is egress]
        if len(found) < len({*ids}):
            raise security_group_findings.GroupRulesUnknown(_shorts(ids))
        unknown: list[GroupRule] = []
    else:
        asked = permissions.asked(call.params, egress, _named(call, group))
        known = {rule.meaning: rule for rule in group.rules}
        found = [known[rule.meaning] for rule in asked if rule.meaning in known]
        unknown = [rule for rule in asked if rule.meaning not in known]
        # Source: API Reference, RevokeSecurityGroupIngress: of groups of the default VPC nothing is refused.
        if unknown and not call.backend.security_groups.is_default_network(call.scope, group.vpc):
            raise security_group_findings.GroupRuleMissing
    actions.check_dry_run(call)
    gone = {rule.id: rule.meaning for rule in found}

    def is_meant(rule: GroupRule) -> bool:
        """One that was told by what it says may say something else meanwhile."""
        return rule.id in gone and (bool(ids) or rule.meaning == gone[rule.id])

    changed = call.backend.security_groups.change(
        call.scope, group.id, lambda rules: [rule for rule in rules if not is_meant(rule)]
    )
    revoked = [rule for rule in changed.before if is_meant(rule)]
    call.backend.resource_tags.remove(call.scope, [_rule_id(rule) for rule in revoked], None)
    told = [_revoked(rule) for rule in revoked]
    left = {"UnknownIpPermissions": permissions.shown(call, unknown)} if unknown else {}
    return {"Return": True, **left, "RevokedSecurityGroupRules": told}


def _redescribe(call: Call, *, egress: bool) -> Result:
    group = _group(call)
    updates = call.params.get("SecurityGroupRuleDescriptions")
    if updates:
        old = _rules_of(group, [each.get("SecurityGroupRuleId") or "" for each in updates])
        texts = [each.get("Description") for each in updates]
        described = [
            permissions.described(old[short], text)
            for (short, text) in zip(old, texts, strict=False)
            if old[short].egress is egress
        ]
        if len(described) < len(updates):
            raise security_group_findings.GroupRulesUnknown(
                _shorts([each.get("SecurityGroupRuleId") or "" for each in updates])
            )
    else:
        asked = permissions.asked(call.params, egress, _named(call, group))
        known = {rule.meaning: rule for rule in group.rules}
        if any(rule.meaning not in known for rule in asked):
            raise security_group_findings.GroupRuleMissing
        described = [replace(known[rule.meaning], description=rule.description) for rule in asked]
    actions.check_dry_run(call)
    new = {rule.id: rule for rule in described}

    def beside(rule: GroupRule) -> GroupRule:
        if not updates and rule.meaning != new[rule.id].meaning:  # it says something else meanwhile
            raise security_group_findings.GroupRuleMissing
        return replace(rule, description=new[rule.id].description)

    _put(call, group, new, beside)
    return {"Return": True}


def _put(call: Call, group: ListedGroup, new: Collection[str], instead: Callable[[GroupRule], GroupRule]) -> Changed:
    """Put rules in the place of those of these ids."""

    def edit(rules: Sequence[GroupRule]) -> Sequence[GroupRule]:
        if missing := {*new} - {rule.id for rule in rules}:
            raise security_group_findings.GroupRulesUnknown(tuple(sorted(missing)))
        return [instead(rule) if rule.id in new else rule for rule in rules]

    return call.backend.security_groups.change(call.scope, group.id, edit)


def _group(call: Call) -> ListedGroup:
    """The group that a request is about, by its id, or by its name in the default VPC."""
    group_id: str = call.params.get("GroupId") or ""
    name: str = call.params.get("GroupName") or ""
    if not group_id and not name:
        raise AWSError("MissingParameter", "The request must contain the parameter groupName or groupId")
    if group_id and name:  # unsourced
        raise AWSError(
            "InvalidParameterCombination", "The parameter groupName cannot be used with the parameter groupId"
        )
    if name:
        return _by_name(call, name)
    actions.check_forms(actions.SECURITY_GROUP, [group_id])
    short = arns.short_of(arns.SECURITY_GROUP, group_id)
    if short is None:
        raise actions.not_found(actions.SECURITY_GROUP, [group_id])
    return call.backend.security_groups.one(call.scope, short)


def _by_name(call: Call, name: str) -> ListedGroup:
    groups = call.backend.security_groups
    for each in groups.named(call.scope, name):
        if groups.is_default_network(call.scope, each.vpc):
            return each
    raise AWSError("InvalidGroup.NotFound", f"The security group '{name}' does not exist in default VPC")  # unsourced


def _named(call: Call, group: ListedGroup) -> Callable[[str], str]:
    """How rules of a group name others: by names in its VPC."""

    def named(name: str) -> str:
        for each in call.backend.security_groups.named(call.scope, name):
            if each.vpc == group.vpc:
                return each.id
        raise AWSError("InvalidGroup.NotFound", f"The security group '{name}' does not exist")

    return named


def _rules_of(group: ListedGroup, ids: Sequence[str]) -> dict[str, GroupRule]:
    """Rules of a group by their short ids, in the order they are asked for."""
    actions.check_forms(actions.SECURITY_GROUP_RULE, ids)
    known = {_rule_id(rule): rule for rule in group.rules}
    if unknown := [each for each in ids if each not in known]:
        raise actions.not_found(actions.SECURITY_GROUP_RULE, unknown)
    return {known[each].id: known[each] for each in ids}


def _vpc(call: Call) -> str | None:
    given: str = call.params.get("VpcId") or ""
    if not given:
        return None
    actions.check_forms(actions.NETWORK, [given])
    short = arns.short_of(arns.NETWORK, given)
    if short is None:
        raise actions.not_found(actions.NETWORK, [given])
    return short


def _text(params: Mapping[str, Any], member: str, shown: str = "") -> str:
    """A name or a description: AWS takes printable ASCII of some length."""
    shown = shown or member
    text: str = params.get(member) or ""
    if not text.strip():
        raise AWSError("MissingParameter", f"The request must contain the parameter {shown}")
    if not text.isascii() or not text.isprintable():
        raise _refused(
            f"Value ({text[:64]}) for parameter {shown} is invalid. Character sets beyond ASCII are not supported."
        )
    if len(text) > _LONGEST or text != text.strip():  # unsourced
        raise _refused(
            f"Value ({text[:64]}) for parameter {shown} is invalid. It is up to {_LONGEST} characters long, without "
            "blanks around it."
        )
    return text


def _revoked(rule: GroupRule) -> dict[str, Any]:
    told: dict[str, Any] = {
        "SecurityGroupRuleId": _rule_id(rule),
        "GroupId": f"{arns.SECURITY_GROUP}-{rule.group_id}",
        "IsEgress": rule.egress,
        "IpProtocol": rule.protocol,
        "FromPort": rule.from_port,
        "ToPort": rule.to_port,
    }
    if rule.of_group:
        told["ReferencedGroupId"] = peer_of(rule)
    elif rule.of_list:
        told["PrefixListId"] = rule.peer
    else:
        told["CidrIpv6" if rule.ipv6 else "CidrIpv4"] = rule.peer
    if rule.description:
        told["Description"] = rule.description
    return told


def _rule_id(rule: GroupRule) -> str:
    return f"{arns.SECURITY_GROUP_RULE}-{rule.id}"


def _shorts(ids: Sequence[str]) -> tuple[str, ...]:
    return tuple(each.rpartition("-")[2] for each in ids)


def _refused(words: str) -> AWSError:
    return AWSError("InvalidParameterValue", words)
