"""Load balancers brought to what the rows say: one change of a tree at a time, and none while the cloud makes one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any, Final

from backend.domain.addresses import Holder
from backend.domain.balancers import PUBLIC, BalancerState, RegisteredTarget, TargetState
from backend.domain.node import ENDED_STATUSES
from backend.drivers import errors
from backend.drivers.balancer_making import (
    BalancerMaking,
    Endpoint,
    Part,
    PartKind,
    Present,
    Standing,
    Tree,
    digest_of,
)
from backend.drivers.balancer_plans import Wish, balancer_plan
from backend.drivers.balancing import PoolMember
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call, answer_of
from backend.engine.pauses import Bounds
from backend.store import balancers, launch_addresses, wishes
from backend.store.addresses import ADDRESSES
from backend.store.balancers import BALANCERS, TARGETS
from backend.store.leases import BALANCER_LEASES, BalancerLease
from backend.store.session import Connection

LOG = logging.getLogger(__name__)
_STEPS: Final = 400
"""Changes of one tree by one job: enough for the largest; the rest waits for the next."""
_FAILED: Final = timedelta(minutes=5)
_SOON: Final = (errors.Busy, errors.OutcomeUnknown, errors.PoolNotFound)
_LAST: Final = (PartKind.RULE, PartKind.LISTENER, PartKind.BLEND, PartKind.POOL, PartKind.SECRET)
"""What refers to others goes before these."""
_KEPT: Final = frozenset({PartKind.SECRET, PartKind.BLEND, PartKind.POOL})
"""What others may refer to until all of them are as they are wished for."""


@dataclass(frozen=True, slots=True)
class Put:
    """A part that is missing, or is not as it is wished for."""

    part: Part


@dataclass(frozen=True, slots=True)
class Remove:
    """A part that nobody wishes for."""

    present: Present


@dataclass(frozen=True, slots=True)
class Alter:
    """The balancer itself is not as it is wished for."""


Step = Put | Remove | Alter


@dataclass(frozen=True, slots=True)
class Leftover:
    """All is as it is wished for, beside what nobody wishes for and the cloud would not remove; why it would not."""

    refusal: errors.Refused


def next_step(wish: Wish, tree: Tree, unchanged: Collection[str] = ()) -> Step | None:
    """The next change of a tree, None where it is as it is wished for.

    What refers to others goes first and comes last, so that at no time anything refers to what is not there.

    Args:
        unchanged: ids of parts that stay as they are.
    """
    if tree.digest != digest_of(balancer_plan(wish.balancer)):
        return Alter()
    parts = wish.parts()
    wanted = {(part.kind, part.key): part for part in parts}
    here = {(each.kind, each.key): each for each in tree.parts}
    extra = sorted((each for key, each in here.items() if key not in wanted), key=lambda each: _LAST.index(each.kind))
    for each in extra:
        if each.kind not in _KEPT:
            return Remove(each)
    for key, part in wanted.items():
        if key not in here or (here[key].digest != digest_of(part) and here[key].id not in unchanged):
            return Put(part)
    return Remove(extra[0]) if extra else None


@dataclass(slots=True)
class _Tending:
    """One look after one balancer.

    Attributes:
        stays: why the cloud would not remove what nobody wishes for, by its id.
        unchanged: why the cloud would not change a blend, by its id: its pools are unlike by now.
    """

    context: Context
    lease: BalancerLease
    making: BalancerMaking
    wish: Wish
    targets: Mapping[str, list[RegisteredTarget]]
    stays: dict[str, errors.Refused] = field(default_factory=dict)
    unchanged: dict[str, errors.Refused] = field(default_factory=dict)

    @property
    def cloud_id(self) -> str:
        return self.wish.balancer.cloud_id or ""

    def asked(self, question: Callable[..., Any], *arguments: Any) -> Sequence[Call]:
        return [Call(self.lease.scope, partial(answer_of, question, self.lease.scope, *arguments))]

    @property
    def leftover(self) -> errors.Refused | Leftover | None:
        """What is told of a tree that is as it is wished for otherwise."""
        told: Iterator[errors.Refused | Leftover] = chain(self.unchanged.values(), map(Leftover, self.stays.values()))
        return next(told, None)

    def next_step(self, tree: Tree) -> Step | None:
        """The next change of its tree, but for what stays in any case."""
        rest = tuple(each for each in tree.parts if each.id not in self.stays)
        return next_step(self.wish, replace(tree, parts=rest), self.unchanged)

    def borne(self, step: Step, tree: Tree, answer: Any) -> Any:
        """The answer to a change; where something may stay as it is, that it is left over."""
        if not isinstance(answer, errors.Refused) or isinstance(answer, _SOON):
            return answer
        if isinstance(step, Remove) and step.present.kind in _KEPT:  # those go when all else is as it is wished
            self.stays[step.present.id] = answer
            return Leftover(answer)
        whole = _whole_blend(tree, step.part) if isinstance(step, Put) else None
        if whole is not None:  # it takes traffic, and who forwards to it can go on doing so
            self.unchanged[whole.id] = answer
            return Leftover(answer)
        return answer

    def take(self, step: Step, tree: Tree) -> Sequence[Call]:
        if isinstance(step, Put):
            return self.asked(self.making.put, tree, step.part)
        if isinstance(step, Remove):
            return self.asked(self.making.remove, tree, step.present)
        return self.asked(self.making.change, tree.id, balancer_plan(self.wish.balancer))

    # what is written; each asks for the fence ------------------------------------------------------------------------

    def held(self, conn: Connection) -> bool:
        return BALANCER_LEASES.fence(conn, self.lease) is not None

    def found(self, tree: Tree, conn: Connection) -> bool:
        held = self.held(conn)
        if held:
            BALANCERS.change(conn, self.lease.scope, self.lease.balancer_id, cloud_id=tree.id, address=tree.address)
        return held

    def named(self, cloud_id: str, conn: Connection) -> bool:
        """Whether its row names that one still; this engine holds it then."""
        now = BALANCERS.one(conn, self.lease.scope, id=self.lease.balancer_id) if self.held(conn) else None
        return now is not None and now.cloud_id == cloud_id

    def took(self, step: Step, answer: Any, conn: Connection) -> bool:
        if not self.held(conn):
            return False
        if isinstance(answer, Leftover):
            return True
        self.context.held_up.over(self.lease)
        scope = self.lease.scope
        if isinstance(step, Put) and step.part.kind is PartKind.POOL:
            balancers.housed(conn, scope, step.part.key, answer, self.context.now())
        if isinstance(step, Remove) and step.present.kind is PartKind.POOL:
            balancers.evicted(conn, scope, [step.present.id])
        return True

    def housed(self, tree: Tree, conn: Connection) -> bool:
        """Pools whose making was never written down, for answers may be lost; and the address it is to have."""
        if not self.held(conn):
            return False
        if tree.port_id is not None and self.wish.balancer.scheme == PUBLIC:
            self._led(tree.id, conn)
        for each in tree.parts:
            group = self.wish.groups.get(each.key) if each.kind is PartKind.POOL else None
            if group is not None and group.pool_id != each.id:
                balancers.housed(conn, self.lease.scope, each.key, each.id, self.context.now())
        return True

    def _led(self, cloud_id: str, conn: Connection) -> None:
        """Have a public address lead to it: its project's own where that was said, else one for its life."""
        scope, now, allocation = self.lease.scope, self.context.now(), self.wish.balancer.allocation_id
        if allocation is None:
            launch_addresses.want(conn, scope, [cloud_id], now, Holder.BALANCER)
            return
        address = ADDRESSES.one(conn, scope, id=allocation, interface_id=self.wish.balancer.interface_id)
        if address is not None:
            launch_addresses.keep(conn, scope, cloud_id, address, now)

    def lost(self, conn: Connection) -> None:
        """The cloud has no such balancer: it is gone where that was wished for, else it is made anew."""
        if not self.held(conn):
            return
        scope, balancer_id = self.lease.scope, self.lease.balancer_id
        launch_addresses.pull(conn, scope, [self.cloud_id], self.context.now())
        balancers.evicted(conn, scope, [each.pool_id for each in self.wish.groups.values() if each.pool_id])
        if self.gone(conn):
            balancers.forget_groups(conn, scope, balancer_id)
            BALANCER_LEASES.forget(conn, self.lease)
            return
        BALANCERS.change(conn, scope, balancer_id, cloud_id=None, state=BalancerState.PROVISIONING)
        BALANCER_LEASES.release(conn, self.lease, self.context.now())

    def evicted(self, pools: Sequence[str], conn: Connection) -> bool:
        """The cloud has no such pools."""
        held = self.held(conn)
        if held:
            balancers.evicted(conn, self.lease.scope, pools)
        return held

    def gone(self, conn: Connection) -> bool:
        """Whether it is to go by now: that may have been wished for since its rows were read."""
        now = BALANCERS.one(conn, self.lease.scope, id=self.lease.balancer_id)
        return now is None or now.gone

    def removed(self, tree: Tree, conn: Connection) -> bool:
        """The cloud was told to delete it."""
        held = self.held(conn)
        if held:
            pools = [each.id for each in tree.parts if each.kind is PartKind.POOL]
            balancers.evicted(conn, self.lease.scope, pools)
        return held

    def wait(self, pause: timedelta, conn: Connection) -> None:
        if self.held(conn):
            BALANCER_LEASES.release(conn, self.lease, self.context.now() + pause)

    def settle(self, state: BalancerState, reason: str, due_at: datetime, conn: Connection) -> None:
        if self.held(conn):
            if not self.gone(conn):
                BALANCERS.change(conn, self.lease.scope, self.lease.balancer_id, state=state, reason=reason)
            BALANCER_LEASES.release(conn, self.lease, due_at)

    def drained(self, targets: Sequence[RegisteredTarget], conn: Connection) -> None:
        if self.held(conn):
            for each in targets:
                TARGETS.remove(conn, self.lease.scope, id=each.id, state=str(each.state), server_id=each.server_id)


def _whole_blend(tree: Tree, part: Part) -> Present | None:
    """A blend that is there and was made as it was once wished for."""
    if part.kind is not PartKind.BLEND:
        return None
    return next((each for each in tree.parts if (each.kind, each.key) == (part.kind, part.key) and each.digest), None)


def tend_balancer(context: Context, lease: BalancerLease) -> Job:
    """The job of one balancer: yields the calls it waits for, and is sent their answers."""
    with context.store.read() as conn:
        kept = wishes.read(conn, lease.scope, lease.balancer_id)
    making = context.cloud.balancer_making
    if kept is None or making is None:
        yield Write(partial(BALANCER_LEASES.release, lease=lease, due_at=None))
        return
    balancer, groups, listeners, rules, certificates, targets = kept
    wish = Wish(balancer, groups, listeners, rules, certificates, blending=making.blends)
    tending = _Tending(context, lease, making, wish, targets)
    cloud_id = balancer.cloud_id or (yield from _made(tending))
    if cloud_id is None:
        return
    tree, refusal = yield from _grow(tending, cloud_id)
    if tree is None:
        return
    if not (yield Write(partial(tending.housed, tree))):
        return
    yield from _end_twins(tending, tree.id)
    if not (yield from _evict_the_gone(tending, tree)):
        return
    again_at = yield from _endpoints(tending, tree)
    if again_at is None:
        return
    if refusal is None:
        context.held_up.over(lease)
        yield Write(partial(tending.settle, BalancerState.ACTIVE, "", again_at))
    elif isinstance(refusal, Leftover):
        _tell(tending, refusal.refusal)
        again_at = min(again_at, context.now() + context.pause(lease, refusal.refusal))
        yield Write(partial(tending.settle, BalancerState.ACTIVE, "", again_at))
    else:
        yield from _refused(tending, refusal)


def _made(tending: _Tending) -> Any:
    """Have it made, or find what was made of it; its id, or None where there is none and all is given back."""
    balancer = tending.wish.balancer
    if balancer.gone:
        (answer,) = yield tending.asked(tending.making.find, balancer.id)
    else:
        (answer,) = yield tending.asked(tending.making.create, balancer_plan(balancer))
    if answer is None:
        yield from _never_made(tending)
    elif isinstance(answer, errors.OutcomeUnknown):
        # It may arrive yet: who asks again too soon finds none, and makes a second.
        grace = tending.context.settings.relaunch_grace
        if balancer.state is BalancerState.FAILED:  # by an earlier refusal, which is not the last word any more
            due_at = tending.context.now() + grace
            yield Write(partial(tending.settle, BalancerState.PROVISIONING, balancer.reason, due_at))
        else:
            yield Write(partial(tending.wait, grace))
    elif isinstance(answer, errors.CloudError):
        yield from _refused(tending, answer)
    elif (yield Write(partial(tending.found, answer))):
        return answer.id
    return None


def _never_made(tending: _Tending) -> Any:
    """Nothing was made of what is to go: it is forgotten, once what may still be under way has arrived.

    That may be the second one, made in the place of one that the cloud had lost: its age says nothing.
    """
    arrived = tending.wish.balancer.created_at + tending.context.settings.orphan_grace
    left = arrived - tending.context.now()
    yield Write(tending.lost if left <= timedelta(0) else partial(tending.wait, left))


def _grow(tending: _Tending, cloud_id: str) -> Any:
    """Bring the tree to what is wished for; the tree, or None where that is not done and all is given back.

    With it comes the refusal of a part, or what is left over; None where there was neither: what the tree has takes
    traffic all the same. A blend that is refused holds no other part up.
    """
    for _ in range(_STEPS):
        (tree,) = yield tending.asked(tending.making.tree, cloud_id)
        if isinstance(tree, errors.CloudError):
            yield from _refused(tending, tree)
            return None, None
        if tree is None:
            yield from _missing(tending, cloud_id)
            return None, None
        if tree.standing is Standing.PENDING:
            yield Write(partial(tending.wait, tending.context.pause(tending.lease, _busy(tending))))
            return None, None
        if tending.wish.balancer.gone:
            if not (yield from _end(tending, tree)):
                return None, None
            continue
        if tree.standing is Standing.FAILED:
            due_at = tending.context.now() + _FAILED
            yield Write(partial(tending.settle, BalancerState.FAILED, "the cloud reports an error", due_at))
            return None, None
        step = tending.next_step(tree)
        if step is None:
            return tree, tending.leftover
        (answer,) = yield tending.take(step, tree)
        answer = tending.borne(step, tree, answer)
        if isinstance(answer, errors.Refused) and not isinstance(answer, _SOON):
            return tree, answer
        if isinstance(answer, errors.CloudError):
            yield from _refused(tending, answer)
            return None, None
        if not (yield Write(partial(tending.took, step, answer))):
            return None, None
    yield Write(partial(tending.wait, tending.context.settings.balancer_busy))
    return None, None


def _missing(tending: _Tending, cloud_id: str) -> Any:
    """The cloud has no such balancer; one that was to go is gone once nothing else is left that was made of it."""
    if tending.wish.balancer.gone and not (yield from _end_twins(tending, cloud_id)):
        yield Write(partial(tending.wait, tending.context.pause(tending.lease, _busy(tending))))
        return
    tending.context.held_up.over(tending.lease)
    if (yield from _evict_the_gone(tending, None)):  # nor has any group a pool of it
        yield Write(tending.lost)


def _end_twins(tending: _Tending, cloud_id: str) -> Any:
    """Delete what was made of the balancer beside the one that its row names; whether there is nothing of it.

    A request whose answer is lost may arrive after it was found to have made nothing, and the next one made a second.
    What carries this installation's mark and the balancer's own key is nobody else's.
    """
    if not (yield Write(partial(tending.named, cloud_id))):
        return False
    balancer, scope = tending.wish.balancer, tending.lease.scope
    (found,) = yield tending.asked(tending.making.twins, balancer.id, cloud_id)
    if isinstance(found, errors.CloudError):
        return False
    for each in found:
        if not (yield Write(partial(tending.named, cloud_id))):  # another engine's may be among them by now
            return False
        (answer,) = yield tending.asked(tending.making.delete, each)
        LOG.warning(
            "project=%s region=%s balancer=%s was made twice, %s is deleted: %s",
            *(scope.project_id, scope.region, balancer.id, each, answer or "done"),
        )
    return not found


def _evict_the_gone(tending: _Tending, tree: Tree | None) -> Any:
    """Take pools that are no more from groups that nobody refers to; False where all is given back, to look again.

    Whoever removed them heard no answer, or died before it was written down: of a group that is not referred to, no
    wish says so. What another balancer's tree has yet is there, and is left to whoever removes it.
    """
    with tending.context.store.read() as conn:
        pools = balancers.left_behind(conn, tending.lease.scope)
    gone = []
    for pool_id in pools:
        if tree is not None and any(each.id == pool_id for each in tree.parts):
            continue
        (answer,) = yield tending.asked(tending.context.cloud.balancing.members, pool_id)
        if isinstance(answer, errors.PoolNotFound):
            gone.append(pool_id)
        elif isinstance(answer, errors.CloudError):
            yield from _refused(tending, answer)
            return False
    return not gone or (yield Write(partial(tending.evicted, gone)))


def _end(tending: _Tending, tree: Tree) -> Any:
    """Delete a tree; whether that was asked for and is still this engine's to see through."""
    (answer,) = yield tending.asked(tending.making.delete, tree.id)
    if isinstance(answer, errors.CloudError):
        yield from _refused(tending, answer)
        return False
    return (yield Write(partial(tending.removed, tree)))


def _endpoints(tending: _Tending, tree: Tree) -> Any:
    """Bring targets into their pools and out of them; when to look again, None where all is given back already."""
    context, now = tending.context, tending.context.now()
    due = [now + context.settings.balancer_idle]
    pools = {each.key: each.id for each in tree.parts if each.kind is PartKind.POOL}
    over: list[RegisteredTarget] = []
    idle = yield from _is_idle(tending, tree)
    dead = yield from _dead(tending)
    for group_id, group in sorted(tending.wish.groups.items()):
        if group_id not in pools:  # the cloud would not make it
            continue
        pool_id, targets = pools[group_id], tending.targets.get(group_id, [])
        (members,) = yield tending.asked(context.cloud.balancing.members, pool_id)
        if isinstance(members, errors.CloudError):
            yield from _refused(tending, members)
            return None
        drained = [each for each in targets if each.until is not None and (idle or each.until <= now)]
        ended = [each for each in targets if each in drained or each.server_id in dead]
        staying = [each for each in targets if each not in ended]
        due += [each.until for each in staying if each.until is not None]
        live = {(each.address, each.port) for each in staying if each.state is TargetState.REGISTERED}
        wanted = [
            *_wanted(staying, members, group.monitor_port),
            *_asked_elsewhere([each for each in members if context.cloud.made(each)], group.monitor_port),
        ]
        gone = [Endpoint(each.address, each.port) for each in ended if (each.address, each.port) not in live]
        for ask, endpoints in ((tending.making.put_endpoints, wanted), (tending.making.remove_endpoints, gone)):
            if endpoints:
                (answer,) = yield tending.asked(ask, pool_id, endpoints)
                if isinstance(answer, errors.CloudError):
                    yield from _refused(tending, answer)
                    return None
        over += ended
    if any(each.kind is PartKind.BLEND for each in tree.parts):
        (answer,) = yield tending.asked(tending.making.follow, tree)
        if isinstance(answer, errors.CloudError):
            yield from _refused(tending, answer)
            return None
    if over:
        yield Write(partial(tending.drained, over))
    return min(due)


def _dead(tending: _Tending) -> Any:
    """Servers of targets that are no more: such a target is taken out at once, as nobody is connected to it.

    One that a listing lacks is asked for by itself: a listing alone is no evidence.

    Source: Elastic Load Balancing, "Register targets": an instance that is terminated is deregistered.
    """
    servers = {each.server_id for targets in tending.targets.values() for each in targets if each.server_id is not None}
    if not servers:
        return frozenset()
    compute, found = tending.context.cloud.compute, set()
    (listed,) = yield tending.asked(compute.list)
    if isinstance(listed, errors.CloudError):
        return frozenset()
    alive = {each.id for each in listed if each.status not in ENDED_STATUSES}
    for server_id in sorted(servers - alive):
        (answer,) = yield tending.asked(compute.get, server_id)
        gone = isinstance(answer, errors.ServerNotFound)
        if gone or (not isinstance(answer, errors.CloudError) and answer.status in ENDED_STATUSES):
            found.add(server_id)
    return frozenset(found)


def _is_idle(tending: _Tending, tree: Tree) -> Any:
    """Whether targets that drain need not be waited for: nobody is connected to any of them.

    Source: Application Load Balancer User Guide, "Deregistration delay": without in-flight requests and open
    connections the deregistration is completed at once.
    """
    if not any(each.until is not None for targets in tending.targets.values() for each in targets):
        return False
    (answer,) = yield tending.asked(tending.making.idle, tree.id)
    return answer is True


def _wanted(
    targets: Sequence[RegisteredTarget], members: Sequence[PoolMember], monitor_port: int | None
) -> Iterator[Endpoint]:
    """What is not as it is to be; nodes' members are theirs, even where they were registered by hand too."""
    here = {(each.address, each.port): each for each in members}
    live = {(each.address, each.port) for each in targets if each.state is TargetState.REGISTERED}
    # A new instance may have the address of one that drains: the member is the new one's.
    for address, port in dict.fromkeys((each.address, each.port) for each in targets):
        found, weight = here.get((address, port)), int((address, port) in live)
        if found is None:
            if weight:
                yield Endpoint(address, port, weight, monitor_port)
        elif found.owner is None:
            asked = _asked(found, monitor_port)
            if found.weight != weight or asked is not None:
                yield Endpoint(address, port, weight, asked)


def _asked_elsewhere(members: Sequence[PoolMember], monitor_port: int | None) -> Iterator[Endpoint]:
    """Members of nodes whose health is asked for at another port than it is to be: they came before that was said."""
    for each in members:
        asked = _asked(each, monitor_port) if each.owner is not None else None
        if asked is not None:
            yield Endpoint(each.address, each.port, None, asked)


def _asked(member: PoolMember, monitor_port: int | None) -> int | None:
    """Where a member's health is to be asked for, None where it is asked for there."""
    wanted = monitor_port or member.port
    return None if (member.monitor_port or member.port) == wanted else wanted


def _refused(tending: _Tending, error: errors.CloudError) -> Any:
    """Put off what the cloud would not do, and say why where that is for good."""
    balancer = tending.wish.balancer
    if isinstance(error, _SOON):
        yield Write(partial(tending.wait, tending.context.pause(tending.lease, _busy(tending))))
    elif isinstance(error, errors.Refused):
        _tell(tending, error)
        state = BalancerState.FAILED if balancer.state is BalancerState.PROVISIONING else balancer.state
        due_at = tending.context.now() + tending.context.pause(tending.lease, error)
        yield Write(partial(tending.settle, state, error.detail[:1000], due_at))
    else:
        yield Write(partial(tending.wait, tending.context.pause(tending.lease, error)))


def _tell(tending: _Tending, error: errors.Refused) -> None:
    scope, words = tending.lease.scope, "project=%s region=%s balancer=%s refused: %s"
    LOG.warning(words, scope.project_id, scope.region, tending.lease.balancer_id, error.detail)


def _busy(tending: _Tending) -> Bounds:
    settings = tending.context.settings
    return Bounds(settings.balancer_busy, settings.balancer_slow)
