"""One pass over one cluster: read, plan, claim, act, conclude, release."""

from __future__ import annotations

import logging
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from random import Random
from typing import Any

from backend.domain.cluster import Cluster
from backend.domain.consultations import Question, consultant_of
from backend.domain.messages import SinkError
from backend.domain.node import Node
from backend.domain.scope import Scope
from backend.domain.web_addresses import shown
from backend.drivers import errors
from backend.drivers.catalog import Catalog
from backend.drivers.network import Subnet
from backend.drivers.resolution import image_of
from backend.engine.acts.act import Act, Result
from backend.engine.acts.look import LookAtServer
from backend.engine.acts.members import ChangeMembers
from backend.engine.conclusion import conclude
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call
from backend.engine.plan import Plan, make_plan
from backend.engine.reading import read_snapshot
from backend.engine.reasons import reason_of
from backend.engine.snapshot import OF_SIZES, Headroom, Offer, Snapshot
from backend.engine.telling import tell, tell_refusals
from backend.store import changes, leases, quotas, traffic, watches
from backend.store.changes import Overtaken
from backend.store.leases import ClusterLease
from backend.store.session import Connection

REPLANS = 5
_OUTSIDE = "http"
"""The lane of those who are no part of the cloud."""
LOG = logging.getLogger(__name__)


class TooMany(Exception):
    """A plan launches more nodes than its project may have: ``room`` as ``quotas.room`` tells it."""

    def __init__(self, room: tuple[int, int]) -> None:
        super().__init__(room)
        self.room = room


@dataclass(frozen=True, slots=True)
class _Pass:
    """One plan of one pass, and how it is written down."""

    context: Context
    lease: ClusterLease
    plan: Plan
    rng: Random

    @property
    def cluster(self) -> Cluster:
        return self.plan.changes.before.cluster

    def claim(self, conn: Connection) -> bool:
        """Write the plan, unless the lease is lost: then False.

        Where nothing is left to do in the cloud the cluster is released at once.

        Raises:
            Overtaken: the rows are no longer those that the plan was made from.
            TooMany: of nodes, for the project.
        """
        generation = leases.fence(conn, self.lease)
        if generation is None:
            return False
        if generation != self.cluster.generation:
            raise Overtaken(self.cluster.id)
        self._check_quota(conn)
        changes.write(conn, self.plan.changes, everywhere=self.context.outlets.everywhere)
        if self.plan.acts:
            self._pull_looks(conn, self.plan.changes.at)
        else:
            leases.release(conn, self.lease, self.plan.due_at)
        return True

    def _check_quota(self, conn: Connection) -> None:
        """Only a plan that launches is held against what the project may have, and in this transaction."""
        launched = self.plan.changes.after.nodes.keys() - self.plan.changes.before.nodes.keys()
        if not launched:
            return
        room = quotas.room(conn, self.cluster.scope)
        if room is not None and len(launched) > room[0]:
            raise TooMany(room)

    def _pull_looks(self, conn: Connection, now: datetime) -> None:
        """What is done now is to be seen soon."""
        settings = self.context.settings
        pools = {act.pool_id: act.scope for act in self.plan.acts if isinstance(act, ChangeMembers)}
        for pool_id, scope in sorted(pools.items()):
            traffic.pull_pool(conn, scope, pool_id, now + settings.pool_busy)
        watches.pull(conn, self.cluster.scope, now + settings.watch_busy)

    def conclude(self, results: Sequence[Result], conn: Connection) -> None:
        """What the cloud answered, written; nothing when the lease was lost meanwhile."""
        if leases.fence(conn, self.lease) is None:
            return
        again, pause = conclude(conn, self.context, self.plan.changes.after, results, self.rng)
        now = self.context.now()
        self._pull_looks(conn, now)  # a look that came between may have missed the last of it
        due_at = now if again else self.plan.due_at
        leases.release(conn, self.lease, max(due_at, now + pause) if pause else due_at)


def cluster_pass(context: Context, lease: ClusterLease) -> Job:
    """The job of one pass: yields the calls it waits for, and is sent their answers.

    A plan that was made on rows that have changed is void and made anew; a lease that was lost ends the pass without
    another word.
    """
    rng = context.rng(lease.cluster_id, lease.epoch)
    answer, room = _Answer(), None
    for _ in range(REPLANS):
        with context.store.read() as conn:
            snapshot = read_snapshot(conn, lease.cluster_id)
        if snapshot is None:
            return
        plan = yield from _planned(context, replace(snapshot, room=room), rng, answer)
        this = _Pass(context, lease, plan, rng)
        try:
            if not context.store.transact(this.claim):
                return
        except Overtaken:
            continue
        except TooMany as found:
            room = found.room
            continue
        tell(context, plan)
        if plan.acts:
            results = yield [_call(context, act) for act in plan.acts]
            tell_refusals(context, this.cluster, results)
            yield Write(partial(this.conclude, results))
        return
    context.store.transact(lambda conn: leases.release(conn, lease, context.now()))


@dataclass(slots=True)
class _Answer:
    """What others told a pass; a plan that is made anew in it, since its rows have changed, goes by that, too.

    Attributes:
        target: who was asked whom to let go.
        named: whom it named.
        headroom: what the cloud lets the project have. A slow cloud would be asked again and again where rows change
            while it thinks, and nothing would ever be launched.
    """

    target: str | None = None
    named: frozenset[str] | None = None
    headroom: Headroom | None = None

    def of(self, cluster: Cluster) -> frozenset[str] | None:
        """What those said whom the cluster asks now; None where they were not asked."""
        return self.named if self.target == consultant_of(cluster.spec.termination_rules) else None


def _planned(
    context: Context, snapshot: Snapshot, rng: Random, answer: _Answer
) -> Generator[Sequence[Call], list[Any], Plan]:
    """A plan; made anew where others know what it lacks: where subnets lie, why servers failed, and who is to go."""
    cluster = snapshot.cluster
    snapshot = replace(
        snapshot, named=answer.of(cluster), headroom=answer.headroom, asked_at=context.consulted.at(cluster.id)
    )
    drawn = rng.getstate()
    plan = make_plan(snapshot, context.now(), context.settings, rng)
    if plan.places_wanted:
        snapshot = yield from _placed(context, snapshot)
    if plan.types_wanted:
        snapshot = yield from _offered(context, snapshot)
    if plan.quotas_wanted:
        snapshot = yield from _allowed(context, snapshot)
        answer.headroom = snapshot.headroom
    if plan.faults_wanted:
        snapshot = yield from _explained(context, snapshot, plan.faults_wanted)
    if plan.places_wanted or plan.types_wanted or plan.quotas_wanted or plan.faults_wanted:
        rng.setstate(drawn)  # the same draws: it differs by what was told alone
        plan = make_plan(snapshot, context.now(), context.settings, rng)
    if plan.question is not None:
        context.consulted.asked(cluster.id, context.now())
        (named,) = yield [Call(plan.question.scope, partial(_consult, context, plan.question), lane=_OUTSIDE)]
        answer.target, answer.named = plan.question.target, named
        plan = make_plan(replace(snapshot, named=named), context.now(), context.settings, rng)
    return plan


def _consult(context: Context, question: Question) -> frozenset[str]:
    """Who is named to go; nobody where no answer came, for then it is asked again."""
    if context.outlets.consult is None:
        return frozenset()
    try:
        return frozenset(context.outlets.consult(question))
    except SinkError as error:
        told = question.cluster.name, question.scope.project_id, shown(question.target), error
        LOG.warning("cluster=%s project=%s: %s chose nobody to go: %s", *told)
        return frozenset()


def _placed(context: Context, snapshot: Snapshot) -> Generator[Sequence[Call], list[Any], Snapshot]:
    """The snapshot with the places of the cluster's subnets, where the cloud tells them: only launches need these."""
    scope = snapshot.cluster.scope
    (answer,) = yield [Call(scope, partial(_subnets, context.catalog, snapshot.cluster))]
    if isinstance(answer, errors.NotAuthorized):  # which launches would meet too: it is told as theirs
        return replace(snapshot, subnets={}, profile=reason_of(answer, "", ""))
    return replace(snapshot, subnets=_by_zone(snapshot.cluster, answer))


def _offered(context: Context, snapshot: Snapshot) -> Generator[Sequence[Call], list[Any], Snapshot]:
    """The snapshot with the types that the cloud offers, where it tells them."""
    scope = snapshot.cluster.scope
    images = {each.spec.image for each in snapshot.mixed if each.spec.image is not None}
    (answer,) = yield [Call(scope, partial(_types, context.catalog, scope, images))]
    if isinstance(answer, errors.NotAuthorized):
        return replace(snapshot, types=Offer(), profile=reason_of(answer, "", ""))
    return snapshot if isinstance(answer, errors.CloudError) else replace(snapshot, types=answer)


def _types(catalog: Catalog, scope: Scope, images: Collection[str]) -> Offer | errors.CloudError:
    try:
        found = {each: image_of(catalog, scope, each) for each in images}
        return Offer(
            catalog.flavors(scope), {each: image.architecture for each, image in found.items() if image is not None}
        )
    except errors.CloudError as error:
        return error


def _allowed(context: Context, snapshot: Snapshot) -> Generator[Sequence[Call], list[Any], Snapshot]:
    """The snapshot with what the cloud lets the project have; where it does not tell, its refusals do."""
    scope = snapshot.cluster.scope
    (answer,) = yield [Call(scope, partial(_headroom, context.catalog, scope))]
    return replace(snapshot, headroom=Headroom() if isinstance(answer, errors.CloudError) else answer)


def _headroom(catalog: Catalog, scope: Scope) -> Headroom | errors.CloudError:
    try:
        quotas = catalog.quotas(scope)
        sized = any(each.resource in OF_SIZES for each in quotas)
        flavors = catalog.flavors(scope) if sized else ()
    except errors.CloudError as error:
        return error
    return Headroom(quotas, {each.name: (each.vcpus, each.memory_mib) for each in flavors})


def _explained(
    context: Context, snapshot: Snapshot, broken: Sequence[Node]
) -> Generator[Sequence[Call], list[Any], Snapshot]:
    """The snapshot with the cloud's words about servers that went into error."""
    looks = [LookAtServer(snapshot.cluster.scope, node) for node in broken]
    answers: list[Result] = yield [_call(context, look) for look in looks]
    faults = {
        look.node.id: answer.servers[0].fault if answer.servers else None
        for look, answer in zip(looks, answers, strict=True)
    }
    return replace(snapshot, faults=faults)


def _subnets(catalog: Catalog, cluster: Cluster) -> Sequence[Subnet] | errors.CloudError:
    """The project's subnets; one that the cluster is told to use may be younger than what was listed."""
    try:
        found = catalog.subnets(cluster.scope)
        if {subnet.id for subnet in found}.issuperset(cluster.spec.subnets):
            return found
        catalog.drop("subnets", cluster.scope)
        return catalog.subnets(cluster.scope)
    except errors.CloudError as error:
        return error


def _by_zone(cluster: Cluster, answer: Sequence[Subnet] | errors.CloudError) -> dict[str, tuple[str, ...]] | None:
    """Zone -> the cluster's subnets there; a zone whose subnets are gone keeps one of them, to be refused by name."""
    if isinstance(answer, errors.CloudError):
        return None
    zones = {subnet.id: subnet.zone for subnet in answer}
    found: dict[str, tuple[str, ...]] = {}
    for subnet in cluster.spec.subnets:
        if subnet in zones:
            found[zones[subnet]] = (*found.get(zones[subnet], ()), subnet)
    lost = tuple(subnet for subnet in cluster.spec.subnets if subnet not in zones)
    return {zone: found.get(zone, lost[:1]) for zone in cluster.spec.zones}


def _call(context: Context, act: Act) -> Call:
    return Call(act.scope, partial(act.carry_out, context.cloud, context.catalog), unasked=partial(_unasked, act))


def _unasked(act: Act, error: errors.CloudError) -> Result:
    """What came of an act that the cloud was never asked for."""
    return Result(act, error=error)
