"""Managed policies: the account's own, and AWS's, of which every one may be attached and none grants anything here."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

from backend.domain.identities import IdentityMissing
from backend.services.managed_policies import NewPolicy, PolicyRef, Uses
from translators.errors import AWSError
from translators.iam import aws_policies, listing
from translators.iam.errors import no_policy, not_attachable, validation
from translators.iam.policy_documents import checked, shown
from translators.iam.words import path_of, policy_listed, policy_whole, version_told
from translators.registry import Call, Result, operation

_SINCE: Final = datetime(2015, 2, 6, 18, 39, 46, tzinfo=UTC)
_STUB: Final = '{"Version":"2012-10-17","Statement":[]}'
_STUB_WORDS: Final = "A policy of AWS's by name alone: it grants nothing here."
_OF_AWS: Final = [
    PolicyRef(f"arn:aws:iam::aws:policy{path}{name}", name, path, managed=True) for path, name in aws_policies.LISTED
]
_VERSION: Final = re.compile(r"v([1-9][0-9]{0,8})(\.[\w-]*)?", re.ASCII)


def _ref(call: Call) -> PolicyRef:
    return listing.policy_of(call, call.params["PolicyArn"], not_attachable)


def _own(call: Call) -> PolicyRef:
    """One that the account may change. Raises AWSError."""
    ref = _ref(call)
    if ref.managed:
        raise AWSError("AccessDenied", f"Policy {ref.arn} is managed by AWS and cannot be changed.", 403)  # unsourced
    return ref


def _number(call: Call) -> int:
    found = _VERSION.fullmatch(call.params["VersionId"])
    if found is None:
        raise validation(
            f"1 validation error detected: Value '{call.params['VersionId']}' at 'versionId' failed to satisfy"
            " constraint: Member must satisfy regular expression pattern: v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?"
        )
    return int(found[1])


def _stub(ref: PolicyRef, uses: Uses) -> dict[str, Any]:
    """One of AWS's as a list has it."""
    return {
        "PolicyName": ref.name,
        "PolicyId": ref.managed_id,
        "Arn": ref.arn,
        "Path": ref.path,
        "DefaultVersionId": "v1",
        "AttachmentCount": uses.attached.get(ref.managed_id, 0),
        "PermissionsBoundaryUsageCount": uses.bounded.get(ref.arn, 0),
        "IsAttachable": True,
        "CreateDate": _SINCE,
        "UpdateDate": _SINCE,
    }


@operation("iam", "CreatePolicy")
def create_policy(call: Call) -> Result:
    params = call.params
    made = call.backend.managed_policies.create(
        call.scope,
        NewPolicy(
            name=params["PolicyName"],
            path=path_of(call),
            document=checked(params["PolicyDocument"]),
            description=params.get("Description") or None,
            tags=listing.tags_of(call),
        ),
    )
    told = policy_listed(call, made, Uses({}, {}))
    return {"Policy": {**told, "Tags": listing.tags_told(made.tags)} if made.tags else told}


@operation("iam", "GetPolicy")
def get_policy(call: Call) -> Result:
    ref = _ref(call)
    policies = call.backend.managed_policies
    if ref.managed:
        return {"Policy": {**_stub(ref, policies.uses(call.scope)), "Description": _STUB_WORDS, "Tags": []}}
    return {"Policy": policy_whole(call, policies.find(call.scope, ref), policies.uses(call.scope))}


@operation("iam", "ListPolicies")
def list_policies(call: Call) -> Result:
    """The account's own, and those of AWS's that users look for by name: any other may be named by its ARN."""
    params = call.params
    wanted, prefix = params.get("Scope") or "All", params.get("PathPrefix")
    uses = call.backend.managed_policies.uses(call.scope)
    own = [] if wanted == "AWS" else call.backend.managed_policies.list(call.scope)
    told = [policy_listed(call, each, uses) for each in own if listing.within(prefix, each.path)]
    if wanted != "Local":
        told += [_stub(each, uses) for each in _OF_AWS if listing.within(prefix, each.path)]
    if params.get("OnlyAttached"):
        told = [each for each in told if each["AttachmentCount"] or each["PermissionsBoundaryUsageCount"]]
    if usage := params.get("PolicyUsageFilter"):
        counted = "AttachmentCount" if usage == "PermissionsPolicy" else "PermissionsBoundaryUsageCount"
        told = [each for each in told if each[counted]]
    return listing.page(call, "Policies", told, lambda each: f"{each['PolicyName']} {each['Arn']}")


@operation("iam", "DeletePolicy")
def delete_policy(call: Call) -> Result:
    ref = _own(call)
    try:
        call.backend.managed_policies.delete(call.scope, ref)
    except IdentityMissing:
        raise no_policy(ref.arn) from None
    return {}


@operation("iam", "CreatePolicyVersion")
def create_policy_version(call: Call) -> Result:
    ref, default = _own(call), bool(call.params.get("SetAsDefault"))
    document = checked(call.params["PolicyDocument"])
    made = call.backend.managed_policies.add_version(call.scope, ref, document, default=default)
    return {"PolicyVersion": version_told(made, made.number if default else 0, document=False)}


@operation("iam", "GetPolicyVersion")
def get_policy_version(call: Call) -> Result:
    ref, number = _ref(call), _number(call)
    if ref.managed:
        stub = {"VersionId": f"v{number}", "IsDefaultVersion": True, "CreateDate": _SINCE, "Document": shown(_STUB)}
        return {"PolicyVersion": stub}
    policy, versions = call.backend.managed_policies.versions(call.scope, ref)
    for version in versions:
        if version.number == number:
            return {"PolicyVersion": version_told(version, policy.default_version, document=True)}
    raise IdentityMissing("version", call.params["VersionId"], ref.arn)


@operation("iam", "ListPolicyVersions")
def list_policy_versions(call: Call) -> Result:
    ref = _ref(call)
    if ref.managed:
        return listing.whole(call, "Versions", [{"VersionId": "v1", "IsDefaultVersion": True, "CreateDate": _SINCE}])
    policy, versions = call.backend.managed_policies.versions(call.scope, ref)
    told = [version_told(version, policy.default_version, document=False) for version in versions]
    return listing.whole(call, "Versions", told)


@operation("iam", "SetDefaultPolicyVersion")
def set_default_policy_version(call: Call) -> Result:
    call.backend.managed_policies.change_default(call.scope, _own(call), _number(call))
    return {}


@operation("iam", "DeletePolicyVersion")
def delete_policy_version(call: Call) -> Result:
    call.backend.managed_policies.delete_version(call.scope, _own(call), _number(call))
    return {}


@operation("iam", "ListEntitiesForPolicy")
def list_entities_for_policy(call: Call) -> Result:
    params, usage = call.params, call.params.get("PolicyUsageFilter")
    bounded = None if usage is None else usage == "PermissionsBoundary"
    roles = call.backend.managed_policies.roles_with(call.scope, _ref(call), bounded=bounded)
    wanted = params.get("EntityFilter") in {None, "Role"}
    told = [
        {"RoleName": role.name, "RoleId": role.id}
        for role in roles
        if wanted and listing.within(params.get("PathPrefix"), role.path)
    ]
    page = listing.page(call, "PolicyRoles", told, lambda each: each["RoleName"])
    return {"PolicyGroups": [], "PolicyUsers": [], **page}


@operation("iam", "TagPolicy")
def tag_policy(call: Call) -> Result:
    call.backend.managed_policies.retag(call.scope, _own(call), listing.tags_of(call))
    return {}


@operation("iam", "UntagPolicy")
def untag_policy(call: Call) -> Result:
    call.backend.managed_policies.retag(call.scope, _own(call), {}, call.params["TagKeys"])
    return {}


@operation("iam", "ListPolicyTags")
def list_policy_tags(call: Call) -> Result:
    ref = _ref(call)
    tags = {} if ref.managed else call.backend.managed_policies.find(call.scope, ref).tags
    return listing.whole(call, "Tags", listing.tags_told(tags))
