"""Instance refreshes' rows, and what others hear of them: both written here, in one transaction.

The cluster is locked, or held by a pass, wherever something is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, or_, select

from backend.domain.cluster import Cluster
from backend.domain.ids import derived_uuid
from backend.domain.messages import EVERYWHERE, Message, MessageKind
from backend.domain.page import Page
from backend.domain.refreshes import Refresh, RefreshReason, RefreshStatus
from backend.store import outbox
from backend.store.listening import Audience
from backend.store.records import Records
from backend.store.refresh_tables import refreshes as table

_t = table.c
REFRESHES: Final = Records(table, Refresh)
_TOLD: Final = frozenset(RefreshStatus) - {
    RefreshStatus.PENDING,
    RefreshStatus.IN_PROGRESS,
    RefreshStatus.CANCELLING,
}
"""The states that others hear of as such; that it begins is told when it has begun."""
ALL: Final = 100
_NAMES: Final = tuple(field.name for field in fields(Refresh))


def active(conn: Connection, cluster: Cluster) -> Refresh | None:
    """The refresh of a cluster that is not over."""
    return None if cluster.refresh_id is None else REFRESHES.one(conn, cluster.scope, id=cluster.refresh_id)


def save(audience: Audience, before: Refresh | None, after: Refresh | None, now: datetime) -> None:
    """Write what became of one, by difference, and tell whoever listens."""
    if before is None or after is None or after is before:
        return
    changed = {name: getattr(after, name) for name in _NAMES if getattr(after, name) != getattr(before, name)}
    if not changed:
        return
    REFRESHES.change(audience.conn, audience.cluster.scope, after.id, **changed)
    messages = list(_messages(audience.cluster, before, after, now))
    if messages and audience.topics is not None:
        outbox.add(audience.conn, messages)


def _messages(cluster: Cluster, before: Refresh, after: Refresh, now: datetime) -> Iterator[Message]:
    if before.started_at is None and after.started_at is not None:
        yield _message(cluster, after, "started", now)
    if after.checkpoint is not None and (before.checkpoint or 0) < after.checkpoint < ALL:
        facts = {"percentage": after.checkpoint, "delay": after.checkpoint_seconds}
        yield _message(cluster, after, "checkpoint", now, **facts)
    if after.status is not before.status and after.status in _TOLD:
        yield _message(cluster, after, str(after.status), now)


def _message(cluster: Cluster, refresh: Refresh, event: str, now: datetime, **facts: Any) -> Message:
    return Message.about(
        cluster,
        MessageKind.REFRESH,
        EVERYWHERE,
        data={"refresh": refresh.id, "event": event, **facts},
        at=now,
        id=derived_uuid("refresh", refresh.id, event, now.isoformat()),
    )


def end_with_cluster(audience: Audience, now: datetime) -> None:
    """A cluster that goes takes its refresh with it; whoever deletes it no longer names one."""
    refresh = active(audience.conn, audience.cluster)
    if refresh is not None:
        reason = {"kind": str(RefreshReason.CLUSTER_DELETED)}
        over = replace(refresh, status=RefreshStatus.CANCELLED, ended_at=now, reason=reason, paused_until=None)
        save(audience, refresh, over, now)


def page(
    conn: Connection,
    cluster: Cluster,
    *,
    limit: int,
    among: Sequence[str] = (),
    since: datetime,
    after: str | None = None,
) -> Page[Refresh]:
    """A cluster's refreshes, newest first.

    Args:
        among: only those of these ids; unknown ones are left out.
        since: those that were asked for before are no longer told.
        after: the marker of the page before (its last one's id).
    """
    scope = cluster.scope
    statement = select(_t.id).where(
        _t.project_id == scope.project_id,
        _t.region == scope.region,
        _t.cluster_id == cluster.id,
        _t.requested_at >= since,
    )
    if among:
        statement = statement.where(_t.id.in_(list(among)))
    last = None if after is None else REFRESHES.one(conn, scope, id=after, cluster_id=cluster.id)
    if last is not None:
        older = and_(_t.requested_at == last.requested_at, _t.id < last.id)
        statement = statement.where(or_(_t.requested_at < last.requested_at, older))
    ordered = statement.order_by(_t.requested_at.desc(), _t.id.desc()).limit(limit + 1)
    ids = list(conn.execute(ordered).scalars())
    found = REFRESHES.of(conn, scope, ids[:limit])
    items = [found[each] for each in ids[:limit] if each in found]
    return Page(items, items[-1].id if len(ids) > limit and items else None)
