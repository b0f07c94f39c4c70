"""An engine among the others of its installation: it is heard of, sees who is not, and knows what comes first to it.

What keeps two engines off the same row is its lease alone. This says whose turn it is, so that engines seldom contend,
and gives back what an engine that died had claimed, so that its work does not wait for the end of each lease.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from backend.clock import Clock
from backend.drivers.terms import Term
from backend.engine.kinds.kind import AnyKind
from backend.engine.settings import EngineSettings
from backend.store import engines
from backend.store.engines import EngineRecord
from backend.store.leased import Abandoned, Share
from backend.store.session import Connection, Store

LOG = logging.getLogger(__name__)
_HUSH = 2 / 3  # of its silence: so long has nobody heard of an engine that a coordinator misses, before it is dead
_SAFE = 1 / 2  # of it: so long has an engine been heard of that others may miss there
_IDS = 0x10000
_BEYOND = "zzzz"  # after every id: those of projects are of hexadecimal digits


@dataclass(frozen=True, slots=True)
class _Heard:
    """What one look told.

    Attributes:
        at: the database's time of it.
        among: whether the others still had this engine among them.
    """

    at: datetime
    among: bool
    records: Sequence[EngineRecord]


class Peers(Protocol):
    """Whom a coordinator has among the engines."""

    def present(self) -> frozenset[str] | None:
        """Names of those that are there now; None where that is not known."""

    def end(self) -> None:
        """Be there no more."""


class Membership:
    """One engine's place among the others. Only the thread of its loop calls any of this, but for ``lapsed``.

    A coordinator, where there is one, tells sooner who is not there any more, and has no say beyond that: who it does
    not have comes first to nothing, and is dead only where the database has not heard of it either, though for less
    long. Where it is away, or has forgotten everybody, all is as without it.

    Attributes:
        in_doubt: others may have given back what it held; whoever holds it looks what is left, and says ``vouch``.

    Args:
        me: its record.
        kinds: what it gives back of engines that died.
        peers: the coordinator.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        me: EngineRecord,
        settings: EngineSettings,
        kinds: Sequence[AnyKind],
        *,
        peers: Peers | None = None,
    ) -> None:
        self._store, self._clock, self._me = store, clock, me
        self._kinds, self._peers = kinds, peers
        self._met: AbstractSet[str] = frozenset()
        self._settings = settings
        self._heard_at: float | None = None
        self._seen_at: datetime | None = None
        self._is_overdue = True
        self._grace = self._safe_for(settings)
        self._steady_since = 0.0
        self.in_doubt = False
        self.share: Share | None = None

    @property
    def lapsed(self) -> bool:
        """It was not heard of for so long that others may take it for dead soon: it begins nothing at the cloud."""
        return self.in_doubt or self._is_late

    @property
    def _is_late(self) -> bool:
        return self._heard_at is None or self._clock.monotonic() - self._heard_at >= self._grace

    def _doubt(self, silent: timedelta | None = None) -> None:
        """What it holds may have been given back by now: to be heard of again does not tell what it may begin.

        Args:
            silent: for how long it was not heard of by the database's time, where that is known; else its own counts.
        """
        own = self._heard_at is not None and self._is_late
        late = own if silent is None else silent.total_seconds() >= self._grace
        self.in_doubt = self.in_doubt or late

    def vouch(self) -> None:
        """Whatever this engine holds by now is known to be its own."""
        self.in_doubt = False

    def attend(self) -> None:
        """Be heard of where it is time, see who else is there, and take over from those who are not any more."""
        now = self._clock.monotonic()
        due_at = now if self._heard_at is None else self._heard_at + self._settings.beat.total_seconds()
        if now < due_at and not self._is_overdue:
            return
        self._doubt()
        heard = self._store.transact(self._look)
        # A host that was halted, with all of its clocks, has missed nothing by its own. Others count by the database's.
        silent = timedelta(0) if self._seen_at is None else heard.at - self._seen_at
        self._doubt(silent)
        late = max(now - due_at, (silent - self._settings.beat).total_seconds())
        if self._is_late or late >= self._too_late(heard.records):
            self._steady_since = now
        if self._heard_at is not None and not heard.among:
            LOG.warning("the other engines took this one for dead: it is among them again")
        self._heard_at = now  # it was heard of then or later: it never thinks itself safe for longer than it is
        self._seen_at = heard.at
        self._is_overdue, self._grace = False, self._safe_for(self._settings)
        gone = self._missed({one.name for one in heard.records})
        living = sorted(
            one.name
            for one in heard.records
            if not one.draining and not one.is_silent(heard.at) and one.name not in gone
        )
        self.share = share_of(self._me.name, living, self._settings.share_patience)
        # Whoever was kept from the database itself cannot say who else was.
        for one in heard.records:
            silence = one.silence * (_HUSH if one.name in gone else 1)
            if one.seen_at <= heard.at - silence and now - self._steady_since >= silence.total_seconds():
                self._take_over(one, heard.at - silence)

    def _missed(self, known: AbstractSet[str]) -> AbstractSet[str]:
        """Engines that the coordinator had, and has no more; nobody where it cannot be asked."""
        present = None if self._peers is None else self._peers.present()
        if present is None:
            return frozenset()
        self._met = (self._met | present) & known
        return self._met - present

    def take(self, settings: EngineSettings) -> None:
        """Go by other settings, of which the others hear at once: they judge this engine by those that it told them."""
        self._settings, self._me = settings, replace(self._me, silence=settings.silence)
        # Until they have heard, the shorter of both counts: nobody knows what they went by while the database is away.
        self._is_overdue, self._grace = True, min(self._grace, self._safe_for(settings))

    def drain(self) -> None:
        """Tell the others that this one ends: what is due is theirs."""
        self._me = replace(self._me, draining=True)
        if self._peers is not None:
            self._peers.end()
        self._doubt()
        self._heard_at = None
        self.attend()

    def leave(self) -> None:
        """Give back what is still claimed, due at once, and be no engine any more."""
        self._give_back(self._me.name)
        self._store.transact(partial(engines.forget, name=self._me.name))

    def _safe_for(self, settings: EngineSettings) -> float:
        """For how many seconds after it was heard of an engine is safe: it may have to wait for its next beat."""
        safe = settings.silence - settings.beat
        return (safe if self._peers is None else min(safe, settings.silence * _SAFE)).total_seconds()

    def _look(self, conn: Connection) -> _Heard:
        now = self._store.lease_now(conn)
        among = engines.seen(conn, self._me, now)
        return _Heard(now, among, engines.all_of_them(conn))

    def _too_late(self, records: Sequence[EngineRecord]) -> float:
        """By how many seconds a beat of this engine is so late that others may have been kept from theirs as well."""
        shortest = min((one.silence for one in records), default=self._settings.silence)
        return max(shortest - 2 * self._settings.beat, shortest / 3).total_seconds()

    def _take_over(self, dead: EngineRecord, silent_since: datetime) -> None:
        """Give back what a dead engine had; it is taken out last, so that who dies in between leaves it to the next.

        What a transaction holds in which it died is left until the database has ended that: nobody waits for it here.
        """
        given_back, left = self._give_back(dead.name, silent_since)
        forget = partial(engines.forget_unseen, name=dead.name, before=silent_since)
        is_out = not left and self._store.transact(forget)
        if given_back or is_out:
            LOG.warning(
                "engine %s was not heard of for too long: %d claims of it are given back", dead.name, given_back
            )

    def _give_back(self, owner: str, silent_since: datetime | None = None) -> Abandoned:
        """A claim that is given back keeps its epoch: who claims it next raises that, and its late writes are void.

        Args:
            silent_since: nothing is given back of an engine that was heard of since, or that is gone.
        """
        now = self._clock.now()

        def work(conn: Connection, kind: AnyKind) -> Abandoned:
            if silent_since is not None and not engines.is_unseen(conn, owner, silent_since):
                return Abandoned(0, 0)
            return kind.leased.abandon(conn, owner, (), now, patient=False)

        found = [self._store.transact(partial(work, kind=kind)) for kind in self._kinds]
        return Abandoned(sum(each.given_back for each in found), sum(each.left for each in found))


def share_of(name: str, living: Sequence[str], patience: timedelta) -> Share | None:
    """The projects that come first to an engine: as many ids as to each other; None where it is alone, or not there.

    Args:
        living: names of all that claim, in the order that all of them see.
    """
    if name not in living or len(living) == 1:
        return None
    at, number = living.index(name), len(living)
    low = "" if at == 0 else f"{at * _IDS // number:04x}"
    high = _BEYOND if at == number - 1 else f"{(at + 1) * _IDS // number:04x}"
    return Share(low, high, patience)


@dataclass(frozen=True, slots=True)
class Standing:
    """A lease of an engine that must be heard of, too, for what it is held for to be begun."""

    lease: Term
    membership: Membership

    @property
    def over(self) -> bool:
        return self.lease.over or self.membership.lapsed

    @property
    def lost(self) -> bool:
        return self.lease.lost
