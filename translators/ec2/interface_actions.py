"""Network interfaces made, attached, changed and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain.address_findings import IndexTaken, InterfaceManaged
from translators import arns
from translators.ec2 import actions, tag_words
from translators.ec2.instances import servers_named
from translators.ec2.interfaces import INTERFACES, Interface, told_alone
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_LONGEST: Final = 255
_INDEXES: Final = range(16)
_WITHOUT: Final = (
    "Ipv4PrefixCount",
    "Ipv4Prefixes",
    "Ipv6AddressCount",
    "Ipv6Addresses",
    "Ipv6PrefixCount",
    "Ipv6Prefixes",
    "SecondaryPrivateIpAddressCount",
)


@operation("ec2", "CreateNetworkInterface")
def create(call: Call) -> Result:
    params = call.params
    for member in _WITHOUT:
        if params.get(member):
            raise _unsupported(member)
    if params.get("InterfaceType") not in {None, "", "interface"}:
        raise _unsupported(f"type {params['InterfaceType'][:64]}")
    subnet = actions.digits_of(actions.SUBNET, params["SubnetId"])
    groups = [actions.digits_of(actions.SECURITY_GROUP, each) for each in params.get("Groups") or ()]
    address, description = _address(params), _description(params.get("Description") or "")
    tags = tag_words.of_one(params.get("TagSpecifications"), "network-interface")
    token = actions.client_token(call, 64)
    actions.check_dry_run(call)
    made = call.backend.interfaces.create(call.scope, subnet, address, groups, description, token=token)
    identity = f"{arns.INTERFACE}-{made.id}"
    call.backend.resource_tags.put(call.scope, [identity], tags)
    told = {**told_alone(call, made, _names(call)), "Status": "pending", "TagSet": tag_words.shown(tags)}
    return {"NetworkInterface": told, **({"ClientToken": token.value} if token else {})}


@operation("ec2", "DeleteNetworkInterface")
def delete(call: Call) -> Result:
    found = _made(call)
    actions.check_dry_run(call)
    if found.made is None or found.made.launching:
        raise AWSError("InvalidParameterValue", f"Network interface '{found.id}' is currently in use.")
    if found.made.server_id is not None and found.instance is None:
        call.backend.interfaces.detach(call.scope, found.made.attachment_id or "", gone=True)
    if found.made.gateway_id is None and found.instance is None:
        call.backend.addresses.part(call.scope, found.made.id)
    call.backend.interfaces.delete(call.scope, found.made.id)
    call.backend.resource_tags.remove(call.scope, [found.id], None)
    return {}


@operation("ec2", "AttachNetworkInterface")
def attach(call: Call) -> Result:
    index: int = call.params["DeviceIndex"]
    if index not in _INDEXES:  # unsourced
        raise AWSError("InvalidParameterValue", f"Value ({index}) for parameter deviceIndex is invalid.")
    found = _made(call)
    (server,) = servers_named(call, [call.params["InstanceId"]])
    actions.check_dry_run(call)
    if found.made is None:
        raise AWSError("InvalidParameterValue", f"Network interface '{found.id}' is currently in use.")
    if found.made.zone != server.zone:
        raise AWSError(  # unsourced
            "InvalidParameterCombination", "You may not attach a network interface to an instance in another zone."
        )
    if index == 0:  # the one from birth is in no row
        raise IndexTaken(server.id, index)
    made = call.backend.interfaces.attach(call.scope, found.made.id, server.id, index)
    return {"AttachmentId": f"{arns.INTERFACE_ATTACHMENT}-{made}", "NetworkCardIndex": 0}


@operation("ec2", "DetachNetworkInterface")
def detach(call: Call) -> Result:
    given: str = call.params["AttachmentId"]
    digits = actions.digits_of(actions.INTERFACE_ATTACHMENT, given)
    actions.check_dry_run(call)
    for each in INTERFACES.chosen(call, {}):
        held = each.words.get("Attachment") or {}
        if held.get("AttachmentId") != given:
            continue
        if each.instance is None and each.made is None:
            raise AWSError("OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments.")
        if each.instance is not None and held["DeviceIndex"] == 0:
            raise AWSError("OperationNotPermitted", "The network interface at device index 0 cannot be detached.")
    call.backend.interfaces.detach(call.scope, digits)
    return {}


@operation("ec2", "ModifyNetworkInterfaceAttribute")
def modify(call: Call) -> Result:
    params, found = call.params, _made(call)
    if found.made is None:
        return _change_own(call, found)
    groups = [actions.digits_of(actions.SECURITY_GROUP, each) for each in params.get("Groups") or ()]
    description = params.get("Description")
    text = None if description is None else _description(description.get("Value") or "")
    actions.check_dry_run(call)
    backend, made = call.backend.interfaces, found.made
    if groups:
        backend.set_groups(call.scope, made.id, groups)
    if text is not None:
        backend.set_description(call.scope, made.id, text)
    if params.get("SourceDestCheck") is not None:
        backend.set_check(call.scope, made.id, check=bool(params["SourceDestCheck"].get("Value")))
    attachment = params.get("Attachment") or {}
    if attachment.get("DeleteOnTermination") is not None:
        digits = actions.digits_of(actions.INTERFACE_ATTACHMENT, attachment.get("AttachmentId") or "")
        backend.set_end(call.scope, made.id, digits, with_server=bool(attachment["DeleteOnTermination"]))
    return {}


@operation("ec2", "DescribeNetworkInterfaceAttribute")
def attribute(call: Call) -> Result:
    found = _made(call)
    words = found.words
    told: dict[str, Any] = {
        "description": {"Description": {"Value": words.get("Description", "")}},
        "groupSet": {"Groups": words.get("Groups", [])},
        "sourceDestCheck": {"SourceDestCheck": {"Value": words.get("SourceDestCheck", True)}},
        "attachment": {"Attachment": words["Attachment"]} if words.get("Attachment") else {},
        "associatePublicIpAddress": {"AssociatePublicIpAddress": "Association" in words},
    }
    wanted: str = call.params.get("Attribute") or ""
    if wanted not in told:
        raise AWSError("InvalidParameterValue", f"Invalid value for attribute: {wanted[:64]}")  # unsourced
    actions.check_dry_run(call)
    return {"NetworkInterfaceId": found.id, **told[wanted]}


def _change_own(call: Call, found: Interface) -> Result:
    """Change the interface that an instance has from birth, which is to change the instance; Terraform does it so."""
    params, instance = call.params, found.instance
    attachment = params.get("Attachment") or {}
    if instance is None:
        raise InterfaceManaged(found.id)
    if params.get("Description") is not None or attachment.get("DeleteOnTermination") is False:
        raise _unsupported("description, and no life, of their own where they are an instance's")
    groups = [actions.digits_of(actions.SECURITY_GROUP, each) for each in params.get("Groups") or ()]
    check = (params.get("SourceDestCheck") or {}).get("Value")
    actions.check_dry_run(call)
    changes = call.backend.server_changes
    if groups:
        changes.regroup(call.scope, instance.server, groups)
    if check is not None:
        changes.set(call.scope, instance.server, source_check=bool(check))
    return {}


def _made(call: Call) -> Interface:
    found: Interface = INTERFACES.of_ids(call, [call.params["NetworkInterfaceId"]])[0]
    return found


def _names(call: Call) -> Mapping[str, str]:
    return {each.id: each.name for each in call.backend.security_groups.list(call.scope)}


def _address(params: Mapping[str, Any]) -> str | None:
    """The one address that it is to have."""
    several: Sequence[Mapping[str, Any]] = params.get("PrivateIpAddresses") or ()
    given = [each.get("PrivateIpAddress") for each in several] or [params.get("PrivateIpAddress") or None]
    if len(given) > 1:
        raise _unsupported("secondary private addresses")
    return given[0]


def _description(text: str) -> str:
    if len(text) > _LONGEST:  # unsourced
        raise AWSError("InvalidParameterValue", f"A description is up to {_LONGEST} characters long.")
    return text


def _unsupported(what: str) -> AWSError:
    return AWSError("UnsupportedOperation", f"Network interfaces have no {what} here.")
