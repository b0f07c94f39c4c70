"""boto3: elastic addresses, interfaces of one's own and NAT gateways in a network of one's own."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.clients import refused
from conformance.fleet import Fleet
from conformance.product import until


@pytest.fixture
def subnet(ec2: Any) -> Any:
    vpc = ec2.create_vpc(CidrBlock="10.61.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.61.0.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.get_waiter("subnet_available").wait(SubnetIds=[made])
    yield made
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_subnet(SubnetId=made)
    ec2.delete_vpc(VpcId=vpc)


def test_a_nat_gateway_has_an_address(ec2: Any, subnet: str) -> None:
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[made])
    (told,) = ec2.describe_nat_gateways(NatGatewayIds=[made])["NatGateways"]
    assert told["NatGatewayAddresses"][0]["AllocationId"] == address
    assert told["NatGatewayAddresses"][0]["PrivateIp"].startswith("10.61.0.")
    ec2.delete_nat_gateway(NatGatewayId=made)
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[made])
    ec2.release_address(AllocationId=address)
    with refused("InvalidAllocationID.NotFound"):
        ec2.describe_addresses(AllocationIds=[address])


def test_an_interface_comes_to_an_instance_and_goes(ec2: Any, subnet: str, fleet: Fleet) -> None:
    instance = fleet.run(SubnetId=subnet)
    until("the instance runs", lambda: _state(ec2, instance) == "running", 60)
    made = ec2.create_network_interface(SubnetId=subnet, Description="mine")["NetworkInterface"]["NetworkInterfaceId"]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=made, Description={"Value": "ours"})
    told = ec2.describe_network_interface_attribute(NetworkInterfaceId=made, Attribute="description")
    assert told["Description"]["Value"] == "ours"
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    led = ec2.associate_address(AllocationId=address, NetworkInterfaceId=made)["AssociationId"]
    assert ec2.describe_addresses_attribute(Attribute="domain-name", AllocationIds=[address])["Addresses"] is not None
    (told,) = ec2.describe_addresses(AllocationIds=[address])["Addresses"]
    assert (told["NetworkInterfaceId"], told["AssociationId"]) == (made, led)
    held = ec2.attach_network_interface(NetworkInterfaceId=made, InstanceId=instance, DeviceIndex=1)["AttachmentId"]
    (whole,) = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
    first, second = whole["NetworkInterfaces"]
    assert (first["PrivateIpAddress"], "PublicIpAddress" in whole) == (whole["PrivateIpAddress"], False)
    assert second["NetworkInterfaceId"] == made
    assert second["Association"]["PublicIp"] == told["PublicIp"]
    assert (second["Attachment"]["AttachmentId"], second["Attachment"]["DeviceIndex"]) == (held, 1)
    ec2.disassociate_address(AssociationId=led)
    ec2.release_address(AllocationId=address)
    ec2.detach_network_interface(AttachmentId=held)
    until("it is free", lambda: _status(ec2, made) == "available", 60)
    held = ec2.attach_network_interface(NetworkInterfaceId=made, InstanceId=instance, DeviceIndex=1)["AttachmentId"]
    goes = {"AttachmentId": held, "DeleteOnTermination": True}
    ec2.modify_network_interface_attribute(NetworkInterfaceId=made, Attachment=goes)
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance])
    until("it is gone, too", lambda: _gone(ec2, made), 60)


def test_an_instance_is_launched_with_an_interface_that_was_made_before(ec2: Any, subnet: str, fleet: Fleet) -> None:
    made = ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.61.0.50")["NetworkInterface"]
    eni = made["NetworkInterfaceId"]
    on_it = [{"DeviceIndex": 0, "NetworkInterfaceId": eni, "DeleteOnTermination": False}]
    for _ in range(2):
        instance = fleet.run(NetworkInterfaces=on_it)
        until("the instance runs", lambda: _state(ec2, instance) == "running", 60)  # noqa: B023 - asked at once
        told = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        assert (told["PrivateIpAddress"], told["SubnetId"]) == ("10.61.0.50", subnet)
        assert "PublicIpAddress" not in told
        (inner,) = told["NetworkInterfaces"]
        assert (inner["NetworkInterfaceId"], inner["Attachment"]["DeleteOnTermination"]) == (eni, False)
        assert inner["Groups"] == told["SecurityGroups"] == made["Groups"]
        (outer,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"]
        assert (outer["Status"], outer["Attachment"]["InstanceId"]) == ("in-use", instance)
        with refused("InvalidNetworkInterface.InUse"):
            fleet.run(NetworkInterfaces=on_it)
        ec2.modify_instance_attribute(InstanceId=instance, SourceDestCheck={"Value": False})
        address = ec2.allocate_address(Domain="vpc")
        ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=instance)
        assert _public(ec2, instance) == address["PublicIp"]
        (led,) = ec2.describe_addresses(AllocationIds=[address["AllocationId"]])["Addresses"]
        assert (led["InstanceId"], led["NetworkInterfaceId"]) == (instance, eni)
        ec2.disassociate_address(AssociationId=led["AssociationId"])
        ec2.release_address(AllocationId=address["AllocationId"])
        ec2.terminate_instances(InstanceIds=[instance])
        ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance])
        assert _status(ec2, eni) == "available"
    ec2.delete_network_interface(NetworkInterfaceId=eni)
    with refused("InvalidNetworkInterfaceID.NotFound"):
        fleet.run(NetworkInterfaces=on_it)


def test_launches_into_a_public_subnet_have_addresses_until_they_are_gone(ec2: Any, subnet: str, fleet: Fleet) -> None:
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    usual = fleet.run(SubnetId=subnet)
    apart = {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": False}
    more = {"ImageId": fleet.image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    hidden = ec2.run_instances(NetworkInterfaces=[apart], **more)["Instances"][0]["InstanceId"]
    until("it has an address", lambda: _public(ec2, usual), 60)
    until("both run", lambda: {_state(ec2, usual), _state(ec2, hidden)} == {"running"}, 60)
    assert _public(ec2, hidden) is None
    (told,) = ec2.describe_network_interfaces(Filters=[{"Name": "attachment.instance-id", "Values": [usual]}])[
        "NetworkInterfaces"
    ]
    assert told["Association"]["PublicIp"] == _public(ec2, usual)
    vpc = told["VpcId"]
    (gateway,) = ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc]}])[
        "InternetGateways"
    ]
    with refused("DependencyViolation"):
        ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc)
    kept = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=kept["AllocationId"], InstanceId=usual)
    assert _public(ec2, usual) == kept["PublicIp"]
    ec2.terminate_instances(InstanceIds=[usual, hidden])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[usual, hidden])
    ec2.release_address(AllocationId=kept["AllocationId"])


def _public(ec2: Any, instance: str) -> str | None:
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    address: str | None = found.get("PublicIpAddress")
    return address


def _state(ec2: Any, instance: str) -> str:
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return str(found["State"]["Name"])


def _gone(ec2: Any, interface: str) -> bool:
    filters = [{"Name": "network-interface-id", "Values": [interface]}]
    return not ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]


def _status(ec2: Any, interface: str) -> str:
    return str(ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]["Status"])
