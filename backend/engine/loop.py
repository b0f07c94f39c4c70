"""The engine's loop: claims what is due, lets its jobs run, and takes up those whose cloud calls are done.

One thread owns all jobs and every write to the store; only cloud calls run beside it. No job waits for another: a job
is a generator that is put aside while its calls are under way. What kinds of work there are is ``kinds``' business.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Protocol

from backend import tracing
from backend.clock import Clock
from backend.domain.ids import derived_uuid
from backend.drivers.archives import Archive
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.housing import housed
from backend.drivers.terms import Term
from backend.engine.bell import Sleep, Undisturbed
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.kinds import KINDS, ROUNDS
from backend.engine.kinds.kind import AnyKind, Round
from backend.engine.lanes import Call, Calls, Lanes, held_by
from backend.engine.measures import Measures, Unmeasured
from backend.engine.membership import Membership, Standing
from backend.engine.settings import EngineSettings
from backend.errors import KeysUnreached, NewerWord
from backend.store.away import AWAY
from backend.store.homes import StoredHomes
from backend.store.leased import Claimer, Kinds, Lease, Room
from backend.store.outlets import Outlets
from backend.store.session import Store
from backend.tracing import UNTRACED, Origin, Role, Traces, Value

LOG = logging.getLogger(__name__)
_FAULT_PAUSE = timedelta(seconds=30)
_AWAY_SECONDS = 1.0  # between two looks whether the store is back

__all__ = ["Engine", "EngineSettings", "Outcome", "Stop"]


class Unwritable(Exception):
    """The store works, and does not take what a job writes."""


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
    """A job that has begun.

    Attributes:
        origin: what it is done for.
        waits: for these answers of the cloud,
        write: or for the store, that has not taken this yet,
        refused_at: since then,
        again_at: and is asked again then.
    """

    kind: AnyKind
    lease: Lease
    steps: Job
    origin: Origin
    waits: Sequence[Future[Any]] = field(default=())
    write: Write | None = None
    refused_at: datetime | None = None
    again_at: datetime | None = None

    def ready(self, now: datetime) -> bool:
        if self.write is not None:
            return self.again_at is None or self.again_at <= now
        return all(future.done() for future in self.waits)


class Engine:
    """One engine. Any number of them may work on one store.

    Args:
        rng: seeds all chance of this engine.
        calls: runs the cloud calls; lanes of threads by default, InlineCalls for tests.
        name: tells its claims apart from those of others.
        measures: kept nowhere by default.
        outlets: where messages go; by default there is no way to any target.
        archive: where old records go before they are deleted.
        membership: its place among others; without, it knows of none, and its leases alone tell them apart.
        bell: what it sleeps by.
        is_told: whether somebody rings now when there is work; what is due by itself it finds anyhow.
        traces: keep spans of its jobs.
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
        outlets: Outlets | None = None,
        archive: Archive | None = None,
        membership: Membership | None = None,
        bell: Sleep | None = None,
        is_told: Callable[[], bool] = lambda: False,
        traces: Traces = UNTRACED,
    ) -> None:
        seed, told = rng.getrandbits(64), measures or Unmeasured()
        # Sources of ours are spoken to through the pools that they have.
        cloud = housed(cloud, StoredHomes(store))
        self._context = Context(
            store,
            cloud,
            catalog,
            clock,
            settings,
            name,
            seed,
            measures=told,
            outlets=outlets or Outlets(),
            archive=archive,
        )
        self._settings = settings
        self._traces = traces
        self._store = store
        self._clock = clock
        self._claimer = Claimer(name, settings.lease)
        self._membership, self._bell, self._is_told = membership, bell or Undisturbed(clock), is_told
        self._calls: Calls = calls or Lanes(clock, settings.cloud_calls, rule=settings.breaker, ring=self._bell.ring)
        self._idle_looks = 0
        self._wanted: Callable[[], EngineSettings | None] | None = None
        self._kinds, self._rounds = kinds, rounds
        self._asked = Kinds({kind.name: kind.leased for kind in kinds})
        self._running: list[_Running] = []
        self._failed: list[tuple[AnyKind, Lease, datetime]] = []
        self._in_doubt: set[str] = set()
        self._away_since: float | None = None
        self._told_at: float | None = None
        self._newer: set[str] = set()
        self._keyless: set[str] = set()
        self._asked_at: dict[str, datetime] = {}
        self._round_due_at: dict[str, datetime] = {}

    @property
    def counters(self) -> Mapping[str, int]:
        """What was done since the start, by name."""
        return self._context.counters

    def reload(self, read: Callable[[], EngineSettings | None]) -> None:
        """Go by other settings from the next tick on; may be called by a handler of a signal.

        Args:
            read: the settings; None where they cannot be read: the engine goes on by those it has.
        """
        self._wanted = read

    def _take_settings(self) -> None:
        read, self._wanted = self._wanted, None
        settings = None if read is None else read()
        if settings is None:
            return
        self._settings = settings
        self._context = replace(self._context, settings=settings)  # what is under way goes on as it began
        self._claimer = replace(self._claimer, lease=settings.lease)
        if self._membership is not None:
            self._membership.take(settings)
        if isinstance(self._calls, Lanes):
            self._calls.resize(settings.cloud_calls)
        LOG.info("settings were read again")

    def run(self, stop: Stop) -> None:
        """Work until told to stop, then end what waits for the cloud; what takes too long is given back as it is."""
        told = False
        while not stop.is_set():
            outcome = self._guarded_tick()
            if outcome is not None and not told:
                told = True
                LOG.info("the engine starts: %s", self._claimer.name)
            self._rest(outcome)
        self._drain()
        self._calls.close()

    def _rest(self, outcome: Outcome | None) -> None:
        """Sleep until there may be something to do."""
        poll = self._settings.poll.total_seconds()
        if outcome is None:
            self._bell.wait(_AWAY_SECONDS)
        elif outcome.under_way:
            self._idle_looks = 0
            if isinstance(self._bell, Undisturbed):
                self._calls.wait(poll)  # nobody rings when they are done
            else:
                self._bell.wait(poll)
        elif outcome.idle:
            self._bell.wait(self._pause())
            self._idle_looks += 1
        else:
            self._idle_looks = 0

    def _pause(self) -> float:
        """How long nothing needs to be looked at: until something is due, or so long as looks are apart by now."""
        settings = self._settings
        apart = settings.poll * 2 ** min(self._idle_looks, 10)
        most = settings.beat if self._is_told() else min(apart, settings.poll_longest)
        try:
            due_at = self._asked.next_due(self._store)
        except AWAY:
            return _AWAY_SECONDS
        until = most if due_at is None else min(due_at - self._clock.now(), most)
        return max(until, min(settings.poll, most)).total_seconds()

    def _drain(self) -> None:
        """Claim nothing more, end what is under way, and give back what does not end in time."""
        poll, ends_at = (
            self._settings.poll.total_seconds(),
            self._clock.monotonic() + self._settings.drain.total_seconds(),
        )
        told = self._store_takes(self._membership.drain) if self._membership else True
        while self._running and self._clock.monotonic() < ends_at:
            self._calls.wait(poll)
            self._resume()
            # It may wait for longer than a lease: what is under way stays its own meanwhile.
            self._store_takes(partial(self._renew, self._clock.now()))
            if self._away_since is not None:
                self._clock.wait(poll)
            elif self._membership is not None:
                attend = partial(self._attend, self._membership, self._clock.now())
                told = self._store_takes(attend if told else self._membership.drain)
        if self._membership is not None:
            self._store_takes(self._membership.leave)
        for job in self._running:
            job.origin.span.end("GivenBack")

    def _store_takes(self, work: Callable[[], None]) -> bool:
        """Whether that was done; nothing is waited for by an engine that ends."""
        try:
            work()
        except AWAY as error:
            self._note_away(error)
            return False
        return True

    def tick(self, now: datetime) -> Outcome:
        """Claim what is due and do it, as far as the cloud has answered."""
        if self._wanted is not None:
            self._take_settings()
        if self._membership is not None:
            self._attend(self._membership, now)
            self._claimer = replace(self._claimer, share=self._membership.share)
        self._calls.wait(0)  # takes note of what has been answered
        faults = self._resume()
        self._renew(now)
        self._put_off()
        claimed: dict[str, int] = {}
        due = self._due(now)
        for kind in self._kinds:
            leases = self._claim(kind, now) if kind.name in due else []
            claimed[kind.name] = len(leases)
            for lease in leases:
                faults += self._advance(self._begun(kind, lease), None)
            if leases:
                due = self._due(now)  # what was done may have pulled other work
        for each in self._rounds:
            self._round(each, now)
        return Outcome(claimed, faults, len(self._running))

    def _attend(self, membership: Membership, now: datetime) -> None:
        """Be heard of. Who was not for long first looks what it still holds, whatever its leases say."""
        membership.attend()
        if membership.in_doubt:
            self._renew(now, every=True)
            membership.vouch()

    def _begun(self, kind: AnyKind, lease: Lease) -> _Running:
        """The job of a claim, done for whose sake it was called; what was due by itself has a name of its own."""
        asked_for, by = tracing.read(getattr(lease, kind.leased.heeded, None) if kind.leased.heeded else None)
        request_id = asked_for or derived_uuid("work", kind.name, *lease.key, str(lease.epoch))
        told: dict[str, Value] = {
            "coppice.request_id": request_id,
            "coppice.kind": kind.name,
            "coppice.key": "/".join(lease.key),
            "coppice.epoch": lease.epoch,
            "coppice.project": lease.scope.project_id,
            "coppice.region": lease.scope.region,
        }
        span = self._traces.begin(f"engine {kind.name}", Role.WORKS, told, links=[by] if by else ())
        return _Running(kind, lease, kind.work(self._context, lease), Origin(request_id, span))

    def _guarded_tick(self) -> Outcome | None:
        """A tick that survives a store that is away, and a fault; None: nothing is to be done for a moment."""
        try:
            outcome = self.tick(self._clock.now())
        except AWAY as error:
            self._note_away(error)
        except Exception:
            LOG.exception("tick failed")
        else:
            if self._away_since is None:
                return outcome
        self._context.count("failed_ticks")
        return None

    def _note_away(self, error: Exception) -> None:
        """Told once a second at most, and once while it lasts: each tick and each job meets it."""
        now = self._clock.monotonic()
        if self._away_since is None:
            self._away_since = now
            if self._told_at is not None and now < self._told_at + _AWAY_SECONDS:
                return
            self._told_at = now
            LOG.warning("the database cannot be asked, what is to be written waits: %s", str(error).splitlines()[0])

    def _note_back(self) -> None:
        if self._away_since is not None:
            LOG.warning("the database answers again, after %.0f s", self._clock.monotonic() - self._away_since)
            self._away_since = None

    def _due(self, now: datetime) -> set[str]:
        """The kinds that are to be claimed, and those of which nobody knows what came of the last claim."""
        due = self._asked.due(self._store, now, self._claimer.share)
        if not any(job.write for job in self._running):  # a store that is read may still take nothing
            self._note_back()
        return due | self._in_doubt

    def _claim(self, kind: AnyKind, now: datetime) -> list[Any]:
        """What is due of a kind and there is room for; where a region has none, others are asked for once a poll."""
        held = (job.lease.scope for job in self._running if job.kind is kind)
        room = Room(kind.at_once(self._settings), held)
        if kind.unhurried or room.full_regions:
            asked_at = self._asked_at.get(kind.name)
            if asked_at is not None and asked_at <= now < asked_at + self._settings.poll:
                return []
        self._asked_at[kind.name] = now
        if kind.name in self._in_doubt:
            self._disown(kind, now)
        self._in_doubt.add(kind.name)  # what is claimed by a transaction that nobody hears of is given back
        leases = kind.leased.claim(self._store, self._claimer, now, room)
        self._in_doubt.discard(kind.name)
        return leases

    def _disown(self, kind: AnyKind, now: datetime) -> None:
        held = [job.lease for job in self._running if job.kind is kind]
        held += [lease for failed, lease, _ in self._failed if failed is kind]
        self._store.transact(partial(kind.leased.abandon, owner=self._claimer.name, held=held, now=now))

    def _resume(self) -> int:
        faults = 0
        now = self._clock.now()
        for job in [job for job in self._running if job.ready(now)]:
            self._running.remove(job)
            faults += self._advance(job, job.waits)
        return faults

    def _advance(self, job: _Running, done: Sequence[Future[Any]] | None) -> int:
        """Let the job run until it waits or ends; 1 when it failed. One job's fault never stops the next."""
        try:
            tracing.during(job.origin, self._run_on, job, done)
        except StopIteration:
            job.origin.span.end()
            return 0
        except AWAY as error:  # nothing the cloud said is lost by that: it would be a Write
            job.origin.span.end("StoreAway")
            self._note_away(error)
            self._failed.append((job.kind, job.lease, self._clock.now()))
            return 0
        except NewerWord as newer:
            job.origin.span.end("NewerWord")
            self._leave(job, newer)
            return 0
        except KeysUnreached as error:  # whose user data cannot be opened now is launched nothing
            job.origin.span.end("KeysUnreached")
            self._hold(job, error)
            return 0
        except Exception as error:
            job.origin.span.end(type(error).__name__)
            LOG.exception("a job failed: %s", job.lease)
            self._context.count("faults")
            self._failed.append((job.kind, job.lease, self._clock.now() + _FAULT_PAUSE))
            return 1
        self._running.append(job)
        return 0

    def _leave(self, job: _Running, newer: NewerWord) -> None:
        """What a newer version wrote is left to engines of that version; told once of each word."""
        if newer.said not in self._newer:
            self._newer.add(newer.said)
            LOG.warning("left to a newer Coppice, which knows the %s %s: %s", newer.kind, newer.said, job.lease)
        self._context.count("left_to_newer")
        self._failed.append((job.kind, job.lease, self._clock.now() + _FAULT_PAUSE))

    def _hold(self, job: _Running, error: KeysUnreached) -> None:
        """What lies sealed waits for its keys, and with it this job; told once of each reason."""
        if str(error) not in self._keyless:
            self._keyless = {str(error)}
            LOG.warning("what lies sealed cannot be opened, what needs it waits: %s: %s", error, job.lease)
        self._context.count("keys_unreached")
        self._failed.append((job.kind, job.lease, self._clock.now() + _FAULT_PAUSE))

    def _run_on(self, job: _Running, done: Sequence[Future[Any]] | None) -> None:
        """Let the job run until it waits. Raises StopIteration where it ends, and whatever it raises."""
        while True:
            if job.write is not None:
                try:
                    told = self._store.transact(job.write.work)
                except AWAY as error:
                    self._wait_to_write(job, error)
                    return
                job.write = job.refused_at = None
                self._note_back()
            else:
                told = None if done is None else [future.result() for future in done]
            asked = job.steps.send(told)
            if isinstance(asked, Write):
                job.write = asked
                continue
            job.waits = done = self._calls.submit(_asked_for(job.origin, held_by(self._term(job.lease), asked)))
            if not all(future.done() for future in done):
                return

    def _term(self, lease: Lease) -> Term:
        """While what may calls be begun that a lease is held for."""
        return lease if self._membership is None else Standing(lease, self._membership)

    def _wait_to_write(self, job: _Running, error: Exception) -> None:
        """Raise the error where the store takes everything but this for as long as a lease."""
        now = self._clock.now()
        job.refused_at = job.refused_at or now
        if self._away_since is None and now - job.refused_at > self._settings.lease:
            raise Unwritable from error
        job.again_at = now + timedelta(seconds=_AWAY_SECONDS)
        self._note_away(error)

    def _put_off(self) -> None:
        """What failed is tried again after a while; it stays on the list until the store has taken note of that.

        A row that another transaction holds, which may be why it failed, holds up nothing else.
        """
        for each in list(self._failed):
            kind, lease, due_at = each
            if self._store.transact(partial(kind.leased.put_off, lease=lease, due_at=due_at)):
                self._failed.remove(each)

    def _renew(self, now: datetime, *, every: bool = False) -> None:
        """Hold on to what waits long for the cloud; what another engine has by now is dropped.

        Args:
            every: all, of which nobody knows whether others have given it back.
        """
        soon = self._settings.lease * 2 / 3
        until = self._clock.monotonic() + soon.total_seconds()
        for kind in self._kinds:
            old = [job for job in self._running if job.kind is kind and (every or job.lease.ends_by(now + soon, until))]
            if kind.leased.renew(self._store, [job.lease for job in old], self._claimer, doubted=every):
                self._note_back()
            for job in old:
                if job.lease.lost:
                    LOG.warning("another engine has taken over: %s", job.lease)
                    self._context.count("lost_leases")
                    self._running.remove(job)
                    job.steps.close()
                    job.origin.span.end("LeaseLost")

    def _round(self, each: Round, now: datetime) -> None:
        if now >= self._round_due_at.get(each.name, now):
            self._round_due_at[each.name] = now + each.work(self._context)


def _asked_for(origin: Origin, calls: Sequence[Call]) -> Sequence[Call]:
    """These calls, in whose threads it is known what they are for."""
    return [replace(call, ask=partial(tracing.during, origin, call.ask)) for call in calls]
