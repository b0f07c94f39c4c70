"""The engine's loop: claims what is due, lets its jobs run, and takes up those whose cloud calls are done.

One thread owns all jobs and every write to the store; only cloud calls run beside it. No job waits for another: a job
is a generator that is put aside while its calls are under way. What kinds of work there are is ``kinds``' business.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Protocol

from backend.clock import Clock
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.engine.context import Context
from backend.engine.kinds import KINDS, ROUNDS
from backend.engine.kinds.kind import AnyKind, Round
from backend.engine.lanes import Calls, Job, Lanes, held_by
from backend.engine.measures import Measures, Unmeasured
from backend.engine.settings import EngineSettings
from backend.store.leased import Claimer, Lease, Room
from backend.store.session import Store

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
        claimed: how much of each kind of work.
        faults: jobs that ended in an error of ours.
        under_way: jobs that wait for the cloud.
    """

    claimed: Mapping[str, int] = field(default_factory=dict)
    faults: int = 0
    under_way: int = 0

    @property
    def idle(self) -> bool:
        """Nothing was due."""
        return not (self.under_way or any(self.claimed.values()))


@dataclass(slots=True, eq=False)
class _Running:
    """A job that has begun."""

    kind: AnyKind
    lease: Lease
    steps: Job
    waits: Sequence[Future[Any]] = field(default=())


class Engine:
    """One engine. Any number of them may work on one store.

    Args:
        rng: seeds all chance of this engine.
        calls: runs the cloud calls; lanes of threads by default, InlineCalls for tests.
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
        kinds: Sequence[AnyKind] = KINDS,
        rounds: Sequence[Round] = ROUNDS,
    ) -> None:
        seed, told = rng.getrandbits(64), measures or Unmeasured()
        self._context = Context(store, cloud, catalog, clock, settings, name, seed, measures=told)
        self._settings = settings
        self._store = store
        self._clock = clock
        self._claimer = Claimer(name, settings.lease)
        self._calls: Calls = calls or Lanes(clock, settings.cloud_calls, rule=settings.breaker)
        self._kinds, self._rounds = kinds, rounds
        self._running: list[_Running] = []
        self._failed: list[tuple[AnyKind, Lease, datetime]] = []
        self._asked_at: dict[str, datetime] = {}
        self._round_due_at: dict[str, datetime] = {}

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
        self._renew(now)
        self._put_off()
        claimed: dict[str, int] = {}
        for kind in self._kinds:
            leases = self._claim(kind, now)
            claimed[kind.name] = len(leases)
            for lease in leases:
                faults += self._advance(_Running(kind, lease, kind.work(self._context, lease)), None)
        for each in self._rounds:
            self._round(each, now)
        return Outcome(claimed, faults, len(self._running))

    def _guarded_tick(self) -> Outcome:
        """A tick that survives a store that is away."""
        try:
            return self.tick(self._clock.now())
        except Exception:
            LOG.exception("tick failed")
            self._context.count("failed_ticks")
            return Outcome(faults=1)

    def _claim(self, kind: AnyKind, now: datetime) -> list[Any]:
        """What is due of a kind and there is room for; where a region has none, others are asked for once a poll."""
        held = (job.lease.scope for job in self._running if job.kind is kind)
        room = Room(kind.at_once(self._settings), held)
        if kind.unhurried or room.full_regions:
            asked_at = self._asked_at.get(kind.name)
            if asked_at is not None and asked_at <= now < asked_at + self._settings.poll:
                return []
        self._asked_at[kind.name] = now
        return kind.leased.claim(self._store, self._claimer, now, room)

    def _resume(self) -> int:
        faults = 0
        for job in [job for job in self._running if all(future.done() for future in job.waits)]:
            self._running.remove(job)
            faults += self._advance(job, job.waits)
        return faults

    def _advance(self, job: _Running, done: Sequence[Future[Any]] | None) -> int:
        """Let the job run until it waits or ends; 1 when it failed. One job's fault never stops the next."""
        try:
            while True:
                answers = None if done is None else [future.result() for future in done]
                asked = job.steps.send(answers) if answers is not None else next(job.steps)
                job.waits = self._calls.submit(held_by(job.lease, asked))
                if not all(future.done() for future in job.waits):
                    self._running.append(job)
                    return 0
                done = job.waits
        except StopIteration:
            return 0
        except Exception:
            LOG.exception("a job failed: %s", job.lease)
            self._context.count("faults")
            self._failed.append((job.kind, job.lease, self._clock.now() + _FAULT_PAUSE))
            return 1

    def _put_off(self) -> None:
        """What failed is tried again after a while; it stays on the list until the store has taken note of that."""
        while self._failed:
            kind, lease, due_at = self._failed[0]
            self._store.transact(partial(kind.leased.release, lease=lease, due_at=due_at))
            self._failed.pop(0)

    def _renew(self, now: datetime) -> None:
        """Hold on to what waits long for the cloud; what another engine has by now is dropped."""
        soon = now + self._settings.lease * 2 / 3
        for kind in self._kinds:
            old = [job for job in self._running if job.kind is kind and job.lease.mark < soon]
            kind.leased.renew(self._store, [job.lease for job in old], self._claimer)
            for job in old:
                if job.lease.lost:
                    LOG.warning("another engine has taken over: %s", job.lease)
                    self._context.count("lost_leases")
                    self._running.remove(job)
                    job.steps.close()

    def _round(self, each: Round, now: datetime) -> None:
        if now >= self._round_due_at.get(each.name, now):
            self._round_due_at[each.name] = now + each.work(self._context)
