"""What is registered with pools of load balancers, and the claims of pools whose members are looked at."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam, delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from backend.domain.scope import Scope
from backend.domain.traffic import MemberHealth, Registration, RegistrationState
from backend.store import rows
from backend.store.leases import Claimer, any_due, is_free
from backend.store.session import Store
from backend.store.tables import pools, registrations
from backend.store.types import Instant

_r = registrations.c
_p = pools.c

Key = tuple[str, str]
"""(node id, pool id) of a registration."""

_OF_CLUSTER = select(registrations).where(_r.cluster_id == bindparam("owner")).order_by(_r.node_id, _r.pool_id)
_OF_POOL = select(registrations).where(_r.pool_id == bindparam("pool")).order_by(_r.node_id)


def of_cluster(conn: Connection, cluster_id: str) -> list[Registration]:
    return [rows.registration_of(row) for row in conn.execute(_OF_CLUSTER, {"owner": cluster_id})]


def of_pool(conn: Connection, pool_id: str) -> list[Registration]:
    return [rows.registration_of(row) for row in conn.execute(_OF_POOL, {"pool": pool_id})]


_THIS = sa.and_(_r.node_id == bindparam("node"), _r.pool_id == bindparam("pool"))
_DELETE = delete(registrations).where(_THIS)
_MOVE = (
    update(registrations)
    .where(_THIS)
    .values(state=bindparam("now_in"), state_at=bindparam("since"), due_at=bindparam("next"))
)
_PUT_OFF = update(registrations).where(_THIS).values(due_at=bindparam("next"))
_SEE = (
    update(registrations)
    .where(_THIS)
    .values(health=bindparam("told"), served=or_(_r.served, bindparam("serves", type_=sa.Boolean())))
)


def put(conn: Connection, wanted: Sequence[Registration]) -> None:
    """Write registrations, over those of the same node and pool."""
    remove(conn, [(each.node_id, each.pool_id) for each in wanted])
    if wanted:
        conn.execute(sa.insert(registrations), [rows.registration_values(each) for each in wanted])


def remove(conn: Connection, keys: Collection[Key]) -> None:
    if keys:
        conn.execute(_DELETE, [_key(key) for key in keys])


def move(
    conn: Connection, keys: Collection[Key], state: RegistrationState, now: datetime, due_at: datetime | None
) -> None:
    """They are in that state from now on."""
    if keys:
        conn.execute(_MOVE, [{**_key(key), "now_in": str(state), "since": now, "next": due_at} for key in keys])


def put_off(conn: Connection, keys: Collection[Key], until: datetime) -> None:
    """What was asked of the cloud for them is asked again then."""
    if keys:
        conn.execute(_PUT_OFF, [{**_key(key), "next": until} for key in keys])


def see(conn: Connection, seen: Sequence[tuple[Key, MemberHealth]]) -> None:
    """What the monitor says of members."""
    if seen:
        conn.execute(
            _SEE,
            [{**_key(key), "told": str(health), "serves": health is MemberHealth.HEALTHY} for key, health in seen],
        )


def _key(key: Key) -> dict[str, Any]:
    return {"node": key[0], "pool": key[1]}


_POOLS_OF_CLUSTER = select(_r.pool_id, _r.project_id, _r.region).where(_r.cluster_id == bindparam("owner")).distinct()


def forget_cluster(conn: Connection, cluster_id: str, now: datetime) -> None:
    """A cluster goes: what is still registered is found to be nobody's, and ended, by the next look at its pools."""
    found = conn.execute(_POOLS_OF_CLUSTER, {"owner": cluster_id}).all()
    if found:
        conn.execute(delete(registrations).where(_r.cluster_id == cluster_id))
    for row in found:
        pull_pool(conn, Scope(row.project_id, row.region), row.pool_id, now)


# pools ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PoolLease:
    """A claimed pool. ``mark``: what the claim put into ``due_at``; a release leaves an earlier one alone."""

    scope: Scope
    pool_id: str
    epoch: int
    mark: datetime


_WANTED = bindparam("wanted", type_=Instant())
_NEXT_DUE = bindparam("next_due", type_=Instant())
_PULL = (
    update(pools)
    .where(_p.id == bindparam("pool"))
    .values(due_at=sa.case((or_(_p.due_at.is_(None), _p.due_at > _WANTED), _WANTED), else_=_p.due_at))
)


def pull_pool(conn: Connection, scope: Scope, pool_id: str, at: datetime) -> None:
    """Look at the pool's members at that time, or sooner; from now on, where nobody did."""
    wanted = {"pool": pool_id, "wanted": at}
    if conn.execute(_PULL, wanted).rowcount:
        return
    row = {"id": pool_id, "project_id": scope.project_id, "region": scope.region, "due_at": at, "epoch": 0}
    with contextlib.suppress(IntegrityError), conn.begin_nested():  # another transaction may have been quicker
        conn.execute(sa.insert(pools), row)


_DUE = select(pools).where(is_free(pools)).order_by(_p.due_at, _p.id)
_IS_DUE = _DUE.limit(1)
_HELD = sa.and_(_p.id == bindparam("pool"), _p.epoch == bindparam("seen_epoch"))
_TAKE = (
    update(pools)
    .where(_HELD)
    .values(epoch=_p.epoch + 1, owner=bindparam("by"), lease_until=bindparam("until"), due_at=bindparam("mark"))
)


def claim_pools(store: Store, claimer: Claimer, now: datetime, limit: int) -> list[PoolLease]:
    """Claim up to ``limit`` pools that are due and that nobody holds, longest due first."""
    if not any_due(store, _IS_DUE, now):
        return []

    def work(conn: Connection) -> list[PoolLease]:
        lease_now = store.lease_now(conn)
        statement = _DUE.limit(limit).with_for_update(skip_locked=True)
        found = conn.execute(statement, {"now": now, "lease_now": lease_now}).all()
        mark = now + claimer.lease
        common = {"by": claimer.name, "until": lease_now + claimer.lease, "mark": mark}
        if found:
            conn.execute(_TAKE, [{"pool": row.id, "seen_epoch": row.epoch, **common} for row in found])
        return [PoolLease(Scope(row.project_id, row.region), row.id, row.epoch + 1, mark) for row in found]

    return store.transact(work)


_RENEW = update(pools).where(_HELD).values(lease_until=bindparam("until"))


def renew_pools(store: Store, held: Sequence[PoolLease], claimer: Claimer) -> None:
    """Hold these on: their looks still wait for the cloud."""

    def work(conn: Connection) -> None:
        until = store.lease_now(conn) + claimer.lease
        conn.execute(_RENEW, [{**_lease_key(lease), "until": until} for lease in held])

    if held:
        store.transact(work)


_FENCE = select(_p.epoch).where(_HELD).with_for_update()


def fence_pool(conn: Connection, lease: PoolLease) -> bool:
    """Whether the pool is still held, its row locked."""
    return conn.execute(_FENCE, _lease_key(lease)).first() is not None


_RELEASE = (
    update(pools)
    .where(_HELD)
    .values(
        owner=None,
        lease_until=None,
        due_at=sa.case((_p.due_at == bindparam("mark"), _NEXT_DUE), else_=_p.due_at),
    )
)


def release_pool(conn: Connection, lease: PoolLease, due_at: datetime) -> None:
    """Give the pool back; it is due then, or when someone asked for it meanwhile."""
    conn.execute(_RELEASE, {**_lease_key(lease), "mark": lease.mark, "next_due": due_at})


def forget_pool(conn: Connection, lease: PoolLease) -> None:
    """Nothing of ours is in the pool; whoever registers with it next has it looked at again."""
    conn.execute(delete(pools).where(_HELD), _lease_key(lease))


def _lease_key(lease: PoolLease) -> dict[str, Any]:
    return {"pool": lease.pool_id, "seen_epoch": lease.epoch}
