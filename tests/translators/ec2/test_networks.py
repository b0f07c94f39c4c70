from __future__ import annotations

import pytest

from backend.drivers.network import Rule
from tests.factories import OTHER, SCOPE, World
from tests.translators.ec2.wire import Asking, filtered


def test_the_default_vpc_as_terraform_looks_for_it(aws: Asking) -> None:
    vpcs = aws("DescribeVpcs", Filters=filtered("isDefault", "true"))["Vpcs"]
    assert len(vpcs) == 1
    assert vpcs == aws("DescribeVpcs", Filters=filtered("is-default", "true"))["Vpcs"]
    vpc = vpcs[0]
    assert (vpc["CidrBlock"], vpc["IsDefault"], vpc.get("Tags")) == ("172.31.0.0/16", True, None)
    assert vpc["CidrBlockAssociationSet"][0]["CidrBlockState"] == {"State": "associated"}
    assert aws("DescribeVpcs", VpcIds=[vpc["VpcId"]])["Vpcs"] == vpcs
    assert aws("DescribeVpcs", Filters=filtered("isDefault", "false"))["Vpcs"] == []
    for attribute, value in (
        ("enableDnsSupport", True),
        ("enableDnsHostnames", False),
        ("enableNetworkAddressUsageMetrics", False),
    ):
        answer = aws("DescribeVpcAttribute", VpcId=vpc["VpcId"], Attribute=attribute)
        assert answer["VpcId"] == vpc["VpcId"]
        assert answer[attribute[0].upper() + attribute[1:]] == {"Value": value}


def test_a_subnet_a_zone(aws: Asking) -> None:
    vpc = aws("DescribeVpcs")["Vpcs"][0]["VpcId"]
    subnets = aws("DescribeSubnets", Filters=filtered("vpc-id", vpc))["Subnets"]
    assert sorted(subnet["AvailabilityZone"] for subnet in subnets) == ["us-east-1a", "us-east-1b", "us-east-1c"]
    one = subnets[0]
    assert one["SubnetArn"].endswith(f":subnet/{one['SubnetId']}")
    for name, value in (
        ("availability-zone", one["AvailabilityZone"]),
        ("availability-zone-id", one["AvailabilityZoneId"]),
        ("cidr-block", one["CidrBlock"]),
        ("subnet-id", one["SubnetId"]),
        ("subnet-arn", one["SubnetArn"]),
        ("available-ip-address-count", str(one["AvailableIpAddressCount"])),
    ):
        assert one in aws("DescribeSubnets", Filters=filtered(name, value))["Subnets"], name
    assert len(aws("DescribeSubnets", Filters=filtered("default-for-az", "true"))["Subnets"]) == 3
    assert aws("DescribeSubnets", SubnetIds=[one["SubnetId"]])["Subnets"] == [one]


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("DescribeVpcs", {"VpcIds": ["vpc-0123456789abcdef0"]}, "InvalidVpcID.NotFound"),
        ("DescribeVpcs", {"VpcIds": ["vpc-x"]}, "InvalidVpcId.Malformed"),
        ("DescribeVpcs", {"Filters": filtered("default", "true")}, "InvalidParameterValue"),
        ("DescribeVpcs", {"MaxResults": 4}, "InvalidParameterValue"),
        ("DescribeVpcs", {"DryRun": True}, "DryRunOperation"),
        (
            "DescribeVpcAttribute",
            {"VpcId": "vpc-0123456789abcdef0", "Attribute": "enableDnsSupport"},
            "InvalidVpcID.NotFound",
        ),
        ("DescribeSubnets", {"SubnetIds": ["subnet-0123456789abcdef0"]}, "InvalidSubnetID.NotFound"),
        ("DescribeSubnets", {"Filters": filtered("zone", "x")}, "InvalidParameterValue"),
        ("DescribeSecurityGroups", {"GroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
        ("DescribeSecurityGroups", {"GroupNames": ["nil"]}, "InvalidGroup.NotFound"),
        ("DescribeSecurityGroups", {"GroupIds": ["x"]}, "InvalidGroupId.Malformed"),
    ],
)
def test_what_is_refused(aws: Asking, operation: str, params: dict, code: str) -> None:
    assert aws.code(operation, **params) == code


def test_security_groups_and_their_rules(aws: Asking, world: World) -> None:
    rules = (
        Rule(ingress=True, protocol="tcp", port_from=80, port_to=80, cidr="10.0.0.0/8"),
        Rule(ingress=True, protocol="tcp", port_from=80, port_to=80, cidr="::/0", ipv6=True),
        Rule(ingress=True, protocol="udp", port_from=53, port_to=54, cidr="0.0.0.0/0"),
        Rule(ingress=False, protocol="-1", port_from=None, port_to=None, cidr="0.0.0.0/0"),
    )
    assert len(aws("DescribeSecurityGroups")["SecurityGroups"]) == 1
    world.simulated.projects.add_security_group(SCOPE, "web", "for the web", rules)
    group = aws("DescribeSecurityGroups", GroupNames=["web"])["SecurityGroups"][0]  # though a listing is kept
    assert group["Description"] == "for the web"
    tcp, udp = group["IpPermissions"]
    assert (tcp["IpRanges"], tcp["Ipv6Ranges"]) == ([{"CidrIp": "10.0.0.0/8"}], [{"CidrIpv6": "::/0"}])
    assert (udp["FromPort"], udp["ToPort"]) == (53, 54)
    assert group["IpPermissionsEgress"][0]["IpProtocol"] == "-1"
    assert "FromPort" not in group["IpPermissionsEgress"][0]
    for name, value in (
        ("ip-permission.cidr", "10.0.0.0/8"),
        ("ip-permission.from-port", "53"),
        ("ip-permission.protocol", "udp"),
        ("group-name", "w?b"),
        ("group-id", group["GroupId"]),
    ):
        told = aws("DescribeSecurityGroups", Filters=filtered(name, value))["SecurityGroups"]
        assert [each["GroupName"] for each in told] == ["web"], name
    told = aws("DescribeSecurityGroupRules", Filters=filtered("group-id", group["GroupId"]))["SecurityGroupRules"]
    assert len(told) == 4
    assert len({rule["SecurityGroupRuleId"] for rule in told}) == 4
    one = aws("DescribeSecurityGroupRules", SecurityGroupRuleIds=[told[0]["SecurityGroupRuleId"]])
    assert one["SecurityGroupRules"] == told[:1]


def test_the_default_group_lets_its_members_in(aws: Asking) -> None:
    group = aws("DescribeSecurityGroups", Filters=filtered("group-name", "default"))["SecurityGroups"][0]
    pair = group["IpPermissions"][0]["UserIdGroupPairs"][0]
    assert pair == {"GroupId": group["GroupId"], "UserId": group["OwnerId"]}


def test_each_project_has_its_own_network(aws: Asking, world: World) -> None:
    mine = aws("DescribeVpcs")["Vpcs"][0]["VpcId"]
    other = Asking(world, scope=OTHER)
    assert other("DescribeVpcs")["Vpcs"][0]["VpcId"] != mine
    assert other.code("DescribeVpcs", VpcIds=[mine]) == "InvalidVpcID.NotFound"
