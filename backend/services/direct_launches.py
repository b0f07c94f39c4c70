"""Launches that somebody waits for: written as intent, made by an engine, and told of when the cloud has answered.

A request makes nothing itself. Whatever dies between, the engine's pass knows its nodes before the cloud is asked, and
the client's token brings the same launch again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from backend.clock import Clock
from backend.domain.cluster import Cluster, PlacementRequest, Process
from backend.domain.direct_launches import MOST_NODES, DirectLaunch, Outcome
from backend.domain.launch_findings import DirectLaunchRefused, Unfit, ZonesMismatch
from backend.domain.scope import Scope
from backend.domain.token import ClientToken
from backend.drivers.catalog import Catalog
from backend.errors import TokenReused
from backend.policies import bounds
from backend.services import placement
from backend.store import activities, clusters, direct_launches, intents
from backend.store.direct_launches import LAUNCHES
from backend.store.session import Connection, Store

SHORTEST, _LONGEST, _SHARE = 0.05, 1.0, 0.25
"""Seconds between two looks, at least and at most, and how much of what was waited for already they are."""


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """What is asked for: so many units, in one zone or subnet, or wherever the cluster is where it is in one zone.

    Attributes:
        retries: the cluster is to get by itself what cannot be made.
    """

    cluster: str
    capacity: int
    token: ClientToken
    placement: PlacementRequest
    retries: bool = False


class DirectLaunches:
    """Asks for direct launches, and tells what came of them."""

    def __init__(self, store: Store, catalog: Catalog, clock: Clock) -> None:
        self._store = store
        self._catalog = catalog
        self._clock = clock

    def ask(self, scope: Scope, wanted: LaunchRequest) -> tuple[DirectLaunch, bool]:
        """The launch of a token, and whether it was asked for before.

        Raises:
            ClusterNotFound, ClusterDeleting, ProcessSuspended
            DirectLaunchRefused: the cluster cannot be launched into like that.
            AboveMaximum: with what is asked for and not made yet.
            ZoneNotFound, SubnetNotFound, ZonesMismatch
            TokenReused: the token came with another request before.
            StaleRead: another request brought it a moment ago.
            CloudNotReached, NotPermitted: the cloud could not be asked where the subnet lies.
        """
        with self._store.read() as conn:
            before = _before(conn, scope, wanted.token)
            if before is not None:
                return before, True
            clusters.get(conn, scope, wanted.cluster)
        placed: placement.Placement = (), ()
        if not wanted.placement.is_empty:
            placed = placement.place(self._catalog, scope, wanted.placement)
        now = self._clock.now()

        def work(conn: Connection) -> tuple[DirectLaunch, bool]:
            cluster = intents.lock(conn, scope, wanted.cluster, needs=Process.LAUNCH)
            there = _before(conn, scope, wanted.token)
            if there is not None:
                return there, True
            waiting = sum(each.capacity for each in direct_launches.at_work(conn, cluster).values())
            made = _made(cluster, wanted, placed, now)
            bounds.raised(cluster, waiting + wanted.capacity)
            direct_launches.add(conn, scope, made)
            clusters.change(conn, cluster.id, now, launching=True)
            return made, False

        return self._store.transact(work)

    def outcome(self, scope: Scope, launch: DirectLaunch) -> Outcome:
        """What the journal tells of a launch that is done."""
        claims = launch.claimed
        with self._store.read() as conn:
            found = {claim.entry_id: activities.find(conn, claim.entry_id) for claim in claims}
        return Outcome(launch, [(claim, found[claim.entry_id]) for claim in claims])

    def pause(self, waited: float) -> Callable[[], bool]:
        """Whether it is time to look again; asked often, and from any thread.

        Args:
            waited: seconds that the caller has waited already: the longer, the rarer.
        """
        at = self._clock.monotonic() + min(max(waited * _SHARE, SHORTEST), _LONGEST)
        return lambda: self._clock.monotonic() >= at


def _before(conn: Connection, scope: Scope, token: ClientToken) -> DirectLaunch | None:
    found = LAUNCHES.one(conn, scope, token=token.value)
    if found is not None and found.fingerprint != token.fingerprint:
        raise TokenReused(token.value)
    return found


def _made(cluster: Cluster, wanted: LaunchRequest, placed: placement.Placement, now: datetime) -> DirectLaunch:
    """Source: Auto Scaling User Guide, "Launch instances synchronously"."""
    spec = cluster.spec
    if spec.source.template_id is None:
        raise DirectLaunchRefused(cluster.name, Unfit.NO_TEMPLATE)
    if wanted.capacity > MOST_NODES:
        raise DirectLaunchRefused(cluster.name, Unfit.TOO_MANY)
    if cluster.warm_pool is not None:
        raise DirectLaunchRefused(cluster.name, Unfit.WARM_POOL)
    if spec.mix is not None and spec.mix.wants_spot and not spec.mix.all_spot:
        raise DirectLaunchRefused(cluster.name, Unfit.TWO_CLASSES)
    zones, subnets = placed
    foreign = [subnet for subnet in subnets if subnet not in spec.subnets]
    if foreign:
        raise DirectLaunchRefused(cluster.name, Unfit.FOREIGN_SUBNET)
    if not zones and len(spec.zones) > 1:
        raise DirectLaunchRefused(cluster.name, Unfit.NO_ZONE)
    zone = zones[0] if zones else spec.zones[0]
    if zone not in spec.zones:
        raise ZonesMismatch((zone,))
    return DirectLaunch(
        str(uuid4()),
        cluster.id,
        cluster.name,
        wanted.token.value,
        wanted.token.fingerprint,
        wanted.capacity,
        zone,
        subnets[0] if subnets else None,
        wanted.retries,
        now,
    )
