"""What each step of the engine has to keep to, held against the step before: its users' bounds, and its own rules."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from backend.domain.activity import Activity, ActivityKind, ActivityStatus, CauseKind
from backend.domain.cluster import Process
from backend.domain.ids import short_id
from backend.domain.node import SERVING, WARM, Health, NodeState, ServerStatus
from tests.simulation import choices, mixes, warm_pools
from tests.simulation.clocks import START
from tests.simulation.history import Write, fault_of
from tests.simulation.model import Model
from tests.simulation.rows import State
from tests.simulation.step import Step
from tests.simulation.world import World

OBSERVED = frozenset({CauseKind.HEALTH_STATUS_CHECK, CauseKind.HEALTH_TERMINATED_OR_STOPPED})
HEALTH = OBSERVED | {CauseKind.HEALTH_BALANCER, CauseKind.HEALTH_CUSTOM}
OF_CAPACITY = frozenset({CauseKind.CAPACITY_DECREASE, CauseKind.SELECTED_FOR_TERMINATION})
GONE = frozenset({ServerStatus.DELETED, ServerStatus.DELETING})
BUILDING = frozenset({None, ServerStatus.BUILDING, ServerStatus.UNKNOWN})


def written(world: World) -> None:
    """Every write to a node by itself."""
    for write in world.history.fresh():
        if write.what == "readmit":
            world.readmitted_at[write.node_id] = world.clock.now()
            continue
        fault = fault_of(write) or _alive(world, write)
        if fault is not None:
            raise world.broke("28 law of moves", f"node {write.node_id}: {fault}")


def _alive(world: World, write: Write) -> str | None:
    """Whether the cloud still has the server of a row that went because it was gone, or the token of one let go."""
    if write.what != "end" or write.server_id is None:
        return None
    if write.before == NodeState.DETACHING:
        token = world.token(write.server_id)
        return None if token is None else f"server {write.server_id} was let go, and is still marked as of {token}"
    alive = world.alive(write.server_id)
    return f"its row went as if server {write.server_id} were gone" if alive else None


def between(world: World, model: Model, before: State, now: State) -> None:
    _protected(world, model, before, now)
    warm_pools.remembered(world, model, before, now)
    for cluster in now.clusters.values():
        old = before.clusters.get(cluster.id)
        if old is None or old.generation != cluster.generation:
            world.changed_at[cluster.id] = world.clock.now()
            continue
        step = Step(world, cluster, before, now)
        _resting(step)
        _spared(step)
        _cooled(step)
        _windowed(step)
        _backed_off(step)
        _ready(step)
        choices.launched(step)
        mixes.shared(step)
        choices.chosen(step)
        if cluster.warm_pool is not None:
            warm_pools.drawn(step)


def _ready(step: Step) -> None:
    """Into service comes only what the cloud says is up."""
    for old, node in step.nodes():
        came = old is not None and old.in_service_at is None and node.in_service_at is not None
        if came and node.server_status in {None, ServerStatus.BUILDING}:
            raise step.world.broke("20 readiness", f"node {node.id} serves, its server is {node.server_status}")


def _protected(world: World, model: Model, before: State, now: State) -> None:
    """A node that comes into service is protected as its cluster says; from then on only its users change that."""
    for node in now.nodes.values():
        old = before.nodes.get(node.id)
        if old is None or old.in_service_at is not None or node.in_service_at is None:
            continue
        world.came_at[node.cluster_id, node.zone] = node.in_service_at
        if node.attached:
            continue
        said = {
            state.clusters[node.cluster_id].spec.protect_new
            for state in (before, now)
            if node.cluster_id in state.clusters
        }
        server = short_id(node.server_id or "")
        if server not in model.protected:
            if node.protected not in said:
                raise world.broke(
                    "5 protection", f"new node {node.id}: its cluster says {said}, it is {node.protected}"
                )
            model.protected[server] = node.protected


def _resting(step: Step) -> None:
    """A suspended process does nothing."""
    asleep = set(step.cluster.suspended) & set(step.before.clusters[step.cluster.id].suspended)
    for old, node in step.nodes():
        if old is None and Process.LAUNCH in asleep and not node.attached:
            raise step.world.broke("24 suspended", f"{step.cluster.name}: node {node.id} was launched")
        fell = old is not None and old.health is Health.HEALTHY and node.health is Health.UNHEALTHY
        if fell and Process.HEALTH_CHECK in asleep and node.health_cause in OBSERVED:
            raise step.world.broke("24 suspended", f"{step.cluster.name}: node {node.id} was judged")
    for entry in step.opened(ActivityKind.TERMINATE):
        causes = {cause.kind for cause in entry.causes}
        if Process.TERMINATE in asleep and causes & (HEALTH | OF_CAPACITY):
            raise step.world.broke("24 suspended", f"{step.cluster.name}: a node is terminated: {causes}")
        followed = any(node.replaces == entry.node_id for _, node in step.nodes())  # begun before it was suspended
        if Process.REPLACE_UNHEALTHY in asleep and causes & HEALTH and not followed:
            raise step.world.broke("24 suspended", f"{step.cluster.name}: a node is replaced: {causes}")


def _spared(step: Step) -> None:
    """A user's verdict waits for the grace that it was to respect, a pool's for the group's own; age for its bound."""
    grace = timedelta(seconds=step.cluster.spec.health_grace_seconds) - step.world.slack
    for old, node in step.nodes():
        fell = old is not None and old.health is Health.HEALTHY and node.health_cause == CauseKind.HEALTH_BALANCER
        due, came_at = node.health_due_at, node.in_service_at
        if fell and due is not None and came_at is not None and due < came_at + grace:
            raise step.world.broke("15 grace", f"node {node.id} serves since {came_at}, and is judged at {due}")
    lifetime = timedelta(seconds=step.cluster.spec.maximum_lifetime_seconds or 0) - step.world.slack
    for entry in step.opened(ActivityKind.TERMINATE):
        old = step.before.nodes.get(entry.node_id or "")
        aged = CauseKind.MAXIMUM_LIFETIME in {cause.kind for cause in entry.causes}
        if aged and old is not None and entry.started_at - old.created_at < lifetime:
            raise step.world.broke("15 grace", f"node {old.id} goes for its age, made at {old.created_at}")
    for entry in step.opened(ActivityKind.TERMINATE):
        old = step.before.nodes.get(entry.node_id or "")
        if old is None or CauseKind.HEALTH_CUSTOM not in {cause.kind for cause in entry.causes}:
            continue
        early = old.health_due_at is not None and entry.started_at < old.health_due_at - step.world.slack
        if early and old.server_status is ServerStatus.ACTIVE:
            raise step.world.broke("15 grace", f"node {old.id} goes at {entry.started_at}, due {old.health_due_at}")


def _cooled(step: Step) -> None:
    """A change of capacity that ended begins the cooldown."""
    seconds = step.cluster.spec.cooldown_seconds
    for old, node in step.nodes():
        if old is None or old.in_service_at is not None or node.in_service_at is None or node.attached or not seconds:
            continue
        if {old.replaces, node.replaces} != {None}:  # a follower may be capacity like any other as soon as it has come
            continue
        ends = step.cluster.cooldown_until
        if ends is None or ends < node.in_service_at + timedelta(seconds=seconds):
            raise step.world.broke("16 cooldown", f"{step.cluster.name}: {seconds} s from {node.in_service_at}: {ends}")


def _windowed(step: Step) -> None:
    """Not more servers are built at once in a zone than the cloud is trusted with; what heals waits for none."""
    rule, pairs = step.world.settings.window, list(step.nodes())
    fresh = [node for old, node in pairs if old is None and node.replaces is None and not node.attached]
    if fresh:  # for what users launch by number somebody waits
        direct = step.directly_launched()
        fresh = [node for node in fresh if node.id not in direct]
    asked = {node.zone for node in fresh}
    for zone in asked:
        building = sum(
            node.zone == zone
            and node.state is NodeState.PENDING
            and node.drawn_at is None
            and node.server_status in BUILDING
            and (old.server_status in BUILDING if old is not None else node.replaces is None)
            for old, node in pairs
        )
        came_up = max(_came_up(state, step.cluster.id, zone) for state in (step.before, step.now))
        if building > max(rule.first, came_up):
            raise step.world.broke(
                "17 window", f"{step.cluster.name}: {building} are built in {zone}, {came_up} came up"
            )


def _came_up(state: State, cluster_id: str, zone: str) -> int:
    return sum(
        node.cluster_id == cluster_id and node.zone == zone and node.state in SERVING | WARM
        for node in state.nodes.values()
    )


def _backed_off(step: Step) -> None:
    """A zone in which a launch of the cluster just failed is left alone for a while."""
    if step.cluster.spec.mix is not None:
        return  # another type may be launched there
    first = step.world.settings.backoff.first * 0.8 - step.world.slack
    launched = Counter(node.zone for old, node in step.nodes() if old is None and not node.attached)
    if not launched:
        return
    at = max(node.created_at for old, node in step.nodes() if old is None)
    for entry in step.before.activities.values():
        launch = entry.kind in {ActivityKind.LAUNCH, ActivityKind.WARM_LAUNCH}
        failed = launch and entry.status is ActivityStatus.FAILED
        if not failed or entry.cluster_id != step.cluster.id or entry.zone not in launched or entry.ended_at is None:
            continue
        if entry.ended_at < at < entry.ended_at + first and not _forgiven(step, entry):
            raise step.world.broke("18 backoff", f"{step.cluster.name}: {entry.zone} failed at {entry.ended_at}, {at}")


def _forgiven(step: Step, failed: Activity) -> bool:
    """Whether launches succeeded since, or what they are made from changed, or the project lets the engine in again."""
    assert failed.ended_at is not None
    came_at = step.world.came_at.get((step.cluster.id, failed.zone or ""), START)
    changed_at = step.world.changed_at.get(step.cluster.id, START)
    readmitted_at = step.world.readmitted_at.get(step.cluster.project_id, START)
    slack = step.world.slack  # the engine that failed has a clock of its own
    return changed_at + slack >= failed.started_at or max(came_at, readmitted_at) + slack >= failed.ended_at
