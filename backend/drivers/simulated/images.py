"""The image port over the simulated state."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain.scope import Scope
from backend.drivers.images import Image
from backend.drivers.simulated.faults import Call
from backend.drivers.simulated.world import World


class SimulatedImages:
    def __init__(self, world: World) -> None:
        self._world = world

    def list(self, scope: Scope) -> Sequence[Image]:
        with self._world.call(Call("images", scope)):
            return self._world.projects.images(scope)
