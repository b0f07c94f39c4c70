"""Temporary keys beside lasting ones: each is good for as long as it says and as the key it was opened with."""

from __future__ import annotations

from typing import Protocol

from gateway.auth.credentials import Credential, Credentials
from translators.callers import Session, acting


class Kept(Protocol):
    """Where sessions are kept."""

    def find(self, access_key: str) -> Session | None: ...


class SessionCredentials:
    """Credentials of both kinds.

    Args:
        lasting: where lasting keys are found; asked again at each use of a temporary one.
    """

    def __init__(self, lasting: Credentials, kept: Kept) -> None:
        self._lasting = lasting
        self._kept = kept

    def find(self, access_key: str) -> Credential | None:
        session = self._kept.find(access_key)
        if session is None:
            return self._lasting.find(access_key)
        base = self._lasting.find(session.base_key)
        if base is None or not session.rests_on(base.caller.project_id, base.secret):
            return None
        return Credential(session.secret, acting(session, base.caller), session.token, session.expires_at)
