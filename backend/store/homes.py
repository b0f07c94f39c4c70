"""Where sources of ours are housed, as the rows say: asked for between calls of the cloud, and never within one."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain.balancers import Home
from backend.domain.scope import Scope
from backend.domain.traffic import Registration
from backend.store import balancers
from backend.store.session import Store


class StoredHomes:
    """Pools of sources, and what is registered with them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, scope: Scope, source_id: str) -> Sequence[Home] | None:
        """Its pools, none while it has none; None where there is no such source."""
        with self._store.read() as conn:
            groups = balancers.homes(conn, scope, source_id)
        if groups is None:
            return None
        return [
            Home(each.pool_id, each.port if each.classic else None, each.monitor_port)
            for each in groups
            if each.pool_id is not None
        ]

    def registered(self, source_id: str) -> Sequence[Registration]:
        """What is registered with it."""
        with self._store.read() as conn:
            return balancers.of_source(conn, source_id)
