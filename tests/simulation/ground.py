"""Where builders build: they and strangers in each project, and what has to hold of it all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.simulation.builders import Builder
from tests.simulation.built_at_rest import Rest
from tests.simulation.rows import State
from tests.simulation.strangers import Strangers
from tests.simulation.users import User
from tests.simulation.world import World


class Ground:
    """A builder and some strangers beside each user."""

    def __init__(self, world: World, users: Sequence[User]) -> None:
        self._world = world
        self._strangers = {user.scope: Strangers(world, user.scope) for user in users}
        self.builders = [Builder(world, user.scope, world.rng, user) for user in users]

    def compare(self) -> None:
        """Hold what is told of one project's things against what was told before."""
        self._world.rng.choice(self.builders).built.compare()

    def settle(self, now: State) -> None:
        for builder in self.builders:
            mine = [each for each in now.clusters.values() if each.project_id == builder.scope.project_id]
            builder.settle(mine)

    def phases(self) -> list[Callable[[], None]]:
        """What is done one after the other, each once the world is at rest."""
        builders = self.builders
        return [deed for each in builders for deed in (each.settle_in, each.alter, each.end_all)]

    def at_rest(self) -> None:
        """Raise Violated where rows and cloud differ, or where what others made was touched."""
        for scope, strangers in self._strangers.items():
            strangers.check()
            with self._world.store.watch() as conn:
                Rest(self._world, scope, conn, strangers.ids).check()
        for builder in self.builders:
            builder.built.compare()
