"""Somebody who does things by an API at random, whether they are allowed or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from backend.domain.scope import Scope
from backend.errors import Finding
from tests.simulation.chaos import Crash
from tests.simulation.failing_store import STORE_AWAY
from tests.simulation.world import World

Deed = Callable[[], Any]


class Actor:
    """Somebody of one project."""

    def __init__(self, world: World, scope: Scope, rng: Random) -> None:
        self.world = world
        self.backend = world.backend
        self.scope = scope
        self.rng = rng

    def act(self) -> None:
        """Do something, whether it is allowed or not. A crash of the API process leaves the actor without an answer."""
        deeds = self.deeds()
        deed = self.rng.choices([deed for _, deed in deeds], [weight for weight, _ in deeds])[0]
        name = deed.__name__
        try:
            with self.world.chaos.inside("user", 0):
                result = deed()
        except Finding as finding:
            self.world.trace(f"{self.scope.project_id} {name}: {finding!r}")
        except Crash as crash:
            self.world.trace(f"{self.scope.project_id} {name}: api died {crash}")
        except STORE_AWAY as error:
            self.world.trace(f"{self.scope.project_id} {name}: {error}")
        else:
            self.world.trace(f"{self.scope.project_id} {name} ok")
            self.heard(result)

    def deeds(self) -> Sequence[tuple[int, Deed]]:
        """What may be done, each with its weight."""
        raise NotImplementedError

    def heard(self, result: Any) -> None:
        """What an answer told."""
