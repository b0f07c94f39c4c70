"""What users do with one thing beside the rest (hooks, pools, mixes), at random and whether it is allowed or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backend.errors import Finding
from tests.simulation.chaos import Crash
from tests.simulation.failing_store import STORE_AWAY
from tests.simulation.users import User
from tests.simulation.world import World

Deed = Callable[[User], None]


class Companion:
    """One for all users of a world."""

    def __init__(self, world: World, users: Sequence[User]) -> None:
        self.world = world
        self.users = users

    def act(self) -> None:
        """Have some user do something. A crash of the API process leaves them without an answer."""
        rng = self.world.rng
        user = rng.choice(self.users)
        deeds = self.deeds()
        act = rng.choices([deed for _, deed in deeds], [weight for weight, _ in deeds])[0]
        try:
            with self.world.chaos.inside("user", 0):
                act(user)
        except (Finding, Crash, *STORE_AWAY) as why:
            self.world.trace(f"{user.scope.project_id} {act.__name__}: {why!r}")

    def deeds(self) -> Sequence[tuple[int, Deed]]:
        """What may be done, each with its weight."""
        raise NotImplementedError
