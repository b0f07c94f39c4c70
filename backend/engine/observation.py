"""What the cloud says of a project's servers, written into rows; servers that nobody owns are ended. Plans nothing.

One listing of changes a look, a complete one now and then: what that one lacks is asked for by itself before it counts
as gone, since listings lag. A cloud that cannot be asked says nothing about any server.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from backend.domain.addresses import Holder
from backend.domain.node import ENDED_STATUSES, ServerStatus
from backend.domain.scope import Scope
from backend.drivers import errors
from backend.drivers.compute import Server
from backend.engine import delegation, sweeps
from backend.engine.conclusion import sighting
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call, answer_of
from backend.engine.loose_ports import PortSweep
from backend.engine.settings import EngineSettings
from backend.engine.volume_health import VolumeLook
from backend.store import addresses, clusters, launch_addresses, leases, orphans, sightings, wakes, watches
from backend.store.launch_addresses import LAUNCH_ADDRESSES
from backend.store.leases import WatchLease
from backend.store.orphans import Orphans
from backend.store.session import Connection
from backend.store.sightings import Sighting

LOG = logging.getLogger(__name__)
_MANY = 500
_FEW = 3


@dataclass(slots=True)
class _Look:
    """One look at a project's servers.

    Attributes:
        started: changes up to then are seen when it succeeds.
        full: a complete listing is part of it.
        glance: only servers that are built are looked for; what it does not tell remains to be seen.
        took: until the cloud had told what changed.
        complete: everything that a complete listing lacked was asked for.
        empty: no server with a token was seen in a complete listing, nor a port that a server may have or leave.
        strangers: servers with a token that belong to no node and are not known to be this installation's.
    """

    context: Context
    lease: WatchLease
    started: datetime
    full: bool
    glance: bool
    took: timedelta = timedelta()
    complete: bool = True
    empty: bool = False
    strangers: set[str] = field(default_factory=set)

    @property
    def scope(self) -> Scope:
        return self.lease.scope

    def is_held(self, conn: Connection) -> bool:
        """Whether the look still holds its watch, whose row is locked from now on."""
        return leases.fence_watch(conn, self.lease)

    def record(self, servers: Sequence[Sighting], conn: Connection) -> bool:
        """Write what was seen; False when the lease was lost."""
        sightings.lock_concerned(conn, self.scope, servers)
        if not self.is_held(conn):
            return False
        now = self.context.now()
        recorded = sightings.record(conn, self.scope, servers)
        sweeps.note(conn, self.scope, recorded.unowned, now)
        self.strangers.update(recorded.strangers)
        wakes.wake(conn, recorded.cluster_ids, now)
        self._lead_addresses(servers, now, conn)
        if recorded.cluster_ids:
            watches.tally(conn, self.scope, *sightings.service_counts(conn, self.scope))
        return True

    def _lead_addresses(self, servers: Sequence[Sighting], now: datetime, conn: Connection) -> None:
        """Have public addresses taken for servers that are to have one, and given back of those that are gone."""
        gone = [one.server_id for one in servers if one.missing or one.status in ENDED_STATUSES]
        wanting = {one.server_id for one in servers if one.wants_address}.difference(gone)
        if wanting:
            launch_addresses.want(conn, self.scope, wanting, now)
        if gone:
            launch_addresses.pull(conn, self.scope, gone, now)
            addresses.note_ending(conn, self.scope, gone, now)

    def forget_orphans(self, listed: Collection[str], conn: Connection) -> None:
        """What a complete listing did not tell is nobody's orphan any more, and its public address is looked at."""
        if self.is_held(conn):
            sweeps.keep(conn, self.scope, listed)
            launch_addresses.missing(conn, self.scope, listed, self.started, self.context.now())

    def _pause(self, moving: int) -> timedelta:
        settings = self.context.settings
        if not moving:
            return settings.watch_idle
        rest = min(self.took * settings.watch_rest, settings.watch_busy * moving / _FEW, settings.watch_idle)
        return max(settings.watch_busy, rest)

    def release(self, conn: Connection) -> int:
        """Look again soon while something moves, later while nothing does, never where nothing was for a while.

        Not at once: what an engine that died had asked for may still arrive, and nobody else would find it.

        Returns:
            How many servers rest until an operator's word, where that begins with this look.
        """
        if self.lease.refused_since is not None:
            clusters.lock_names(conn, self.scope)  # all of them are woken: clusters are locked before their watch
        if not self.is_held(conn):
            return 0
        settings, now = self.context.settings, self.context.now()
        if self.lease.refused_since is not None:
            delegation.note_readmitted(conn, self.lease, now)
        found = orphans.everywhere(conn, self.scope)
        resting = sweeps.tell(self.context, self.scope, found, len(self.strangers) if self.full else None, conn)
        due_at = now + self._pause(sightings.moving(conn, self.scope, _MANY))
        ends_at = sweeps.ends_at(self.context, found, conn, self.scope)
        if ends_at is not None:
            due_at = min(due_at, max(ends_at, now + settings.cloud_retry))  # those that cannot be asked stay due
        elif self.full and not self.empty and not sightings.any_node(conn, self.scope):
            due_at = now + settings.watch_full  # what is left is not ours to touch: it is looked at now and then
        empty_since = self._empty_since(conn, found)
        full_due_at = self.lease.full_due_at
        if self.full and empty_since is not None and now - empty_since >= settings.parting:
            watches.forget(conn, self.scope, self.lease.epoch)
            return resting
        if self.full:
            full_due_at = now + (settings.watch_full if self.complete else settings.watch_again)
            if empty_since is not None:
                full_due_at = min(full_due_at, empty_since + settings.parting)  # what may come meanwhile does not wait
        seen_until = self.lease.seen_until if self.glance else self.started
        leases.release_watch(conn, self.lease, due_at, seen_until, full_due_at, empty_since=empty_since)
        return resting

    def _any_address(self, conn: Connection) -> bool:
        """Whether a server has a public address that is to be given back when it is gone."""
        return LAUNCH_ADDRESSES.count(conn, self.scope, holder=Holder.SERVER) > 0

    def _empty_since(self, conn: Connection, found: Sequence[Orphans]) -> datetime | None:
        """Since when nothing of ours is there: a complete listing tells that it is so, any that it is no more."""
        if found or sightings.any_node(conn, self.scope) or self._any_address(conn):
            return None
        if self.full:
            return (self.lease.empty_since or self.started) if self.empty else None
        return self.lease.empty_since


def observe(context: Context, lease: WatchLease) -> Job:
    """The job of one look: yields the calls it waits for, and is sent their answers."""
    started = context.now()
    full = lease.full_due_at is None or lease.full_due_at <= started or lease.seen_until is None
    compute, scope = context.cloud.compute, lease.scope
    look = _Look(context, lease, started, full, not full and _glances(context, lease, started))
    since = started if lease.seen_until is None else changes_since(lease.seen_until, started, context.settings)
    changed = partial(_sight, context, compute.list_changed, scope, since, built=look.glance)
    if (yield from _listed(look, Call(scope, changed))) is None:
        return
    look.took = context.now() - started
    if full:
        listed = yield from _listed(look, Call(scope, partial(_sight, context, compute.list, scope), heavy=True))
        if listed is None:
            return
        look.empty = not any(one.launch_id for one in listed)
        ids = {one.server_id for one in listed}
        yield from _confirm(look, ids)
        yield Write(partial(look.forget_orphans, ids))
    if not look.glance:
        yield from VolumeLook(context, scope, look.is_held).run()
    context.unreached.discard(scope)
    ports = PortSweep(context, scope, look.is_held)
    if full and (yield from ports.look()):
        look.empty = False
    yield from sweeps.ServerSweep(context, scope, look.is_held).run()
    yield from ports.run()
    resting = yield Write(look.release)
    if resting:
        yield Write(partial(sweeps.enter, context, scope, resting))


def _listed(look: _Look, listing: Call) -> Generator[Sequence[Call] | Write, Any, Sequence[Sighting] | None]:
    """What a listing shows, written at once; None where the look ends with it, and has been given back.

    The light listing comes first: few complete ones are under way at once, and they may wait long for each other.
    A project that does not answer takes no place among those.
    """
    context, lease = look.context, look.lease
    (answer,) = yield [listing]
    if isinstance(answer, errors.NotAuthorized):
        _tell_refused(lease, answer)
        context.count("refused")
        if (yield Write(partial(delegation.note_refused, context, lease, answer))):
            context.measures.delegation_ended(look.scope)
        return None
    if isinstance(answer, errors.CloudError):
        _tell_unreached(context, look.scope, answer)
        context.count("unreached")
        yield Write(partial(_release_unseen, context, lease))
        return None
    context.count("listings", 1)
    return answer if (yield Write(partial(look.record, answer))) else None


def _tell_refused(lease: WatchLease, error: errors.NotAuthorized) -> None:
    LOG.warning(
        "project=%s region=%s refuses to be looked at: %s cloud-request=%s",
        lease.scope.project_id,
        lease.scope.region,
        error,
        error.request_id or "-",
    )


def _tell_unreached(context: Context, scope: Scope, error: errors.CloudError) -> None:
    """Once, until it is reached again: it is asked every few seconds. The words name the cloud's request, if any."""
    if scope not in context.unreached:
        context.unreached.add(scope)
        LOG.warning("project=%s region=%s could not be asked: %s", scope.project_id, scope.region, error)


def changes_since(seen_until: datetime, now: datetime, settings: EngineSettings) -> datetime:
    """From when on changes are listed: from before the last look, for clocks differ and listings lag.

    The first listing in each ``watch_idle`` reaches back so far that what is told late is in one of these, whatever
    those between them miss.
    """
    if _is_between(seen_until, now, settings):
        return seen_until - settings.watch_glance
    return seen_until - settings.watch_overlap - settings.watch_idle


def _is_between(seen_until: datetime, now: datetime, settings: EngineSettings) -> bool:
    every = settings.watch_idle.total_seconds()
    return every > 0 and seen_until.timestamp() // every == now.timestamp() // every


def _glances(context: Context, lease: WatchLease, now: datetime) -> bool:
    """Whether it is enough to look for servers that were built: between two looks at all, while none leaves.

    What the cloud told of may have happened to any server.
    """
    if lease.seen_until is None or not _is_between(lease.seen_until, now, context.settings):
        return False
    if lease.told_at is not None and lease.told_at >= lease.seen_until:
        return False
    with context.store.read() as conn:
        return not sightings.leaving(conn, lease.scope)


def _oldest_first(servers: Sequence[Server]) -> list[Server]:
    return sorted(servers, key=lambda server: (server.created_at, server.index, server.id))


def _release_unseen(context: Context, lease: WatchLease, conn: Connection) -> None:
    leases.put_off_watch(conn, lease, context.now() + context.settings.cloud_retry)


def _confirm(look: _Look, listed: set[str]) -> Job:
    """Ask for each server that the complete listing lacks: gone is only what the cloud says is gone."""
    context, scope = look.context, look.scope
    with context.store.read() as conn:
        missing = sightings.missing(conn, scope, listed, look.started)
    if not missing:
        return
    asked = missing[: context.settings.confirmations]
    look.complete = len(asked) == len(missing)
    answers = yield [Call(scope, partial(answer_of, context.cloud.compute.get, scope, server)) for server in asked]
    seen = []
    for server_id, answer in zip(asked, answers, strict=True):
        if isinstance(answer, errors.ServerNotFound):
            seen.append(Sighting(server_id, ServerStatus.DELETED, context.now(), missing=True))
        elif isinstance(answer, Server):
            seen.append(sighting(answer))
        else:
            look.complete = False
    yield Write(partial(look.record, seen))


def _sight(
    context: Context, question: Callable[..., Sequence[Server]], *arguments: Any, **options: Any
) -> list[Sighting] | errors.CloudError:
    """What a listing shows, reduced where it arrives: whole servers are many times as large."""
    answer = answer_of(partial(question, *arguments, **options))
    if isinstance(answer, errors.CloudError):
        return answer
    return [sighting(server, sweeps.maker(context, server)) for server in _oldest_first(answer)]
