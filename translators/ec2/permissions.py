"""Rules of security groups between EC2's permissions and the engine's rules.

Source: Amazon EC2 API Reference, "IpPermission" and "SecurityGroupRuleRequest"; words of refusals as they are marked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from backend.domain.prefix_lists import peer_of
from backend.domain.security_groups import EVERYTHING, NO_PORT, GroupRule
from translators import arns
from translators.ec2 import actions, blocks
from translators.errors import AWSError
from translators.registry import Call

Named = Callable[[str], str]
"""The short id of a group by its name; raises AWSError where there is none."""

_PROTOCOLS: Final = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
_NAMES: Final = frozenset(_PROTOCOLS.values())
_PORTED: Final = frozenset({"tcp", "udp"})
_ICMP: Final = frozenset({"icmp", "icmpv6"})
_LAST_PORT: Final = 65535
_LAST_CODE: Final = 255
_DESCRIPTION: Final = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")
_MOST: Final = 1000
"""Rules in one request: more than any group may have."""
_LISTS: Final = {
    "IpRanges": "CidrIp",
    "Ipv6Ranges": "CidrIpv6",
    "PrefixListIds": "PrefixListId",
    "UserIdGroupPairs": "GroupId",
}
_FLAT: Final = ("IpProtocol", "FromPort", "ToPort", "CidrIp", "SourceSecurityGroupName")


def asked(params: Mapping[str, Any], egress: bool, named: Named) -> list[GroupRule]:
    """The rules that a request names, without ids.

    Raises:
        AWSError: none are given, one cannot be, or one is there twice.
    """
    permissions = params.get("IpPermissions") or _flat(params)
    found = [rule for each in permissions for rule in _rules(each, egress, named)]
    if not found:
        raise AWSError("MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.")
    if len(found) > _MOST or len({rule.meaning for rule in found}) < len(found):
        raise _refused("The same permission must not appear multiple times")
    return found


def modified(request: Mapping[str, Any], old: GroupRule) -> GroupRule:
    """A rule as ModifySecurityGroupRules wants it to be; its id and direction stay.

    Source of the words: moto, tests verified against AWS (conformance/recorded).
    """
    sources = {
        name: request[name]
        for name in ("CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId")
        if request.get(name)
    }
    told = "cidrIp, cidrIpv6, prefixListId, or referencedGroupId"
    protocol, ports = _protocol(request.get("IpProtocol")), _ports(request)
    if not sources:
        raise AWSError("MissingParameter", f"The request must contain exactly one of: {told}")
    if len(sources) > 1:
        raise AWSError("InvalidParameterCombination", f"Only one of {told} can be specified")
    (name, value), *_ = sources.items()
    peer = _peer(name, value)
    return GroupRule(old.id, old.group_id, old.egress, protocol, *ports, peer, _description(request))


def described(rule: GroupRule, text: str | None) -> GroupRule:
    """A rule with another description, or with none."""
    return replace(rule, description=_description({"Description": text}))


_NO_PEERS: Final[Mapping[str, Any]] = dict.fromkeys(("UserIdGroupPairs", "IpRanges", "Ipv6Ranges", "PrefixListIds"), ())
"""The lists of a permission, all empty: thousands of them are told at once, and most have but one that is not."""


def shown(call: Call, rules: Iterable[GroupRule]) -> list[dict[str, Any]]:
    """Rules of one direction in EC2's form: those of one protocol and range of ports together."""
    found: dict[tuple[str, int, int], dict[str, Any]] = {}
    account = call.account_id
    for rule in rules:
        key = rule.protocol, rule.from_port, rule.to_port
        permission = found.get(key)
        if permission is None:
            # Source: hashicorp/terraform#10143: AWS keeps no ports of other protocols, and tells none of them here.
            ports = {"FromPort": rule.from_port, "ToPort": rule.to_port} if rule.protocol in _NAMES else {}
            permission = found[key] = {"IpProtocol": rule.protocol, **ports, **_NO_PEERS}
        if rule.of_group:
            member, peer = "UserIdGroupPairs", {"GroupId": f"{arns.SECURITY_GROUP}-{rule.peer}", "UserId": account}
        elif rule.of_list:
            member, peer = "PrefixListIds", {"PrefixListId": rule.peer}
        elif rule.ipv6:
            member, peer = "Ipv6Ranges", {"CidrIpv6": rule.peer}
        else:
            member, peer = "IpRanges", {"CidrIp": rule.peer}
        if rule.description:
            peer["Description"] = rule.description
        if permission[member]:
            permission[member].append(peer)
        else:
            permission[member] = [peer]
    return list(found.values())


def _flat(params: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A rule that is given by members of the request itself."""
    if not any(params.get(name) is not None for name in _FLAT):
        return ()
    permission: dict[str, Any] = {name: params[name] for name in _FLAT[:3] if params.get(name) is not None}
    if params.get("CidrIp"):
        permission["IpRanges"] = [{"CidrIp": params["CidrIp"]}]
    if name := params.get("SourceSecurityGroupName"):
        permission["UserIdGroupPairs"] = [{"GroupName": name}]
        permission.setdefault("IpProtocol", EVERYTHING)
    return [permission]


def _rules(permission: Mapping[str, Any], egress: bool, named: Named) -> Iterator[GroupRule]:
    protocol, ports = _protocol(permission.get("IpProtocol")), _ports(permission)
    for member, name in _LISTS.items():
        for each in permission.get(member) or ():
            if member == "UserIdGroupPairs" and not each.get("GroupId") and each.get("GroupName"):
                peer = named(each["GroupName"])
            else:
                peer = _peer(name, each.get(name) or "")
            yield GroupRule("", "", egress, protocol, *ports, peer, _description(each))


def _protocol(given: str | None) -> str:
    if given is None or not given.strip():
        raise _refused("Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.")
    name = _PROTOCOLS.get(given.strip().lower(), given.strip().lower())
    number = name.isascii() and name.isdecimal() and len(name) <= 3 and int(name) <= _LAST_CODE
    if name not in _NAMES and name != EVERYTHING and not number:
        raise _refused(f"Invalid value '{given[:64]}' for IP protocol. Unknown protocol.")  # unsourced
    return _PROTOCOLS.get(str(int(name)), str(int(name))) if number else name


def _ports(given: Mapping[str, Any]) -> tuple[int, int]:
    """Both ports, or a type and a code of ICMP; of protocols that have none, none."""
    protocol = _protocol(given.get("IpProtocol"))
    first, last = given.get("FromPort"), given.get("ToPort")
    if protocol in _PORTED:
        if first is None or last is None:
            raise _refused("Invalid value for portRange. Must specify both from and to ports with TCP/UDP.")
        if not 0 <= first <= last <= _LAST_PORT:
            raise _refused(f"Invalid TCP/UDP port range ({first}:{last})")  # unsourced
        return first, last
    if protocol not in _ICMP:
        return NO_PORT, NO_PORT
    first, last = NO_PORT if first is None else first, NO_PORT if last is None else last
    if not (NO_PORT <= first <= _LAST_CODE and NO_PORT <= last <= _LAST_CODE) or (first == NO_PORT and last != NO_PORT):
        raise _refused(f"Invalid value for ICMP type or code ({first}:{last})")  # unsourced
    return first, last


def _peer(member: str, value: str) -> str:
    """A block of addresses in its canonical form, which host bits are no part of, a group's short id, or a list."""
    if member in {"GroupId", "ReferencedGroupId"}:
        actions.check_forms(actions.SECURITY_GROUP, [value])
        short = arns.short_of(arns.SECURITY_GROUP, value)
        if short is None:
            raise actions.not_found(actions.SECURITY_GROUP, [value])
        return short
    if member == "PrefixListId":
        return peer_of(actions.digits_of(actions.PREFIX_LIST, value))
    block = blocks.canonical(value)
    if block is None or (":" in block) is not member.endswith("v6"):
        raise _refused(f"CIDR block {value[:64]} is malformed")
    return block


def _description(given: Mapping[str, Any]) -> str | None:
    text: str = given.get("Description") or ""
    if not _DESCRIPTION.fullmatch(text):
        # Source: hashicorp/terraform-provider-aws, issues about rule descriptions.
        raise _refused(
            "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:"
            "  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
        )
    return text or None


def _refused(words: str) -> AWSError:
    return AWSError("InvalidParameterValue", words)
