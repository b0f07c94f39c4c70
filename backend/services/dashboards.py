"""Dashboards: put, told, listed, tagged and deleted. A project has its dashboards in all regions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final
from uuid import uuid4

from backend.clock import Clock
from backend.domain.dashboards import MOST_TAGS, Dashboard, DashboardMissing
from backend.domain.metrics import MetricLimits
from backend.domain.scope import Scope
from backend.errors import LimitExceeded
from backend.store import counting
from backend.store.metric_tables import dashboards as table
from backend.store.records import Records
from backend.store.session import Connection, Store

DASHBOARDS: Final = Records(table, Dashboard)
_EVERYWHERE: Final = ""
"""The region that stands for all of them."""


class Dashboards:
    """Each call may raise StoreUnavailable; those that name a dashboard DashboardMissing."""

    def __init__(self, store: Store, clock: Clock, limits: MetricLimits | None = None) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits or MetricLimits()

    def put(self, scope: Scope, name: str, body: str, tags: Mapping[str, str]) -> None:
        """Make one, or give another body to the one of that name, which keeps its tags.

        Raises:
            LimitExceeded: of dashboards or tags.
        """
        if len(tags) > MOST_TAGS:
            raise LimitExceeded("tags", MOST_TAGS)
        here, now = _everywhere(scope), self._clock.now()

        def work(conn: Connection) -> None:
            known = DASHBOARDS.hold(conn, here, name=name)
            if known is not None:
                DASHBOARDS.change(conn, here, known.id, body=body, size=len(body.encode()), changed_at=now)
                return
            counting.check(conn, here, "dashboards", self._limits.dashboards, partial(DASHBOARDS.count, conn, here))
            DASHBOARDS.add(conn, here, Dashboard(str(uuid4()), name, body, len(body.encode()), now, dict(tags)))

        counting.transact(self._store, work)

    def get(self, scope: Scope, name: str) -> Dashboard:
        with self._store.read() as conn:
            return _named(conn, _everywhere(scope), name)

    def list(self, scope: Scope, prefix: str = "") -> Sequence[Dashboard]:
        """Those whose names begin so, by name, without their bodies."""
        with self._store.read() as conn:
            found = DASHBOARDS.without(conn, _everywhere(scope), "body")
        return sorted((each for each in found if each.name.startswith(prefix)), key=lambda each: each.name)

    def delete(self, scope: Scope, names: Collection[str]) -> None:
        """Delete all of these, or, where one of them is not there, none."""
        here = _everywhere(scope)

        def work(conn: Connection) -> None:
            for name in sorted(set(names)):
                _named(conn, here, name)
                DASHBOARDS.remove(conn, here, name=name)

        self._store.transact(work)

    def tags(self, scope: Scope, name: str) -> Mapping[str, str]:
        return self.get(scope, name).tags

    def tag(self, scope: Scope, name: str, added: Mapping[str, str], removed: Collection[str] = ()) -> None:
        """Put tags over those of the same keys, and take others away. Raises LimitExceeded."""
        here = _everywhere(scope)

        def work(conn: Connection) -> None:
            known = DASHBOARDS.hold(conn, here, name=name)
            if known is None:
                raise DashboardMissing(name)
            tags = {key: value for key, value in {**known.tags, **added}.items() if key not in removed}
            if len(tags) > MOST_TAGS:
                raise LimitExceeded("tags", MOST_TAGS)
            DASHBOARDS.change(conn, here, known.id, tags=tags)

        self._store.transact(work)


def _everywhere(scope: Scope) -> Scope:
    return replace(scope, region=_EVERYWHERE)


def _named(conn: Connection, scope: Scope, name: str) -> Dashboard:
    found = DASHBOARDS.one(conn, scope, name=name)
    if found is None:
        raise DashboardMissing(name)
    return found
