"""Route tables, their routes and who has them.

Routes lead to gateways and to interfaces: what a router of the cloud cannot be told is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from backend.domain.address_findings import InterfaceManaged
from backend.domain.networks import MAIN, Hop, Route
from backend.services.network_reader import SeenTable
from translators import arns
from translators.ec2 import actions, blocks, tag_words
from translators.ec2.instance_words import ENDED, Instance, instances
from translators.ec2.interfaces import INTERFACES, Interface, of_instance
from translators.ec2.networks import subnet_id, vpc_id
from translators.errors import AWSError
from translators.filters import never
from translators.nouns import Asked, Noun, Words
from translators.registry import Call, Result, operation

_ASSOCIATED: Final = {"State": "associated"}
_MEMBERS: Final = {
    "gateway": ("GatewayId", arns.INTERNET_GATEWAY),
    "nat": ("NatGatewayId", "nat"),
    "interface": ("NetworkInterfaceId", arns.INTERFACE),
}
_TARGETS: Final = ("GatewayId", "NatGatewayId", "NetworkInterfaceId", "InstanceId")
_NO_TARGETS: Final = (
    "VpcPeeringConnectionId",
    "TransitGatewayId",
    "EgressOnlyInternetGatewayId",
    "VpcEndpointId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "OdbNetworkArn",
    "LocalTarget",
)
_DESTINATIONS: Final = ("DestinationIpv6CidrBlock", "DestinationPrefixListId")


@dataclass(frozen=True, slots=True)
class _Table:
    """A table. ``holders``: who has the interfaces that its routes lead to, by digits of these."""

    seen: SeenTable
    call: Call
    holders: Mapping[str, Instance] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{arns.ROUTE_TABLE}-{self.seen.id}"


def _tables(call: Call, asked: Asked) -> Iterable[_Table]:
    ids = actions.digits_named(asked, "RouteTableIds", actions.ROUTE_TABLE)
    found = call.backend.networks.seen.route_tables(call.scope, ids, fresh=asked.fresh)
    holders = _holders(call, [route for each in found for route in each.table.listed()])
    return (_Table(each, call, holders) for each in found)


def _holders(call: Call, routes: Iterable[Route]) -> dict[str, Instance]:
    """Instances by the digits of their interfaces, as far as routes lead to these: without such routes nobody asks."""
    hops = {each.target: each.hop for each in routes if each.hop is not None}
    if not hops:
        return {}
    servers = {digits: hop.server for digits, hop in hops.items() if hop.server}
    servers |= {each.id: each.server_id for each in call.backend.interfaces.list(call.scope, hops) if each.server_id}
    there = {each.server.id: each for each in instances(call) if not each.gone} if servers else {}
    return {digits: there[server] for digits, server in servers.items() if server in there}


def _associations(each: _Table) -> list[Words]:
    return [
        {
            "Main": one.subnet_id == MAIN,
            "RouteTableAssociationId": f"{arns.ROUTE_ASSOCIATION}-{one.id}",
            "RouteTableId": each.id,
            **({} if one.subnet_id == MAIN else {"SubnetId": subnet_id(one.subnet_id)}),
            "AssociationState": _ASSOCIATED,
        }
        for one in each.seen.associations
    ]


def _routes(each: _Table) -> list[Words]:
    local = [
        {"DestinationCidrBlock": cidr, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"}
        for cidr in each.seen.local
    ]
    return [*local, *(_route(each, route) for route in each.seen.table.listed())]


def _route(each: _Table, route: Route) -> Words:
    member, prefix = _MEMBERS[route.kind]
    told = {"DestinationCidrBlock": route.cidr, member: f"{prefix}-{route.target}", "Origin": "CreateRoute"}
    if route.hop is None:
        return {**told, "State": "active" if route.target in each.seen.gateways else "blackhole"}
    holder = each.holders.get(route.target)
    if holder is None:
        return {**told, "State": "blackhole"}
    leads = holder.state[1] not in ENDED
    owner = {"InstanceId": holder.id, "InstanceOwnerId": each.call.account_id}
    return {**told, **owner, "State": "active" if leads else "blackhole"}


ROUTE_TABLES: Final = Noun(
    answer="RouteTables",
    items=_tables,
    members={
        "RouteTableId": lambda each: each.id,
        "VpcId": lambda each: vpc_id(each.seen.table.vpc_id),
        "OwnerId": lambda each: each.call.account_id,
        "Associations": _associations,
        "Routes": _routes,
        "PropagatingVgws": (),
    },
    order=lambda each: each.id,
    filters={
        "association.main": "Associations.Main",
        "association.route-table-association-id": "Associations.RouteTableAssociationId",
        "association.route-table-id": "Associations.RouteTableId",
        "association.subnet-id": "Associations.SubnetId",
        "owner-id": "OwnerId",
        "route-table-id": "RouteTableId",
        "route.destination-cidr-block": "Routes.DestinationCidrBlock",
        "route.gateway-id": "Routes.GatewayId",
        "route.instance-id": "Routes.InstanceId",
        "route.nat-gateway-id": "Routes.NatGatewayId",
        "route.origin": "Routes.Origin",
        "route.state": "Routes.State",
        "vpc-id": "VpcId",
        **never(
            "association.gateway-id",
            "route.destination-ipv6-cidr-block",
            "route.destination-prefix-list-id",
            "route.egress-only-internet-gateway-id",
            "route.transit-gateway-id",
            "route.vpc-peering-connection-id",
        ),
    },
    namings=(actions.by_ids("RouteTableIds", actions.ROUTE_TABLE, lambda each: each.id),),
    tagging=tag_words.kept(lambda each: each.id, told=tag_words.whole),
    aging=True,
    pages=actions.pages("RouteTableIds"),
)

actions.describes("DescribeRouteTables", ROUTE_TABLES)


@operation("ec2", "CreateRouteTable")
def create(call: Call) -> Result:
    vpc = actions.digits_of(actions.NETWORK, call.params["VpcId"])
    tags = tag_words.of_one(call.params.get("TagSpecifications"), "route-table")
    token = actions.client_token(call)
    actions.check_dry_run(call)
    table = call.backend.routing.create_table(call.scope, vpc, token)
    (seen,) = (each for each in call.backend.networks.seen.route_tables(call.scope, [table.id]) if each.id == table.id)
    made = _Table(seen, call)
    call.backend.resource_tags.put(call.scope, [made.id], tags)
    told = ROUTE_TABLES.view(made) | tag_words.whole(tags)
    return {"RouteTable": told, "ClientToken": token.value if token else str(uuid4())}


@operation("ec2", "DeleteRouteTable")
def delete(call: Call) -> Result:
    table = _table(call)
    call.backend.routing.delete_table(call.scope, table)
    call.backend.resource_tags.remove(call.scope, [call.params["RouteTableId"]], None)
    return {}


@operation("ec2", "AssociateRouteTable")
def associate(call: Call) -> Result:
    if call.params.get("GatewayId") or call.params.get("PublicIpv4Pool"):
        raise AWSError("UnsupportedOperation", "Route tables are associated with subnets alone here.")
    if not call.params.get("SubnetId"):
        raise AWSError("MissingParameter", "The request must contain the parameter subnetId or gatewayId")  # unsourced
    subnet = actions.digits_of(actions.SUBNET, call.params["SubnetId"])
    table = _table(call)
    association = call.backend.routing.associate(call.scope, table, subnet)
    return {"AssociationId": f"{arns.ROUTE_ASSOCIATION}-{association}", "AssociationState": _ASSOCIATED}


@operation("ec2", "DisassociateRouteTable")
def disassociate(call: Call) -> Result:
    digits = actions.digits_of(actions.ROUTE_ASSOCIATION, call.params["AssociationId"])
    actions.check_dry_run(call)
    call.backend.routing.disassociate(call.scope, digits)
    return {}


@operation("ec2", "ReplaceRouteTableAssociation")
def replace_association(call: Call) -> Result:
    digits = actions.digits_of(actions.ROUTE_ASSOCIATION, call.params["AssociationId"])
    made, _ = call.backend.routing.replace_association(call.scope, digits, _table(call))
    return {"NewAssociationId": f"{arns.ROUTE_ASSOCIATION}-{made}", "AssociationState": _ASSOCIATED}


@operation("ec2", "CreateRoute")
def create_route(call: Call) -> Result:
    call.backend.routing.create_route(call.scope, *_wanted(call))
    return {"Return": True}


@operation("ec2", "ReplaceRoute")
def replace_route(call: Call) -> Result:
    call.backend.routing.replace_route(call.scope, *_wanted(call))
    return {}


@operation("ec2", "DeleteRoute")
def delete_route(call: Call) -> Result:
    cidr = _destination(call.params)
    call.backend.routing.delete_route(call.scope, _table(call), cidr)
    return {}


@operation("ec2", "EnableVgwRoutePropagation")
def enable_propagation(call: Call) -> Result:
    raise AWSError(
        "UnsupportedOperation", f"There are no virtual private gateways: {call.params['GatewayId']!r} is none."
    )


def _table(call: Call) -> str:
    """The digits of the table that is named; a dry run ends here."""
    digits = actions.digits_of(actions.ROUTE_TABLE, call.params["RouteTableId"])
    if call.params.get("DryRun"):
        ROUTE_TABLES.of_ids(call, [call.params["RouteTableId"]])
        actions.check_dry_run(call)
    return digits


def _wanted(call: Call) -> tuple[str, Route, str | None]:
    """The table and the route of a request that writes one, and the digits of the VPC that its interface is in."""
    params = call.params
    cidr = _destination(params)
    for name in _NO_TARGETS:
        if params.get(name):
            raise AWSError(
                "UnsupportedOperation",
                f"The parameter {name} is not supported: routes lead to gateways and to network interfaces here.",
            )
    targets = [name for name in _TARGETS if params.get(name)]
    if len(targets) > 1:
        raise AWSError(  # unsourced
            "InvalidParameterCombination", "The request must contain exactly one target of the route"
        )
    if params.get("NatGatewayId"):
        nat = actions.digits_of(actions.ROUTED_NAT_GATEWAY, params["NatGatewayId"])
        return _table(call), Route(cidr, "nat", nat), None
    if params.get("GatewayId"):
        gateway = actions.digits_of(actions.INTERNET_GATEWAY, params["GatewayId"])
        return _table(call), Route(cidr, "gateway", gateway), None
    if not targets:
        raise AWSError("MissingParameter", "The request must contain a target of the route")  # unsourced
    found = _interface(call)
    vpc = arns.short_of(arns.NETWORK, found.words["VpcId"])
    return _table(call), Route(cidr, "interface", arns.short_of(arns.INTERFACE, found.id) or "", _hop(found)), vpc


def _interface(call: Call) -> Interface:
    """The interface that a route is to lead to."""
    if call.params.get("InstanceId"):
        return of_instance(call, call.params["InstanceId"])
    found: Interface = INTERFACES.of_ids(call, [call.params["NetworkInterfaceId"]])[0]
    if found.words["RequesterManaged"]:  # of a balancer, or a gateway
        raise InterfaceManaged(found.id)
    return found


def _hop(found: Interface) -> Hop:
    address: str = found.words["PrivateIpAddress"]
    if found.made is not None:
        return Hop(address, interface=found.made.cloud_id)
    return Hop(address, server=found.instance.server.id if found.instance else "")


def _destination(params: Mapping[str, Any]) -> str:
    for name in _DESTINATIONS:
        if params.get(name):
            raise AWSError(
                "UnsupportedOperation", f"The parameter {name} is not supported: routes are of IPv4 blocks alone here."
            )
    text: str = params.get("DestinationCidrBlock") or ""
    if not text:
        raise AWSError("MissingParameter", "The request must contain the parameter destinationCidrBlock")  # unsourced
    return blocks.of_ipv4(text, "destinationCidrBlock")
