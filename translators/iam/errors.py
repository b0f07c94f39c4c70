"""IAM's errors: the one table from the engine's findings to AWS's code, words and status."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from backend import errors
from backend.domain import identities
from translators.errors import AWSError, Table, register


def missing(words: str) -> AWSError:
    return AWSError("NoSuchEntity", words, 404)


def validation(words: str) -> AWSError:
    return AWSError("ValidationError", words)


def invalid(words: str) -> AWSError:
    return AWSError("InvalidInput", words)


def no_role(name: str) -> AWSError:
    return missing(f"The role with name {name} cannot be found.")


def no_policy(arn: str) -> AWSError:
    """Of what is read, changed or deleted. Source: conformance/recorded test_delete_non_existent_policy."""
    return missing(f"Policy {arn} was not found.")


def not_attachable(arn: str) -> AWSError:
    """Of what is attached. Source: conformance/recorded test_role_attach_policy."""
    return missing(f"Policy {arn} does not exist or is not attachable.")


_MISSING: Final[Mapping[str, Callable[[identities.IdentityMissing], str]]] = {
    "role": lambda found: f"The role with name {found.name} cannot be found.",
    "linked": lambda found: f"The role with name {found.name} cannot be found.",
    "profile": lambda found: f"Instance Profile {found.name} cannot be found.",
    "policy": lambda found: f"Policy {found.name} does not exist or is not attachable.",
    "version": lambda found: f"Policy {found.of} version {found.name} does not exist or is not attachable.",
    # unsourced
    "inline": lambda found: f"The role policy with name {found.name} cannot be found.",
    "attached": lambda found: f"Policy {found.name} was not found.",
    # unsourced
    "boundary": lambda found: f"Role {found.name} does not have a permissions boundary.",
    "provider": lambda found: f"OpenIDConnect Provider not found for arn {found.name}",
    "certificate": lambda found: f"The Server Certificate with name {found.name} cannot be found.",
}

_EXISTS: Final[Mapping[str, Callable[[str], str]]] = {
    "role": lambda name: f"Role with name {name} already exists.",
    "profile": lambda name: f"Instance Profile {name} already exists.",
    "policy": lambda name: f"A policy called {name} already exists. Duplicate names are not allowed.",
    "provider": lambda name: f"Provider with url https://{name} already exists.",
    "certificate": lambda name: f"The Server Certificate with name {name} already exists.",
}

_IN_USE: Final[Mapping[tuple[str, str], str]] = {
    ("role", "profiles"): "Cannot delete entity, must remove roles from instance profile first.",
    ("role", "attached"): "Cannot delete entity, must detach all policies first.",
    ("role", "inline"): "Cannot delete entity, must delete policies first.",
    ("profile", "role"): "Cannot delete entity, must remove roles from instance profile first.",
    ("policy", "entities"): "Cannot delete a policy attached to entities.",
    ("policy", "versions"): (
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions."
        " The default version is deleted with the policy."
    ),
    ("version", "default"): "Cannot delete the default version of a policy.",
}

# What a quota is called in the sentence about it. Source: users' reports (terraform-provider-aws #21374, #8905).
_QUOTAS: Final[Mapping[str, str]] = {
    "role": "RolesPerAccount",
    "profile": "InstanceProfilesPerAccount",
    "policy": "PoliciesPerAccount",
    "provider": "OpenIdConnectProvidersPerAccount",
    "certificate": "ServerCertificatesPerAccount",
    "attached": "PoliciesPerRole",
    "trust": "ACLSizePerRole",
    "document": "PolicySize",
    "profile roles": "InstanceSessionsPerInstanceProfile",
    "client ids": "ClientIdsPerOpenIdConnectProvider",
}


def _limit(found: errors.LimitExceeded) -> AWSError:
    if found.what == "versions":
        words = (
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing"
            " version."
        )
    elif found.what == "tags":
        words = f"The number of tags has reached the maximum limit of {found.limit}."  # unsourced
    elif found.what in _QUOTAS:
        words = f"Cannot exceed quota for {_QUOTAS[found.what]}: {found.limit}"
    else:
        words = f"Maximum policy size of {found.limit} bytes exceeded for {found.what.rpartition(' of ')[2]}"
    return AWSError("LimitExceeded", words, 409)


def _protected(found: identities.IdentityProtected) -> AWSError:
    return AWSError(
        "UnmodifiableEntity",
        f"Cannot perform the operation on the protected role '{found.name}' - this role is only modifiable by AWS",
    )


def _unavailable(_: Any) -> AWSError:
    return AWSError("ServiceFailure", "The service is unavailable. Please try again later.", 500)  # unsourced


# Source: terraform-provider-aws#7049; aws-sdk-go#2586: of one whose time has not begun it is the same code, and words
# that mislead.
_NOT_VALID: Final = "Certificate is no longer valid. The 'Not After' date restriction on the certificate has passed."


TABLE: Final[Table] = {
    identities.CertificateNotValid: lambda _: AWSError("MalformedCertificate", _NOT_VALID),
    identities.IdentityMissing: lambda found: missing(_MISSING[found.kind](found)),
    identities.IdentityExists: lambda found: AWSError("EntityAlreadyExists", _EXISTS[found.kind](found.name), 409),
    identities.IdentityInUse: lambda found: AWSError("DeleteConflict", _IN_USE[found.kind, found.by], 409),
    identities.IdentityProtected: _protected,
    errors.LimitExceeded: _limit,
    errors.CommitUnknown: _unavailable,
}

register("iam", TABLE)
