"""What a pool says of its members, written into rows; members of ours that no node stands behind are taken out.

One listing a look. A pool that cannot be asked says nothing about any member.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from backend.domain.traffic import MemberHealth, Registration, RegistrationState
from backend.drivers import errors
from backend.drivers.balancing import PoolMember, Target
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call
from backend.store import clusters, leases, sightings, traffic, wakes, watches
from backend.store.leases import PoolLease
from backend.store.session import Connection

_UNSETTLED = frozenset({RegistrationState.ADDING, RegistrationState.LEAVING, RegistrationState.REMOVING})
_VERDICTS = frozenset({MemberHealth.HEALTHY, MemberHealth.UNHEALTHY})


@dataclass(slots=True)
class _Look:
    """One look at a pool.

    Attributes:
        strays: members of ours that no registration tells of.
        empty: nothing of ours was seen, and nothing is registered.
        busy: something is to be seen soon.
    """

    context: Context
    lease: PoolLease
    started: datetime
    strays: list[Target] = field(default_factory=list)
    empty: bool = False
    busy: bool = False

    def record(self, members: Sequence[PoolMember], conn: Connection) -> bool:
        """Write what was seen; False when the lease was lost."""
        seen = {Target(one.owner, one.address, one.port): one.health for one in members if one.owner is not None}
        clusters.lock_many(conn, self._concerned(conn, seen))
        if not leases.fence_pool(conn, self.lease):
            return False
        registered = traffic.of_pool(conn, self.lease.pool_id)
        expected = {_target(each): each for each in registered}
        self.strays = [target for target in seen if target not in expected]
        self.empty = not seen and not registered
        self.busy = any(each.state in _UNSETTLED for each in registered) or MemberHealth.INITIAL in seen.values()
        self._missing(conn, [each for target, each in expected.items() if target not in seen])
        told = [(each, seen[target]) for target, each in expected.items() if target in seen]
        self._healths(conn, [(each, health) for each, health in told if each.health is not health])
        return True

    def _concerned(self, conn: Connection, seen: Mapping[Target, MemberHealth]) -> set[str]:
        """The clusters that this is news to: passes hold theirs when they want its pool, so they are taken first."""
        registered = traffic.of_pool(conn, self.lease.pool_id)
        return {each.cluster_id for each in registered if seen.get(_target(each)) is not each.health}

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
        """Look again soon while something is to be seen, later while nothing is, never where nothing of ours is."""
        if not leases.fence_pool(conn, self.lease):
            return
        settings, now = self.context.settings, self.context.now()
        if self.empty and not traffic.of_pool(conn, self.lease.pool_id):
            leases.forget_pool(conn, self.lease)
        else:
            soon = self.busy or bool(self.strays)
            leases.release_pool(conn, self.lease, now + (settings.pool_busy if soon else settings.pool_idle))


def look_at_pool(context: Context, lease: PoolLease) -> Job:
    """The job of one look: yields the calls it waits for, and is sent their answers."""
    look = _Look(context, lease, context.now())
    balancing, scope = context.cloud.balancing, lease.scope
    (answer,) = yield [Call(scope, partial(_ask, balancing.members, scope, lease.pool_id))]
    if isinstance(answer, errors.PoolNotFound):
        answer = []
    if isinstance(answer, errors.CloudError):
        context.count("unreached")
        refused = isinstance(answer, errors.Refused)
        pause = context.settings.refused_retry if refused else context.settings.cloud_retry
        yield Write(lambda conn: leases.release_pool(conn, lease, context.now() + pause))
        return
    context.count("listings")
    if not (yield Write(partial(look.record, answer))):
        return
    if look.strays:
        context.count("orphans", len(look.strays))
        yield [Call(scope, partial(_ask, balancing.remove_members, scope, lease.pool_id, look.strays))]
    yield Write(look.release)


def _target(registration: Registration) -> Target:
    return Target(registration.node_id, registration.address, registration.port)


def _key(registration: Registration) -> traffic.Key:
    return registration.node_id, registration.pool_id


def _ask(question: Callable[..., Any], *arguments: Any) -> Any:
    """The answer, or what the cloud says instead of one."""
    try:
        return question(*arguments)
    except errors.CloudError as error:
        return error
