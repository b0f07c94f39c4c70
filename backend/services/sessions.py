"""Temporary access keys: opened with a lasting one, for its user as they are or for a role of an account."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol, TypeVar

from backend import errors
from backend.clock import Clock
from backend.domain import access_keys, identities, session_findings
from backend.domain.delegation import SecretUnreadable
from backend.domain.ids import account_id
from backend.domain.scope import Scope
from backend.domain.session import Session, mark_of
from backend.domain.trust import trusts
from backend.services.catalog import asking
from backend.store import identities as rows
from backend.store import sessions
from backend.store.secrets import Seal
from backend.store.session import Connection, Store

T = TypeVar("T")
LOG = logging.getLogger(__name__)
MOST: Final = 1000
"""Sessions of a lasting key that have not ended; with one more its oldest goes."""
_KEPT: Final = 1024
_MISSED_SECONDS: Final = 5.0
"""How long a key that is none is not asked for again: anybody can name one, before anything of a request is proved."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role as one assumes it.

    Attributes:
        account: its account's 12 digits.
        session: what the session is called.
        by: what its trust policy may call the caller.
    """

    account: str
    name: str
    session: str
    path: str = "/"
    by: frozenset[str] = frozenset()


_NONE: Final = Role("", "", "")


class Roles(Protocol):
    """Which roles there are beside those that have a record: any name, in accounts that let callers assume them.

    Each call raises CloudUnavailable.
    """

    def project_of(self, number: str) -> str | None:
        """The project of the account with these 12 digits."""

    def may_assume(self, project: str, by: str) -> bool:
        """Whether a project's roles may be assumed by callers of another."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A lasting key: whose it is, and its secret."""

    project_id: str
    secret: str = field(repr=False)


def nobody(_access_key: str) -> Owned | None:
    """Where lasting keys are not known."""
    return None


@dataclass(frozen=True, slots=True)
class SessionRules:
    """What sessions rest on.

    Attributes:
        seal: closes their secrets; None: there are no sessions here, and ``why`` says why.
        roles: None: roles cannot be assumed here.
        lasting: a lasting access key by its id; None where there is none.
        number_of: the 12 digits of a project.
    """

    seal: Seal | None = None
    why: str = "no key is set in [secrets]"
    roles: Roles | None = None
    lasting: Callable[[str], Owned | None] = nobody
    number_of: Callable[[str], str] = account_id


class Sessions:
    """Every call may raise StoreUnavailable, and SessionsUnavailable where there are none here."""

    def __init__(self, store: Store, clock: Clock, rules: SessionRules | None = None) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules or SessionRules()
        self._found: dict[str, Session] = {}
        self._missed: dict[str, float] = {}
        self._lock = threading.Lock()

    def open(self, access_key: str, project_id: str, lasting: timedelta) -> Session:
        """A session of a lasting key's user. Raises KeyGone."""
        return self._open(access_key, project_id, lasting)

    def assume(self, access_key: str, project_id: str, wanted: Role, lasting: timedelta) -> Session:
        """A session of a role, for a caller of a project.

        Raises:
            RolesNotAssumed: there is no such role, and no role but those that have a record.
            CloudNotReached: the accounts cannot be asked.
            RoleRefused: there is no such account, or it or the role does not trust the caller.
            LimitExceeded: it is to last longer than sessions of the role do.
            KeyGone
        """
        roles, own = self._rules.roles, self._rules.number_of(project_id) == wanted.account
        with asking():
            owner = roles.project_of(wanted.account) if roles else project_id if own else None
            trusted = owner is not None and (roles is None or roles.may_assume(owner, project_id))
        if owner is None or not trusted:
            raise session_findings.RoleRefused(wanted.account, wanted.name)
        record = self._recorded(owner, wanted)
        if record is None and roles is None:
            raise session_findings.RolesNotAssumed
        if record is not None:
            if record.path != wanted.path or not trusts(record.trust, wanted.by):
                raise session_findings.RoleRefused(wanted.account, wanted.name)
            if lasting.total_seconds() > record.session_seconds:
                raise errors.LimitExceeded("session", record.session_seconds)
        return self._open(access_key, project_id, lasting, wanted, owner)

    def _recorded(self, owner: str, wanted: Role) -> identities.Role | None:
        """The record of a role; None where any name is one. Raises RoleRefused of a name in another case."""
        with self._store.read() as conn:
            found = rows.ROLES.one(conn, Scope(owner, identities.NOWHERE), folded=rows.folded(wanted.name))
        if found is not None and found.name != wanted.name:
            raise session_findings.RoleRefused(wanted.account, wanted.name)
        return found

    def find(self, access_key: str) -> Session | None:
        """The session of a key, for some time after its end too; what was found is remembered: it never changes."""
        seal = self._rules.seal
        if seal is None or not access_keys.is_temporary(access_key):
            return None
        known = self._found.get(access_key)
        if known is None:
            now = self._clock.monotonic()
            if now - self._missed.get(access_key, -_MISSED_SECONDS) < _MISSED_SECONDS:
                return None
            known = self._read(access_key, seal)
            if known is None:
                self._remember(self._missed, access_key, now)
            else:
                self._remember(self._found, access_key, known)
        return known

    def account_of(self, access_key: str) -> str | None:
        """The 12 digits of the account that a key is of, lasting or not; None where there is no such key."""
        session = self.find(access_key)
        known = session or self._rules.lasting(access_key)
        return None if known is None else self._rules.number_of(known.project_id)

    def _read(self, access_key: str, seal: Seal) -> Session | None:
        try:
            with self._store.read() as conn:
                return sessions.find(conn, access_key, seal)
        except SecretUnreadable as reason:
            LOG.warning("the temporary key %s is of no use: %s", access_key, reason)
            return None

    def _remember(self, kept: dict[str, T], access_key: str, what: T) -> None:
        with self._lock:
            while len(kept) >= _KEPT:
                del kept[next(iter(kept))]
            kept[access_key] = what

    def _base(self, opener: str, caller: str) -> tuple[str, Owned]:
        """The lasting key that the opener is or rests on. Raises KeyGone where it is another one by now."""
        session = self.find(opener)
        base_key = session.base_key if session else opener
        found = self._rules.lasting(base_key)
        if found is None or not (
            session.rests_on(found.project_id, found.secret) if session else found.project_id == caller
        ):
            raise session_findings.KeyGone(base_key)
        return base_key, found

    def _open(
        self, opener: str, caller: str, lasting: timedelta, role: Role = _NONE, project_id: str | None = None
    ) -> Session:
        """Args: project_id: that the session acts in; None: the caller's."""
        seal = self._rules.seal
        if seal is None or not seal.has_keys:
            raise session_findings.SessionsUnavailable(self._rules.why)
        now = self._clock.now()
        base_key, base = self._base(opener, caller)
        secret = access_keys.new_secret()
        made = Session(
            access_key=access_keys.new_id(access_keys.TEMPORARY),
            base_key=base_key,
            project_id=caller if project_id is None else project_id,
            created_at=now,
            expires_at=now.replace(microsecond=0) + lasting,
            role=role.name,
            name=role.session,
            base_project=base.project_id,
            base_mark=mark_of(secret, base.secret),
            secret=secret,
            token=access_keys.new_token(),
        )

        def work(conn: Connection) -> None:
            sessions.make_room(conn, base_key, now, MOST)
            sessions.add(conn, made, seal)

        self._store.transact(work)
        return made
