"""Prefix lists as EC2's clients make, change, name and delete them, and what the cloud has of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from backend.domain.ids import short_id
from backend.domain.prefix_lists import LIMIT
from backend.drivers.errors import NoAddressGroups, QuotaExceeded, Refused
from backend.drivers.network import Rule
from backend.drivers.simulated.address_groups import AddressGroups
from backend.drivers.simulated.faults import Where
from backend.store import prefix_lists as rows
from tests.factories import OTHER, SCOPE, World
from tests.translators.ec2.wire import Asking, filtered

NOWHERE = "pl-0123456789abcdef0"
TEN, ELEVEN, TWELVE = "10.0.0.0/8", "11.0.0.0/8", "12.0.0.0/8"


def entries(*cidrs: str) -> list[dict[str, str]]:
    return [{"Cidr": each} for each in cidrs]


def make(aws: Asking, *cidrs: str, most: int = 5, **more: Any) -> dict[str, Any]:
    asked = {"PrefixListName": "office", "AddressFamily": "IPv4", "MaxEntries": most, "Entries": entries(*cidrs)}
    made: dict[str, Any] = aws("CreateManagedPrefixList", **{**asked, **more})["PrefixList"]
    return made


def told(aws: Asking, list_id: str) -> dict[str, Any]:
    (found,) = aws("DescribeManagedPrefixLists", PrefixListIds=[list_id])["PrefixLists"]
    return found


def cidrs(aws: Asking, list_id: str, **more: Any) -> list[str]:
    return [each["Cidr"] for each in aws("GetManagedPrefixListEntries", PrefixListId=list_id, **more)["Entries"]]


def at_cloud(world: World) -> list[Sequence[str]]:
    groups = AddressGroups(world.simulated._state, world.simulated.projects)
    return [*groups.all(SCOPE).values()]


@pytest.fixture
def group(aws: Asking) -> str:
    made: str = aws("CreateSecurityGroup", GroupName="web", Description="for the web")["GroupId"]
    return made


def permission(*lists: str, port: int = 443) -> list[Mapping[str, Any]]:
    ids = [{"PrefixListId": each} for each in lists]
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "PrefixListIds": ids}]


def authorize(aws: Asking, group: str, *lists: str, port: int = 443) -> dict[str, Any]:
    asked = permission(*lists, port=port)
    found: list[dict[str, Any]] = aws("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=asked)[
        "SecurityGroupRules"
    ]
    return found[0]


def test_a_new_list(aws: Asking, world: World) -> None:
    tags = [{"ResourceType": "prefix-list", "Tags": [{"Key": "Name", "Value": "o"}]}]
    made = make(aws, "10.1.2.3/8", ELEVEN, TagSpecifications=tags)
    list_id = made["PrefixListId"]
    assert list_id.startswith("pl-")
    assert made == {
        "PrefixListId": list_id,
        "AddressFamily": "IPv4",
        "State": "create-complete",
        "PrefixListArn": f"arn:aws:ec2:us-east-1:{made['OwnerId']}:prefix-list/{list_id}",
        "PrefixListName": "office",
        "MaxEntries": 5,
        "Version": 1,
        "Tags": [{"Key": "Name", "Value": "o"}],
        "OwnerId": made["OwnerId"],
        "IpamPrefixListResolverSyncEnabled": False,
    }
    assert told(aws, list_id) == made
    assert cidrs(aws, list_id) == [TEN, ELEVEN]
    assert at_cloud(world) == []  # nothing names it
    assert aws("DescribeTags", Filters=filtered("resource-type", "prefix-list"))["Tags"][0]["ResourceId"] == list_id
    assert aws("DescribePrefixLists")["PrefixLists"] == []  # these are AWS's own


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PrefixListName": "com.amazonaws.us-east-1.s3"}, "InvalidParameterValue"),
        ({"PrefixListName": "x" * 256}, "InvalidParameterValue"),
        ({"PrefixListName": " "}, "InvalidParameterValue"),
        ({"AddressFamily": "ipv4"}, "InvalidParameterValue"),
        ({"MaxEntries": 0}, "InvalidParameterValue"),
        ({"MaxEntries": 1001}, "InvalidParameterValue"),
        ({"Entries": entries("10.0.0.0")}, "InvalidParameterValue"),
        ({"Entries": entries("x/8")}, "InvalidParameterValue"),
        ({"Entries": entries("2001:db8::/32")}, "InvalidParameterValue"),
        ({"Entries": entries(TEN, "10.0.0.1/8")}, "InvalidParameterValue"),
        ({"Entries": [{"Cidr": TEN, "Description": "x" * 256}]}, "InvalidParameterValue"),
        ({"Entries": entries(TEN, ELEVEN), "MaxEntries": 1}, "PrefixListMaxEntriesExceeded"),
        ({"TagSpecifications": [{"ResourceType": "vpc", "Tags": []}]}, "InvalidParameterValue"),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_a_list_that_cannot_be(aws: Asking, changes: Mapping[str, Any], code: str) -> None:
    assert aws.code("CreateManagedPrefixList", **{**_office(), **changes}) == code
    assert aws("DescribeManagedPrefixLists")["PrefixLists"] == []


def _office() -> dict[str, Any]:
    return {"PrefixListName": "office", "AddressFamily": "IPv4", "MaxEntries": 5}


def test_names_that_look_like_awss_own_and_are_not(aws: Asking) -> None:
    assert make(aws, PrefixListName="com.amazonaws-probe")["PrefixListName"] == "com.amazonaws-probe"


def test_a_token_makes_one(aws: Asking) -> None:
    first = make(aws, TEN, ClientToken="t")
    assert make(aws, TEN, ClientToken="t") == first
    assert aws.code("CreateManagedPrefixList", **_office(), ClientToken="t") == "IdempotentParameterMismatch"


def test_entries_come_and_go_in_versions(aws: Asking) -> None:
    list_id = make(aws, TEN)["PrefixListId"]
    changed = aws(
        "ModifyManagedPrefixList",
        PrefixListId=list_id,
        CurrentVersion=1,
        AddEntries=[{"Cidr": ELEVEN, "Description": "e"}],
        RemoveEntries=entries(TEN),
    )["PrefixList"]
    assert (changed["State"], changed["Version"]) == ("modify-complete", 2)
    assert aws("GetManagedPrefixListEntries", PrefixListId=list_id)["Entries"] == [{"Cidr": ELEVEN, "Description": "e"}]
    assert cidrs(aws, list_id, TargetVersion=1) == [TEN]
    for version in (3, 99):
        refused = aws.code("GetManagedPrefixListEntries", PrefixListId=list_id, TargetVersion=version)
        assert refused == "InvalidParameterValue"
    back = {"PrefixListId": list_id, "PreviousVersion": 1}
    restored = aws("RestoreManagedPrefixListVersion", **back, CurrentVersion=2)["PrefixList"]
    assert (restored["State"], restored["Version"], cidrs(aws, list_id)) == ("restore-complete", 3, [TEN])
    assert aws.code("RestoreManagedPrefixListVersion", **back, CurrentVersion=2) == "PrefixListVersionMismatch"


def test_a_description_is_changed_in_two_steps(aws: Asking) -> None:
    list_id = make(aws, TEN)["PrefixListId"]
    described = [{"Cidr": TEN, "Description": "d"}]
    both = {"PrefixListId": list_id, "AddEntries": described, "RemoveEntries": entries(TEN)}
    assert aws.code("ModifyManagedPrefixList", **both, CurrentVersion=1) == "InvalidParameterValue"
    aws("ModifyManagedPrefixList", PrefixListId=list_id, RemoveEntries=entries(TEN), CurrentVersion=1)
    aws("ModifyManagedPrefixList", PrefixListId=list_id, AddEntries=described, CurrentVersion=2)
    assert aws("GetManagedPrefixListEntries", PrefixListId=list_id)["Entries"] == described
    aws("RestoreManagedPrefixListVersion", PrefixListId=list_id, PreviousVersion=1, CurrentVersion=3)
    assert aws("GetManagedPrefixListEntries", PrefixListId=list_id)["Entries"] == entries(TEN)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "InvalidRequest"),
        ({"CurrentVersion": 2, "AddEntries": entries(ELEVEN)}, "PrefixListVersionMismatch"),
        ({"CurrentVersion": 0, "AddEntries": entries(ELEVEN)}, "InvalidParameterValue"),
        ({"AddEntries": entries(TEN)}, "InvalidPrefixListModification"),
        ({"RemoveEntries": entries(ELEVEN)}, "InvalidPrefixListModification"),
        ({"AddEntries": entries(ELEVEN), "MaxEntries": 9}, "InvalidParameterCombination"),
        ({"AddEntries": entries("2001:db8::/32")}, "InvalidParameterValue"),
        ({"AddEntries": entries(*(f"{n}.0.0.0/8" for n in range(20, 25)))}, "PrefixListMaxEntriesExceeded"),
        ({"MaxEntries": 0}, "InvalidParameterValue"),
        ({"PrefixListName": "com.aws.x"}, "InvalidParameterValue"),
        ({"IpamPrefixListResolverSyncEnabled": True}, "UnsupportedOperation"),
        ({"PrefixListName": "x", "DryRun": True}, "DryRunOperation"),
    ],
)
def test_a_change_that_cannot_be(aws: Asking, changes: Mapping[str, Any], code: str) -> None:
    made = make(aws, TEN)
    assert aws.code("ModifyManagedPrefixList", PrefixListId=made["PrefixListId"], **changes) == code
    assert told(aws, made["PrefixListId"]) == made


def test_a_name_and_a_size_make_no_version(aws: Asking) -> None:
    list_id = make(aws, TEN, ELEVEN)["PrefixListId"]
    aws("ModifyManagedPrefixList", PrefixListId=list_id, PrefixListName="home")
    changed = aws("ModifyManagedPrefixList", PrefixListId=list_id, MaxEntries=2)["PrefixList"]
    assert (changed["PrefixListName"], changed["MaxEntries"], changed["Version"]) == ("home", 2, 1)
    smaller = aws.code("ModifyManagedPrefixList", PrefixListId=list_id, MaxEntries=1)
    assert smaller == "PrefixListMaxEntriesExceeded"


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("ModifyManagedPrefixList", {"PrefixListName": "x"}),
        ("DeleteManagedPrefixList", {}),
        ("RestoreManagedPrefixListVersion", {"PreviousVersion": 1, "CurrentVersion": 1}),
        ("GetManagedPrefixListEntries", {}),
        ("GetManagedPrefixListAssociations", {}),
    ],
)
def test_of_a_list_that_is_none(aws: Asking, operation: str, more: Mapping[str, Any]) -> None:
    for dry in (False, True):
        assert aws.code(operation, PrefixListId=NOWHERE, DryRun=dry, **more) == "InvalidPrefixListID.NotFound"
    assert aws.code(operation, PrefixListId="pl-x", **more) == "InvalidPrefixListID.Malformed"
    list_id = make(aws)["PrefixListId"]
    assert aws.code(operation, PrefixListId=list_id, DryRun=True, **more) == "DryRunOperation"
    other = Asking(aws.world, scope=OTHER)
    assert other.code(operation, PrefixListId=list_id, **more) == "InvalidPrefixListID.NotFound"


def test_lists_are_filtered_by_their_tags(aws: Asking) -> None:
    tags = [{"ResourceType": "prefix-list", "Tags": [{"Key": "Env", "Value": "test"}]}]
    marked, _ = make(aws, TagSpecifications=tags), make(aws)
    for name, value in (("tag:Env", "test"), ("tag-key", "Env")):
        (found,) = aws("DescribeManagedPrefixLists", Filters=filtered(name, value))["PrefixLists"]
        assert found == marked


def test_lists_are_filtered_and_paged(aws: Asking) -> None:
    made = [make(aws, PrefixListName=name)["PrefixListId"] for name in ("a", "b", "c")]
    (found,) = aws("DescribeManagedPrefixLists", Filters=filtered("prefix-list-name", "b"))["PrefixLists"]
    assert found["PrefixListId"] == made[1]
    page = aws("DescribeManagedPrefixLists", MaxResults=2)
    rest = aws("DescribeManagedPrefixLists", MaxResults=2, NextToken=page["NextToken"])
    assert [each["PrefixListId"] for each in page["PrefixLists"] + rest["PrefixLists"]] == sorted(made)
    aws("ModifyManagedPrefixList", PrefixListId=made[0], AddEntries=entries(TEN, ELEVEN, TWELVE))
    page = aws("GetManagedPrefixListEntries", PrefixListId=made[0], MaxResults=2)
    assert page["Entries"] == entries(TEN, ELEVEN)
    rest = aws("GetManagedPrefixListEntries", PrefixListId=made[0], MaxResults=2, NextToken=page["NextToken"])
    assert rest["Entries"] == entries(TWELVE)


def test_the_last_one_there_may_be(aws: Asking) -> None:
    for _ in range(LIMIT):
        make(aws)
    assert aws.code("CreateManagedPrefixList", **_office()) == "PrefixListLimitExceeded"


def test_a_rule_names_a_list(aws: Asking, world: World, group: str) -> None:
    list_id = make(aws, TEN)["PrefixListId"]
    rule = authorize(aws, group, list_id)
    assert rule["PrefixListId"] == list_id
    assert not {"CidrIpv4", "CidrIpv6", "ReferencedGroupInfo"} & {*rule}
    assert at_cloud(world) == [[TEN]]
    (found,) = aws("DescribeSecurityGroups", Filters=filtered("ip-permission.prefix-list-id", list_id))[
        "SecurityGroups"
    ]
    (told_permission,) = found["IpPermissions"]
    assert told_permission["PrefixListIds"] == [{"PrefixListId": list_id}]
    assert (told_permission["IpRanges"], told_permission["UserIdGroupPairs"]) == ([], [])
    users = aws("GetManagedPrefixListAssociations", PrefixListId=list_id)["PrefixListAssociations"]
    assert users == [{"ResourceId": group, "ResourceOwner": rule["GroupOwnerId"]}]
    again = aws.code("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=permission(list_id))
    assert again == "InvalidPermission.Duplicate"
    aws("ModifyManagedPrefixList", PrefixListId=list_id, AddEntries=entries(ELEVEN), CurrentVersion=1)
    assert at_cloud(world) == [[TEN, ELEVEN]]
    revoked = aws("RevokeSecurityGroupIngress", GroupId=group, IpPermissions=permission(list_id))
    (gone,) = revoked["RevokedSecurityGroupRules"]
    assert gone["PrefixListId"] == list_id
    assert "CidrIpv4" not in gone
    gone_list = aws("DeleteManagedPrefixList", PrefixListId=list_id)["PrefixList"]
    assert gone_list["State"] == "delete-complete"
    assert at_cloud(world) == []
    assert aws.code("DescribeManagedPrefixLists", PrefixListIds=[list_id]) == "InvalidPrefixListID.NotFound"


def test_rules_are_modified_and_described_anew(aws: Asking, world: World, group: str) -> None:
    first, second = (make(aws, each)["PrefixListId"] for each in (TEN, ELEVEN))
    rule = authorize(aws, group, first)["SecurityGroupRuleId"]
    other = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "PrefixListId": second, "Description": "d"}
    change = [{"SecurityGroupRuleId": rule, "SecurityGroupRule": other}]
    aws("ModifySecurityGroupRules", GroupId=group, SecurityGroupRules=change)
    (found,) = aws("DescribeSecurityGroupRules", SecurityGroupRuleIds=[rule])["SecurityGroupRules"]
    assert (found["PrefixListId"], found["FromPort"], found["Description"]) == (second, 80, "d")
    described = [{**permission(second, port=80)[0], "PrefixListIds": [{"PrefixListId": second, "Description": "e"}]}]
    aws("UpdateSecurityGroupRuleDescriptionsIngress", GroupId=group, IpPermissions=described)
    (found,) = aws("DescribeSecurityGroupRules", SecurityGroupRuleIds=[rule])["SecurityGroupRules"]
    assert found["Description"] == "e"
    assert aws("DeleteManagedPrefixList", PrefixListId=first)["PrefixList"]["State"] == "delete-complete"
    assert at_cloud(world) == [[ELEVEN]]


@pytest.mark.parametrize("own", ["web", "default"])
def test_a_list_that_is_named_stays(aws: Asking, world: World, group: str, own: str) -> None:
    named = group if own == "web" else _default(aws)
    list_id = make(aws, TEN)["PrefixListId"]
    authorize(aws, named, list_id)
    kept = aws("DeleteManagedPrefixList", PrefixListId=list_id)["PrefixList"]
    assert kept["State"] == told(aws, list_id)["State"] == "delete-failed"
    assert "referenced" in kept["StateMessage"]
    assert (named in kept["StateMessage"]) is (own == "web")
    users = aws("GetManagedPrefixListAssociations", PrefixListId=list_id)["PrefixListAssociations"]
    assert [each["ResourceId"] for each in users] == [named]
    aws("RevokeSecurityGroupIngress", GroupId=named, IpPermissions=permission(list_id))
    assert aws("DeleteManagedPrefixList", PrefixListId=list_id)["PrefixList"]["State"] == "delete-complete"
    assert at_cloud(world) == []


def _default(aws: Asking) -> str:
    (found,) = aws("DescribeSecurityGroups", Filters=filtered("group-name", "default"))["SecurityGroups"]
    group_id: str = found["GroupId"]
    return group_id


def test_the_clouds_own_group_names_a_list(aws: Asking, world: World) -> None:
    group, list_id = _default(aws), make(aws, TEN)["PrefixListId"]
    rule = authorize(aws, group, list_id)
    (found,) = aws("DescribeSecurityGroupRules", SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])[
        "SecurityGroupRules"
    ]
    assert found["PrefixListId"] == list_id
    assert at_cloud(world) == [[TEN]]


def test_a_set_of_addresses_that_others_made_is_told_as_a_list_of_its_id(aws: Asking, world: World) -> None:
    """One of both families is two lists to AWS; each rule goes by itself."""
    sets = AddressGroups(world.simulated._state, world.simulated.projects)
    theirs = sets.add(SCOPE, "others", "t", "both", [TEN, "2001:db8::/32"])
    rules = [Rule(True, "tcp", 22, 22, ipv6=ipv6, list_id=theirs) for ipv6 in (False, True)]
    group = f"sg-{world.simulated.projects.add_security_group(SCOPE, 'theirs', rules=rules).short_id}"
    (found,) = aws("DescribeSecurityGroups", GroupIds=[group])["SecurityGroups"]
    (told_permission,) = found["IpPermissions"]
    first, second = [each["PrefixListId"] for each in told_permission["PrefixListIds"]]
    assert first == f"pl-{short_id(theirs)}" != second
    assert aws.code("DescribeManagedPrefixLists", PrefixListIds=[first]) == "InvalidPrefixListID.NotFound"
    aws("RevokeSecurityGroupIngress", GroupId=group, IpPermissions=permission(second, port=22))
    (left,) = [each for each in world.simulated.cloud.network.security_groups(SCOPE) if each.name == "theirs"]
    assert [*left.rules] == rules[:1]
    more = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": TEN}]}]
    aws("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=more)
    elsewhere = aws.code("AuthorizeSecurityGroupIngress", GroupId=_default(aws), IpPermissions=permission(first))
    assert elsewhere == "InvalidPrefixListID.NotFound"


def test_what_a_list_may_have_counts_against_the_rules_of_a_group(aws: Asking, group: str) -> None:
    small, large = make(aws, most=10)["PrefixListId"], make(aws, most=51)["PrefixListId"]
    authorize(aws, group, small)
    refused = aws.code("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=permission(large))
    assert refused == "RulesPerSecurityGroupLimitExceeded"
    six = make(aws, most=60, AddressFamily="IPv6")["PrefixListId"]
    authorize(aws, group, six)  # families are counted apart
    failed = aws("ModifyManagedPrefixList", PrefixListId=small, MaxEntries=61)["PrefixList"]
    assert (failed["State"], failed["MaxEntries"]) == ("modify-failed", 10)
    assert group in failed["StateMessage"]
    changed = aws("ModifyManagedPrefixList", PrefixListId=small, MaxEntries=60)["PrefixList"]
    assert (changed["State"], changed["MaxEntries"], "StateMessage" in changed) == ("modify-complete", 60, False)
    more = [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    refused = aws.code("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=more)
    assert refused == "RulesPerSecurityGroupLimitExceeded"


def test_a_cloud_without_address_groups_refuses_rules_alone(aws: Asking, world: World, group: str) -> None:
    list_id = make(aws, TEN)["PrefixListId"]
    world.simulated.faults.refuse(NoAddressGroups(), Where(calls=("create_list",)))
    refused = aws.code("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=permission(list_id))
    assert refused == "UnsupportedOperation"
    (found,) = aws("DescribeSecurityGroups", GroupIds=[group])["SecurityGroups"]
    assert found["IpPermissions"] == []
    assert aws("DeleteManagedPrefixList", PrefixListId=list_id)["PrefixList"]["State"] == "delete-complete"


def test_a_cloud_that_heeds_no_lists_any_more_takes_no_further_rules_of_them(
    aws: Asking, world: World, group: str
) -> None:
    list_id, other = (make(aws, cidr)["PrefixListId"] for cidr in (TEN, ELEVEN))
    authorize(aws, group, list_id)
    rule = authorize(aws, group, other, port=80)["SecurityGroupRuleId"]
    for port in (22, 23):
        world.simulated.faults.refuse(NoAddressGroups(), Where(calls=("check_lists",)))
        asked = permission(list_id, port=port)
        assert aws.code("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=asked) == "UnsupportedOperation"
    world.simulated.faults.refuse(NoAddressGroups(), Where(calls=("check_lists",)))
    change = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "PrefixListId": list_id}
    asked = {"GroupId": group, "SecurityGroupRules": [{"SecurityGroupRuleId": rule, "SecurityGroupRule": change}]}
    assert aws.code("ModifySecurityGroupRules", **asked) == "UnsupportedOperation"
    (found,) = aws("DescribeSecurityGroups", GroupIds=[group])["SecurityGroups"]
    assert sorted(each["FromPort"] for each in found["IpPermissions"]) == [80, 443]
    world.simulated.faults.refuse(NoAddressGroups(), Where(calls=("check_lists",)))
    anywhere = [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    aws("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=anywhere)
    aws("RevokeSecurityGroupIngress", GroupId=group, IpPermissions=permission(list_id))


def test_a_cloud_that_may_have_no_more_lists(aws: Asking, world: World, group: str) -> None:
    list_id = make(aws, TEN)["PrefixListId"]
    world.simulated.faults.refuse(QuotaExceeded("address_groups", 1, -1), Where(calls=("create_list",)))
    refused = aws.refused("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=permission(list_id))
    assert (refused.code, "vCPU" in refused.message, "_" in refused.message) == (
        "PrefixListLimitExceeded", False, False
    )  # fmt: skip


def test_a_change_that_the_cloud_refuses_is_taken_back(aws: Asking, world: World, group: str) -> None:
    made = make(aws, TEN)
    authorize(aws, group, made["PrefixListId"])
    world.simulated.faults.refuse(Refused("no"), Where(calls=("set_addresses",)))
    asked = {"PrefixListId": made["PrefixListId"], "AddEntries": entries(ELEVEN), "RemoveEntries": entries(TEN)}
    assert aws.code("ModifyManagedPrefixList", **asked) == "OperationNotPermitted"
    assert told(aws, made["PrefixListId"]) == made
    assert cidrs(aws, made["PrefixListId"]) == [TEN]


def test_a_change_whose_answer_was_lost_is_in_progress(aws: Asking, world: World, group: str) -> None:
    list_id = make(aws, TEN)["PrefixListId"]
    authorize(aws, group, list_id)
    world.simulated.faults.lose_request(Where(calls=("set_addresses",)))
    asked = {"PrefixListId": list_id, "AddEntries": entries(ELEVEN)}
    assert aws("ModifyManagedPrefixList", **asked)["PrefixList"]["State"] == "modify-in-progress"
    assert aws.code("ModifyManagedPrefixList", PrefixListId=list_id, MaxEntries=9) == "IncorrectState"


@pytest.mark.parametrize("member", ["PrefixListIds", "PrefixListId"])
def test_a_rule_of_a_list_that_is_none(aws: Asking, group: str, member: str) -> None:
    for given, code in ((NOWHERE, "InvalidPrefixListID.NotFound"), ("pl-1", "InvalidPrefixListID.Malformed")):
        if member == "PrefixListIds":
            asked = permission(given)
            assert aws.code("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=asked) == code
            continue
        list_id = make(aws)["PrefixListId"]
        rule = authorize(aws, group, list_id, port=len(given))["SecurityGroupRuleId"]
        other = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "PrefixListId": given}
        change = [{"SecurityGroupRuleId": rule, "SecurityGroupRule": other}]
        assert aws.code("ModifySecurityGroupRules", GroupId=group, SecurityGroupRules=change) == code


def test_routes_to_lists_are_refused(aws: Asking) -> None:
    asked = {"RouteTableId": "rtb-0123456789abcdef0", "DestinationPrefixListId": make(aws)["PrefixListId"]}
    assert aws.code("CreateRoute", **asked, GatewayId="igw-0123456789abcdef0") == "UnsupportedOperation"


def test_rows_of_versions_that_are_kept_no_more_go(aws: Asking, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.domain.prefix_lists.VERSIONS", 2)
    monkeypatch.setattr(rows, "VERSIONS", 2)
    list_id = make(aws, TEN)["PrefixListId"]
    for version in range(1, 5):
        one, other = (TEN, ELEVEN) if version % 2 else (ELEVEN, TEN)
        change = {"AddEntries": entries(other), "RemoveEntries": entries(one), "CurrentVersion": version}
        aws("ModifyManagedPrefixList", PrefixListId=list_id, **change)
    assert (cidrs(aws, list_id), cidrs(aws, list_id, TargetVersion=4)) == ([TEN], [ELEVEN])
    refused = aws.code("GetManagedPrefixListEntries", PrefixListId=list_id, TargetVersion=3)
    assert refused == "InvalidParameterValue"
    with world.store.read() as conn:
        assert rows.ENTRIES.count(conn, SCOPE) == 2
