"""Network ACLs: lists that let everything pass, for no cloud of ours keeps anything out by them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from backend.domain.networks import EVERYWHERE, LAST_RULE
from backend.services.network_reader import SeenAcl
from translators import arns
from translators.ec2 import actions, blocks, tag_words
from translators.ec2.networks import subnet_id, vpc_id
from translators.errors import AWSError
from translators.filters import never
from translators.nouns import Asked, Noun, Words
from translators.registry import Call, Result, operation

_LAST: Final = tuple(
    {"RuleNumber": LAST_RULE, "Protocol": "-1", "RuleAction": "deny", "Egress": egress, "CidrBlock": EVERYWHERE}
    for egress in (True, False)
)
_PROTOCOLS: Final = {"all": "-1", "tcp": "6", "udp": "17", "icmp": "1"}
_MOST: Final = 32766
_PORTED: Final = {"6", "17"}


@dataclass(frozen=True, slots=True)
class _Acl:
    seen: SeenAcl
    call: Call

    @property
    def id(self) -> str:
        return f"{arns.NETWORK_ACL}-{self.seen.id}"


def _acls(call: Call, asked: Asked) -> Iterable[_Acl]:
    ids = actions.digits_named(asked, "NetworkAclIds", actions.NETWORK_ACL)
    return (_Acl(each, call) for each in call.backend.networks.seen.acls(call.scope, ids, fresh=asked.fresh))


def _associations(each: _Acl) -> list[Words]:
    return [
        {
            "NetworkAclAssociationId": f"{arns.ACL_ASSOCIATION}-{one.id}",
            "NetworkAclId": each.id,
            "SubnetId": subnet_id(one.subnet_id),
        }
        for one in each.seen.associations
    ]


def _entries(each: _Acl) -> list[Words]:
    entries = [dict(entry) for entry in (*each.seen.acl.entries, *_LAST)]
    return sorted(entries, key=lambda entry: (not entry["Egress"], entry["RuleNumber"]))


NETWORK_ACLS: Final = Noun(
    answer="NetworkAcls",
    items=_acls,
    members={
        "NetworkAclId": lambda each: each.id,
        "VpcId": lambda each: vpc_id(each.seen.acl.vpc_id),
        "OwnerId": lambda each: each.call.account_id,
        "IsDefault": lambda each: each.seen.acl.is_default,
        "Associations": _associations,
        "Entries": _entries,
    },
    order=lambda each: each.id,
    filters={
        "association.association-id": "Associations.NetworkAclAssociationId",
        "association.network-acl-id": "Associations.NetworkAclId",
        "association.subnet-id": "Associations.SubnetId",
        "default": "IsDefault",
        "entry.cidr": "Entries.CidrBlock",
        "entry.egress": "Entries.Egress",
        "entry.icmp.code": "Entries.IcmpTypeCode.Code",
        "entry.icmp.type": "Entries.IcmpTypeCode.Type",
        "entry.port-range.from": "Entries.PortRange.From",
        "entry.port-range.to": "Entries.PortRange.To",
        "entry.protocol": "Entries.Protocol",
        "entry.rule-action": "Entries.RuleAction",
        "entry.rule-number": "Entries.RuleNumber",
        "network-acl-id": "NetworkAclId",
        "owner-id": "OwnerId",
        "vpc-id": "VpcId",
        **never("entry.ipv6-cidr"),
    },
    namings=(actions.by_ids("NetworkAclIds", actions.NETWORK_ACL, lambda each: each.id),),
    tagging=tag_words.kept(lambda each: each.id, told=tag_words.whole),
    aging=True,
    pages=actions.pages("NetworkAclIds"),
)

actions.describes("DescribeNetworkAcls", NETWORK_ACLS)


@operation("ec2", "CreateNetworkAcl")
def create(call: Call) -> Result:
    vpc = actions.digits_of(actions.NETWORK, call.params["VpcId"])
    tags = tag_words.of_one(call.params.get("TagSpecifications"), "network-acl")
    token = actions.client_token(call)
    actions.check_dry_run(call)
    made = _Acl(SeenAcl(call.backend.network_acls.create(call.scope, vpc, token)), call)
    call.backend.resource_tags.put(call.scope, [made.id], tags)
    told = NETWORK_ACLS.view(made) | tag_words.whole(tags)
    return {"NetworkAcl": told, "ClientToken": token.value if token else str(uuid4())}


@operation("ec2", "DeleteNetworkAcl")
def delete(call: Call) -> Result:
    acl = _acl(call)
    call.backend.network_acls.delete(call.scope, acl)
    call.backend.resource_tags.remove(call.scope, [call.params["NetworkAclId"]], None)
    return {}


@operation("ec2", "CreateNetworkAclEntry")
def create_entry(call: Call) -> Result:
    entry = _entry(call.params)
    call.backend.network_acls.put_entry(call.scope, _acl(call), entry, replacing=False)
    return {}


@operation("ec2", "ReplaceNetworkAclEntry")
def replace_entry(call: Call) -> Result:
    entry = _entry(call.params)
    call.backend.network_acls.put_entry(call.scope, _acl(call), entry, replacing=True)
    return {}


@operation("ec2", "DeleteNetworkAclEntry")
def delete_entry(call: Call) -> Result:
    number = _number(call.params)
    call.backend.network_acls.delete_entry(call.scope, _acl(call), number, egress=bool(call.params["Egress"]))
    return {}


@operation("ec2", "ReplaceNetworkAclAssociation")
def replace_association(call: Call) -> Result:
    digits = actions.digits_of(actions.ACL_ASSOCIATION, call.params["AssociationId"])
    made = call.backend.network_acls.replace_association(call.scope, digits, _acl(call))
    return {"NewAssociationId": f"{arns.ACL_ASSOCIATION}-{made}"}


def _acl(call: Call) -> str:
    """The digits of the list that is named; a dry run ends here."""
    digits = actions.digits_of(actions.NETWORK_ACL, call.params["NetworkAclId"])
    if call.params.get("DryRun"):
        NETWORK_ACLS.of_ids(call, [call.params["NetworkAclId"]])
        actions.check_dry_run(call)
    return digits


def _number(params: Mapping[str, Any]) -> int:
    number: int = params["RuleNumber"]
    if not 1 <= number <= _MOST:
        raise AWSError(  # unsourced
            "InvalidParameterValue", f"Value ({number}) for parameter ruleNumber is invalid. It must be 1 to {_MOST}."
        )
    return number


def _entry(params: Mapping[str, Any]) -> Words:
    """An entry in AWS's members, as it is told again.

    Raises:
        AWSError
    """
    if params.get("Ipv6CidrBlock"):
        raise AWSError("UnsupportedOperation", "The parameter Ipv6CidrBlock is not supported: networks are IPv4 alone.")
    protocol = _PROTOCOLS.get(params["Protocol"].lower(), params["Protocol"])
    if protocol != "-1" and not (protocol.isdecimal() and len(protocol) <= 3 and int(protocol) <= 255):
        raise AWSError(
            "InvalidParameterValue", f"Invalid value '{params['Protocol'][:20]}' for IP protocol."
        )  # unsourced
    entry: Words = {
        "RuleNumber": _number(params),
        "Protocol": protocol,
        "RuleAction": params["RuleAction"],
        "Egress": bool(params["Egress"]),
        "CidrBlock": _cidr(params.get("CidrBlock") or ""),
    }
    ports, kind = params.get("PortRange") or {}, params.get("IcmpTypeCode") or {}
    if protocol in _PORTED:
        if "From" not in ports or "To" not in ports:
            raise AWSError("MissingParameter", "The request must contain the parameter portRange")  # unsourced
        entry["PortRange"] = {"From": ports["From"], "To": ports["To"]}
    if protocol == "1":
        entry["IcmpTypeCode"] = {"Code": kind.get("Code", -1), "Type": kind.get("Type", -1)}
    return entry


def _cidr(text: str) -> str:
    if not text:
        raise AWSError("MissingParameter", "The request must contain the parameter cidrBlock")  # unsourced
    return blocks.of_ipv4(text, "cidrBlock")
