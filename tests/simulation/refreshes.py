"""Instance refreshes in a run: users who start, cancel and roll them back, and what must hold of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select

from backend.domain.activity import Activity, ActivityKind, CauseKind
from backend.domain.cluster import Process, SourceRequest
from backend.domain.node import PARKED, PARKING, REBUILDING, Health, LeavesFor, Node, NodeState
from backend.domain.refreshes import FORWARD, Handling, Refresh, RefreshRequest, RefreshStatus
from backend.domain.scope import Scope
from backend.policies.refresh import bounds
from backend.store import refreshes, tables
from tests.simulation.actor import Actor, Deed
from tests.simulation.matching import Matching
from tests.simulation.rebuilds import Rebuilds
from tests.simulation.step import Step

if TYPE_CHECKING:
    from tests.simulation.rows import Reader, State
    from tests.simulation.users import User
    from tests.simulation.world import World

_rows = tables.refresh_tables.refreshes
_PERCENTS = ((None, None), (0, None), (50, None), (100, None), (100, 100), (100, 150), (50, 150), (90, 110))


class Refreshed:
    """Holds what refreshes do against what was asked of them."""

    def __init__(self, world: World, reader: Reader, users: Sequence[User]) -> None:
        self.world = world
        self.reader = reader
        self.model = users[0].model
        self.last: State | None = None
        self.known: dict[str, Refresh] = {}
        self._succeeded: set[str] = set()
        self._matching = Matching(world)
        self._rebuilds = Rebuilds(world) if world.mood.rebuilding else None
        world.chaos.on_commit.append(self._committed)

    def _committed(self) -> None:
        """What a refresh brought is what the cluster is told to be made from, from the moment it succeeded."""
        found = self.world.store.database.raw.execute(
            "SELECT id, project_id, cluster_name, desired FROM refreshes WHERE status = 'Successful'"
        ).fetchall()
        for refresh_id, project, name, desired in found:
            told = self.model.told.get((project, name))
            if refresh_id not in self._succeeded and desired is not None and told is not None:
                brought = json.loads(desired)
                told.source = SourceRequest(template_name=brought["template_name"], version=brought["template_version"])
                self.model.effects += 1
            self._succeeded.add(refresh_id)

    def look(self) -> None:
        now, before, was = self.reader.read(), self.last, self.known
        self.last, self.known = now, self._read()
        self._matching.look()
        self._one_under_way(now)
        if self._rebuilds is not None:
            self._rebuilds.look(now, self.known)
        if before is None or now is before:
            return
        for refresh in self.known.values():
            cluster, old = now.clusters.get(refresh.cluster_id), before.clusters.get(refresh.cluster_id)
            stood = was.get(refresh.id)
            if cluster is None or old is None or stood is None or not stood.active:
                continue
            if refresh.status is RefreshStatus.ROLLED_BACK:
                self._rolled_back(refresh, now)
            if old.generation == cluster.generation:
                self._within(stood, refresh, Step(self.world, cluster, before, now))

    def _read(self) -> dict[str, Refresh]:
        with self.world.store.watch() as conn:
            places = conn.execute(select(_rows.c.project_id, _rows.c.region).distinct()).all()
            found = [each for place in places for each in refreshes.REFRESHES.all(conn, Scope(*place))]
        return {each.id: each for each in found}

    def _one_under_way(self, now: State) -> None:
        active = {each.cluster_id: each.id for each in self.known.values() if each.active}
        named = {cluster.id: cluster.refresh_id for cluster in now.clusters.values() if cluster.refresh_id is not None}
        if active != named:
            raise self.world.broke("21 refresh", f"under way are {active}, clusters name {named}")

    def _rolled_back(self, refresh: Refresh, now: State) -> None:
        left = [node.id for node in now.nodes.values() if node.refresh_id == refresh.id and node.counted]
        ignores = refresh.protected is Handling.IGNORE
        by_itself = now.clusters[refresh.cluster_id].spec.protect_new
        left = [node_id for node_id in left if not (ignores and now.nodes[node_id].protected and not by_itself)]
        if left:
            raise self.world.broke("21 refresh", f"rolled back, and {left} are there still")

    def _within(self, stood: Refresh, refresh: Refresh, step: Step) -> None:
        ended = [step.before.nodes[entry.node_id or ""] for entry in (*self._ended(step), *self._rebuilt(step))]
        desired, pairs = step.cluster.spec.desired, list(step.nodes())
        allowed = bounds(desired, refresh.minimum_percent, refresh.maximum_percent)
        for node in ended:
            self._may_go(stood, refresh, node, step)
        followed = {node.replaces for _, node in pairs if node.state is NodeState.IN_SERVICE}
        fell = {node.id for _, node in pairs if node.health is not Health.HEALTHY}  # found to serve nobody when it goes
        alone = [node for node in ended if node.counted and _is_well(node) and node.id not in followed | fell]
        here = {node.id for node in step.before.nodes.values() if node.cluster_id == step.cluster.id and _is_well(node)}
        here |= {node.id for _, node in pairs if _is_well(node)}
        left = here - {node.id for node in alone} - fell
        least = min(allowed.least, desired - 1)
        if alone and stood.status is refresh.status and len(left) < least:
            detail = f"{step.cluster.name}: {len(left)} left of {len(here)}, wants {desired}, at least {least}"
            raise self.world.broke("21 refresh", detail)
        ahead = [node for old, node in pairs if old is None and self._is_ahead(node, step)]
        counted = sum(node.counted for _, node in pairs)
        moving = sum(
            node.replaces is not None and node not in ahead and self._predecessor(node, step) for _, node in pairs
        )
        most = max(allowed.most, desired + 1) + moving
        if ahead and counted > most:
            raise self.world.broke("21 refresh", f"{step.cluster.name}: {counted} nodes, at most {most}")

    def _ended(self, step: Step) -> list[Activity]:
        return [
            entry
            for entry in step.opened(ActivityKind.TERMINATE)
            if CauseKind.REFRESH_TERMINATE in {cause.kind for cause in entry.causes}
            and entry.node_id in step.before.nodes
        ]

    def _rebuilt(self, step: Step) -> list[Activity]:
        """Who is rebuilt is out of service as who ended is, if for a while."""
        return [entry for entry in step.opened(ActivityKind.REBUILD) if entry.node_id in step.before.nodes]

    def _may_go(self, stood: Refresh, refresh: Refresh, old: Node, step: Step) -> None:
        node = step.now.nodes.get(old.id, old)
        by_itself = old.refresh_id == refresh.id and step.cluster.spec.protect_new
        goes_back = by_itself and refresh.status in {RefreshStatus.ROLLING_BACK, RefreshStatus.ROLLED_BACK}
        if old.protected and node.protected and refresh.protected is not Handling.REFRESH and not goes_back:
            raise self.world.broke("21 refresh", f"node {node.id} was protected")
        forward = {stood.status, refresh.status} <= FORWARD | {RefreshStatus.SUCCESSFUL}
        if not refresh.skip_matching or not forward or old.leaves_for is LeavesFor.REFRESH:
            return
        if old.state in REBUILDING:  # it is already of what it is rebuilt from, and did not come up with that
            return
        if self._matching.matches(old, refresh, step.cluster):
            raise self.world.broke("21 refresh", f"node {node.id} is as it was to be, and goes")

    def _is_ahead(self, node: Node, step: Step) -> bool:
        """Whether a node was launched for the refresh, before another goes."""
        entry = step.now.activities.get(node.activity_id or "")
        causes = set() if entry is None else {cause.kind for cause in entry.causes}
        return CauseKind.REFRESH_LAUNCH in causes and self._predecessor(node, step)

    def _predecessor(self, node: Node, step: Step) -> bool:
        old = step.now.nodes.get(node.replaces or "")
        return old is not None and old.counted


def to_end(now: State) -> list[str]:
    """Names of clusters whose refresh is under way, and has no node that it may have to wait for as long as it likes."""
    waiting = {node.cluster_id for node in now.nodes.values() if node.protected or node.state in PARKING | PARKED}
    clusters = (each for each in now.clusters.values() if each.refresh_id is not None and each.id not in waiting)
    return [each.name for each in clusters]


def _is_well(node: Node) -> bool:
    return node.state is NodeState.IN_SERVICE and node.health is Health.HEALTHY


class Refresher(Actor):
    """One user of one project, who has nodes replaced."""

    def __init__(self, user: User) -> None:
        super().__init__(user.world, user.scope, user.rng)
        self.user = user

    def deeds(self) -> Sequence[tuple[int, Deed]]:
        starts = 1 if self.world.mood.rebuilding else 6  # others start there
        return [(starts, self.start), (1, self.cancel), (4, self.roll_back), (1, self.hold)]

    def start(self) -> str:
        rng, name = self.rng, self.user._name()
        desired = None
        if rng.random() < 0.7:
            desired = SourceRequest(template_name=self.user._template(), version=rng.choice(("1", "2", "$Latest")))
        least, most = rng.choice(_PERCENTS)
        checkpoints = rng.choice(((), (), (50, 100), (50,)))
        request = RefreshRequest(
            desired=desired,
            minimum_percent=least,
            maximum_percent=most,
            warmup_seconds=rng.choice((0, 0, 30)),
            checkpoints=checkpoints,
            checkpoint_seconds=60 if checkpoints else None,
            skip_matching=rng.random() < 0.4,
            auto_rollback=desired is not None and rng.random() < 0.3,
            protected=rng.choice((None, Handling.IGNORE, Handling.REFRESH)),
            standby=rng.choice((None, Handling.IGNORE, Handling.TERMINATE)),
            bake_seconds=rng.choice((None, 60)),
        )
        return self.backend.refreshes.start(self.scope, name, request)

    def cancel(self) -> str:
        return self.backend.refreshes.cancel(self.scope, self._under_way(), wait=self.rng.random() < 0.5)

    def roll_back(self) -> str:
        return self.backend.refreshes.roll_back(self.scope, self._under_way())

    def _under_way(self) -> str:
        """The name of a cluster, most often of one that has a refresh under way."""
        with self.world.store.watch() as conn:
            own = (_rows.c.project_id == self.scope.project_id, _rows.c.ended_at.is_(None))
            names = sorted(conn.execute(select(_rows.c.cluster_name).where(*own)).scalars())
        return self.rng.choice(names) if names and self.rng.random() < 0.9 else self.user._name()

    def hold(self) -> None:
        name = self.user._name()
        with self.user.model.expects(self.user.model.suspended(self.user.key_of(name), {Process.INSTANCE_REFRESH})):
            self.backend.clusters.suspend(self.scope, name, [Process.INSTANCE_REFRESH])

    def let_end(self, now: State) -> None:
        """Processes run, so that what is under way may come to its end by itself."""
        for cluster in now.clusters.values():
            if cluster.project_id == self.scope.project_id and cluster.refresh_id is not None:
                self.user.resume(cluster.name)

    def settle(self, now: State) -> None:
        """What is under way is cancelled: nobody waits for nodes that stay protected."""
        for cluster in now.clusters.values():
            if cluster.project_id == self.scope.project_id and cluster.refresh_id is not None:
                self.backend.refreshes.cancel(self.scope, cluster.name, wait=False)
