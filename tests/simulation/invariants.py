"""What must hold, as named checks: some at every step, some once the faults are over and all is quiet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select

from backend.domain.activity import ActivityKind, CauseKind, ReasonKind
from backend.domain.cluster import Cluster, ClusterStatus
from backend.domain.ids import short_id
from backend.domain.node import COUNTED, IN_WARM_POOL, Health, Node, NodeState, ServerStatus, capacity
from backend.domain.scope import Scope
from backend.domain.traffic import RegistrationState, SourceState
from backend.drivers.compute import Server
from backend.policies.replacement import margin, pace
from backend.store import traffic
from backend.store.metric_tables import metric_points, metric_series
from tests.simulation import direct, rules, warm_pools
from tests.simulation.model import Model
from tests.simulation.rows import Reader, State
from tests.simulation.step import Step
from tests.simulation.users import Kept
from tests.simulation.world import Violated, World

HEALTH_CAUSES = frozenset(
    {
        CauseKind.HEALTH_STATUS_CHECK,
        CauseKind.HEALTH_TERMINATED_OR_STOPPED,
        CauseKind.HEALTH_BALANCER,
        CauseKind.HEALTH_CUSTOM,
    }
)
BY_CHOICE = frozenset(
    {
        CauseKind.CAPACITY_DECREASE,
        CauseKind.SELECTED_FOR_TERMINATION,
        CauseKind.ZONE_REBALANCE_TERMINATE,
    }
)
_BEGINNINGS = frozenset({ActivityKind.LAUNCH, ActivityKind.WARM_LAUNCH, ActivityKind.ATTACH})
_ENDINGS = frozenset({ActivityKind.TERMINATE, ActivityKind.WARM_TERMINATE})
SHORT = timedelta(minutes=10)
GONE = frozenset({ServerStatus.DELETED, ServerStatus.DELETING})


@dataclass
class Watcher:
    """Holds every moment against the one before."""

    world: World
    kept: Kept
    reader: Reader
    model: Model
    last: State | None = None
    server_of: dict[str, str] = field(default_factory=dict)
    live_kills: dict[str, set[str]] = field(default_factory=dict)
    most_desired: Counter[str] = field(default_factory=Counter)
    widest: dict[str, int] = field(default_factory=dict)

    def look(self) -> None:
        now = self.reader.read()
        if now is self.last:
            return
        self._tell(self.last, now)
        self._bounds(now)
        self._one_server(now)
        self._journal(now)
        self._isolation(now)
        rules.written(self.world)
        if self.last is not None:
            self._moves(self.last, now)
            self._departures(self.last, now)
            self._brake(self.last, now)
            rules.between(self.world, self.model, self.last, now)
        self.last = now

    def _tell(self, before: State | None, now: State) -> None:
        """What became of every node, for the trace."""
        old_nodes = before.nodes if before else {}
        for node_id in {**old_nodes, **now.nodes}:
            old, node = old_nodes.get(node_id), now.nodes.get(node_id)
            one = node or old
            assert one is not None
            if old is not None and node is not None and _told(old) == _told(node):
                continue
            cluster = now.clusters.get(one.cluster_id)
            where = "gone cluster" if cluster is None else f"{cluster.name} (wants {cluster.spec.desired})"
            entry = None if node is None or node.activity_id is None else now.activities.get(node.activity_id)
            causes = "" if entry is None else [str(cause.kind) for cause in entry.causes]
            change = f"{'-' if old is None else _told(old)} => {'-' if node is None else _told(node)}"
            self.world.trace(f"    {one.project_id} {where} {one.zone} {node_id[:4]} {change} {causes}")

    def _bounds(self, now: State) -> None:
        counted: Counter[str] = Counter()
        heaviest: dict[str, int] = {}
        for node in now.nodes.values():
            if node.state in COUNTED:
                counted[node.cluster_id] += node.weight
                heaviest[node.cluster_id] = max(node.weight, heaviest.get(node.cluster_id, 1))
        for cluster in now.clusters.values():
            spec = cluster.spec
            if not spec.minimum <= spec.desired <= spec.maximum:
                raise Violated("3 bounds", f"{cluster.name}: {spec.minimum} {spec.desired} {spec.maximum}")
            self.most_desired[cluster.id] = max(self.most_desired[cluster.id], spec.desired)
            at_once = pace(
                self.most_desired[cluster.id], spec.maintenance_minimum_percent, spec.maintenance_maximum_percent
            ).at_once
            allowed = spec.maximum + max(margin(spec.maximum), at_once) + 3 * (heaviest.get(cluster.id, 1) - 1)
            if self.world.mood.refreshing:
                allowed += self.most_desired[cluster.id]  # see refreshes: what one of them may
            old = self.last.clusters.get(cluster.id) if self.last else None
            if self.last is None or old is None or old.generation != cluster.generation:
                continue
            step = Step(self.world, cluster, self.last, now)
            fresh = [node for before, node in step.nodes() if before is None and node.state is NodeState.PENDING]
            by_number = direct.within_bounds(step, fresh) if self.world.mood.direct else set()
            # Whatever lacks may be overshot once, and what is replaced by what comes for it.
            if counted[cluster.id] > allowed and any(node.id not in by_number for node in fresh):
                raise Violated("3 bounds", f"{cluster.name}: {counted[cluster.id]} units, at most {allowed}")

    def _one_server(self, now: State) -> None:
        for node in now.nodes.values():
            if node.server_id is None:
                continue
            known = self.server_of.setdefault(node.id, node.server_id)
            if known != node.server_id:
                raise Violated("2 no double", f"node {node.id} had {known}, has {node.server_id}")

    def _journal(self, now: State) -> None:
        before = self.last.activities if self.last else {}
        for entry in before.values():
            after = now.activities.get(entry.id)
            if after is None:
                raise Violated("7 journal", f"entry {entry.id} has vanished")
            if after.progress < entry.progress:
                raise Violated("7 journal", f"entry {entry.id} went back to {after.progress}")
            if entry.status.is_final and after.status is not entry.status:
                raise Violated("7 journal", f"entry {entry.id} ended {entry.status}, now {after.status}")
        launches: Counter[str] = Counter()
        ends: Counter[str] = Counter()
        for entry in now.activities.values():
            if entry.node_id is not None:
                launches[entry.node_id] += entry.kind in _BEGINNINGS
                retained = entry.reason is not None and entry.reason.kind is ReasonKind.ABANDONED
                ends[entry.node_id] += entry.kind in _ENDINGS and not retained
        for node_id, number in launches.items():
            if number != 1 or ends[node_id] > 1:
                raise Violated("7 journal", f"node {node_id}: {number} launches, {ends[node_id]} terminations")
        for node in now.nodes.values():
            if launches[node.id] != 1:
                raise Violated("7 journal", f"node {node.id} has {launches[node.id]} launches")
            if node.activity_id is not None and now.activities[node.activity_id].status.is_final:
                raise Violated("7 journal", f"node {node.id} {node.state} points to an ended entry")

    def _isolation(self, now: State) -> None:
        for node in now.nodes.values():
            cluster = now.clusters[node.cluster_id]
            if (node.project_id, node.region) != (cluster.project_id, cluster.region):
                raise Violated("9 isolation", f"node {node.id}")
        for entry in now.activities.values():
            owner = now.clusters.get(entry.cluster_id)
            if owner is not None and owner.project_id != entry.project_id:
                raise Violated("9 isolation", f"entry {entry.id}")

    def _moves(self, before: State, now: State) -> None:
        for node in now.nodes.values():
            old = before.nodes.get(node.id)
            if old is None or old.state is node.state or node.state is not NodeState.TERMINATING:
                continue
            if node.activity_id is None:
                continue
            causes = {cause.kind for cause in now.activities[node.activity_id].causes}
            if not causes & BY_CHOICE:
                continue
            loosened = self.kept.loosened.get(node.cluster_id)
            if (
                loosened is not None
                and loosened >= old.state_at - self.world.slack
                and node.state_at - loosened < SHORT
            ):
                continue
            if old.state is NodeState.STANDBY or (
                old.state is NodeState.IN_SERVICE and old.protected and node.protected
            ):
                raise Violated("5 protection", f"node {node.id} was {old.state}, protected: {old.protected}")

    def _departures(self, before: State, now: State) -> None:
        for node in now.nodes.values():
            if node.state is not NodeState.DETACHING:
                self.kept.detached.discard(short_id(node.server_id or ""))
        for node in before.nodes.values():
            if node.state is NodeState.DETACHING and node.id not in now.nodes and node.server_status not in GONE:
                self.kept.detached.add(short_id(node.server_id or ""))

    def _brake(self, before: State, now: State) -> None:
        for entry in now.activities.values():
            causes = {cause.kind for cause in entry.causes}
            if entry.id in before.activities or entry.kind not in _ENDINGS or not causes & HEALTH_CAUSES:
                continue
            if short_id(entry.server_id or "") not in self.kept.judged:
                raise Violated("10 brake", f"server {entry.server_id} was never bad, but replaced: {causes}")
            if entry.kind is ActivityKind.WARM_TERMINATE:
                continue
            old, node = before.nodes.get(entry.node_id or ""), now.nodes.get(entry.node_id or "")
            if old is None or node is None or {old.server_status, node.server_status} & GONE:
                continue
            asked, known = before.clusters.get(node.cluster_id), now.clusters.get(node.cluster_id)
            # What was asked for in between may have made it a scale-in: only a quiet moment tells.
            if asked is not None and known is not None and asked.generation == known.generation:
                self.live_kills.setdefault(node.cluster_id, set()).add(node.id)
        arrived = {node.replaces for node in now.nodes.values() if node.state is NodeState.IN_SERVICE}
        for cluster_id, killed in self.live_kills.items():
            cluster = now.clusters.get(cluster_id)
            killed.intersection_update(set(now.nodes) - arrived)
            if cluster is None or cluster.status is not ClusterStatus.ACTIVE:
                continue
            spec = cluster.spec
            serving = sum(
                node.weight
                for node in now.nodes.values()
                if node.state is NodeState.IN_SERVICE and node.cluster_id == cluster_id
            )
            if serving >= spec.desired:
                killed.clear()  # more than enough without them: that was no replacement
            percents = spec.maintenance_minimum_percent, spec.maintenance_maximum_percent
            self.widest[cluster_id] = max(
                self.widest.get(cluster_id, 1), pace(self.most_desired[cluster_id], *percents).at_once
            )
            if self.world.mood.refreshing:
                self.widest[cluster_id] = max(self.widest[cluster_id], self.most_desired[cluster_id])
            weights = [now.nodes[node_id].weight for node_id in killed if node_id in now.nodes]
            if sum(weights) > self.widest[cluster_id] + max(weights, default=1) - 1:
                raise Violated("10 brake", f"{cluster.name}: {weights} at once, at most {self.widest[cluster_id]}")


def _told(node: Node) -> str:
    server = (node.server_id or "")[:4]
    marks = "!" if node.health is Health.UNHEALTHY else ""
    return f"{node.state}{marks}{'#' if node.protected else ''} {server} {node.server_status}"


@dataclass(frozen=True)
class Rest:
    """What is there when the faults are over: the rows, the cloud's servers, and what users were told."""

    now: State
    kept: Kept
    servers: Sequence[tuple[Scope, Server]]


def at_rest(world: World, kept: Kept, now: State) -> None:
    """Everything that holds when faults are over and the engine has had its time."""
    settled(now)
    balanced(now)
    all_told(now, kept)
    registered(world, now)
    measured_once(world)
    there = Rest(now, kept, world.simulated.operator.servers())
    for check in (no_leak, no_double, isolated, all_serve, detached_go_on):
        check(there)


def registered(world: World, now: State) -> None:
    """Members of ours in a pool are the nodes in service of those clusters that have it, and nobody else."""
    serving: dict[str, set[str]] = {}
    kept_out: dict[str, set[str]] = {}
    for cluster in now.clusters.values():
        here = {
            node.id
            for node in now.nodes.values()
            if node.cluster_id == cluster.id and node.state is NodeState.IN_SERVICE
        }
        for source in cluster.sources:
            if source.state not in {SourceState.ADDED, SourceState.IN_SERVICE}:
                raise Violated("25 traffic", f"{cluster.name}: source {source.name} is {source.state}")
            serving.setdefault(source.pool_id, set()).update(here)
    sources = world.sources()
    with world.store.watch() as conn:
        for pool in world.simulated.pools.all():
            registered = traffic.of_pool(conn, sources.get(pool.id, pool.id))
            kept_out[pool.id] = {each.node_id for each in registered if each.state is RegistrationState.SKIPPED}
    for pool in world.simulated.pools.all():
        members = world.simulated.pools.members(pool.id)
        wanted = serving.get(sources.get(pool.id, pool.id), set()) - kept_out[pool.id]
        there = {member.owner for member in members}
        if there != wanted or len(members) != len(there):
            raise Violated("25 traffic", f"pool {pool.name}: lacks {wanted - there}, has {there - wanted}")
        if any(member.weight == 0 for member in members):
            raise Violated("25 traffic", f"pool {pool.name}: a member is still draining")


def measured_once(world: World) -> None:
    """A minute of a group is one sample, whatever the number of engines and however often the store is lost."""
    points, series = metric_points.c, metric_series.c
    asked = select(series.name, points.at, points.samples).join_from(
        metric_points, metric_series, points.series_id == series.id
    )
    with world.store.watch() as conn:
        twice = conn.execute(asked.where(series.namespace == "AWS/AutoScaling", points.samples != 1)).first()
    if twice is not None:
        raise Violated("11 once", f"{twice.name} at {twice.at}: {twice.samples:g} samples")


def no_leak(there: Rest) -> None:
    owned = {node.server_id for node in there.now.nodes.values()}
    for scope, server in there.servers:
        if server.launch_id is not None and server.id not in owned:
            raise Violated("1 no leak", f"server {server.id} of {scope.project_id} belongs to nobody")


def no_double(there: Rest) -> None:
    launches = Counter(server.launch_id for _, server in there.servers if server.launch_id is not None)
    wanted = Counter(node.launch_id for node in there.now.nodes.values())
    for launch, number in launches.items():
        if number > wanted[launch]:
            raise Violated("2 no double", f"launch {launch}: {number} servers for {wanted[launch]} nodes")


def isolated(there: Rest) -> None:
    places = {server.id: scope for scope, server in there.servers}
    for node in there.now.nodes.values():
        scope = places.get(node.server_id or "")
        if scope is not None and scope != Scope(node.project_id, node.region):
            raise Violated("9 isolation", f"node {node.id} has a server of {scope}")


def settled(now: State) -> None:
    for cluster in now.clusters.values():
        if cluster.status is not ClusterStatus.ACTIVE:
            raise Violated("4 convergence", f"{cluster.name} of {cluster.project_id} is still being deleted")
        here = [node for node in now.nodes.values() if node.cluster_id == cluster.id and node.state not in IN_WARM_POOL]
        serving = [node for node in here if node.state is NodeState.IN_SERVICE]
        calm = all(node.state in {NodeState.IN_SERVICE, NodeState.STANDBY} for node in here)
        units, lightest = capacity(serving), min((node.weight for node in serving), default=1)
        met = cluster.spec.desired <= units < cluster.spec.desired + lightest
        movable = [node for node in serving if not node.protected and node.weight <= units - cluster.spec.desired]
        kept_above = units > cluster.spec.desired and not movable
        if not calm or (not met and not kept_above):
            states = Counter(str(node.state) for node in here)
            raise Violated("4 convergence", f"{cluster.name}: wants {cluster.spec.desired}, has {dict(states)}")
        if cluster.causes and not kept_above:
            raise Violated("7 journal", f"{cluster.name} still has causes {cluster.causes}")
    if (fault := warm_pools.settled(now)) is not None:
        raise Violated("4 convergence", fault)


def all_serve(there: Rest) -> None:
    alive = {server.id: server for _, server in there.servers}
    for node in there.now.nodes.values():
        server = alive.get(node.server_id or "")
        works = server is not None and server.status is ServerStatus.ACTIVE and node.health is Health.HEALTHY
        touched = short_id(node.server_id or "") in there.kept.judged
        if not warm_pools.resting(node, server.status if server else None, touched=touched):
            raise Violated("4 convergence", f"node {node.id} is {node.state}, its server {server}")
        if node.state is NodeState.IN_SERVICE and not works:
            raise Violated("4 convergence", f"node {node.id} is {node.health}, its server {server}")


def balanced(now: State) -> None:
    for cluster in now.clusters.values():
        serving = [node for node in now.nodes.values() if node.cluster_id == cluster.id and node.counted]
        if any(node.protected for node in serving):
            continue
        counts: Counter[str] = Counter()
        for node in serving:
            counts[node.zone] += node.weight
        strays = set(counts) - set(cluster.spec.zones)
        if strays:
            raise Violated("4 convergence", f"{cluster.name}: nodes in {strays}, zones {cluster.spec.zones}")
        spread = [counts[zone] for zone in cluster.spec.zones]
        if max(spread) - min(spread) >= 2 * _heaviest(cluster, serving):
            raise Violated("4 convergence", f"{cluster.name}: out of balance {dict(counts)}")


def _heaviest(cluster: Cluster, nodes: Sequence[Node]) -> int:
    """What a node counts at most, of those there are and those that would be launched."""
    mix = cluster.spec.mix
    choices = [] if mix is None else [each.units or 1 for each in mix.overrides]
    return max((*choices, *(node.weight for node in nodes)), default=1)


def all_told(now: State, kept: Kept) -> None:
    open_entries = [entry for entry in now.activities.values() if entry.ended_at is None]
    if open_entries:
        raise Violated("7 journal", f"still open: {open_entries}")
    for entry in kept.told:
        if entry.id not in now.activities:
            raise Violated("8 accepted is kept", f"an answer named activity {entry.id}")


def detached_go_on(there: Rest) -> None:
    alive = {server.short_id for _, server in there.servers}
    lost = there.kept.detached - alive - there.kept.judged
    if lost:
        raise Violated("1 no leak", f"detached servers were deleted: {sorted(lost)}")
