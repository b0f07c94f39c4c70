"""Roles, instance profiles and policies as boto3 sees them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import event

from backend.domain.identities import IdentityInUse, everywhere
from backend.services.roles import NewRole
from backend.store import identities as rows
from tests.factories import OTHER, SCOPE, World
from tests.translators.ec2.wire import Asking

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    },
    indent=2,
)
RIGHTS = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}'
SSM = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"


@pytest.fixture
def iam() -> Iterator[Asking]:
    world = World()
    yield Asking(world, "iam")
    world.close()


def _role(iam: Asking, name: str = "web", **more: object) -> dict[str, object]:
    made: dict[str, object] = iam("CreateRole", RoleName=name, AssumeRolePolicyDocument=TRUST, **more)["Role"]
    return made


def test_a_role_reads_back_as_it_was_written(iam: Asking) -> None:
    made = _role(iam, Path="/apps/", Description="d", MaxSessionDuration=7200, Tags=[{"Key": "b", "Value": "1"}])
    role = iam("GetRole", RoleName="web")["Role"]
    assert str(role["Arn"]).endswith(":role/apps/web")
    assert len(role["RoleId"]) == 21
    assert role["RoleId"].startswith("AROA")
    assert (role["AssumeRolePolicyDocument"], role["RoleId"]) == (made["AssumeRolePolicyDocument"], made["RoleId"])
    assert (role["MaxSessionDuration"], role["Description"], role["Tags"]) == (7200, "d", [{"Key": "b", "Value": "1"}])
    assert [each["RoleName"] for each in iam("ListRoles", PathPrefix="/apps/")["Roles"]] == ["web"]
    assert Asking(iam.world, "iam", OTHER).code("GetRole", RoleName="web") == "NoSuchEntity"
    iam("UpdateRole", RoleName="web", Description="")
    changed = iam("GetRole", RoleName="web")["Role"]
    assert "Description" not in changed
    assert changed["MaxSessionDuration"] == 3600


def test_names_are_told_apart_without_their_case(iam: Asking) -> None:
    _role(iam)
    refused = iam.refused("CreateRole", RoleName="WEB", AssumeRolePolicyDocument=TRUST)
    assert (refused.code, refused.status) == ("EntityAlreadyExists", 409)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "This policy contains invalid Json"),
        ("[" * 100_000, "This policy contains invalid Json"),
        ("[]", "Syntax errors in policy."),
        (TRUST.replace("Allow", "Perhaps"), "Syntax errors in policy."),
        (TRUST.replace("sts:AssumeRole", "s3:Get"), "AssumeRole policy may only specify STS AssumeRole actions."),
        (TRUST.replace('"Principal"', '"Resource"').replace('{"Serv', '"*", "x": {"Serv'), "Syntax errors in policy."),
        (TRUST.replace("ec2.amazonaws.com", "nobody"), 'Invalid principal in policy: "SERVICE":"nobody"'),
        (RIGHTS, "Has prohibited field Resource"),
    ],
)
def test_what_is_no_trust_policy_is_refused(iam: Asking, document: str, words: str) -> None:
    refused = iam.refused("CreateRole", RoleName="web", AssumeRolePolicyDocument=document)
    assert (refused.code, refused.message) == ("MalformedPolicyDocument", words)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{}}", "Syntax errors in policy."),
        (RIGHTS.replace("2012-10-17", "2008-10-17"), "Policy document must be version 2012-10-17 or greater."),
        (TRUST, "Policy document should not specify a principal."),
        (RIGHTS.replace(', "Resource": "*"', ""), "Policy statement must contain resources."),
        (
            RIGHTS.replace("s3:Get*", "Get"),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (RIGHTS.replace('"*"', '"bucket"'), 'Resource bucket must be in ARN format or "*".'),
    ],
)
def test_what_is_no_policy_is_refused(iam: Asking, document: str, words: str) -> None:
    _role(iam)
    for operation, params in (("PutRolePolicy", {"RoleName": "web"}), ("CreatePolicy", {})):
        refused = iam.refused(operation, PolicyName="p", PolicyDocument=document, **params)
        assert (refused.code, refused.message) == ("MalformedPolicyDocument", words)


def test_a_role_goes_when_nothing_hangs_on_it(iam: Asking) -> None:
    _role(iam)
    iam("CreateInstanceProfile", InstanceProfileName="web")
    iam("AddRoleToInstanceProfile", InstanceProfileName="web", RoleName="web")
    iam("AttachRolePolicy", RoleName="web", PolicyArn=SSM)
    iam("AttachRolePolicy", RoleName="web", PolicyArn=SSM)
    iam("PutRolePolicy", RoleName="web", PolicyName="own", PolicyDocument=RIGHTS)
    assert iam("ListAttachedRolePolicies", RoleName="web")["AttachedPolicies"] == [
        {"PolicyName": "AmazonSSMManagedInstanceCore", "PolicyArn": SSM}
    ]
    for operation, params in (
        ("RemoveRoleFromInstanceProfile", {"InstanceProfileName": "web"}),
        ("DetachRolePolicy", {"PolicyArn": SSM}),
        ("DeleteRolePolicy", {"PolicyName": "own"}),
    ):
        refused = iam.refused("DeleteRole", RoleName="web")
        assert (refused.code, refused.status) == ("DeleteConflict", 409)
        iam(operation, RoleName="web", **params)
        assert iam.code(operation, RoleName="web", **params) == "NoSuchEntity"
    iam("DeleteRole", RoleName="web")
    assert iam.code("GetRole", RoleName="web") == "NoSuchEntity"


def test_an_instance_profile_has_one_role(iam: Asking) -> None:
    _role(iam)
    _role(iam, "db")
    iam("CreateInstanceProfile", InstanceProfileName="p", Path="/a/", Tags=[{"Key": "k", "Value": "v"}])
    assert iam.code("AddRoleToInstanceProfile", InstanceProfileName="p", RoleName="nobody") == "NoSuchEntity"
    iam("AddRoleToInstanceProfile", InstanceProfileName="p", RoleName="web")
    refused = iam.refused("AddRoleToInstanceProfile", InstanceProfileName="p", RoleName="db")
    words = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"
    assert (refused.code, refused.status, refused.message) == ("LimitExceeded", 409, words)
    profile = iam("GetInstanceProfile", InstanceProfileName="p")["InstanceProfile"]
    assert profile["Arn"].endswith(":instance-profile/a/p")
    assert [role["RoleName"] for role in profile["Roles"]] == ["web"]
    assert iam.code("DeleteInstanceProfile", InstanceProfileName="p") == "DeleteConflict"
    listed = iam("ListInstanceProfilesForRole", RoleName="web")["InstanceProfiles"]
    assert [each["InstanceProfileName"] for each in listed] == ["p"]
    for none in ("db", "AWSServiceRoleForAutoScaling"):
        assert iam("ListInstanceProfilesForRole", RoleName=none)["InstanceProfiles"] == []
    assert iam.code("ListInstanceProfilesForRole", RoleName="nobody") == "NoSuchEntity"


def test_a_managed_policy_has_five_versions(iam: Asking) -> None:
    arn = iam("CreatePolicy", PolicyName="p", PolicyDocument=RIGHTS)["Policy"]["Arn"]
    for number in range(2, 6):
        made = iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=RIGHTS, SetAsDefault=number == 3)
        assert made["PolicyVersion"]["VersionId"] == f"v{number}"
    refused = iam.refused("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=RIGHTS)
    assert (refused.code, refused.status) == ("LimitExceeded", 409)
    versions = iam("ListPolicyVersions", PolicyArn=arn)["Versions"]
    assert [each["VersionId"] for each in versions if each["IsDefaultVersion"]] == ["v3"]
    assert iam.code("DeletePolicyVersion", PolicyArn=arn, VersionId="v3") == "DeleteConflict"
    assert iam.code("DeletePolicy", PolicyArn=arn) == "DeleteConflict"
    iam("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v1")
    for number in range(2, 6):
        iam("DeletePolicyVersion", PolicyArn=arn, VersionId=f"v{number}")
    assert iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=RIGHTS)["PolicyVersion"]["VersionId"] == "v6"
    iam("DeletePolicyVersion", PolicyArn=arn, VersionId="v6")
    _role(iam, PermissionsBoundary=arn)
    assert iam("GetPolicy", PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    assert iam.code("DeletePolicy", PolicyArn=arn) == "DeleteConflict"
    iam("DeleteRolePermissionsBoundary", RoleName="web")
    iam("AttachRolePolicy", RoleName="web", PolicyArn=arn)
    assert [each["RoleName"] for each in iam("ListEntitiesForPolicy", PolicyArn=arn)["PolicyRoles"]] == ["web"]
    assert iam("ListPolicies", OnlyAttached=True)["Policies"][0]["AttachmentCount"] == 1
    iam("DetachRolePolicy", RoleName="web", PolicyArn=arn)
    iam("DeletePolicy", PolicyArn=arn)
    assert iam.refused("GetPolicy", PolicyArn=arn).status == 404


def test_policies_of_awss_are_names_that_grant_nothing(iam: Asking) -> None:
    policy = iam("GetPolicy", PolicyArn=SSM)["Policy"]
    assert (policy["IsAttachable"], policy["DefaultVersionId"]) == (True, "v1")
    version = iam("GetPolicyVersion", PolicyArn=SSM, VersionId="v1")["PolicyVersion"]
    assert "%22Statement%22%3A%5B%5D" in version["Document"]
    assert iam.refused("DeletePolicy", PolicyArn=SSM).status == 403


def test_policies_are_as_long_as_at_aws(iam: Asking) -> None:
    blank = RIGHTS.replace(" ", " " * 9000)
    iam("CreatePolicy", PolicyName="blank", PolicyDocument=blank)
    long = RIGHTS.replace("s3:Get*", "s3:" + "a" * 6144)
    refused = iam.refused("CreatePolicy", PolicyName="long", PolicyDocument=long)
    assert (refused.code, refused.message) == ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
    _role(iam)
    iam("PutRolePolicy", RoleName="web", PolicyName="a", PolicyDocument=long)
    refused = iam.refused("PutRolePolicy", RoleName="web", PolicyName="b", PolicyDocument=long)
    assert refused.message == "Maximum policy size of 10240 bytes exceeded for role web"


def test_lists_come_in_pages(iam: Asking) -> None:
    for name in "dabc":
        _role(iam, name, Path="/p/")
    first = iam("ListRoles", PathPrefix="/p/", MaxItems=3)
    assert [each["RoleName"] for each in first["Roles"]] == ["a", "b", "c"]
    assert first["IsTruncated"] is True
    rest = iam("ListRoles", PathPrefix="/p/", MaxItems=3, Marker=first["Marker"])
    assert ([each["RoleName"] for each in rest["Roles"]], rest["IsTruncated"]) == (["d"], False)
    assert iam.code("ListRoles", PathPrefix="/q/", Marker=first["Marker"]) == "ValidationError"


def test_a_linked_role_is_its_services_alone(iam: Asking) -> None:
    made = iam("CreateServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="x")["Role"]
    assert made["RoleName"] == "AWSServiceRoleForAutoScaling_x"
    again = iam.refused("CreateServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="x")
    assert (again.code, "has been taken in this account" in again.message) == ("InvalidInput", True)
    assert iam.code("DeleteRole", RoleName=made["RoleName"]) == "UnmodifiableEntity"
    iam("CreateInstanceProfile", InstanceProfileName="p")
    into = {"InstanceProfileName": "p", "RoleName": made["RoleName"]}
    assert iam.code("AddRoleToInstanceProfile", **into) == "UnmodifiableEntity"
    task = iam("DeleteServiceLinkedRole", RoleName=made["RoleName"])["DeletionTaskId"]
    assert iam("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert iam.code("GetServiceLinkedRoleDeletionStatus", DeletionTaskId="task/none") == "NoSuchEntity"
    assert iam.code("DeleteServiceLinkedRole", RoleName=made["RoleName"]) == "NoSuchEntity"


def test_a_linked_role_has_tags_as_others_have(iam: Asking) -> None:
    """Terraform's provider sets them one call after the role is there, default tags too."""
    name = iam("CreateServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="x")["Role"][
        "RoleName"
    ]
    iam("TagRole", RoleName=name, Tags=[{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "w"}])
    assert iam("GetRole", RoleName=name)["Role"]["Tags"] == [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "w"}]
    iam("UntagRole", RoleName=name, TagKeys=["k"])
    assert iam("ListRoleTags", RoleName=name)["Tags"] == [{"Key": "l", "Value": "w"}]


def test_a_list_of_roles_reads_the_trust_of_its_page_alone(iam: Asking) -> None:
    for number in range(5):
        _role(iam, f"r{number}")
    read: list[str] = []
    event.listen(iam.world.store.engine, "before_cursor_execute", lambda *given: read.append(given[2]))
    page = iam("ListRoles", MaxItems=2)
    assert [each["RoleName"] for each in page["Roles"]] == ["AWSServiceRoleForAutoScaling", "r0"]
    assert all(each["AssumeRolePolicyDocument"] for each in page["Roles"])
    reading = [each for each in read if "iam_roles.trust" in each]
    assert reading
    assert all("iam_roles.id IN" in each for each in reading)


def test_a_linked_role_that_is_in_a_profile_stays() -> None:
    """None comes into one any more; some may be there."""
    world = World()
    roles, profiles = world.backend.roles, world.backend.instance_profiles
    linked = roles.create(SCOPE, NewRole("AWSX", "/aws-service-role/x/", TRUST, service="x"))
    profile = profiles.create(SCOPE, "p", "/", {})
    here = everywhere(SCOPE)
    world.store.transact(lambda conn: rows.PROFILES.change(conn, here, profile.id, role_id=linked.id))
    with pytest.raises(IdentityInUse):
        roles.delete_linked(SCOPE, "AWSX")
    profiles.remove_role(SCOPE, "p", "AWSX")
    assert roles.delete_linked(SCOPE, "AWSX").id == linked.id
    world.close()


def test_tags(iam: Asking) -> None:
    _role(iam)
    iam("CreateInstanceProfile", InstanceProfileName="p")
    arn = iam("CreatePolicy", PolicyName="p", PolicyDocument=RIGHTS)["Policy"]["Arn"]
    for noun, named in (
        ("Role", {"RoleName": "web"}),
        ("InstanceProfile", {"InstanceProfileName": "p"}),
        ("Policy", {"PolicyArn": arn}),
    ):
        iam(f"Tag{noun}", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}], **named)
        iam(f"Untag{noun}", TagKeys=["a"], **named)
        assert iam(f"List{noun}Tags", **named)["Tags"] == [{"Key": "b", "Value": ""}]
        doubled = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
        assert iam.code(f"Tag{noun}", Tags=doubled, **named) == "InvalidInput"
        many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
        assert iam.code(f"Tag{noun}", Tags=many, **named) == "LimitExceeded"


def test_another_accounts_policy_is_nobodys_here(iam: Asking) -> None:
    _role(iam)
    arn = "arn:aws:iam::000000000000:policy/p"
    assert iam.code("AttachRolePolicy", RoleName="web", PolicyArn=arn) == "NoSuchEntity"


def test_policies_of_aws_are_found_by_name(iam: Asking) -> None:
    """Terraform's data source lists them all and looks for one."""
    listed, marker = {}, {}
    while marker is not None:
        page = iam("ListPolicies", MaxItems=50, **marker)
        listed |= {each["PolicyName"]: each for each in page["Policies"]}
        marker = {"Marker": page["Marker"]} if page["IsTruncated"] else None
    found = listed["AmazonSSMManagedInstanceCore"]
    assert found["Arn"] == "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    whole = iam("GetPolicy", PolicyArn=found["Arn"])["Policy"]
    assert found == {name: value for name, value in whole.items() if name not in {"Description", "Tags"}}
    assert listed["AmazonEC2RoleforSSM"]["Path"] == "/service-role/"
    iam("CreatePolicy", PolicyName="mine", PolicyDocument=RIGHTS)
    assert [each["PolicyName"] for each in iam("ListPolicies", Scope="Local")["Policies"]] == ["mine"]
    of_aws = iam("ListPolicies", Scope="AWS", PathPrefix="/job-function/")["Policies"]
    assert "ViewOnlyAccess" in {each["PolicyName"] for each in of_aws}
    assert iam("ListPolicies", Scope="AWS", OnlyAttached=True)["Policies"] == []
    _role(iam)
    iam("AttachRolePolicy", RoleName="web", PolicyArn=found["Arn"])
    (attached,) = iam("ListPolicies", OnlyAttached=True)["Policies"]
    assert (attached["Arn"], attached["AttachmentCount"]) == (found["Arn"], 1)
