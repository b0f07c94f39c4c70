"""Metrics whose hours are over are packed, project by project, some series at a time."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Final

from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.store import metric_packing
from backend.store.metrics import PACKINGS, PackingLease
from backend.store.session import Connection

_SERIES: Final = 100
_POINTS: Final = 5000
"""Packed by one transaction, which holds those who measure them up; more than an hour of one series by the second."""


def pack(context: Context, lease: PackingLease) -> Job:
    """The job of a project: one transaction, and what is left is due at once, so that others have their turn between.

    Packing asks for no fence: a series is held while it is packed, and what was packed twice was packed once.
    """
    work = partial(metric_packing.pack_due, scope=lease.scope, now=context.now(), limit=_SERIES, most=_POINTS)
    context.count("series_packed", (yield Write(work)))
    yield Write(partial(_give_back, lease))


def _give_back(lease: PackingLease, conn: Connection) -> None:
    if PACKINGS.fence(conn, lease) is None:
        return
    due_at: datetime | None = metric_packing.next_due(conn, lease.scope)
    if due_at is None:
        PACKINGS.forget(conn, lease)
    else:
        PACKINGS.release(conn, lease, due_at)
