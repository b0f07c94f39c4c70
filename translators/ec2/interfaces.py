"""Network interfaces: the one that each instance has from birth, those of balancers, and those that were made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from backend.domain.addresses import ElasticAddress, MadeInterface
from backend.domain.balancers import BalancerKind, LoadBalancer
from backend.domain.ids import derived_short
from translators import arns
from translators.ec2 import actions, tag_words
from translators.ec2.instance_words import (
    INTERFACE_PATHS,
    Instance,
    addressed,
    attachment,
    instances,
    interface_of,
    made_words,
)
from translators.elbv2.ids import WORDS
from translators.errors import AWSError
from translators.filters import Filters, always, never
from translators.nouns import Asked, Members, Noun
from translators.registry import Call


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface in EC2's words.

    Attributes:
        instance: whose own it is, or that it is attached to.
        made: the one that was made by itself; None: the instance, or a balancer, has it from birth.
        words: members of the answer.
    """

    id: str
    words: dict[str, Any]
    instance: Instance | None = None
    made: MadeInterface | None = None


def _interfaces(call: Call, asked: Asked) -> Iterable[Interface]:
    ids = actions.digits_named(asked, "NetworkInterfaceIds", actions.INTERFACE)
    made = call.backend.interfaces.list(call.scope, ids)
    alone = ids is not None and len(made) == len({*ids}) and not any(each.server_id for each in made)
    found = {} if alone else _of(call)
    addresses = call.backend.addresses.list(call.scope)
    leading = {each.interface_id: each for each in addresses if each.interface_id}
    groups = {each.id: each.name for each in call.backend.security_groups.list(call.scope)} if made else {}
    for each in made:
        instance = found.get(each.server_id or "")
        words = told_alone(call, each, groups, leading.get(each.id), instance)
        yield Interface(f"{arns.INTERFACE}-{each.id}", words, instance, each)
    by_server = {each.server_id: each for each in addresses if each.server_id}
    for instance in found.values():
        own = interface_of(instance) if instance.made is None else None
        if own is not None:
            kept = by_server.get(instance.server.id)
            yield Interface(instance.interface_id, _own_words(call, instance, own, kept), instance)
    balancers = [] if alone else call.backend.balancers.all(call.scope)
    groups = {each.id: each.name for each in call.backend.catalog.security_groups(call.scope)} if balancers else {}
    for balancer in balancers:
        yield from _of_balancer(call, balancer, leading, groups)


def _of_balancer(
    call: Call, balancer: LoadBalancer, leading: Mapping[str, ElasticAddress], groups: Mapping[str, str]
) -> Iterator[Interface]:
    """One for each subnet of a balancer, though it listens in the first alone: the others are told without address.

    Source: Elastic Load Balancing User Guides, "Requester-managed network interfaces"; the provider of Terraform waits
    for them by their descriptions, users find addresses so.
    """
    kind = WORDS.get(balancer.kind)
    zone_ids = call.backend.catalog.zone_ids(call.scope, balancer.zones)
    for subnet, zone in zip(balancer.subnets, balancer.zones, strict=True):
        short = derived_short(balancer.id, subnet)
        listens = balancer.address if subnet == balancer.subnets[0] else None
        public = _association(call, leading.get(short))
        own = {"PrivateIpAddress": listens} if listens else {}
        told = {
            **public,
            **own,
            "Attachment": {
                "AttachmentId": f"{arns.INTERFACE_ATTACHMENT}-{short}",
                "DeleteOnTermination": False,
                "DeviceIndex": 1,
                "InstanceOwnerId": "amazon-aws" if balancer.kind is BalancerKind.NETWORK else "amazon-elb",
                "Status": "attached",
            },
            "AvailabilityZone": zone,
            "AvailabilityZoneId": zone_ids.get(zone),
            "Description": f"ELB {kind}/{balancer.name}/{balancer.id}" if kind else f"ELB {balancer.name}",
            "Groups": [
                {"GroupId": arns.resource_id(arns.SECURITY_GROUP, each), "GroupName": groups.get(each, "")}
                for each in balancer.security_groups
            ],
            "InterfaceType": "network_load_balancer" if balancer.kind is BalancerKind.NETWORK else "interface",
            "NetworkInterfaceId": f"{arns.INTERFACE}-{short}",
            "OwnerId": call.account_id,
            "PrivateIpAddresses": [{**public, **own, "Primary": True}] if own else [],
            "RequesterId": "amazon-elb",
            "RequesterManaged": True,
            "SourceDestCheck": balancer.kind is not BalancerKind.NETWORK,
            "Status": "in-use",
            "SubnetId": arns.subnet_id(subnet),
            "VpcId": arns.resource_id(arns.NETWORK, balancer.network_id),
        }
        yield Interface(f"{arns.INTERFACE}-{short}", told)


def _of(call: Call) -> dict[str, Instance]:
    """Instances by the cloud's ids of their servers, those that are gone apart."""
    return {each.server.id: each for each in instances(call) if not each.gone}


def _association(call: Call, address: ElasticAddress | None) -> dict[str, Any]:
    if address is None:
        return {}
    told = {
        "AllocationId": f"{arns.ELASTIC_ADDRESS}-{address.id}",
        "AssociationId": f"{arns.ELASTIC_ASSOCIATION}-{address.association_id}",
        "IpOwnerId": call.account_id,
        "PublicDnsName": call.backend.names.of_public(address.address, call.region),
        "PublicIp": address.address,
    }
    return {"Association": told}


def _own_words(call: Call, instance: Instance, own: dict[str, Any], kept: ElasticAddress | None) -> dict[str, Any]:
    """What is told of an interface that an instance has from birth."""
    public = _association(call, kept)
    if public:
        own = {**own, **public, "PrivateIpAddresses": [{**each, **public} for each in own["PrivateIpAddresses"]]}
    attached = {"InstanceId": instance.id, "InstanceOwnerId": instance.around.account}
    return {
        **own,
        "Attachment": {**own["Attachment"], **attached},
        "AvailabilityZone": instance.server.zone,
        "AvailabilityZoneId": instance.zone_id or None,
        "RequesterManaged": False,
    }


def told_alone(
    call: Call,
    made: MadeInterface,
    groups: Mapping[str, str],
    address: ElasticAddress | None = None,
    instance: Instance | None = None,
) -> dict[str, Any]:
    """What is told of one that was made; ``groups``: names by short ids."""
    managed = made.gateway_id is not None
    named = [{"GroupId": f"{arns.SECURITY_GROUP}-{each}", "GroupName": groups.get(each, "")} for each in made.groups]
    told: dict[str, Any] = {
        **made_words(made),
        **addressed(made.address, call.backend.names, call.region, _association(call, address)),
        "AvailabilityZone": made.zone,
        "AvailabilityZoneId": call.backend.catalog.zone_ids(call.scope, [made.zone]).get(made.zone),
        "Groups": named,
        "InterfaceType": "nat_gateway" if managed else "interface",
        "Ipv6Addresses": [],
        "OwnerId": call.account_id,
        "RequesterManaged": managed,
        "SourceDestCheck": made.source_dest_check and not managed,
        "Status": _status(made, instance),
    }
    held = _attachment(call, made, instance)
    return told | ({"Attachment": held} if held else {})


def _status(made: MadeInterface, instance: Instance | None) -> str:
    if made.gateway_id is not None or instance is not None:
        return "in-use"
    return "attaching" if made.launching else "available"


def _attachment(call: Call, made: MadeInterface, instance: Instance | None) -> dict[str, Any]:
    if made.gateway_id is not None:
        return {
            "AttachmentId": arns.derived_id(arns.INTERFACE_ATTACHMENT, made.id),
            "DeleteOnTermination": False,
            "DeviceIndex": 1,
            "InstanceOwnerId": "amazon-aws",
            "Status": "attached",
        }
    if instance is None:
        return {}
    return {**attachment(made), "InstanceId": instance.id, "InstanceOwnerId": call.account_id}


def _same(member: str) -> Callable[[Interface], Any]:
    return lambda each: each.words.get(member)


_MEMBERS: Final[Members[Interface]] = {
    **{
        name: _same(name)
        for name in (
            "Association",
            "Attachment",
            "AvailabilityZone",
            "AvailabilityZoneId",
            "Description",
            "Groups",
            "InterfaceType",
            "MacAddress",
            "NetworkInterfaceId",
            "OwnerId",
            "PrivateDnsName",
            "PrivateIpAddress",
            "PrivateIpAddresses",
            "RequesterId",
            "RequesterManaged",
            "SourceDestCheck",
            "Status",
            "SubnetId",
            "VpcId",
        )
    },
    "Ipv6Addresses": (),
}
_FILTERS: Final[Filters[Interface]] = {
    **INTERFACE_PATHS,
    "association.public-dns-name": "Association.PublicDnsName",
    "addresses.association.owner-id": "PrivateIpAddresses.Association.IpOwnerId",
    "attachment.instance-id": "Attachment.InstanceId",
    "attachment.instance-owner-id": "Attachment.InstanceOwnerId",
    "availability-zone": "AvailabilityZone",
    "availability-zone-id": "AvailabilityZoneId",
    "interface-type": "InterfaceType",
    "requester-managed": "RequesterManaged",
    **always(False, "operator.managed"),
    "association.allocation-id": "Association.AllocationId",
    "association.association-id": "Association.AssociationId",
    "requester-id": "RequesterId",
    **never("ipv6-addresses.ipv6-address", "operator.principal"),
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


def of_instance(call: Call, instance: str) -> Interface:
    """The interface that is meant where an instance is named.

    Raises:
        AWSError: no such instance; or it has several.

    Source: users' reports of CreateRoute, ReplaceRoute and ModifyInstanceAttribute (bobtfish/AWSnycast #28,
    hashicorp/terraform-provider-aws #684); Amazon EC2 API Reference, AssociateAddress, "InstanceId".
    """
    actions.check_forms(actions.INSTANCE, [instance])
    found: Iterable[Interface] = INTERFACES.items(call, Asked())
    of_it = [each for each in found if each.instance is not None and each.instance.id == instance]
    if len(of_it) > 1:
        raise AWSError(
            "InvalidInstanceID",
            f"There are multiple interfaces attached to instance '{instance}'. "
            "Please specify an interface ID for the operation instead.",
        )
    if not of_it:
        raise actions.not_found(actions.INSTANCE, [instance])
    return of_it[0]
