"""Managed policies and their versions: kept as they were given, and never evaluated."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from backend import errors
from backend.clock import Clock
from backend.domain.identities import IdentityInUse, IdentityMissing, ManagedPolicy, PolicyVersion, Role, everywhere
from backend.domain.scope import Scope
from backend.services import identities
from backend.store import identities as rows
from backend.store.session import Connection, Store

_ID_LENGTH: Final = 17


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """A managed policy as a request names it.

    Attributes:
        name: of one of the account; None of one that AWS manages, or of nothing here.
        path: of the same.
        managed: AWS's own, of which every one is taken to exist.
    """

    arn: str
    name: str | None = None
    path: str = "/"
    managed: bool = False

    def check(self, conn: Connection, here: Scope) -> None:
        """Keep it from deletion until the transaction ends. Raises IdentityMissing."""
        if not self.managed:
            self.held(conn, here)

    def id_in(self, conn: Connection, here: Scope) -> str:
        """The policy's id; of AWS's own one that is made of its ARN. Raises IdentityMissing."""
        return self.managed_id if self.managed else self.found(conn, here).id

    @property
    def managed_id(self) -> str:
        """The id of one of AWS's own, made of its ARN."""
        digest = hashlib.sha256(self.arn.encode()).digest()
        return "ANPA" + base64.b32encode(digest).decode()[:_ID_LENGTH]

    def found(self, conn: Connection, here: Scope, *, hold: bool = False) -> ManagedPolicy:
        """The account's policy. Raises IdentityMissing."""
        policy = None if self.name is None else rows.named(rows.POLICIES, conn, here, self.name, hold=hold)
        if policy is None or policy.path != self.path:
            raise IdentityMissing("policy", self.arn)
        return policy

    def held(self, conn: Connection, here: Scope) -> ManagedPolicy:
        """The account's policy, which stays as it is until the transaction ends. Raises IdentityMissing."""
        return self.found(conn, here, hold=True)


@dataclass(frozen=True, slots=True)
class NewPolicy:
    """A managed policy as asked for."""

    name: str
    path: str
    document: str
    description: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Uses:
    """How many roles have policies attached (by the policy's id), or are bounded by them (by ARN)."""

    attached: Mapping[str, int]
    bounded: Mapping[str, int]


class ManagedPolicies:
    """Each call may raise StoreUnavailable, and IdentityMissing where it names a policy."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(self, scope: Scope, wanted: NewPolicy) -> ManagedPolicy:
        """Make a policy with its first version. Raises IdentityExists, LimitExceeded."""
        here = everywhere(scope)
        _check_size(wanted.document)

        def work(conn: Connection) -> ManagedPolicy:
            identities.check_new(rows.POLICIES, conn, here, wanted.name, identities.POLICIES)
            now = self._clock.now().replace(microsecond=0)
            made = ManagedPolicy(
                id=identities.new_id("ANPA"),
                name=wanted.name,
                path=wanted.path,
                default_version=1,
                latest_version=1,
                created_at=now,
                updated_at=now,
                description=wanted.description,
                tags=identities.retagged({}, wanted.tags),
            )
            rows.POLICIES.add(conn, here, made, folded=rows.folded(made.name))
            rows.VERSIONS.add(conn, here, PolicyVersion(identities.digits(), made.id, 1, wanted.document, now))
            return made

        return self._store.transact(work)

    def find(self, scope: Scope, ref: PolicyRef) -> ManagedPolicy:
        with self._store.read() as conn:
            return ref.found(conn, everywhere(scope))

    def list(self, scope: Scope) -> Sequence[ManagedPolicy]:
        """All policies of the account."""
        with self._store.read() as conn:
            return rows.POLICIES.all(conn, everywhere(scope))

    def uses(self, scope: Scope) -> Uses:
        """What the roles of the account use."""
        here = everywhere(scope)
        with self._store.read() as conn:
            return Uses(rows.attached(conn, here), rows.bounded(conn, here))

    def roles_with(self, scope: Scope, ref: PolicyRef, *, bounded: bool | None = None) -> Sequence[Role]:
        """The roles that it is attached to, or that are bounded by it; None: of either."""
        here = everywhere(scope)
        with self._store.read() as conn:
            policy_id = ref.id_in(conn, here)
            attached = () if bounded else rows.ATTACHMENTS.all(conn, here, policy_id=policy_id)
            having: dict[str, Role] = dict(rows.ROLES.of(conn, here, [one.role_id for one in attached]))
            if bounded is not False:
                having |= {each.id: each for each in rows.ROLES.all(conn, here, boundary=ref.arn)}
        return list(having.values())

    def versions(self, scope: Scope, ref: PolicyRef) -> tuple[ManagedPolicy, Sequence[PolicyVersion]]:
        """A policy, and its versions, the newest first."""
        here = everywhere(scope)
        with self._store.read() as conn:
            policy = ref.found(conn, here)
            versions = rows.VERSIONS.all(conn, here, policy_id=policy.id)
        return policy, sorted(versions, key=lambda each: -each.number)

    def add_version(self, scope: Scope, ref: PolicyRef, document: str, *, default: bool) -> PolicyVersion:
        """The next version. Raises LimitExceeded."""
        here = everywhere(scope)
        _check_size(document)

        def work(conn: Connection) -> PolicyVersion:
            policy = ref.held(conn, here)
            if rows.VERSIONS.count(conn, here, policy_id=policy.id) >= identities.VERSIONS:
                raise errors.LimitExceeded("versions", identities.VERSIONS)
            now, number = self._clock.now().replace(microsecond=0), policy.latest_version + 1
            made = PolicyVersion(identities.digits(), policy.id, number, document, now)
            rows.VERSIONS.add(conn, here, made)
            values = {"default_version": number} if default else {}
            rows.POLICIES.change(conn, here, policy.id, latest_version=number, updated_at=now, **values)
            return made

        return self._store.transact(work)

    def change_default(self, scope: Scope, ref: PolicyRef, number: int) -> None:
        """Make a version the default. Raises IdentityMissing of the version too."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            policy = ref.held(conn, here)
            if not rows.VERSIONS.count(conn, here, policy_id=policy.id, number=number):
                raise IdentityMissing("version", f"v{number}", ref.arn)
            now = self._clock.now().replace(microsecond=0)
            rows.POLICIES.change(conn, here, policy.id, default_version=number, updated_at=now)

        self._store.transact(work)

    def delete_version(self, scope: Scope, ref: PolicyRef, number: int) -> None:
        """Delete a version. Raises IdentityMissing of the version too, IdentityInUse of the default one."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            policy = ref.held(conn, here)
            if policy.default_version == number:
                raise IdentityInUse("version", f"v{number}", "default")
            if not rows.VERSIONS.remove(conn, here, policy_id=policy.id, number=number):
                raise IdentityMissing("version", f"v{number}", ref.arn)

        self._store.transact(work)

    def delete(self, scope: Scope, ref: PolicyRef) -> None:
        """Delete a policy that nothing has, with its only version. Raises IdentityInUse."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            policy = ref.held(conn, here)
            if rows.ATTACHMENTS.count(conn, here, policy_id=policy.id) or rows.ROLES.count(
                conn, here, boundary=ref.arn
            ):
                raise IdentityInUse("policy", policy.name, "entities")
            if rows.VERSIONS.count(conn, here, policy_id=policy.id) > 1:
                raise IdentityInUse("policy", policy.name, "versions")
            rows.VERSIONS.remove(conn, here, policy_id=policy.id)
            rows.POLICIES.remove(conn, here, id=policy.id)

        self._store.transact(work)

    def retag(self, scope: Scope, ref: PolicyRef, put: Mapping[str, str], remove: Sequence[str] = ()) -> ManagedPolicy:
        """Set and take away tags. Raises LimitExceeded."""
        here = everywhere(scope)

        def work(conn: Connection) -> ManagedPolicy:
            policy = ref.held(conn, here)
            tags = identities.retagged(policy.tags, put, frozenset(remove))
            rows.POLICIES.change(conn, here, policy.id, tags=tags)
            return replace(policy, tags=tags)

        return self._store.transact(work)


def _check_size(document: str) -> None:
    if identities.size_of(document) > identities.POLICY_CHARACTERS:
        raise errors.LimitExceeded("document", identities.POLICY_CHARACTERS)
