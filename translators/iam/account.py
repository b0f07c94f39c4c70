"""What tools ask to learn who and where they are: the caller as a user, the account's numbers, its aliases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from backend.services import identities
from translators import arns
from translators.errors import AWSError
from translators.iam.errors import validation
from translators.registry import Call, Result, operation
from translators.sts.identity import user_id

# Users come with the project, whose age nobody tells: as old as the protocol itself.
_SINCE: Final = datetime(2011, 1, 1, tzinfo=UTC)


@operation("iam", "GetUser")
def get_user(call: Call) -> Result:
    name = call.params.get("UserName")
    if name is None and call.caller.assumed_role:
        raise validation("Must specify userName when calling with non-User credentials")  # unsourced
    if name is not None and (name != call.caller.user_name or call.caller.assumed_role):
        raise AWSError("NoSuchEntity", f"The user with name {name} cannot be found.", 404)
    return {
        "User": {
            "Path": "/",
            "UserName": call.caller.user_name,
            "UserId": user_id(call.caller),
            "Arn": arns.user(call.account_id, call.caller.user_name),
            "CreateDate": _SINCE,
        }
    }


@operation("iam", "GetAccountSummary")
def get_account_summary(call: Call) -> Result:
    """Source: conformance/recorded c7n/iam.GetAccountSummary."""
    backend, scope = call.backend, call.scope
    policies = backend.managed_policies.list(scope)
    quotas = {
        "AccessKeysPerUserQuota": 2,
        "AssumeRolePolicySizeQuota": identities.TRUST_CHARACTERS,
        "AttachedPoliciesPerGroupQuota": identities.ATTACHED,
        "AttachedPoliciesPerRoleQuota": identities.ATTACHED,
        "AttachedPoliciesPerUserQuota": identities.ATTACHED,
        "GlobalEndpointTokenVersion": 2,
        "GroupPolicySizeQuota": 5120,
        "GroupsPerUserQuota": 10,
        "GroupsQuota": 300,
        "InstanceProfilesQuota": identities.PROFILES,
        "PoliciesQuota": identities.POLICIES,
        "PolicySizeQuota": identities.POLICY_CHARACTERS,
        "PolicyVersionsInUseQuota": 10_000,
        "RolePolicySizeQuota": identities.INLINE_CHARACTERS,
        "RolesQuota": identities.ROLES,
        "ServerCertificatesQuota": identities.CERTIFICATES,
        "SigningCertificatesPerUserQuota": 2,
        "UserPolicySizeQuota": 2048,
        "UsersQuota": 5000,
        "VersionsPerPolicyQuota": identities.VERSIONS,
    }
    present = {
        "AccountAccessKeysPresent": 0,
        "AccountMFAEnabled": 0,
        "AccountSigningCertificatesPresent": 0,
        "Groups": 0,
        "InstanceProfiles": len(backend.instance_profiles.list(scope)),
        "MFADevices": 0,
        "MFADevicesInUse": 0,
        "Policies": len(policies),
        "PolicyVersionsInUse": len(policies),
        "Providers": len(backend.identity_providers.list(scope)),
        "Roles": len(backend.roles.list(scope)),
        "ServerCertificates": len(backend.server_certificates.list(scope)),
        "Users": 1,
    }
    return {"SummaryMap": quotas | present}


@operation("iam", "ListAccountAliases")
def list_account_aliases(call: Call) -> Result:
    if call.params.get("Marker"):
        raise validation("Invalid Marker.")
    return {"AccountAliases": [], "IsTruncated": False}
