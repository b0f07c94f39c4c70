"""Network interfaces: the one that each server has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from translators import filters
from translators.ec2 import actions, tag_words
from translators.ec2.instance_words import Instance, interface_of, surroundings
from translators.filters import Fields
from translators.registry import Call, Result


@dataclass(frozen=True, slots=True)
class _Interface:
    instance: Instance
    words: Mapping[str, Any]
    tags: Mapping[str, str]

    @property
    def id(self) -> str:
        return self.instance.interface_id

    @property
    def association(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.words.get("Association") or {}
        return found


FIELDS: Final[Fields[_Interface]] = {
    **filters.never(
        "association.allocation-id",
        "association.association-id",
        "association.public-dns-name",
        "ipv6-addresses.ipv6-address",
        "operator.principal",
    ),
    "addresses.association.owner-id": lambda each: each.association.get("IpOwnerId"),
    "association.ip-owner-id": lambda each: each.association.get("IpOwnerId"),
    "operator.managed": lambda _: False,
    "addresses.association.public-ip": lambda each: each.instance.public_address,
    "addresses.primary": lambda _: True,
    "addresses.private-ip-address": lambda each: each.instance.private_address,
    "association.public-ip": lambda each: each.instance.public_address,
    "attachment.attach-time": lambda each: each.words["Attachment"]["AttachTime"],
    "attachment.attachment-id": lambda each: each.words["Attachment"]["AttachmentId"],
    "attachment.delete-on-termination": lambda _: True,
    "attachment.device-index": lambda _: 0,
    "attachment.instance-id": lambda each: each.instance.id,
    "attachment.instance-owner-id": lambda each: each.instance.around.account,
    "attachment.status": lambda _: "attached",
    "availability-zone": lambda each: each.instance.server.zone,
    "availability-zone-id": lambda each: each.instance.zone_id,
    "description": lambda _: "",
    "group-id": lambda each: [group["GroupId"] for group in each.instance.groups],
    "group-name": lambda each: [group.get("GroupName") for group in each.instance.groups],
    "interface-type": lambda _: "interface",
    "mac-address": lambda each: each.instance.server.mac_address,
    "network-interface-id": lambda each: each.id,
    "owner-id": lambda each: each.instance.around.account,
    "private-dns-name": lambda each: each.instance.private_name,
    "private-ip-address": lambda each: each.instance.private_address,
    "requester-id": lambda _: None,
    "requester-managed": lambda _: False,
    "source-dest-check": lambda _: True,
    "status": lambda _: "in-use",
    "subnet-id": lambda each: each.words.get("SubnetId"),
    "vpc-id": lambda each: each.words["VpcId"],
}


@actions.answers("DescribeNetworkInterfaces")
def describe(call: Call) -> Result:
    around = surroundings(call)
    tagged = call.backend.resource_tags.all(call.scope)
    instances = [Instance(server, around) for server in call.backend.servers.list(call.scope)]
    interfaces = [
        _Interface(instance, words, tagged.get(instance.interface_id, {}))
        for instance in instances
        if (words := interface_of(instance)) is not None
    ]
    wanted = call.params.get("NetworkInterfaceIds")
    chosen = actions.named(actions.INTERFACE, wanted, interfaces, lambda each: each.id)
    chosen.sort(key=lambda each: each.id)
    found = filters.matching(chosen, call.params.get("Filters") or (), FIELDS, lambda each: each.tags)
    items, token = actions.page(call, "NetworkInterfaceIds", found, lambda each: each.id)
    return {"NetworkInterfaces": [_shown(each) for each in items], **token}


def _shown(each: _Interface) -> dict[str, Any]:
    instance = each.instance
    told = {
        **each.words,
        "Ipv6Addresses": [],
        "Attachment": {
            **each.words["Attachment"],
            "InstanceId": instance.id,
            "InstanceOwnerId": instance.around.account,
        },
        "AvailabilityZone": instance.server.zone,
        "RequesterManaged": False,
        **tag_words.member(each.tags, "TagSet"),
    }
    if instance.zone_id:
        told["AvailabilityZoneId"] = instance.zone_id
    return told
