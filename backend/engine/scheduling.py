"""Schedules that are due: their clusters are given what they say, in turn, in one transaction with their next runs.

A cluster's schedules run in the order of their times: whoever has one of them at work runs all that are due. What was
due several times while no engine worked is done once, at its last time. No call to the cloud is made.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from random import Random

from backend.domain.activity import ActivityKind, ActivityStatus, Cause, CauseKind, Reason, ReasonKind, over
from backend.domain.cluster import Cluster, ClusterStatus, Process
from backend.domain.cluster_findings import BoundsCrossed, CapacityOutOfBounds
from backend.domain.ids import new_id
from backend.domain.schedules import Schedule
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.errors import Finding
from backend.policies import bounds, recurrence
from backend.store import clusters, intents, journal, schedules
from backend.store.schedules import ScheduleLease
from backend.store.session import Connection

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of a schedule.

    Attributes:
        wanted_at: the time that it was due.
        refusal: why nothing came of it.
        skipped: the cluster follows no schedules now.
    """

    schedule: Schedule
    wanted_at: datetime
    refusal: Finding | None = None
    skipped: bool = False


def follow(context: Context, lease: ScheduleLease) -> Job:
    """The job of a schedule that is due, and of all others of its cluster that are."""
    runs: Sequence[_Run] = yield Write(partial(_follow, context, lease))
    for run in runs:
        context.count("schedules_failed" if run.refusal else "schedules_skipped" if run.skipped else "schedules_run")
        what = f"cluster={run.schedule.cluster_name!r} project={lease.scope.project_id} region={lease.scope.region}"
        what = f"{what} schedule={run.schedule.name!r} due={run.wanted_at.isoformat()}"
        if run.refusal is not None:
            LOG.warning("%s cannot be followed: %r", what, run.refusal)
        else:
            LOG.info("%s %s", what, "skipped: suspended" if run.skipped else "done")


def _follow(context: Context, lease: ScheduleLease, conn: Connection) -> Sequence[_Run]:
    cluster = clusters.lock_by_id(conn, lease.cluster_id)
    if schedules.LEASED.fence(conn, lease) is None:
        return ()
    if cluster is None:
        schedules.LEASED.forget(conn, lease)
        return ()
    now = context.now()
    here = schedules.of_cluster(conn, cluster.scope, cluster.id).values()
    due = [each for each in here if each.next_at is not None and each.next_at <= now]
    runs = []
    for wanted_at, schedule in sorted(((_last_time(each, now), each) for each in due), key=lambda one: one[0]):
        rng = context.rng("schedule", *lease.key, lease.epoch, schedule.id)
        runs.append(_run(conn, schedule, wanted_at, now, rng))
        _move_on(conn, cluster, schedule, now)
    mine = schedules.SCHEDULES.one(conn, cluster.scope, id=lease.schedule_id)
    if mine is not None and _is_over(mine, now):
        schedules.LEASED.forget(conn, lease)
    elif mine is not None:
        schedules.LEASED.release(conn, lease, mine.due_at)
    return runs


def _last_time(schedule: Schedule, now: datetime) -> datetime:
    """The last of the times at which it was due."""
    assert schedule.next_at is not None
    if schedule.recurrence is None:
        return schedule.next_at
    last = recurrence.last_run(schedule.recurrence, schedule.zone, min(now, schedule.ends_at or now))
    return max(last, schedule.next_at)


def _run(conn: Connection, schedule: Schedule, wanted_at: datetime, now: datetime, rng: Random) -> _Run:
    """Give the cluster what the schedule says; what cannot be is told in the cluster's journal."""
    cluster = clusters.lock_by_id(conn, schedule.cluster_id)
    assert cluster is not None
    if cluster.status is ClusterStatus.DELETING or not cluster.runs(Process.SCHEDULED_ACTIONS):
        return _Run(schedule, wanted_at, skipped=True)
    spec = cluster.spec
    given = {"minimum": schedule.minimum, "maximum": schedule.maximum, "desired": schedule.desired}
    values = {name: value for name, value in given.items() if value is not None}
    try:
        minimum, maximum, desired = bounds.changed(spec, values)
    except (BoundsCrossed, CapacityOutOfBounds) as refusal:
        journal.begin(
            conn,
            [
                over(
                    new_id(rng),
                    cluster,
                    ActivityKind.SCHEDULE,
                    ActivityStatus.FAILED,
                    causes=(Cause(CauseKind.SCHEDULE_DUE, now, {"schedule": schedule.name}),),
                    at=now,
                    reason=_reason(refusal),
                )
            ],
        )
        return _Run(schedule, wanted_at, refusal)
    told = {"minimum": minimum, "maximum": maximum, "desired": desired, "before": spec.desired, "after": desired}
    also = {name: value for name, value in (("minimum", minimum), ("maximum", maximum)) if getattr(spec, name) != value}
    intents.desire(conn, cluster, desired, now, Cause(CauseKind.SCHEDULED_ACTION, now, told), **also)
    return _Run(schedule, wanted_at)


def _reason(refusal: BoundsCrossed | CapacityOutOfBounds) -> Reason:
    data = {"minimum": refusal.minimum, "maximum": refusal.maximum}
    if isinstance(refusal, BoundsCrossed):
        return Reason(ReasonKind.BOUNDS_CROSSED, data)
    return Reason(ReasonKind.OUT_OF_BOUNDS, {**data, "desired": refusal.desired})


def _move_on(conn: Connection, cluster: Cluster, schedule: Schedule, now: datetime) -> None:
    """Write its next run; one that runs once goes, one that has none before its end waits for that."""
    if schedule.recurrence is None:
        schedules.remove(conn, cluster.scope, schedule.id)
        return
    coming: datetime | None = recurrence.next_run(schedule.recurrence, schedule.zone, now)
    if coming is not None and schedule.ends_at is not None and coming > schedule.ends_at:
        coming = None
    schedules.write(conn, cluster.scope, replace(schedule, next_at=coming))


def _is_over(schedule: Schedule, now: datetime) -> bool:
    return schedule.next_at is None and (schedule.ends_at is None or schedule.ends_at <= now)
