"""The end of old records: some at a time, the oldest first, kept in an archive before where there is one.

One engine at a time takes of a kind, since what is archived is deleted by another transaction than it was read by. A
record that was archived and not deleted, because the engine died between, is archived again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from backend.drivers.archives import Archive, NotArchived, Sheaf, sheaf_of
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call
from backend.engine.settings import EngineSettings
from backend.store import garbage
from backend.store.garbage import Batch, ScavengeLease
from backend.store.session import Connection

_IN_A_ROW: Final = 10
"""Batches of what is not archived that go without a pause; then others have their turn."""
LOG = logging.getLogger(__name__)

RETENTIONS: Final[Mapping[str, str]] = {
    garbage.ACTIVITIES.name: "activity_retention",
    garbage.REFRESHES.name: "activity_retention",
    garbage.CLAIMS.name: "claim_retention",
    garbage.TOKENS.name: "token_retention",
    garbage.DIRECT.name: "token_retention",
    garbage.SESSIONS.name: "session_retention",
    garbage.LETTERS.name: "letter_retention",
    garbage.ALARM_HISTORY.name: "alarm_history_retention",
    garbage.FORESEEN.name: "forecast_retention",
    garbage.MINUTES.name: "minute_retention",
    garbage.FIVES.name: "five_minute_retention",
    garbage.HOURS.name: "hour_retention",
    garbage.SERIES.name: "hour_retention",
}
"""Kind of records -> the setting that says how long they are kept; of others the row tells when it ends."""


def before(settings: EngineSettings, kind: str, now: datetime) -> datetime:
    """What of that kind is older than this may go."""
    kept: timedelta = getattr(settings, RETENTIONS[kind]) if kind in RETENTIONS else timedelta(0)
    return now - kept


def look(context: Context) -> timedelta:
    """Have those kinds scavenged of which anything is old; it only reads where nothing is."""
    now = context.now()
    for kind in garbage.KINDS.values():
        with context.store.read() as conn:
            waits = garbage.waits(conn, kind, before(context.settings, kind.name, now))
        if waits:
            context.store.transact(partial(garbage.demand, kind=kind, now=now))
    return context.settings.garbage


def scavenge(context: Context, lease: ScavengeLease) -> Job:
    """The job of one kind: one batch, and the next after a pause; of what no archive could want, some in a row."""
    kind, settings, archive = garbage.KINDS.get(lease.kind), context.settings, context.archive
    if kind is None:  # a newer engine knows it
        context.store.transact(partial(garbage.LEASED.release, lease=lease, due_at=context.now() + settings.garbage))
        return
    kept = archive is not None and kind.kept
    for left in reversed(range(1 if kind.kept else _IN_A_ROW)):
        end = before(settings, kind.name, context.now())
        with context.store.read() as conn:
            batch = garbage.oldest(conn, kind, end, settings.garbage_rows, records=kept)
        if archive is not None and kept and batch.first is not None:
            (fault,) = yield [Call(lease.scope, partial(_keep, archive, kind.name, batch.first, batch))]
            if fault is not None:
                LOG.warning("old %s stay, they could not be archived: %s", kind.name, fault)
                context.count("archive_faults")
                due_at = context.now() + settings.refused_retry
                context.store.transact(partial(garbage.LEASED.release, lease=lease, due_at=due_at))
                return
        full = len(batch.keys) >= settings.garbage_rows
        if not (yield Write(partial(_drop, context, lease, batch, end, last=not (full and left)))):
            return
        context.count("scavenged", len(batch.keys))
        if not full:
            return


def _keep(archive: Archive, kind: str, oldest: datetime, batch: Batch) -> Exception | None:
    """What came between; None: all of it is in the archive."""
    sheaf: Sheaf = sheaf_of(kind, oldest, batch.records)
    try:
        archive.keep(sheaf)
    except NotArchived as error:
        return error
    return None


def _drop(context: Context, lease: ScavengeLease, batch: Batch, end: datetime, conn: Connection, *, last: bool) -> bool:
    """Delete them; False where somebody else has the kind by now.

    Args:
        last: give the kind back.
    """
    if garbage.LEASED.fence(conn, lease) is None:
        return False
    settings, kind = context.settings, garbage.KINDS[lease.kind]
    garbage.drop(conn, kind, batch.keys, end)
    if len(batch.keys) < settings.garbage_rows:
        garbage.LEASED.forget(conn, lease)
    elif last:
        pause = settings.garbage_pause if kind.kept else timedelta(0)
        garbage.LEASED.release(conn, lease, context.now() + pause)
    return True
