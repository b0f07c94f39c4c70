"""Schedules of clusters: written, listed and deleted. An engine follows them; see engine/scheduling.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import uuid4

from backend.clock import Clock
from backend.domain.cluster import Cluster
from backend.domain.page import Page
from backend.domain.quotas import Quota
from backend.domain.schedule_findings import ScheduleNotFound, ScheduleRefused, ScheduleTimeTaken
from backend.domain.schedules import Flaw, Schedule, WantedSchedule
from backend.domain.scope import Scope
from backend.errors import Finding
from backend.policies import recurrence
from backend.policies.recurrence import Unreadable
from backend.store import intents, quotas, schedules
from backend.store.schedules import ScheduleQuery
from backend.store.session import Connection, Store

__all__ = ["ScheduleQuery", "Schedules"]

Failures = Sequence[tuple[str, Finding]]
"""(name of a schedule, why nothing came of it)."""


class Schedules:
    """Writes, lists and deletes schedules."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def put(self, scope: Scope, cluster_name: str, wanted: WantedSchedule) -> None:
        """Write a schedule in the place of the one of its name: what is not given is not kept.

        A start that has passed is refused, but for one that the schedule was told to have by us, which is what clients
        send again that keep what they read: then its next run is found anew.

        Raises:
            ClusterNotFound, ClusterDeleting
            ScheduleRefused: see domain.schedules.Flaw.
            ScheduleTimeTaken, LimitExceeded
        """
        for _, finding in self.put_all(scope, cluster_name, (wanted,)):
            raise finding

    def put_all(self, scope: Scope, cluster_name: str, wanted: Sequence[WantedSchedule]) -> Failures:
        """As ``put``, one after another; those that are refused, while the others are written.

        Raises:
            ClusterNotFound, ClusterDeleting
        """
        now = self._clock.now()

        def work(conn: Connection) -> Failures:
            cluster = intents.lock(conn, scope, cluster_name)
            here = schedules.of_cluster(conn, scope, cluster.id)
            failures: list[tuple[str, Finding]] = []
            for each in wanted:
                try:
                    made = _made(cluster, each, here, now, partial(quotas.check, conn, scope, Quota.SCHEDULES))
                except Finding as finding:
                    failures.append((each.name, finding))
                else:
                    schedules.write(conn, scope, made)
                    here[made.name] = made
            return failures

        return self._store.transact(work)

    def remove(self, scope: Scope, cluster_name: str, name: str) -> None:
        """Delete a schedule.

        Raises:
            ClusterNotFound, ClusterDeleting, ScheduleNotFound
        """
        for _, finding in self.remove_all(scope, cluster_name, (name,)):
            raise finding

    def remove_all(self, scope: Scope, cluster_name: str, names: Sequence[str]) -> Failures:
        """Delete schedules; those that are not there.

        Raises:
            ClusterNotFound, ClusterDeleting
        """

        def work(conn: Connection) -> Failures:
            cluster = intents.lock(conn, scope, cluster_name)
            here = schedules.of_cluster(conn, scope, cluster.id)
            for name in dict.fromkeys(names):
                if name in here:
                    schedules.remove(conn, scope, here[name].id)
            return [(name, ScheduleNotFound(name)) for name in dict.fromkeys(names) if name not in here]

        return self._store.transact(work)

    def page(
        self, scope: Scope, query: ScheduleQuery, *, limit: int, after: tuple[str, str] | None = None
    ) -> Page[Schedule]:
        """Schedules by cluster name and name; those of clusters and names that are unknown are left out."""
        with self._store.read() as conn:
            return schedules.page(conn, scope, query, limit, after)


def _made(
    cluster: Cluster,
    wanted: WantedSchedule,
    here: Mapping[str, Schedule],
    now: datetime,
    check_room: Callable[[int], None],
) -> Schedule:
    """What is written for what was asked for.

    Args:
        here: the cluster's schedules by name.
        check_room: raises LimitExceeded where there may not be so many.

    Raises:
        ScheduleRefused, ScheduleTimeTaken, LimitExceeded
    """
    _check_sizes(wanted)
    before = here.get(wanted.name)
    if before is None:
        check_room(len(here) + 1)
    first = _first_run(wanted, before, now)
    others = (each for each in here.values() if each.name != wanted.name)
    if first is not None and any(each.next_at == first for each in others):
        raise ScheduleTimeTaken(wanted.name)
    return Schedule(
        id=str(uuid4()) if before is None else before.id,
        cluster_id=cluster.id,
        cluster_name=cluster.name,
        name=wanted.name,
        created_at=now if before is None else before.created_at,
        first_at=first,
        next_at=first,
        ends_at=wanted.ends_at,
        recurrence=wanted.recurrence,
        zone=wanted.zone,
        minimum=wanted.minimum,
        maximum=wanted.maximum,
        desired=wanted.desired,
    )


def _check_sizes(wanted: WantedSchedule) -> None:
    """Refuse sizes that fit no cluster; whether they fit this one is seen when they are due."""
    minimum, maximum, desired = wanted.minimum, wanted.maximum, wanted.desired
    if minimum is maximum is desired is None:
        raise ScheduleRefused(Flaw.NOTHING_TO_SET)
    for flaw, size in (
        (Flaw.NEGATIVE_MINIMUM, minimum),
        (Flaw.NEGATIVE_MAXIMUM, maximum),
        (Flaw.NEGATIVE_DESIRED, desired),
    ):
        if size is not None and size < 0:
            raise ScheduleRefused(flaw)
    if minimum is not None and maximum is not None and minimum > maximum:
        raise ScheduleRefused(Flaw.BOUNDS_CROSSED)
    if desired is not None and maximum is not None and desired > maximum:
        raise ScheduleRefused(Flaw.ABOVE_MAXIMUM)
    if desired is not None and minimum is not None and desired < minimum:
        raise ScheduleRefused(Flaw.BELOW_MINIMUM)


def _first_run(wanted: WantedSchedule, before: Schedule | None, now: datetime) -> datetime | None:
    """When it runs first; None where it ends before that."""
    starts_at, ends_at = wanted.starts_at, wanted.ends_at
    if wanted.zone is not None and not recurrence.is_zone(wanted.zone):
        raise ScheduleRefused(Flaw.ZONE, wanted.zone)
    if wanted.recurrence is None:
        coming = None
        if starts_at is None:
            raise ScheduleRefused(Flaw.NO_START)
    else:
        try:
            coming = recurrence.next_run(wanted.recurrence, wanted.zone, now)
        except Unreadable as error:
            raise ScheduleRefused(Flaw.RECURRENCE, wanted.recurrence) from error
    if starts_at is not None and starts_at < now:
        if coming is None or before is None or not _was_told(before, starts_at):
            raise ScheduleRefused(Flaw.START_PASSED)
        starts_at = None
    if ends_at is not None and ends_at < now:
        raise ScheduleRefused(Flaw.END_PASSED)
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise ScheduleRefused(Flaw.END_BEFORE_START)
    first = starts_at or coming
    return None if first is None or (ends_at is not None and first > ends_at) else first


def _was_told(schedule: Schedule, at: datetime) -> bool:
    """Whether lists once told that instant as the schedule's next run: instants are told in whole seconds or finer."""
    if schedule.first_at is not None and schedule.first_at.replace(microsecond=0) == at.replace(microsecond=0):
        return True
    if schedule.recurrence is None or at < schedule.created_at:
        return False
    return recurrence.last_run(schedule.recurrence, schedule.zone, at) == at
