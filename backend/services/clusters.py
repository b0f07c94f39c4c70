"""Clusters as requests change and read them; each change is one transaction that leaves intent to the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import uuid4

from backend.clock import Clock
from backend.domain.activity import Cause, CauseKind
from backend.domain.cluster import (
    VOLUME_CHECK,
    Cluster,
    ClusterChange,
    ClusterSpec,
    ClusterStatus,
    ClusterView,
    DeletionProtection,
    NewCluster,
    Process,
    SourceRequest,
    TagMatch,
)
from backend.domain.cluster_findings import (
    ClusterBusy,
    ClusterExists,
    ClusterInUse,
    ClusterManaged,
    ClusterProtected,
    CoolingDown,
)
from backend.domain.lifecycle_findings import RetentionForbids
from backend.domain.mixes import Mix
from backend.domain.node import LEAVING, Member
from backend.domain.page import Page
from backend.domain.profile import LaunchConfiguration, LaunchSource
from backend.domain.quotas import Quota
from backend.domain.refresh_findings import RefreshHolds
from backend.domain.scope import Scope
from backend.domain.server_findings import ServerGroupNotFound
from backend.domain.volume_findings import NoVolumes
from backend.domain.warm_pools import beside
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.errors import StaleRead
from backend.policies import bounds
from backend.services import configurations, mixes, placement, sources, traffic, warm_pools
from backend.services import hooks as kept_hooks
from backend.services.catalog import asking
from backend.services.hooks import Hooks
from backend.services.mixes import Ground
from backend.store import activities, clusters, intents, lifecycle, nodes, quotas, refreshes, tags, watches
from backend.store import configurations as kept_configurations
from backend.store.activities import ActivityQuery
from backend.store.listening import Audience
from backend.store.session import Connection, Store

# A launch source as far as it can be looked up before the transaction; the rest is done within it.
_Source = Callable[[Connection], LaunchSource]


class _Made(NamedTuple):
    """What a change makes of what nodes are made from.

    Attributes:
        source: the launch source, None where the change has none.
        mix: what is then beside it.
        before: mix and source that it was made on.
    """

    source: _Source | None = None
    mix: Mix | None = None
    before: tuple[Mix | None, LaunchSource] | None = None


_TRIES: Final = 5
"""So often a change of a mix begins anew that others are quicker with."""


class Clusters:
    """Makes, changes, deletes and reads clusters.

    Args:
        everywhere: the operator named targets that hear of every cluster.
    """

    def __init__(
        self, store: Store, cloud: Cloud, catalog: Catalog, clock: Clock, hooks: Hooks, *, everywhere: bool = False
    ) -> None:
        self._store = store
        self._cloud = cloud
        self._catalog = catalog
        self._clock = clock
        self._hooks = hooks
        self._everywhere = everywhere

    def create(self, scope: Scope, wanted: NewCluster) -> Cluster:
        """Make a cluster; the engine launches its nodes.

        Raises:
            ClusterManaged: an operator is named who is not the one who asks.
            ClusterExists: the name is taken (also by a cluster that is being deleted).
            LimitExceeded: there are as many clusters as may be, or it would have too many tags or be too large.
            BoundsCrossed, CapacityOutOfBounds
            PlacementMissing, ZoneNotFound, SubnetNotFound, ZonesMismatch
            ServerGroupNotFound
            NoVolumes: it is to go by the health of volumes, and the cloud has none.
            ProfileNotFound, TemplateNotFound, TemplateVersionNotFound, TemplateUnusable, IamProfileNotFound,
            ServerUnknown: of the launch source.
            PoolNotFound: of the traffic sources; LimitExceeded where there are too many.
            HookIncomplete, TargetUnreached: of the lifecycle hooks.
            MixWithoutTemplate: of the mix.
            CloudNotReached, NotPermitted: the cloud could not be asked.
        """
        values = {"desired": wanted.values["minimum"], **wanted.values}
        bounds.check(values["minimum"], values["maximum"], values["desired"])
        operator = values.get("operator")
        if operator is not None and operator not in scope.names:  # nobody could change it
            raise ClusterManaged(wanted.name, operator)
        zones, subnets = self._place(scope, wanted)
        group = self._group(scope, values)
        self._check_volumes(values)
        mix: Mix | None = None
        if wanted.mix is not None:
            ground = Ground(self._store, self._catalog, scope, (zones, subnets), group)
            template, mix = mixes.mixed(ground, wanted.source, wanted.mix)
            source = _as_is(template)
        else:
            source = self._source(scope, wanted.source, (zones, subnets), wanted.name, group)
        mixes.check_capacity_type(values.get("capacity_type"), mix)
        pools = traffic.sources_of(self._store, self._catalog, scope, wanted.pools)
        cluster_id = str(uuid4())
        for hook in wanted.hooks:
            kept_hooks.check_new(hook)
        self._hooks.try_targets(scope, (cluster_id, wanted.name), wanted.hooks)
        now = self._clock.now()
        causes: tuple[Cause, ...] = ()
        if values["desired"]:
            causes = (Cause(CauseKind.USER_CREATED, now, {"before": 0, "after": values["desired"]}),)

        def work(conn: Connection) -> Cluster:
            quotas.check_more(conn, scope, Quota.CLUSTERS, clusters.count)
            quotas.check(conn, scope, Quota.TAGS, len(wanted.tags))
            quotas.check(conn, scope, Quota.SIZE, values["maximum"])
            traffic.check_number(conn, scope, pools)
            spec = ClusterSpec(source=source(conn), zones=zones, subnets=subnets, mix=mix, **values)
            made = Cluster(
                id=cluster_id,
                project_id=scope.project_id,
                region=scope.region,
                name=wanted.name,
                status=ClusterStatus.ACTIVE,
                spec=spec,
                suspended={},
                metrics=(),
                causes=causes,
                created_at=now,
                due_at=now,
                sources=pools,
                hooked=bool(wanted.hooks),
            )
            if (there := clusters.find(conn, scope, wanted.name)) is not None:
                raise ClusterExists(wanted.name, leaving=there.status is ClusterStatus.DELETING)
            clusters.insert(conn, made, wanted.tags)
            lifecycle.HOOKS.add(conn, scope, *(kept_hooks.made(made, each, now) for each in wanted.hooks))
            watches.ensure(conn, scope)
            return made

        return self._store.transact(work)

    def update(self, scope: Scope, name: str, change: ClusterChange) -> None:
        """Change what is named; nodes that are there keep what they were made from.

        Raises:
            ClusterNotFound, ClusterDeleting, BoundsCrossed, CapacityOutOfBounds
            ZoneNotFound, SubnetNotFound, ZonesMismatch, ServerGroupNotFound
            ProfileNotFound, TemplateNotFound, TemplateVersionNotFound, TemplateUnusable, IamProfileNotFound
            MixWithoutTemplate, WeightsIncomplete: of the mix.
            WarmPoolUnfit: its warm pool does not go with the mix.
            RefreshHolds: it names what nodes are made from while a refresh brings that.
            StaleRead: others changed its mix again and again meanwhile.
            CloudNotReached, NotPermitted: the cloud could not be asked.
        """
        placed: placement.Placement | None = None
        if not change.placement.is_empty:
            placed = placement.place(self._catalog, scope, change.placement)
        self._group(scope, change.values)
        self._check_volumes(change.values)
        for _ in range(_TRIES):
            made = self._changed_source(scope, name, change, placed)
            if self._update(scope, name, change, placed, made):
                return
        raise StaleRead(name)

    def _update(
        self, scope: Scope, name: str, change: ClusterChange, placed: placement.Placement | None, made: _Made
    ) -> bool:
        """Write a change; False where another one was quicker with the mix that this one was made on."""
        now, source, mix = self._clock.now(), made.source, made.mix

        def work(conn: Connection) -> bool:
            cluster = intents.lock(conn, scope, name)
            spec = cluster.spec
            _refuse_held(conn, cluster, change)
            if change.mix is not None and made.before != (spec.mix, spec.source):
                return False
            values = dict(change.values)
            minimum, maximum, desired = bounds.changed(spec, values)
            if maximum > spec.maximum:
                quotas.check(conn, scope, Quota.SIZE, maximum)
            values |= {"minimum": minimum, "maximum": maximum}
            values.pop("desired", None)
            if placed is not None:
                values["zones"], values["subnets"] = placement.merge(placed, spec)
            mixes.check_capacity_type(
                values.get("capacity_type", spec.capacity_type), spec.mix if source is None else mix
            )
            if cluster.warm_pool is not None and (source is not None or "capacity_type" in values):
                kind = values.get("capacity_type", spec.capacity_type)
                warm_pools.check_mix(name, spec.mix if source is None else mix, kind, joining=True)
            if source is not None:
                values |= {"source": source(conn), "mix": mix}
                if mix is not None or spec.mix is not None:
                    mixes.reweigh(conn, cluster.id, mix)
            data = {"minimum": minimum, "maximum": maximum, "desired": desired}
            cause = Cause(CauseKind.USER_UPDATED, now, {**data, "before": spec.desired, "after": desired})
            if cluster.warm_pool is not None:
                values["warm_pool"] = beside(cluster.warm_pool, spec, (maximum, desired), now)
            intents.desire(conn, cluster, desired, now, cause, **values)
            return True

        return self._store.transact(work)

    def resize(self, scope: Scope, name: str, desired: int, *, honor_cooldown: bool = False) -> None:
        """Set the desired capacity.

        Raises:
            ClusterNotFound, ClusterDeleting, CapacityOutOfBounds
            CoolingDown: the cooldown was to be honoured and is not over.
        """
        now = self._clock.now()

        def work(conn: Connection) -> None:
            cluster = intents.lock(conn, scope, name)
            spec = cluster.spec
            bounds.check_desired(spec.minimum, spec.maximum, desired)
            if honor_cooldown and cluster.cooldown_until is not None and cluster.cooldown_until > now:
                last = activities.page(conn, scope, ActivityQuery(cluster_id=cluster.id), 1).items
                raise CoolingDown(name, last[0].id if last else "")
            cause = Cause(CauseKind.USER_SET_DESIRED, now, {"before": spec.desired, "after": desired})
            intents.desire(conn, cluster, desired, now, cause)

        self._store.transact(work)

    def delete(self, scope: Scope, name: str, *, force: bool = False) -> None:
        """Delete a cluster: at once when it has no nodes, with ``force`` as soon as the engine has ended them.

        Raises:
            ClusterNotFound
            ClusterProtected: its deletion protection forbids it.
            RetentionForbids: it keeps nodes whose end is abandoned, and ``force`` was said.
            ClusterInUse: it has nodes and ``force`` was not said.
            ClusterBusy: its nodes are just coming or going and ``force`` was not said.
        """
        now = self._clock.now()

        def work(conn: Connection) -> None:
            cluster = clusters.lock(conn, scope, name)
            _refuse_protected(cluster, force=force)
            if force and cluster.spec.retain_abandoned:
                raise RetentionForbids(name)
            here = nodes.of_cluster(conn, cluster.id)
            if not here:
                refreshes.end_with_cluster(Audience(conn, cluster, self._everywhere), now)
                clusters.remove(conn, cluster.id, now)
                return
            if not force:
                settled = [node for node in here if node.server_id is not None and node.state not in LEAVING]
                raise ClusterInUse(name) if settled else ClusterBusy(name)
            if cluster.status is ClusterStatus.DELETING:
                return
            refreshes.end_with_cluster(Audience(conn, cluster, self._everywhere), now)
            empty = {"minimum": 0, "maximum": 0, "refresh_id": None, **intents.desired_values(cluster, 0, now)}
            pool = None if cluster.warm_pool is None else cluster.warm_pool.deleted()
            status = ClusterStatus.DELETING
            clusters.change(conn, cluster.id, now, status=status, force_delete=True, warm_pool=pool, **empty)

        self._store.transact(work)

    def suspend(self, scope: Scope, name: str, processes: Iterable[Process] = ()) -> None:
        """Stop processes, all of them where none is named; one that is suspended already keeps its time.

        Raises:
            ClusterNotFound, ClusterDeleting
        """
        now = self._clock.now()
        wanted = tuple(processes) or tuple(Process)
        self._set(scope, name, now, lambda cluster: {"suspended": {**dict.fromkeys(wanted, now), **cluster.suspended}})

    def resume(self, scope: Scope, name: str, processes: Iterable[Process] = ()) -> None:
        """Let processes run again, all of them where none is named.

        Raises:
            ClusterNotFound, ClusterDeleting
        """
        wanted = frozenset(processes) or frozenset(Process)

        def values(cluster: Cluster) -> Mapping[str, Any]:
            left = {name: at for name, at in cluster.suspended.items() if name not in wanted}
            return {"suspended": left, "given_up": cluster.given_up - wanted}

        self._set(scope, name, self._clock.now(), values)

    def collect_metrics(self, scope: Scope, name: str, metrics: Sequence[str]) -> None:
        """Switch metrics on beside those that are on.

        Raises:
            ClusterNotFound, ClusterDeleting
        """
        self._set(
            scope,
            name,
            self._clock.now(),
            lambda cluster: {"metrics": tuple(dict.fromkeys((*cluster.metrics, *metrics)))},
        )

    def drop_metrics(self, scope: Scope, name: str, metrics: Sequence[str]) -> None:
        """Switch metrics off.

        Raises:
            ClusterNotFound, ClusterDeleting
        """
        off = frozenset(metrics)
        self._set(
            scope,
            name,
            self._clock.now(),
            lambda cluster: {"metrics": tuple(metric for metric in cluster.metrics if metric not in off)},
        )

    def get(self, scope: Scope, name: str) -> Cluster:
        """The cluster of that name.

        Raises:
            ClusterNotFound
        """
        with self._store.read() as conn:
            return clusters.get(conn, scope, name)

    def page(
        self,
        scope: Scope,
        *,
        names: Sequence[str] = (),
        matches: Sequence[TagMatch] = (),
        limit: int,
        after: str | None = None,
        with_members: bool = True,
        managed: bool = True,
    ) -> Page[ClusterView]:
        """Clusters by name, with tags and (where wanted) members; unknown ``names`` are left out."""
        with self._store.read() as conn:
            found = clusters.page(conn, scope, limit=limit, among=names, matches=matches, after=after, managed=managed)
            ids = [cluster.id for cluster in found.items]
            tagged = tags.of(conn, ids)
            members = nodes.members(conn, ids) if with_members else {}
            members = _without_gone(conn, scope, found.items, members)
            warm = nodes.warm_counts(conn, [cluster.id for cluster in found.items if cluster.warm_pool is not None])
        views = [
            ClusterView(cluster, tagged.get(cluster.id, ()), members.get(cluster.id, ()), warm.get(cluster.id, 0))
            for cluster in found.items
        ]
        return Page(views, found.marker)

    def usage(self, scope: Scope) -> Mapping[Quota, tuple[int, int | None]]:
        """How many clusters and launch configurations the project has in the region, and may have."""
        with self._store.read() as conn:
            present = {
                Quota.CLUSTERS: clusters.count(conn, scope),
                Quota.CONFIGURATIONS: kept_configurations.count(conn, scope),
            }
            return {quota: (number, quotas.limit(conn, scope, quota)) for quota, number in present.items()}

    def _set(self, scope: Scope, name: str, now: datetime, values: Callable[[Cluster], Mapping[str, Any]]) -> None:
        def work(conn: Connection) -> None:
            cluster = intents.lock(conn, scope, name)
            clusters.change(conn, cluster.id, now, **values(cluster))

        self._store.transact(work)

    def _place(self, scope: Scope, wanted: NewCluster) -> placement.Placement:
        request = wanted.placement
        if request.is_empty and wanted.source.server is not None:
            # A group made after an instance lies where the instance does.
            zone = sources.server_of(self._cloud, scope, wanted.source.server).zone
            request = replace(request, zones=(zone,))
        return placement.place(self._catalog, scope, request)

    def _check_volumes(self, values: Mapping[str, Any]) -> None:
        """Who goes by volumes needs a cloud that has some. Raises NoVolumes."""
        if VOLUME_CHECK in values.get("health_checks", ()) and self._cloud.volumes is None:
            raise NoVolumes("")

    def _group(self, scope: Scope, values: Mapping[str, Any]) -> str | None:
        """The name of the server group that the values name, which must exist."""
        name: str | None = values.get("server_group")
        if name is not None:
            with asking():
                if self._catalog.server_group(scope, name=name) is None:
                    raise ServerGroupNotFound(name)
        return name

    def _source(
        self, scope: Scope, request: SourceRequest, place: placement.Placement, name: str, group: str | None
    ) -> _Source:
        """The launch source, checked against the cloud now, and against the store within the transaction."""
        if request.configuration is not None:
            configuration = request.configuration

            def named(conn: Connection) -> LaunchSource:
                return LaunchSource(sources.configuration_of(conn, scope, configuration).name)

            return named
        if request.server is not None:
            return self._source_of_server(scope, request.server, name)
        with self._store.read() as conn:
            version = sources.bound_template(conn, scope, sources.template_of(conn, scope, request))
        sources.try_template(self._catalog, scope, version, place, group)
        return lambda _: sources.template_source(request, version)

    def _changed_source(
        self, scope: Scope, name: str, change: ClusterChange, placed: placement.Placement | None
    ) -> _Made:
        if change.source is None and change.mix is None:
            return _Made()
        spec = self.get(scope, name).spec
        group, place = change.values.get("server_group", spec.server_group), placed or (spec.zones, spec.subnets)
        if change.mix is not None:
            ground = Ground(self._store, self._catalog, scope, place, group)
            template, mix = mixes.mixed(ground, change.source, change.mix, spec)
            return _Made(_as_is(template), mix, (spec.mix, spec.source))
        assert change.source is not None
        return _Made(self._source(scope, change.source, place, name, group))

    def _source_of_server(self, scope: Scope, server: str, name: str) -> _Source:
        found = sources.server_of(self._cloud, scope, server)
        with asking():
            spec = sources.spec_of_server(self._catalog, scope, found)
        made = LaunchConfiguration(str(uuid4()), scope.project_id, scope.region, name, spec, {}, self._clock.now())

        def kept(conn: Connection) -> LaunchSource:
            configurations.add(conn, scope, made)
            return LaunchSource(name)

        return kept


def _as_is(source: LaunchSource) -> _Source:
    return lambda _: source


def _without_gone(
    conn: Connection, scope: Scope, found: Sequence[Cluster], members: dict[str, list[Member]]
) -> dict[str, list[Member]]:
    """Members without the name of a launch configuration that is no more; a cluster's own one always exists."""
    own = {cluster.spec.source.configuration for cluster in found}
    older = {member.configuration for each in members.values() for member in each} - own - {None}
    gone = older - kept_configurations.existing(conn, scope, {name for name in older if name is not None})
    if not gone:
        return members
    return {
        cluster_id: [each._replace(configuration=None) if each.configuration in gone else each for each in here]
        for cluster_id, here in members.items()
    }


def _refuse_held(conn: Connection, cluster: Cluster, change: ClusterChange) -> None:
    refresh = None if change.source is None and change.mix is None else refreshes.active(conn, cluster)
    if refresh is not None and refresh.desired is not None:
        raise RefreshHolds(cluster.name)


def _refuse_protected(cluster: Cluster, *, force: bool) -> None:
    protection = cluster.spec.deletion_protection
    if protection is DeletionProtection.PREVENT_ALL or (force and protection is DeletionProtection.PREVENT_FORCE):
        raise ClusterProtected(cluster.name, str(protection))
