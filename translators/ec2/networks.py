"""VPCs and subnets: those that projects make, and the cloud's other networks as if they were some."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.networks import Progress, room_of
from backend.services.network_reader import SeenSubnet, SeenVpc, regions_own
from translators import arns
from translators.ec2 import actions, blocks, tag_words
from translators.errors import AWSError
from translators.filters import Filters, never
from translators.nouns import Asked, Members, Noun
from translators.registry import Call, Result, operation


@dataclass(frozen=True, slots=True)
class _Vpc:
    seen: SeenVpc
    call: Call

    @property
    def id(self) -> str:
        return vpc_id(self.seen.id)


@dataclass(frozen=True, slots=True)
class _Subnet:
    seen: SeenSubnet
    call: Call
    zone_id: str

    @property
    def id(self) -> str:
        return subnet_id(self.seen.id)


def vpc_id(digits: str) -> str:
    return f"{arns.NETWORK}-{digits}"


def subnet_id(digits: str) -> str:
    return f"{arns.SUBNET}-{digits}"


def _vpcs(call: Call, asked: Asked) -> Iterable[_Vpc]:
    ids = actions.digits_named(asked, "VpcIds", actions.NETWORK)
    return (_Vpc(each, call) for each in call.backend.networks.seen.vpcs(call.scope, ids, fresh=asked.fresh))


def _subnets(call: Call, asked: Asked) -> Iterable[_Subnet]:
    ids = actions.digits_named(asked, "SubnetIds", actions.SUBNET)
    subnets = call.backend.networks.seen.subnets(call.scope, ids, fresh=asked.fresh)
    zone_ids = call.backend.catalog.zone_ids(call.scope, {each.subnet.zone for each in subnets})
    return (_Subnet(each, call, zone_ids.get(each.subnet.zone, "")) for each in subnets)


def _name(seen: SeenVpc | SeenSubnet) -> str:
    # AWS's own default network and subnets have no name.
    return "" if seen.default else seen.name


def _association(digits: str, cidr: str, state: str = "associated") -> dict[str, Any]:
    association = f"{arns.ADDRESS_ASSOCIATION}-{digits}"
    return {"AssociationId": association, "CidrBlock": cidr, "CidrBlockState": {"State": state}}


def _dhcp_options(vpc: _Vpc) -> str:
    digits = vpc.seen.vpc.dhcp_options_id or regions_own(vpc.call.scope).id
    return f"{arns.DHCP_OPTIONS}-{digits}"


_VPC: Final[Members[_Vpc]] = {
    "VpcId": lambda vpc: vpc.id,
    "OwnerId": lambda vpc: vpc.call.account_id,
    "InstanceTenancy": "default",
    "Ipv6CidrBlockAssociationSet": (),
    "CidrBlockAssociationSet": lambda vpc: [
        _association(digits, cidr) for digits, cidr in vpc.seen.vpc.associations.items()
    ],
    "IsDefault": lambda vpc: vpc.seen.default,
    "State": lambda vpc: vpc.seen.vpc.state.value,
    "CidrBlock": lambda vpc: vpc.seen.vpc.cidr,
    "DhcpOptionsId": _dhcp_options,
    "BlockPublicAccessStates": {"InternetGatewayBlockMode": "off"},
}
_VPC_FILTERS: Final[Filters[_Vpc]] = {
    "cidr": "CidrBlock",
    "cidr-block": "CidrBlock",
    "cidr-block-association.association-id": "CidrBlockAssociationSet.AssociationId",
    "cidr-block-association.cidr-block": "CidrBlockAssociationSet.CidrBlock",
    "cidr-block-association.state": "CidrBlockAssociationSet.CidrBlockState.State",
    "cidrBlock": "CidrBlock",
    "dhcp-options-id": "DhcpOptionsId",
    "dhcpOptionsId": "DhcpOptionsId",
    "is-default": "IsDefault",
    "isDefault": "IsDefault",
    "owner-id": "OwnerId",
    "state": "State",
    "vpc-id": "VpcId",
    **never(
        "ipv6-cidr-block-association.association-id",
        "ipv6-cidr-block-association.ipv6-cidr-block",
        "ipv6-cidr-block-association.ipv6-pool",
        "ipv6-cidr-block-association.state",
    ),
}
VPCS: Final = Noun(
    answer="Vpcs",
    items=_vpcs,
    members=_VPC,
    order=lambda vpc: vpc.id,
    filters=_VPC_FILTERS,
    namings=(actions.by_ids("VpcIds", actions.NETWORK, lambda vpc: vpc.id),),
    tagging=tag_words.kept(lambda vpc: vpc.id, lambda vpc: _name(vpc.seen)),
    aging=True,
    pages=actions.pages("VpcIds"),
)

_SUBNET: Final[Members[_Subnet]] = {
    "SubnetId": lambda each: each.id,
    "SubnetArn": lambda each: arns.ec2(each.call.region, each.call.account_id, "subnet", each.id),
    "VpcId": lambda each: vpc_id(each.seen.subnet.vpc_id),
    "OwnerId": lambda each: each.call.account_id,
    "State": lambda each: each.seen.subnet.state.value,
    "CidrBlock": lambda each: each.seen.subnet.cidr,
    "AvailableIpAddressCount": lambda each: each.seen.free,
    "AvailabilityZone": lambda each: each.seen.subnet.zone,
    "AvailabilityZoneId": lambda each: each.zone_id,
    "DefaultForAz": lambda each: each.seen.default,
    "MapPublicIpOnLaunch": lambda each: each.seen.subnet.public_by_default,
    "MapCustomerOwnedIpOnLaunch": False,
    "AssignIpv6AddressOnCreation": False,
    "Ipv6CidrBlockAssociationSet": (),
    "EnableDns64": False,
    "Ipv6Native": False,
    "PrivateDnsNameOptionsOnLaunch": lambda each: {
        "HostnameType": each.seen.subnet.hostname_type,
        "EnableResourceNameDnsARecord": each.seen.subnet.a_record,
        "EnableResourceNameDnsAAAARecord": each.seen.subnet.aaaa_record,
    },
    "BlockPublicAccessStates": {"InternetGatewayBlockMode": "off"},
}
_AT_LAUNCH: Final = "private-dns-name-options-on-launch"
_SUBNET_FILTERS: Final[Filters[_Subnet]] = {
    "availability-zone": "AvailabilityZone",
    "availabilityZone": "AvailabilityZone",
    "availability-zone-id": "AvailabilityZoneId",
    "availabilityZoneId": "AvailabilityZoneId",
    "available-ip-address-count": "AvailableIpAddressCount",
    "cidr": "CidrBlock",
    "cidr-block": "CidrBlock",
    "cidrBlock": "CidrBlock",
    "default-for-az": "DefaultForAz",
    "defaultForAz": "DefaultForAz",
    "enable-dns64": "EnableDns64",
    "ipv6-native": "Ipv6Native",
    "map-customer-owned-ip-on-launch": "MapCustomerOwnedIpOnLaunch",
    "map-public-ip-on-launch": "MapPublicIpOnLaunch",
    "owner-id": "OwnerId",
    f"{_AT_LAUNCH}.hostname-type": "PrivateDnsNameOptionsOnLaunch.HostnameType",
    f"{_AT_LAUNCH}.enable-resource-name-dns-a-record": "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsARecord",
    f"{_AT_LAUNCH}.enable-resource-name-dns-aaaa-record": (
        "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsAAAARecord"
    ),
    "state": "State",
    "subnet-arn": "SubnetArn",
    "subnet-id": "SubnetId",
    "vpc-id": "VpcId",
    **never(
        "customer-owned-ipv4-pool",
        "enable-lni-at-device-index",
        "ipv6-cidr-block-association.association-id",
        "ipv6-cidr-block-association.ipv6-cidr-block",
        "ipv6-cidr-block-association.state",
        "outpost-arn",
    ),
}
SUBNETS: Final = Noun(
    answer="Subnets",
    items=_subnets,
    members=_SUBNET,
    order=lambda each: each.id,
    filters=_SUBNET_FILTERS,
    namings=(actions.by_ids("SubnetIds", actions.SUBNET, lambda each: each.id),),
    tagging=tag_words.kept(lambda each: each.id, lambda each: _name(each.seen)),
    aging=True,
    pages=actions.pages("SubnetIds"),
)

actions.describes("DescribeVpcs", VPCS)
actions.describes("DescribeSubnets", SUBNETS)

_ATTRIBUTES: Final = {
    "enableDnsSupport": ("EnableDnsSupport", "dns_support"),
    "enableDnsHostnames": ("EnableDnsHostnames", "dns_hostnames"),
    "enableNetworkAddressUsageMetrics": ("EnableNetworkAddressUsageMetrics", "address_metrics"),
}
"""Kept, and told again: the cloud resolves names for its networks, and gives servers none that others could look up."""
_NOT_TOLD_OF_NEW: Final = "BlockPublicAccessStates"
_OF_SUBNETS: Final[Mapping[str, str]] = {
    "MapPublicIpOnLaunch": "public_by_default",
    "PrivateDnsHostnameTypeOnLaunch": "hostname_type",
    "EnableResourceNameDnsARecordOnLaunch": "a_record",
    "EnableResourceNameDnsAAAARecordOnLaunch": "aaaa_record",
}
_NOT_OF_SUBNETS: Final = (
    "AssignIpv6AddressOnCreation",
    "MapCustomerOwnedIpOnLaunch",
    "EnableDns64",
    "DisableLniAtDeviceIndex",
)
_NOT_GIVEN: Final = (
    "Ipv6Pool",
    "Ipv6CidrBlock",
    "Ipv4IpamPoolId",
    "Ipv4NetmaskLength",
    "Ipv6IpamPoolId",
    "Ipv6NetmaskLength",
    "Ipv6CidrBlockNetworkBorderGroup",
    "VpcEncryptionControl",
    "AmazonProvidedIpv6CidrBlock",
    "OutpostArn",
    "Ipv6Native",
)


def refuse_given(params: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuse members that ask for what a cloud has not: IPv6, pools of addresses, Outposts."""
    for name in names:
        if params.get(name):
            raise AWSError(
                "UnsupportedOperation", f"The parameter {name} is not supported: networks are IPv4 alone here."
            )


def checked_cidr(text: str, member: str, refused: str) -> str:
    """A block of addresses of a size that AWS takes, from its first address on.

    Args:
        refused: the code for another size.

    Raises:
        AWSError
    """
    block = blocks.of_ipv4(text, member)
    if not 16 <= int(block.rpartition("/")[2]) <= 28:
        raise AWSError(refused, f"The CIDR '{text}' is invalid.")
    return block


def _needed_cidr(params: Mapping[str, Any], refused: str) -> str:
    if not params.get("CidrBlock"):
        # After that of IPv6, which is recorded.
        raise AWSError("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")  # unsourced
    return checked_cidr(params["CidrBlock"], "cidrBlock", refused)


def _answer(told: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """What the answer to a creation says."""
    return {**{key: value for key, value in told.items() if key != _NOT_TOLD_OF_NEW}, **tag_words.member(tags)}


@operation("ec2", "CreateVpc")
def create_vpc(call: Call) -> Result:
    refuse_given(call.params, _NOT_GIVEN)
    cidr = _needed_cidr(call.params, "InvalidVpc.Range")
    _check_tenancy(call.params.get("InstanceTenancy"))
    tags = tag_words.of_one(call.params.get("TagSpecifications"), "vpc")
    actions.check_dry_run(call)
    made = _Vpc(SeenVpc(call.backend.networks.create_vpc(call.scope, cidr)), call)
    call.backend.resource_tags.put(call.scope, [made.id], tags)
    return {"Vpc": _answer(VPCS.view(made), tags)}


def _check_tenancy(wanted: str | None) -> None:
    if wanted not in {None, "", "default"}:
        raise AWSError(
            "UnsupportedOperation", f"The tenancy '{wanted}' is not supported: hosts are shared on this cloud."
        )


@operation("ec2", "DeleteVpc")
def delete_vpc(call: Call) -> Result:
    digits = actions.digits_of(actions.NETWORK, call.params["VpcId"])
    if call.params.get("DryRun"):
        VPCS.of_ids(call, [call.params["VpcId"]])
        actions.check_dry_run(call)
    gone = call.backend.networks.delete_vpc(call.scope, digits)
    ids = [
        vpc_id(digits),
        *(f"{arns.ROUTE_TABLE}-{each}" for each in gone.tables),
        *(f"{arns.NETWORK_ACL}-{each}" for each in gone.acls),
    ]
    call.backend.resource_tags.remove(call.scope, ids, None)
    return {}


@actions.reads("DescribeVpcAttribute")
def describe_vpc_attribute(call: Call) -> Result:
    (vpc,) = VPCS.of_ids(call, [call.params["VpcId"]])
    member, name = _ATTRIBUTES[call.params["Attribute"]]
    return {"VpcId": vpc.id, member: {"Value": getattr(vpc.seen.vpc, name)}}


@operation("ec2", "ModifyVpcAttribute")
def modify_vpc_attribute(call: Call) -> Result:
    digits = actions.digits_of(actions.NETWORK, call.params["VpcId"])
    given = {name: call.params[member]["Value"] for member, name in _ATTRIBUTES.values() if _is_given(call, member)}
    if len(given) > 1:
        # Source: Amazon EC2 API Reference, ModifyVpcAttribute: one at a time; the words are unsourced.
        raise AWSError("InvalidParameterCombination", "Fields for multiple attribute types specified")
    if not given:
        raise AWSError("MissingParameter", "The request must contain an attribute to modify")  # unsourced
    call.backend.networks.set_vpc(call.scope, digits, **given)
    return {}


def _is_given(call: Call, member: str) -> bool:
    return (call.params.get(member) or {}).get("Value") is not None


@operation("ec2", "ModifyVpcTenancy")
def modify_vpc_tenancy(call: Call) -> Result:
    _check_tenancy(call.params["InstanceTenancy"])
    VPCS.of_ids(call, [call.params["VpcId"]])
    actions.check_dry_run(call)
    return {"ReturnValue": True}


@operation("ec2", "AssociateVpcCidrBlock")
def associate_cidr(call: Call) -> Result:
    refuse_given(call.params, _NOT_GIVEN)
    digits = actions.digits_of(actions.NETWORK, call.params["VpcId"])
    cidr = _needed_cidr(call.params, "InvalidVpc.Range")
    association = call.backend.networks.associate_cidr(call.scope, digits, cidr)
    told = _association(association, cidr, "associating")
    return {"VpcId": vpc_id(digits), "CidrBlockAssociation": told}


@operation("ec2", "DisassociateVpcCidrBlock")
def disassociate_cidr(call: Call) -> Result:
    digits = actions.digits_of(actions.CIDR_ASSOCIATION, call.params["AssociationId"])
    vpc, cidr = call.backend.networks.disassociate_cidr(call.scope, digits)
    return {"VpcId": vpc_id(vpc.id), "CidrBlockAssociation": _association(digits, cidr, "disassociating")}


@operation("ec2", "CreateSubnet")
def create_subnet(call: Call) -> Result:
    params = call.params
    _check_native(params)
    refuse_given(params, _NOT_GIVEN)
    digits = actions.digits_of(actions.NETWORK, params["VpcId"])
    cidr = _needed_cidr(params, "InvalidSubnet.Range")
    tags = tag_words.of_one(params.get("TagSpecifications"), "subnet")
    zone = params.get("AvailabilityZone") or params.get("AvailabilityZoneId") or None
    actions.check_dry_run(call)
    made = call.backend.networks.create_subnet(call.scope, digits, cidr, zone)
    zone_ids = call.backend.catalog.zone_ids(call.scope, {made.zone})
    subnet = _Subnet(SeenSubnet(made, room_of(cidr)), call, zone_ids.get(made.zone, ""))
    call.backend.resource_tags.put(call.scope, [subnet.id], tags)
    # AWS answers a creation with a subnet that can be used, whatever is left to do.
    told = {**SUBNETS.view(subnet), "State": Progress.AVAILABLE.value}
    return {"Subnet": _answer(told, tags)}


def _check_native(params: Mapping[str, Any]) -> None:
    """Source: conformance/recorded, of getmoto/moto's tests that were verified at AWS."""
    if not params.get("Ipv6Native"):
        return
    if not params.get("Ipv6CidrBlock") and not params.get("Ipv6IpamPoolId"):
        raise AWSError("MissingParameter", "Either 'ipv6CidrBlock' or 'ipv6IpamPoolId' should be provided.")
    if params.get("CidrBlock") or params.get("Ipv4IpamPoolId"):
        raise AWSError(
            "InvalidParameterCombination",
            "When specifying ipv4 parameters, cidrBlock or ipv4IpamPoolId, you cannot set ipv6Native to true.",
        )


@operation("ec2", "DeleteSubnet")
def delete_subnet(call: Call) -> Result:
    digits = actions.digits_of(actions.SUBNET, call.params["SubnetId"])
    if call.params.get("DryRun"):
        SUBNETS.of_ids(call, [call.params["SubnetId"]])
        actions.check_dry_run(call)
    call.backend.networks.delete_subnet(call.scope, digits)
    call.backend.resource_tags.remove(call.scope, [subnet_id(digits)], None)
    return {}


@operation("ec2", "ModifySubnetAttribute")
def modify_subnet_attribute(call: Call) -> Result:
    params = call.params
    digits = actions.digits_of(actions.SUBNET, params["SubnetId"])
    refuse_given({name: (params.get(name) or {}).get("Value") for name in _NOT_OF_SUBNETS}, _NOT_OF_SUBNETS)
    refuse_given(params, ("CustomerOwnedIpv4Pool", "EnableLniAtDeviceIndex"))
    given = {name: _value(params[member]) for member, name in _OF_SUBNETS.items() if params.get(member)}
    if given:
        call.backend.networks.set_subnet(call.scope, digits, **given)
    else:
        SUBNETS.of_ids(call, [params["SubnetId"]])
    return {}


def _value(given: Any) -> Any:
    return given.get("Value", False) if isinstance(given, Mapping) else given
