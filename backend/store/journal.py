"""The journal, written: entries begin, move on, are remarked on and end here and nowhere else.

In the transaction that changes what they tell of. Who else is to hear that an activity ended is told by ``telling``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, update

from backend.domain.activity import Activity, ActivityStatus, Reason
from backend.store import rows
from backend.store.batches import chunks
from backend.store.tables import activities

_a = activities.c
_OPEN = (_a.id.in_(bindparam("ids", expanding=True)), _a.ended == 0)
_ADVANCE = update(activities).where(*_OPEN).values(status=bindparam("stage"))
_PROGRESS = _ADVANCE.where(_a.progress <= bindparam("percent")).values(progress=bindparam("percent"))
_NAME_SERVER = update(activities).where(_a.id == bindparam("entry")).values(server_id=bindparam("server"))
_REMARK = (
    update(activities)
    .where(_a.id == bindparam("entry"), _a.ended == 0)
    .values(reason=bindparam("why", type_=_a.reason.type))
)
_UNREMARK = update(activities).where(*_OPEN, _a.reason.is_not(None)).values(reason=None)
_END = (
    update(activities)
    .where(*_OPEN)
    .values(
        status=bindparam("outcome"),
        progress=100,
        ended=1,
        ended_at=bindparam("at"),
        reason=bindparam("why", type_=_a.reason.type),
    )
)


def begin(conn: Connection, entries: Sequence[Activity]) -> None:
    """Write new entries in one round trip; those whose status is final end at once."""
    if entries:
        conn.execute(insert(activities), [rows.activity_values(entry) for entry in entries])


def advance(
    conn: Connection, activity_ids: Sequence[str | None], status: ActivityStatus, *, progress: int | None = None
) -> None:
    """Entries that are still open are in that status now. One that is further than ``progress`` percent stays."""
    statement, values = (_ADVANCE, {}) if progress is None else (_PROGRESS, {"percent": progress})
    for chunk in chunks(_known(activity_ids)):
        conn.execute(statement, {"ids": chunk, "stage": str(status), **values})


def name_servers(conn: Connection, servers: Mapping[str, str]) -> None:
    """The servers of entries became known. ``servers``: activity id -> cloud id."""
    if servers:
        conn.execute(_NAME_SERVER, [{"entry": entry, "server": server} for entry, server in servers.items()])


def remark(conn: Connection, told: Mapping[str, Reason]) -> None:
    """Tell in entries that are still open what keeps them so. ``told``: activity id -> reason."""
    if told:
        conn.execute(_REMARK, [{"entry": entry, "why": rows.reason_document(why)} for entry, why in told.items()])


def unremark(conn: Connection, activity_ids: Sequence[str | None]) -> None:
    """Nothing keeps these entries open any more that needs to be told."""
    for chunk in chunks(_known(activity_ids)):
        conn.execute(_UNREMARK, {"ids": chunk})


def end(
    conn: Connection,
    activity_ids: Sequence[str | None],
    status: ActivityStatus,
    now: datetime,
    reason: Reason | None = None,
) -> None:
    """End these entries where they are still open: an end is never overwritten."""
    values = {"outcome": str(status), "at": now, "why": rows.reason_document(reason)}
    for chunk in chunks(_known(activity_ids)):
        conn.execute(_END, {"ids": chunk, **values})


def forget_cluster(conn: Connection, cluster_id: str) -> None:
    """Mark the entries of a cluster that is being removed."""
    statement = update(activities).where(_a.cluster_id == bindparam("gone_id")).values(cluster_deleted=True)
    conn.execute(statement, {"gone_id": cluster_id})


def _known(activity_ids: Sequence[str | None]) -> list[str]:
    """In one order for every transaction, so that none waits for another in a circle."""
    return sorted({entry for entry in activity_ids if entry is not None})
