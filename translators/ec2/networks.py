"""Networks as VPCs, and their subnets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from backend.drivers.network import Network, Subnet
from translators import arns
from translators.ec2 import actions, tag_words
from translators.filters import Filters, never
from translators.nouns import Asked, Members, Noun
from translators.registry import Call, Result


@dataclass(frozen=True, slots=True)
class _Vpc:
    network: Network
    account: str

    @property
    def id(self) -> str:
        return arns.resource_id(arns.NETWORK, self.network.id)

    @property
    def dhcp_options(self) -> str:
        given = self.network.dhcp_options_id
        return arns.resource_id(arns.DHCP_OPTIONS, given) if given else "default"


@dataclass(frozen=True, slots=True)
class _Subnet:
    subnet: Subnet
    call: Call
    zone_id: str

    @property
    def id(self) -> str:
        return arns.subnet_id(self.subnet.id)


def _vpcs(call: Call, asked: Asked) -> Iterable[_Vpc]:
    return (_Vpc(each, call.account_id) for each in call.backend.catalog.networks(call.scope, fresh=asked.fresh))


def _subnets(call: Call, asked: Asked) -> Iterable[_Subnet]:
    zone_ids = {zone.name: zone.zone_id for zone in call.backend.catalog.zones(call.scope)}
    subnets = call.backend.catalog.subnets(call.scope, fresh=asked.fresh)
    return (_Subnet(each, call, zone_ids.get(each.zone, "")) for each in subnets)


def _name(name: str, default: bool) -> str:
    # AWS's own default network and subnets have no name.
    return "" if default else name


_VPC: Final[Members[_Vpc]] = {
    "VpcId": lambda vpc: vpc.id,
    "OwnerId": lambda vpc: vpc.account,
    "InstanceTenancy": "default",
    "Ipv6CidrBlockAssociationSet": (),
    "CidrBlockAssociationSet": lambda vpc: [
        {
            "AssociationId": arns.derived_id(arns.ADDRESS_ASSOCIATION, vpc.network.id),
            "CidrBlock": vpc.network.cidr,
            "CidrBlockState": {"State": "associated"},
        }
    ],
    "IsDefault": lambda vpc: vpc.network.default,
    "State": "available",
    "CidrBlock": lambda vpc: vpc.network.cidr,
    "DhcpOptionsId": lambda vpc: vpc.dhcp_options,
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
    tagging=tag_words.kept(lambda vpc: vpc.id, lambda vpc: _name(vpc.network.name, vpc.network.default)),
    aging=True,
    pages=actions.pages("VpcIds"),
)

_SUBNET: Final[Members[_Subnet]] = {
    "SubnetId": lambda each: each.id,
    "SubnetArn": lambda each: arns.ec2(each.call.region, each.call.account_id, "subnet", each.id),
    "VpcId": lambda each: arns.resource_id(arns.NETWORK, each.subnet.network_id),
    "OwnerId": lambda each: each.call.account_id,
    "State": "available",
    "CidrBlock": lambda each: each.subnet.cidr,
    "AvailableIpAddressCount": lambda each: each.subnet.free_addresses,
    "AvailabilityZone": lambda each: each.subnet.zone,
    "AvailabilityZoneId": lambda each: each.zone_id,
    "DefaultForAz": lambda each: each.subnet.zone_default,
    "MapPublicIpOnLaunch": lambda each: each.subnet.public_by_default,
    "MapCustomerOwnedIpOnLaunch": False,
    "AssignIpv6AddressOnCreation": False,
    "Ipv6CidrBlockAssociationSet": (),
    "EnableDns64": False,
    "Ipv6Native": False,
    "PrivateDnsNameOptionsOnLaunch": {
        "HostnameType": "ip-name",
        "EnableResourceNameDnsARecord": False,
        "EnableResourceNameDnsAAAARecord": False,
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
    tagging=tag_words.kept(lambda each: each.id, lambda each: _name(each.subnet.name, each.subnet.zone_default)),
    aging=True,
    pages=actions.pages("SubnetIds"),
)

actions.describes("DescribeVpcs", VPCS)
actions.describes("DescribeSubnets", SUBNETS)


@actions.reads("DescribeVpcAttribute")
def describe_vpc_attribute(call: Call) -> Result:
    (vpc,) = VPCS.of_ids(call, [call.params["VpcId"]])
    # The cloud resolves names for its networks, and gives servers none that others could look up.
    member, value = {
        "enableDnsSupport": ("EnableDnsSupport", True),
        "enableDnsHostnames": ("EnableDnsHostnames", False),
        "enableNetworkAddressUsageMetrics": ("EnableNetworkAddressUsageMetrics", False),
    }[call.params["Attribute"]]
    return {"VpcId": vpc.id, member: {"Value": value}}
