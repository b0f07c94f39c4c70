"""What IAM's answers say of a role, an instance profile, a policy: members by members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from backend.domain.identities import InstanceProfile, ManagedPolicy, PolicyVersion, Role
from backend.services.managed_policies import PolicyRef, Uses
from translators import arns
from translators.iam.listing import tags_told
from translators.iam.policy_documents import shown
from translators.registry import Call

Words = dict[str, Any]
_USUAL_SECONDS: Final = 3600


def path_of(call: Call) -> str:
    """The path that a request gives, the root where it gives none."""
    return call.params.get("Path") or "/"


def role_arn(call: Call, role: Role) -> str:
    return arns.iam(call.account_id, "role", role.path, role.name)


def role_head(call: Call, role: Role) -> Words:
    """What every answer says of a role."""
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role_arn(call, role),
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": shown(role.trust),
    }


def role_listed(call: Call, role: Role) -> Words:
    """A role as a list has it: its tags, its boundary and its last use are told to who asks for it alone.

    Source: conformance/recorded test_list_roles_with_permission_boundary, moto-iam.
    """
    described = {} if role.description is None else {"Description": role.description}
    return {**role_head(call, role), **described, "MaxSessionDuration": role.session_seconds}


def role_made(call: Call, role: Role) -> Words:
    """A role as its creation answers. Source: conformance/recorded test_create_describe_role."""
    told = role_head(call, role)
    if role.description is not None:
        told["Description"] = role.description
    if role.session_seconds != _USUAL_SECONDS:
        told["MaxSessionDuration"] = role.session_seconds
    return told | _boundary(role) | _tags(role.tags)


def role_whole(call: Call, role: Role) -> Words:
    """All of a role."""
    return {**role_listed(call, role), **_boundary(role), **_tags(role.tags), "RoleLastUsed": {}}


def _boundary(role: Role) -> Words:
    if role.boundary is None:
        return {}
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": role.boundary}
    return {"PermissionsBoundary": boundary}


def _tags(tags: Mapping[str, str]) -> Words:
    return {"Tags": tags_told(tags)} if tags else {}


def profile_arn(call: Call, profile: InstanceProfile) -> str:
    return arns.iam(call.account_id, "instance-profile", profile.path, profile.name)


def profile_told(call: Call, profile: InstanceProfile, role: Role | None, *, tagged: bool = False) -> Words:
    """An instance profile; lists leave its tags out."""
    return {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile_arn(call, profile),
        "CreateDate": profile.created_at,
        "Roles": [] if role is None else [role_head(call, role)],
        **(_tags(profile.tags) if tagged else {}),
    }


def policy_arn(call: Call, policy: ManagedPolicy) -> str:
    return arns.iam(call.account_id, "policy", policy.path, policy.name)


def policy_listed(call: Call, policy: ManagedPolicy, uses: Uses) -> Words:
    """A policy as a list has it. Source: conformance/recorded test_role_attach_policy, moto-iam."""
    arn = policy_arn(call, policy)
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": arn,
        "Path": policy.path,
        "DefaultVersionId": f"v{policy.default_version}",
        "AttachmentCount": uses.attached.get(policy.id, 0),
        "PermissionsBoundaryUsageCount": uses.bounded.get(arn, 0),
        "IsAttachable": True,
        "CreateDate": policy.created_at,
        "UpdateDate": policy.updated_at,
    }


def policy_whole(call: Call, policy: ManagedPolicy, uses: Uses) -> Words:
    """All of a policy: its tags are told even where there are none."""
    described = {} if policy.description is None else {"Description": policy.description}
    return {**policy_listed(call, policy, uses), **described, "Tags": tags_told(policy.tags)}


def version_told(version: PolicyVersion, default: int, *, document: bool) -> Words:
    """A version of a policy."""
    return {
        "VersionId": f"v{version.number}",
        "IsDefaultVersion": version.number == default,
        "CreateDate": version.created_at,
        **({"Document": shown(version.document)} if document else {}),
    }


def name_of(ref: PolicyRef) -> str:
    """The name that an ARN of a policy ends with."""
    return ref.arn.rpartition("/")[2]
