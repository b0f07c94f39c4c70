"""Tags of EC2 resources: set, taken away, listed. A server's are the cloud's, all others are kept by Coppice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.drivers.compute import Server
from translators import arns, filters
from translators.ec2 import actions, instances, tag_words
from translators.ec2.instance_words import Instance, surroundings
from translators.ec2.key_pairs import key_id
from translators.ec2.launch_templates import reference_of
from translators.errors import AWSError
from translators.filters import Fields
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


FIELDS: Final[Fields[_Tag]] = {
    "key": lambda tag: tag.key,
    "resource-id": lambda tag: tag.resource,
    "resource-type": lambda tag: tag.kind,
    "value": lambda tag: tag.value,
}


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


@actions.answers("DescribeTags")
def describe(call: Call) -> Result:
    found = [
        _Tag(resource, key, value)
        for resource, tags in call.backend.resource_tags.all(call.scope).items()
        for key, value in tags.items()
    ]
    found += [
        _Tag(arns.instance_id(server.id), key, value)
        for server in call.backend.servers.list(call.scope)
        for key, value in server.tags.items()
    ]
    found.sort(key=_order)
    wanted = filters.matching(found, call.params.get("Filters") or (), FIELDS, lambda tag: {tag.key: tag.value})
    items, token = actions.page(call, "", wanted, _order, _BOUNDS)
    told = [{"Key": t.key, "ResourceId": t.resource, "ResourceType": t.kind, "Value": t.value} for t in items]
    return {"Tags": told, **token}


def _order(tag: _Tag) -> list[str]:
    return [tag.resource, tag.key]


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
        if prefix not in _PRESENT and prefix != arns.INSTANCE:
            raise AWSError("InvalidID", f"The ID '{each}' is not valid")
        by_kind.setdefault(prefix, []).append(each)
    servers = instances.chosen(call, by_kind.pop(arns.INSTANCE)) if arns.INSTANCE in by_kind else []
    for prefix, several in by_kind.items():
        kind, present = _PRESENT[prefix]
        actions.named(kind, several, present(call, several), str)
    return servers, [each for several in by_kind.values() for each in several]


def _ids(prefix: str, things: Iterable[Any]) -> list[str]:
    return [arns.resource_id(prefix, thing.id) for thing in things]


def _templates(call: Call, ids: Sequence[str]) -> list[str]:
    return [
        arns.template_id(call.backend.templates.find(call.scope, reference_of({"LaunchTemplateId": each})).id)
        for each in ids
    ]


def _volumes(call: Call, _: Sequence[str]) -> list[str]:
    return [volume for instance in _instances(call) for _, volume, _ in instance.disks()]


def _interfaces(call: Call, _: Sequence[str]) -> list[str]:
    return [instance.interface_id for instance in _instances(call)]


def _instances(call: Call) -> list[Instance]:
    around = surroundings(call)
    return [Instance(server, around) for server in call.backend.servers.list(call.scope)]


_Present = Callable[[Call, Sequence[str]], list[str]]
_PRESENT: Final[Mapping[str, tuple[actions.Kind, _Present]]] = {
    arns.TEMPLATE: (actions.TEMPLATE, _templates),
    arns.IMAGE: (actions.IMAGE, lambda call, _: _ids(arns.IMAGE, call.backend.catalog.images(call.scope))),
    arns.NETWORK: (actions.NETWORK, lambda call, _: _ids(arns.NETWORK, call.backend.catalog.networks(call.scope))),
    arns.SUBNET: (actions.SUBNET, lambda call, _: _ids(arns.SUBNET, call.backend.catalog.subnets(call.scope))),
    arns.SECURITY_GROUP: (
        actions.SECURITY_GROUP,
        lambda call, _: _ids(arns.SECURITY_GROUP, call.backend.catalog.security_groups(call.scope)),
    ),
    arns.KEY_PAIR: (
        actions.KEY_PAIR,
        lambda call, _: [key_id(pair) for pair in call.backend.catalog.key_pairs(call.scope)],
    ),
    arns.PLACEMENT_GROUP: (
        actions.PLACEMENT_GROUP,
        lambda call, _: _ids(arns.PLACEMENT_GROUP, call.backend.server_groups.list(call.scope)),
    ),
    arns.VOLUME: (actions.VOLUME, _volumes),
    arns.INTERFACE: (actions.INTERFACE, _interfaces),
}
