"""Instance refreshes as requests start, cancel, roll back and read them; an engine carries them out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import uuid4

from backend.clock import Clock
from backend.domain.cluster import Cluster, ClusterSpec
from backend.domain.mixes import Mix
from backend.domain.node import LEAVING
from backend.domain.page import Page
from backend.domain.parameters import ALIAS
from backend.domain.profile import LaunchSource
from backend.domain.refresh_findings import (
    AlarmNotFound,
    AlarmRings,
    NoRefresh,
    RefreshFlaw,
    RefreshIrreversible,
    RefreshRefused,
    RefreshUnderWay,
)
from backend.domain.refreshes import (
    CHECKPOINT_SECONDS,
    MINIMUM_PERCENT,
    WIDEST,
    Refresh,
    RefreshReason,
    RefreshRequest,
    RefreshStatus,
    RefreshStrategy,
    RollbackCause,
    document,
)
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.errors import StaleRead
from backend.policies.replacement import LAUNCH_FIRST
from backend.services import mixes, sources, warm_pools
from backend.services.mixes import Ground
from backend.store import alarms, clusters, intents, nodes, refreshes, templates, watches
from backend.store.listening import Audience
from backend.store.session import Connection, Store

TOLD_FOR: Final = timedelta(days=42)
_REVERSIBLE: Final = frozenset({RefreshStatus.IN_PROGRESS, RefreshStatus.BAKING})
_MOVING: Final = frozenset({None, "$Latest", "$Default"})
"""Versions of a template that are another one each time."""
_TRIES: Final = 5
"""So often a start begins anew that others are quicker than with the mix."""


class _Brought(NamedTuple):
    source: LaunchSource | None = None
    mix: Mix | None = None


class Refreshes:
    """Starts, cancels, rolls back and lists instance refreshes.

    Args:
        everywhere: the operator named targets that hear of every cluster.
    """

    def __init__(self, store: Store, catalog: Catalog, clock: Clock, *, everywhere: bool = False) -> None:
        self._store = store
        self._catalog = catalog
        self._clock = clock
        self._everywhere = everywhere

    def now(self) -> datetime:
        """The time by which what is waited for is told."""
        return self._clock.now()

    def start(self, scope: Scope, name: str, request: RefreshRequest) -> str:
        """Have a cluster's nodes replaced; the id of what does it.

        Raises:
            ClusterNotFound, ClusterDeleting, RefreshUnderWay
            TemplateNotFound, TemplateVersionNotFound, TemplateUnusable: of what it is to bring.
            MixWithoutTemplate, SpotRefused, TemplateAsksSpot, CapacityTypeUnfit, WarmPoolUnfit: of the mix it brings.
            StaleRead: others changed the cluster's mix again and again meanwhile.
            RefreshRefused: see RefreshFlaw.
            AlarmNotFound, AlarmRings
            CloudNotReached, NotPermitted: the cloud could not be asked.
        """
        for _ in range(_TRIES):
            with self._store.read() as conn:
                seen = clusters.get(conn, scope, name)
            started = self._start(scope, seen, request, self._brought(scope, seen, request))
            if started is not None:
                return started
        raise StaleRead(name)

    def _start(self, scope: Scope, seen: Cluster, request: RefreshRequest, brings: _Brought) -> str | None:
        """Write a new refresh; None where what the request left out is by now another than it was made on."""
        now, desired, mix = self._clock.now(), brings.source, brings.mix

        def work(conn: Connection) -> str | None:
            cluster = intents.lock(conn, scope, seen.name)
            spec = cluster.spec
            if refreshes.active(conn, cluster) is not None:
                raise RefreshUnderWay(cluster.name)
            if mix is not None and (spec.mix, spec.source) != (seen.spec.mix, seen.spec.source):
                return None
            if request.auto_rollback and not _is_reversible(conn, scope, spec):
                raise RefreshRefused(RefreshFlaw.NOT_REVERSIBLE)
            if request.skip_matching and not (desired or spec.source).is_template:
                raise RefreshRefused(RefreshFlaw.SKIPS_CONFIGURATION)
            if mix is not None:
                _check_mix(cluster, mix)
            if request.strategy is RefreshStrategy.REPLACE_ROOT_VOLUME:
                _check_rebuilds(conn, cluster, brings)
            _check_alarms(conn, scope, request.alarms)
            made = _made(cluster, request, brings, now, _maintenance(conn, cluster))
            refreshes.REFRESHES.add(conn, scope, made)
            clusters.change(conn, cluster.id, now, refresh_id=made.id)
            return made.id

        return self._store.transact(work)

    def cancel(self, scope: Scope, name: str, *, wait: bool = True) -> str:
        """End a refresh or its rollback where it is; its id.

        Args:
            wait: until what it launched and ended has come and gone.

        Raises:
            ClusterNotFound, NoRefresh
        """
        reason = RefreshReason.CANCELLED if wait else RefreshReason.CANCELLED_AT_ONCE

        def cancelled(_conn: Connection, refresh: Refresh, now: datetime) -> Refresh:
            status = RefreshStatus.CANCELLING
            told = {"kind": str(reason)}
            return replace(refresh, status=status, reason=told, progress_at=now, paused_until=None, bakes_until=None)

        return self._turn(scope, name, frozenset(RefreshStatus), cancelled, NoRefresh(name))

    def roll_back(self, scope: Scope, name: str) -> str:
        """Have what a refresh made replaced by what was there before; its id.

        Raises:
            ClusterNotFound, NoRefresh, RefreshIrreversible
        """

        def back(conn: Connection, refresh: Refresh, now: datetime) -> Refresh:
            spec = clusters.get(conn, scope, name).spec
            if refresh.desired is None or not _is_reversible(conn, scope, spec):
                raise RefreshIrreversible(name)
            return refresh.rolled_back(RollbackCause.USER, {}, now)

        return self._turn(scope, name, _REVERSIBLE, back, NoRefresh(name, rollback=True))

    def page(
        self, scope: Scope, name: str, *, ids: Sequence[str] = (), limit: int, after: str | None = None
    ) -> Page[Refresh]:
        """A cluster's refreshes of the last six weeks, newest first; unknown ``ids`` are left out.

        Raises:
            ClusterNotFound
        """
        since = self._clock.now() - TOLD_FOR
        with self._store.read() as conn:
            cluster = clusters.get(conn, scope, name)
            return refreshes.page(conn, cluster, limit=limit, among=ids, since=since, after=after)

    def _turn(
        self,
        scope: Scope,
        name: str,
        among: Collection[RefreshStatus],
        turned: Callable[[Connection, Refresh, datetime], Refresh],
        nothing: NoRefresh,
    ) -> str:
        now = self._clock.now()

        def work(conn: Connection) -> str:
            cluster = clusters.lock(conn, scope, name)
            refresh = refreshes.active(conn, cluster)
            if refresh is None or refresh.status not in among:
                raise nothing
            audience = Audience(conn, cluster, self._everywhere)
            refreshes.save(audience, refresh, turned(conn, refresh, now), now)
            clusters.change(conn, cluster.id, now)
            return refresh.id

        return self._store.transact(work)

    def _brought(self, scope: Scope, cluster: Cluster, request: RefreshRequest) -> _Brought:
        """What it is to bring, tried against the cloud; of a mix what is not named stays as it is."""
        spec = cluster.spec
        place = spec.zones, spec.subnets
        if request.mix is not None:
            ground = Ground(self._store, self._catalog, scope, place, spec.server_group)
            return _Brought(*mixes.mixed(ground, request.desired, request.mix, spec))
        if request.desired is None:
            return _Brought()
        with self._store.read() as conn:
            version = sources.bound_template(conn, scope, sources.template_of(conn, scope, request.desired))
        sources.try_template(self._catalog, scope, version, place, spec.server_group)
        return _Brought(sources.template_source(request.desired, version))


def _check_mix(cluster: Cluster, mix: Mix) -> None:
    """Refuse a mix that the cluster could not have by itself.

    Raises:
        CapacityTypeUnfit, WarmPoolUnfit
    """
    kind = cluster.spec.capacity_type
    mixes.check_capacity_type(kind, mix)
    if cluster.warm_pool is not None:
        warm_pools.check_mix(cluster.name, mix, kind, joining=True)


def _check_rebuilds(conn: Connection, cluster: Cluster, brings: _Brought) -> None:
    """Refuse to replace root disks where not every node can be told what by.

    Raises:
        RefreshRefused

    Source: Auto Scaling User Guide, "Replace root volumes during instance refresh": its requirements and limitations.
    """
    mix = brings.mix
    if mix is None or cluster.spec.mix is None:
        raise RefreshRefused(RefreshFlaw.NEEDS_MIX)
    if not mix.overrides or any(each.image is None for each in mix.overrides):
        raise RefreshRefused(RefreshFlaw.NEEDS_IMAGES)
    sources_brought = [brings.source, *(each.source for each in mix.overrides)]
    if any(each is not None and each.template_version in _MOVING for each in sources_brought):
        raise RefreshRefused(RefreshFlaw.MOVING_VERSION)
    if cluster.warm_pool is not None:
        raise RefreshRefused(RefreshFlaw.WARM_POOL)
    known = {each.instance_type for each in mix.overrides}
    here = {node.instance_type for node in nodes.of_cluster(conn, cluster.id) if node.state not in LEAVING}
    if not mix.by_requirements and not here <= known:
        raise RefreshRefused(RefreshFlaw.FOREIGN_TYPES)


def _is_reversible(conn: Connection, scope: Scope, spec: ClusterSpec) -> bool:
    """Whether all that a cluster launches from is the same each time."""
    return all(_is_fixed(conn, scope, each) for each in mixes.sources_of(spec))


def _is_fixed(conn: Connection, scope: Scope, source: LaunchSource) -> bool:
    """Whether what is launched from a source is the same each time.

    Source: RollbackInstanceRefresh in the model: no Systems Manager parameter for the image, no ``$Latest`` or
    ``$Default``.
    """
    if not source.is_template:
        return True
    if source.template_version in _MOVING:
        return False
    template = templates.find(conn, scope, template_id=source.template_id)
    version = None if template is None else templates.version_of(conn, template, source.template_version)
    return version is None or not (version.spec.image or "").startswith(ALIAS)


def _check_alarms(conn: Connection, scope: Scope, names: Sequence[str]) -> None:
    if not names:
        return
    ringing = alarms.ringing(conn, scope, names)
    for name in names:
        if name not in ringing:
            raise AlarmNotFound(name)
        if ringing[name]:
            raise AlarmRings(name)


def _maintenance(conn: Connection, cluster: Cluster) -> tuple[int | None, int | None]:
    """The percentages of the cluster's maintenance policy, or those that the project has for clusters without one."""
    spec = cluster.spec
    if spec.maintenance_minimum_percent is None and watches.standing(conn, cluster.scope)[1]:
        return LAUNCH_FIRST
    return spec.maintenance_minimum_percent, spec.maintenance_maximum_percent


def _made(
    cluster: Cluster,
    request: RefreshRequest,
    brings: _Brought,
    now: datetime,
    maintenance: tuple[int | None, int | None],
) -> Refresh:
    """A new refresh: what was not said is the cluster's to say, or the project's, or as usual."""
    spec, (least, most) = cluster.spec, maintenance
    minimum = request.minimum_percent
    if minimum is None:
        minimum = MINIMUM_PERCENT if least is None else least
    maximum = request.maximum_percent
    if maximum is None and most is not None:
        maximum = min(most, minimum + WIDEST)
    warmup = spec.health_grace_seconds if spec.warmup_seconds is None else spec.warmup_seconds
    seconds = request.checkpoint_seconds
    return Refresh(
        id=str(uuid4()),
        project_id=cluster.project_id,
        region=cluster.region,
        cluster_id=cluster.id,
        cluster_name=cluster.name,
        strategy=request.strategy,
        status=RefreshStatus.PENDING,
        requested_at=now,
        minimum_percent=minimum,
        maximum_percent=maximum,
        warmup_seconds=warmup if request.warmup_seconds is None else request.warmup_seconds,
        checkpoints=request.checkpoints,
        checkpoint_seconds=CHECKPOINT_SECONDS if seconds is None and request.checkpoints else seconds,
        skip_matching=request.skip_matching,
        auto_rollback=request.auto_rollback,
        protected=request.protected,
        standby=request.standby,
        alarms=request.alarms,
        bake_seconds=request.bake_seconds,
        desired=document(brings.source, brings.mix),
    )
