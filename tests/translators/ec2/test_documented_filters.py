"""Every filter that EC2's manual documents is taken: what a cloud has not is a filter that nothing passes."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from botocore.model import OperationModel, Shape
from botocore.session import get_session

from tests.factories import World
from tests.translators.ec2.wire import Asking, filtered
from translators.ec2.actions import NOUNS
from translators.errors import AWSError
from translators.registry import supported

MODEL: Final = get_session().get_service_model("ec2")  # with its documentation, which the gateway's copy leaves out
NAMED: Final = re.compile(r"<li>\s*<p>\s*<code>([^<]+)</code>")
ITEM: Final = re.compile(r"<li>")
# Values stand in the same form as names.
VALUES: Final = {"true", "false", "informational", "low", "medium", "high", "critical"}
UNDOCUMENTED: Final = {
    "DescribeAddresses": {"domain"},
    "DescribeImages": {"imds-support", "platform-details"},
    "DescribeInstances": {"group-id", "group-name", "iam-instance-profile.name"},
    "DescribeLaunchTemplateVersions": {"http-protocol-ipv6"},
    "DescribeNetworkInterfaces": {"group-name"},
    "DescribeSubnets": {"availabilityZone", "availabilityZoneId", "cidr", "cidrBlock", "defaultForAz"},
    "DescribeVpcs": {"cidr-block", "cidrBlock", "dhcpOptionsId", "isDefault"},
}
"""What clients send and EC2 takes beside them: old names, and names that the manual has in the text of another."""
TAGGED: Final = {"DescribeManagedPrefixLists"}
"""Likewise tags. Source: the manual of Terraform's aws_ec2_managed_prefix_lists, whose example filters by them."""


def model(operation: str) -> OperationModel:
    return MODEL.operation_model(operation)


def documentation(operation: str) -> str:
    shape = model(operation).input_shape
    if shape is None or "Filters" not in shape.members:
        return ""
    return re.sub(r"\(.*?\)", "", shape.members["Filters"].documentation or "", flags=re.DOTALL)


def documented(operation: str) -> list[str]:
    names = [name for name in NAMED.findall(documentation(operation)) if name not in VALUES]
    return [name for name in names if name != "tag" and not name.startswith("tag:")]


OPERATIONS: Final = [name for name in supported()["ec2"] if documentation(name)]


def listed(operation: str) -> Shape:
    """The shape of one of the things that an operation lists."""
    output = model(operation).output_shape
    assert output is not None
    element: Shape = output.members[NOUNS[operation].answer].member
    return element.members["Instances"].member if operation == "DescribeInstances" else element


def test_all_that_can_be_filtered_are_nouns() -> None:
    assert set(OPERATIONS) == NOUNS.keys()
    assert len(OPERATIONS) >= 19


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_manual_is_read_whole(operation: str) -> None:
    text = documentation(operation)
    assert len(NAMED.findall(text)) == len(ITEM.findall(text)), "an item of another form: mend the pattern"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_its_filters_are_the_documented_ones(operation: str) -> None:
    known = set(NOUNS[operation].filters)
    assert sorted(set(documented(operation)) - known - {"tag-key"}) == []
    assert sorted(known - set(documented(operation)) - UNDOCUMENTED.get(operation, set())) == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_documented_filter_is_taken(world: World, operation: str) -> None:
    aws = Asking(world)
    refused = []
    for name in documented(operation):
        params = {"Versions": ["$Latest"]} if operation == "DescribeLaunchTemplateVersions" else {}
        try:
            aws(operation, Filters=filtered(name, "sg-0123456789abcdef0"), **params)
        except AWSError as error:
            refused.append(f"{name}: {error.message}")
    assert refused == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_tags_are_filters_where_the_manual_says_so(operation: str) -> None:
    tagged = re.search("<code>tag(</code>)?:", documentation(operation)) is not None or "tag-key" in documented(
        operation
    )
    assert (tagged or operation in TAGGED) == (NOUNS[operation].tagging is not None)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_told_and_looked_at_is_in_the_model(operation: str) -> None:
    """A misspelt path would be a filter that nothing passes, and nobody would know."""
    noun, shape = NOUNS[operation], listed(operation)
    assert sorted(noun.members.keys() - shape.members.keys()) == []
    for name, path in noun.filters.items():
        at: Shape = shape
        for part in path.split(".") if isinstance(path, str) else ():
            assert part in at.members, f"{name}: {path}"
            at = at.members[part]
            at = at.member if at.type_name == "list" else at
        assert at is shape or at.type_name != "structure", f"{name}: {path} is no value"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_requests_name_and_page_as_the_model_says(operation: str) -> None:
    shape, noun = model(operation).input_shape, NOUNS[operation]
    assert shape is not None
    assert {naming.member for naming in noun.namings} <= shape.members.keys()
    assert ("MaxResults" in shape.members) == (noun.pages is not None)


def _can_be_dry(operation: str) -> bool:
    return "DryRun" in MODEL.operation_model(operation).input_shape.members


DRY: Final = [name for name in OPERATIONS if _can_be_dry(name)]
NAMED_BY: Final = [(name, naming.member) for name in DRY for naming in NOUNS[name].namings]


@pytest.mark.parametrize(("operation", "member"), NAMED_BY)
def test_a_dry_run_tells_what_does_not_exist(world: World, operation: str, member: str) -> None:
    aws = Asking(world)
    asked: dict[str, Any] = {member: ["nothing-of-the-kind"]}
    refused = aws.refused(operation, **asked)
    dry = aws.refused(operation, **asked, DryRun=True)
    assert (dry.code, dry.message) == (refused.code, refused.message)
    assert dry.code != "DryRunOperation"


@pytest.mark.parametrize("operation", DRY)
def test_a_dry_run_tells_that_it_can(world: World, operation: str) -> None:
    params = {"Versions": ["$Latest"]} if operation == "DescribeLaunchTemplateVersions" else {}
    assert Asking(world).code(operation, **params, DryRun=True) == "DryRunOperation"
