"""Roles, their trust and their tags. No policy of theirs is ever evaluated."""

from __future__ import annotations

from typing import Any

from backend.domain.identities import IdentityMissing, Role
from backend.services.roles import NewRole
from translators.iam import listing, service_linked
from translators.iam.errors import not_attachable, validation
from translators.iam.policy_documents import checked_trust
from translators.iam.words import path_of, role_listed, role_made, role_whole
from translators.registry import Call, Result, operation


def found(call: Call, name: str) -> Role:
    """A role by its name. Raises IdentityMissing."""
    try:
        return call.backend.roles.find(call.scope, name)
    except IdentityMissing:
        if service_linked.is_always(name):
            return service_linked.always(call)
        raise


@operation("iam", "CreateRole")
def create_role(call: Call) -> Result:
    params = call.params
    path = path_of(call)
    if path.startswith("/aws-service-role/"):
        raise validation("Service linked roles can only be created by AWS services.")  # unsourced
    boundary = params.get("PermissionsBoundary")
    made = call.backend.roles.create(
        call.scope,
        NewRole(
            name=params["RoleName"],
            path=path,
            trust=checked_trust(params["AssumeRolePolicyDocument"]),
            description=params.get("Description") or None,
            session_seconds=params.get("MaxSessionDuration", 3600),
            boundary=listing.policy_of(call, boundary, not_attachable) if boundary else None,
            tags=listing.tags_of(call),
        ),
    )
    return {"Role": role_made(call, made)}


@operation("iam", "GetRole")
def get_role(call: Call) -> Result:
    return {"Role": role_whole(call, found(call, call.params["RoleName"]))}


@operation("iam", "ListRoles")
def list_roles(call: Call) -> Result:
    roles = list(call.backend.roles.list(call.scope))
    if not any(service_linked.is_always(role.name) for role in roles):
        roles.append(service_linked.always(call))
    prefix = call.params.get("PathPrefix")
    page = listing.page(
        call, "Roles", [role for role in roles if listing.within(prefix, role.path)], lambda role: role.name
    )
    whole = call.backend.roles.of(call.scope, [role.id for role in page["Roles"]])
    here = [whole.get(role.id, role) for role in page["Roles"]]
    return {**page, "Roles": [role_listed(call, role) for role in here if role.trust]}  # none has one that just went


@operation("iam", "UpdateRole")
def update_role(call: Call) -> Result:
    """What is not given becomes what it is by default, as at AWS."""
    values: dict[str, Any] = {"session_seconds": call.params.get("MaxSessionDuration", 3600)}
    if "Description" in call.params:
        values["description"] = call.params["Description"] or None
    call.backend.roles.change(call.scope, call.params["RoleName"], **values)
    return {}


@operation("iam", "UpdateRoleDescription")
def update_role_description(call: Call) -> Result:
    description = call.params["Description"] or None
    changed = call.backend.roles.change(call.scope, call.params["RoleName"], description=description)
    return {"Role": role_listed(call, changed)}


@operation("iam", "UpdateAssumeRolePolicy")
def update_assume_role_policy(call: Call) -> Result:
    trust = checked_trust(call.params["PolicyDocument"])
    call.backend.roles.change(call.scope, call.params["RoleName"], trust=trust)
    return {}


@operation("iam", "DeleteRole")
def delete_role(call: Call) -> Result:
    call.backend.roles.delete(call.scope, call.params["RoleName"])
    return {}


@operation("iam", "PutRolePermissionsBoundary")
def put_permissions_boundary(call: Call) -> Result:
    boundary = listing.policy_of(call, call.params["PermissionsBoundary"], not_attachable)
    call.backend.roles.change(call.scope, call.params["RoleName"], boundary=boundary)
    return {}


@operation("iam", "DeleteRolePermissionsBoundary")
def delete_permissions_boundary(call: Call) -> Result:
    call.backend.roles.change(call.scope, call.params["RoleName"], boundary=None)
    return {}


@operation("iam", "TagRole")
def tag_role(call: Call) -> Result:
    call.backend.roles.retag(call.scope, call.params["RoleName"], listing.tags_of(call))
    return {}


@operation("iam", "UntagRole")
def untag_role(call: Call) -> Result:
    call.backend.roles.retag(call.scope, call.params["RoleName"], {}, call.params["TagKeys"])
    return {}


@operation("iam", "ListRoleTags")
def list_role_tags(call: Call) -> Result:
    return listing.whole(call, "Tags", listing.tags_told(found(call, call.params["RoleName"]).tags))
