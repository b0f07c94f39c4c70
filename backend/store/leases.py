"""Claims of clusters and of projects' watches: one engine works on each at a time, and a late one is found out.

A claim raises the epoch; every later write of the pass asks for that epoch. It also puts ``due_at`` to the end of the
lease, so that a pass that dies is taken up then; whoever wants the engine's attention meanwhile sets an earlier
``due_at``, which the release finds and leaves alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, bindparam, case, or_, select, update

from backend.domain.scope import Scope
from backend.store.session import Store
from backend.store.tables import clusters, watches
from backend.store.types import Instant


@dataclass(frozen=True, slots=True)
class Claimer:
    """Who claims, and for how long."""

    name: str
    lease: timedelta


@dataclass(frozen=True, slots=True)
class Lease:
    """A claimed cluster.

    Attributes:
        epoch: the fence of this pass.
        mark: what the claim put into ``due_at``.
    """

    cluster_id: str
    epoch: int
    mark: datetime


@dataclass(frozen=True, slots=True)
class WatchLease:
    """A claimed watch, and what its row said.

    Attributes:
        seen_until: changes up to then have been seen; None before the first listing.
        full_due_at: when a complete listing is due; None at once.
        refused_since: when the cloud began to refuse looks; None while it does not.
    """

    scope: Scope
    epoch: int
    mark: datetime
    seen_until: datetime | None
    full_due_at: datetime | None
    refused_since: datetime | None = None


_NEXT_DUE = bindparam("next_due", type_=Instant())


def is_free(table: Table) -> Any:
    """That a row is due and nobody holds it."""
    c = table.c
    return and_(c.due_at <= bindparam("now"), or_(c.lease_until.is_(None), c.lease_until <= bindparam("lease_now")))


_DUE = select(clusters.c.id, clusters.c.epoch).where(is_free(clusters)).order_by(clusters.c.due_at, clusters.c.id)
_IS_DUE = _DUE.limit(1)
_TAKE = (
    update(clusters)
    .where(clusters.c.id == bindparam("taken"), clusters.c.epoch == bindparam("seen_epoch"))
    .values(
        epoch=bindparam("new_epoch"), owner=bindparam("by"), lease_until=bindparam("until"), due_at=bindparam("mark")
    )
)


def any_due(store: Store, is_due: Select[Any], now: datetime) -> bool:
    """Whether there is anything to claim: no write transaction is begun where there is not."""
    with store.read() as conn:
        return conn.execute(is_due, {"now": now, "lease_now": store.lease_now(conn)}).first() is not None


def claim(store: Store, claimer: Claimer, now: datetime, limit: int) -> list[Lease]:
    """Claim up to ``limit`` clusters that are due and that nobody holds, longest due first."""
    if not any_due(store, _IS_DUE, now):
        return []

    def work(conn: Connection) -> list[Lease]:
        lease_now = store.lease_now(conn)
        statement = _DUE.limit(limit).with_for_update(skip_locked=True)
        found = conn.execute(statement, {"now": now, "lease_now": lease_now}).all()
        until = lease_now + claimer.lease
        mark = now + claimer.lease
        if found:
            common = {"by": claimer.name, "until": until, "mark": mark}
            conn.execute(
                _TAKE,
                [{"taken": row.id, "seen_epoch": row.epoch, "new_epoch": row.epoch + 1, **common} for row in found],
            )
        return [Lease(row.id, row.epoch + 1, mark) for row in found]

    return store.transact(work)


_FENCE = (
    select(clusters.c.generation)
    .where(clusters.c.id == bindparam("cluster_id"), clusters.c.epoch == bindparam("my_epoch"))
    .with_for_update()
)


def fence(conn: Connection, lease: Lease) -> int | None:
    """The cluster's generation, its row locked; None when the lease is lost or the cluster gone: write nothing."""
    generation: int | None = conn.execute(
        _FENCE, {"cluster_id": lease.cluster_id, "my_epoch": lease.epoch}
    ).scalar_one_or_none()
    return generation


_RELEASE = (
    update(clusters)
    .where(clusters.c.id == bindparam("cluster_id"), clusters.c.epoch == bindparam("my_epoch"))
    .values(
        owner=None,
        lease_until=None,
        due_at=case((clusters.c.due_at == bindparam("mark"), _NEXT_DUE), else_=clusters.c.due_at),
    )
)


def release(conn: Connection, lease: Lease, due_at: datetime | None) -> None:
    """Give the cluster back; it is due then, or when someone asked for it during the pass."""
    conn.execute(
        _RELEASE,
        {"cluster_id": lease.cluster_id, "my_epoch": lease.epoch, "mark": lease.mark, "next_due": due_at},
    )


_RENEW = (
    update(clusters)
    .where(clusters.c.id == bindparam("cluster_id"), clusters.c.epoch == bindparam("my_epoch"))
    .values(lease_until=bindparam("until"))
)


def renew(store: Store, leases: Sequence[Lease], claimer: Claimer) -> None:
    """Hold these on: their passes still wait for the cloud."""

    def work(conn: Connection) -> None:
        until = store.lease_now(conn) + claimer.lease
        conn.execute(
            _RENEW, [{"cluster_id": lease.cluster_id, "my_epoch": lease.epoch, "until": until} for lease in leases]
        )

    if leases:
        store.transact(work)


_WATCH_DUE = select(watches).where(is_free(watches)).order_by(watches.c.due_at, watches.c.project_id, watches.c.region)
_WATCH_IS_DUE = _WATCH_DUE.limit(1)
_THIS_WATCH = and_(
    watches.c.project_id == bindparam("project"),
    watches.c.region == bindparam("in_region"),
    watches.c.epoch == bindparam("seen_epoch"),
)
_WATCH_TAKE = (
    update(watches)
    .where(_THIS_WATCH)
    .values(
        epoch=bindparam("new_epoch"), owner=bindparam("by"), lease_until=bindparam("until"), due_at=bindparam("mark")
    )
)


def claim_watches(store: Store, claimer: Claimer, now: datetime, limit: int) -> list[WatchLease]:
    """Claim up to ``limit`` watches that are due and that nobody holds, longest due first."""
    if not any_due(store, _WATCH_IS_DUE, now):
        return []

    def work(conn: Connection) -> list[WatchLease]:
        lease_now = store.lease_now(conn)
        statement = _WATCH_DUE.limit(limit).with_for_update(skip_locked=True)
        found = conn.execute(statement, {"now": now, "lease_now": lease_now}).all()
        mark = now + claimer.lease
        common = {"by": claimer.name, "until": lease_now + claimer.lease, "mark": mark}
        if found:
            conn.execute(
                _WATCH_TAKE,
                [
                    {
                        "project": row.project_id,
                        "in_region": row.region,
                        "seen_epoch": row.epoch,
                        "new_epoch": row.epoch + 1,
                        **common,
                    }
                    for row in found
                ],
            )
        return [
            WatchLease(
                Scope(row.project_id, row.region),
                row.epoch + 1,
                mark,
                row.seen_until,
                row.full_due_at,
                row.refused_since,
            )
            for row in found
        ]

    return store.transact(work)


_WATCH_RENEW = update(watches).where(_THIS_WATCH).values(lease_until=bindparam("until"))


def renew_watches(store: Store, held: Sequence[WatchLease], claimer: Claimer) -> None:
    """Hold these on: their looks still wait for the cloud."""

    def work(conn: Connection) -> None:
        until = store.lease_now(conn) + claimer.lease
        conn.execute(_WATCH_RENEW, [{**_watch_key(lease), "until": until} for lease in held])

    if held:
        store.transact(work)


_WATCH_FENCE = select(watches.c.epoch).where(_THIS_WATCH).with_for_update()


def fence_watch(conn: Connection, lease: WatchLease) -> bool:
    """Whether the watch is still held, its row locked."""
    return conn.execute(_WATCH_FENCE, _watch_key(lease)).first() is not None


_WATCH_REFUSED = update(watches).where(_THIS_WATCH).values(refused_since=bindparam("since"))


def refused_watch(conn: Connection, lease: WatchLease, since: datetime | None) -> None:
    """Remember since when looks are refused; None: they are no more."""
    conn.execute(_WATCH_REFUSED, {**_watch_key(lease), "since": since})


_WATCH_RELEASE = (
    update(watches)
    .where(_THIS_WATCH)
    .values(
        owner=None,
        lease_until=None,
        seen_until=bindparam("next_seen"),
        full_due_at=bindparam("next_full"),
        due_at=case((watches.c.due_at == bindparam("mark"), _NEXT_DUE), else_=watches.c.due_at),
    )
)


def release_watch(
    conn: Connection, lease: WatchLease, due_at: datetime, seen_until: datetime | None, full_due_at: datetime | None
) -> None:
    """Give the watch back with what is known now; it is due then, or when someone asked for it meanwhile."""
    values = {"mark": lease.mark, "next_due": due_at, "next_seen": seen_until, "next_full": full_due_at}
    conn.execute(_WATCH_RELEASE, {**_watch_key(lease), **values})


def _watch_key(lease: WatchLease) -> dict[str, Any]:
    return {"project": lease.scope.project_id, "in_region": lease.scope.region, "seen_epoch": lease.epoch}
