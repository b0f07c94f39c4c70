"""Where clusters take their traffic from: sources attached and detached, and pools and members as they are now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from backend.clock import Clock
from backend.domain.balancer_findings import PoolNotFound
from backend.domain.balancers import BalancerKind
from backend.domain.cluster import Cluster
from backend.domain.cluster_findings import SourceNotAttached
from backend.domain.ids import balancing_id, short_id
from backend.domain.page import Page
from backend.domain.quotas import Quota
from backend.domain.scope import Scope
from backend.domain.traffic import OUTGOING, MemberHealth, RegistrationState, SourceState, TrafficSource
from backend.drivers.balancing import Balancer, Listener, Pool
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.services.catalog import asking
from backend.store import clusters, intents, quotas, traffic
from backend.store.balancers import BALANCERS, GROUPS
from backend.store.session import Connection, Store

__all__ = ["Balancer", "Listener", "Pool", "PoolTarget", "TargetState", "Traffic"]

TargetState = MemberHealth | RegistrationState
"""Health of a member that takes traffic; ADDING of one on its way in, DRAINING of one on its way out."""


@dataclass(frozen=True, slots=True)
class PoolTarget:
    """A member of a pool, or what is about to be one.

    Attributes:
        server: short id of the node's server, None where the member is no node's.
    """

    server: str | None
    address: str
    port: int
    state: TargetState


class Traffic:
    """Attaches pools to clusters, and reads pools. Pools are named by the short id that their ARNs carry.

    Args:
        deregistration: how long the engine drains members.
    """

    def __init__(self, store: Store, cloud: Cloud, catalog: Catalog, clock: Clock, deregistration: timedelta) -> None:
        self._store = store
        self._cloud = cloud
        self._catalog = catalog
        self._clock = clock
        self.deregistration = deregistration

    def attach(self, scope: Scope, name: str, pools: Sequence[str]) -> None:
        """Let a cluster's nodes become members of pools; those that are attached already stay as they are.

        Raises:
            ClusterNotFound, ClusterDeleting
            PoolNotFound: one of them does not exist.
            LimitExceeded: the cluster would have more than 50.
            CloudNotReached, NotPermitted: the cloud could not be asked.
        """
        with self._store.read() as conn:
            clusters.get(conn, scope, name)  # its absence is told before anything of the pools
        found = sources_of(self._store, self._catalog, scope, pools)

        def joined(cluster: Cluster) -> tuple[TrafficSource, ...]:
            new = {source.pool_id: source for source in found}
            kept = [
                replace(source, state=SourceState.ADDING) if source.pool_id in new and not source.wanted else source
                for source in cluster.sources
            ]
            known = {source.pool_id for source in kept}
            return (*kept, *(source for source in found if source.pool_id not in known))

        self._change(scope, name, joined)

    def detach(self, scope: Scope, name: str, pools: Sequence[str]) -> None:
        """Let a cluster's nodes leave pools, which need not exist any more.

        Raises:
            ClusterNotFound, ClusterDeleting
            SourceNotAttached: one of them is not the cluster's.
        """

        def left(cluster: Cluster) -> tuple[TrafficSource, ...]:
            known = {balancing_id(source.pool_id) for source in cluster.sources}
            for pool in pools:
                if pool not in known:
                    raise SourceNotAttached(pool, name)
            return tuple(
                replace(source, state=SourceState.REMOVING) if balancing_id(source.pool_id) in pools else source
                for source in cluster.sources
            )

        self._change(scope, name, left)

    def page(
        self, scope: Scope, name: str, *, limit: int, after: str | None = None, classic: bool | None = None
    ) -> Page[TrafficSource]:
        """A cluster's sources in the order attached, those that are being detached among them.

        Args:
            classic: classic balancers alone, or all but these; None for both.

        Raises:
            ClusterNotFound
        """
        with self._store.read() as conn:
            found = clusters.get(conn, scope, name).sources
        sources = [source for source in found if classic is None or source.classic is classic]
        ids = [source.pool_id for source in sources]
        start = ids.index(after) + 1 if after in ids else 0
        here = sources[start : start + limit]
        return Page(tuple(here), here[-1].pool_id if len(sources) > start + limit else None)

    def pools(self, scope: Scope) -> Sequence[Pool]:
        """The cloud's own, but for those of target groups of ours. Raises CloudNotReached, NotPermitted."""
        with asking():
            return [each for each in self._cloud.balancing.pools(scope) if not each.made]

    def balancers(self, scope: Scope) -> Sequence[Balancer]:
        """The cloud's own, but for those of ours. Raises CloudNotReached, NotPermitted."""
        with asking():
            return [each for each in self._cloud.balancing.balancers(scope) if not each.made]

    def listeners(self, scope: Scope) -> Sequence[Listener]:
        """Those of the cloud's own balancers. Raises CloudNotReached, NotPermitted."""
        with asking():
            return [each for each in self._cloud.balancing.listeners(scope) if not each.made]

    def targets(self, scope: Scope, pool: str) -> tuple[Pool, Sequence[PoolTarget]]:
        """A pool and its members as they are now, with those that are on their way in.

        Raises:
            PoolNotFound
            CloudNotReached, NotPermitted: the cloud could not be asked.
        """
        with asking():
            found = self._catalog.pool(scope, pool)
            if found is None or found.made:
                raise PoolNotFound(pool)
            members = self._cloud.balancing.members(scope, found.id)
        with self._store.read() as conn:
            registered = {each.node_id: each for each in traffic.of_pool(conn, found.id)}
        told = []
        for member in members:
            mine = registered.pop(member.owner or "", None)
            leaves = member.weight == 0 or (mine is not None and mine.state in OUTGOING)
            server = None if mine is None else short_id(mine.server_id)
            state: TargetState = RegistrationState.DRAINING if leaves else member.health
            told.append(PoolTarget(server, member.address, member.port, state))
        told += [
            PoolTarget(short_id(each.server_id), each.address, each.port, RegistrationState.ADDING)
            for each in registered.values()
            if each.state is RegistrationState.ADDING
        ]
        return found, told

    def _change(self, scope: Scope, name: str, change: Callable[[Cluster], tuple[TrafficSource, ...]]) -> None:
        now = self._clock.now()

        def work(conn: Connection) -> None:
            cluster = intents.lock(conn, scope, name)
            sources = change(cluster)
            check_number(conn, scope, sources)
            if sources != cluster.sources:
                clusters.change(conn, cluster.id, now, sources=sources)

        self._store.transact(work)


def sources_of(store: Store, catalog: Catalog, scope: Scope, pools: Sequence[str]) -> tuple[TrafficSource, ...]:
    """New sources for pools, each once: target groups and classic balancers of ours, and pools of the cloud.

    Raises:
        PoolNotFound
        CloudNotReached, NotPermitted: the cloud could not be asked.
    """
    found = []
    with store.read() as conn:
        ours = GROUPS.of(conn, scope, pools)
        classic = {
            each.id: each
            for each in BALANCERS.of(conn, scope, pools).values()
            if each.kind is BalancerKind.CLASSIC and not each.gone
        }
    with asking():
        for short in dict.fromkeys(pools):
            if short in classic:
                found.append(TrafficSource(short, classic[short].name, 0))
                continue
            group = ours.get(short)
            if group is not None and not group.classic:
                found.append(TrafficSource(group.id, group.name, group.port))
                continue
            pool = catalog.pool(scope, short)
            if pool is None or pool.made:
                raise PoolNotFound(short)
            found.append(TrafficSource(pool.id, pool.name, pool.port))
    return tuple(found)


def check_number(conn: Connection, scope: Scope, sources: Sequence[TrafficSource]) -> None:
    """Raises LimitExceeded."""
    quotas.check(conn, scope, Quota.SOURCES, sum(source.wanted for source in sources))
