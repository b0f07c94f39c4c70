"""The policies of roles: their own, and the managed ones that are attached."""

from __future__ import annotations

from backend.domain.identities import IdentityMissing
from translators.iam import listing, service_linked
from translators.iam.errors import no_policy, not_attachable
from translators.iam.policy_documents import checked, shown
from translators.iam.roles import found
from translators.registry import Call, Result, operation


@operation("iam", "PutRolePolicy")
def put_role_policy(call: Call) -> Result:
    params = call.params
    document = checked(params["PolicyDocument"])
    call.backend.roles.put_inline(call.scope, params["RoleName"], params["PolicyName"], document)
    return {}


@operation("iam", "GetRolePolicy")
def get_role_policy(call: Call) -> Result:
    role, name = found(call, call.params["RoleName"]), call.params["PolicyName"]
    own = [] if service_linked.is_always(role.name) else call.backend.roles.inline(call.scope, role.name)
    for each in own:
        if each.name == name:
            return {"RoleName": role.name, "PolicyName": name, "PolicyDocument": shown(each.document)}
    raise IdentityMissing("inline", name, role.name)


@operation("iam", "ListRolePolicies")
def list_role_policies(call: Call) -> Result:
    role = found(call, call.params["RoleName"])
    names = [] if service_linked.is_always(role.name) else call.backend.roles.inline(call.scope, role.name)
    return listing.page(call, "PolicyNames", [each.name for each in names], lambda name: name)


@operation("iam", "DeleteRolePolicy")
def delete_role_policy(call: Call) -> Result:
    call.backend.roles.delete_inline(call.scope, call.params["RoleName"], call.params["PolicyName"])
    return {}


@operation("iam", "AttachRolePolicy")
def attach_role_policy(call: Call) -> Result:
    policy = listing.policy_of(call, call.params["PolicyArn"], not_attachable)
    call.backend.roles.attach(call.scope, call.params["RoleName"], policy)
    return {}


@operation("iam", "DetachRolePolicy")
def detach_role_policy(call: Call) -> Result:
    policy = listing.policy_of(call, call.params["PolicyArn"], no_policy)
    call.backend.roles.detach(call.scope, call.params["RoleName"], policy)
    return {}


@operation("iam", "ListAttachedRolePolicies")
def list_attached_role_policies(call: Call) -> Result:
    role, prefix = found(call, call.params["RoleName"]), call.params.get("PathPrefix")
    if service_linked.is_always(role.name):
        attached = [service_linked.policy_of(role.service or "").arn]
    else:
        attached = [each.policy_arn for each in call.backend.roles.attached(call.scope, role.name)]
    told = [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in attached if _within(prefix, arn)]
    return listing.page(call, "AttachedPolicies", told, lambda each: each["PolicyArn"])


def _within(prefix: str | None, arn: str) -> bool:
    return listing.within(prefix, arn.partition(":policy")[2].rpartition("/")[0] + "/")
