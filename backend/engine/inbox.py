"""Events of the cloud on their way to what is due: kept for a moment, put together, looked up. Decides nothing.

A flood of them costs no more than a look at a project in each pause, whoever sends it. What is dropped, or never came,
is found by the engines' own looks: nothing rests on an event.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from functools import partial
from math import inf
from typing import Final, Protocol

from backend.clock import Clock
from backend.domain.events import Event, Subject
from backend.domain.scope import Scope
from backend.engine.bell import Sleep
from backend.engine.measures import Measures
from backend.store import events
from backend.store.away import AWAY
from backend.store.events import ListenerRecord
from backend.store.session import Connection, Store

LOG = logging.getLogger(__name__)
SILENCE: Final = timedelta(seconds=30)
"""A listener that was not heard of for so long is none any more."""
_AWAY_SECONDS: Final = 1.0
_KEPT: Final = timedelta(hours=1)


class Stop(Protocol):
    def is_set(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class InboxRule:
    """What an inbox holds, and how fast it is emptied.

    Attributes:
        most: events that wait; of a region of which more come everything is looked at, instead.
        pause: between two times that a project is woken.
        gap: between two questions to the database.
        beat: how often it is told that somebody listens.
        everything: between two times that all of a region is woken.
    """

    most: int = 10_000
    pause: timedelta = timedelta(seconds=0.5)
    gap: timedelta = timedelta(seconds=0.05)
    beat: timedelta = timedelta(seconds=5)
    everything: timedelta = timedelta(seconds=30)


class Wish(StrEnum):
    """What is to be looked at."""

    SERVERS = "servers"
    POOLS = "pools"  # these
    BALANCING = "balancing"  # all of a project


@dataclass(slots=True, eq=False)
class _Mail:
    """What has come and was not looked up yet.

    Attributes:
        events: by the cloud's name of a region.
        flooded: regions of which more came than is kept.
        everybody: identities ended that are not kept: of whom is not known any more.
    """

    events: dict[tuple[str, Event], None] = field(default_factory=dict)
    flooded: set[str] = field(default_factory=set)
    everybody: bool = False
    heard: int = 0
    lost: int = 0

    def drop(self, region: str, event: Event) -> None:
        """There is no room for it: what stands for it is wider."""
        self.flooded.add(region)
        self.everybody = self.everybody or event.subject.is_identity

    def by_region(self, *subjects: Subject) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = {}
        for region, event in self.events:
            if event.subject in subjects:
                found.setdefault(region, set()).add(event.id)
        return found

    @property
    def ended(self) -> list[Event]:
        """Identities; of all regions alike."""
        found = dict.fromkeys(event for _, event in self.events if event.subject.is_identity)
        return list(found | ({Event(Subject.EVERYBODY): None} if self.everybody else {}))


class Inbox:
    """One listener's. ``put`` is for any thread, all else for one.

    Args:
        me: the process that it belongs to.
        bell: rung by what is put in.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        me: ListenerRecord,
        *,
        bell: Sleep,
        measures: Measures,
        rule: InboxRule | None = None,
    ) -> None:
        self._store, self._clock, self._measures, self._bell, self._me = store, clock, measures, bell, me
        self._rule = rule or InboxRule()
        self._mail = _Mail()
        self._lock = threading.Lock()
        self._wishes: dict[tuple[Wish, Scope], set[str]] = {}  # with the pools, where it is about some
        self._done_at: dict[tuple[Wish, Scope], float] = {}
        self._flooded: set[str] = set()  # regions of which all is to be looked at, as soon as it is their turn
        self._flooded_at: dict[str, float] = {}
        self._beat_at: float | None = None
        self._is_away = self._heard_since = False

    def put(self, region: str, event: Event | None) -> None:
        """Take an event; None: of no concern. It waits for nothing but another thread that does the same."""
        with self._lock:
            mail = self._mail
            mail.heard += 1
            if event is None or (region, event) in mail.events:
                return
            if len(mail.events) >= self._rule.most:
                mail.lost += 1
                mail.drop(region, event)
                return
            mail.events[region, event] = None
        self._bell.ring()

    def run(self, stop: Stop) -> None:
        """Deliver what comes until told to stop."""
        while not stop.is_set():
            rest = self.deliver()
            self._bell.wait(rest)
            if not stop.is_set():
                self._clock.wait(self._rule.gap.total_seconds())  # what comes together is looked up together
        try:
            self._store.transact(partial(events.forget_listener, name=self._me.name))
        except AWAY as error:
            LOG.debug("the database is not told of the end: %s", error)

    def deliver(self) -> float:
        """Look up what has come, and make due what it is about; for how long nothing has to be done then."""
        with self._lock:
            mail, self._mail = self._mail, _Mail()
        self._measures.count("events_heard", mail.heard)
        self._measures.count("events_lost", mail.lost)
        try:
            self._beat(mail.heard)
            self._look_up(mail)
            self._wake()
        except AWAY as error:
            self._keep(mail, error)
            return _AWAY_SECONDS
        self._is_away = False
        return self._pause()

    def _look_up(self, mail: _Mail) -> None:
        """What events are about, in this database; of servers that are nobody's here nothing remains."""
        now = self._clock.monotonic()
        self._flooded |= mail.flooded
        mail.flooded.clear()
        with self._store.read() as conn:
            for region, ids in mail.by_region(Subject.SERVER).items():
                self._wish(Wish.SERVERS, events.owners(conn, region, ids))
            for region, ids in mail.by_region(Subject.PORT).items():
                for scope, pools in events.pools_of(conn, region, ids).items():
                    self._wish(Wish.POOLS, [scope], pools)
            for region, projects in mail.by_region(Subject.BALANCER).items():
                here = events.watched(conn, projects)
                self._wish(Wish.BALANCING, (each for each in here if each.region == region))
            if mail.ended:
                self._wish(Wish.SERVERS, events.watched(conn, events.concerned(conn, mail.ended)))
            for region in sorted(self._flooded):
                if self._turn(region) <= now:
                    self._wish(Wish.SERVERS, events.watched_in(conn, region))
                    self._flooded_at[region] = now
                    self._flooded.remove(region)
        if mail.ended:
            self._store.transact(partial(events.end, events=mail.ended, now=self._clock.now()))
            self._measures.count("identities_ended", len(mail.ended))
        mail.events.clear()  # all of it is wished for now: where the rest has to wait nothing is told twice
        mail.everybody = False

    def _turn(self, region: str) -> float:
        """When all of a region may be looked at again."""
        looked_at = self._flooded_at.get(region)
        return -inf if looked_at is None else looked_at + self._rule.everything.total_seconds()

    def _wish(self, wish: Wish, scopes: Iterable[Scope], pools: Iterable[str] = ()) -> None:
        for scope in scopes:
            self._wishes.setdefault((wish, scope), set()).update(pools)

    def _wake(self) -> None:
        """Make due what was wished for, but for what was a moment ago."""
        now, pause = self._clock.monotonic(), self._rule.pause.total_seconds()
        self._done_at = {what: at for what, at in self._done_at.items() if now - at < pause}
        due = {what: pools for what, pools in self._wishes.items() if what not in self._done_at}
        if not due:
            return
        wishes = dict.fromkeys(wish for wish, _ in due)
        woken = sum(self._store.transact(partial(self._make_due, wish, due)) for wish in wishes)
        for what in due:
            del self._wishes[what]
            self._done_at[what] = now
        self._measures.count("events_woke", woken)

    def _make_due(self, wish: Wish, due: Mapping[tuple[Wish, Scope], set[str]], conn: Connection) -> int:
        """What is wished for in one way; each in a transaction of its own, for the sake of those who lock both."""
        now, scopes = self._clock.now(), [scope for each, scope in due if each is wish]
        if wish is Wish.SERVERS:
            return events.look(conn, scopes, now)
        if wish is Wish.BALANCING:
            return events.look_at_balancing(conn, scopes, now)
        return events.look_at_pools(conn, {pool for pools in due.values() for pool in pools}, now)

    def _beat(self, heard: int) -> None:
        """Tell that somebody listens, and when the last event came."""
        now = self._clock.monotonic()
        if self._beat_at is not None and now < self._beat_at + self._rule.beat.total_seconds():
            self._heard_since = self._heard_since or bool(heard)
            return

        def work(conn: Connection) -> None:
            at = self._store.lease_now(conn)
            if heard or self._heard_since:
                self._me = replace(self._me, heard_at=at)
            events.forget_listeners(conn, at - SILENCE)
            events.listens(conn, self._me, at)
            events.forget_ended(conn, self._clock.now() - _KEPT)

        self._store.transact(work)
        self._beat_at, self._heard_since = now, False

    def _keep(self, mail: _Mail, error: Exception) -> None:
        """The database is away: what has come waits, as far as there is room."""
        if not self._is_away:
            LOG.warning("the database cannot be asked, events wait: %s", str(error).splitlines()[0])
        self._is_away = True
        with self._lock:
            self._mail.flooded |= mail.flooded
            self._mail.everybody = self._mail.everybody or mail.everybody
            for region, event in mail.events:
                if len(self._mail.events) >= self._rule.most:
                    self._mail.drop(region, event)
                else:
                    self._mail.events[region, event] = None

    def _pause(self) -> float:
        beat = self._rule.beat.total_seconds()
        now, pause = self._clock.monotonic(), self._rule.pause.total_seconds()
        turns = [self._turn(region) - now for region in self._flooded]
        turns += [self._done_at.get(what, now) + pause - now for what in self._wishes]
        return max(0.0, min((beat, *turns)))
