"""boto3: prefix lists, from their making to their end, and rules of security groups that name them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conformance.clients import refused
from conformance.fleet import unique
from conformance.product import until

TEN, ELEVEN, TWELVE = ({"Cidr": f"{number}.0.0.0/8"} for number in (10, 11, 12))


@pytest.fixture
def made(ec2: Any) -> Iterator[str]:
    tags = [{"ResourceType": "prefix-list", "Tags": [{"Key": "of", "Value": "a test"}]}]
    answer = ec2.create_managed_prefix_list(
        PrefixListName=unique("office"), AddressFamily="IPv4", MaxEntries=5, Entries=[TEN], TagSpecifications=tags
    )["PrefixList"]
    assert (answer["State"], answer["Version"], answer["Tags"]) == ("create-complete", 1, tags[0]["Tags"])
    yield answer["PrefixListId"]
    end(ec2, answer["PrefixListId"])


def end(ec2: Any, list_id: str) -> None:
    """Delete a list, and wait until it is told no more."""
    answer = ec2.delete_managed_prefix_list(PrefixListId=list_id)["PrefixList"]
    assert answer["State"] in {"delete-complete", "delete-in-progress"}, answer

    def gone() -> bool:
        try:
            ec2.describe_managed_prefix_lists(PrefixListIds=[list_id])
        except ClientError as error:
            return bool(error.response["Error"]["Code"] == "InvalidPrefixListID.NotFound")
        return False

    until(f"{list_id} is gone", gone)


@pytest.fixture
def group(ec2: Any) -> Iterator[str]:
    made = ec2.create_security_group(GroupName=unique("group"), Description="of a test")["GroupId"]
    yield made
    ec2.delete_security_group(GroupId=made)


def told(ec2: Any, list_id: str) -> dict[str, Any]:
    (found,) = ec2.describe_managed_prefix_lists(PrefixListIds=[list_id])["PrefixLists"]
    return dict(found)


def modify(ec2: Any, list_id: str, **change: Any) -> dict[str, Any]:
    """Change a list, and wait until it is changed."""
    ec2.modify_managed_prefix_list(PrefixListId=list_id, **change)
    until("the list is changed", lambda: not told(ec2, list_id)["State"].endswith("-in-progress"))
    return told(ec2, list_id)


def cidrs(ec2: Any, list_id: str, **version: int) -> list[str]:
    pages = ec2.get_paginator("get_managed_prefix_list_entries").paginate(PrefixListId=list_id, **version)
    return [each["Cidr"] for page in pages for each in page["Entries"]]


def test_versions(ec2: Any, made: str) -> None:
    changed = modify(ec2, made, CurrentVersion=1, AddEntries=[ELEVEN], RemoveEntries=[TEN])
    assert (changed["State"], changed["Version"]) == ("modify-complete", 2)
    with refused("PrefixListVersionMismatch"):
        ec2.modify_managed_prefix_list(PrefixListId=made, CurrentVersion=1, AddEntries=[TWELVE])
    assert (cidrs(ec2, made), cidrs(ec2, made, TargetVersion=1)) == ([ELEVEN["Cidr"]], [TEN["Cidr"]])
    ec2.restore_managed_prefix_list_version(PrefixListId=made, PreviousVersion=1, CurrentVersion=2)
    until("the list is restored", lambda: told(ec2, made)["State"] == "restore-complete")
    assert (told(ec2, made)["Version"], cidrs(ec2, made)) == (3, [TEN["Cidr"]])
    named = modify(ec2, made, PrefixListName=unique("home"), MaxEntries=1)
    assert (named["Version"], named["MaxEntries"]) == (3, 1)
    (found,) = ec2.describe_managed_prefix_lists(
        Filters=[{"Name": "prefix-list-name", "Values": [named["PrefixListName"]]}]
    )["PrefixLists"]
    assert found["PrefixListId"] == made
    with refused("PrefixListMaxEntriesExceeded"):
        ec2.modify_managed_prefix_list(PrefixListId=made, AddEntries=[TWELVE])


def test_of_changes_at_once_each_version_is_made_by_one(ec2: Any, made: str) -> None:
    def change(number: int) -> str:
        added = [{"Cidr": f"20.{number}.0.0/16"}]
        try:
            ec2.modify_managed_prefix_list(PrefixListId=made, CurrentVersion=1, AddEntries=added)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "changed"

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(change, range(4))) == [*3 * ["PrefixListVersionMismatch"], "changed"]
    assert (told(ec2, made)["Version"], len(cidrs(ec2, made))) == (2, 2)


def test_rules_name_a_list(ec2: Any, made: str, group: str) -> None:
    web = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "PrefixListIds": [{"PrefixListId": made}]}]
    (rule,) = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=web)["SecurityGroupRules"]
    assert rule["PrefixListId"] == made
    with refused("InvalidPermission.Duplicate"):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=web)
    by_list = [{"Name": "ip-permission.prefix-list-id", "Values": [made]}]
    (found,) = ec2.describe_security_groups(Filters=by_list)["SecurityGroups"]
    assert (found["GroupId"], found["IpPermissions"][0]["PrefixListIds"]) == (group, web[0]["PrefixListIds"])
    (user,) = ec2.get_managed_prefix_list_associations(PrefixListId=made)["PrefixListAssociations"]
    assert (user["ResourceId"], user["ResourceOwner"]) == (group, found["OwnerId"])
    assert modify(ec2, made, AddEntries=[ELEVEN])["State"] == "modify-complete"
    kept = ec2.delete_managed_prefix_list(PrefixListId=made)["PrefixList"]
    assert (kept["State"], group in kept["StateMessage"]) == ("delete-failed", True)
    large = modify(ec2, made, MaxEntries=61)
    assert (large["State"], large["MaxEntries"], group in large["StateMessage"]) == ("modify-failed", 5, True)
    out = {"IpProtocol": "tcp", "FromPort": 81, "ToPort": 82, "PrefixListId": made, "Description": "d"}
    ec2.modify_security_group_rules(
        GroupId=group,
        SecurityGroupRules=[{"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "SecurityGroupRule": out}],
    )
    (changed,) = ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])[
        "SecurityGroupRules"
    ]
    assert (changed["PrefixListId"], changed["ToPort"], changed["Description"]) == (made, 82, "d")
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])


def test_a_list_of_ipv6_is_named_by_rules_that_let_out(ec2: Any, group: str) -> None:
    answer = ec2.create_managed_prefix_list(
        PrefixListName=unique("six"), AddressFamily="IPv6", MaxEntries=2, Entries=[{"Cidr": "2001:db8::/32"}]
    )
    six = answer["PrefixList"]["PrefixListId"]
    out = [{"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": six}]}]
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=out)
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=out)
    end(ec2, six)


def test_there_are_none_of_awss_own(ec2: Any) -> None:
    assert ec2.describe_prefix_lists()["PrefixLists"] == []
    with refused("InvalidParameterValue", "com.amazonaws."):
        ec2.create_managed_prefix_list(PrefixListName="com.amazonaws.x", AddressFamily="IPv4", MaxEntries=1)
