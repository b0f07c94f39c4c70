"""The engine's loop: claims what is due, lets its jobs run, and takes up those whose cloud calls are done.

One thread owns all jobs and every write to the store; only cloud calls run beside it. No job waits for another: a job
is a generator that is put aside while its calls are under way.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Protocol

from backend.clock import Clock
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.engine.calls import Call, Calls, ThreadedCalls
from backend.engine.cluster_pass import cluster_pass
from backend.engine.context import Context
from backend.engine.measures import Measures, Unmeasured
from backend.engine.observation import observe
from backend.engine.pools import look_at_pool
from backend.engine.settings import EngineSettings
from backend.store import garbage, leases, traffic, watches
from backend.store.leases import Claimer, Lease, WatchLease
from backend.store.session import Connection, Store
from backend.store.traffic import PoolLease

LOG = logging.getLogger(__name__)
_FAULT_PAUSE = timedelta(seconds=30)

__all__ = ["Engine", "EngineSettings", "Outcome", "Stop"]


class Stop(Protocol):
    """What tells the loop to end; a threading.Event is one."""

    def is_set(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one tick did.

    Attributes:
        clusters, watches, pools: claimed.
        faults: jobs that ended in an error of ours.
        under_way: jobs that wait for the cloud.
    """

    clusters: int = 0
    watches: int = 0
    faults: int = 0
    under_way: int = 0
    pools: int = 0

    @property
    def idle(self) -> bool:
        """Nothing was due."""
        return not (self.clusters or self.watches or self.pools or self.under_way)


@dataclass(slots=True)
class _Running:
    """A job that has begun."""

    lease: Lease | WatchLease | PoolLease
    steps: Generator[Sequence[Call], list[Any], None]
    held_at: datetime
    waits: Sequence[Future[Any]] = field(default=())


class Engine:
    """One engine. Any number of them may work on one store.

    Args:
        rng: seeds all chance of this engine.
        calls: runs the cloud calls; a bounded pool of threads by default, InlineCalls for tests.
        name: tells its claims apart from those of others.
        measures: kept nowhere by default.
    """

    def __init__(
        self,
        *,
        store: Store,
        cloud: Cloud,
        catalog: Catalog,
        clock: Clock,
        settings: EngineSettings,
        rng: Random,
        name: str,
        calls: Calls | None = None,
        measures: Measures | None = None,
    ) -> None:
        seed, told = rng.getrandbits(64), measures or Unmeasured()
        self._context = Context(store, cloud, catalog, clock, settings, name, seed, measures=told)
        self._settings = settings
        self._store = store
        self._clock = clock
        self._claimer = Claimer(name, settings.lease)
        self._calls: Calls = calls or ThreadedCalls(settings.calls, settings.calls_per_project)
        self._running: list[_Running] = []
        self._garbage_due_at: datetime | None = None
        self._pools_due_at: datetime | None = None
        self._measure_due_at: datetime | None = None

    @property
    def counters(self) -> Mapping[str, int]:
        """What was done since the start, by name."""
        return self._context.counters

    def run(self, stop: Stop) -> None:
        """Work until told to stop, then end what waits for the cloud; what takes too long is left to the next claim."""
        poll = self._settings.poll.total_seconds()
        while not stop.is_set():
            outcome = self._guarded_tick()
            if outcome.under_way:
                self._calls.wait(poll)
            elif outcome.idle:
                self._clock.wait(poll)
        ends_at = self._clock.monotonic() + self._settings.drain.total_seconds()
        while self._running and self._clock.monotonic() < ends_at:
            self._calls.wait(poll)
            self._resume()
        self._calls.close()

    def tick(self, now: datetime) -> Outcome:
        """Claim what is due and do it, as far as the cloud has answered."""
        faults = self._resume()
        self._renew()
        watches = self._claim_watches(now)
        clusters = self._claim_clusters(now)
        pools = self._claim_pools(now)
        for watch in watches:
            faults += self._begin(watch, observe(self._context, watch))
        for cluster in clusters:
            faults += self._begin(cluster, cluster_pass(self._context, cluster))
        for pool in pools:
            faults += self._begin(pool, look_at_pool(self._context, pool))
        self._collect(now)
        self._measure(now)
        return Outcome(len(clusters), len(watches), faults, len(self._running), len(pools))

    def _guarded_tick(self) -> Outcome:
        """A tick that survives a store that is away."""
        try:
            return self.tick(self._clock.now())
        except Exception:
            LOG.exception("tick failed")
            self._context.count("failed_ticks")
            return Outcome(faults=1)

    def _claim_watches(self, now: datetime) -> list[WatchLease]:
        room = self._settings.watches_at_once - sum(isinstance(job.lease, WatchLease) for job in self._running)
        return leases.claim_watches(self._store, self._claimer, now, room) if room > 0 else []

    def _claim_clusters(self, now: datetime) -> list[Lease]:
        room = self._settings.clusters_at_once - sum(isinstance(job.lease, Lease) for job in self._running)
        return leases.claim(self._store, self._claimer, now, room) if room > 0 else []

    def _claim_pools(self, now: datetime) -> list[PoolLease]:
        """Asked for once a pause: ticks come with every answer of the cloud, and pools are in no such haste."""
        if self._pools_due_at is not None and now < self._pools_due_at:
            return []
        self._pools_due_at = now + self._settings.poll
        room = self._settings.pools_at_once - sum(isinstance(job.lease, PoolLease) for job in self._running)
        return traffic.claim_pools(self._store, self._claimer, now, room) if room > 0 else []

    def _begin(self, lease: Lease | WatchLease | PoolLease, steps: Generator[Sequence[Call], list[Any], None]) -> int:
        return self._advance(_Running(lease, steps, self._clock.now()), None)

    def _resume(self) -> int:
        waiting, self._running = self._running, []
        faults = 0
        for job in waiting:
            if all(future.done() for future in job.waits):
                faults += self._advance(job, job.waits)
            else:
                self._running.append(job)
        return faults

    def _advance(self, job: _Running, done: Sequence[Future[Any]] | None) -> int:
        """Let the job run until it waits or ends; 1 when it failed. One job's fault never stops the next."""
        try:
            while True:
                answers = None if done is None else [future.result() for future in done]
                asked = job.steps.send(answers) if answers is not None else next(job.steps)
                job.waits = self._calls.submit(asked)
                if not all(future.done() for future in job.waits):
                    self._running.append(job)
                    return 0
                done = job.waits
        except StopIteration:
            return 0
        except Exception:
            LOG.exception("a job failed: %s", job.lease)
            self._context.count("faults")
            self._put_off(job.lease)
            return 1

    def _put_off(self, lease: Lease | WatchLease | PoolLease) -> None:
        """What failed is tried again after a while."""
        due_at = self._clock.now() + _FAULT_PAUSE

        def work(conn: Connection) -> None:
            if isinstance(lease, Lease):
                leases.release(conn, lease, due_at)
            elif isinstance(lease, PoolLease):
                traffic.release_pool(conn, lease, due_at)
            else:
                leases.release_watch(conn, lease, due_at, lease.seen_until, lease.full_due_at)

        self._store.transact(work)

    def _renew(self) -> None:
        """Hold on to what waits long for the cloud."""
        now = self._clock.now()
        old = [job for job in self._running if now - job.held_at > self._settings.lease / 3]
        leases.renew(self._store, [job.lease for job in old if isinstance(job.lease, Lease)], self._claimer)
        watches = [job.lease for job in old if isinstance(job.lease, WatchLease)]
        leases.renew_watches(self._store, watches, self._claimer)
        traffic.renew_pools(self._store, [job.lease for job in old if isinstance(job.lease, PoolLease)], self._claimer)
        for job in old:
            job.held_at = now

    def _collect(self, now: datetime) -> None:
        """Delete what is past its retention, a bounded part at a time."""
        if self._garbage_due_at is not None and now < self._garbage_due_at:
            return
        settings = self._settings
        dropped = Counter(
            activities=self._store.transact(
                lambda conn: garbage.drop_activities(conn, now - settings.activity_retention, settings.garbage_rows)
            ),
            tokens=self._store.transact(
                lambda conn: garbage.drop_tokens(conn, now - settings.token_retention, settings.garbage_rows)
            ),
        )
        full = max(dropped.values()) == settings.garbage_rows
        self._garbage_due_at = now if full else now + settings.garbage

    def _measure(self, now: datetime) -> None:
        """Tell which projects refuse, whichever engine found that out."""
        if self._measure_due_at is not None and now < self._measure_due_at:
            return
        self._measure_due_at = now + self._settings.measure
        with self._store.read() as conn:
            self._context.measures.refusing(watches.refusing(conn))
