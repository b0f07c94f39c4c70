"""boto3: a network of one's own, from the VPC to the servers of a group in it, and all of it away again."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from conformance.clients import refused
from conformance.fleet import Fleet, unique
from conformance.product import until

RULE = {"RuleNumber": 100, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}


def named(name: str, *values: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": list(values)}]


def gone(act: Any, **params: Any) -> bool:
    """Whether it could be ended, which what is in it may hold up for a while."""
    try:
        act(**params)
    except ClientError as error:
        if error.response["Error"]["Code"] != "DependencyViolation":
            raise
        return False
    return True


@pytest.fixture
def vpc(ec2: Any) -> Any:
    made = ec2.create_vpc(CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]
    ec2.get_waiter("vpc_available").wait(VpcIds=[made])
    yield made
    until("the VPC goes", lambda: gone(ec2.delete_vpc, VpcId=made), 60)
    with refused("InvalidVpcID.NotFound"):
        ec2.describe_vpcs(VpcIds=[made])


def test_a_group_lives_in_a_network_of_its_own(ec2: Any, fleet: Fleet, vpc: str) -> None:
    zones = sorted(fleet.subnets)[:2]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.60.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for number, zone in enumerate(zones)
    ]
    ec2.get_waiter("subnet_available").wait(SubnetIds=subnets)
    ec2.modify_subnet_attribute(SubnetId=subnets[0], MapPublicIpOnLaunch={"Value": True})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.get_waiter("internet_gateway_exists").wait(InternetGatewayIds=[gateway])
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    way = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
    ec2.create_route(**way, GatewayId=gateway)
    ec2.replace_route(**way, GatewayId=gateway)
    with refused("UnsupportedOperation"):
        ec2.enable_vgw_route_propagation(RouteTableId=table, GatewayId="vgw-0123456789abcdef0")
    joined = [ec2.associate_route_table(RouteTableId=table, SubnetId=each)["AssociationId"] for each in subnets]
    told = ec2.describe_route_tables(Filters=named("association.subnet-id", *subnets))["RouteTables"]
    assert [each["RouteTableId"] for each in told] == [table]

    group = fleet.create(2, VPCZoneIdentifier=",".join(subnets))
    instances = fleet.servers(group, "running")
    assert {each["SubnetId"] for each in instances} == set(subnets)
    assert all(each["PrivateIpAddress"].startswith("10.60.") for each in instances)
    with refused("DependencyViolation"):
        ec2.delete_subnet(SubnetId=subnets[0])
    fleet.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=group, ForceDelete=True)
    for each in joined:
        ec2.disassociate_route_table(AssociationId=each)
    for each in subnets:
        until("the subnet goes", lambda each=each: gone(ec2.delete_subnet, SubnetId=each), 60)
    ec2.delete_route(**way)
    ec2.delete_route_table(RouteTableId=table)
    until("the gateway goes", lambda: gone(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc))
    ec2.delete_internet_gateway(InternetGatewayId=gateway)


def test_what_is_kept_of_a_network(ec2: Any, vpc: str) -> None:
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    told = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
    assert told["EnableDnsHostnames"] == {"Value": True}
    assert ec2.modify_vpc_tenancy(VpcId=vpc, InstanceTenancy="default")["ReturnValue"] is True
    second = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.61.0.0/16")["CidrBlockAssociation"]
    ec2.disassociate_vpc_cidr_block(AssociationId=second["AssociationId"])
    names = [{"Key": "domain-name", "Values": [f"{unique()}.example"]}]
    options = ec2.create_dhcp_options(DhcpConfigurations=names)["DhcpOptions"]["DhcpOptionsId"]
    ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=vpc)
    assert ec2.describe_dhcp_options(DhcpOptionsIds=[options])["DhcpOptions"][0]["DhcpConfigurations"][0]["Key"]
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    ec2.delete_dhcp_options(DhcpOptionsId=options)


def test_tables_and_lists_of_a_network(ec2: Any, vpc: str) -> None:
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.60.9.0/24")["Subnet"]["SubnetId"]
    wanted = [*named("vpc-id", vpc), *named("association.main", "true")]
    (main,) = ec2.describe_route_tables(Filters=wanted)["RouteTables"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    own = main["Associations"][0]["RouteTableAssociationId"]
    made = ec2.replace_route_table_association(AssociationId=own, RouteTableId=table)["NewAssociationId"]
    ec2.replace_route_table_association(AssociationId=made, RouteTableId=main["RouteTableId"])
    ec2.delete_route_table(RouteTableId=table)

    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    for egress in (True, False):
        ec2.create_network_acl_entry(NetworkAclId=acl, Egress=egress, **{**RULE, "RuleNumber": 99})
        ec2.create_network_acl_entry(NetworkAclId=acl, Egress=egress, **RULE)
        ec2.replace_network_acl_entry(NetworkAclId=acl, Egress=egress, **RULE)
        ec2.delete_network_acl_entry(NetworkAclId=acl, Egress=egress, RuleNumber=99)
    (before,) = ec2.describe_network_acls(Filters=named("association.subnet-id", subnet))["NetworkAcls"]
    (association,) = before["Associations"]
    moved = ec2.replace_network_acl_association(AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl)[
        "NewAssociationId"
    ]
    with refused("UnsupportedOperation", "security groups"):
        ec2.create_network_acl_entry(NetworkAclId=acl, Egress=True, **{**RULE, "RuleNumber": 10, "RuleAction": "deny"})
    ec2.replace_network_acl_association(AssociationId=moved, NetworkAclId=before["NetworkAclId"])
    ec2.delete_network_acl(NetworkAclId=acl)
    ec2.delete_subnet(SubnetId=subnet)


def test_a_route_leads_to_an_interface_and_to_an_instance(ec2: Any, vpc: str, fleet: Fleet) -> None:
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.60.5.0/24")["Subnet"]["SubnetId"]
    ec2.get_waiter("subnet_available").wait(SubnetIds=[subnet])
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    joined = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    instance = fleet.run(SubnetId=subnet)
    ec2.modify_instance_attribute(InstanceId=instance, SourceDestCheck={"Value": False})
    home = {"RouteTableId": table, "DestinationCidrBlock": "192.168.0.0/16"}
    office = {"RouteTableId": table, "DestinationCidrBlock": "172.16.0.0/12"}
    ec2.create_route(**home, InstanceId=instance)
    (own,) = ec2.describe_network_interfaces(Filters=named("attachment.instance-id", instance))["NetworkInterfaces"]
    assert _way(ec2, home) == (own["NetworkInterfaceId"], instance, "active")
    told = ec2.describe_route_tables(Filters=named("route.instance-id", instance))["RouteTables"]
    assert [each["RouteTableId"] for each in told] == [table]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    with refused("InvalidParameterValue", "This route can target only an interface or an instance"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.60.5.0/24", GatewayId=gateway)
    with refused("UnsupportedOperation"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", InstanceId=instance)

    made = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=made, SourceDestCheck={"Value": False})
    ec2.create_route(**office, NetworkInterfaceId=made)
    assert _way(ec2, office) == (made, None, "blackhole")
    held = ec2.attach_network_interface(NetworkInterfaceId=made, InstanceId=instance, DeviceIndex=1)["AttachmentId"]
    assert _way(ec2, office) == (made, instance, "active")
    with refused("InvalidInstanceID", "multiple interfaces"):
        ec2.replace_route(**home, InstanceId=instance)
    ec2.replace_route(**home, NetworkInterfaceId=made)
    assert _way(ec2, home) == (made, instance, "active")
    ec2.delete_route(**home)
    ec2.detach_network_interface(AttachmentId=held)
    until("it is free", lambda: _way(ec2, office) == (made, None, "blackhole"), 60)
    ec2.replace_route(**office, InstanceId=instance)
    ec2.delete_network_interface(NetworkInterfaceId=made)
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance])
    assert _way(ec2, office) == (own["NetworkInterfaceId"], None, "blackhole")
    ec2.disassociate_route_table(AssociationId=joined)
    ec2.delete_route_table(RouteTableId=table)
    until("the subnet goes", lambda: gone(ec2.delete_subnet, SubnetId=subnet), 60)
    until("the gateway goes", lambda: gone(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc))
    ec2.delete_internet_gateway(InternetGatewayId=gateway)


def _way(ec2: Any, way: dict[str, str]) -> tuple[str, str | None, str]:
    """The interface that a route leads to, whose it is, and the route's state."""
    (told,) = ec2.describe_route_tables(RouteTableIds=[way["RouteTableId"]])["RouteTables"]
    (found,) = (each for each in told["Routes"] if each["DestinationCidrBlock"] == way["DestinationCidrBlock"])
    return found["NetworkInterfaceId"], found.get("InstanceId"), found["State"]


def test_what_no_cloud_of_ours_has_is_an_empty_list(ec2: Any) -> None:
    for operation, member in (
        ("describe_vpc_endpoints", "VpcEndpoints"),
        ("describe_prefix_lists", "PrefixLists"),
        ("describe_vpc_peering_connections", "VpcPeeringConnections"),
        ("describe_egress_only_internet_gateways", "EgressOnlyInternetGateways"),
    ):
        assert getattr(ec2, operation)()[member] == []


def test_the_default_vpc_is_whole(ec2: Any) -> None:
    (vpc,) = ec2.describe_vpcs(Filters=named("is-default", "true"))["Vpcs"]
    (table,) = ec2.describe_route_tables(Filters=named("vpc-id", vpc["VpcId"]))["RouteTables"]
    (acl,) = ec2.describe_network_acls(Filters=named("vpc-id", vpc["VpcId"]))["NetworkAcls"]
    assert table["Associations"][0]["Main"] is acl["IsDefault"] is True
    ways = [each["GatewayId"] for each in table["Routes"] if each["DestinationCidrBlock"] == "0.0.0.0/0"]
    gateways = ec2.describe_internet_gateways(Filters=named("attachment.vpc-id", vpc["VpcId"]))["InternetGateways"]
    assert [each["InternetGatewayId"] for each in gateways] == ways
    with refused("UnsupportedOperation"):
        ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock=vpc["CidrBlock"])
