"""Identities of projects in their tables; what has a name is found by it, in the case that it was given in."""

from __future__ import annotations

from typing import Final, TypeVar

from sqlalchemy import Connection, func, select

from backend.domain.identities import (
    Attachment,
    InlinePolicy,
    InstanceProfile,
    ManagedPolicy,
    OidcProvider,
    PolicyVersion,
    Role,
    ServerCertificate,
)
from backend.domain.scope import Scope
from backend.store import identity_tables as tables
from backend.store.records import Records

T = TypeVar("T", Role, ManagedPolicy, InstanceProfile, ServerCertificate)

ROLES: Final = Records(tables.roles, Role)
INLINE: Final = Records(tables.inline_policies, InlinePolicy)
ATTACHMENTS: Final = Records(tables.attachments, Attachment)
POLICIES: Final = Records(tables.policies, ManagedPolicy)
VERSIONS: Final = Records(tables.policy_versions, PolicyVersion)
PROFILES: Final = Records(tables.instance_profiles, InstanceProfile)
PROVIDERS: Final = Records(tables.oidc_providers, OidcProvider)
CERTIFICATES: Final = Records(tables.server_certificates, ServerCertificate)


def named(records: Records[T], conn: Connection, scope: Scope, name: str, *, hold: bool = False) -> T | None:
    """The one of exactly that name; held, nobody else changes it, or takes it away, until the transaction ends."""
    found = (records.hold if hold else records.one)(conn, scope, folded=folded(name))
    return found if found is not None and found.name == name else None


def taken(records: Records[T], conn: Connection, scope: Scope, name: str) -> bool:
    """Whether a name cannot be given any more, in whatever case."""
    return records.count(conn, scope, folded=folded(name)) > 0


def folded(name: str) -> str:
    """A name as it is told apart from others."""
    return name.lower()


def attached(conn: Connection, scope: Scope) -> dict[str, int]:
    """How many roles have a managed policy, by the policy's id."""
    c = tables.attachments.c
    statement = select(c.policy_id, func.count()).where(c.project_id == scope.project_id, c.region == scope.region)
    return {row[0]: int(row[1]) for row in conn.execute(statement.group_by(c.policy_id))}


def bounded(conn: Connection, scope: Scope) -> dict[str, int]:
    """How many roles are bounded by a managed policy, by its ARN."""
    c = tables.roles.c
    statement = select(c.boundary, func.count()).where(
        c.project_id == scope.project_id, c.region == scope.region, c.boundary.is_not(None)
    )
    return {row[0]: int(row[1]) for row in conn.execute(statement.group_by(c.boundary))}
