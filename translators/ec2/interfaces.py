"""Network interfaces: the one that each server has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from translators.ec2 import actions, tag_words
from translators.ec2.instance_words import Instance, instances, interface_of
from translators.filters import Filters, always, never
from translators.nouns import Asked, Members, Noun
from translators.registry import Call


@dataclass(frozen=True, slots=True)
class _Interface:
    instance: Instance
    words: dict[str, Any]

    @property
    def id(self) -> str:
        return self.instance.interface_id


def _interfaces(call: Call, _: Asked) -> Iterable[_Interface]:
    for instance in instances(call):
        words = interface_of(instance)
        if words is not None:
            yield _Interface(instance, words)


def _same(member: str) -> Callable[[_Interface], Any]:
    """What the instance's own answer says of its interface, too."""
    return lambda each: each.words.get(member)


_MEMBERS: Final[Members[_Interface]] = {
    **{
        name: _same(name)
        for name in (
            "Association",
            "Description",
            "Groups",
            "InterfaceType",
            "MacAddress",
            "NetworkInterfaceId",
            "OwnerId",
            "PrivateDnsName",
            "PrivateIpAddress",
            "PrivateIpAddresses",
            "SourceDestCheck",
            "Status",
            "SubnetId",
            "VpcId",
        )
    },
    "Attachment": lambda each: {
        **each.words["Attachment"],
        "InstanceId": each.instance.id,
        "InstanceOwnerId": each.instance.around.account,
    },
    "AvailabilityZone": lambda each: each.instance.server.zone,
    "AvailabilityZoneId": lambda each: each.instance.zone_id or None,
    "Ipv6Addresses": (),
    "RequesterManaged": False,
}
_FILTERS: Final[Filters[_Interface]] = {
    "addresses.association.owner-id": "PrivateIpAddresses.Association.IpOwnerId",
    "addresses.association.public-ip": "PrivateIpAddresses.Association.PublicIp",
    "addresses.primary": "PrivateIpAddresses.Primary",
    "addresses.private-ip-address": "PrivateIpAddresses.PrivateIpAddress",
    "association.ip-owner-id": "Association.IpOwnerId",
    "association.public-ip": "Association.PublicIp",
    "attachment.attach-time": "Attachment.AttachTime",
    "attachment.attachment-id": "Attachment.AttachmentId",
    "attachment.delete-on-termination": "Attachment.DeleteOnTermination",
    "attachment.device-index": "Attachment.DeviceIndex",
    "attachment.instance-id": "Attachment.InstanceId",
    "attachment.instance-owner-id": "Attachment.InstanceOwnerId",
    "attachment.status": "Attachment.Status",
    "availability-zone": "AvailabilityZone",
    "availability-zone-id": "AvailabilityZoneId",
    "description": "Description",
    "group-id": "Groups.GroupId",
    "group-name": "Groups.GroupName",
    "interface-type": "InterfaceType",
    "mac-address": "MacAddress",
    "network-interface-id": "NetworkInterfaceId",
    "owner-id": "OwnerId",
    "private-dns-name": "PrivateDnsName",
    "private-ip-address": "PrivateIpAddress",
    "requester-managed": "RequesterManaged",
    "source-dest-check": "SourceDestCheck",
    "status": "Status",
    "subnet-id": "SubnetId",
    "vpc-id": "VpcId",
    **always(False, "operator.managed"),
    **never(
        "association.allocation-id",
        "association.association-id",
        "association.public-dns-name",
        "ipv6-addresses.ipv6-address",
        "operator.principal",
        "requester-id",
    ),
}
INTERFACES: Final = Noun(
    answer="NetworkInterfaces",
    items=_interfaces,
    members=_MEMBERS,
    order=lambda each: each.id,
    filters=_FILTERS,
    namings=(actions.by_ids("NetworkInterfaceIds", actions.INTERFACE, lambda each: each.id),),
    tagging=tag_words.kept(lambda each: each.id, told=partial(tag_words.member, name="TagSet")),
    pages=actions.pages("NetworkInterfaceIds"),
)

actions.describes("DescribeNetworkInterfaces", INTERFACES)
