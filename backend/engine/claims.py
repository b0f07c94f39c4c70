"""What a plan says, written into the rows before the cloud is told: the claim of a pass. No cloud calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Any

from backend.domain.activity import (
    Activity,
    ActivityKind,
    ActivityStatus,
    Cause,
    CauseKind,
    Reason,
    ReasonKind,
    begun,
    over,
)
from backend.domain.backoff import NO_PROFILE
from backend.domain.cluster import Process
from backend.domain.ids import short_id
from backend.domain.node import GROUP_TAG, Health, Node, NodeState, move
from backend.domain.scope import Scope
from backend.engine import apply, registrations, steps
from backend.engine.context import new_id
from backend.engine.settings import EngineSettings
from backend.engine.snapshot import Profile, Snapshot
from backend.engine.steps import Step
from backend.policies import backoff, cooldown
from backend.store import journal, nodes, passes
from backend.store.session import Connection

NO_ZONE = ""
NOT_ASKED = frozenset({ReasonKind.NOT_AUTHORIZED, ReasonKind.LAUNCH_LOST})
"""Reasons of failed launches that tell nothing about the launch: the cloud let nobody ask, or nobody heard it."""


@dataclass(slots=True)
class Claim:
    """One claim in the making.

    Attributes:
        acts: what the cloud is to be told now.
        due_now: the plan's deadlines no longer hold: look again at once.
        void: the cluster was changed since the plan was made; nothing was written.
        entries: node id -> the activity opened for its termination.
    """

    conn: Connection
    snapshot: Snapshot
    now: datetime
    rng: Random
    settings: EngineSettings
    acts: list[apply.Act] = field(default_factory=list)
    due_now: bool = False
    void: bool = False
    entries: dict[str, str | None] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        return Scope(self.snapshot.cluster.project_id, self.snapshot.cluster.region)

    def write(self, plan: Sequence[Step]) -> None:
        """Write every step, kind by kind."""
        for kind, writer in _WRITERS.items():
            chosen = [step for step in plan if isinstance(step, kind)]
            if chosen:
                writer(self, chosen)

    def begun(self, kind: ActivityKind, node: Node, causes: Sequence[Cause]) -> Activity:
        """A new entry of the cluster's journal, of a move of that node."""
        return begun(new_id(self.rng), self.snapshot.cluster, kind, causes, self.now).about(node)

    def over(
        self, kind: ActivityKind, status: ActivityStatus, causes: Sequence[Cause], reason: Reason | None = None
    ) -> Activity:
        """A new entry of the cluster's journal that ends at once."""
        return over(new_id(self.rng), self.snapshot.cluster, kind, status, causes=causes, at=self.now, reason=reason)

    def cool_down(self) -> None:
        """A change of capacity finished."""
        cluster = self.snapshot.cluster
        until = cooldown.until(self.now, cluster.spec.cooldown_seconds, cluster.cooldown_until)
        passes.set_cooldown(self.conn, cluster.id, until)

    def back_off(self, places: Mapping[tuple[str, str], bool]) -> None:
        """Launches failed in these (zone, profile key) places; whether the cloud refused, and not only was away."""
        cluster, rule = self.snapshot.cluster, self.settings.backoff
        standing = {(entry.zone, entry.profile_key): entry for entry in self.snapshot.backoffs}
        for place, refused in places.items():
            entry = backoff.failed_again(rule, standing.get(place), place, self.now, self.rng, refused=refused)
            passes.put_backoff(self.conn, cluster.id, entry)
        self.due_now = True


def _enter(claim: Claim, chosen: Sequence[steps.EnterService]) -> None:
    cluster = claim.snapshot.cluster
    entered = [step.node for step in chosen]
    launched = [node for node in entered if node.in_service_at is None]
    returned = [node for node in entered if node.in_service_at is not None]
    passes.enter_service(claim.conn, [node.id for node in launched], claim.now, protected=cluster.spec.protect_new)
    passes.enter_service(claim.conn, [node.id for node in returned], claim.now)
    journal.end(claim.conn, [node.activity_id for node in entered], ActivityStatus.SUCCESSFUL, claim.now)
    if launched and claim.snapshot.backoffs:
        passes.clear_backoffs(claim.conn, cluster.id, {NO_ZONE, *(node.zone for node in launched)})
        passes.restart_backoffs(claim.conn, cluster.id)  # a success anywhere: it is not in vain
    if any(node.replaces is None for node in launched):
        claim.cool_down()


def _fail(claim: Claim, chosen: Sequence[steps.FailLaunch]) -> None:
    unseen = [step.node.id for step in chosen if step.node.server_id is None]
    dropped = set(passes.drop_unseen(claim.conn, unseen))
    failed = [step for step in chosen if step.node.server_id is not None or step.node.id in dropped]
    passes.terminate(claim.conn, {step.node.id: None for step in failed if step.node.server_id is not None}, claim.now)
    for step in failed:
        journal.end(claim.conn, [step.node.activity_id], ActivityStatus.FAILED, claim.now, step.reason)
    places: dict[tuple[str, str], bool] = {}
    for step in failed:
        place = place_of(step.node)
        places[place] = places.get(place, False) or step.reason.kind not in NOT_ASKED
    claim.back_off(places)


def _park(claim: Claim, chosen: Sequence[steps.Park]) -> None:
    parking = [step.node for step in chosen]
    nodes.save(claim.conn, parking, [move(node, NodeState.STANDBY, claim.now) for node in parking])
    journal.end(claim.conn, [step.node.activity_id for step in chosen], ActivityStatus.SUCCESSFUL, claim.now)


def _mark(claim: Claim, chosen: Sequence[steps.Mark]) -> None:
    nodes.save(claim.conn, [step.node for step in chosen], [_marked(step, claim.now) for step in chosen])


def _marked(step: steps.Mark, now: datetime) -> Node:
    if step.cause is None:
        return replace(step.node, health=Health.HEALTHY, health_cause=None, health_due_at=None)
    return replace(step.node, health=Health.UNHEALTHY, health_cause=step.cause, health_due_at=now)


def _terminate(claim: Claim, chosen: Sequence[steps.Terminate]) -> None:
    cluster = claim.snapshot.cluster
    gone = cluster.force_delete
    reason = Reason(ReasonKind.CLUSTER_DELETED if gone else ReasonKind.SUPERSEDED)
    interrupted = [step.node.activity_id for step in chosen]
    journal.end(claim.conn, interrupted, ActivityStatus.CANCELLED, claim.now, reason)
    opened = []
    for step in chosen:
        node = step.node
        if node.server_id is None:
            claim.entries[node.id] = None  # the launch's own entry tells the end of what never was
            continue
        entry = claim.begun(ActivityKind.TERMINATE, node, step.causes)
        opened.append(entry)
        claim.entries[node.id] = entry.id
    journal.begin(claim.conn, opened)
    passes.terminate(claim.conn, claim.entries, claim.now)


def _launch(claim: Claim, chosen: Sequence[steps.Launch]) -> None:
    profile = claim.snapshot.profile
    assert isinstance(profile, Profile)
    tags = _tags(claim.snapshot, profile)
    added: list[Node] = []
    opened: list[Activity] = []
    for step in chosen:
        launch_id = new_id(claim.rng)
        batch = [_new_node(claim, step, profile, launch_id, replaced) for replaced in step.replaces]
        for node in batch:
            entry = claim.begun(ActivityKind.LAUNCH, node, step.causes)
            opened.append(entry)
            added.append(_with_activity(node, entry.id))
        claim.acts.append(_order(claim, batch, profile, tags))
    nodes.insert_many(claim.conn, added)
    journal.begin(claim.conn, opened)


def _order(claim: Claim, batch: Sequence[Node], profile: Profile, tags: Mapping[str, str]) -> apply.CreateServers:
    """What asks for the servers of nodes of one launch."""
    cluster, first = claim.snapshot.cluster, batch[0]
    return apply.CreateServers(
        claim.scope,
        first.launch_id,
        tuple(node.id for node in batch),
        first.zone,
        first.subnet_id,
        profile,
        tags.get("Name") or profile.spec.tags.get("Name") or cluster.name,
        tags,
        cluster.spec.server_group,
    )


def _unheard(claim: Claim, chosen: Sequence[steps.Unheard]) -> None:
    found = [step.node for step in chosen]
    nodes.save(claim.conn, found, [replace(node, unheard_at=claim.now) for node in found])


def _relaunch(claim: Claim, chosen: Sequence[steps.Relaunch]) -> None:
    profile = claim.snapshot.profile
    assert isinstance(profile, Profile)
    tags = _tags(claim.snapshot, profile)
    wanted = [step.node for step in chosen if step.node.id not in claim.entries]  # not chosen to go in this very plan
    nodes.save(claim.conn, wanted, [replace(node, unheard_at=None) for node in wanted])
    by_launch: dict[str, list[Node]] = {}
    for node in wanted:
        by_launch.setdefault(node.launch_id, []).append(node)
    claim.acts += [_order(claim, batch, profile, tags) for batch in by_launch.values()]


def _new_node(claim: Claim, step: steps.Launch, profile: Profile, launch_id: str, replaces: str | None) -> Node:
    cluster = claim.snapshot.cluster
    return Node(
        id=new_id(claim.rng),
        cluster_id=cluster.id,
        project_id=cluster.project_id,
        region=cluster.region,
        launch_id=launch_id,
        server_id=None,
        zone=step.zone,
        subnet_id=step.subnet_id,
        state=NodeState.PENDING,
        state_at=claim.now,
        health=Health.HEALTHY,
        health_cause=None,
        protected=False,
        profile=profile.ref,
        instance_type=profile.spec.instance_type or "",
        image_id=None,
        created_at=claim.now,
        replaces=replaces,
    )


def _tags(snapshot: Snapshot, profile: Profile) -> dict[str, str]:
    """The cluster's own tags that propagate, and those that tell where a server comes from."""
    tags = {tag.key: tag.value for tag in snapshot.tags if tag.propagate}
    tags[GROUP_TAG] = snapshot.cluster.name
    if profile.ref.template_id is not None:
        tags["aws:ec2launchtemplate:id"] = f"lt-{short_id(profile.ref.template_id)}"
        tags["aws:ec2launchtemplate:version"] = str(profile.ref.template_version)
    return tags


def _refuse(claim: Claim, chosen: Sequence[steps.RefuseLaunch]) -> None:
    opened = []
    for step in chosen:
        entry = claim.over(ActivityKind.LAUNCH, ActivityStatus.FAILED, step.causes)
        opened.append(replace(entry, reason=step.reason))
    journal.begin(claim.conn, opened)
    claim.back_off({(NO_ZONE, NO_PROFILE): any(step.reason.kind not in NOT_ASKED for step in chosen)})


def _forget(claim: Claim, chosen: Sequence[steps.Forget]) -> None:
    entries = {step.node.id: claim.entries.get(step.node.id, step.node.activity_id) for step in chosen}
    unseen = [step.node.id for step in chosen if step.node.server_id is None]
    dropped = set(passes.drop_unseen(claim.conn, unseen))
    seen = [step.node.id for step in chosen if step.node.server_id is not None]
    passes.drop(claim.conn, seen)
    ended = [entries[node_id] for node_id in (*seen, *dropped)]
    if passes.any_scaled_in(claim.conn, ended):
        claim.cool_down()
    journal.end(claim.conn, ended, ActivityStatus.SUCCESSFUL, claim.now)
    claim.due_now = claim.due_now or len(dropped) < len(unseen)


def _delete(claim: Claim, chosen: Sequence[steps.Delete]) -> None:
    claim.acts += [apply.DeleteServer(claim.scope, step.node) for step in chosen]


def _let_go(claim: Claim, chosen: Sequence[steps.LetGo]) -> None:
    claim.acts += [apply.LetServerGo(claim.scope, step.node) for step in chosen]


def _take_in(claim: Claim, chosen: Sequence[steps.TakeIn]) -> None:
    name = claim.snapshot.cluster.name
    claim.acts += [apply.TakeServerIn(claim.scope, step.node, name) for step in chosen]


def _look(claim: Claim, chosen: Sequence[steps.Look]) -> None:
    claim.acts += [apply.LookAtServer(claim.scope, step.node) for step in chosen]


def _note(claim: Claim, chosen: Sequence[steps.Note]) -> None:
    """Once for each request: what was noted after the last one still stands."""
    cluster = claim.snapshot.cluster
    last = passes.last_note(claim.conn, cluster.id)
    asked = max((cause.at for cause in cluster.causes), default=None)
    if last is not None and (asked is None or last >= asked):
        return
    causes = (*cluster.causes, chosen[0].cause)
    journal.begin(claim.conn, [claim.over(ActivityKind.NOTE, ActivityStatus.CANCELLED, causes)])


def _suspend(claim: Claim, chosen: Sequence[steps.SuspendLaunch]) -> None:
    cluster = claim.snapshot.cluster
    passes.suspend(claim.conn, cluster, Process.LAUNCH, claim.now)
    passes.clear_backoffs(claim.conn, cluster.id)
    entry = claim.over(ActivityKind.LAUNCH, ActivityStatus.FAILED, chosen[0].causes)
    reason = Reason(ReasonKind.GIVEN_UP, {"hours": int(claim.settings.backoff.give_up_after.total_seconds() // 3600)})
    journal.begin(claim.conn, [replace(entry, reason=reason)])


def _begin_hold(claim: Claim, chosen: Sequence[steps.BeginHold]) -> None:
    step = chosen[0]
    passes.set_held(claim.conn, claim.snapshot.cluster.id, claim.now)
    most = claim.settings.brake.most
    data = {**step.group._asdict(), "extent": str(step.extent), "minutes": int(most.total_seconds() // 60)}
    causes = (Cause(CauseKind.MASS_FAILURE, claim.now, data),)
    journal.begin(claim.conn, [claim.over(ActivityKind.HEALTH_CHECK, ActivityStatus.CANCELLED, causes)])


def _end_hold(claim: Claim, _chosen: Sequence[steps.EndHold]) -> None:
    passes.set_held(claim.conn, claim.snapshot.cluster.id, None)


def _forgive(claim: Claim, chosen: Sequence[steps.Forgive]) -> None:
    passes.clear_backoffs(claim.conn, claim.snapshot.cluster.id)
    for entry in chosen[0].backoffs:
        passes.put_backoff(claim.conn, claim.snapshot.cluster.id, entry)


def _forget_causes(claim: Claim, _chosen: Sequence[steps.ForgetCauses]) -> None:
    passes.forget_causes(claim.conn, claim.snapshot.cluster.id)


def _remove(claim: Claim, _chosen: Sequence[steps.RemoveCluster]) -> None:
    if not passes.remove_cluster(claim.conn, claim.snapshot.cluster.id, claim.now):
        claim.due_now = True


def place_of(node: Node) -> tuple[str, str]:
    """(zone, profile key) of a node: where a failure of its launch counts."""
    return node.zone, NO_PROFILE if node.profile is None else node.profile.key


def _with_activity(node: Node, activity_id: str) -> Node:
    return replace(node, activity_id=activity_id)


# In this order: what ends makes room for what begins, and a node may be chosen and forgotten in one claim.
_WRITERS: Mapping[type[Any], Callable[[Claim, Any], None]] = {
    steps.EnterService: _enter,
    steps.FailLaunch: _fail,
    steps.Park: _park,
    steps.Mark: _mark,
    steps.Terminate: _terminate,
    steps.Launch: _launch,
    steps.Unheard: _unheard,
    steps.Relaunch: _relaunch,
    steps.RefuseLaunch: _refuse,
    steps.Delete: _delete,
    steps.LetGo: _let_go,
    steps.TakeIn: _take_in,
    steps.Look: _look,
    steps.Forget: _forget,
    steps.Register: registrations.register,
    steps.Skip: registrations.skip,
    steps.Drain: registrations.drain,
    steps.Deregister: registrations.deregister,
    steps.Unskip: registrations.unskip,
    steps.SettleSources: registrations.settle_sources,
    steps.Note: _note,
    steps.SuspendLaunch: _suspend,
    steps.BeginHold: _begin_hold,
    steps.EndHold: _end_hold,
    steps.Forgive: _forgive,
    steps.ForgetCauses: _forget_causes,
    steps.RemoveCluster: _remove,
}
