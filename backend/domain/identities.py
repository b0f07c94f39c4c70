"""Identities as records: roles, instance profiles, policies, providers, certificates. Nothing here grants anything.

They belong to a project, in no region. The id of a role, profile, policy or certificate is the whole one that AWS shows
(``AROA`` and 17 letters and digits).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from backend.domain.balancers import LoadBalancer
from backend.domain.scope import Scope
from backend.errors import Finding

NOWHERE: Final = ""
"""The region of what is the same in all of them."""
PROFILE_TAG: Final = "aws:coppice:instance-profile"
"""The tag of a server that notes its instance profile: ``ID:NAME``. Answers do not show it."""
_PROFILE_NOTE: Final = re.compile(r"(AIPA[A-Z2-7]{17}):([\w+=,.@-]{1,128})", re.ASCII)
_PROFILE_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:iam::[0-9]{12}:instance-profile(/(?:[!-~]+/)?)([\w+=,.@-]+)", re.ASCII
)


def everywhere(scope: Scope) -> Scope:
    """The scope of a project's identities."""
    return Scope(scope.project_id, NOWHERE)


@dataclass(frozen=True, slots=True)
class Role:
    """A role.

    Attributes:
        trust: its trust policy as given, byte for byte.
        session_seconds: how long a session of it may last.
        boundary: ARN of the policy that bounds its permissions, or None.
        service: the service that it is linked to, or None.
    """

    id: str
    name: str
    path: str
    trust: str
    created_at: datetime
    description: str | None = None
    session_seconds: int = 3600
    boundary: str | None = None
    service: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InlinePolicy:
    """A policy that is a part of one role; ``document`` as given."""

    id: str
    role_id: str
    name: str
    document: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A managed policy that is attached to a role.

    Attributes:
        policy_id: that of the policy; of one that AWS manages an id made of its ARN.
    """

    id: str
    role_id: str
    policy_id: str
    policy_arn: str


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """A managed policy of the account; its versions are numbered from 1, one of them is the default."""

    id: str
    name: str
    path: str
    default_version: int
    latest_version: int
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version of a managed policy; ``document`` as given."""

    id: str
    policy_id: str
    number: int
    document: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class InstanceProfile:
    """An instance profile, with the one role that it may have."""

    id: str
    name: str
    path: str
    created_at: datetime
    role_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def note(self) -> str:
        """What a server notes of it."""
        return f"{self.id}:{self.name}"


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """A provider of OpenID Connect; ``url`` without its scheme."""

    id: str
    url: str
    client_ids: tuple[str, ...]
    thumbprints: tuple[str, ...]
    created_at: datetime
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """A certificate for listeners; its private key lies sealed."""

    id: str
    name: str
    path: str
    body: str
    chain: str | None
    uploaded_at: datetime
    expires_at: datetime
    sealed: str = field(repr=False)
    tags: Mapping[str, str] = field(default_factory=dict)


def noted_profile(tags: Mapping[str, str]) -> tuple[str, str] | None:
    """(id, name) of the instance profile that a server notes; None where it notes none, or another text."""
    found = _PROFILE_NOTE.fullmatch(tags.get(PROFILE_TAG, ""))
    return None if found is None else (found[1], found[2])


def named_profile(reference: str) -> tuple[str, str | None]:
    """(name, path) of an instance profile that is named, or told by its ARN; no path where it is named."""
    found = _PROFILE_ARN.fullmatch(reference)
    return (reference, None) if found is None else (found[2], found[1])


def certificate_of(arn: str) -> str | None:
    """The name of the server certificate that an ARN means; None where it is no ARN of one."""
    return arn.rpartition("/")[2] if ":server-certificate/" in arn else None


def certificate_end(path: str, name: str) -> str:
    """How the ARN of a server certificate ends."""
    return f":server-certificate{path}{name}"


@dataclass(eq=False)
class IdentityMissing(Finding):
    """``kind``: role, profile, policy, version, inline, attached, provider, certificate."""

    kind: str
    name: str
    of: str = ""


@dataclass(eq=False)
class IdentityExists(Finding):
    kind: str
    name: str


@dataclass(eq=False)
class IdentityInUse(Finding):
    """``by``: what keeps it from going: profiles, attached, inline, role, entities, versions, default."""

    kind: str
    name: str
    by: str


@dataclass(eq=False)
class CertificateMissing(Finding):
    """A listener was to have the certificate of that ARN, and there is none."""

    arn: str


@dataclass(eq=False)
class CertificateNotValid(Finding):
    """A certificate's time is over, or has not begun."""

    name: str


@dataclass(eq=False)
class CertificateInUse(Finding):
    """A listener has the certificate (its id); ``region``, as the cloud calls it, of the ``balancer``."""

    certificate: str
    balancer: LoadBalancer
    region: str


@dataclass(eq=False)
class IdentityProtected(Finding):
    """A role that its service alone may change."""

    name: str
    service: str
