"""Root disks in a run: users who have them replaced by what a mix names, and what must hold of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from backend.domain.cluster import ClusterChange, SourceRequest
from backend.domain.ids import short_id
from backend.domain.mixes import MixRequest, OverrideRequest
from backend.domain.node import Node, NodeState
from backend.domain.refreshes import FORWARD, Handling, Refresh, RefreshRequest, RefreshStatus, RefreshStrategy
from backend.store import tables
from tests.simulation.companion import Companion, Deed
from tests.simulation.mixes import TYPES

if TYPE_CHECKING:
    from tests.simulation.rows import State
    from tests.simulation.users import User
    from tests.simulation.world import World

_IMAGES = 3
_OFTEN = 0.9
_clusters = tables.clusters.c
_MADE = FORWARD | {RefreshStatus.SUCCESSFUL}


class Rebuilders(Companion):
    """What users do with mixes that name images, and with refreshes that bring such."""

    def __init__(self, world: World, users: Sequence[User]) -> None:
        super().__init__(world, users)
        fitting = [each for each in world.cloud.images.list(users[0].scope) if each.active]
        self.images = [each.short_id for each in fitting if each.architecture == "x86_64"][:_IMAGES]

    def deeds(self) -> Sequence[tuple[int, Deed]]:
        return (4, self._put), (6, self._rebuild), (1, self._roll)

    def _mix(self) -> MixRequest:
        rng = self.world.rng
        return MixRequest(tuple(OverrideRequest(each, image=rng.choice(self.images)) for each in TYPES))

    def _put(self, user: User) -> None:
        user.change(user._name(), ClusterChange({}, self._template(), mix=self._mix()))

    def _template(self) -> SourceRequest:
        return SourceRequest(template_name=self.world.rng.choice(("lt-0", "lt-1")), version="1")

    def _rebuild(self, user: User) -> None:
        self._start(user, self._mixed(user), RefreshStrategy.REPLACE_ROOT_VOLUME)

    def _roll(self, user: User) -> None:
        self._start(user, user._name(), RefreshStrategy.ROLLING)

    def _mixed(self, user: User) -> str:
        """The name of a cluster, most often of one that has a mix and no refresh."""
        with self.world.store.watch() as conn:
            own = (_clusters.project_id == user.scope.project_id, _clusters.refresh_id.is_(None))
            found = conn.execute(select(_clusters.name, _clusters.mix).where(*own)).all()
        names = sorted(name for name, mix in found if mix is not None)
        return self.world.rng.choice(names) if names and self.world.rng.random() < _OFTEN else user._name()

    def _start(self, user: User, name: str, strategy: RefreshStrategy) -> None:
        rng = self.world.rng
        request = RefreshRequest(
            strategy=strategy,
            desired=self._template(),
            mix=self._mix(),
            minimum_percent=rng.choice((None, 0, 50, 100)),
            warmup_seconds=rng.choice((0, 0, 30)),
            skip_matching=rng.random() < 0.4,
            auto_rollback=rng.random() < 0.2,
            protected=rng.choice((None, Handling.IGNORE, Handling.REFRESH)),
            standby=rng.choice((None, Handling.IGNORE, Handling.TERMINATE)),
            bake_seconds=rng.choice((None, 60)),
        )
        user.backend.refreshes.start(user.scope, name, request)


class Rebuilds:
    """Holds the servers' images against what rows and refreshes say of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.nodes: Mapping[str, Node] = {}
        servers = world.simulated.cloud.compute._servers  # type: ignore[attr-defined]
        self._own = servers.set_image
        servers.set_image = self._written

    def _written(self, connection: Any, row: Any, image: str) -> None:
        """A server is written anew while its node is out of service for that, and once."""
        server = self.world.simulated.cloud.compute._servers.server(connection, row, 0)  # type: ignore[attr-defined]
        node = next((each for each in self.nodes.values() if each.server_id == row.id), None)
        if node is not None and server.image_id == image and node.rebuilt_from not in {None, image}:
            raise self.world.broke("23 root disks", f"server {row.id} is written twice from {image}")
        self._own(connection, row, image)

    def look(self, now: State, refreshes: Mapping[str, Refresh]) -> None:
        self.nodes = now.nodes
        told = {server.id: short_id(server.image_id or "") for _, server in self.world.simulated.operator.servers()}
        for node in now.nodes.values():
            image = told.get(node.server_id or "")
            if image is None or node.state is not NodeState.IN_SERVICE:
                continue
            if node.own_image is not None and node.own_image != image:
                detail = f"node {node.id} serves as one of {node.own_image}, its server is of {image}"
                raise self.world.broke("23 root disks", detail)
            refresh = refreshes.get(node.refresh_id or "")
            if refresh is not None and refresh.status in _MADE:
                self._is_new(node, image, refresh)

    def _is_new(self, node: Node, image: str, refresh: Refresh) -> None:
        mix = refresh.mix
        overrides = () if mix is None else mix.overrides
        wanted = next((each.image for each in overrides if each.instance_type == node.instance_type), None)
        if wanted not in {None, image}:
            detail = f"node {node.id} serves for a refresh that brings {wanted}, its server is of {image}"
            raise self.world.broke("23 root disks", detail)
