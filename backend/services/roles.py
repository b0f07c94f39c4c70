"""Roles: their trust, their policies, and what they are attached to. No policy is ever evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from backend import errors
from backend.clock import Clock
from backend.domain.identities import (
    Attachment,
    IdentityInUse,
    IdentityMissing,
    IdentityProtected,
    InlinePolicy,
    Role,
    everywhere,
)
from backend.domain.scope import Scope
from backend.services import identities
from backend.services.managed_policies import PolicyRef
from backend.store import identities as rows
from backend.store.session import Connection, Store


@dataclass(frozen=True, slots=True)
class NewRole:
    """A role as asked for; see ``domain.identities.Role``."""

    name: str
    path: str
    trust: str
    description: str | None = None
    session_seconds: int = 3600
    boundary: PolicyRef | None = None
    service: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    attached: Sequence[PolicyRef] = ()


_UNCHANGED: Final[Any] = object()


class Roles:
    """Each call may raise StoreUnavailable, and IdentityMissing where it names a role."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(self, scope: Scope, wanted: NewRole) -> Role:
        """Make a role. Raises IdentityExists, IdentityMissing (the boundary), LimitExceeded."""
        here = everywhere(scope)

        def work(conn: Connection) -> Role:
            identities.check_new(rows.ROLES, conn, here, wanted.name, identities.ROLES)
            if wanted.boundary is not None:
                wanted.boundary.check(conn, here)
            if identities.size_of(wanted.trust) > identities.TRUST_CHARACTERS:
                raise errors.LimitExceeded("trust", identities.TRUST_CHARACTERS)
            made = Role(
                id=identities.new_id("AROA"),
                name=wanted.name,
                path=wanted.path,
                trust=wanted.trust,
                created_at=self._clock.now().replace(microsecond=0),
                description=wanted.description,
                session_seconds=wanted.session_seconds,
                boundary=None if wanted.boundary is None else wanted.boundary.arn,
                service=wanted.service,
                tags=identities.retagged({}, wanted.tags),
            )
            rows.ROLES.add(conn, here, made, folded=rows.folded(made.name))
            for policy in wanted.attached:
                _attach(conn, here, made, policy)
            return made

        return self._store.transact(work)

    def find(self, scope: Scope, name: str) -> Role:
        with self._store.read() as conn:
            return identities.found(rows.ROLES, conn, everywhere(scope), name)

    def list(self, scope: Scope) -> Sequence[Role]:
        """All roles of the project, without their trust: ``of`` has that."""
        with self._store.read() as conn:
            return rows.ROLES.without(conn, everywhere(scope), "trust")

    def of(self, scope: Scope, ids: Sequence[str]) -> Mapping[str, Role]:
        """Roles by their ids."""
        with self._store.read() as conn:
            return rows.ROLES.of(conn, everywhere(scope), ids)

    def change(
        self,
        scope: Scope,
        name: str,
        *,
        description: str | None = _UNCHANGED,
        session_seconds: int = _UNCHANGED,
        trust: str = _UNCHANGED,
        boundary: PolicyRef | None = _UNCHANGED,
    ) -> Role:
        """Change what is given. Raises IdentityProtected, LimitExceeded, IdentityMissing (the boundary too)."""
        here = everywhere(scope)
        given: dict[str, Any] = {"description": description, "session_seconds": session_seconds, "trust": trust}

        def work(conn: Connection) -> Role:
            role = own(identities.found(rows.ROLES, conn, here, name, hold=True), unless=trust is _UNCHANGED)
            values = {key: value for key, value in given.items() if value is not _UNCHANGED}
            if identities.size_of(values.get("trust") or "") > identities.TRUST_CHARACTERS:
                raise errors.LimitExceeded("trust", identities.TRUST_CHARACTERS)
            if boundary is not _UNCHANGED:
                if boundary is not None:
                    boundary.check(conn, here)
                elif role.boundary is None:
                    raise IdentityMissing("boundary", name)
                values["boundary"] = None if boundary is None else boundary.arn
            if values:
                rows.ROLES.change(conn, here, role.id, **values)
            return replace(role, **values)

        return self._store.transact(work)

    def retag(self, scope: Scope, name: str, put: Mapping[str, str], remove: Sequence[str] = ()) -> None:
        """Set and take away tags, of a role that a service is linked to as well. Raises LimitExceeded."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            role = identities.found(rows.ROLES, conn, here, name, hold=True)
            rows.ROLES.change(conn, here, role.id, tags=identities.retagged(role.tags, put, frozenset(remove)))

        self._store.transact(work)

    def delete(self, scope: Scope, name: str) -> None:
        """Delete a role that has and is in nothing any more. Raises IdentityInUse, IdentityProtected."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            role = own(identities.found(rows.ROLES, conn, here, name, hold=True))
            for records, by in ((rows.PROFILES, "profiles"), (rows.ATTACHMENTS, "attached"), (rows.INLINE, "inline")):
                if records.count(conn, here, role_id=role.id):
                    raise IdentityInUse("role", name, by)
            rows.ROLES.remove(conn, here, id=role.id)

        self._store.transact(work)

    def delete_linked(self, scope: Scope, name: str) -> Role:
        """Delete a role that a service is linked to, with its policies. Raises IdentityInUse."""
        here = everywhere(scope)

        def work(conn: Connection) -> Role:
            role = identities.found(rows.ROLES, conn, here, name, hold=True)
            if role.service is None:
                raise IdentityMissing("linked", name)
            if rows.PROFILES.count(conn, here, role_id=role.id):
                raise IdentityInUse("role", name, "profiles")
            rows.ATTACHMENTS.remove(conn, here, role_id=role.id)
            rows.ROLES.remove(conn, here, id=role.id)
            return role

        return self._store.transact(work)

    def put_inline(self, scope: Scope, name: str, policy: str, document: str) -> None:
        """Give a role a policy of its own, in place of one of that name. Raises LimitExceeded, IdentityProtected."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            role = own(identities.found(rows.ROLES, conn, here, name, hold=True))
            others = {each.name: each for each in rows.INLINE.all(conn, here, role_id=role.id)}
            present = others.pop(policy, None)
            total = sum(identities.size_of(text) for text in (document, *(each.document for each in others.values())))
            if total > identities.INLINE_CHARACTERS:
                raise errors.LimitExceeded(f"inline policies of role {name}", identities.INLINE_CHARACTERS)
            if present is None:
                rows.INLINE.add(conn, here, InlinePolicy(identities.digits(), role.id, policy, document))
            else:
                rows.INLINE.change(conn, here, present.id, document=document)

        self._store.transact(work)

    def inline(self, scope: Scope, name: str) -> Sequence[InlinePolicy]:
        """The policies of its own that a role has, by name."""
        here = everywhere(scope)
        with self._store.read() as conn:
            role = identities.found(rows.ROLES, conn, here, name)
            return sorted(rows.INLINE.all(conn, here, role_id=role.id), key=lambda each: each.name)

    def delete_inline(self, scope: Scope, name: str, policy: str) -> None:
        """Raises IdentityMissing of the policy too, IdentityProtected."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            role = own(identities.found(rows.ROLES, conn, here, name, hold=True))
            if not rows.INLINE.remove(conn, here, role_id=role.id, name=policy):
                raise IdentityMissing("inline", policy, name)

        self._store.transact(work)

    def attach(self, scope: Scope, name: str, policy: PolicyRef) -> None:
        """Attach a managed policy; safe to repeat. Raises IdentityMissing of it, LimitExceeded, IdentityProtected."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            role = own(identities.found(rows.ROLES, conn, here, name, hold=True))
            policy.check(conn, here)
            _attach(conn, here, role, policy)

        self._store.transact(work)

    def attached(self, scope: Scope, name: str) -> Sequence[Attachment]:
        """What is attached to a role, by ARN."""
        here = everywhere(scope)
        with self._store.read() as conn:
            role = identities.found(rows.ROLES, conn, here, name)
            return sorted(rows.ATTACHMENTS.all(conn, here, role_id=role.id), key=lambda each: each.policy_arn)

    def detach(self, scope: Scope, name: str, policy: PolicyRef) -> None:
        """Raises IdentityMissing where it is not attached, IdentityProtected."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            role = own(identities.found(rows.ROLES, conn, here, name, hold=True))
            if not rows.ATTACHMENTS.remove(conn, here, role_id=role.id, policy_id=policy.id_in(conn, here)):
                raise IdentityMissing("attached", policy.arn)

        self._store.transact(work)


def _attach(conn: Connection, here: Scope, role: Role, policy: PolicyRef) -> None:
    present = {each.policy_id for each in rows.ATTACHMENTS.all(conn, here, role_id=role.id)}
    policy_id = policy.id_in(conn, here)
    if policy_id in present:
        return
    if len(present) >= identities.ATTACHED:
        raise errors.LimitExceeded("attached", identities.ATTACHED)
    rows.ATTACHMENTS.add(conn, here, Attachment(identities.digits(), role.id, policy_id, policy.arn))


def own(role: Role, *, unless: bool = False) -> Role:
    """A role that callers may change. Raises IdentityProtected."""
    if role.service is not None and not unless:
        raise IdentityProtected(role.name, role.service)
    return role
