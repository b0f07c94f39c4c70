"""Security groups as EC2's clients make, change and delete them, kept here and the cloud's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from backend.drivers.errors import QuotaExceeded
from backend.drivers.network import Rule
from backend.drivers.simulated.faults import Where
from backend.services.security_groups import Changed, SecurityGroups
from tests.factories import OTHER, SCOPE, World
from tests.translators.ec2.wire import Asking, filtered

ANYWHERE = "0.0.0.0/0"


def tcp(first: int, last: int | None = None, *cidrs: str, **more: Any) -> dict[str, Any]:
    blocks = [{"CidrIp": each} for each in cidrs or (ANYWHERE,)]
    return {
        "IpProtocol": "tcp",
        "FromPort": first,
        "ToPort": first if last is None else last,
        "IpRanges": blocks,
    } | more


@pytest.fixture
def group(aws: Asking) -> str:
    made: str = aws("CreateSecurityGroup", GroupName="web", Description="for the web")["GroupId"]
    return made


def described(aws: Asking, group: str) -> dict[str, Any]:
    (found,) = aws("DescribeSecurityGroups", GroupIds=[group])["SecurityGroups"]
    return found


def cloud_rules(world: World, name: str) -> set[Rule]:
    (found,) = [each for each in world.simulated.cloud.network.security_groups(SCOPE) if each.name == name]
    return {*found.rules}


def test_a_new_group_lets_everything_out(aws: Asking, world: World) -> None:
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": "Name", "Value": "w"}]}]
    made = aws("CreateSecurityGroup", GroupName="web", Description="for the web", TagSpecifications=tags)
    group = made["GroupId"]
    assert made["SecurityGroupArn"].endswith(f":security-group/{group}")
    assert made["Tags"] == tags[0]["Tags"]
    told = described(aws, group)
    assert (told["GroupName"], told["Description"], told["IpPermissions"]) == ("web", "for the web", [])
    assert told["VpcId"] == aws("DescribeVpcs")["Vpcs"][0]["VpcId"]
    assert told["Tags"] == tags[0]["Tags"]
    (out,) = told["IpPermissionsEgress"]
    assert (out["IpProtocol"], out["IpRanges"], "FromPort" in out) == ("-1", [{"CidrIp": ANYWHERE}], False)
    (rule,) = aws("DescribeSecurityGroupRules", Filters=filtered("group-id", group))["SecurityGroupRules"]
    assert (rule["IsEgress"], rule["FromPort"], rule["ToPort"], rule["CidrIpv4"]) == (True, -1, -1, ANYWHERE)
    assert cloud_rules(world, "web") == {Rule(False, "-1", None, None, ANYWHERE)}
    assert Asking(world, scope=OTHER).code("DescribeSecurityGroups", GroupIds=[group]) == "InvalidGroup.NotFound"


def test_rules_are_told_as_they_were_asked_for(aws: Asking, group: str, world: World) -> None:
    asked = [
        tcp(0, 65535),
        tcp(22, 22, "10.1.2.3/8", "10.0.0.0/24"),
        {
            "IpProtocol": "6",
            "FromPort": 80,
            "ToPort": 80,
            "Ipv6Ranges": [{"CidrIpv6": "2001:DB8::/32", "Description": "six"}],
        },
        {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": ANYWHERE}]},
        {"IpProtocol": "-1", "FromPort": 0, "ToPort": 0, "UserIdGroupPairs": [{"GroupId": group}]},
        {"IpProtocol": "50", "IpRanges": [{"CidrIp": ANYWHERE}]},
    ]
    tags = [{"ResourceType": "security-group-rule", "Tags": [{"Key": "k", "Value": "v"}]}]
    answer = aws("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=asked, TagSpecifications=tags)
    rules = answer["SecurityGroupRules"]
    assert answer["Return"] is True
    assert [(each["IpProtocol"], each["FromPort"], each["ToPort"]) for each in rules] == [
        ("tcp", 0, 65535), ("tcp", 22, 22), ("tcp", 22, 22), ("tcp", 80, 80), ("icmp", 8, -1), ("-1", -1, -1),
        ("50", -1, -1),
    ]  # fmt: skip
    assert [each.get("CidrIpv4") for each in rules[:3]] == [ANYWHERE, "10.0.0.0/8", "10.0.0.0/24"]
    assert (rules[3]["CidrIpv6"], rules[3]["Description"]) == ("2001:db8::/32", "six")
    assert rules[5]["ReferencedGroupInfo"]["GroupId"] == group
    assert all(each["Tags"] == tags[0]["Tags"] and not each["IsEgress"] for each in rules)
    ids = [each["SecurityGroupRuleId"] for each in rules]
    read = aws("DescribeSecurityGroupRules", SecurityGroupRuleIds=ids)["SecurityGroupRules"]
    assert sorted(read, key=lambda each: ids.index(each["SecurityGroupRuleId"])) == rules
    (pair,) = [each for each in described(aws, group)["IpPermissions"] if each["UserIdGroupPairs"]]
    assert [{*each} for each in pair["UserIdGroupPairs"]] == [{"GroupId", "UserId"}]
    told = aws("DescribeTags", Filters=filtered("resource-type", "security-group-rule"))["Tags"]
    assert {each["ResourceId"] for each in told} == {*ids}
    assert Rule(True, "tcp", 0, 65535, ANYWHERE) in cloud_rules(world, "web")


def test_what_has_no_ports_is_told_without_any(aws: Asking, group: str) -> None:
    """Terraform reads none as 0, which is what its users have to write; -1 would be a change for ever."""
    esp = {"IpProtocol": "50", "FromPort": 0, "ToPort": 0, "IpRanges": [{"CidrIp": ANYWHERE}]}
    anything = {"IpProtocol": "-1", "FromPort": 0, "ToPort": 0, "IpRanges": [{"CidrIp": ANYWHERE}]}
    ping = {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": [{"CidrIp": ANYWHERE}]}
    answer = aws("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[esp, anything, ping])
    assert {(each["FromPort"], each["ToPort"]) for each in answer["SecurityGroupRules"]} == {(-1, -1)}
    told = {each["IpProtocol"]: each for each in described(aws, group)["IpPermissions"]}
    assert {name for name, each in told.items() if "FromPort" in each or "ToPort" in each} == {"icmp"}
    aws("RevokeSecurityGroupIngress", GroupId=group, IpPermissions=[told["50"], {**anything, "FromPort": -1}])
    assert [each["IpProtocol"] for each in described(aws, group)["IpPermissions"]] == ["icmp"]


@pytest.mark.parametrize(
    ("permission", "code", "words"),
    [
        (tcp(22), "InvalidPermission.Duplicate", 'the specified rule "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW" already exists'),
        ({"FromPort": 1, "ToPort": 1}, "InvalidParameterValue", "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly."),
        ({"IpProtocol": "udp", "FromPort": 1}, "InvalidParameterValue", "Invalid value for portRange. Must specify both from and to ports with TCP/UDP."),
        (tcp(80, 22), "InvalidParameterValue", "Invalid TCP/UDP port range (80:22)"),
        (tcp(1, 1, "10.0.0.0/33"), "InvalidParameterValue", "CIDR block 10.0.0.0/33 is malformed"),
        (tcp(1, 1, "10.0.0.1"), "InvalidParameterValue", "CIDR block 10.0.0.1 is malformed"),
        (tcp(1, 1, "10.0.0.0/255.0.0.0"), "InvalidParameterValue", "CIDR block 10.0.0.0/255.0.0.0 is malformed"),
        (tcp(1, 1, ANYWHERE, ANYWHERE), "InvalidParameterValue", "The same permission must not appear multiple times"),
        (tcp(1, IpRanges=[], UserIdGroupPairs=[{"GroupId": "sg-0123456789abcdef0"}]), "InvalidGroup.NotFound", "The security group 'sg-0123456789abcdef0' does not exist"),
        (tcp(1, IpRanges=[], PrefixListIds=[{"PrefixListId": "pl-1"}]), "InvalidPrefixListID.Malformed", None),
        (tcp(1, IpRanges=[], PrefixListIds=[{"PrefixListId": "pl-12345678"}]), "InvalidPrefixListID.NotFound", None),
        (tcp(1, IpRanges=[{"CidrIp": ANYWHERE, "Description": "ä"}]), "InvalidParameterValue", None),
        (tcp(1, IpRanges=[]), "MissingParameter", None),
    ],
)  # fmt: skip
def test_what_cannot_be_a_rule(aws: Asking, group: str, permission: dict, code: str, words: str | None) -> None:
    aws("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[tcp(22)])
    refused = aws.refused("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[permission])
    assert refused.code == code
    assert words is None or refused.message == words
    assert len(described(aws, group)["IpPermissions"]) == 1


def test_rules_are_taken_away_by_what_they_say_and_by_id(aws: Asking, world: World) -> None:
    vpc = aws("DescribeVpcs")["Vpcs"][0]["VpcId"]
    group = aws("CreateSecurityGroup", GroupName="web", Description="d", VpcId=vpc)["GroupId"]
    everything = {"IpProtocol": "-1", "FromPort": 0, "ToPort": 0, "IpRanges": [{"CidrIp": ANYWHERE}]}
    answer = aws("RevokeSecurityGroupEgress", GroupId=group, IpPermissions=[everything])
    assert answer["RevokedSecurityGroupRules"][0]["CidrIpv4"] == ANYWHERE
    assert described(aws, group)["IpPermissionsEgress"] == []
    rules = aws("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[tcp(1), tcp(2)])["SecurityGroupRules"]
    first, second = (each["SecurityGroupRuleId"] for each in rules)
    assert aws.code("RevokeSecurityGroupEgress", GroupId=group, SecurityGroupRuleIds=[first]) == (
        "InvalidSecurityGroupRuleId.NotFound"
    )
    aws("RevokeSecurityGroupIngress", GroupId=group, SecurityGroupRuleIds=[first])
    assert aws.code("RevokeSecurityGroupIngress", GroupId=group, SecurityGroupRuleIds=[first]) == (
        "InvalidSecurityGroupRuleId.NotFound"
    )
    assert cloud_rules(world, "web") == {Rule(True, "tcp", 2, 2, ANYWHERE)}
    unknown = aws("RevokeSecurityGroupIngress", GroupId=group, IpPermissions=[tcp(3)])["UnknownIpPermissions"]
    assert unknown[0]["FromPort"] == 3
    assert second in str(aws("DescribeSecurityGroupRules"))


def test_rules_are_changed_in_place(aws: Asking, group: str, world: World) -> None:
    (rule,) = aws("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[tcp(1)])["SecurityGroupRules"]
    identity = rule["SecurityGroupRuleId"]
    new = {"IpProtocol": "udp", "FromPort": 5, "ToPort": 6, "CidrIpv4": "2.3.4.5/32", "Description": "d"}
    asked = [{"SecurityGroupRuleId": identity, "SecurityGroupRule": new}]
    assert aws("ModifySecurityGroupRules", GroupId=group, SecurityGroupRules=asked) == {"Return": True}
    (read,) = aws("DescribeSecurityGroupRules", SecurityGroupRuleIds=[identity])["SecurityGroupRules"]
    assert {**rule, **new, "Tags": []} == read
    assert Rule(True, "udp", 5, 6, "2.3.4.5/32") in cloud_rules(world, "web")
    texts = [{"SecurityGroupRuleId": identity, "Description": "e"}]
    aws("UpdateSecurityGroupRuleDescriptionsIngress", GroupId=group, SecurityGroupRuleDescriptions=texts)
    (read,) = aws("DescribeSecurityGroupRules", SecurityGroupRuleIds=[identity])["SecurityGroupRules"]
    assert read["Description"] == "e"
    for change, code in (
        ({"SecurityGroupRuleId": "sgr-00000000", "SecurityGroupRule": new}, "InvalidSecurityGroupRuleId.NotFound"),
        (
            {"SecurityGroupRuleId": identity, "SecurityGroupRule": {**new, "CidrIpv6": "::/0"}},
            "InvalidParameterCombination",
        ),
        ({"SecurityGroupRuleId": identity, "SecurityGroupRule": {"IpProtocol": "-1"}}, "MissingParameter"),
    ):
        assert aws.code("ModifySecurityGroupRules", GroupId=group, SecurityGroupRules=[change]) == code


def test_names(aws: Asking, group: str) -> None:
    vpc = described(aws, group)["VpcId"]
    refused = aws.refused("CreateSecurityGroup", GroupName="web", Description="d", VpcId=vpc)
    assert refused.message == f"The security group 'web' already exists for VPC '{vpc}'"
    assert refused.code == "InvalidGroup.Duplicate"
    assert aws.code("CreateSecurityGroup", GroupName="default", Description="d") == "InvalidGroup.Reserved"
    assert aws.code("CreateSecurityGroup", GroupName="sg-x", Description="d") == "InvalidParameterValue"
    assert aws.code("CreateSecurityGroup", GroupName="x", Description="") == "MissingParameter"
    assert aws.code("CreateSecurityGroup", GroupName="x", Description="d", VpcId="vpc-0123456789abcdef0") == (
        "InvalidVpcID.NotFound"
    )
    aws("AuthorizeSecurityGroupIngress", GroupName="web", IpProtocol="tcp", FromPort=1, ToPort=1, CidrIp=ANYWHERE)
    assert len(described(aws, group)["IpPermissions"]) == 1


def test_a_group_that_is_needed_stays(aws: Asking, group: str, image: str) -> None:
    other = aws("CreateSecurityGroup", GroupName="db", Description="d")["GroupId"]
    pair = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}]
    aws("AuthorizeSecurityGroupIngress", GroupId=other, IpPermissions=pair)
    refused = aws.refused("DeleteSecurityGroup", GroupId=group)
    assert (refused.code, refused.message) == ("DependencyViolation", f"resource {group} has a dependent object")
    aws("RevokeSecurityGroupIngress", GroupId=other, IpPermissions=pair)
    run = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    started = aws("RunInstances", SecurityGroupIds=[group], **run)["Instances"][0]
    assert started["SecurityGroups"] == [{"GroupId": group, "GroupName": "web"}]
    assert aws.code("DeleteSecurityGroup", GroupId=group) == "DependencyViolation"
    assert described(aws, group)["GroupName"] == "web"
    aws("TerminateInstances", InstanceIds=[started["InstanceId"]])
    aws.world.clock.move(3600)
    assert aws("DeleteSecurityGroup", GroupId=group) == {"Return": True, "GroupId": group}
    assert aws.code("DescribeSecurityGroups", GroupIds=[group]) == "InvalidGroup.NotFound"
    assert aws("CreateSecurityGroup", GroupName="web", Description="again")["GroupId"] != group


def test_the_clouds_own_groups_are_changed_at_the_cloud(aws: Asking, world: World) -> None:
    (default,) = aws("DescribeSecurityGroups", GroupNames=["default"])["SecurityGroups"]
    group = default["GroupId"]
    assert aws.code("DeleteSecurityGroup", GroupId=group) == "CannotDelete"
    ranges = [{"CidrIp": ANYWHERE, "Description": "ssh"}]
    (rule,) = aws("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[tcp(22, IpRanges=ranges)])[
        "SecurityGroupRules"
    ]
    assert aws.code("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[tcp(22)]) == (
        "InvalidPermission.Duplicate"
    )
    identity = rule["SecurityGroupRuleId"]
    assert aws("DescribeSecurityGroupRules", SecurityGroupRuleIds=[identity])["SecurityGroupRules"] == [
        {**rule, "Tags": []}
    ]
    assert rule["Description"] == "ssh"
    assert Rule(True, "tcp", 22, 22, ANYWHERE) in cloud_rules(world, "default")
    texts = [{"SecurityGroupRuleId": identity, "Description": "shell"}]
    aws("UpdateSecurityGroupRuleDescriptionsIngress", GroupId=group, SecurityGroupRuleDescriptions=texts)
    (read,) = aws("DescribeSecurityGroupRules", SecurityGroupRuleIds=[identity])["SecurityGroupRules"]
    assert read["Description"] == "shell"
    aws("RevokeSecurityGroupIngress", GroupId=group, SecurityGroupRuleIds=[identity])
    assert described(aws, group)["IpPermissions"] == default["IpPermissions"]
    seeded = world.simulated.projects.add_security_group(SCOPE, "seeded")
    aws("DeleteSecurityGroup", GroupId=f"sg-{seeded.short_id}")
    assert [each.name for each in world.simulated.cloud.network.security_groups(SCOPE)] == ["default"]


def test_more_rules_than_a_group_may_have(aws: Asking, group: str) -> None:
    ports = [tcp(port) for port in range(1, 61)]
    aws("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=ports)
    assert aws.code("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[tcp(61)]) == (
        "RulesPerSecurityGroupLimitExceeded"
    )
    six = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    aws("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[six])
    aws("AuthorizeSecurityGroupEgress", GroupId=group, IpPermissions=[tcp(61)])


@pytest.mark.parametrize("quota", [False, True])
def test_what_the_cloud_does_not_do_is_not_told_as_done(aws: Asking, group: str, world: World, *, quota: bool) -> None:
    def fails(name: str, resource: str) -> None:
        where = Where(calls=(name,))
        if quota:
            world.simulated.faults.refuse(QuotaExceeded(resource, 1, 10), where, times=1)
        else:
            world.simulated.faults.unavailable(where, times=1)

    fails("change_rules", "security_group_rules")
    assert aws.code("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[tcp(22)]) == (
        "RulesPerSecurityGroupLimitExceeded" if quota else "Unavailable"
    )
    assert described(aws, group)["IpPermissions"] == []
    aws("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[tcp(22)])
    fails("create_security_group", "security_groups")
    assert aws.code("CreateSecurityGroup", GroupName="other", Description="d") == (
        "SecurityGroupLimitExceeded" if quota else "Unavailable"
    )
    aws("CreateSecurityGroup", GroupName="other", Description="d")
    fails("delete_security_group", "x")
    assert aws.refused("DeleteSecurityGroup", GroupId=group)
    assert described(aws, group)["GroupName"] == "web"


def test_a_dry_run_changes_nothing(aws: Asking, group: str) -> None:
    for operation, params in (
        ("CreateSecurityGroup", {"GroupName": "x", "Description": "d"}),
        ("AuthorizeSecurityGroupIngress", {"GroupId": group, "IpPermissions": [tcp(1)]}),
        ("DeleteSecurityGroup", {"GroupId": group}),
    ):
        assert aws.code(operation, DryRun=True, **params) == "DryRunOperation"
    assert described(aws, group)["IpPermissions"] == []
    assert len(aws("DescribeSecurityGroups")["SecurityGroups"]) == 2


def test_the_groups_of_one_vpc(aws: Asking, group: str) -> None:
    vpc = aws("CreateVpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    (own,) = aws("GetSecurityGroupsForVpc", VpcId=vpc)["SecurityGroupForVpcs"]
    assert (own["GroupName"], own["PrimaryVpcId"], own["Tags"]) == ("default", vpc, [])
    default = described(aws, group)["VpcId"]
    told = aws("GetSecurityGroupsForVpc", VpcId=default, Filters=filtered("group-name", "web"))
    assert [each["GroupId"] for each in told["SecurityGroupForVpcs"]] == [group]
    assert aws.code("GetSecurityGroupsForVpc", VpcId="vpc-0123456789abcdef0") == "InvalidVpcID.NotFound"


class Interrupted(SecurityGroups):
    """Somebody else's change of a group comes between a look at it and the first change of it."""

    def __init__(self, within: SecurityGroups, first: Callable[[], object]) -> None:
        super().__init__(within._store, within._cloud, within._catalog, within._clock)
        self._first: list[Callable[[], object]] = [first]

    def change(self, *given: Any, **values: Any) -> Changed:
        while self._first:
            self._first.pop()()
        return super().change(*given, **values)


@pytest.mark.parametrize("by", ["id", "meaning"])
def test_a_description_undoes_no_change_of_its_rule(aws: Asking, group: str, world: World, by: str) -> None:
    """Described by what it says, a rule that says something else meanwhile is none of the group's any more."""
    (rule,) = aws("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[tcp(1)])["SecurityGroupRules"]
    named = {"SecurityGroupRuleId": rule["SecurityGroupRuleId"]}
    new = {"IpProtocol": "udp", "FromPort": 5, "ToPort": 6, "CidrIpv4": "2.3.4.5/32"}
    other = {"GroupId": group, "SecurityGroupRules": [{**named, "SecurityGroupRule": new}]}
    made = Interrupted(world.backend.security_groups, lambda: aws("ModifySecurityGroupRules", **other))
    world.backend = replace(world.backend, security_groups=made)
    if by == "id":
        texts = [{**named, "Description": "e"}]
        aws("UpdateSecurityGroupRuleDescriptionsIngress", GroupId=group, SecurityGroupRuleDescriptions=texts)
    else:
        one = {**tcp(1), "IpRanges": [{"CidrIp": ANYWHERE, "Description": "e"}]}
        found = aws.code("UpdateSecurityGroupRuleDescriptionsIngress", GroupId=group, IpPermissions=[one])
        assert found == "InvalidPermission.NotFound"
    (read,) = aws("DescribeSecurityGroupRules", SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])[
        "SecurityGroupRules"
    ]
    assert {**read, **new} == read
    assert read.get("Description") == ("e" if by == "id" else None)
