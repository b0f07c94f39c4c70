"""A project that lets the engine no longer in: told once in the journal of each of its clusters, asked again calmly.

Nothing is known of its servers meanwhile, so nothing is done to them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from backend.domain.activity import ActivityStatus, Cause, CauseKind
from backend.drivers import errors
from backend.engine.context import Context
from backend.engine.notices import notices
from backend.engine.pauses import Bounds
from backend.engine.reasons import reason_of
from backend.engine.settings import EngineSettings
from backend.store import backoffs, clusters, journal, leases, wakes
from backend.store.leases import WatchLease
from backend.store.session import Connection


def note_refused(context: Context, lease: WatchLease, error: errors.NotAuthorized, conn: Connection) -> bool:
    """A look was refused: the first of a row, which it tells, is told to every cluster of the project."""
    # All of them are told, so they are locked before their watch.
    named = clusters.lock_names(conn, lease.scope) if lease.refused_since is None else {}
    if not leases.fence_watch(conn, lease):
        return False
    now = context.now()
    if lease.refused_since is None:
        leases.refused_watch(conn, lease, now)
        # A watch that was forgotten and made anew counts its epochs from the begin: the instant is no other's.
        rng = context.rng(lease.scope.project_id, lease.scope.region, lease.epoch, now.isoformat())
        cause, reason = Cause(CauseKind.ACCESS_REFUSED, now), reason_of(error, "", "")
        journal.begin(conn, notices(lease.scope, named, ActivityStatus.FAILED, cause, rng, reason=reason))
    due_at = now + _pause(context.settings, lease.refused_since, now)
    leases.put_off_watch(conn, lease, due_at)
    return lease.refused_since is None


def note_readmitted(conn: Connection, lease: WatchLease, now: datetime) -> None:
    """Looks are let in again: what was put off for the refusal goes on at once."""
    leases.refused_watch(conn, lease, None)
    backoffs.forget_project(conn, lease.scope)
    wakes.wake(conn, clusters.lock_names(conn, lease.scope), now)


def _pause(settings: EngineSettings, since: datetime | None, now: datetime) -> timedelta:
    """As long again as it has lasted, within bounds: nothing needs to be counted for it."""
    return Bounds(settings.cloud_retry, settings.refused_retry).lasting(timedelta(0) if since is None else now - since)
