"""Instance refreshes as requests start, cancel, roll back and read them; an engine carries them out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from backend.clock import Clock
from backend.domain.cluster import Cluster, SourceRequest
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
    RollbackCause,
    document,
)
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.policies.replacement import LAUNCH_FIRST
from backend.services import sources
from backend.store import alarms, clusters, intents, refreshes, templates, watches
from backend.store.listening import Audience
from backend.store.session import Connection, Store

TOLD_FOR: Final = timedelta(days=42)
_REVERSIBLE: Final = frozenset({RefreshStatus.IN_PROGRESS, RefreshStatus.BAKING})
_MOVING: Final = frozenset({None, "$Latest", "$Default"})
"""Versions of a template that are another one each time."""


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
            RefreshRefused: see RefreshFlaw.
            AlarmNotFound, AlarmRings
            CloudNotReached, NotPermitted: the cloud could not be asked.
        """
        with self._store.read() as conn:
            seen = clusters.get(conn, scope, name)
        desired = None if request.desired is None else self._desired(scope, seen, request.desired)
        now = self._clock.now()

        def work(conn: Connection) -> str:
            cluster = intents.lock(conn, scope, name)
            if refreshes.active(conn, cluster) is not None:
                raise RefreshUnderWay(name)
            if request.auto_rollback and not _is_reversible(conn, scope, cluster.spec.source):
                raise RefreshRefused(RefreshFlaw.NOT_REVERSIBLE)
            if request.skip_matching and not (desired or cluster.spec.source).is_template:
                raise RefreshRefused(RefreshFlaw.SKIPS_CONFIGURATION)
            _check_alarms(conn, scope, request.alarms)
            made = _made(cluster, request, desired, now, _maintenance(conn, cluster))
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
            source = clusters.get(conn, scope, name).spec.source
            if refresh.desired is None or not _is_reversible(conn, scope, source):
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

    def _desired(self, scope: Scope, cluster: Cluster, request: SourceRequest) -> LaunchSource:
        """What it is to bring, tried against the cloud."""
        with self._store.read() as conn:
            version = sources.bound_template(conn, scope, sources.template_of(conn, scope, request))
        spec = cluster.spec
        sources.try_template(self._catalog, scope, version, (spec.zones, spec.subnets), spec.server_group)
        return sources.template_source(request, version)


def _is_reversible(conn: Connection, scope: Scope, source: LaunchSource) -> bool:
    """Whether what a cluster launches from is the same each time.

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
    desired: LaunchSource | None,
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
        desired=document(desired),
    )
