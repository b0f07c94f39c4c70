"""Instance profiles, and the servers that have one: what they note of it, and what a launch may name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend import errors
from backend.clock import Clock
from backend.domain.identities import (
    PROFILE_TAG,
    IdentityInUse,
    IdentityMissing,
    InstanceProfile,
    Role,
    everywhere,
)
from backend.domain.scope import Scope
from backend.drivers.cloud import Cloud
from backend.services import identities
from backend.services.catalog import asking
from backend.services.roles import own
from backend.store import bindings
from backend.store import identities as rows
from backend.store.session import Connection, Store

Shown = tuple[InstanceProfile, Role | None]


class InstanceProfiles:
    """Each call may raise StoreUnavailable, and IdentityMissing where it names a profile."""

    def __init__(self, store: Store, cloud: Cloud, clock: Clock) -> None:
        self._store = store
        self._compute = cloud.compute
        self._clock = clock

    def create(self, scope: Scope, name: str, path: str, tags: Mapping[str, str]) -> InstanceProfile:
        """Make a profile without a role. Raises IdentityExists, LimitExceeded."""
        here = everywhere(scope)

        def work(conn: Connection) -> InstanceProfile:
            identities.check_new(rows.PROFILES, conn, here, name, identities.PROFILES)
            now = self._clock.now().replace(microsecond=0)
            kept = identities.retagged({}, tags)
            made = InstanceProfile(identities.new_id("AIPA"), name, path, now, None, kept)
            rows.PROFILES.add(conn, here, made, folded=rows.folded(name))
            return made

        return self._store.transact(work)

    def find(self, scope: Scope, name: str) -> Shown:
        """A profile, and its role."""
        here = everywhere(scope)
        with self._store.read() as conn:
            profile = identities.found(rows.PROFILES, conn, here, name)
            return _shown(conn, here, [profile])[0]

    def list(self, scope: Scope) -> Sequence[Shown]:
        """All profiles with their roles."""
        here = everywhere(scope)
        with self._store.read() as conn:
            return _shown(conn, here, rows.PROFILES.all(conn, here))

    def add_role(self, scope: Scope, name: str, role: str) -> None:
        """Put a role in a profile that has none. Raises IdentityMissing of the role too, LimitExceeded,
        IdentityProtected.
        """
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            profile = identities.found(rows.PROFILES, conn, here, name, hold=True)
            added = own(identities.found(rows.ROLES, conn, here, role, hold=True))
            if profile.role_id is not None:
                raise errors.LimitExceeded("profile roles", 1)
            rows.PROFILES.change(conn, here, profile.id, role_id=added.id)

        self._store.transact(work)

    def remove_role(self, scope: Scope, name: str, role: str) -> None:
        """Raises IdentityMissing of the role too, where it is not in the profile."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            profile = identities.found(rows.PROFILES, conn, here, name, hold=True)
            taken = identities.found(rows.ROLES, conn, here, role)
            if profile.role_id != taken.id:
                raise IdentityMissing("role", role)
            rows.PROFILES.change(conn, here, profile.id, role_id=None)

        self._store.transact(work)

    def retag(self, scope: Scope, name: str, put: Mapping[str, str], remove: Sequence[str] = ()) -> None:
        """Set and take away tags. Raises LimitExceeded."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            profile = identities.found(rows.PROFILES, conn, here, name, hold=True)
            tags = identities.retagged(profile.tags, put, frozenset(remove))
            rows.PROFILES.change(conn, here, profile.id, tags=tags)

        self._store.transact(work)

    def delete(self, scope: Scope, name: str) -> None:
        """Delete a profile without a role. Servers that have it keep it, as at AWS. Raises IdentityInUse."""
        here = everywhere(scope)

        def work(conn: Connection) -> None:
            profile = identities.found(rows.PROFILES, conn, here, name, hold=True)
            if profile.role_id is not None:
                raise IdentityInUse("profile", name, "role")
            rows.PROFILES.remove(conn, here, id=profile.id)

        self._store.transact(work)

    def usable(self, scope: Scope, reference: str) -> InstanceProfile:
        """The profile that a launch names, or tells by its ARN. Raises IamProfileNotFound."""
        with self._store.read() as conn:
            return bindings.profile(conn, scope, reference)

    def give(self, scope: Scope, server_id: str, profile: InstanceProfile | None) -> None:
        """Let a server note a profile, or none. Raises ServerUnknown, CloudNotReached..."""
        put = {} if profile is None else {PROFILE_TAG: profile.note}
        with asking():
            self._compute.tag(scope, server_id, put, [PROFILE_TAG] if profile is None else [])


def _shown(conn: Connection, here: Scope, profiles: Sequence[InstanceProfile]) -> list[Shown]:
    ids = [each.role_id for each in profiles if each.role_id is not None]
    roles = rows.ROLES.of(conn, here, ids)
    return [(each, roles.get(each.role_id or "")) for each in profiles]
