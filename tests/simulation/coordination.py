"""Engines among each other in a run: a coordinator that tells them what it likes, and what must hold whatever it says.

What is due is taken by whoever looks once it is overdue, nobody works on what another holds, and nobody who was heard of
is taken for dead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING

from backend.engine.kinds import KINDS
from backend.engine.lanes import Call
from backend.engine.membership import Membership
from backend.store.engines import EngineRecord
from backend.store.leases import ClusterLease
from backend.store.types import from_micros, to_micros
from tests.simulation.open_calls import lease_of

if TYPE_CHECKING:
    from tests.simulation.failing_store import FailingStore
    from tests.simulation.world import World

_STILL = (4, 8, 12, 20)
"""For how many seconds an engine stands still while the others go on."""
_HUSH = 2 / 3
"""Of its silence: sooner nobody is taken for dead, whatever a coordinator says."""
Word = Callable[["Roll", str], frozenset[str] | None]


class Roll:
    """The coordinator of one world.

    Attributes:
        living: the engines that there are, by number: each that starts anew has a new name.
        ever: all that there ever were.
    """

    def __init__(self, world: World) -> None:
        self.rng = Random(world.rng.getrandbits(64))
        self.is_there = self.rng.random() < 0.8
        self.living: dict[int, str] = {}
        self.ever: list[str] = []
        self.words: dict[str, Word] = {}

    def join(self, world: World, number: int, store: FailingStore) -> tuple[str, Membership]:
        """The name of an engine that starts, and its place among the others."""
        name = f"engine-{'abc'[number]}{len(self.ever)}"
        self.living[number] = name
        self.ever.append(name)
        now, settings = world.clock.now(), world.settings
        me = EngineRecord(name, "host", len(self.ever), "0", now, now, settings.silence)
        peers = _Seat(self, name) if self.is_there else None
        return name, Membership(store, store.clock, me, settings, KINDS, peers=peers)

    def say(self, name: str, word: Word) -> None:
        """From now on that is what it tells that engine."""
        self.words[name] = word

    def told(self, name: str) -> frozenset[str] | None:
        return self.words.get(name, truth)(self, name)


@dataclass(frozen=True)
class _Seat:
    """What one engine asks."""

    roll: Roll
    name: str

    def present(self) -> frozenset[str] | None:
        return self.roll.told(self.name)

    def end(self) -> None:
        """Engines of a run die; none is told to end."""


def truth(roll: Roll, _name: str) -> frozenset[str]:
    return frozenset(roll.living.values())


def away(_roll: Roll, _name: str) -> None:
    """It does not answer."""


def nobody(_roll: Roll, _name: str) -> frozenset[str]:
    """All are dead, also who asks."""
    return frozenset()


def alone(_roll: Roll, name: str) -> frozenset[str]:
    return frozenset({name})


def others(roll: Roll, name: str) -> frozenset[str]:
    """All but who asks."""
    return frozenset(roll.living.values()) - {name}


def the_dead(roll: Roll, _name: str) -> frozenset[str]:
    """Whoever was there once still is."""
    return frozenset(roll.ever)


def waves(roll: Roll, _name: str) -> frozenset[str]:
    """They come and go."""
    return frozenset(each for each in roll.ever if roll.rng.random() < 0.6)


WORDS: tuple[Word, ...] = (truth, truth, away, nobody, alone, others, the_dead, waves)


class Turns:
    """What must hold of who works on what."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._seen: dict[str, int] = {}
        self._holders: dict[tuple[str, int], str] = {}
        world.chaos.on_commit.append(self._committed)
        world.told.begun.append(self._begun)

    def overdue(self, now: datetime) -> Mapping[str, int]:
        """Clusters that nobody holds, and that are due for longer than any engine leaves them to another; epochs."""
        question = "SELECT id, epoch FROM clusters WHERE due_at <= ? AND (lease_until IS NULL OR lease_until <= ?)"
        since = to_micros(now - self.world.settings.share_patience)
        return dict(self.world.store.database.raw.execute(question, (since, to_micros(now))).fetchall())

    def ticked(self, number: int, began_at: datetime, overdue: Mapping[str, int]) -> None:
        """An engine has looked: what was overdue when it began has been taken, by it or meanwhile by another."""
        left = overdue.items() & self.overdue(began_at).items()
        if left:
            raise self.world.broke("35 turns", f"engine {number} leaves lie what is overdue: {sorted(left)}")

    def _committed(self) -> None:
        raw = self.world.store.database.raw
        for cluster_id, epoch, owner in raw.execute(
            "SELECT id, epoch, owner FROM clusters WHERE owner IS NOT NULL"
        ).fetchall():
            holder = self._holders.setdefault((cluster_id, epoch), owner)
            if holder != owner:
                raise self.world.broke("35 turns", f"{holder} and {owner} have cluster {cluster_id} as of {epoch}")
        seen = dict(raw.execute("SELECT name, seen_at FROM engines").fetchall())
        for name in self._seen.keys() - seen.keys():
            silence = self.world.clock.now() - from_micros(self._seen[name])
            if silence < self.world.settings.silence * _HUSH:
                raise self.world.broke("35 turns", f"{name} was heard of {silence} ago, and is taken for dead")
        self._seen = seen

    def _begun(self, call: Call) -> None:
        """What is begun at the cloud is for a cluster that is held at this moment."""
        lease = lease_of(call)
        if not isinstance(lease, ClusterLease):
            return
        question = "SELECT epoch, owner FROM clusters WHERE id = ?"
        found = self.world.store.database.raw.execute(question, (lease.cluster_id,)).fetchone()
        if found is not None and found[0] != lease.epoch:
            detail = (
                f"a call for cluster {lease.cluster_id} as of {lease.epoch} begins, {found[1]} has it as of {found[0]}"
            )
            raise self.world.broke("35 turns", detail)


class Partitions:
    """What becomes of engines and of what they hear of each other."""

    def __init__(self, world: World, roll: Roll) -> None:
        self.world, self.roll = world, roll

    def act(self) -> None:
        if self.world.rng.random() < 0.6:
            self._say()
        else:
            self._stand_still()

    def _say(self) -> None:
        """The coordinator changes what it tells one engine, or all."""
        rng, word = self.world.rng, self.world.rng.choice(WORDS)
        names = sorted(self.roll.living.values())
        chosen = names if rng.random() < 0.5 else [rng.choice(names)]
        for name in chosen:
            self.roll.say(name, word)
        self.world.trace(f"the coordinator tells {chosen}: {word.__name__}")

    def _stand_still(self) -> None:
        """One engine does nothing for a while, in the middle of its work or between; the others go on as ever."""
        world, rng = self.world, self.world.rng
        at_work = {number for kind, number in world.chaos.actors if kind == "engine"}
        idle = [number for number in range(len(world.engines)) if number not in at_work]
        if not at_work:
            idle.remove(rng.choice(idle))
        for _ in range(rng.choice(_STILL)):
            world.clock.wait(1.0)
            for number in idle:
                world.tick(number)

    def settle(self) -> None:
        """It tells the truth, or what it told last: rest comes either way."""
        if self.world.rng.random() < 0.5:
            self.roll.words.clear()
