from __future__ import annotations

import re

import pytest

from tests.factories import OTHER, World
from tests.translators.ec2.wire import Asking, filtered

DATA = {"InstanceType": "t3.micro"}


def make(aws: Asking, name: str = "web", **params: object) -> dict:
    return aws("CreateLaunchTemplate", **{"LaunchTemplateName": name, "LaunchTemplateData": DATA, **params})[
        "LaunchTemplate"
    ]


def names(answer: dict) -> list[str]:
    return [template["LaunchTemplateName"] for template in answer["LaunchTemplates"]]


def test_a_template_is_made_and_described(aws: Asking) -> None:
    tags = [{"ResourceType": "launch-template", "Tags": [{"Key": "team", "Value": "a"}]}]
    made = make(aws, TagSpecifications=tags, VersionDescription="first")
    assert re.fullmatch(r"lt-[0-9a-f]{17}", made["LaunchTemplateId"])
    assert made["DefaultVersionNumber"] == made["LatestVersionNumber"] == 1
    assert made["CreatedBy"].endswith(":user/demo")
    assert made["Tags"] == [{"Key": "team", "Value": "a"}]
    assert aws("DescribeLaunchTemplates")["LaunchTemplates"] == [made]
    assert aws("DescribeLaunchTemplates", LaunchTemplateIds=[made["LaunchTemplateId"]])["LaunchTemplates"] == [made]
    assert aws("DescribeLaunchTemplates", LaunchTemplateNames=["web"])["LaunchTemplates"] == [made]


def test_a_templates_own_tags_are_no_part_of_its_data(aws: Asking) -> None:
    """Terraform would see a difference for ever."""
    make(aws, TagSpecifications=[{"ResourceType": "launch-template", "Tags": [{"Key": "a", "Value": "b"}]}])
    version = aws("DescribeLaunchTemplateVersions", LaunchTemplateName="web")["LaunchTemplateVersions"][0]
    assert version["LaunchTemplateData"] == DATA


def test_a_name_is_taken_once_a_project(aws: Asking, world: World) -> None:
    make(aws)
    refused = aws.refused("CreateLaunchTemplate", LaunchTemplateName="web", LaunchTemplateData=DATA)
    assert refused.code == "InvalidLaunchTemplateName.AlreadyExistsException"
    assert refused.message == "Launch template name already in use."
    other = Asking(world, scope=OTHER)
    assert make(other)["LaunchTemplateName"] == "web"
    assert len(aws("DescribeLaunchTemplates")["LaunchTemplates"]) == 1


def test_nothing_of_another_project_is_seen_or_touched(aws: Asking, world: World) -> None:
    made = make(aws)
    other = Asking(world, scope=OTHER)
    assert other("DescribeLaunchTemplates")["LaunchTemplates"] == []
    for operation in ("DescribeLaunchTemplateVersions", "DeleteLaunchTemplate"):
        assert other.code(operation, LaunchTemplateId=made["LaunchTemplateId"]) == "InvalidLaunchTemplateId.NotFound"
        assert other.code(operation, LaunchTemplateName="web") == "InvalidLaunchTemplateName.NotFoundException"


@pytest.mark.parametrize("name", ["ab", "x" * 129, "with blank", "a:b", "ünï"])
def test_a_name_has_a_form(aws: Asking, name: str) -> None:
    code = aws.code("CreateLaunchTemplate", LaunchTemplateName=name, LaunchTemplateData=DATA)
    assert code == "InvalidLaunchTemplateName.MalformedException"


def test_a_token_makes_one_template_however_often_it_comes(aws: Asking) -> None:
    first = make(aws, ClientToken="t-1")
    assert make(aws, ClientToken="t-1") == first
    other = {"LaunchTemplateName": "web", "LaunchTemplateData": {"InstanceType": "t3.small"}, "ClientToken": "t-1"}
    assert aws.code("CreateLaunchTemplate", **other) == "IdempotentParameterMismatch"
    assert len(aws("DescribeLaunchTemplates")["LaunchTemplates"]) == 1


def test_a_dry_run_does_nothing_but_say_that_it_would(aws: Asking) -> None:
    refused = aws.refused("CreateLaunchTemplate", LaunchTemplateName="web", LaunchTemplateData=DATA, DryRun=True)
    assert (refused.code, refused.status) == ("DryRunOperation", 412)
    make(aws)
    for operation, params in (
        ("DeleteLaunchTemplate", {}),
        ("ModifyLaunchTemplate", {"DefaultVersion": "1"}),
        ("DeleteLaunchTemplateVersions", {"Versions": ["1"]}),
        ("CreateLaunchTemplateVersion", {"LaunchTemplateData": DATA}),
        ("DescribeLaunchTemplateVersions", {}),
    ):
        assert aws.code(operation, LaunchTemplateName="web", DryRun=True, **params) == "DryRunOperation"
    assert names(aws("DescribeLaunchTemplates")) == ["web"]
    assert aws("DescribeLaunchTemplates")["LaunchTemplates"][0]["LatestVersionNumber"] == 1


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "MissingParameter"),
        ({"LaunchTemplateId": "lt-0123456789abcdef0", "LaunchTemplateName": "web"}, "InvalidParameterCombination"),
        ({"LaunchTemplateId": "lt-nonsense"}, "InvalidLaunchTemplateId.Malformed"),
        ({"LaunchTemplateId": "lt-01234567"}, "InvalidLaunchTemplateId.NotFound"),
        ({"LaunchTemplateId": "lt-0123456789abcdef0"}, "InvalidLaunchTemplateId.NotFound"),
        ({"LaunchTemplateName": "none"}, "InvalidLaunchTemplateName.NotFoundException"),
    ],
)
@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("DeleteLaunchTemplate", {}),
        ("ModifyLaunchTemplate", {"DefaultVersion": "1"}),
        ("CreateLaunchTemplateVersion", {"LaunchTemplateData": DATA}),
        ("DeleteLaunchTemplateVersions", {"Versions": ["1"]}),
        ("DescribeLaunchTemplateVersions", {"Versions": ["1"]}),
    ],
)
def test_a_template_is_named_once_and_rightly(aws: Asking, operation: str, more: dict, params: dict, code: str) -> None:
    if operation == "DescribeLaunchTemplateVersions" and not params:
        code = "InvalidParameterValue"  # a version's number says nothing by itself
    assert aws.code(operation, **more, **params) == code


def test_what_is_not_found_is_named(aws: Asking) -> None:
    by_id = aws.refused("DescribeLaunchTemplates", LaunchTemplateIds=["lt-0123456789abcdef0"])
    assert by_id.message == "At least one of the launch templates specified in the request does not exist."
    by_name = aws.refused("DescribeLaunchTemplates", LaunchTemplateNames=["nil"])
    assert by_name.message == by_id.message


def test_the_default_moves(aws: Asking) -> None:
    make(aws)
    aws("CreateLaunchTemplateVersion", LaunchTemplateName="web", LaunchTemplateData=DATA)
    changed = aws("ModifyLaunchTemplate", LaunchTemplateName="web", DefaultVersion="$Latest")["LaunchTemplate"]
    assert (changed["DefaultVersionNumber"], changed["LatestVersionNumber"]) == (2, 2)
    code = aws.code("ModifyLaunchTemplate", LaunchTemplateName="web", DefaultVersion="3")
    assert code == "InvalidLaunchTemplateId.VersionNotFound"
    assert aws.code("ModifyLaunchTemplate", LaunchTemplateName="web", DefaultVersion="x") == "InvalidParameterValue"
    assert aws.code("ModifyLaunchTemplate", LaunchTemplateName="web") == "MissingParameter"


def test_versions_are_deleted_one_by_one_with_reasons(aws: Asking) -> None:
    template_id = make(aws)["LaunchTemplateId"]
    for _ in range(2):
        aws("CreateLaunchTemplateVersion", LaunchTemplateName="web", LaunchTemplateData=DATA)
    default = {"LaunchTemplateName": "web", "Versions": ["1", "3", "9"]}
    assert aws.code("DeleteLaunchTemplateVersions", **default) == "InvalidParameterValue"
    answer = aws("DeleteLaunchTemplateVersions", LaunchTemplateName="web", Versions=["3", "9"])
    gone = answer["SuccessfullyDeletedLaunchTemplateVersions"]
    assert gone == [{"LaunchTemplateId": template_id, "LaunchTemplateName": "web", "VersionNumber": 3}]
    kept = {
        each["VersionNumber"]: each["ResponseError"] for each in answer["UnsuccessfullyDeletedLaunchTemplateVersions"]
    }
    assert kept.keys() == {9}
    assert kept[9]["Code"] == "launchTemplateVersionDoesNotExist"
    described = aws("DescribeLaunchTemplates")["LaunchTemplates"][0]
    assert described["LatestVersionNumber"] == 2
    made = aws("CreateLaunchTemplateVersion", LaunchTemplateName="web", LaunchTemplateData=DATA)
    assert made["LaunchTemplateVersion"]["VersionNumber"] == 4, "a number is never given twice"


def test_deleting_takes_versions_and_tags_along(aws: Asking) -> None:
    make(aws, TagSpecifications=[{"ResourceType": "launch-template", "Tags": [{"Key": "a", "Value": "b"}]}])
    deleted = aws("DeleteLaunchTemplate", LaunchTemplateName="web")["LaunchTemplate"]
    assert deleted["LaunchTemplateName"] == "web"
    assert aws("DescribeLaunchTemplates")["LaunchTemplates"] == []
    assert aws("DescribeTags")["Tags"] == []
    assert make(aws)["LatestVersionNumber"] == 1


def test_lists_come_by_name_in_pages(aws: Asking) -> None:
    for index in range(7):
        make(aws, f"t-{index}")
    seen: list[str] = []
    token: dict = {}
    while True:
        page = aws("DescribeLaunchTemplates", MaxResults=3, **token)
        assert len(page["LaunchTemplates"]) <= 3
        seen += names(page)
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert seen == [f"t-{index}" for index in range(7)]
    assert aws.code("DescribeLaunchTemplates", NextToken="nonsense") == "InvalidNextToken"
    for out in (0, 201):
        assert aws.code("DescribeLaunchTemplates", MaxResults=out) == "InvalidParameterValue"


def test_filters_reach_over_pages(aws: Asking) -> None:
    for index in range(9):
        tags = [{"ResourceType": "launch-template", "Tags": [{"Key": "odd", "Value": str(index % 2)}]}]
        make(aws, f"t-{index}", TagSpecifications=tags)
    page = aws("DescribeLaunchTemplates", MaxResults=2, Filters=filtered("tag:odd", "1"))
    assert names(page) == ["t-1", "t-3"]
    rest = aws("DescribeLaunchTemplates", MaxResults=2, Filters=filtered("tag:odd", "1"), NextToken=page["NextToken"])
    assert names(rest) == ["t-5", "t-7"]
    assert "NextToken" not in rest or not aws(
        "DescribeLaunchTemplates", MaxResults=2, Filters=filtered("tag:odd", "1"), NextToken=rest["NextToken"]
    ).get("LaunchTemplates")
    assert names(aws("DescribeLaunchTemplates", Filters=filtered("launch-template-name", "*-[8]", "t-8"))) == ["t-8"]
    assert aws.code("DescribeLaunchTemplates", Filters=filtered("name", "x")) == "InvalidParameterValue"


def test_tags_of_other_kinds_are_refused(aws: Asking) -> None:
    for kind in ("instance", "nonsense"):
        refused = aws.refused(
            "CreateLaunchTemplate",
            LaunchTemplateName="web",
            LaunchTemplateData=DATA,
            TagSpecifications=[{"ResourceType": kind, "Tags": [{"Key": "a", "Value": "b"}]}],
        )
        assert refused.code == "InvalidParameterValue"
        assert refused.message.startswith(f"'{kind}' is not a valid taggable resource type")


def test_nobody_manages_templates_for_others(aws: Asking) -> None:
    operator = {"Principal": "x.amazonaws.com"}
    code = aws.code("CreateLaunchTemplate", LaunchTemplateName="web", LaunchTemplateData=DATA, Operator=operator)
    assert code == "UnsupportedOperation"
