"""Dashboards and tags through their operations."""

from __future__ import annotations

import json

import pytest

from backend.domain.ids import account_id
from backend.domain.scope import Scope
from backend.errors import Finding
from tests.factories import NOW, OTHER, SCOPE, World
from translators.errors import AWSError, translate

BODY = json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "ä"}}]})
ARN = f"arn:aws:cloudwatch::{account_id(SCOPE.project_id)}:dashboard/d"


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


def ask(world, operation, **params):
    return world.call(operation, service="cloudwatch", **params)


def put(world, name="d", body=BODY, **params):
    return ask(world, "PutDashboard", DashboardName=name, DashboardBody=body, **params)


def names(world, **params):
    return [each["DashboardName"] for each in ask(world, "ListDashboards", **params)["DashboardEntries"]]


def refusal(world, operation, **params):
    with pytest.raises((AWSError, Finding)) as info:
        ask(world, operation, **params)
    told = translate(info.value, "cloudwatch")
    return told.code, told.message, told.status


def test_one_is_put_told_listed_and_deleted(world):
    assert put(world) == {"DashboardValidationMessages": []}
    assert ask(world, "GetDashboard", DashboardName="d") == {
        "DashboardArn": ARN,
        "DashboardName": "d",
        "DashboardBody": BODY,
    }
    put(world, body="{}")
    (entry,) = ask(world, "ListDashboards")["DashboardEntries"]
    assert entry == {"DashboardName": "d", "DashboardArn": ARN, "LastModified": NOW, "Size": 2}
    ask(world, "DeleteDashboards", DashboardNames=["d"])
    assert names(world) == []


def test_a_projects_are_its_own_in_all_regions(world):
    put(world)
    elsewhere = Scope(SCOPE.project_id, "eu-west-1")
    assert (names(world, scope=elsewhere), names(world, scope=OTHER)) == (["d"], [])


def test_all_are_deleted_or_none(world):
    put(world)
    assert refusal(world, "DeleteDashboards", DashboardNames=["d", "e"]) == (
        "ResourceNotFound",
        "Dashboard e does not exist",
        404,
    )
    assert names(world) == ["d"]


def test_a_name_is_held_to_its_letters(world):
    code, words, _ = refusal(world, "PutDashboard", DashboardName="a:b", DashboardBody=BODY)
    assert code == "InvalidParameterValue"
    assert words == (
        "The value for field DashboardName contains invalid characters."
        " It can only contain alphanumerics, dash (-) and underscore (_).\n"
    )


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{", "[" * 100_000, '{"widgets": 1}', '{"widgets": [1]}', json.dumps({"x": "y" * 300_000})],
)
def test_a_body_that_is_none_is_refused(world, body):
    code, words, _ = refusal(world, "PutDashboard", DashboardName="d", DashboardBody=body)
    assert (code, words.startswith("The dashboard body is invalid, there are 1 validation errors:\n[")) == (
        "InvalidParameterInput",
        True,
    )


def test_many_are_listed_page_by_page(world):
    for number in range(120):
        put(world, f"d{number:03}")
    first = ask(world, "ListDashboards", DashboardNamePrefix="d")
    rest = names(world, DashboardNamePrefix="d", NextToken=first["NextToken"])
    assert [each["DashboardName"] for each in first["DashboardEntries"]] + rest == [f"d{n:03}" for n in range(120)]
    assert names(world, DashboardNamePrefix="d11") == [f"d11{n}" for n in range(10)]


def test_tags(world):
    put(world, Tags=[{"Key": "a", "Value": "1"}])
    ask(world, "TagResource", ResourceARN=ARN, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}])
    ask(world, "UntagResource", ResourceARN=ARN, TagKeys=["b", "never"])
    assert ask(world, "ListTagsForResource", ResourceARN=ARN) == {"Tags": [{"Key": "a", "Value": "2"}]}
    many = [{"Key": str(number), "Value": ""} for number in range(51)]
    assert refusal(world, "TagResource", ResourceARN=ARN, Tags=many)[0] == "LimitExceeded"
    missing = ("ResourceNotFoundException", "", 404)
    gone = ARN.replace("/d", "/e")
    assert refusal(world, "ListTagsForResource", ResourceARN=gone) == missing
    assert refusal(world, "TagResource", ResourceARN=gone, Tags=many[:1]) == missing
    assert refusal(world, "UntagResource", ResourceARN=gone, TagKeys=["a"]) == missing


@pytest.mark.parametrize(
    "arn", ["x", ARN.replace("cloudwatch", "sns"), ARN.replace("dashboard", "thing"), ARN.replace("::", ":eu-west-1:")]
)
def test_an_arn_of_nothing_that_has_tags_is_refused(world, arn):
    assert refusal(world, "ListTagsForResource", ResourceARN=arn)[:2] == (
        "InvalidParameterValue",
        f"Invalid ARN: {arn}",
    )
