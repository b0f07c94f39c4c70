"""Networks as VPCs, and their subnets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.drivers.network import Network, Subnet
from translators import arns, filters
from translators.ec2 import actions, tag_words
from translators.filters import Fields
from translators.registry import Call, Result

Tags = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Vpc:
    network: Network
    account: str
    tags: Tags

    @property
    def id(self) -> str:
        return arns.resource_id(arns.NETWORK, self.network.id)

    @property
    def association(self) -> str:
        return arns.derived_id(arns.ADDRESS_ASSOCIATION, self.network.id)

    @property
    def dhcp_options(self) -> str:
        given = self.network.dhcp_options_id
        return arns.resource_id(arns.DHCP_OPTIONS, given) if given else "default"


@dataclass(frozen=True, slots=True)
class _Subnet:
    subnet: Subnet
    call: Call
    zone_id: str
    tags: Tags

    @property
    def id(self) -> str:
        return arns.subnet_id(self.subnet.id)

    @property
    def arn(self) -> str:
        return arns.ec2(self.call.region, self.call.account_id, "subnet", self.id)


VPC_FIELDS: Final[Fields[_Vpc]] = {
    "cidr": lambda vpc: vpc.network.cidr,
    "cidr-block": lambda vpc: vpc.network.cidr,
    "cidr-block-association.association-id": lambda vpc: vpc.association,
    "cidr-block-association.cidr-block": lambda vpc: vpc.network.cidr,
    "cidr-block-association.state": lambda _: "associated",
    "cidrBlock": lambda vpc: vpc.network.cidr,
    "dhcp-options-id": lambda vpc: vpc.dhcp_options,
    "dhcpOptionsId": lambda vpc: vpc.dhcp_options,
    "ipv6-cidr-block-association.association-id": lambda _: None,
    "ipv6-cidr-block-association.ipv6-cidr-block": lambda _: None,
    "ipv6-cidr-block-association.ipv6-pool": lambda _: None,
    "ipv6-cidr-block-association.state": lambda _: None,
    "is-default": lambda vpc: vpc.network.default,
    "isDefault": lambda vpc: vpc.network.default,
    "owner-id": lambda vpc: vpc.account,
    "state": lambda _: "available",
    "vpc-id": lambda vpc: vpc.id,
}
SUBNET_FIELDS: Final[Fields[_Subnet]] = {
    "availability-zone": lambda each: each.subnet.zone,
    "availabilityZone": lambda each: each.subnet.zone,
    "availability-zone-id": lambda each: each.zone_id,
    "availabilityZoneId": lambda each: each.zone_id,
    "available-ip-address-count": lambda each: each.subnet.free_addresses,
    "cidr": lambda each: each.subnet.cidr,
    "cidr-block": lambda each: each.subnet.cidr,
    "cidrBlock": lambda each: each.subnet.cidr,
    "customer-owned-ipv4-pool": lambda _: None,
    "default-for-az": lambda each: each.subnet.zone_default,
    "defaultForAz": lambda each: each.subnet.zone_default,
    "enable-dns64": lambda _: False,
    "enable-lni-at-device-index": lambda _: None,
    "ipv6-cidr-block-association.association-id": lambda _: None,
    "ipv6-cidr-block-association.ipv6-cidr-block": lambda _: None,
    "ipv6-cidr-block-association.state": lambda _: None,
    "ipv6-native": lambda _: False,
    "map-customer-owned-ip-on-launch": lambda _: False,
    "map-public-ip-on-launch": lambda each: each.subnet.public_by_default,
    "outpost-arn": lambda _: None,
    "owner-id": lambda each: each.call.account_id,
    "private-dns-name-options-on-launch.hostname-type": lambda _: "ip-name",
    "private-dns-name-options-on-launch.enable-resource-name-dns-a-record": lambda _: False,
    "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record": lambda _: False,
    "state": lambda _: "available",
    "subnet-arn": lambda each: each.arn,
    "subnet-id": lambda each: each.id,
    "vpc-id": lambda each: arns.resource_id(arns.NETWORK, each.subnet.network_id),
}


def own_tags(resource_id: str, tagged: Mapping[str, Tags], name: str) -> Tags:
    """The tags of a thing of the cloud; the name the cloud knows it by stands in for a ``Name`` that was never set."""
    tags = tagged.get(resource_id, {})
    return tags if "Name" in tags or not name else {"Name": name, **tags}


def _networks(call: Call, ids: Sequence[str] | None) -> Sequence[Network]:
    return actions.listed(
        call, call.backend.catalog.networks, ids, lambda network: arns.resource_id(arns.NETWORK, network.id)
    )


@actions.answers("DescribeVpcs")
def describe_vpcs(call: Call) -> Result:
    tagged = call.backend.resource_tags.all(call.scope)
    vpcs = []
    for network in _networks(call, call.params.get("VpcIds")):
        vpc_id = arns.resource_id(arns.NETWORK, network.id)
        vpcs.append(_Vpc(network, call.account_id, own_tags(vpc_id, tagged, _name(network.name, network.default))))
    chosen = actions.named(actions.NETWORK, call.params.get("VpcIds"), vpcs, lambda vpc: vpc.id)
    chosen.sort(key=lambda vpc: vpc.id)
    found = filters.matching(chosen, call.params.get("Filters") or (), VPC_FIELDS, lambda vpc: vpc.tags)
    items, token = actions.page(call, "VpcIds", found, lambda vpc: vpc.id)
    return {"Vpcs": [_vpc(vpc) for vpc in items], **token}


@actions.answers("DescribeVpcAttribute")
def describe_vpc_attribute(call: Call) -> Result:
    networks = _networks(call, [call.params["VpcId"]])
    chosen = actions.named(
        actions.NETWORK,
        [call.params["VpcId"]],
        networks,
        lambda network: arns.resource_id(arns.NETWORK, network.id),
    )
    # The cloud resolves names for its networks, and gives servers none that others could look up.
    member, value = {
        "enableDnsSupport": ("EnableDnsSupport", True),
        "enableDnsHostnames": ("EnableDnsHostnames", False),
        "enableNetworkAddressUsageMetrics": ("EnableNetworkAddressUsageMetrics", False),
    }[call.params["Attribute"]]
    return {"VpcId": arns.resource_id(arns.NETWORK, chosen[0].id), member: {"Value": value}}


@actions.answers("DescribeSubnets")
def describe_subnets(call: Call) -> Result:
    tagged = call.backend.resource_tags.all(call.scope)
    zone_ids = {zone.name: zone.zone_id for zone in call.backend.catalog.zones(call.scope)}
    ids = call.params.get("SubnetIds")
    known = actions.listed(call, call.backend.catalog.subnets, ids, lambda subnet: arns.subnet_id(subnet.id))
    subnets = [
        _Subnet(
            subnet,
            call,
            zone_ids.get(subnet.zone, ""),
            own_tags(arns.subnet_id(subnet.id), tagged, _name(subnet.name, subnet.zone_default)),
        )
        for subnet in known
    ]
    chosen = actions.named(actions.SUBNET, ids, subnets, lambda each: each.id)
    chosen.sort(key=lambda each: each.id)
    found = filters.matching(chosen, call.params.get("Filters") or (), SUBNET_FIELDS, lambda each: each.tags)
    items, token = actions.page(call, "SubnetIds", found, lambda each: each.id)
    return {"Subnets": [_shown(each) for each in items], **token}


def _name(name: str, default: bool) -> str:
    # AWS's own default network and subnets have no name.
    return "" if default else name


def _vpc(vpc: _Vpc) -> dict[str, Any]:
    return {
        "VpcId": vpc.id,
        "OwnerId": vpc.account,
        "InstanceTenancy": "default",
        "Ipv6CidrBlockAssociationSet": [],
        "CidrBlockAssociationSet": [
            {
                "AssociationId": vpc.association,
                "CidrBlock": vpc.network.cidr,
                "CidrBlockState": {"State": "associated"},
            }
        ],
        "IsDefault": vpc.network.default,
        **tag_words.member(vpc.tags),
        "State": "available",
        "CidrBlock": vpc.network.cidr,
        "DhcpOptionsId": vpc.dhcp_options,
        "BlockPublicAccessStates": {"InternetGatewayBlockMode": "off"},
    }


def _shown(each: _Subnet) -> dict[str, Any]:
    subnet = each.subnet
    return {
        "SubnetId": each.id,
        "SubnetArn": each.arn,
        "VpcId": arns.resource_id(arns.NETWORK, subnet.network_id),
        "OwnerId": each.call.account_id,
        "State": "available",
        "CidrBlock": subnet.cidr,
        "AvailableIpAddressCount": subnet.free_addresses,
        "AvailabilityZone": subnet.zone,
        "AvailabilityZoneId": each.zone_id,
        "DefaultForAz": subnet.zone_default,
        "MapPublicIpOnLaunch": subnet.public_by_default,
        "MapCustomerOwnedIpOnLaunch": False,
        "AssignIpv6AddressOnCreation": False,
        "Ipv6CidrBlockAssociationSet": [],
        **tag_words.member(each.tags),
        "EnableDns64": False,
        "Ipv6Native": False,
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": "ip-name",
            "EnableResourceNameDnsARecord": False,
            "EnableResourceNameDnsAAAARecord": False,
        },
        "BlockPublicAccessStates": {"InternetGatewayBlockMode": "off"},
    }
