"""Temporary access keys: opened with a lasting one, for its user as they are or for a role of an account."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from backend import errors
from backend.clock import Clock
from backend.domain import access_keys
from backend.domain.delegation import SecretUnreadable
from backend.domain.ids import account_id
from backend.domain.session import Session
from backend.services.catalog import asking
from backend.store import sessions
from backend.store.secrets import Seal
from backend.store.session import Connection, Store

LOG = logging.getLogger(__name__)
MOST: Final = 1000
"""Sessions of a project that have not ended."""
_TOLD_FOR: Final = timedelta(days=1)
_KEPT: Final = 1024


@dataclass(frozen=True, slots=True)
class Role:
    """A role as one assumes it: its account's 12 digits, its name, and what the session is called."""

    account: str
    name: str
    session: str


_NONE: Final = Role("", "", "")


class Roles(Protocol):
    """Which roles there are: any name, in accounts that let callers assume them. Each call raises CloudUnavailable."""

    def project_of(self, number: str) -> str | None:
        """The project of the account with these 12 digits."""

    def may_assume(self, project: str, by: str) -> bool:
        """Whether a project's roles may be assumed by callers of another."""


def nobody(_access_key: str) -> str | None:
    """Where lasting keys are not known."""
    return None


@dataclass(frozen=True, slots=True)
class SessionRules:
    """What sessions rest on.

    Attributes:
        seal: closes their secrets; None: there are no sessions here, and ``why`` says why.
        roles: None: roles cannot be assumed here.
        owner: the project of a lasting access key; None where there is no such key.
        number_of: the 12 digits of a project.
    """

    seal: Seal | None = None
    why: str = "no key is set in [secrets]"
    roles: Roles | None = None
    owner: Callable[[str], str | None] = nobody
    number_of: Callable[[str], str] = account_id


class Sessions:
    """Every call may raise StoreUnavailable, and SessionsUnavailable where there are none here."""

    def __init__(self, store: Store, clock: Clock, rules: SessionRules | None = None) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules or SessionRules()
        self._found: dict[str, Session] = {}
        self._lock = threading.Lock()

    def open(self, access_key: str, project_id: str, lasting: timedelta) -> Session:
        """A session of a lasting key's user.

        Raises:
            SessionsExhausted: the project has as many as one may have.
        """
        return self._open(access_key, project_id, lasting)

    def assume(self, access_key: str, project_id: str, wanted: Role, lasting: timedelta) -> Session:
        """A session of a role, for a caller of a project.

        Raises:
            RolesNotAssumed: no role is here.
            CloudNotReached: the accounts cannot be asked.
            RoleRefused: there is no such account, or it does not trust the caller's.
            SessionsExhausted: the account has as many as one may have.
        """
        roles = self._rules.roles
        if roles is None:
            raise errors.RolesNotAssumed
        with asking():
            owner = roles.project_of(wanted.account)
            trusted = owner is not None and roles.may_assume(owner, project_id)
        if owner is None or not trusted:
            raise errors.RoleRefused(wanted.account, wanted.name)
        return self._open(access_key, owner, lasting, wanted)

    def find(self, access_key: str) -> Session | None:
        """The session of a key, for a day after its end too; what was found once is remembered: it never changes."""
        seal = self._rules.seal
        if seal is None or not access_keys.is_temporary(access_key):
            return None
        known = self._found.get(access_key)
        if known is None:
            try:
                with self._store.read() as conn:
                    known = sessions.find(conn, access_key, seal)
            except SecretUnreadable as reason:
                LOG.warning("the temporary key %s is of no use: %s", access_key, reason)
                return None
            if known is not None:
                with self._lock:
                    while len(self._found) >= _KEPT:
                        del self._found[next(iter(self._found))]
                    self._found[access_key] = known
        return known

    def account_of(self, access_key: str) -> str | None:
        """The 12 digits of the account that a key is of, lasting or not; None where there is no such key."""
        session = self.find(access_key)
        project = session.project_id if session else self._rules.owner(access_key)
        return None if project is None else self._rules.number_of(project)

    def _open(self, opener: str, project_id: str, lasting: timedelta, role: Role = _NONE) -> Session:
        seal = self._rules.seal
        if seal is None or not seal.has_keys:
            raise errors.SessionsUnavailable(self._rules.why)
        now = self._clock.now()
        base = self.find(opener)
        made = Session(
            access_key=access_keys.new_id(access_keys.TEMPORARY),
            base_key=base.base_key if base else opener,
            project_id=project_id,
            created_at=now,
            expires_at=now.replace(microsecond=0) + lasting,
            role=role.name,
            name=role.session,
            secret=access_keys.new_secret(),
            token=access_keys.new_token(),
        )

        def work(conn: Connection) -> None:
            sessions.sweep(conn, project_id, now - _TOLD_FOR)
            if sessions.live(conn, project_id, now) >= MOST:
                raise errors.SessionsExhausted(MOST)
            sessions.add(conn, made, seal)

        self._store.transact(work)
        return made
