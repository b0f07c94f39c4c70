"""Tags of EC2 resources: set, taken away, listed. A server's are the cloud's, all others are kept by Coppice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.drivers.compute import Server
from translators import arns
from translators.ec2 import actions, instances, tag_words
from translators.ec2.addresses import ADDRESSES
from translators.ec2.dhcp_options import DHCP_OPTIONS
from translators.ec2.images import AMIS
from translators.ec2.instance_words import tags_of
from translators.ec2.interfaces import INTERFACES
from translators.ec2.internet_gateways import INTERNET_GATEWAYS
from translators.ec2.key_pairs import PAIRS
from translators.ec2.launch_templates import TEMPLATES
from translators.ec2.nat_gateways import NAT_GATEWAYS
from translators.ec2.network_acls import NETWORK_ACLS
from translators.ec2.networks import SUBNETS, VPCS
from translators.ec2.placement_groups import GROUPS as PLACEMENT_GROUPS
from translators.ec2.prefix_lists import PREFIX_LISTS
from translators.ec2.route_tables import ROUTE_TABLES
from translators.ec2.security_groups import GROUPS as SECURITY_GROUPS
from translators.ec2.security_groups import RULES as SECURITY_GROUP_RULES
from translators.ec2.snapshots import SNAPSHOTS
from translators.ec2.volumes import VOLUMES
from translators.errors import AWSError
from translators.nouns import Asked, Noun, Tagging
from translators.registry import Call, Result, operation

_BOUNDS: Final = actions.Bounds(5, 1000, 1000)
_MOST_RESOURCES: Final = 1000


@dataclass(frozen=True, slots=True)
class _Tag:
    resource: str
    key: str
    value: str

    @property
    def kind(self) -> str:
        return tag_words.KINDS.get(self.resource.rpartition("-")[0], "")


def _tags(call: Call, _: Asked) -> Iterator[_Tag]:
    for resource, tags in call.backend.resource_tags.all(call.scope).items():
        # Tags of load balancing are told by its own service.
        yield from (tag for key, value in tags.items() if (tag := _Tag(resource, key, value)).kind)
    for server in call.backend.servers.list(call.scope):
        yield from (_Tag(arns.instance_id(server.id), key, value) for key, value in tags_of(server).items())


TAGS: Final = Noun(
    answer="Tags",
    items=_tags,
    members={
        "Key": lambda tag: tag.key,
        "ResourceId": lambda tag: tag.resource,
        "ResourceType": lambda tag: tag.kind,
        "Value": lambda tag: tag.value,
    },
    order=lambda tag: [tag.resource, tag.key],
    filters={"key": "Key", "resource-id": "ResourceId", "resource-type": "ResourceType", "value": "Value"},
    tagging=Tagging(lambda _, tags: [{tag.key: tag.value} for tag in tags], lambda _: {}),
    pages=actions.pages("", _BOUNDS),
)

actions.describes("DescribeTags", TAGS)


@operation("ec2", "CreateTags")
def create(call: Call) -> Result:
    tags = tag_words.checked(call.params["Tags"])
    servers, others = _resources(call)
    actions.check_dry_run(call)
    if others:
        call.backend.resource_tags.put(call.scope, others, tags)
    if servers:
        call.backend.servers.tag(call.scope, servers, tags)
    return {}


@operation("ec2", "DeleteTags")
def delete(call: Call) -> Result:
    tags: dict[str, str | None] | None = None
    if call.params.get("Tags"):
        tags = {tag.get("Key") or "": tag.get("Value") for tag in call.params["Tags"]}
        for key in tags:
            tag_words.check_key(key)
    servers, others = _resources(call)
    actions.check_dry_run(call)
    if others:
        call.backend.resource_tags.remove(call.scope, others, tags)
    if servers:
        call.backend.servers.untag(call.scope, servers, tags)
    return {}


def _resources(call: Call) -> tuple[list[Server], list[str]]:
    """The servers among the resources, and the ids of the others.

    Raises:
        AWSError: something does not exist, or is nothing that can be tagged.
    """
    ids = list(dict.fromkeys(call.params["Resources"]))
    if len(ids) > _MOST_RESOURCES:
        # unsourced
        raise AWSError("InvalidParameterValue", f"At most {_MOST_RESOURCES} resources can be tagged at once.")
    by_kind: dict[str, list[str]] = {}
    for each in ids:
        prefix = each.rpartition("-")[0]
        if prefix not in _TAGGED and prefix != arns.INSTANCE:
            raise AWSError("InvalidID", f"The ID '{each}' is not valid")
        by_kind.setdefault(prefix, []).append(each)
    servers = instances.servers_named(call, by_kind.pop(arns.INSTANCE, []))
    for prefix, several in by_kind.items():
        _TAGGED[prefix].of_ids(call, several)
    return servers, [each for several in by_kind.values() for each in several]


_TAGGED: Final[Mapping[str, Noun[Any]]] = {
    arns.TEMPLATE: TEMPLATES,
    arns.IMAGE: AMIS,
    arns.NETWORK: VPCS,
    arns.SUBNET: SUBNETS,
    arns.SECURITY_GROUP: SECURITY_GROUPS,
    arns.SECURITY_GROUP_RULE: SECURITY_GROUP_RULES,
    arns.KEY_PAIR: PAIRS,
    arns.PLACEMENT_GROUP: PLACEMENT_GROUPS,
    arns.VOLUME: VOLUMES,
    arns.SNAPSHOT: SNAPSHOTS,
    arns.INTERFACE: INTERFACES,
    arns.ELASTIC_ADDRESS: ADDRESSES,
    arns.NAT_GATEWAY: NAT_GATEWAYS,
    arns.INTERNET_GATEWAY: INTERNET_GATEWAYS,
    arns.ROUTE_TABLE: ROUTE_TABLES,
    arns.NETWORK_ACL: NETWORK_ACLS,
    arns.DHCP_OPTIONS: DHCP_OPTIONS,
    arns.PREFIX_LIST: PREFIX_LISTS,
}
"""Prefix of ids -> what has tags that Coppice keeps."""
