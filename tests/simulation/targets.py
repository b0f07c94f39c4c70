"""Targets of messages in a run: they fail and recover, hear everything at least once, or it is given up for all to see."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from backend.domain.messages import Gone, Telling, Unreached
from backend.domain.scope import Scope
from backend.store import lifecycle
from backend.store.outlets import Outlets
from backend.store.types import to_micros

if TYPE_CHECKING:
    from tests.simulation.world import World

NAMES = ("log:a", "log:b", "log:c")
_LATE = timedelta(minutes=10)


class Targets:
    """Some who are told, each of whom takes what it is told, is away, or gone.

    Attributes:
        heard: ids of messages that were taken.
        faults: what is wrong with a target.
        well_since: nothing is wrong with any since then.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.heard: set[str] = set()
        self.faults: dict[str, type[Unreached | Gone]] = {}
        self.well_since: datetime | None = None
        self._read = 0

    def outlets(self) -> Outlets:
        return Outlets(sinks={"log": self._send}, decide=partial(self._decide))

    @staticmethod
    def _decide(*given: object) -> None:
        lifecycle.decide_by_default(*given)  # type: ignore[arg-type]

    def _send(self, _scope: Scope, target: str, telling: Telling) -> None:
        fault = self.faults.get(target)
        if fault is not None:
            raise fault(f"{target} takes nothing")
        self.heard.add(telling.id)

    def act(self) -> None:
        """One of them fails or recovers."""
        rng = self.world.rng
        name = rng.choice(NAMES)
        fault = rng.choice((None, Unreached, Unreached, Gone))
        self.faults.pop(name, None)
        if fault is not None:
            self.faults[name] = fault
        self.world.trace(f"{name} is {'well' if fault is None else fault.__name__}")

    def settle(self) -> None:
        self.faults.clear()
        self.well_since = self.world.clock.now()

    def look(self) -> None:
        raw = self.world.store.database.raw
        for seq, message, target in raw.execute(
            "SELECT * FROM seen_ends WHERE seq > ? ORDER BY seq", (self._read,)
        ).fetchall():
            self._read = seq
            if target in NAMES and message not in self.heard:
                raise self.world.broke("11 once", f"message {message} to {target} went, and it was not told")
        found = raw.execute(
            "SELECT m.id FROM messages m JOIN lifecycle_actions a ON a.id = m.action_id"
            " WHERE m.dead_at IS NOT NULL AND a.result IS NULL"
        ).fetchone()
        if found is not None:
            raise self.world.broke("6 hooks", f"message {found[0]} was given up, and its wait is not decided")
        # What waited behind others while its target was away has been due for long when that is well again.
        if self.well_since is not None and self.world.clock.now() - self.well_since >= _LATE:
            late = to_micros(self.world.clock.now() - _LATE)
            found = raw.execute("SELECT id FROM messages WHERE dead_at IS NULL AND due_at < ?", (late,)).fetchone()
            if found is not None:
                raise self.world.broke("11 once", f"message {found[0]} waits, and nobody is away")
