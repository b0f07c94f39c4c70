"""Schedules in a run: users who write and delete them, and what must hold of every run of one."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from backend.domain.cluster import ClusterStatus
from backend.domain.schedules import WantedSchedule
from backend.errors import Finding
from backend.store.types import to_micros
from tests.simulation.companion import Companion, Deed
from tests.simulation.model import Model, Told

if TYPE_CHECKING:
    from tests.simulation.users import User
    from tests.simulation.world import World

_NAMES = ("morning", "noon", "night")
_LATE = timedelta(minutes=3)


class _Run(NamedTuple):
    seq: int
    id: str
    cluster_id: str
    was_at: int | None
    minimum: int | None
    maximum: int | None
    desired: int | None


class Timetables:
    """Holds every change of a size by an engine against the schedules that moved on in the same transaction.

    What these say is what the users are told from then on: a run that is done twice, or half, is another size.
    """

    def __init__(self, world: World, model: Model) -> None:
        self.world = world
        self.model = model
        self._read = {"seen_runs": 0, "seen_sizes": 0}
        world.chaos.on_commit.append(self._committed)

    def look(self) -> None:
        """With nothing in its way the engine is late for no schedule."""
        if self.world.chaos.on:
            return
        late = to_micros(self.world.clock.now() - _LATE)
        question = "SELECT id FROM schedules WHERE next_at < ?"
        found = self.world.store.database.raw.execute(question, (late,)).fetchone()
        if found is not None:
            raise self.world.broke("11 once", f"schedule {found[0]} was due and has not run")

    def _committed(self) -> None:
        runs = [_Run(*row) for row in self._fresh("seen_runs")]
        sizes = {row[1] for row in self._fresh("seen_sizes")}
        if not self.world.chaos.actors or self.world.chaos.actors[-1][0] != "engine":
            return
        moved = {run.cluster_id for run in runs}
        if sizes - moved:
            raise self.world.broke("11 once", f"clusters {sizes - moved} are given sizes, and no schedule has moved on")
        for run in runs:
            if run.was_at is not None:
                self._done(run)

    def _done(self, run: _Run) -> None:
        question = "SELECT project_id, name, status FROM clusters WHERE id = ?"
        found = self.world.store.database.raw.execute(question, (run.cluster_id,)).fetchone()
        if found is None or found[2] != ClusterStatus.ACTIVE:
            return
        told = self.model.told[found[0], found[1]]
        self.world.trace(f"{found[0]} {found[1]}: {run.id[:4]} runs, {told.minimum} {told.desired} {told.maximum}")
        _give(told, run)

    def _fresh(self, table: str) -> Sequence[tuple[str, ...]]:
        question = f"SELECT * FROM {table} WHERE seq > ? ORDER BY seq"
        rows: Sequence[tuple[str, ...]]
        rows = self.world.store.database.raw.execute(question, (self._read[table],)).fetchall()
        if rows:
            self._read[table] = int(rows[-1][0])
        return rows


def _give(told: Told, run: _Run) -> None:
    """What a run makes of a cluster: all that it says, or nothing where that fits together with nothing."""
    minimum = told.minimum if run.minimum is None else run.minimum
    maximum = told.maximum if run.maximum is None else run.maximum
    if minimum > maximum:
        return
    desired = sorted((minimum, told.desired, maximum))[1] if run.desired is None else run.desired
    if minimum <= desired <= maximum:
        told.minimum, told.desired, told.maximum = minimum, desired, maximum


class Planners(Companion):
    """What users do with schedules."""

    def __init__(self, timetables: Timetables, users: Sequence[User]) -> None:
        super().__init__(timetables.world, users)

    def deeds(self) -> Sequence[tuple[int, Deed]]:
        return ((6, self._put), (1, self._remove))

    def _put(self, user: User) -> None:
        rng = self.world.rng
        most, now = self.world.mood.largest, self.world.clock.now()
        sizes = {name: rng.choice((None, rng.randint(0, most))) for name in ("minimum", "maximum", "desired")}
        again = rng.choice((None, "* * * * *", "*/2 * * * *"))
        starts_at = now + timedelta(seconds=rng.randint(1, 90)) if again is None or rng.random() < 0.3 else None
        ends_at = now + timedelta(seconds=rng.randint(60, 600)) if rng.random() < 0.3 else None
        wanted = WantedSchedule(rng.choice(_NAMES), starts_at, ends_at, again, None, **sizes)
        user.backend.schedules.put(user.scope, user._name(), wanted)
        self.world.trace(f"{user.scope.project_id} {wanted}")

    def _remove(self, user: User) -> None:
        user.backend.schedules.remove(user.scope, user._name(), self.world.rng.choice(_NAMES))

    def settle(self) -> None:
        """Nobody plans anything any more: all is to come to rest."""
        for user in self.users:
            for view in user.backend.clusters.page(user.scope, limit=100).items:
                with contextlib.suppress(Finding):  # it may be on its way out
                    user.backend.schedules.remove_all(user.scope, view.cluster.name, _NAMES)
