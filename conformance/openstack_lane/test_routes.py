"""Routes to interfaces as the cloud's own router has them, and beside them what its operator wrote."""

from __future__ import annotations

from typing import Any

from conformance.clients import client
from conformance.openstack_lane.operator import Operator
from conformance.product import Access, until

HOME, OFFICE = "192.168.0.0/16", "172.16.0.0/12"


def test_the_router_has_the_routes_of_tables_that_count(server: Access, operator: Operator) -> None:
    ec2: Any = client(server, "ec2", recorded=False)
    vpc = ec2.create_vpc(CidrBlock="10.66.0.0/16")["Vpc"]["VpcId"]
    (router,) = (one for one in operator.owner.network.routers() if one.id.replace("-", "")[:17] == vpc[4:])
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.66.0.0/24")["Subnet"]["SubnetId"]
    ec2.get_waiter("subnet_available").wait(SubnetIds=[subnet])
    made = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    home = {"RouteTableId": table, "DestinationCidrBlock": HOME}
    ec2.create_route(**home, NetworkInterfaceId=made["NetworkInterfaceId"])
    by_hand = {"destination": OFFICE, "nexthop": "10.66.0.200"}
    operator.owner.network.add_extra_routes_to_router(router, {"router": {"routes": [by_hand]}})

    def routes() -> set[tuple[str, str]]:
        told = operator.owner.network.get_router(router.id).routes
        return {(each["destination"], each["nexthop"]) for each in told}

    theirs, ours = (OFFICE, "10.66.0.200"), (HOME, made["PrivateIpAddress"])
    assert routes() == {theirs}
    joined = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    until("it is told the route", lambda: routes() == {theirs, ours})
    ec2.disassociate_route_table(AssociationId=joined)
    until("it has it no more", lambda: routes() == {theirs})
    joined = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    until("it is told again", lambda: routes() == {theirs, ours})
    ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])
    until("nothing is led to an address that is free", lambda: routes() == {theirs}, 150)
    operator.owner.network.remove_extra_routes_from_router(router, {"router": {"routes": [by_hand]}})
    ec2.disassociate_route_table(AssociationId=joined)
    ec2.delete_route_table(RouteTableId=table)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)
    until("the router goes", lambda: operator.owner.network.find_router(router.id) is None)
