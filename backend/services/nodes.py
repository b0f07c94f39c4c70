"""Single nodes as requests move them; the choice, the decrement and the journal are one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from backend.clock import Clock
from backend.domain.activity import Activity, ActivityKind, ActivityStatus, CauseKind, Reason, ReasonKind
from backend.domain.cluster import Cluster, ClusterStatus, Process
from backend.domain.cluster_findings import (
    ClusterDeleting,
    NodeNotFound,
    NodeNotInCluster,
    NodeStateConflict,
    ProcessSuspended,
)
from backend.domain.ids import short_id
from backend.domain.lifecycle_findings import NodeRetained
from backend.domain.node import (
    ENDING,
    KEPT,
    KEPT_WARM,
    LEAVING,
    PARKED,
    PARKING,
    SERVING,
    Health,
    LeavesFor,
    Member,
    Node,
    NodeState,
    capacity,
    leading_to,
    move,
)
from backend.domain.page import Page
from backend.domain.quotas import Quota
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.errors import LimitExceeded
from backend.policies import bounds
from backend.services import attachment, entries
from backend.store import activities, clusters, configurations, intents, journal, lifecycle, nodes, quotas
from backend.store.session import Connection, Store

T = TypeVar("T")

_TERMINABLE = (*leading_to(NodeState.TERMINATING), *sorted(KEPT_WARM))
_DETACHABLE = tuple(state for state in leading_to(NodeState.DETACHING) if state not in KEPT)
"""What is told where a node cannot be detached; one that is kept can be, too."""
_PARKABLE = leading_to(NodeState.ENTERING_STANDBY)
_PROTECTABLE = tuple(state for state in NodeState if state in SERVING | PARKING | PARKED)


class Nodes:
    """Terminates, attaches, detaches, parks and judges nodes, and lists them.

    Servers are named by their short id. Where several are named, all move or none.
    """

    def __init__(self, store: Store, cloud: Cloud, catalog: Catalog, clock: Clock) -> None:
        self._store = store
        self._cloud = cloud
        self._catalog = catalog
        self._clock = clock

    def page(
        self,
        scope: Scope,
        *,
        servers: Sequence[str] = (),
        limit: int,
        after: str | None = None,
        managed: bool = True,
    ) -> Page[tuple[str, Member]]:
        """(cluster name, member) pairs by server; unknown ``servers`` are left out."""
        with self._store.read() as conn:
            found = nodes.page(conn, scope, among=servers, limit=limit, after=after, managed=managed)
            named = {member.configuration for _, member in found.items if member.configuration is not None}
            gone = named - configurations.existing(conn, scope, named)
        if not gone:
            return found
        # A launch configuration that is no more is not told.
        items = [
            (name, member._replace(configuration=None) if member.configuration in gone else member)
            for name, member in found.items
        ]
        return Page(items, found.marker)

    def terminate(self, scope: Scope, server: str, *, decrement: bool) -> Activity:
        """End a node, whatever protects it; without decrement the engine replaces it.

        Raises:
            NodeNotFound, NodeStateConflict (it is being detached), BelowMinimum
        """
        now = self._clock.now()
        return self._of_server(
            scope, server, lambda conn, cluster, node: _terminate(conn, cluster, [node], now, decrement=decrement)
        )[0]

    def terminate_many(self, scope: Scope, name: str, servers: Sequence[str], *, decrement: bool) -> list[Activity]:
        """End several nodes of one cluster.

        Raises:
            ClusterNotFound, NodeNotInCluster, NodeStateConflict, BelowMinimum
        """
        now = self._clock.now()

        def work(conn: Connection) -> list[Activity]:
            cluster = clusters.lock(conn, scope, name)
            return _terminate(conn, cluster, _members(conn, scope, cluster, servers), now, decrement=decrement)

        return self._store.transact(work)

    def attach(self, scope: Scope, name: str, servers: Sequence[str]) -> list[Activity]:
        """Take running servers of the project into a cluster; the desired capacity rises by their number.

        Raises:
            ClusterNotFound, ClusterDeleting, ProcessSuspended, AboveMaximum
            ServerUnknown, ServerNotAttachable
            LimitExceeded: the project would have more nodes than it may.
            CloudNotReached, NotPermitted: the cloud could not be asked.
        """
        with self._store.read() as conn:
            # What is wrong with the cluster is told before anything of the servers.
            seen = clusters.get(conn, scope, name)
            if seen.status is ClusterStatus.DELETING:
                raise ClusterDeleting(name)
            if not seen.runs(Process.LAUNCH):
                raise ProcessSuspended(name, str(Process.LAUNCH))
        found = attachment.servers(self._cloud, self._catalog, scope, servers)
        now = self._clock.now()

        def work(conn: Connection) -> list[Activity]:
            cluster = intents.lock(conn, scope, name, needs=Process.LAUNCH)
            attachment.check(conn, scope, cluster, found)
            room = quotas.room(conn, scope)
            if room is not None and len(found) > room[0]:
                raise LimitExceeded(str(Quota.INSTANCES), room[1])
            made = [attachment.node(cluster, server, now) for server in found]
            desired = bounds.raised(cluster, capacity(made))
            opened = _journal(cluster, ActivityKind.ATTACH, CauseKind.USER_ATTACHED, made, now, step=1)
            nodes.adopt_many(
                conn, [attachment.with_activity(node, entry) for node, entry in zip(made, opened, strict=True)]
            )
            journal.begin(conn, opened)
            clusters.change(conn, cluster.id, now, **intents.desired_values(cluster, desired, now))
            return opened

        return self._store.transact(work)

    def detach(self, scope: Scope, name: str, servers: Sequence[str], *, decrement: bool) -> list[Activity]:
        """Let servers go on without the cluster; without decrement the engine replaces those that counted.

        Raises:
            ClusterNotFound, ClusterDeleting, NodeNotInCluster, NodeStateConflict, BelowMinimum
        """
        now = self._clock.now()

        def work(conn: Connection) -> list[Activity]:
            cluster = intents.lock(conn, scope, name)
            moving = _members(conn, scope, cluster, servers, (*_DETACHABLE, NodeState.TERMINATING_RETAINED))
            return _leave(conn, cluster, moving, NodeState.DETACHING, now, decrement=decrement)

        return self._store.transact(work)

    def enter_standby(self, scope: Scope, name: str, servers: Sequence[str], *, decrement: bool) -> list[Activity]:
        """Park nodes: they stay, are not counted and not checked.

        Raises:
            ClusterNotFound, ClusterDeleting, NodeNotInCluster, NodeStateConflict, BelowMinimum
        """
        now = self._clock.now()

        def work(conn: Connection) -> list[Activity]:
            cluster = intents.lock(conn, scope, name)
            moving = _members(conn, scope, cluster, servers, _PARKABLE)
            return _leave(conn, cluster, moving, NodeState.ENTERING_STANDBY, now, decrement=decrement)

        return self._store.transact(work)

    def exit_standby(self, scope: Scope, name: str, servers: Sequence[str]) -> list[Activity]:
        """Take parked nodes back; the desired capacity rises by their number.

        Raises:
            ClusterNotFound, ClusterDeleting, ProcessSuspended, NodeNotInCluster, NodeStateConflict, AboveMaximum
        """
        now = self._clock.now()

        def work(conn: Connection) -> list[Activity]:
            cluster = intents.lock(conn, scope, name, needs=Process.LAUNCH)
            parked = _members(conn, scope, cluster, servers, tuple(PARKED))
            returning = [move(node, NodeState.PENDING, now) for node in parked]
            desired = bounds.raised(cluster, capacity(returning))
            kind, cause = ActivityKind.EXIT_STANDBY, CauseKind.USER_EXITED_STANDBY
            opened = _journal(cluster, kind, cause, returning, now, step=1)
            _write(conn, parked, returning, opened)
            clusters.change(conn, cluster.id, now, **intents.desired_values(cluster, desired, now))
            return opened

        return self._store.transact(work)

    def set_health(
        self, scope: Scope, server: str, health: Health, *, respect_grace: bool = True, cluster_id: str | None = None
    ) -> None:
        """Judge a node as its user does; an unhealthy one is replaced, after its grace where that is respected.

        Args:
            cluster_id: the node must be of that cluster, for who may judge no other; and may whoever its operator is.

        Raises:
            NodeNotFound, ClusterManaged
        """
        now = self._clock.now()

        def work(conn: Connection, cluster: Cluster, node: Node) -> None:
            if cluster_id not in {None, cluster.id}:
                raise NodeNotFound(server)
            cause, due = None, None
            if health is Health.UNHEALTHY:
                cause = str(CauseKind.HEALTH_CUSTOM)
                due = now
                if respect_grace:
                    grace = timedelta(seconds=cluster.spec.health_grace_seconds)
                    due = max(now, (node.in_service_at or now) + grace)
            judged = replace(node, health=health, health_cause=cause, health_due_at=due)
            nodes.save(conn, [node], [judged])
            clusters.change(conn, cluster.id, now)

        self._of_server(scope, server, work, operated=cluster_id is None)

    def protect(self, scope: Scope, name: str, servers: Sequence[str], *, protected: bool) -> None:
        """Guard nodes against scale-in, or stop guarding them.

        Raises:
            ClusterNotFound, NodeNotInCluster, NodeStateConflict
        """
        now = self._clock.now()

        def work(conn: Connection) -> None:
            cluster = clusters.lock(conn, scope, name)
            found = _members(conn, scope, cluster, servers, _PROTECTABLE)
            nodes.save(conn, found, [replace(node, protected=protected) for node in found])
            clusters.change(conn, cluster.id, now)

        self._store.transact(work)

    def _of_server(
        self, scope: Scope, server: str, act: Callable[[Connection, Cluster, Node], T], *, operated: bool = True
    ) -> T:
        """Run a write on the node of a server, its cluster locked first and the node read after.

        Args:
            operated: where its cluster has an operator, nobody else may.
        """
        with self._store.read() as conn:
            seen = nodes.by_servers(conn, scope, [server]).get(server)
        if seen is None:
            raise NodeNotFound(server)

        def work(conn: Connection) -> T:
            cluster = clusters.lock_by_id(conn, seen.cluster_id)
            node = nodes.by_servers(conn, scope, [server]).get(server)
            if cluster is None or node is None or node.cluster_id != cluster.id:
                raise NodeNotFound(server)
            if operated:
                clusters.managed_by(cluster, scope)
            return act(conn, cluster, node)

        return self._store.transact(work)


def _members(
    conn: Connection, scope: Scope, cluster: Cluster, servers: Sequence[str], states: Sequence[NodeState] = ()
) -> list[Node]:
    """The cluster's nodes of those servers, in the order named, each once."""
    found = nodes.by_servers(conn, scope, servers)
    wanted = []
    for server in dict.fromkeys(servers):
        node = found.get(server)
        if node is None or node.cluster_id != cluster.id:
            raise NodeNotInCluster(server, cluster.name)
        if states and node.state not in states:
            told = tuple(str(state) for state in states if state not in KEPT)
            raise NodeStateConflict(server, str(node.state), told)
        wanted.append(node)
    return wanted


def _terminate(
    conn: Connection, cluster: Cluster, wanted: Sequence[Node], now: datetime, *, decrement: bool
) -> list[Activity]:
    told: dict[str, Activity] = {}
    moving = []
    for node in wanted:
        if node.state in ENDING:
            # Asked for twice: the activity that ends it is told again, and nothing is decremented twice.
            entry = activities.find(conn, node.activity_id) if node.activity_id else None
            if entry is not None:
                told[node.id] = entry
                continue
        elif node.state not in _TERMINABLE:
            required = tuple(str(state) for state in _DETACHABLE)
            raise NodeStateConflict(short_id(node.server_id or ""), str(node.state), required)
        moving.append(node)
    for node in moving:
        if node.activity_id is not None:
            reason = Reason(ReasonKind.SUPERSEDED)
            journal.end(conn, [node.activity_id], ActivityStatus.CANCELLED, now, reason)
    opened = _leave(conn, cluster, moving, NodeState.TERMINATING, now, decrement=decrement) if moving else []
    told |= {node.id: entry for node, entry in zip(moving, opened, strict=True)}
    return [told[node.id] for node in wanted]


_LEAVING = {
    NodeState.TERMINATING: (ActivityKind.TERMINATE, CauseKind.USER_TERMINATED),
    NodeState.DETACHING: (ActivityKind.DETACH, CauseKind.USER_DETACHED),
    NodeState.ENTERING_STANDBY: (ActivityKind.ENTER_STANDBY, CauseKind.USER_ENTERED_STANDBY),
}


def _leave(
    conn: Connection, cluster: Cluster, moving: Sequence[Node], state: NodeState, now: datetime, *, decrement: bool
) -> list[Activity]:
    """Move nodes out of the capacity; the desired one follows by those that counted, where that is wanted."""
    kind, cause = _LEAVING[state]
    for node in moving:
        if decrement and node.state in KEPT_WARM | {NodeState.TERMINATING_RETAINED}:
            raise NodeRetained(short_id(node.server_id or ""))
    # A cluster that is going has nothing desired any more: there is nothing to decrement.
    decrement = decrement and cluster.status is ClusterStatus.ACTIVE
    counted = capacity(moving) if decrement else 0
    change = intents.desired_values(cluster, bounds.lowered(cluster, counted), now) if counted else {}
    opened = _journal(cluster, kind, cause, moving, now, step=-1 if decrement else 0)
    # One that is on its way out already, and whose end nobody tells yet, stays where it is on that way.
    leaves_for = LeavesFor.REQUEST if state in LEAVING else None
    moved = [
        node if node.state in ENDING else replace(move(node, _goal(node, state), now), leaves_for=leaves_for)
        for node in moving
    ]
    _write(conn, moving, moved, opened)
    lifecycle.drop_of(conn, cluster, [node.id for node in moving])
    clusters.change(conn, cluster.id, now, **change)
    return opened


def _goal(node: Node, state: NodeState) -> NodeState:
    """Where a node moves: the end of what the warm pool kept is told as one of its own."""
    return NodeState.WARMED_TERMINATING if node.state in KEPT_WARM else state


def _journal(
    cluster: Cluster, kind: ActivityKind, cause: CauseKind, moving: Sequence[Node], now: datetime, *, step: int
) -> list[Activity]:
    """An entry a node; each tells of its own step of the desired capacity."""
    opened = []
    desired = cluster.spec.desired
    for node in moving:
        steps = None
        if step > 0 or (step < 0 and node.counted):
            steps = (desired, desired + step * node.weight)
            desired = steps[1]
        told = ActivityKind.WARM_TERMINATE if node.state in KEPT_WARM else kind
        opened.append(entries.opened(cluster, told, node, (entries.moved(cause, node, now, steps),), now))
    return opened


def _write(conn: Connection, before: Sequence[Node], after: Sequence[Node], opened: Sequence[Activity]) -> None:
    """Nodes as they have moved, each with the entry that was opened for its move."""
    journal.begin(conn, opened)
    told = [replace(node, activity_id=entry.id) for node, entry in zip(after, opened, strict=True)]
    nodes.save(conn, before, told)
