"""Warm pools as requests make, change, read and delete them; each change one transaction that leaves intent."""

from __future__ import annotations

from backend.clock import Clock
from backend.domain.cluster import Cluster
from backend.domain.mixes import Mix
from backend.domain.node import COOLING, IN_WARM_POOL, WARMING, Member
from backend.domain.page import Page
from backend.domain.refresh_findings import RefreshForbidsPool
from backend.domain.refreshes import RefreshStrategy
from backend.domain.scope import Scope
from backend.domain.warm_pool_findings import (
    UnfitMix,
    WarmPoolBusy,
    WarmPoolDeleting,
    WarmPoolInUse,
    WarmPoolNotFound,
    WarmPoolUnfit,
)
from backend.domain.warm_pools import WarmPool, WarmPoolRequest, put_cause
from backend.store import clusters, configurations, intents, nodes, refreshes
from backend.store.session import Connection, Store


class WarmPools:
    """Puts, deletes and describes the warm pools of clusters; the engine fills and empties them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def put(self, scope: Scope, name: str, request: WarmPoolRequest) -> None:
        """Give a cluster a warm pool, or change what is named of the one it has.

        Raises:
            ClusterNotFound, ClusterDeleting
            WarmPoolDeleting: the one it has is on its way out.
            WarmPoolUnfit: none goes with its mix.
            RefreshForbidsPool: none goes with its refresh that is under way.
        """
        now = self._clock.now()

        def work(conn: Connection) -> None:
            cluster = intents.lock(conn, scope, name)
            standing = cluster.warm_pool
            if standing is not None and standing.deleting:
                raise WarmPoolDeleting(name)
            check_mix(cluster.name, cluster.spec.mix, cluster.spec.capacity_type)
            _check_refresh(conn, cluster)
            wanted = request.applied(standing)
            sizes = (_size(cluster, standing), _size(cluster, wanted))
            cause = put_cause(standing, wanted, sizes, now)
            told = wanted if cause is None else wanted.remembering(cause)
            clusters.change(conn, cluster.id, now, warm_pool=told)

        self._store.transact(work)

    def delete(self, scope: Scope, name: str, *, force: bool = False) -> None:
        """Delete a cluster's warm pool: at once when it holds no nodes, with ``force`` when the engine has ended them.

        Raises:
            ClusterNotFound, ClusterDeleting, WarmPoolNotFound
            WarmPoolInUse: it holds nodes and ``force`` was not said.
            WarmPoolBusy: its nodes are just coming or going and ``force`` was not said.
        """
        now = self._clock.now()

        def work(conn: Connection) -> None:
            cluster = intents.lock(conn, scope, name)
            standing = cluster.warm_pool
            if standing is None:
                raise WarmPoolNotFound(name)
            states = {node.state for node in nodes.of_cluster(conn, cluster.id)} & IN_WARM_POOL
            if not states:
                clusters.change(conn, cluster.id, now, warm_pool=None)
                return
            if not force:
                raise WarmPoolBusy(name) if states <= WARMING | COOLING else WarmPoolInUse(name)
            if standing.deleting:
                return
            going = standing.deleted()
            cause = put_cause(standing, going, (_size(cluster, standing), 0), now)
            clusters.change(conn, cluster.id, now, warm_pool=going if cause is None else going.remembering(cause))

        self._store.transact(work)

    def page(
        self, scope: Scope, name: str, *, limit: int, after: str | None = None
    ) -> tuple[WarmPool | None, Page[Member]]:
        """The warm pool of a cluster, None where it has none, and its members by server.

        Raises:
            ClusterNotFound
        """
        with self._store.read() as conn:
            cluster = clusters.get(conn, scope, name)
            if cluster.warm_pool is None:
                return None, Page([])
            found = nodes.warm_page(conn, cluster.id, limit=limit, after=after)
            named = {member.configuration for member in found.items if member.configuration is not None}
            gone = named - configurations.existing(conn, scope, named)
        # A launch configuration that is no more is not told.
        items = [one._replace(configuration=None) if one.configuration in gone else one for one in found.items]
        return cluster.warm_pool, Page(items, found.marker)


def _check_refresh(conn: Connection, cluster: Cluster) -> None:
    """Refuse a warm pool while root disks are replaced, or while a mix is brought that goes with none.

    Raises:
        RefreshForbidsPool

    Source: Auto Scaling User Guide, "Replace root volumes during instance refresh": its limitations.
    """
    refresh = refreshes.active(conn, cluster)
    if refresh is None:
        return
    if refresh.strategy is RefreshStrategy.REPLACE_ROOT_VOLUME:
        raise RefreshForbidsPool(cluster.name)
    try:
        check_mix(cluster.name, refresh.mix, cluster.spec.capacity_type)
    except WarmPoolUnfit as found:
        raise RefreshForbidsPool(cluster.name) from found


def check_mix(cluster: str, mix: Mix | None, capacity_type: str | None, *, joining: bool = False) -> None:
    """Refuse a warm pool beside a mix that has Spot or weights, or beside capacity that is not in nodes.

    A pool's size is in nodes: of a group in vCPUs or MiB it would be of as many nodes as these are.

    Raises:
        WarmPoolUnfit

    Source: Auto Scaling User Guide, "Limitations for warm pools".
    """
    if mix is None:
        return
    if mix.wants_spot:
        raise WarmPoolUnfit(cluster, UnfitMix.SPOT, joining)
    if any(each.units is not None for each in mix.overrides):
        raise WarmPoolUnfit(cluster, UnfitMix.WEIGHTS, joining)
    if capacity_type not in {None, "units"}:
        raise WarmPoolUnfit(cluster, UnfitMix.CAPACITY_TYPE, joining)


def _size(cluster: Cluster, pool: WarmPool | None) -> int:
    return 0 if pool is None else pool.size(cluster.spec.maximum, cluster.spec.desired)
