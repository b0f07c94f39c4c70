from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.factories import World
from tests.translators.ec2.wire import Asking


@pytest.fixture
def iam() -> Iterator[Asking]:
    world = World()
    yield Asking(world, "iam")
    world.close()


def test_the_user_is_the_caller(iam: Asking) -> None:
    user = iam("GetUser")["User"]
    identity = Asking(iam.world, "sts")("GetCallerIdentity")
    assert (user["Arn"], user["UserId"], user["UserName"]) == (identity["Arn"], identity["UserId"], "demo")
    assert iam("GetUser", UserName="demo")["User"] == user
    refused = iam.refused("GetUser", UserName="other")
    assert (refused.code, refused.status) == ("NoSuchEntity", 404)


def test_the_one_role_is_auto_scalings_own(iam: Asking) -> None:
    role = iam("GetRole", RoleName="AWSServiceRoleForAutoScaling")["Role"]
    assert role["Arn"].endswith(":role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling")
    assert [each["Arn"] for each in iam("ListRoles")["Roles"]] == [role["Arn"]]
    assert iam("ListRoles", PathPrefix="/aws-service-role/")["Roles"]
    assert iam("ListRoles", PathPrefix="/mine/")["Roles"] == []
    assert iam.code("GetRole", RoleName="admin") == "NoSuchEntity"
    assert iam.code("ListRoles", Marker="x") == "ValidationError"


def test_an_account_has_no_alias(iam: Asking) -> None:
    assert iam("ListAccountAliases") == {"AccountAliases": [], "IsTruncated": False}
