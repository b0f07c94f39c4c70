"""The journal, read: single entries, lists by page, and whose a server was. Entries are written by store.journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, or_, select

from backend.domain.activity import Activity, ActivityKind
from backend.domain.cluster import Cluster, Process
from backend.domain.page import Page
from backend.domain.scope import Scope
from backend.store import rows
from backend.store.managed import unmanaged
from backend.store.tables import activities
from backend.store.types import from_micros, to_micros

_t = activities.c


@dataclass(frozen=True, slots=True)
class ActivityQuery:
    """Which activities are wanted; an empty member asks for nothing in particular.

    Attributes:
        cluster_id: of this cluster.
        cluster_name: of every cluster that has or had this name.
        deleted: those of clusters that are gone, too.
        ids: among these.
        statuses: in one of these.
        started_from, started_until: started within, both inclusive.
        managed: of clusters that have an operator, too.
    """

    cluster_id: str | None = None
    cluster_name: str | None = None
    deleted: bool = False
    ids: Sequence[str] = field(default=())
    statuses: Sequence[str] = field(default=())
    started_from: datetime | None = None
    started_until: datetime | None = None
    managed: bool = True


def detached(conn: Connection, scope: Scope, servers: Sequence[str], since: datetime) -> set[str]:
    """Those of the servers that left a cluster since then because their owner detached them, and joined none again."""
    last: dict[str, str] = {}
    statement = (
        select(_t.server_id, _t.kind)
        .where(
            _t.project_id == scope.project_id,
            _t.region == scope.region,
            _t.ended.in_((0, 1)),
            _t.started_at >= since,
            _t.server_id.in_(servers),
        )
        .order_by(_t.started_at)
    )
    for row in conn.execute(statement):
        last[row.server_id] = row.kind
    return {server for server, kind in last.items() if kind == ActivityKind.DETACH}


_FIND = select(activities).where(_t.id == bindparam("activity_id"))


def find(conn: Connection, activity_id: str) -> Activity | None:
    row = conn.execute(_FIND, {"activity_id": activity_id}).first()
    return None if row is None else rows.activity_of(row)


_UNDER_WAY = (
    select(_t.id)
    .where(
        _t.cluster_id == bindparam("owner"),
        _t.ended == 0,
        _t.kind.in_([str(ActivityKind.LAUNCH), str(ActivityKind.TERMINATE)]),
    )
    .order_by(_t.started_at, _t.id)
    .limit(1)
)
_LAST = (
    select(_t.id, _t.started_at)
    .where(_t.cluster_id == bindparam("owner"), _t.ended == 1)
    .order_by(_t.started_at.desc())
    .limit(1)
)


def blocking(conn: Connection, cluster: Cluster, now: datetime) -> str | None:
    """What a simple policy waits for: the activity under way, or the last one while its cooldown lasts.

    The last one is told, too, where a change of the capacity has been asked for that no activity has followed yet.

    Source: Auto Scaling User Guide, "Scaling cooldowns".
    """
    owner = {"owner": cluster.id}
    found: str | None = conn.execute(_UNDER_WAY, owner).scalar()
    if found is not None:
        return found
    last = conn.execute(_LAST, owner).first()
    cooling = cluster.cooldown_until is not None and cluster.cooldown_until > now
    follows = cluster.runs(Process.LAUNCH) and cluster.runs(Process.TERMINATE)
    asked_at = cluster.causes[-1].at if cluster.causes and follows else None
    if cooling or (asked_at is not None and (last is None or last.started_at < asked_at)):
        return "" if last is None else str(last.id)
    return None


_LAST_NOTE = select(func.max(_t.started_at)).where(
    _t.cluster_id == bindparam("owner"), _t.ended == 1, _t.kind == str(ActivityKind.NOTE)
)


def last_note(conn: Connection, cluster_id: str) -> datetime | None:
    """When something was last noted about the cluster without a node."""
    found: datetime | None = conn.execute(_LAST_NOTE, {"owner": cluster_id}).scalar()
    return found


def owners(conn: Connection, scope: Scope, server_ids: Sequence[str], since: datetime) -> Mapping[str, str]:
    """Names of the clusters whose entries begun since then speak of servers, by server."""
    statement = select(_t.server_id, _t.cluster_name).where(
        _t.project_id == scope.project_id,
        _t.region == scope.region,
        _t.ended.in_((0, 1)),  # both: so that the index serves
        _t.started_at >= since,
        _t.server_id.in_(server_ids),
    )
    return {row.server_id: row.cluster_name for row in conn.execute(statement)} if server_ids else {}


def page(conn: Connection, scope: Scope, query: ActivityQuery, limit: int, after: str | None = None) -> Page[Activity]:
    """Entries in progress first, then those that ended, each part newest first.

    Args:
        after: the marker of the page before.

    Raises:
        ValueError: ``after`` is no marker of this list.
    """
    ended, start = (0, None) if after is None else _read_marker(after)
    found: list[Activity] = []
    base = _wanted(scope, query)
    for part in (0, 1):
        if part < ended or len(found) > limit:
            continue
        statement = base.where(_t.ended == part)
        if start is not None and part == ended:
            at, activity_id = start
            statement = statement.where(or_(_t.started_at < at, and_(_t.started_at == at, _t.id < activity_id)))
        statement = statement.order_by(_t.started_at.desc(), _t.id.desc()).limit(limit + 1 - len(found))
        found += [rows.activity_of(row) for row in conn.execute(statement)]
    if len(found) <= limit:
        return Page(found)
    last = found[limit - 1]
    return Page(found[:limit], f"{int(last.ended_at is not None)}.{to_micros(last.started_at)}.{last.id}")


def _wanted(scope: Scope, query: ActivityQuery) -> Select[Any]:
    named = bool(query.ids)
    statement = select(activities).where(*_within(scope, by_index=query.cluster_id is None and not named))
    if query.cluster_id is not None:
        owner = _hidden(_t.cluster_id) if named else _t.cluster_id
        statement = statement.where(owner == query.cluster_id)
    if query.cluster_name is not None:
        statement = statement.where(_t.cluster_name == query.cluster_name)
    if not query.deleted:
        statement = statement.where(_t.cluster_deleted.is_(False))
    if not query.managed:
        statement = statement.where(unmanaged(scope, _t.cluster_id))
    if query.ids:
        statement = statement.where(_t.id.in_(query.ids))
    if query.statuses:
        statement = statement.where(_t.status.in_(query.statuses))
    if query.started_from is not None:
        statement = statement.where(_t.started_at >= query.started_from)
    if query.started_until is not None:
        statement = statement.where(_t.started_at <= query.started_until)
    return statement


def _within(scope: Scope, *, by_index: bool) -> tuple[ColumnElement[bool], ...]:
    """That an entry is of the project. Where something narrower is asked for too, that is what an index is for.

    SQLite takes the index with the most equal columns, so it would read the whole journal of the project.
    """
    project, region = (_t.project_id, _t.region) if by_index else (_hidden(_t.project_id), _hidden(_t.region))
    return project == scope.project_id, region == scope.region


def _hidden(column: ColumnElement[str]) -> ColumnElement[str]:
    """The same text, of no use to any index."""
    return column.concat("")


def _read_marker(text: str) -> tuple[int, tuple[datetime, str]]:
    ended, at, activity_id = text.split(".", 2)
    return int(ended), (from_micros(int(at)), activity_id)
