"""One pass over one cluster: read, plan, claim, act, write down, release."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from random import Random
from typing import Any

from backend.domain.activity import Reason, ReasonKind
from backend.domain.cluster import Cluster
from backend.domain.node import ServerStatus
from backend.domain.profile import ProfileRef
from backend.domain.scope import Scope
from backend.drivers import errors
from backend.drivers.catalog import Catalog
from backend.drivers.network import Subnet
from backend.engine import apply, outcomes, steps
from backend.engine.claims import Claim
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call
from backend.engine.plan import make_plan
from backend.engine.reasons import reason_of, reason_of_fault
from backend.engine.snapshot import Profile, Snapshot
from backend.engine.steps import Step
from backend.policies.brake import Tally
from backend.store import configurations, leases, passes, tags, templates, watches
from backend.store.leases import ClusterLease
from backend.store.session import Connection

LOG = logging.getLogger(__name__)
REPLANS = 5


@dataclass(frozen=True, slots=True)
class _Pass:
    """One plan of one pass, and how it is written down."""

    context: Context
    lease: ClusterLease
    snapshot: Snapshot
    chosen: Sequence[Step]
    now: datetime
    due_at: datetime
    rng: Random

    def claim(self, conn: Connection) -> Claim | None:
        """The claim, written; void when the cluster was changed since the plan, None when the lease is lost.

        Where nothing is left to do in the cloud the cluster is released at once.
        """
        generation = leases.fence(conn, self.lease)
        if generation is None:
            return None
        claim = Claim(conn, self.snapshot, self.now, self.rng, self.context.settings)
        if generation != self.snapshot.cluster.generation:
            claim.void = True
            return claim
        claim.write(self.chosen)
        if claim.acts:
            watches.pull(conn, claim.scope, self.now + self.context.settings.watch_busy)
        else:
            leases.release(conn, self.lease, self.now if claim.due_now else self.due_at)
        return claim

    def conclude(self, results: Sequence[apply.Result], *, due_now: bool, conn: Connection) -> None:
        """What the cloud answered, written; nothing when the lease was lost meanwhile."""
        if leases.fence(conn, self.lease) is None:
            return
        now = self.context.now()
        claim = Claim(conn, self.snapshot, now, self.rng, self.context.settings)
        pause = outcomes.write(claim, results)
        due_at = now if due_now or claim.due_now else self.due_at
        leases.release(conn, self.lease, max(due_at, now + pause) if pause else due_at)


def cluster_pass(context: Context, lease: ClusterLease) -> Job:
    """The job of one pass: yields the calls it waits for, and is sent their answers.

    A plan that was made on an older generation is void and made anew; a lease that was lost ends the pass without
    another word.
    """
    rng = context.rng(lease.cluster_id, lease.epoch)
    for _ in range(REPLANS):
        with context.store.read() as conn:
            snapshot = read_snapshot(conn, lease.cluster_id)
        if snapshot is None:
            return
        now = context.now()
        plan = make_plan(snapshot, now, context.settings, rng)
        if plan.unplaced:
            snapshot = yield from _placed(context, snapshot)
            now = context.now()
            plan = make_plan(snapshot, now, context.settings, rng)
        chosen = yield from _with_faults(context, snapshot, plan.steps)
        this = _Pass(context, lease, snapshot, chosen, now, plan.due_at, rng)
        claim = context.store.transact(this.claim)
        if claim is None:
            return
        if claim.void:
            continue
        _tell(context, snapshot.cluster, chosen)
        if claim.acts:
            results = yield [_call(context, act) for act in claim.acts]
            _tell_refusals(context, snapshot.cluster, results)
            yield Write(partial(_conclude, this, results, claim.due_now))
        return
    context.store.transact(lambda conn: leases.release(conn, lease, context.now()))


def _conclude(this: _Pass, results: Sequence[apply.Result], due_now: bool, conn: Connection) -> None:
    this.conclude(results, due_now=due_now, conn=conn)


def _placed(context: Context, snapshot: Snapshot) -> Generator[Sequence[Call], list[Any], Snapshot]:
    """The snapshot with the places of the cluster's subnets, where the cloud tells them: only launches need these."""
    scope = Scope(snapshot.cluster.project_id, snapshot.cluster.region)
    answers = yield [Call(scope, partial(_subnets, context.catalog, scope))]
    if isinstance(answers[0], errors.NotAuthorized):  # which launches would meet too: it is told as theirs
        return replace(snapshot, subnets={}, profile=reason_of(answers[0], "", ""))
    return replace(snapshot, subnets=_by_zone(snapshot.cluster, answers[0]))


def read_snapshot(conn: Connection, cluster_id: str) -> Snapshot | None:
    """Everything the rows say of the cluster, None when it is gone."""
    situation = passes.read(conn, cluster_id)
    if situation is None:
        return None
    cluster = situation.cluster
    scope = Scope(cluster.project_id, cluster.region)
    names = {node.profile.configuration for node in situation.nodes if node.profile and node.profile.configuration}
    return Snapshot(
        cluster=cluster,
        nodes=situation.nodes,
        profile=_profile(conn, scope, cluster),
        tags=tuple(tags.of_one(conn, cluster.id)),
        backoffs=situation.backoffs,
        subnets=None if cluster.spec.subnets else {},
        configurations=passes.configurations_created(conn, scope, names) if len(names) > 1 else {},
        seen_until=situation.seen_until,
        project=Tally(*situation.project),
        region=Tally(*situation.region),
        registrations=situation.registrations,
    )


def _profile(conn: Connection, scope: Scope, cluster: Cluster) -> Profile | Reason:
    source = cluster.spec.source
    if source.template_id is None:
        name = source.configuration or ""
        configuration = configurations.find(conn, scope, name)
        if configuration is None:
            return Reason(ReasonKind.PROFILE_NOT_FOUND, {"name": name})
        return Profile(configuration.spec, ProfileRef(configuration=name))
    template = templates.find(conn, scope, template_id=source.template_id)
    if template is None:
        return Reason(ReasonKind.PROFILE_NOT_FOUND, {"name": source.template_name or source.template_id})
    version = templates.version_of(conn, template, source.template_version)
    if version is None:
        data = {"name": template.name, "version": source.template_version or "$Default"}
        return Reason(ReasonKind.TEMPLATE_VERSION_NOT_FOUND, data)
    ref = ProfileRef(template_id=template.id, template_name=template.name, template_version=version.version)
    return Profile(version.spec, ref)


def _subnets(catalog: Catalog, scope: Scope) -> Sequence[Subnet] | errors.CloudError:
    try:
        return catalog.subnets(scope)
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


def _with_faults(
    context: Context, snapshot: Snapshot, chosen: Sequence[Step]
) -> Generator[Sequence[Call], list[Any], list[Step]]:
    """The steps, with the cloud's own words where a server went into error."""
    scope = Scope(snapshot.cluster.project_id, snapshot.cluster.region)
    broken = [
        step.node
        for step in chosen
        if isinstance(step, steps.FailLaunch) and step.node.server_status is ServerStatus.ERROR
    ]
    if not broken:
        return list(chosen)
    answers = yield [_call(context, apply.LookAtServer(scope, node)) for node in broken]
    faults = {node.id: answer.server for node, answer in zip(broken, answers, strict=True)}
    told: list[Step] = []
    for step in chosen:
        if isinstance(step, steps.FailLaunch) and step.node.id in faults:
            server = faults[step.node.id]
            fault = None if server is None else server.fault
            node = step.node
            reason = reason_of_fault(fault, node.instance_type, node.zone, node.subnet_id)
            told.append(steps.FailLaunch(step.node, reason))
        else:
            told.append(step)
    return told


def _call(context: Context, act: apply.Act) -> Call:
    ask = partial(apply.carry_out, context.cloud, context.catalog, act)
    return Call(act.scope, ask, unasked=partial(apply.not_done, act))


def _tell(context: Context, cluster: Cluster, chosen: Sequence[Step]) -> None:
    """Count what is done, and log it: one line a pass that does anything."""
    done: Counter[str] = Counter()
    for step in chosen:
        done[type(step).__name__] += len(step.replaces) if isinstance(step, steps.Launch) else 1
    context.count("passes")
    context.counters.update(done)
    for kind, number in done.items():
        context.measures.step(kind, number)
    if done:
        told = " ".join(f"{name}={number}" for name, number in done.items())
        LOG.info("cluster=%r project=%s region=%s %s", cluster.name, cluster.project_id, cluster.region, told)


def _tell_refusals(context: Context, cluster: Cluster, results: Sequence[apply.Result]) -> None:
    """Log what the cloud said instead of doing what it was told, with its own request id where it gave one."""
    for result in results:
        if result.error is not None:
            request = getattr(result.error, "request_id", None) or "-"
            act, error = type(result.act).__name__, type(result.error).__name__
            context.measures.refusal(act, error)
            LOG.warning(
                "cluster=%r project=%s %s: %s (%s) cloud-request=%s",
                cluster.name,
                cluster.project_id,
                act,
                error,
                result.error,
                request,
            )
