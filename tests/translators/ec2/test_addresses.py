"""Elastic addresses, network interfaces that are made by themselves, NAT gateways."""

from __future__ import annotations

from typing import Any

import pytest

from backend.drivers.errors import QuotaExceeded
from backend.drivers.simulated.faults import Where
from tests.factories import OTHER, World
from tests.translators.ec2.wire import Asking, filtered


@pytest.fixture
def subnet(aws: Asking) -> str:
    found: str = aws("DescribeSubnets", Filters=filtered("availability-zone", "us-east-1a"))["Subnets"][0]["SubnetId"]
    return found


@pytest.fixture
def instance(aws: Asking, image: str) -> str:
    run = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    made: str = aws("RunInstances", Placement={"AvailabilityZone": "us-east-1a"}, **run)["Instances"][0]["InstanceId"]
    return made


def address(aws: Asking, allocation: str) -> dict[str, Any]:
    (found,) = aws("DescribeAddresses", AllocationIds=[allocation])["Addresses"]
    return found


def interface(aws: Asking, identity: str) -> dict[str, Any]:
    (found,) = aws("DescribeNetworkInterfaces", NetworkInterfaceIds=[identity])["NetworkInterfaces"]
    return found


def route(aws: Asking, table: str) -> dict[str, Any]:
    """The route that was made in a table."""
    found: dict[str, Any] = aws("DescribeRouteTables", RouteTableIds=[table])["RouteTables"][0]["Routes"][1]
    return found


def public_of(aws: Asking, instance: str) -> str | None:
    (found,) = aws("DescribeInstances", InstanceIds=[instance])["Reservations"]
    return found["Instances"][0].get("PublicIpAddress")


def test_an_address_is_taken_and_given_back(aws: Asking, world: World) -> None:
    tags = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "a", "Value": "b"}]}]
    made = aws("AllocateAddress", Domain="vpc", TagSpecifications=tags)
    told = address(aws, made["AllocationId"])
    assert told == {
        "AllocationId": made["AllocationId"], "Domain": "vpc", "PublicIp": made["PublicIp"],
        "PublicIpv4Pool": "amazon", "NetworkBorderGroup": "us-east-1", "Tags": tags[0]["Tags"],
    }  # fmt: skip
    assert aws("DescribeAddresses", PublicIps=[made["PublicIp"]])["Addresses"] == [told]
    assert Asking(world, scope=OTHER)("DescribeAddresses")["Addresses"] == []
    asked = {"AllocationIds": [made["AllocationId"]], "Attribute": "domain-name"}
    assert aws("DescribeAddressesAttribute", **asked)["Addresses"] == []
    other = aws("AllocateAddress")
    assert other["PublicIp"] != made["PublicIp"]
    aws("ReleaseAddress", AllocationId=made["AllocationId"])
    refused = aws.refused("ReleaseAddress", AllocationId=made["AllocationId"])
    assert (refused.code, refused.message) == (
        "InvalidAllocationID.NotFound", f"The allocation ID '{made['AllocationId']}' does not exist"
    )  # fmt: skip
    assert [each["ResourceId"] for each in aws("DescribeTags")["Tags"]] == []


def test_an_address_leads_to_an_instance(aws: Asking, instance: str) -> None:
    before = public_of(aws, instance)
    made = aws("AllocateAddress")
    allocation, public = made["AllocationId"], made["PublicIp"]
    association = aws("AssociateAddress", AllocationId=allocation, InstanceId=instance)["AssociationId"]
    told = address(aws, allocation)
    assert (told["AssociationId"], told["InstanceId"]) == (association, instance)
    assert public_of(aws, instance) == public != before
    own = interface(aws, told["NetworkInterfaceId"])
    assert (own["Association"]["AllocationId"], own["Association"]["PublicIp"]) == (allocation, public)
    assert own["PrivateIpAddress"] == told["PrivateIpAddress"]
    assert aws.code("ReleaseAddress", AllocationId=allocation) == "InvalidIPAddress.InUse"
    refused = aws.code("AssociateAddress", AllocationId=allocation, InstanceId=instance, AllowReassociation=False)
    assert refused == "Resource.AlreadyAssociated"
    second = aws("AllocateAddress")
    aws("AssociateAddress", AllocationId=second["AllocationId"], NetworkInterfaceId=told["NetworkInterfaceId"])
    assert public_of(aws, instance) == second["PublicIp"]
    assert "AssociationId" not in address(aws, allocation)
    aws("DisassociateAddress", AssociationId=address(aws, second["AllocationId"])["AssociationId"])
    assert public_of(aws, instance) is None
    assert aws.code("DisassociateAddress", AssociationId=association) == "InvalidAssociationID.NotFound"


def test_an_address_is_free_when_its_instance_is_gone(aws: Asking, instance: str) -> None:
    allocation = aws("AllocateAddress")["AllocationId"]
    aws("AssociateAddress", AllocationId=allocation, InstanceId=instance)
    aws("TerminateInstances", InstanceIds=[instance])
    aws.world.clock.move(600)
    assert "AssociationId" not in address(aws, allocation)
    aws("ReleaseAddress", AllocationId=allocation)


def test_a_refusal_of_the_cloud_is_told(aws: Asking, world: World, instance: str) -> None:
    world.simulated.faults.refuse(QuotaExceeded("floatingips", 1, 50), Where(calls=("allocate_address",)), times=1)
    assert aws.code("AllocateAddress") == "AddressLimitExceeded"
    allocation = aws("AllocateAddress")["AllocationId"]
    world.simulated.faults.unavailable(Where(calls=("bind_address",)), times=1)
    assert aws.code("AssociateAddress", AllocationId=allocation, InstanceId=instance) == "Unavailable"
    assert "AssociationId" not in address(aws, allocation)
    assert aws.code("AllocateAddress", Address="198.51.100.1") == "UnsupportedOperation"
    assert aws.code("AllocateAddress", DryRun=True) == "DryRunOperation"


def test_an_interface_is_made_attached_and_ended(aws: Asking, subnet: str, instance: str) -> None:
    group = aws("CreateSecurityGroup", GroupName="web", Description="d")["GroupId"]
    tags = [{"ResourceType": "network-interface", "Tags": [{"Key": "a", "Value": "b"}]}]
    asked = {"SubnetId": subnet, "Description": "mine", "ClientToken": "t", "TagSpecifications": tags}
    made = aws("CreateNetworkInterface", Groups=[group], **asked)["NetworkInterface"]
    assert (
        aws("CreateNetworkInterface", Groups=[group], **asked)["NetworkInterface"]["NetworkInterfaceId"]
        == (made["NetworkInterfaceId"])
    )
    assert aws.code("CreateNetworkInterface", SubnetId=subnet, ClientToken="t") == "IdempotentParameterMismatch"
    identity = made["NetworkInterfaceId"]
    told = interface(aws, identity)
    assert (told["Status"], told["Description"], told["TagSet"]) == ("available", "mine", tags[0]["Tags"])
    assert told["Groups"] == [{"GroupId": group, "GroupName": "web"}]
    assert "Attachment" not in told
    assert aws.code("DeleteSecurityGroup", GroupId=group) == "DependencyViolation"
    attachment = aws("AttachNetworkInterface", NetworkInterfaceId=identity, InstanceId=instance, DeviceIndex=1)
    told = interface(aws, identity)
    assert told["Status"] == "in-use"
    assert told["Attachment"]["InstanceId"] == instance
    refused = aws.refused("DeleteNetworkInterface", NetworkInterfaceId=identity)
    assert refused.message == f"Network interface '{identity}' is currently in use."
    aws("DetachNetworkInterface", AttachmentId=attachment["AttachmentId"])
    default = aws("DescribeSecurityGroups", GroupNames=["default"])["SecurityGroups"][0]["GroupId"]
    aws("ModifyNetworkInterfaceAttribute", NetworkInterfaceId=identity, Groups=[default])
    aws("ModifyNetworkInterfaceAttribute", NetworkInterfaceId=identity, SourceDestCheck={"Value": False})
    aws("ModifyNetworkInterfaceAttribute", NetworkInterfaceId=identity, Description={"Value": "other"})
    told = interface(aws, identity)
    assert (told["SourceDestCheck"], told["Description"], told["Groups"][0]["GroupId"]) == (False, "other", default)
    read = aws("DescribeNetworkInterfaceAttribute", NetworkInterfaceId=identity, Attribute="sourceDestCheck")
    assert read["SourceDestCheck"] == {"Value": False}
    allocation = aws("AllocateAddress")["AllocationId"]
    aws("AssociateAddress", AllocationId=allocation, NetworkInterfaceId=identity)
    assert interface(aws, identity)["Association"]["AllocationId"] == allocation
    aws("DeleteNetworkInterface", NetworkInterfaceId=identity)
    assert "AssociationId" not in address(aws, allocation)
    refused = aws.refused("DeleteNetworkInterface", NetworkInterfaceId=identity)
    assert refused.code == "InvalidNetworkInterfaceID.NotFound"
    aws("DeleteSecurityGroup", GroupId=group)


def test_an_address_of_ones_own_choice(aws: Asking, subnet: str) -> None:
    made = aws("CreateNetworkInterface", SubnetId=subnet, PrivateIpAddress="172.31.0.77")["NetworkInterface"]
    assert made["PrivateIpAddress"] == "172.31.0.77"
    assert aws.refused("CreateNetworkInterface", SubnetId=subnet, PrivateIpAddress="172.31.0.77")
    assert aws.refused("CreateNetworkInterface", SubnetId=subnet, PrivateIpAddress="10.0.0.1")
    assert aws.code("CreateNetworkInterface", SubnetId="subnet-0123456789abcdef0") == "InvalidSubnetID.NotFound"


def test_a_nat_gateway_keeps_an_address_and_has_an_interface(aws: Asking) -> None:
    vpc = aws("CreateVpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = aws("CreateSubnet", VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    allocation = aws("AllocateAddress")["AllocationId"]
    asked = {"SubnetId": subnet, "AllocationId": allocation, "ClientToken": "t"}
    assert aws.code("CreateNatGateway", **asked) == "Gateway.NotAttached"
    assert aws("DescribeNetworkInterfaces", Filters=filtered("subnet-id", subnet))["NetworkInterfaces"] == []
    gateway = aws("CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
    aws("AttachInternetGateway", InternetGatewayId=gateway, VpcId=vpc)
    made = aws("CreateNatGateway", **asked)["NatGateway"]
    identity = made["NatGatewayId"]
    assert aws("CreateNatGateway", **asked)["NatGateway"]["NatGatewayId"] == identity
    (told,) = aws("DescribeNatGateways", Filter=filtered("vpc-id", vpc))["NatGateways"]
    assert (told["State"], told["SubnetId"], told["ConnectivityType"]) == ("available", subnet, "public")
    (inside,) = told["NatGatewayAddresses"]
    assert inside["PrivateIp"].startswith("10.0.1.")
    assert inside["AllocationId"] == allocation
    assert (inside["IsPrimary"], inside["Status"]) == (True, "succeeded")
    own = interface(aws, inside["NetworkInterfaceId"])
    assert (own["InterfaceType"], own["Status"], own["RequesterManaged"]) == ("nat_gateway", "in-use", True)
    assert own["Description"].startswith(f"Interface for NAT Gateway {identity}")
    assert address(aws, allocation)["AssociationId"] == inside["AssociationId"]
    assert aws.code("DisassociateAddress", AssociationId=inside["AssociationId"]) == "AuthFailure"
    assert aws.code("DeleteNetworkInterface", NetworkInterfaceId=inside["NetworkInterfaceId"]) == "AuthFailure"
    assert aws.code("DeleteSubnet", SubnetId=subnet) == "DependencyViolation"
    table = aws("CreateRouteTable", VpcId=vpc)["RouteTable"]["RouteTableId"]
    aws("CreateRoute", RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=identity)
    assert route(aws, table) == {
        "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": identity, "Origin": "CreateRoute", "State": "active"
    }  # fmt: skip
    missing = {"DestinationCidrBlock": "1.0.0.0/8", "NatGatewayId": "nat-0123456789abcdef0"}
    assert aws.code("CreateRoute", RouteTableId=table, **missing) == "InvalidNatGatewayID.NotFound"
    again = {**asked, "ClientToken": "u"}
    assert aws.code("CreateNatGateway", **again) == "Resource.AlreadyAssociated"
    assert aws("DeleteNatGateway", NatGatewayId=identity) == {"NatGatewayId": identity}
    (told,) = aws("DescribeNatGateways", NatGatewayIds=[identity])["NatGateways"]
    assert told["State"] == "deleted"
    assert "DeleteTime" in told
    assert route(aws, table)["State"] == "blackhole"
    assert "AssociationId" not in address(aws, allocation)
    aws("DeleteSubnet", SubnetId=subnet)
    aws.world.clock.move(3601)
    assert aws.code("DescribeNatGateways", NatGatewayIds=[identity]) == "NatGatewayNotFound"


def test_what_a_crash_leaves_is_remembered(aws: Asking, world: World, subnet: str) -> None:
    world.simulated.faults.lose_answer(Where(calls=("create_interface",)))
    made = aws("CreateNetworkInterface", SubnetId=subnet)["NetworkInterface"]
    assert interface(aws, made["NetworkInterfaceId"])["PrivateIpAddress"] == made["PrivateIpAddress"]
    world.simulated.faults.lose_answer(Where(calls=("allocate_address",)))
    aws("AllocateAddress")


def test_an_interface_that_goes_with_its_instance_goes(aws: Asking, subnet: str, instance: str) -> None:
    address, kept = aws("AllocateAddress"), []
    for index, goes in ((1, True), (2, False)):
        identity = aws("CreateNetworkInterface", SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        attached = aws("AttachNetworkInterface", NetworkInterfaceId=identity, InstanceId=instance, DeviceIndex=index)
        change = {"AttachmentId": attached["AttachmentId"], "DeleteOnTermination": goes}
        aws("ModifyNetworkInterfaceAttribute", NetworkInterfaceId=identity, Attachment=change)
        kept.append(identity)
    aws("AssociateAddress", AllocationId=address["AllocationId"], NetworkInterfaceId=kept[0])
    aws("TerminateInstances", InstanceIds=[instance])
    assert aws.code("DescribeNetworkInterfaces", NetworkInterfaceIds=kept[:1]) == "InvalidNetworkInterfaceID.NotFound"
    assert interface(aws, kept[1])["NetworkInterfaceId"] == kept[1]
    aws("ReleaseAddress", AllocationId=address["AllocationId"])
