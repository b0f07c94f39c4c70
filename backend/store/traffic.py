"""What is registered with pools of load balancers, and when members are looked at. Claims are leases' business."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam, delete, or_, select, update

from backend.domain.scope import Scope
from backend.domain.traffic import MemberHealth, Registration, RegistrationState
from backend.store import orphans, rows
from backend.store.leases import POOLS
from backend.store.orphans import Kind, Place
from backend.store.tables import pools, registrations

_r = registrations.c

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


def save(conn: Connection, before: Mapping[Key, Registration], after: Mapping[Key, Registration]) -> None:
    """Write what became of registrations; one that begins anew is written over the one that was."""
    changed = [(key, each) for key, each in after.items() if before.get(key) != each]
    remove(conn, [key for key in before if key not in after])
    put(conn, [each for key, each in changed if key not in before or _begins(before[key], each)])
    moved = [(key, each) for key, each in changed if key in before and not _begins(before[key], each)]
    if moved:
        conn.execute(_MOVE, [{**_key(key), **_position(each)} for key, each in moved])


def _position(each: Registration) -> dict[str, Any]:
    return {"now_in": str(each.state), "since": each.state_at, "next": each.due_at}


def _begins(was: Registration, now: Registration) -> bool:
    """Whether more became another than what passes write: looks write the rest beside them."""
    return replace(was, state=now.state, state_at=now.state_at, due_at=now.due_at) != now


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


_MEMBERS_OF_CLUSTER = select(_r.pool_id, _r.node_id, _r.project_id, _r.region).where(
    _r.cluster_id == bindparam("owner")
)


def forget_cluster(conn: Connection, cluster_id: str, now: datetime) -> None:
    """A cluster goes: what is still registered is found to be nobody's, and ended, by the next look at its pools."""
    found: dict[Place, list[str]] = {}
    for row in conn.execute(_MEMBERS_OF_CLUSTER, {"owner": cluster_id}):
        place = Place(Scope(row.project_id, row.region), Kind.MEMBER, row.pool_id)
        found.setdefault(place, []).append(row.node_id)
    if found:
        conn.execute(delete(registrations).where(_r.cluster_id == cluster_id))
    for place, node_ids in found.items():
        orphans.give_up(conn, place, node_ids, now)
        pull_pool(conn, place.scope, place.pool_id, now)


# pools ---------------------------------------------------------------------------------------------------------------


_POOLS_OF = (
    select(sa.func.count())
    .select_from(pools)
    .where(pools.c.project_id == bindparam("project"), pools.c.region == bindparam("at"))
)


def pools_of(conn: Connection, scope: Scope) -> int:
    """How many pools of a project are looked at."""
    return conn.execute(_POOLS_OF, {"project": scope.project_id, "at": scope.region}).scalar_one()


def pull_pool(conn: Connection, scope: Scope, pool_id: str, at: datetime) -> None:
    """Look at the pool's members at that time, or sooner; from now on, where nobody did."""
    POOLS.demand(conn, (pool_id,), scope, at)
