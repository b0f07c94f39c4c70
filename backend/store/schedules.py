"""Rows of schedules. Whoever writes one holds its cluster first, so that those of a cluster run in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, delete, or_, select

from backend.domain.page import Page
from backend.domain.schedules import Schedule
from backend.domain.scope import Scope
from backend.store.leased import Lease, Leased
from backend.store.managed import unmanaged
from backend.store.records import Records
from backend.store.schedule_tables import schedules as table

_t = table.c
SCHEDULES: Final = Records(table, Schedule)
_NEW = {"epoch": 0}


@dataclass(slots=True, kw_only=True, eq=False)
class ScheduleLease(Lease):
    """A claimed schedule."""

    cluster_id: str

    @property
    def schedule_id(self) -> str:
        return self.key[0]


LEASED: Final = Leased(table, ScheduleLease, key=("id",))


@dataclass(frozen=True, slots=True)
class ScheduleQuery:
    """Which schedules are wanted; an empty member asks for nothing in particular.

    Attributes:
        cluster_name: of that cluster.
        names: of these names.
        next_from, next_until: whose next run is within, both inclusive.
        managed: of clusters that have an operator, too.
    """

    cluster_name: str | None = None
    names: Sequence[str] = ()
    next_from: datetime | None = None
    next_until: datetime | None = None
    managed: bool = True


def of_cluster(conn: Connection, scope: Scope, cluster_id: str) -> dict[str, Schedule]:
    """Those of a cluster, by name."""
    return {each.name: each for each in SCHEDULES.all(conn, scope, cluster_id=cluster_id)}


def write(conn: Connection, scope: Scope, schedule: Schedule) -> None:
    """Write one in the place of that of the same id, or a new one; it is due as it says."""
    values = {name: getattr(schedule, name) for name in Schedule.__dataclass_fields__ if name != "id"}
    if not SCHEDULES.change(conn, scope, schedule.id, **values, due_at=schedule.due_at):
        SCHEDULES.add(conn, scope, schedule, due_at=schedule.due_at, **_NEW)


def remove(conn: Connection, scope: Scope, schedule_id: str) -> None:
    """Delete one; an engine that has it at work finds its lease lost."""
    SCHEDULES.remove(conn, scope, id=schedule_id)


def forget_cluster(conn: Connection, cluster_id: str) -> None:
    """Delete those of a cluster that is being removed."""
    conn.execute(delete(table).where(_t.cluster_id == cluster_id))


def page(
    conn: Connection, scope: Scope, query: ScheduleQuery, limit: int, after: tuple[str, str] | None = None
) -> Page[Schedule]:
    """Schedules by cluster name and name.

    Args:
        after: (cluster name, name) of the last one of the page before.
    """
    statement = select(_t.id).where(_t.project_id == scope.project_id, _t.region == scope.region)
    if query.cluster_name is not None:
        statement = statement.where(_t.cluster_name == query.cluster_name)
    if not query.managed:
        statement = statement.where(unmanaged(scope, _t.cluster_id))
    if query.names:
        statement = statement.where(_t.name.in_(query.names))
    if query.next_from is not None:
        statement = statement.where(_t.next_at >= query.next_from)
    if query.next_until is not None:
        statement = statement.where(_t.next_at <= query.next_until)
    if after is not None:
        cluster, name = after
        statement = statement.where(
            or_(_t.cluster_name > cluster, and_(_t.cluster_name == cluster, _t.name > name)),
        )
    ids = list(conn.execute(statement.order_by(_t.cluster_name, _t.name).limit(limit + 1)).scalars())
    found = SCHEDULES.of(conn, scope, ids[:limit])
    items = [found[each] for each in ids[:limit] if each in found]
    if len(ids) <= limit or not items:
        return Page(items)
    return Page(items, f"{items[-1].cluster_name}:{items[-1].name}")
