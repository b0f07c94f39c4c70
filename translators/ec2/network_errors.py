"""The findings about networks in EC2's codes and words.

Source: Amazon EC2 API Reference, "Error codes"; hashicorp/terraform-provider-aws and getmoto/moto, where their clients
and emulators match words. What stands in none of them is marked.
"""

from __future__ import annotations

from typing import Any, Final

from backend.domain import network_findings as findings
from translators.ec2 import actions
from translators.errors import AWSError, Row

_KINDS: Final = {
    "vpc": actions.NETWORK,
    "subnet": actions.SUBNET,
    "internet-gateway": actions.INTERNET_GATEWAY,
    "route-table": actions.ROUTE_TABLE,
    "route-association": actions.ROUTE_ASSOCIATION,
    "network-acl": actions.NETWORK_ACL,
    "acl-association": actions.ACL_ASSOCIATION,
    "dhcp-options": actions.DHCP_OPTIONS,
    "cidr-association": actions.CIDR_ASSOCIATION,
    "nat-gateway": actions.ROUTED_NAT_GATEWAY,
    "interface": actions.INTERFACE,
}
_NOUNS: Final = {
    "internet-gateway": "internetGateway",
    "route-table": "routeTable",
    "network-acl": "networkAcl",
    "dhcp-options": "dhcpOptions",
}
_LIMITS: Final = {
    "vpc": ("VpcLimitExceeded", "The maximum number of VPCs has been reached."),
    "subnet": ("SubnetLimitExceeded", "The maximum number of subnets has been reached."),
    "internet-gateway": ("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached."),
    "route-table": ("RouteTableLimitExceeded", "The maximum number of route tables has been reached."),
    "route": ("RouteLimitExceeded", "The maximum number of routes has been reached."),
    "network-acl": ("NetworkAclLimitExceeded", "The maximum number of network ACLs has been reached."),
    "network-acl-entry": (
        "NetworkAclEntryLimitExceeded",
        "The maximum number of network ACL entries has been reached.",
    ),
    "dhcp-options": ("DhcpOptionsLimitExceeded", "The maximum number of DHCP options has been reached."),
}


_ENDS: Final = {
    "internet-gateway": "network gateway",
    "interface": "interface",
    "nat-gateway": "NAT gateway",
    "network-acl": "network ACL",
    "route-table": "route table",
    "route-association": "association",
    "acl-association": "association",
}
"""What stands before ids of what does not go together. Source: reports of users (of gateways and tables)."""


def shown(kind: str, digits: str) -> str:
    """A thing as its caller knows it."""
    return f"{_kind(kind).prefix}-{digits}"


def _kind(kind: str) -> actions.Kind:
    return _KINDS.get(kind, actions.NETWORK)


def _missing(found: findings.NetworkThingMissing) -> AWSError:
    return actions.not_found(_kind(found.kind), [shown(found.kind, found.id)])


def _in_use(found: findings.NetworkThingInUse) -> AWSError:
    noun = _NOUNS.get(found.kind, found.kind)
    return AWSError(
        "DependencyViolation", f"The {noun} '{shown(found.kind, found.id)}' has dependencies and cannot be deleted."
    )


def _not_ours(found: findings.NotOurs) -> AWSError:
    return AWSError(
        "UnsupportedOperation",
        f"'{shown(found.kind, found.id)}' belongs to a network of the cloud that was not made with this API: "
        "it is shown, and it is changed with the cloud's own tools.",
    )


def _conflict(found: findings.CidrConflict) -> AWSError:
    if found.of == "subnet":
        return AWSError("InvalidSubnet.Conflict", f"The CIDR '{found.cidr}' conflicts with another subnet")
    if found.of == "route":  # unsourced
        words = f"The CIDR '{found.cidr}' conflicts with the destination of a route in a route table of the VPC."
        return AWSError("InvalidVpc.Conflict", words)
    return AWSError(  # unsourced
        "InvalidVpc.Conflict", f"The CIDR '{found.cidr}' conflicts with a CIDR that is associated with the VPC."
    )


def _needed(found: findings.CidrNeeded) -> AWSError:
    association = shown("cidr-association", found.id)
    if found.first:
        # Source: getmoto/moto, OperationNotPermitted.
        words = (
            f"The vpc CIDR block with association ID {association} may not be disassociated. "
            "It is the primary IPv4 CIDR block of the VPC"
        )
        return AWSError("OperationNotPermitted", words)
    return AWSError("DependencyViolation", f"The CIDR block of '{association}' has subnets in it.")  # unsourced


def _zone(found: findings.ZoneUnknown) -> AWSError:
    known = ", ".join(found.known)
    return AWSError(
        "InvalidParameterValue",
        f"Value ({found.zone}) for parameter availabilityZone is invalid. "
        f"Subnets can currently only be created in the following availability zones: {known}.",
    )


def _joined(found: findings.AlreadyJoined) -> AWSError:
    if found.kind == "internet-gateway":
        words = f"resource {shown(found.kind, found.id)} is already attached to network {shown('vpc', found.to)}"
        return AWSError("Resource.AlreadyAssociated", words)
    if found.kind == "vpc":
        # Source: hashicorp/terraform-provider-aws issues, of a VPC that has one.
        words = f"Network {shown('vpc', found.id)} already has an internet gateway attached"
        return AWSError("InvalidParameterValue", words)
    association = shown("route-association", found.to)
    return AWSError(
        "Resource.AlreadyAssociated",
        f"the specified association for route table {association} conflicts with an existing association",
    )


def _route_missing(found: findings.RouteMissing) -> AWSError:
    table = shown("route-table", found.table_id)
    if found.replacing:
        words = f"There is no route defined for '{found.cidr}' in the route table. Use CreateRoute instead."
        return AWSError("InvalidParameterValue", words)
    words = f"no route with destination-cidr-block {found.cidr} in route table {table}"
    return AWSError("InvalidRoute.NotFound", words)


def _within(found: findings.RouteWithin) -> AWSError:
    if found.interface:
        return AWSError(
            "UnsupportedOperation",
            f"The destination CIDR block {found.cidr} is equal to or more specific than one of this VPC's CIDR blocks. "
            "Between the subnets of a VPC the cloud's router alone leads: routes to interfaces lead out of the VPC.",
        )
    # Source: reports of users of hashicorp/terraform-provider-aws, with request ids (2021 on).
    return AWSError(
        "InvalidParameterValue",
        f"The destination CIDR block {found.cidr} is equal to or more specific than one of this VPC's CIDR blocks. "
        "This route can target only an interface or an instance.",
    )


def _differs(found: findings.RouteDiffers) -> AWSError:
    return AWSError(
        "UnsupportedOperation",
        f"The route table '{shown('route-table', found.table_id)}' of the VPC leads {found.cidr} elsewhere: "
        "a route to a network interface holds for all subnets of its VPC on this cloud, whatever tables they have.",
    )


def _main(found: findings.MainTable) -> AWSError:
    return AWSError(
        "InvalidParameterValue",
        f"cannot disassociate the main route table association {shown('route-association', found.id)}",
    )


def _limit(found: findings.NetworkLimit) -> AWSError:
    if found.kind == "cidr-association":
        words = f"This network '{shown('vpc', found.id)}' has met its maximum number of allowed CIDRs: {found.most}"
        return AWSError("CidrLimitExceeded", words)
    return AWSError(*_LIMITS.get(found.kind, _LIMITS["vpc"]))


def _direction(found: Any) -> str:
    return "egress" if found.egress else "ingress"


TABLE: Final[dict[type[Exception], Row]] = {
    findings.NetworkThingMissing: _missing,
    findings.NetworkThingInUse: _in_use,
    findings.NotOurs: _not_ours,
    findings.CidrConflict: _conflict,
    findings.CidrOutside: lambda found: AWSError("InvalidSubnet.Range", f"The CIDR '{found.cidr}' is invalid."),
    findings.CidrNeeded: _needed,
    findings.ZoneUnknown: _zone,
    findings.AlreadyJoined: _joined,
    findings.NotJoined: lambda found: AWSError(
        "Gateway.NotAttached",
        f"resource {shown('internet-gateway', found.id)} is not attached to network {shown('vpc', found.vpc_id)}",
    ),
    findings.AddressesMapped: lambda found: AWSError(
        "DependencyViolation",
        f"Network {shown('vpc', found.vpc_id)} has some mapped public address(es). "
        "Please unmap those public address(es) before detaching the gateway.",
    ),
    findings.RouteExists: lambda found: AWSError(
        "RouteAlreadyExists", f"The route identified by {found.cidr} already exists."
    ),
    findings.RouteMissing: _route_missing,
    findings.RouteElsewhere: lambda found: AWSError(
        "InvalidParameterValue",
        f"{_ENDS.get(found.of, found.of)} {shown(found.of, found.table_id)} and {_ENDS.get(found.kind, found.kind)}"
        f" {shown(found.kind, found.target)} belong to different networks",
    ),
    findings.RouteLocal: lambda found: AWSError(
        "InvalidParameterValue", f"cannot remove local route {found.cidr} in route table"
    ),
    findings.RouteWithin: _within,
    findings.RouteForAll: lambda _: AWSError(
        "UnsupportedOperation",
        "A network interface cannot be the target of 0.0.0.0/0 on this cloud: the router of the VPC has one way out "
        "for all subnets. Name the blocks that lie behind the interface.",
    ),
    findings.RouteDiffers: _differs,
    findings.MainTable: _main,
    findings.DefaultAcl: lambda found: AWSError(  # unsourced
        "InvalidParameterValue", f"The network ACL '{shown('network-acl', found.id)}' is the default of its VPC."
    ),
    findings.AclUnenforced: lambda found: AWSError(
        "UnsupportedOperation",
        f"'{shown('network-acl', found.id)}' would keep traffic out, which network ACLs do not do on this cloud: "
        "use security groups.",
    ),
    findings.EntryExists: lambda found: AWSError(
        "NetworkAclEntryAlreadyExists",
        f"The network acl entry identified by {found.number} already exists.",
    ),
    findings.EntryMissing: lambda found: AWSError(
        "InvalidNetworkAclEntry.NotFound",
        f"The specified {_direction(found)} network acl entry with rule number {found.number} does not exist in "
        f"network acl {shown('network-acl', found.acl_id)}",
    ),
    findings.NetworkLimit: _limit,
}
