"""What a project decides once for all its clusters of a region."""

from __future__ import annotations

from collections.abc import Mapping

from backend.domain.account_settings import Setting
from backend.domain.scope import Scope
from backend.store import account_settings as rows
from backend.store.session import Store


class AccountSettings:
    """Reads and turns the switches of a project and region; engines go by them from their next pass on."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, scope: Scope) -> Mapping[Setting, bool]:
        """Every switch, on or off."""
        with self._store.read() as conn:
            return rows.of(conn, scope)

    def put(self, scope: Scope, setting: Setting, *, enabled: bool) -> None:
        """Turn a switch."""
        self._store.transact(lambda conn: rows.put(conn, scope, setting, enabled=enabled))
