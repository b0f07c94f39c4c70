"""Routes that lead to network interfaces and to instances: members, states, words of refusal."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import World
from tests.translators.ec2.wire import Asking, filtered

HOME = "192.168.0.0/16"


@pytest.fixture
def vpc(aws: Asking) -> str:
    made: str = aws("CreateVpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return made


@pytest.fixture
def subnet(aws: Asking, vpc: str) -> str:
    asked = {"VpcId": vpc, "CidrBlock": "10.0.0.0/24", "AvailabilityZone": "us-east-1a"}
    made: str = aws("CreateSubnet", **asked)["Subnet"]["SubnetId"]
    return made


@pytest.fixture
def table(aws: Asking, vpc: str) -> str:
    made: str = aws("CreateRouteTable", VpcId=vpc)["RouteTable"]["RouteTableId"]
    return made


@pytest.fixture
def eni(aws: Asking, subnet: str) -> str:
    made: str = aws("CreateNetworkInterface", SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    return made


@pytest.fixture
def instance(aws: Asking, world: World, subnet: str, image: str) -> str:
    run = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "SubnetId": subnet}
    made: str = aws("RunInstances", **run)["Instances"][0]["InstanceId"]
    world.clock.move(60)
    return made


@pytest.fixture
def gateway(aws: Asking, vpc: str) -> str:
    made: str = aws("CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
    aws("AttachInternetGateway", InternetGatewayId=made, VpcId=vpc)
    return made


def route(aws: Asking, table: str, cidr: str = HOME) -> dict[str, Any]:
    (told,) = aws("DescribeRouteTables", RouteTableIds=[table])["RouteTables"]
    (found,) = (each for each in told["Routes"] if each["DestinationCidrBlock"] == cidr)
    return {name: value for name, value in found.items() if name not in {"DestinationCidrBlock", "Origin"}}


def own_of(aws: Asking, instance: str) -> str:
    asked = filtered("attachment.instance-id", instance)
    (found,) = aws("DescribeNetworkInterfaces", Filters=asked)["NetworkInterfaces"]
    return str(found["NetworkInterfaceId"])


def test_a_route_to_an_interface_is_told_with_whoever_has_it(
    aws: Asking, world: World, table: str, eni: str, instance: str
) -> None:
    way = {"RouteTableId": table, "DestinationCidrBlock": "192.168.7.9/16"}
    assert aws("CreateRoute", **way, NetworkInterfaceId=eni) == {"Return": True}
    assert route(aws, table) == {"NetworkInterfaceId": eni, "State": "blackhole"}
    held = aws("AttachNetworkInterface", NetworkInterfaceId=eni, InstanceId=instance, DeviceIndex=1)["AttachmentId"]
    owner = aws("DescribeRouteTables", RouteTableIds=[table])["RouteTables"][0]["OwnerId"]
    whole = {"NetworkInterfaceId": eni, "InstanceId": instance, "InstanceOwnerId": owner, "State": "active"}
    assert route(aws, table) == whole
    for name, value in (("route.instance-id", instance), ("route.state", "active"), ("route.origin", "CreateRoute")):
        asked = [*filtered(name, value), *filtered("route-table-id", table)]
        assert [each["RouteTableId"] for each in aws("DescribeRouteTables", Filters=asked)["RouteTables"]] == [table]
    aws("StopInstances", InstanceIds=[instance])
    world.clock.move(60)
    assert route(aws, table) == {**whole, "State": "blackhole"}
    aws("StartInstances", InstanceIds=[instance])
    world.clock.move(60)
    assert route(aws, table) == whole
    aws("DetachNetworkInterface", AttachmentId=held)
    assert route(aws, table) == {"NetworkInterfaceId": eni, "State": "blackhole"}
    aws("DeleteNetworkInterface", NetworkInterfaceId=eni)
    assert route(aws, table) == {"NetworkInterfaceId": eni, "State": "blackhole"}
    aws("DeleteRoute", **way)


def test_a_route_to_an_instance_is_one_to_its_interface(aws: Asking, world: World, table: str, instance: str) -> None:
    way = {"RouteTableId": table, "DestinationCidrBlock": HOME}
    own = own_of(aws, instance)
    aws("CreateRoute", **way, InstanceId=instance)
    told = route(aws, table)
    assert (told["NetworkInterfaceId"], told["InstanceId"], told["State"]) == (own, instance, "active")
    aws("ReplaceRoute", **way, NetworkInterfaceId=own)
    assert route(aws, table) == told
    aws("TerminateInstances", InstanceIds=[instance])
    world.clock.move(60)
    assert route(aws, table) == {"NetworkInterfaceId": own, "State": "blackhole"}


def test_an_instance_that_was_launched_with_an_interface_made_before(
    aws: Asking, world: World, table: str, eni: str, image: str
) -> None:
    interface = {"DeviceIndex": 0, "NetworkInterfaceId": eni}
    run = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "NetworkInterfaces": [interface]}
    instance = aws("RunInstances", **run)["Instances"][0]["InstanceId"]
    world.clock.move(60)
    aws("CreateRoute", RouteTableId=table, DestinationCidrBlock=HOME, InstanceId=instance)
    told = route(aws, table)
    assert (told["NetworkInterfaceId"], told["InstanceId"], told["State"]) == (eni, instance, "active")


def test_of_an_instance_with_several_interfaces_one_must_be_named(
    aws: Asking, table: str, eni: str, instance: str
) -> None:
    aws("AttachNetworkInterface", NetworkInterfaceId=eni, InstanceId=instance, DeviceIndex=1)
    allocation = aws("AllocateAddress", Domain="vpc")["AllocationId"]
    for refused in (
        aws.refused("CreateRoute", RouteTableId=table, DestinationCidrBlock=HOME, InstanceId=instance),
        aws.refused("AssociateAddress", AllocationId=allocation, InstanceId=instance),
    ):
        assert (refused.code, refused.message) == (
            "InvalidInstanceID",
            (
                f"There are multiple interfaces attached to instance '{instance}'. "
                "Please specify an interface ID for the operation instead."
            ),
        )


def test_targets_that_are_not_there_or_are_not_one(aws: Asking, table: str, eni: str, gateway: str) -> None:
    way = {"RouteTableId": table, "DestinationCidrBlock": HOME}
    nothing = "0123456789abcdef0"
    for target, code, message in (
        ({"InstanceId": f"i-{nothing}"}, "InvalidInstanceID.NotFound", f"The instance ID 'i-{nothing}' does not exist"),
        (
            {"NetworkInterfaceId": f"eni-{nothing}"},
            "InvalidNetworkInterfaceID.NotFound",
            f"The networkInterface ID 'eni-{nothing}' does not exist",
        ),
    ):
        for operation in ("CreateRoute", "ReplaceRoute"):
            refused = aws.refused(operation, **way, **target)
            assert (refused.code, refused.message) == (code, message)
    assert aws.code("CreateRoute", **way, InstanceId="eni-1") == "InvalidInstanceID.Malformed"
    assert aws.code("CreateRoute", **way) == "MissingParameter"
    both = {"NetworkInterfaceId": eni, "GatewayId": gateway}
    assert aws.code("CreateRoute", **way, **both) == "InvalidParameterCombination"
    assert aws.code("CreateRoute", **way, TransitGatewayId="tgw-1") == "UnsupportedOperation"
    assert aws.code("CreateRoute", **way, NetworkInterfaceId=eni, DryRun=True) == "DryRunOperation"
    assert aws.code("CreateRoute", **way, NetworkInterfaceId=f"eni-{nothing}", DryRun=True) == (
        "InvalidNetworkInterfaceID.NotFound"
    )
    assert aws.code("ReplaceRoute", **way, NetworkInterfaceId=eni) == "InvalidParameterValue"
    aws("CreateRoute", **way, NetworkInterfaceId=eni)
    assert aws.code("CreateRoute", **way, NetworkInterfaceId=eni) == "RouteAlreadyExists"


def test_an_interface_that_is_aws_s_own_is_no_target(aws: Asking, table: str, subnet: str) -> None:
    made = aws("CreateNatGateway", SubnetId=subnet, ConnectivityType="private")["NatGateway"]
    (told,) = aws("DescribeNatGateways", NatGatewayIds=[made["NatGatewayId"]])["NatGateways"]
    own = told["NatGatewayAddresses"][0]["NetworkInterfaceId"]
    asked = {"RouteTableId": table, "DestinationCidrBlock": HOME, "NetworkInterfaceId": own}
    assert aws.code("CreateRoute", **asked) == "AuthFailure"


def test_an_interface_of_another_vpc(aws: Asking, eni: str) -> None:
    other = aws("CreateVpc", CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    table = aws("CreateRouteTable", VpcId=other)["RouteTable"]["RouteTableId"]
    refused = aws.refused("CreateRoute", RouteTableId=table, DestinationCidrBlock=HOME, NetworkInterfaceId=eni)
    assert (refused.code, refused.message) == (
        "InvalidParameterValue",
        f"route table {table} and interface {eni} belong to different networks",
    )


@pytest.mark.parametrize("cidr", ["10.0.0.0/16", "10.0.7.0/24"])
def test_blocks_inside_the_vpc(aws: Asking, table: str, eni: str, gateway: str, cidr: str) -> None:
    way = {"RouteTableId": table, "DestinationCidrBlock": cidr}
    refused = aws.refused("CreateRoute", **way, GatewayId=gateway)
    assert (refused.code, refused.message) == (
        "InvalidParameterValue",
        (
            f"The destination CIDR block {cidr} is equal to or more specific than one of this VPC's CIDR blocks. "
            "This route can target only an interface or an instance."
        ),
    )
    whole = cidr == "10.0.0.0/16"
    assert aws.code("CreateRoute", **way, NetworkInterfaceId=eni) == (
        "RouteAlreadyExists" if whole else "UnsupportedOperation"
    )
    assert aws.code("ReplaceRoute", **way, NetworkInterfaceId=eni) == (
        "UnsupportedOperation" if whole else "InvalidParameterValue"
    )


def test_the_way_of_all_else_is_no_interface_s(aws: Asking, table: str, eni: str, gateway: str) -> None:
    way = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
    assert aws.code("CreateRoute", **way, NetworkInterfaceId=eni) == "UnsupportedOperation"
    aws("CreateRoute", **way, GatewayId=gateway)
    assert aws.code("ReplaceRoute", **way, NetworkInterfaceId=eni) == "UnsupportedOperation"
    aws("CreateRoute", RouteTableId=table, DestinationCidrBlock="0.0.0.0/1", NetworkInterfaceId=eni)


def test_tables_of_a_vpc_agree_where_an_interface_is_led_to(
    aws: Asking, vpc: str, subnet: str, table: str, eni: str, gateway: str
) -> None:
    other = aws("CreateRouteTable", VpcId=vpc)["RouteTable"]["RouteTableId"]
    second = aws("CreateNetworkInterface", SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    here, there = ({"RouteTableId": each, "DestinationCidrBlock": HOME} for each in (table, other))
    aws("CreateRoute", **here, NetworkInterfaceId=eni)
    for target in ({"NetworkInterfaceId": second}, {"GatewayId": gateway}):
        refused = aws.refused("CreateRoute", **there, **target)
        assert refused.code == "UnsupportedOperation"
        assert table in refused.message
    aws("CreateRoute", **there, NetworkInterfaceId=eni)
    assert aws.code("ReplaceRoute", **there, NetworkInterfaceId=second) == "UnsupportedOperation"
    aws("DeleteRoute", **there)
    aws("ReplaceRoute", **here, GatewayId=gateway)
    aws("CreateRoute", **there, GatewayId=gateway)
    assert aws.code("ReplaceRoute", **here, NetworkInterfaceId=eni) == "UnsupportedOperation"


def test_instances_are_listed_only_where_a_route_leads_to_an_interface(
    aws: Asking, world: World, table: str, eni: str, instance: str, gateway: str
) -> None:
    asked: list[str] = []
    world.simulated.faults.hooks.append(lambda _, call: asked.append(call.name))
    aws("CreateRoute", RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    aws("DescribeRouteTables", RouteTableIds=[table])
    assert asked == []
    aws("AttachNetworkInterface", NetworkInterfaceId=eni, InstanceId=instance, DeviceIndex=1)
    aws("CreateRoute", RouteTableId=table, DestinationCidrBlock=HOME, NetworkInterfaceId=eni)
    asked.clear()
    aws("DescribeRouteTables", RouteTableIds=[table])
    assert "list" in asked


def test_a_table_has_fifty_routes_at_most(aws: Asking, table: str, eni: str) -> None:
    for number in range(50):
        asked = {"RouteTableId": table, "DestinationCidrBlock": f"192.168.{number}.0/24"}
        aws("CreateRoute", **asked, NetworkInterfaceId=eni)
    more = {"RouteTableId": table, "DestinationCidrBlock": "192.168.99.0/24"}
    assert aws.code("CreateRoute", **more, NetworkInterfaceId=eni) == "RouteLimitExceeded"


def test_a_vpc_gets_no_block_that_a_route_leads_away(aws: Asking, vpc: str, table: str, eni: str) -> None:
    aws("CreateRoute", RouteTableId=table, DestinationCidrBlock="10.1.4.0/24", NetworkInterfaceId=eni)
    assert aws.code("AssociateVpcCidrBlock", VpcId=vpc, CidrBlock="10.1.0.0/16") == "InvalidVpc.Conflict"
