"""Images of servers of the simulated cloud, with a snapshot of the root disk each."""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from typing import Final

from backend.domain.ids import derived_uuid
from backend.domain.node import ServerStatus
from backend.domain.scope import Scope
from backend.drivers.compute import Server
from backend.drivers.errors import ImageNotFound, ServerNotFound, ServerStateConflict
from backend.drivers.images import Image, NewImage
from backend.drivers.simulated.faults import Call
from backend.drivers.simulated.servers import SNAPSHOT, gone
from backend.drivers.simulated.world import World
from backend.drivers.volumes import Kind, Volume, VolumeState

MOST: Final = 1000
_READY: Final = frozenset({ServerStatus.ACTIVE, ServerStatus.STOPPED, ServerStatus.PAUSED})


class SimulatedImaging:
    def __init__(self, world: World) -> None:
        self._world = world

    def of_server(self, scope: Scope, server_id: str, name: str, description: str) -> str:
        call = Call("create_image", scope, server=server_id)
        with self._world.call(call), self._world.state.writing() as connection:
            now = self._world.now()
            row = self._world.servers.find(connection, server_id, scope)
            if row is None or gone(row, now):
                raise ServerNotFound(f"Instance {server_id} could not be found.")
            server = self._world.servers.server(connection, row, now)
            if server.status not in _READY:
                raise ServerStateConflict(
                    f"Cannot 'createImage' instance {server_id} while it is in vm_state {server.status}"
                )
            self._world.servers.check_rest(row, "createImage", now)
            source = self._world.projects.image(scope, server.image_id or "")
            if source is None:
                raise ImageNotFound(server.image_id or "")
            root = self._root(connection, scope, server, source)
            snapshot = self._world.volumes.insert_snapshot(connection, scope, root, f"of {name}", now)
            same = {each.name: getattr(source, each.name) for each in fields(NewImage)}
            changed = {"name": name, "description": description, "size_gib": root.size_gib, "snapshot_id": snapshot.id}
            made = self._world.projects.make_image(scope, NewImage(**{**same, **changed}), MOST)
            takes = round(self._world.settings.snapshot_seconds * 1_000_000)
            self._world.servers.begin_task(connection, row, now, SNAPSHOT, takes)
            return made.id

    def delete(self, scope: Scope, image_id: str) -> None:
        with self._world.call(Call("deregister_image", scope)):
            self._world.projects.drop_image(scope, image_id)

    def _root(self, connection: sqlite3.Connection, scope: Scope, server: Server, source: Image) -> Volume:
        """The root disk, as the volume that it is or would be."""
        volume_id = derived_uuid(server.id, source.root_device)
        real = self._world.volumes.one(connection, scope, volume_id, self._world.now())
        if real is not None:
            return real
        own = next((disk for disk in server.block_devices if disk.device == source.root_device), None)
        size = (own.size_gib if own else None) or source.size_gib
        kind = Kind(source.volume_type)
        return Volume(volume_id, size, server.zone, VolumeState.IN_USE, server.created_at, kind)
