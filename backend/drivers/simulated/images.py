"""The image port over the simulated state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backend.domain.scope import Scope
from backend.drivers.images import Image, NewImage
from backend.drivers.simulated.faults import Call
from backend.drivers.simulated.world import World


class SimulatedImages:
    def __init__(self, world: World) -> None:
        self._world = world

    def list(self, scope: Scope) -> Sequence[Image]:
        with self._world.call(Call("images", scope)):
            return self._world.projects.images(scope)

    def register(self, scope: Scope, new: NewImage, most: int) -> str:
        with self._world.call(Call("register_image", scope)):
            return self._world.projects.make_image(scope, new, most).id

    def deregister(self, scope: Scope, image_id: str) -> None:
        with self._world.call(Call("deregister_image", scope)):
            self._world.projects.drop_image(scope, image_id)

    def describe(self, scope: Scope, image_id: str, text: str) -> None:
        with self._world.call(Call("describe_image", scope)), self._world.state.writing():
            image = self._world.projects.image(scope, image_id)
            if image is not None and image.owner_id == scope.project_id:
                self._world.projects.add_image(scope, replace(image, description=text))
