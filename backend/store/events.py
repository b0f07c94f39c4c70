"""What events of the cloud make due, and who listens for them. An event says where to look, and nothing more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, delete, func, insert, or_, select, update

from backend.domain.events import Event, Subject
from backend.domain.scope import Scope
from backend.store import work_calls
from backend.store.balancer_tables import load_balancers
from backend.store.batches import chunks
from backend.store.event_tables import ended_identities, event_listeners
from backend.store.leases import BALANCER_LEASES, POOLS
from backend.store.tables import delegations, nodes, pools, registrations, watches
from backend.store.types import Instant

_n, _w, _p, _r, _l, _d, _i = (
    nodes.c,
    watches.c,
    pools.c,
    registrations.c,
    event_listeners.c,
    delegations.c,
    ended_identities.c,
)
_NOW = bindparam("now", type_=Instant())


@dataclass(frozen=True, slots=True)
class ListenerRecord:
    """One process that listens.

    Attributes:
        started_at, seen_at, heard_at: by the clock that leases are judged by; ``heard_at``: of the last notification.
    """

    name: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    heard_at: datetime | None = None


_OWNERS = (
    select(_n.project_id)
    .where(_n.server_id.in_(bindparam("servers", expanding=True)), _n.region == bindparam("at"))
    .distinct()
)
# By their nodes, which servers are found by.
_MEMBERS = (
    select(_n.project_id, _n.server_id, _r.pool_id)
    .join_from(nodes, registrations, _r.node_id == _n.id)
    .where(_n.server_id.in_(bindparam("servers", expanding=True)), _n.region == bindparam("at"))
)


def owners(conn: Connection, region: str, server_ids: Collection[str]) -> set[Scope]:
    """The projects whose clusters have some of these servers."""
    found: set[Scope] = set()
    for chunk in chunks(sorted(server_ids)):
        rows = conn.execute(_OWNERS, {"servers": chunk, "at": region})
        found.update(Scope(row.project_id, region) for row in rows)
    return found


_TELL = (
    update(watches)
    .where(_w.project_id == bindparam("project"), _w.region == bindparam("at"))
    .values(
        due_at=case((or_(_w.due_at.is_(None), _w.due_at > _NOW), _NOW), else_=_w.due_at),
        # Never before what was seen, by whichever clock: a look that has begun may have missed it.
        told_at=case((_w.seen_until > _NOW, _w.seen_until), else_=_NOW),
    )
)


def look(conn: Connection, scopes: Iterable[Scope], now: datetime) -> int:
    """Have these projects' servers looked at now, whatever changed of them; how many of those are watched."""
    work_calls.want(conn)
    return sum(
        conn.execute(_TELL, {"project": each.project_id, "at": each.region, "now": now}).rowcount
        for each in sorted(scopes, key=lambda scope: (scope.project_id, scope.region))  # as all lock them
    )


def pools_of(conn: Connection, region: str, server_ids: Collection[str]) -> dict[Scope, set[str]]:
    """The pools in which nodes with these servers are members, by their projects."""
    found: dict[Scope, set[str]] = {}
    for chunk in chunks(sorted(server_ids)):
        for row in conn.execute(_MEMBERS, {"servers": chunk, "at": region}):
            found.setdefault(Scope(row.project_id, region), set()).add(row.pool_id)
    return found


def look_at_pools(conn: Connection, pool_ids: Iterable[str], now: datetime) -> int:
    """Have these pools looked at; how many of them are."""
    return sum(POOLS.pull(conn, (pool_id,), now) for pool_id in sorted(pool_ids))


def look_at_balancing(conn: Connection, scopes: Iterable[Scope], now: datetime) -> int:
    """Have the balancers and pools of these projects looked at; how many those are."""
    found = 0
    for scope in sorted(scopes, key=lambda each: (each.region, each.project_id)):
        for leased, table in ((BALANCER_LEASES, load_balancers), (POOLS, pools)):
            mine = (table.c.project_id == scope.project_id, table.c.region == scope.region)
            ids = conn.execute(select(table.c.id).where(*mine).order_by(table.c.id)).scalars().all()
            found += sum(leased.pull(conn, (each,), now) for each in ids)
    return found


# identities ----------------------------------------------------------------------------------------------------------


def concerned(conn: Connection, events: Iterable[Event]) -> set[str]:
    """The projects that may have shut us out by these: they themselves, and those that a user handed over."""
    found = {each.id for each in events if each.subject is Subject.PROJECT}
    handed = {each.id for each in events if each.subject in {Subject.USER, Subject.CREDENTIAL}}
    for chunk in chunks(sorted(handed)):
        rows = conn.execute(
            select(_d.project_id).where(or_(_d.user_id.in_(chunk), _d.credential_id.in_(chunk))).distinct()
        )
        found.update(rows.scalars())
    return found


def watched(conn: Connection, project_ids: Collection[str]) -> set[Scope]:
    """Where these projects are looked at."""
    found: set[Scope] = set()
    for chunk in chunks(sorted(project_ids)):
        rows = conn.execute(select(_w.project_id, _w.region).where(_w.project_id.in_(chunk)))
        found.update(Scope(row.project_id, row.region) for row in rows)
    return found


def watched_everywhere(conn: Connection) -> list[Scope]:
    """All projects that are looked at, by id."""
    rows = conn.execute(select(_w.project_id, _w.region).order_by(_w.project_id, _w.region))
    return [Scope(row.project_id, row.region) for row in rows]


def watched_in(conn: Connection, region: str) -> set[Scope]:
    """All projects that are looked at in a region."""
    return {Scope(each, region) for each in conn.execute(select(_w.project_id).where(_w.region == region)).scalars()}


def end(conn: Connection, events: Iterable[Event], now: datetime) -> None:
    """Tell all processes that what they know of these identities may hold no more."""
    rows = [{"subject": str(each.subject), "identity": each.id, "ended_at": now} for each in events]
    if rows:
        conn.execute(insert(ended_identities), rows)


def ended_after(conn: Connection, number: int, most: int) -> list[tuple[int, Event]]:
    """What was told after that number, each with its own, in their order."""
    asked = select(_i.number, _i.subject, _i.identity).where(_i.number > number).order_by(_i.number).limit(most)
    known = {str(each): each for each in Subject}
    return [(row.number, Event(known.get(row.subject, Subject.EVERYBODY), row.identity)) for row in conn.execute(asked)]


def last_ended(conn: Connection) -> int:
    """The number of the last one; 0 where there is none."""
    return int(conn.execute(select(func.coalesce(func.max(_i.number), 0))).scalar_one())


def forget_ended(conn: Connection, before: datetime) -> int:
    """Every process has heard of these, or knows nothing that is so old.

    The highest number stays: SQLite hands out the one above the highest that is there, and who reads on from a number
    would never hear of one that is given again.
    """
    return conn.execute(delete(ended_identities).where(_i.ended_at < before, _i.number < last_ended(conn))).rowcount


# listeners -----------------------------------------------------------------------------------------------------------


def listens(conn: Connection, me: ListenerRecord, now: datetime) -> None:
    """Note that this process listens."""
    told = {"seen_at": now, "heard_at": me.heard_at}
    if conn.execute(update(event_listeners).where(_l.name == me.name).values(**told)).rowcount:
        return
    row = {"name": me.name, "host": me.host, "pid": me.pid, "started_at": me.started_at, **told}
    conn.execute(insert(event_listeners), row)


def forget_listener(conn: Connection, name: str) -> None:
    """It has ended."""
    conn.execute(delete(event_listeners).where(_l.name == name))


def forget_listeners(conn: Connection, before: datetime) -> None:
    """Those that were not heard of since have ended, without a word."""
    conn.execute(delete(event_listeners).where(_l.seen_at < before))


def listeners(conn: Connection, most: int = 100) -> Sequence[ListenerRecord]:
    """All that have a row, the oldest first."""
    columns = (_l.name, _l.host, _l.pid, _l.started_at, _l.seen_at, _l.heard_at)
    asked = select(*columns).order_by(_l.started_at, _l.name).limit(most)
    return [ListenerRecord(*row) for row in conn.execute(asked)]
