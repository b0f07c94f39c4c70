"""Brakes: where an operator lets the engine begin nothing. What that is, the engine's phases say."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, case, delete, insert, or_, select, update

from backend.domain.brakes import Brake
from backend.domain.scope import Scope
from backend.store import alarms, work_calls
from backend.store.batches import chunks
from backend.store.engine_tables import brakes
from backend.store.session import Store
from backend.store.tables import clusters
from backend.store.types import Instant

EVERY = ""
"""In the place of a project or a region: all of them."""
_b, _c = brakes.c, clusters.c
_COLUMNS = (_b.project_id, _b.region, _b.since, _b.set_by, _b.reason)
_OVER = (
    select(*_COLUMNS)
    .where(_b.project_id.in_((EVERY, bindparam("project"))), _b.region.in_((EVERY, bindparam("in_region"))))
    .order_by(_b.since)
    .limit(1)
)
_LIFT = delete(brakes).where(_b.project_id == bindparam("project"), _b.region == bindparam("in_region"))
_NOW = bindparam("now", type_=Instant())
_LATER = or_(_c.due_at.is_(None), _c.due_at > _NOW)
_VOID = (
    update(clusters)
    .where(_c.id.in_(bindparam("ids", expanding=True)))
    .values(generation=_c.generation + 1, due_at=case((_LATER, _NOW), else_=_c.due_at))
)


def over(conn: Connection, scope: Scope) -> Brake | None:
    """The brake that holds a project, the oldest where there are several; None where none does."""
    row = conn.execute(_OVER, {"project": scope.project_id, "in_region": scope.region}).first()
    return None if row is None else Brake(*row)


def everywhere(conn: Connection, most: int = 1000) -> Sequence[Brake]:
    """Those that are on, the oldest first."""
    return [Brake(*row) for row in conn.execute(select(*_COLUMNS).order_by(_b.since).limit(most))]


def put(store: Store, brake: Brake) -> int:
    """Put one on; where it is on already, it is told by the last word. How many clusters it holds.

    What the engine planned before and has not begun is void: plans are made on a generation of their cluster.
    """

    def work(conn: Connection) -> None:
        conn.execute(_LIFT, {"project": brake.project_id, "in_region": brake.region})
        conn.execute(insert(brakes), {name: getattr(brake, name) for name in Brake.__dataclass_fields__})

    store.transact(work)
    return _void(store, brake.project_id, brake.region)


def lift(store: Store, project: str, region: str) -> bool:
    """Take one off; whether it was on. What it held goes on at once.

    That is seen to where none was on, too: a command that died may have taken it off, and told no engine.
    """

    def work(conn: Connection) -> bool:
        return bool(conn.execute(_LIFT, {"project": project, "in_region": region}).rowcount)

    was_on = store.transact(work)
    _void(store, project, region)
    with store.read() as conn:
        scopes = alarms.acting(conn, project or None, region or None)
    for scope in scopes:

        def pull(conn: Connection, scope: Scope = scope) -> None:
            alarms.pull_acting(conn, scope, store.lease_now(conn))

        store.transact(pull)
    return was_on


def _void(store: Store, project: str, region: str) -> int:
    """A new generation of every cluster there, and the engine is due at once; in batches, for they may be many.

    By the database's time: whoever puts a brake on sits at any machine, whose clock may be ahead of every engine's.
    """
    held = select(_c.id).where(
        or_(_c.project_id == bindparam("project"), bindparam("project") == EVERY),
        or_(_c.region == bindparam("in_region"), bindparam("in_region") == EVERY),
    )
    with store.read() as conn:
        ids = conn.execute(held.order_by(_c.id), {"project": project, "in_region": region}).scalars().all()
    for chunk in chunks(ids):

        def work(conn: Connection, chunk: list[str] = chunk) -> None:
            work_calls.want(conn)
            conn.execute(_VOID, {"ids": chunk, "now": store.lease_now(conn)})

        store.transact(work)
    return len(ids)
