"""What a pool says of its members, written into rows; members of ours that no node stands behind are swept.

One listing a look. A pool that cannot be asked says nothing about any member.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from backend.domain.activity import ActivityStatus, Cause, CauseKind, Reason, ReasonKind
from backend.domain.traffic import OUTGOING, MemberHealth, Registration, RegistrationState
from backend.drivers import errors
from backend.drivers.balancing import PoolMember, Target
from backend.engine import sweeps
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call, answer_of
from backend.engine.notices import notices
from backend.engine.pauses import Bounds
from backend.store import claimed, clusters, journal, leases, orphans, sightings, traffic, wakes, watches
from backend.store.leases import PoolLease
from backend.store.orphans import Kind, Place
from backend.store.session import Connection

LOG = logging.getLogger(__name__)
_UNSETTLED = frozenset({RegistrationState.ADDING, RegistrationState.LEAVING, RegistrationState.REMOVING})
_STAYING = frozenset({RegistrationState.ADDING, RegistrationState.REGISTERED})
_MINUTE = timedelta(minutes=1)
_LONGEST = timedelta(hours=1)
"""Between two looks for a pool that is missing."""
_HASTE = 10
"""How many times as often pools are looked at where something is to be seen soon."""
_VERDICTS = frozenset({MemberHealth.HEALTHY, MemberHealth.UNHEALTHY})


@dataclass(slots=True)
class _Look:
    """One look at a pool.

    Attributes:
        doomed: members of ours that no registration tells of, and that may be taken out now.
        empty: nothing of ours was seen, and nothing is registered.
        busy: something is to be seen soon.
    """

    context: Context
    lease: PoolLease
    started: datetime
    doomed: list[Target] = field(default_factory=list)
    empty: bool = False
    busy: bool = False

    @property
    def place(self) -> Place:
        return Place(self.lease.scope, Kind.MEMBER, self.lease.pool_id)

    def record(self, members: Sequence[PoolMember], conn: Connection) -> bool:
        """Write what was seen; False when the lease was lost."""
        seen = {Target(one.owner, one.address, one.port): one for one in members if one.owner is not None}
        clusters.lock_many(conn, self._concerned(conn, seen))
        if not leases.fence_pool(conn, self.lease):
            return False
        registered = traffic.of_pool(conn, self.lease.pool_id)
        if self.lease.missing_since is not None:
            self._found_again(conn, registered)
        expected = {_target(each): each for each in registered}
        ours = [target for target, one in seen.items() if self.context.cloud.made(one)]
        self._strays(conn, [target for target in ours if target not in expected])
        self.empty = not ours and not registered
        unsettled = any(each.state in _UNSETTLED for each in registered)
        self.busy = unsettled or any(one.health is MemberHealth.INITIAL for one in seen.values())
        self._missing(conn, [each for target, each in expected.items() if target not in seen])
        told = [(each, seen[target].health) for target, each in expected.items() if target in seen]
        self._healths(conn, [(each, health) for each, health in told if each.health is not health])
        return True

    def _concerned(self, conn: Connection, seen: Mapping[Target, PoolMember]) -> set[str]:
        """The clusters that this is news to: passes hold theirs when they want its pool, so they are taken first."""
        registered = traffic.of_pool(conn, self.lease.pool_id)
        everybody = self.lease.missing_since is not None
        news = [each for each in registered if everybody or _health(seen.get(_target(each))) is not each.health]
        return {each.cluster_id for each in news}

    def _strays(self, conn: Connection, strays: Sequence[Target]) -> None:
        """Members of ours that no row tells of: those that a look found before, long enough ago, may go."""
        owners = {target.owner for target in strays}
        orphans.keep(conn, self.place, owners)
        if not strays:
            return
        now, settings = self.context.now(), self.context.settings
        known = claimed.of(conn, owners)
        orphans.note(conn, self.place, [(owner, owner in known) for owner in sorted(owners)], now)
        rests = sweeps.braked(settings.sweeping, orphans.everywhere(conn, self.lease.scope), Kind.MEMBER)
        due = set(orphans.due(conn, self.place, now - settings.orphan_grace, len(owners), braked=rests))
        self.doomed = [target for target in strays if target.owner in due]
        orphans.asked(conn, self.place, sorted(due), now)

    def record_absence(self, conn: Connection) -> None:
        """The pool does not exist: members of nodes that leave are gone, others join it when it is found again.

        The groups concerned are told once; it is looked for less and less often.
        """
        clusters.lock_many(conn, {each.cluster_id for each in traffic.of_pool(conn, self.lease.pool_id)})
        if not leases.fence_pool(conn, self.lease):
            return
        now, since = self.context.now(), self.lease.missing_since or self.started
        registered = traffic.of_pool(conn, self.lease.pool_id)
        orphans.keep(conn, self.place, ())
        if not registered:
            leases.forget_pool(conn, self.lease)
            return
        pause = Bounds(self.context.settings.refused_retry, _LONGEST).lasting(now - since)
        leaving = [each for each in registered if each.state in OUTGOING]
        staying = [each for each in registered if each.state in _STAYING]
        traffic.put_off(conn, [_key(each) for each in leaving], now)
        wakes.wake(conn, {each.cluster_id for each in leaving}, now)
        traffic.move(conn, [_key(each) for each in staying], RegistrationState.ADDING, now, now + pause)
        leases.release_pool(conn, self.lease, now + pause, missing_since=since)

    def tell_missing(self, conn: Connection) -> None:
        """An entry for each group that the pool is missing to."""
        owners = {each.cluster_id for each in traffic.of_pool(conn, self.lease.pool_id)}
        now = self.context.now()
        cause = Cause(CauseKind.SOURCE_MISSING, now)
        # A row that was forgotten and made anew counts its epochs from the begin: the instant is no other's.
        rng = self.context.rng("missing", self.lease.pool_id, self.lease.epoch, now.isoformat())
        reason = Reason(ReasonKind.SOURCE_NOT_FOUND)
        named = clusters.names(conn, sorted(owners))
        journal.begin(conn, notices(self.lease.scope, named, ActivityStatus.FAILED, cause, rng, reason=reason))

    def _found_again(self, conn: Connection, registered: Sequence[Registration]) -> None:
        now = self.context.now()
        waiting = [each for each in registered if each.state is RegistrationState.ADDING]
        traffic.put_off(conn, [_key(each) for each in waiting], now)
        wakes.wake(conn, {each.cluster_id for each in waiting}, now)

    def _missing(self, conn: Connection, lacking: Sequence[Registration]) -> None:
        """Members that somebody took out: of a node in service it is put back, of one that leaves it is gone."""
        now = self.context.now()
        # What was asked for since the listing began may not be in it yet.
        settled = [each for each in lacking if each.state_at < self.started]
        lost = [each for each in settled if each.state is RegistrationState.REGISTERED]
        ended = [each for each in settled if each.state is RegistrationState.DRAINING]
        traffic.move(conn, [_key(each) for each in lost], RegistrationState.ADDING, now, None)
        traffic.put_off(conn, [_key(each) for each in ended], now)
        wakes.wake(conn, {each.cluster_id for each in (*lost, *ended)}, now)

    def _healths(self, conn: Connection, changed: Sequence[tuple[Registration, MemberHealth]]) -> None:
        now = self.context.now()
        traffic.see(conn, [(_key(each), health) for each, health in changed])
        told = [(each, health) for each, health in changed if {each.health, health} & _VERDICTS]
        wakes.wake(conn, {each.cluster_id for each, _ in told}, now)
        if told:
            watches.tally(conn, self.lease.scope, *sightings.service_counts(conn, self.lease.scope))

    def release(self, conn: Connection) -> None:
        """Look again soon while something is to be seen, later while nothing is, never where nothing was for a while.

        Not at once: what an engine that died had asked for may still arrive, and nobody else would find it.

        The more pools a project has, the less often each is looked at: what they cost together is bounded.
        """
        if not leases.fence_pool(conn, self.lease):
            return
        settings, now = self.context.settings, self.context.now()
        emptied = self.empty and not traffic.of_pool(conn, self.lease.pool_id)
        empty_since = (self.lease.empty_since or self.started) if emptied else None
        if empty_since is not None and now - empty_since >= settings.parting:
            leases.forget_pool(conn, self.lease)
            return
        share = _MINUTE * traffic.pools_of(conn, self.lease.scope) / settings.pool_looks
        pause = max(settings.pool_busy, share / _HASTE) if self.busy else max(settings.pool_idle, share)
        leases.release_pool(conn, self.lease, now + pause, missing_since=None, empty_since=empty_since)


def look_at_pool(context: Context, lease: PoolLease) -> Job:
    """The job of one look: yields the calls it waits for, and is sent their answers."""
    look = _Look(context, lease, context.now())
    balancing, scope = context.cloud.balancing, lease.scope
    (answer,) = yield [Call(scope, partial(answer_of, balancing.members, scope, lease.pool_id))]
    if isinstance(answer, errors.PoolNotFound):
        context.count("listings")
        yield Write(look.record_absence)
        if lease.missing_since is None:
            _tell_missing(lease)
            yield Write(look.tell_missing)
        return
    if isinstance(answer, errors.CloudError):
        context.count("unreached")
        due_at = context.now() + context.pause(lease, answer)
        yield Write(partial(_release_unseen, lease, due_at))
        return
    context.count("listings")
    context.held_up.over(lease)
    if not (yield Write(partial(look.record, answer))):
        return
    if look.doomed:
        context.count("orphans", len(look.doomed))
        LOG.warning(
            "project=%s region=%s pool=%s members of no node, taken out: %s",
            scope.project_id,
            scope.region,
            lease.pool_id,
            [target.owner for target in look.doomed],
        )
        yield [Call(scope, partial(answer_of, balancing.remove_members, scope, lease.pool_id, look.doomed))]
    yield Write(look.release)


def _release_unseen(lease: PoolLease, due_at: datetime, conn: Connection) -> None:
    leases.release_pool(conn, lease, due_at, missing_since=lease.missing_since, empty_since=lease.empty_since)


def _health(member: PoolMember | None) -> MemberHealth | None:
    return None if member is None else member.health


def _target(registration: Registration) -> Target:
    return Target(registration.node_id, registration.address, registration.port)


def _tell_missing(lease: PoolLease) -> None:
    LOG.warning("project=%s region=%s pool=%s is missing", lease.scope.project_id, lease.scope.region, lease.pool_id)


def _key(registration: Registration) -> traffic.Key:
    return registration.node_id, registration.pool_id
