"""VPCs and what is in them, made and ended: members, words and codes."""

from __future__ import annotations

from typing import Any

import pytest

from backend import Backend
from tests.factories import SCOPE, World
from tests.translators.ec2.wire import Asking, filtered

NOTHING = "0123456789abcdef0"


def tagged(kind: str, **tags: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


@pytest.fixture
def vpc(aws: Asking) -> str:
    made: str = aws("CreateVpc", CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc", Name="v"))["Vpc"]["VpcId"]
    return made


@pytest.fixture
def subnet(aws: Asking, vpc: str) -> str:
    made: str = aws("CreateSubnet", VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    return made


@pytest.fixture
def gateway(aws: Asking, vpc: str) -> str:
    made: str = aws("CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
    aws("AttachInternetGateway", InternetGatewayId=made, VpcId=vpc)
    return made


@pytest.fixture
def table(aws: Asking, vpc: str) -> str:
    made: str = aws("CreateRouteTable", VpcId=vpc)["RouteTable"]["RouteTableId"]
    return made


def acl_of(aws: Asking, vpc: str, **filters: str) -> dict[str, Any]:
    (acl,) = aws("DescribeNetworkAcls", Filters=[*filtered("vpc-id", vpc), *filtered("default", "true")])["NetworkAcls"]
    return dict(acl)


def main_of(aws: Asking, vpc: str) -> dict[str, Any]:
    asked = [*filtered("vpc-id", vpc), *filtered("association.main", "true")]
    (table,) = aws("DescribeRouteTables", Filters=asked)["RouteTables"]
    return dict(table)


def routes(aws: Asking, table: str) -> dict[str, tuple[str, str]]:
    """Destination -> gateway and state."""
    (told,) = aws("DescribeRouteTables", RouteTableIds=[table])["RouteTables"]
    return {each["DestinationCidrBlock"]: (each["GatewayId"], each["State"]) for each in told["Routes"]}


def test_what_comes_with_a_vpc(aws: Asking) -> None:
    made = aws("CreateVpc", CidrBlock="10.0.5.9/16", TagSpecifications=tagged("vpc", a="b"))["Vpc"]
    assert (made["State"], made["CidrBlock"], made["IsDefault"]) == ("pending", "10.0.0.0/16", False)
    assert made["Tags"] == [{"Key": "a", "Value": "b"}]
    assert "BlockPublicAccessStates" not in made
    (told,) = aws("DescribeVpcs", VpcIds=[made["VpcId"]])["Vpcs"]
    assert told == {**made, "State": "available", "BlockPublicAccessStates": {"InternetGatewayBlockMode": "off"}}
    main, acl = main_of(aws, made["VpcId"]), acl_of(aws, made["VpcId"])
    assert [each["Main"] for each in main["Associations"]] == [True]
    assert [(each["DestinationCidrBlock"], each["GatewayId"]) for each in main["Routes"]] == [("10.0.0.0/16", "local")]
    assert [(each["RuleNumber"], each["RuleAction"], each["Egress"]) for each in acl["Entries"]] == [
        *((100, "allow", True), (32767, "deny", True)),
        *((100, "allow", False), (32767, "deny", False)),
    ]
    (options,) = aws("DescribeDhcpOptions", DhcpOptionsIds=[told["DhcpOptionsId"]])["DhcpOptions"]
    assert [each["Key"] for each in options["DhcpConfigurations"]] == ["domain-name", "domain-name-servers"]


def test_attributes_of_a_vpc(aws: Asking, vpc: str) -> None:
    for member, before in (
        ("EnableDnsSupport", True),
        ("EnableDnsHostnames", False),
        ("EnableNetworkAddressUsageMetrics", False),
    ):
        attribute = member[0].lower() + member[1:]
        assert aws("DescribeVpcAttribute", VpcId=vpc, Attribute=attribute)[member] == {"Value": before}
        aws("ModifyVpcAttribute", VpcId=vpc, **{member: {"Value": not before}})
        assert aws("DescribeVpcAttribute", VpcId=vpc, Attribute=attribute)[member] == {"Value": not before}
    both = {"EnableDnsSupport": {"Value": True}, "EnableDnsHostnames": {"Value": True}}
    assert aws.code("ModifyVpcAttribute", VpcId=vpc, **both) == "InvalidParameterCombination"


def test_blocks_of_a_vpc(aws: Asking, vpc: str) -> None:
    made = aws("AssociateVpcCidrBlock", VpcId=vpc, CidrBlock="10.1.0.0/16")["CidrBlockAssociation"]
    assert made["CidrBlockState"] == {"State": "associating"}
    subnet = aws("CreateSubnet", VpcId=vpc, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    told = aws("DescribeVpcs", VpcIds=[vpc])["Vpcs"][0]["CidrBlockAssociationSet"]
    assert [each["CidrBlock"] for each in told] == ["10.0.0.0/16", "10.1.0.0/16"]
    assert len(main_of(aws, vpc)["Routes"]) == 2
    assert aws.code("AssociateVpcCidrBlock", VpcId=vpc, CidrBlock="10.1.8.0/24") == "InvalidVpc.Conflict"
    first, second = (each["AssociationId"] for each in told)
    assert aws.code("DisassociateVpcCidrBlock", AssociationId=first) == "OperationNotPermitted"
    assert aws.code("DisassociateVpcCidrBlock", AssociationId=second) == "DependencyViolation"
    aws("DeleteSubnet", SubnetId=subnet)
    gone = aws("DisassociateVpcCidrBlock", AssociationId=second)
    assert gone["CidrBlockAssociation"]["CidrBlockState"] == {"State": "disassociating"}
    for number in range(2, 6):
        aws("AssociateVpcCidrBlock", VpcId=vpc, CidrBlock=f"10.{number}.0.0/16")
    assert aws.code("AssociateVpcCidrBlock", VpcId=vpc, CidrBlock="10.9.0.0/16") == "CidrLimitExceeded"


def test_a_subnet_and_its_attributes(aws: Asking, vpc: str) -> None:
    made = aws("CreateSubnet", VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZoneId="use1-az2")["Subnet"]
    assert (made["AvailabilityZone"], made["State"], made["AvailableIpAddressCount"]) == (
        "us-east-1b",
        "available",
        251,
    )
    assert made["DefaultForAz"] is made["MapPublicIpOnLaunch"] is False
    aws("ModifySubnetAttribute", SubnetId=made["SubnetId"], MapPublicIpOnLaunch={"Value": True})
    aws("ModifySubnetAttribute", SubnetId=made["SubnetId"], EnableResourceNameDnsARecordOnLaunch={"Value": True})
    aws("ModifySubnetAttribute", SubnetId=made["SubnetId"], AssignIpv6AddressOnCreation={"Value": False})
    (told,) = aws("DescribeSubnets", SubnetIds=[made["SubnetId"]])["Subnets"]
    assert told["MapPublicIpOnLaunch"] is True
    assert told["PrivateDnsNameOptionsOnLaunch"]["EnableResourceNameDnsARecord"] is True
    refused = aws.code("ModifySubnetAttribute", SubnetId=made["SubnetId"], EnableDns64={"Value": True})
    assert refused == "UnsupportedOperation"
    (association,) = acl_of(aws, vpc)["Associations"]
    assert association["SubnetId"] == made["SubnetId"]


def test_servers_go_where_they_are_told(aws: Asking, world: World, vpc: str, subnet: str, image: str) -> None:
    launched = aws("RunInstances", ImageId=image, InstanceType="t3.micro", MinCount=2, MaxCount=2, SubnetId=subnet)
    assert [each["PrivateIpAddress"] for each in launched["Instances"]] == ["10.0.0.4", "10.0.0.5"]
    assert {(each["VpcId"], each["SubnetId"]) for each in launched["Instances"]} == {(vpc, subnet)}
    world.clock.move(60)
    assert aws("DescribeSubnets", SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"] == 249
    assert aws.code("DeleteSubnet", SubnetId=subnet) == "DependencyViolation"
    aws("TerminateInstances", InstanceIds=[each["InstanceId"] for each in launched["Instances"]])
    world.clock.move(60)
    aws("DeleteSubnet", SubnetId=subnet)


def test_a_gateway_comes_to_a_vpc_and_leaves_it(aws: Asking, vpc: str, gateway: str) -> None:
    (told,) = aws("DescribeInternetGateways", Filters=filtered("attachment.vpc-id", vpc))["InternetGateways"]
    assert told["Attachments"] == [{"State": "available", "VpcId": vpc}]
    again = {"InternetGatewayId": gateway, "VpcId": vpc}
    assert aws.code("AttachInternetGateway", **again) == "Resource.AlreadyAssociated"
    other = aws("CreateInternetGateway")["InternetGateway"]
    assert other["Attachments"] == other["Tags"] == []
    assert aws.code("AttachInternetGateway", InternetGatewayId=other["InternetGatewayId"], VpcId=vpc) == (
        "InvalidParameterValue"
    )
    assert aws.code("DetachInternetGateway", InternetGatewayId=other["InternetGatewayId"], VpcId=vpc) == (
        "Gateway.NotAttached"
    )
    assert aws.code("DeleteInternetGateway", InternetGatewayId=gateway) == "DependencyViolation"
    assert aws.code("DeleteVpc", VpcId=vpc) == "DependencyViolation"
    aws("DetachInternetGateway", **again)
    aws("DeleteInternetGateway", InternetGatewayId=gateway)
    assert aws.code("DescribeInternetGateways", InternetGatewayIds=[gateway]) == "InvalidInternetGatewayID.NotFound"


def test_a_gateway_stays_while_public_addresses_lead_in(
    aws: Asking, world: World, vpc: str, subnet: str, gateway: str, image: str
) -> None:
    address = aws("AllocateAddress", Domain="vpc")["AllocationId"]
    interface = aws("CreateNetworkInterface", SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    joined = aws("AssociateAddress", AllocationId=address, NetworkInterfaceId=interface)["AssociationId"]
    detach = {"InternetGatewayId": gateway, "VpcId": vpc}
    refused = aws.refused("DetachInternetGateway", **detach)
    assert (refused.code, refused.message) == (
        "DependencyViolation",
        (
            f"Network {vpc} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway."
        ),
    )
    aws("DisassociateAddress", AssociationId=joined)
    launched = aws("RunInstances", ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, SubnetId=subnet)
    instance = launched["Instances"][0]["InstanceId"]
    world.clock.move(60)
    aws("AssociateAddress", AllocationId=address, InstanceId=instance)
    assert aws.code("DetachInternetGateway", **detach) == "DependencyViolation"
    aws("TerminateInstances", InstanceIds=[instance])
    world.clock.move(60)
    aws("DetachInternetGateway", **detach)


def test_routes(aws: Asking, vpc: str, gateway: str, table: str) -> None:
    everything = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
    assert aws("CreateRoute", **everything, GatewayId=gateway) == {"Return": True}
    assert routes(aws, table) == {"10.0.0.0/16": ("local", "active"), "0.0.0.0/0": (gateway, "active")}
    twice = aws.refused("CreateRoute", **everything, GatewayId=gateway)
    assert (twice.code, twice.message) == (
        "RouteAlreadyExists",
        "The route identified by 0.0.0.0/0 already exists.",
    )
    aws("ReplaceRoute", **everything, GatewayId=gateway)
    aws("DetachInternetGateway", InternetGatewayId=gateway, VpcId=vpc)
    assert routes(aws, table)["0.0.0.0/0"] == (gateway, "blackhole")
    assert aws.code("ReplaceRoute", **everything, GatewayId=gateway) == "InvalidParameterValue"
    aws("DeleteRoute", **everything)
    gone = aws.refused("DeleteRoute", **everything)
    assert (gone.code, gone.message) == (
        "InvalidRoute.NotFound",
        f"no route with destination-cidr-block 0.0.0.0/0 in route table {table}",
    )
    local = aws.refused("DeleteRoute", RouteTableId=table, DestinationCidrBlock="10.0.0.0/16")
    assert "cannot remove local route" in local.message


def test_tables_and_who_has_them(aws: Asking, vpc: str, subnet: str, table: str) -> None:
    joined = aws("AssociateRouteTable", RouteTableId=table, SubnetId=subnet)
    assert joined["AssociationState"] == {"State": "associated"}
    assert aws("AssociateRouteTable", RouteTableId=table, SubnetId=subnet) == joined
    other = aws("CreateRouteTable", VpcId=vpc)["RouteTable"]["RouteTableId"]
    assert aws.code("AssociateRouteTable", RouteTableId=other, SubnetId=subnet) == "Resource.AlreadyAssociated"
    assert aws.code("DeleteRouteTable", RouteTableId=table) == "DependencyViolation"
    moved = aws("ReplaceRouteTableAssociation", AssociationId=joined["AssociationId"], RouteTableId=other)
    assert moved["NewAssociationId"] != joined["AssociationId"]
    named = filtered("association.route-table-association-id", moved["NewAssociationId"])
    assert [each["RouteTableId"] for each in aws("DescribeRouteTables", Filters=named)["RouteTables"]] == [other]
    aws("DisassociateRouteTable", AssociationId=moved["NewAssociationId"])
    assert (
        aws.code("DisassociateRouteTable", AssociationId=moved["NewAssociationId"]) == "InvalidAssociationID.NotFound"
    )


def test_the_main_table_can_be_another(aws: Asking, vpc: str, table: str) -> None:
    main = main_of(aws, vpc)
    (association,) = main["Associations"]
    own = association["RouteTableAssociationId"]
    assert aws.code("DisassociateRouteTable", AssociationId=own) == "InvalidParameterValue"
    assert aws.code("DeleteRouteTable", RouteTableId=main["RouteTableId"]) == "DependencyViolation"
    made = aws("ReplaceRouteTableAssociation", AssociationId=own, RouteTableId=table)["NewAssociationId"]
    assert main_of(aws, vpc)["RouteTableId"] == table
    aws("ReplaceRouteTableAssociation", AssociationId=made, RouteTableId=main["RouteTableId"])
    aws("DeleteRouteTable", RouteTableId=table)
    assert main_of(aws, vpc)["RouteTableId"] == main["RouteTableId"]


def test_a_client_token_makes_one_table(aws: Asking, vpc: str) -> None:
    for operation, member, name in (
        ("CreateRouteTable", "RouteTable", "RouteTableId"),
        ("CreateNetworkAcl", "NetworkAcl", "NetworkAclId"),
    ):
        one, two = (aws(operation, VpcId=vpc, ClientToken="t") for _ in range(2))
        assert one[member][name] == two[member][name]
        assert one["ClientToken"] == "t"
        third = aws(operation, VpcId=vpc)
        assert third[member][name] != one[member][name]
        assert third["ClientToken"]


@pytest.mark.parametrize(
    ("make", "end", "name"),
    [
        ("CreateRouteTable", "DeleteRouteTable", "RouteTableId"),
        ("CreateNetworkAcl", "DeleteNetworkAcl", "NetworkAclId"),
    ],
)
def test_a_token_of_what_was_deleted_since(aws: Asking, vpc: str, make: str, end: str, name: str) -> None:
    (told,) = (each for each in aws(make, VpcId=vpc, ClientToken="t").values() if isinstance(each, dict))
    aws(end, **{name: told[name]})
    assert told[name] in aws.refused(make, VpcId=vpc, ClientToken="t").message


def test_an_acl_that_subnets_have_is_not_narrowed(aws: Asking, vpc: str, subnet: str) -> None:
    acl = acl_of(aws, vpc)["NetworkAclId"]
    ssh = {"Protocol": "6", "PortRange": {"From": 22, "To": 22}, "RuleAction": "allow", "CidrBlock": "192.168.0.0/24"}
    narrowed = {"NetworkAclId": acl, "RuleNumber": 100, "Egress": False, **ssh}
    assert aws.code("ReplaceNetworkAclEntry", **narrowed) == "UnsupportedOperation"
    aws("CreateNetworkAclEntry", **{**narrowed, "RuleNumber": 50})  # beside the one that lets everything pass
    aws("DeleteNetworkAclEntry", NetworkAclId=acl, RuleNumber=100, Egress=False)
    assert aws.code("CreateNetworkAclEntry", **narrowed) == "UnsupportedOperation"
    wide = {"RuleNumber": 100, "Protocol": "-1", "RuleAction": "allow", "Egress": False, "CidrBlock": "0.0.0.0/0"}
    aws("CreateNetworkAclEntry", NetworkAclId=acl, **wide)
    assert subnet in {each["SubnetId"] for each in acl_of(aws, vpc)["Associations"]}


def test_the_default_acl_as_terraform_takes_it_over(aws: Asking, vpc: str) -> None:
    acl = acl_of(aws, vpc)["NetworkAclId"]
    rule = {"RuleNumber": 100, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}
    for egress in (True, False):
        aws("DeleteNetworkAclEntry", NetworkAclId=acl, RuleNumber=100, Egress=egress)
        aws("CreateNetworkAclEntry", NetworkAclId=acl, Egress=egress, PortRange={"From": 0, "To": 0}, **rule)
        assert aws.code("CreateNetworkAclEntry", NetworkAclId=acl, Egress=egress, **rule) == (
            "NetworkAclEntryAlreadyExists"
        )
    assert len(acl_of(aws, vpc)["Entries"]) == 4
    deny = {**rule, "RuleNumber": 90, "RuleAction": "deny", "Egress": False}
    assert aws.code("CreateNetworkAclEntry", NetworkAclId=acl, **deny) == "UnsupportedOperation"
    assert aws.code("DeleteNetworkAclEntry", NetworkAclId=acl, RuleNumber=90, Egress=True) == (
        "InvalidNetworkAclEntry.NotFound"
    )
    assert aws.code("DeleteNetworkAcl", NetworkAclId=acl) == "InvalidParameterValue"


def test_a_subnet_gets_an_acl_that_lets_everything_pass(aws: Asking, vpc: str, subnet: str) -> None:
    acl = aws("CreateNetworkAcl", VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    named = filtered("association.subnet-id", subnet)
    (before,) = aws("DescribeNetworkAcls", Filters=named)["NetworkAcls"]
    association = before["Associations"][0]["NetworkAclAssociationId"]
    move = {"AssociationId": association, "NetworkAclId": acl}
    assert aws.code("ReplaceNetworkAclAssociation", **move) == "UnsupportedOperation"
    web = {"Protocol": "6", "PortRange": {"From": 80, "To": 80}, "RuleNumber": 100, "Egress": False}
    for number, entry in enumerate((web, {"Protocol": "-1", "RuleNumber": 100, "Egress": True})):
        aws("CreateNetworkAclEntry", NetworkAclId=acl, RuleAction="allow", CidrBlock="0.0.0.0/0", **entry)
        assert aws.code("ReplaceNetworkAclAssociation", **move) == "UnsupportedOperation", number
    wide = {**web, "Protocol": "-1"}
    aws("ReplaceNetworkAclEntry", NetworkAclId=acl, RuleAction="allow", CidrBlock="0.0.0.0/0", **wide)
    made = aws("ReplaceNetworkAclAssociation", **move)["NewAssociationId"]
    assert [each["NetworkAclId"] for each in aws("DescribeNetworkAcls", Filters=named)["NetworkAcls"]] == [acl]
    assert aws.code("DeleteNetworkAcl", NetworkAclId=acl) == "DependencyViolation"
    assert aws.code("ReplaceNetworkAclAssociation", **move) == "InvalidAssociationID.NotFound"
    aws("ReplaceNetworkAclAssociation", AssociationId=made, NetworkAclId=before["NetworkAclId"])
    aws("DeleteNetworkAcl", NetworkAclId=acl)


def test_dhcp_options(aws: Asking, vpc: str) -> None:
    own = aws("DescribeVpcs", VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"]
    given = [{"Key": "domain-name", "Values": ["example.org"]}, {"Key": "ntp-servers", "Values": ["10.0.0.2"]}]
    made = aws("CreateDhcpOptions", DhcpConfigurations=given)["DhcpOptions"]
    assert [each["Values"][0]["Value"] for each in made["DhcpConfigurations"]] == ["example.org", "10.0.0.2"]
    aws("AssociateDhcpOptions", DhcpOptionsId=made["DhcpOptionsId"], VpcId=vpc)
    assert aws("DescribeVpcs", Filters=filtered("dhcp-options-id", made["DhcpOptionsId"]))["Vpcs"][0]["VpcId"] == vpc
    assert aws.code("DeleteDhcpOptions", DhcpOptionsId=made["DhcpOptionsId"]) == "DependencyViolation"
    aws("AssociateDhcpOptions", DhcpOptionsId="default", VpcId=vpc)
    assert aws("DescribeVpcs", VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"] == own
    aws("DeleteDhcpOptions", DhcpOptionsId=made["DhcpOptionsId"])
    assert aws.code("DeleteDhcpOptions", DhcpOptionsId=own) == "UnsupportedOperation"
    for key, value in (
        ("colour", "blue"),
        ("domain-name-servers", "0.0.0.0"),
        ("domain-name-servers", "ns.example.org"),
        ("ntp-servers", "AmazonProvidedDNS"),
    ):
        bad = [{"Key": key, "Values": [value]}]
        assert aws.code("CreateDhcpOptions", DhcpConfigurations=bad) == "InvalidParameterValue"


def test_tags_go_with_their_things(aws: Asking, world: World) -> None:
    vpc = aws("CreateVpc", CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc", a="1"))["Vpc"]["VpcId"]
    made = {
        "subnet": aws("CreateSubnet", VpcId=vpc, CidrBlock="10.0.0.0/24", TagSpecifications=tagged("subnet", a="1"))[
            "Subnet"
        ]["SubnetId"],
        "internet-gateway": aws("CreateInternetGateway", TagSpecifications=tagged("internet-gateway", a="1"))[
            "InternetGateway"
        ]["InternetGatewayId"],
        "route-table": aws("CreateRouteTable", VpcId=vpc, TagSpecifications=tagged("route-table", a="1"))["RouteTable"][
            "RouteTableId"
        ],
        "network-acl": aws("CreateNetworkAcl", VpcId=vpc, TagSpecifications=tagged("network-acl", a="1"))["NetworkAcl"][
            "NetworkAclId"
        ],
        "dhcp-options": aws(
            "CreateDhcpOptions",
            DhcpConfigurations=[{"Key": "domain-name", "Values": ["x"]}],
            TagSpecifications=tagged("dhcp-options", a="1"),
        )["DhcpOptions"]["DhcpOptionsId"],
    }
    main, acl = main_of(aws, vpc)["RouteTableId"], acl_of(aws, vpc)["NetworkAclId"]
    aws("CreateTags", Resources=[*made.values(), vpc, main, acl], Tags=[{"Key": "b", "Value": "2"}])
    told = {(each["ResourceId"], each["ResourceType"]) for each in aws("DescribeTags")["Tags"] if each["Key"] == "a"}
    assert told == {(each, kind) for kind, each in {**made, "vpc": vpc}.items()}
    aws("DeleteSubnet", SubnetId=made["subnet"])
    aws("DeleteInternetGateway", InternetGatewayId=made["internet-gateway"])
    aws("DeleteRouteTable", RouteTableId=made["route-table"])
    aws("DeleteNetworkAcl", NetworkAclId=made["network-acl"])
    aws("DeleteDhcpOptions", DhcpOptionsId=made["dhcp-options"])
    aws("DeleteVpc", VpcId=vpc)
    assert world.backend.resource_tags.all(SCOPE) == {}


def test_the_clouds_own_network_is_shown_whole_and_not_changed(aws: Asking) -> None:
    vpc = aws("DescribeVpcs", Filters=filtered("is-default", "true"))["Vpcs"][0]["VpcId"]
    main, acl = main_of(aws, vpc), acl_of(aws, vpc)
    (gateway,) = aws("DescribeInternetGateways", Filters=filtered("attachment.vpc-id", vpc))["InternetGateways"]
    assert [each["DestinationCidrBlock"] for each in main["Routes"]] == ["172.31.0.0/16", "0.0.0.0/0"]
    assert main["Routes"][1]["GatewayId"] == gateway["InternetGatewayId"]
    assert len(acl["Associations"]) == 3
    assert aws("DescribeRouteTables", RouteTableIds=[main["RouteTableId"]])["RouteTables"] == [main]
    subnet = acl["Associations"][0]["SubnetId"]
    for operation, params in (
        ("CreateSubnet", {"VpcId": vpc, "CidrBlock": "172.31.200.0/24"}),
        ("DeleteVpc", {"VpcId": vpc}),
        ("DeleteSubnet", {"SubnetId": subnet}),
        ("ModifySubnetAttribute", {"SubnetId": subnet, "MapPublicIpOnLaunch": {"Value": False}}),
        ("ModifyVpcAttribute", {"VpcId": vpc, "EnableDnsHostnames": {"Value": True}}),
        ("AssociateVpcCidrBlock", {"VpcId": vpc, "CidrBlock": "10.0.0.0/16"}),
        ("DetachInternetGateway", {"VpcId": vpc, "InternetGatewayId": gateway["InternetGatewayId"]}),
        ("DeleteInternetGateway", {"InternetGatewayId": gateway["InternetGatewayId"]}),
        ("CreateRouteTable", {"VpcId": vpc}),
        ("DeleteRoute", {"RouteTableId": main["RouteTableId"], "DestinationCidrBlock": "0.0.0.0/0"}),
        ("DeleteRouteTable", {"RouteTableId": main["RouteTableId"]}),
        ("DisassociateRouteTable", {"AssociationId": main["Associations"][0]["RouteTableAssociationId"]}),
        ("CreateNetworkAcl", {"VpcId": vpc}),
        ("DeleteNetworkAclEntry", {"NetworkAclId": acl["NetworkAclId"], "RuleNumber": 100, "Egress": True}),
    ):
        assert aws.code(operation, **params) == "UnsupportedOperation", operation
    aws("ModifyVpcAttribute", VpcId=vpc, EnableDnsSupport={"Value": True})  # as it is


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("CreateVpc", {}, "MissingParameter"),
        ("CreateVpc", {"CidrBlock": "10.0.0.0/15"}, "InvalidVpc.Range"),
        ("CreateVpc", {"CidrBlock": "10.0.0.0/29"}, "InvalidVpc.Range"),
        ("CreateVpc", {"CidrBlock": "10.0.0.0"}, "InvalidParameterValue"),
        ("CreateVpc", {"CidrBlock": "2001:db8::/32"}, "InvalidParameterValue"),
        ("CreateVpc", {"CidrBlock": "10.0.0.0/16", "InstanceTenancy": "dedicated"}, "UnsupportedOperation"),
        ("CreateVpc", {"CidrBlock": "10.0.0.0/16", "AmazonProvidedIpv6CidrBlock": True}, "UnsupportedOperation"),
        ("CreateVpc", {"CidrBlock": "10.0.0.0/16", "DryRun": True}, "DryRunOperation"),
        (
            "CreateVpc",
            {"CidrBlock": "10.0.0.0/16", "TagSpecifications": tagged("subnet", a="b")},
            "InvalidParameterValue",
        ),
        ("DeleteVpc", {"VpcId": f"vpc-{NOTHING}"}, "InvalidVpcID.NotFound"),
        ("DeleteVpc", {"VpcId": "vpc-12345678"}, "InvalidVpcID.NotFound"),
        ("DeleteVpc", {"VpcId": "vpc-x"}, "InvalidVpcId.Malformed"),
        ("ModifyVpcTenancy", {"VpcId": f"vpc-{NOTHING}", "InstanceTenancy": "default"}, "InvalidVpcID.NotFound"),
        ("CreateSubnet", {"VpcId": f"vpc-{NOTHING}", "CidrBlock": "10.0.0.0/24"}, "InvalidVpcID.NotFound"),
        ("DeleteSubnet", {"SubnetId": f"subnet-{NOTHING}"}, "InvalidSubnetID.NotFound"),
        ("DeleteInternetGateway", {"InternetGatewayId": f"igw-{NOTHING}"}, "InvalidInternetGatewayID.NotFound"),
        ("DeleteRouteTable", {"RouteTableId": f"rtb-{NOTHING}"}, "InvalidRouteTableID.NotFound"),
        ("DisassociateRouteTable", {"AssociationId": f"rtbassoc-{NOTHING}"}, "InvalidAssociationID.NotFound"),
        ("DeleteNetworkAcl", {"NetworkAclId": f"acl-{NOTHING}"}, "InvalidNetworkAclID.NotFound"),
        ("DeleteDhcpOptions", {"DhcpOptionsId": f"dopt-{NOTHING}"}, "InvalidDhcpOptionID.NotFound"),
        (
            "DisassociateVpcCidrBlock",
            {"AssociationId": f"vpc-cidr-assoc-{NOTHING}"},
            "InvalidVpcCidrBlockAssociationID.NotFound",
        ),
        (
            "EnableVgwRoutePropagation",
            {"GatewayId": f"vgw-{NOTHING}", "RouteTableId": f"rtb-{NOTHING}"},
            "UnsupportedOperation",
        ),
        ("DescribeVpcEndpoints", {"VpcEndpointIds": [f"vpce-{NOTHING}"]}, "InvalidVpcEndpointId.NotFound"),
    ],
)
def test_what_cannot_be(aws: Asking, operation: str, params: dict[str, Any], code: str) -> None:
    assert aws.code(operation, **params) == code


def test_what_a_vpc_does_not_take(aws: Asking, vpc: str, subnet: str, table: str) -> None:
    zone = aws.refused("CreateSubnet", VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1q")
    assert zone.code == "InvalidParameterValue"
    assert zone.message.endswith("zones: us-east-1a, us-east-1b, us-east-1c.")
    for cidr, code in (
        ("10.0.0.0/25", "InvalidSubnet.Conflict"),
        ("10.1.0.0/24", "InvalidSubnet.Range"),
        ("10.0.0.0/29", "InvalidSubnet.Range"),
    ):
        assert aws.code("CreateSubnet", VpcId=vpc, CidrBlock=cidr) == code
    other = aws("CreateVpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]  # addresses of VPCs may be the same
    elsewhere = aws("CreateRouteTable", VpcId=other)["RouteTable"]["RouteTableId"]
    assert aws.code("AssociateRouteTable", RouteTableId=elsewhere, SubnetId=subnet) == "InvalidParameterValue"
    nat = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": f"nat-{NOTHING}"}
    assert aws.code("CreateRoute", **nat) == "InvalidNatGatewayID.NotFound"
    v6 = {"RouteTableId": table, "DestinationIpv6CidrBlock": "::/0", "GatewayId": f"igw-{NOTHING}"}
    assert aws.code("CreateRoute", **v6) == "UnsupportedOperation"
    assert aws("ModifyVpcTenancy", VpcId=vpc, InstanceTenancy="default") == {"ReturnValue": True}
    for operation in ("DescribePrefixLists", "DescribeVpcPeeringConnections", "DescribeEgressOnlyInternetGateways"):
        (told,) = aws(operation).values()
        assert told == []


def test_acls_that_are_only_recorded(world: World) -> None:
    world.backend = Backend.build(world.store, world.simulated.cloud, world.clock, record_acls=True)
    aws = Asking(world)
    vpc = aws("CreateVpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    aws("CreateSubnet", VpcId=vpc, CidrBlock="10.0.0.0/24")
    acl = aws("CreateNetworkAcl", VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    rule = {"RuleNumber": 1, "Protocol": "tcp", "RuleAction": "deny", "Egress": False, "CidrBlock": "10.0.0.0/8"}
    aws("CreateNetworkAclEntry", NetworkAclId=acl, PortRange={"From": 22, "To": 22}, **rule)
    (association,) = acl_of(aws, vpc)["Associations"]
    aws("ReplaceNetworkAclAssociation", AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl)
    (told,) = aws("DescribeNetworkAcls", Filters=filtered("entry.protocol", "6"))["NetworkAcls"]
    assert told["NetworkAclId"] == acl
    assert told["Entries"][1]["PortRange"] == {"From": 22, "To": 22}


def test_what_is_in_a_subnet_is_one_question_to_the_cloud(aws: Asking, world: World, vpc: str, subnet: str) -> None:
    asked: list[str] = []
    world.simulated.faults.hooks.append(lambda _, call: asked.append(call.name))
    aws("DeleteSubnet", SubnetId=subnet)
    assert [name for name in dict.fromkeys(asked) if name in {"list", "occupied"}] == ["occupied"]


def test_a_public_subnet_gives_launches_an_address(
    aws: Asking, world: World, vpc: str, subnet: str, image: str
) -> None:
    def launched(**more: Any) -> dict[str, Any]:
        asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, **more}
        made: dict[str, Any] = aws("RunInstances", **asked)["Instances"][0]
        return made

    assert launched(SubnetId=subnet).get("PublicIpAddress") is None
    aws("ModifySubnetAttribute", SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    assert launched(SubnetId=subnet)["PublicIpAddress"]
    hidden = {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": False}
    assert launched(NetworkInterfaces=[hidden]).get("PublicIpAddress") is None
    aws("ModifySubnetAttribute", SubnetId=subnet, MapPublicIpOnLaunch={"Value": False})
    asked = {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": True}
    assert launched(NetworkInterfaces=[asked])["PublicIpAddress"]


def test_what_is_of_another_network_is_told_by_its_id(aws: Asking) -> None:
    """Source: AWS re:Post and Stack Overflow, "belong to different networks"."""
    here, there = (aws("CreateVpc", CidrBlock=block)["Vpc"]["VpcId"] for block in ("10.1.0.0/16", "10.2.0.0/16"))
    table = aws("CreateRouteTable", VpcId=here)["RouteTable"]["RouteTableId"]
    gateway = aws("CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
    subnet = aws("CreateSubnet", VpcId=there, CidrBlock="10.2.0.0/24")["Subnet"]["SubnetId"]
    refused = aws.refused("CreateRoute", RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    assert refused.message == f"route table {table} and network gateway {gateway} belong to different networks"
    refused = aws.refused("AssociateRouteTable", RouteTableId=table, SubnetId=subnet)
    assert refused.message == f"route table {table} and subnet {subnet} belong to different networks"
    acl = aws("CreateNetworkAcl", VpcId=here)["NetworkAcl"]["NetworkAclId"]
    (own,) = aws("DescribeNetworkAcls", Filters=filtered("association.subnet-id", subnet))["NetworkAcls"]
    association = own["Associations"][0]["NetworkAclAssociationId"]
    refused = aws.refused("ReplaceNetworkAclAssociation", AssociationId=association, NetworkAclId=acl)
    assert refused.message == f"network ACL {acl} and association {association} belong to different networks"
