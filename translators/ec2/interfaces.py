"""Network interfaces: the one that each server has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from translators.ec2 import actions, tag_words
from translators.ec2.instance_words import INTERFACE_PATHS, Instance, instances, interface_of
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
    **INTERFACE_PATHS,
    "association.public-dns-name": lambda each: each.instance.public_name or None,
    "addresses.association.owner-id": "PrivateIpAddresses.Association.IpOwnerId",
    "attachment.instance-id": "Attachment.InstanceId",
    "attachment.instance-owner-id": "Attachment.InstanceOwnerId",
    "availability-zone": "AvailabilityZone",
    "availability-zone-id": "AvailabilityZoneId",
    "interface-type": "InterfaceType",
    "requester-managed": "RequesterManaged",
    **always(False, "operator.managed"),
    **never(
        "association.allocation-id",
        "association.association-id",
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
