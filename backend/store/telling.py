"""Ends of nodes' moves, told to others: messages in the transaction in which the journal's entries end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from backend.domain.activity import Activity, ActivityStatus, Reason, ReasonKind
from backend.domain.changes import Ending
from backend.domain.cluster import Cluster
from backend.domain.ids import derived_uuid
from backend.domain.lifecycle import WAYS
from backend.domain.messages import EVERYWHERE, Message, MessageKind
from backend.store import journal, notifications, outbox, rows
from backend.store.batches import chunks
from backend.store.listening import Audience
from backend.store.tables import activities
from backend.store.types import to_micros

_OPEN = (
    select(activities)
    .where(
        activities.c.id.in_(bindparam("ids", expanding=True)),
        activities.c.ended == 0,
        activities.c.kind.in_([str(kind) for kind in WAYS]),
    )
    .order_by(activities.c.id)
)


def end(audience: Audience, activity_ids: Sequence[str], ending: Ending, now: datetime) -> None:
    """End entries as ``journal.end`` does, and tell whoever hears of the cluster's nodes."""
    conn = audience.conn
    if _is_told(ending.status, ending.reason) and audience.topics is not None:
        found = [
            rows.activity_of(row)
            for chunk in chunks(sorted(activity_ids))
            for row in conn.execute(_OPEN, {"ids": chunk})
        ]
        _tell(audience, [(each, _over(each, ending, now)) for each in found])
    journal.end(conn, activity_ids, ending.status, now, ending.reason)


def begun(audience: Audience, entries: Sequence[Activity]) -> None:
    """Tell of those of new entries that end as they begin."""
    over = [each for each in entries if each.ended_at is not None and each.kind in WAYS]
    _tell(audience, [(each, each) for each in over if _is_told(each.status, each.reason)])


def _is_told(status: ActivityStatus, reason: Reason | None) -> bool:
    """What was overtaken by another request is not told: the move that follows is."""
    if status is ActivityStatus.CANCELLED:
        return reason is not None and reason.kind is ReasonKind.ABANDONED
    return True


def _over(entry: Activity, ending: Ending, now: datetime) -> Activity:
    return replace(entry, status=ending.status, progress=100, ended_at=now, reason=ending.reason)


def _tell(audience: Audience, ended: Sequence[tuple[Activity, Activity]]) -> None:
    if ended and (topics := audience.topics) is not None:
        told = [
            message(audience.cluster, was, entry, target)
            for was, entry in ended
            for target in (*notifications.hearing(topics, entry), EVERYWHERE)
        ]
        outbox.add(audience.conn, told)


def message(cluster: Cluster, was: Activity, entry: Activity, target: str) -> Message:
    """What a target is told of an entry that ended; the id is the same however often that is asked for.

    Args:
        was: the entry before its end: what it was at, then, is told too.
    """
    assert entry.ended_at is not None
    written = rows.activity_values(entry)
    data: dict[str, Any] = {
        name: written[name]
        for name in ("id", "kind", "status", "progress", "causes", "reason", "server_id", "zone", "subnet_id")
    }
    origin, destination = WAYS[entry.kind]
    data |= {
        "stage": str(was.status),
        "started_at": to_micros(entry.started_at),
        "ended_at": to_micros(entry.ended_at),
        "origin": str(origin),
        "destination": str(destination),
    }
    return Message.about(
        cluster,
        MessageKind.ACTIVITY,
        target,
        data=data,
        at=entry.ended_at,
        id=derived_uuid("activity", entry.id, target),
    )
