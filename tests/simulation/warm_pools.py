"""Warm pools in a run: users who put and delete them, and what must hold of their nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from backend.domain.activity import ActivityKind, CauseKind
from backend.domain.cluster import ClusterSpec, Process
from backend.domain.ids import short_id
from backend.domain.node import IN_WARM_POOL, WARM, Health, Node, NodeState, ServerStatus
from backend.domain.warm_pools import PoolState, WarmPool, WarmPoolRequest
from tests.simulation.companion import Companion, Deed

if TYPE_CHECKING:
    from tests.simulation.model import Model
    from tests.simulation.rows import State
    from tests.simulation.step import Step
    from tests.simulation.users import User
    from tests.simulation.world import World

AT_REST = {
    NodeState.WARMED_STOPPED: ServerStatus.STOPPED,
    NodeState.WARMED_RUNNING: ServerStatus.ACTIVE,
    NodeState.WARMED_HIBERNATED: ServerStatus.PAUSED,
}
_ASLEEP = frozenset(AT_REST.values()) - {ServerStatus.ACTIVE}


class Preparers(Companion):
    """What users do with warm pools."""

    def deeds(self) -> Sequence[tuple[int, Deed]]:
        return (
            (6, self._put),
            (1, self._delete),
            (2, self._resize),
        )

    def _put(self, user: User) -> None:
        rng = self.world.rng
        request = WarmPoolRequest(
            minimum=rng.choice((None, 0, 1, 2)),
            prepared=rng.choice((None, None, -1, 0, 2, 5)),
            state=rng.choice((None, *PoolState)),
            reuse=rng.choice((None, True, True, False)),
        )
        user.backend.warm_pools.put(user.scope, user._name(), request)
        self.world.trace(f"{user.scope.project_id} {request}")

    def _delete(self, user: User) -> None:
        user.backend.warm_pools.delete(user.scope, user._name(), force=self.world.rng.random() < 0.7)

    def _resize(self, user: User) -> None:
        """Pools live by scaling: users do it here oftener than elsewhere."""
        user.resize()


def settled(now: State) -> str | None:
    """What is wrong with pools at rest: each holds as many nodes as it is to, all of them ready."""
    for cluster in now.clusters.values():
        here = [one for one in now.nodes.values() if one.cluster_id == cluster.id and one.state in IN_WARM_POOL]
        pool, spec = cluster.warm_pool, cluster.spec
        wanted = 0 if pool is None else _size(pool, spec)
        if (pool is not None and pool.deleting) or len(here) != wanted or any(one.state not in WARM for one in here):
            states = Counter(str(one.state) for one in here)
            return f"the pool of {cluster.name}: wants {wanted}, has {dict(states)}, {pool}"
        if pool is not None and pool.causes:
            return f"the pool of {cluster.name} still has causes {pool.causes}"
    return None


def _size(pool: WarmPool, spec: ClusterSpec) -> int:
    """How many nodes a pool is to hold, reckoned apart from the engine, whose own count may be what is wrong."""
    whole = spec.maximum if pool.prepared is None else pool.prepared
    return max(pool.minimum, whole - spec.desired, 0)


def resting(node: Node, status: ServerStatus | None, *, touched: bool) -> bool:
    """Whether the server of a node in the pool is as its state says; or, where somebody touched it, rests otherwise."""
    if touched and node.state is not NodeState.WARMED_RUNNING and status in _ASLEEP:
        return True
    return node.state not in AT_REST or status is AT_REST[node.state]


def remembered(world: World, model: Model, before: State, now: State) -> None:
    """What comes into the pool is as new: it has no protection of its own, and its zone succeeded."""
    for node in now.nodes.values():
        if node.state in IN_WARM_POOL:
            model.protected.pop(short_id(node.server_id or ""), None)
        old = before.nodes.get(node.id)
        if old is not None and old.state not in WARM and node.state in WARM:
            world.came_at[node.cluster_id, node.zone] = node.state_at


def drawn(step: Step) -> None:
    """Drawn is no more than lacks, nothing while launches are suspended, and nobody is launched past who is ready."""
    asleep = Process.LAUNCH in set(step.cluster.suspended) & set(step.before.clusters[step.cluster.id].suspended)
    pairs = list(step.nodes())
    came = [node for old, node in pairs if old is not None and old.state in WARM and node.state is NodeState.PENDING]
    if came and asleep:
        raise step.world.broke("24 suspended", f"{step.cluster.name}: {len(came)} nodes are drawn")
    counted = [node for _, node in pairs if node.counted]
    here = {node.id for node in counted}
    ahead = sum(node.replaces in here for node in counted)
    if came and len(counted) > step.cluster.spec.desired + ahead:
        detail = f"{step.cluster.name}: {len(came)} drawn, {len(counted)} nodes, wants {step.cluster.spec.desired}"
        raise step.world.broke("3 bounds", detail)
    cold = [node for old, node in pairs if old is None and node.state is NodeState.PENDING and not node.attached]
    ready = [node for old, node in pairs if old is not None and _ready(step, old) and _ready(step, node)]
    if ready and any(node.replaces is None for node in cold):
        detail = f"{step.cluster.name}: launched, and {[node.id[:4] for node in ready]} are ready"
        raise step.world.broke("30 warm pool", detail)
    _apart(step, pairs)


def _ready(step: Step, node: Node) -> bool:
    pool = step.cluster.warm_pool
    return (
        node.state in WARM
        and node.health is Health.HEALTHY
        and node.server_status is AT_REST[node.state]
        and node.zone in step.cluster.spec.zones
        and pool is not None
        and not pool.deleting
    )


def _apart(step: Step, pairs: Sequence[tuple[Node | None, Node]]) -> None:
    """Who is ready has never served since it came; who went back was well, and nobody goes back where none may."""
    for old, node in pairs:
        came = old is not None and old.state not in WARM and node.state in WARM
        if came and node.state is not NodeState.WARMED_RUNNING and node.server_status is ServerStatus.ACTIVE:
            raise step.world.broke("20 readiness", f"node {node.id} is {node.state}, its server runs")
        if node.state in WARM and (node.in_service_at is not None or node.counted):
            raise step.world.broke("30 warm pool", f"node {node.id} is {node.state}, and serves")
        returned = old is not None and old.state is NodeState.IN_SERVICE and node.state is NodeState.WARMED_PENDING
        if not returned:
            continue
        pool = step.cluster.warm_pool
        if pool is None or not pool.reuse or (old is not None and old.protected and node.protected):
            raise step.world.broke("30 warm pool", f"node {node.id} goes back, the pool is {pool}")
    for entry in step.opened(ActivityKind.RETURN):
        if CauseKind.SELECTED_FOR_WARM_POOL not in {cause.kind for cause in entry.causes}:
            raise step.world.broke("30 warm pool", f"entry {entry.id} does not tell why")
