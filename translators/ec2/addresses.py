"""Elastic addresses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from backend.domain.addresses import ElasticAddress
from backend.services.addresses import Place
from translators import arns
from translators.ec2 import actions, tag_words
from translators.ec2.instance_words import Instance, instances
from translators.ec2.interfaces import INTERFACES, Interface, of_instance
from translators.errors import AWSError
from translators.filters import Filters
from translators.nouns import Asked, Members, Noun
from translators.registry import Call, Result, operation

_POOL: Final = "amazon"


@dataclass(frozen=True, slots=True)
class _Address:
    address: ElasticAddress
    call: Call
    instance: Instance | None = None

    @property
    def id(self) -> str:
        return f"{arns.ELASTIC_ADDRESS}-{self.address.id}"

    @property
    def leads(self) -> bool:
        """Whether what it leads to is there still."""
        kept = self.address
        return kept.association_id is not None and (kept.server_id is None or self.instance is not None)

    @property
    def interface(self) -> str | None:
        if not self.leads:
            return None
        if self.address.interface_id is not None:
            return f"{arns.INTERFACE}-{self.address.interface_id}"
        return None if self.instance is None else self.instance.interface_id


def _addresses(call: Call, asked: Asked) -> Iterable[_Address]:
    ids = actions.digits_named(asked, "AllocationIds", actions.ELASTIC_ADDRESS)
    found = call.backend.addresses.list(call.scope, ids)
    led = {each.interface_id for each in found if each.interface_id}
    made = {each.id: each.server_id for each in call.backend.interfaces.list(call.scope, led)} if led else {}
    holders = {each.id: each.server_id or made.get(each.interface_id or "") for each in found}
    servers: dict[str, Instance] = {}
    if any(holders.values()):
        servers = {each.server.id: each for each in instances(call) if not each.gone}
    return [_Address(each, call, servers.get(holders[each.id] or "")) for each in found]


def _association(each: _Address) -> str | None:
    return f"{arns.ELASTIC_ASSOCIATION}-{each.address.association_id}" if each.leads else None


_MEMBERS: Final[Members[_Address]] = {
    "AllocationId": lambda each: each.id,
    "AssociationId": _association,
    "Domain": "vpc",
    "InstanceId": lambda each: each.instance.id if each.leads and each.instance else None,
    "NetworkBorderGroup": lambda each: each.call.region,
    "NetworkInterfaceId": lambda each: each.interface,
    "NetworkInterfaceOwnerId": lambda each: each.call.account_id if each.leads else None,
    "PrivateIpAddress": lambda each: each.address.private_address if each.leads else None,
    "PublicIp": lambda each: each.address.address,
    "PublicIpv4Pool": _POOL,
}
_FILTERS: Final[Filters[_Address]] = {
    "allocation-id": "AllocationId",
    "association-id": "AssociationId",
    "domain": "Domain",
    "instance-id": "InstanceId",
    "network-border-group": "NetworkBorderGroup",
    "network-interface-id": "NetworkInterfaceId",
    "network-interface-owner-id": "NetworkInterfaceOwnerId",
    "private-ip-address": "PrivateIpAddress",
    "public-ip": "PublicIp",
}
ADDRESSES: Final = Noun(
    answer="Addresses",
    items=_addresses,
    members=_MEMBERS,
    order=lambda each: each.id,
    filters=_FILTERS,
    namings=(
        actions.by_ids("AllocationIds", actions.ELASTIC_ADDRESS, lambda each: each.id),
        actions.by_names(
            "PublicIps", lambda each: each.address.address, "InvalidAddress.NotFound", "Address '{}' not found."
        ),
    ),
    tagging=tag_words.kept(lambda each: each.id),
)

actions.describes("DescribeAddresses", ADDRESSES)


@actions.reads("DescribeAddressesAttribute")
def _attributes(call: Call) -> Result:
    """Names that lead back from addresses: there are none."""
    ADDRESSES.of_ids(call, call.params.get("AllocationIds") or ())
    return {"Addresses": []}


@operation("ec2", "AllocateAddress")
def allocate(call: Call) -> Result:
    params = call.params
    if params.get("Domain") not in {None, "", "vpc"}:
        raise _refused(f"Value ({params['Domain'][:64]}) for parameter domain is invalid. Only vpc is supported.")
    if params.get("NetworkBorderGroup") not in {None, "", call.region}:
        raise _unsupported("NetworkBorderGroup other than the region")
    if params.get("PublicIpv4Pool") not in {None, "", _POOL}:
        raise _unsupported("PublicIpv4Pool")
    for member in ("Address", "CustomerOwnedIpv4Pool", "IpamPoolId"):
        if params.get(member):
            raise _unsupported(member)
    tags = tag_words.of_one(params.get("TagSpecifications"), "elastic-ip")
    actions.check_dry_run(call)
    made = call.backend.addresses.allocate(call.scope)
    allocation = f"{arns.ELASTIC_ADDRESS}-{made.id}"
    call.backend.resource_tags.put(call.scope, [allocation], tags)
    return {
        "AllocationId": allocation,
        "Domain": "vpc",
        "NetworkBorderGroup": call.region,
        "PublicIp": made.address,
        "PublicIpv4Pool": _POOL,
    }


@operation("ec2", "ReleaseAddress")
def release(call: Call) -> Result:
    found = _named(call)
    actions.check_dry_run(call)
    if found.address.association_id is not None and not found.leads:
        call.backend.addresses.disassociate(call.scope, found.address.association_id)
    call.backend.addresses.release(call.scope, found.address.id)
    call.backend.resource_tags.remove(call.scope, [found.id], None)
    return {}


@operation("ec2", "AssociateAddress")
def associate(call: Call) -> Result:
    found, place = _named(call), _place(call)
    actions.check_dry_run(call)
    again = call.params.get("AllowReassociation") is not False or not found.leads
    made = call.backend.addresses.associate(call.scope, found.address.id, place, again=again)
    return {"AssociationId": f"{arns.ELASTIC_ASSOCIATION}-{made}"}


@operation("ec2", "DisassociateAddress")
def disassociate(call: Call) -> Result:
    association: str = call.params.get("AssociationId") or ""
    if association:
        digits = actions.digits_of(actions.ELASTIC_ASSOCIATION, association)
    else:
        digits = _named(call).address.association_id or ""
        if not digits:
            return {}
    actions.check_dry_run(call)
    call.backend.addresses.disassociate(call.scope, digits)
    return {}


def _named(call: Call) -> _Address:
    """The address that a request is about."""
    allocation: str = call.params.get("AllocationId") or ""
    public: str = call.params.get("PublicIp") or ""
    if allocation:
        return ADDRESSES.of_ids(call, [allocation])[0]
    if public:
        return ADDRESSES.chosen(call, {"PublicIps": [public]})[0]
    raise AWSError("MissingParameter", "Either public IP or allocation id must be specified")  # unsourced


def _place(call: Call) -> Place:
    """Where an address is to lead to: an instance's own interface, or one that was made."""
    instance: str = call.params.get("InstanceId") or ""
    interface: str = call.params.get("NetworkInterfaceId") or ""
    if not instance and not interface:
        raise AWSError("MissingParameter", "Either instance ID or network interface id must be specified")  # unsourced
    if interface:
        found = INTERFACES.of_ids(call, [interface])[0]
        wanted = call.params.get("PrivateIpAddress") or found.words["PrivateIpAddress"]
        if wanted != found.words["PrivateIpAddress"]:
            raise _refused(f"{wanted} is not an address of {interface}.")
        return _to(found)
    return _to(of_instance(call, instance))


def _to(found: Interface) -> Place:
    if found.made is not None:
        return Place(found.made.address, interface_id=found.made.id, interface_cloud_id=found.made.cloud_id)
    assert found.instance is not None
    return Place(found.words["PrivateIpAddress"], server_id=found.instance.server.id)


def _refused(words: str) -> AWSError:
    return AWSError("InvalidParameterValue", words)


def _unsupported(what: str) -> AWSError:
    return AWSError("UnsupportedOperation", f"The parameter {what} is not supported: the cloud chooses addresses.")
