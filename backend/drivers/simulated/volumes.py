"""The block storage port over the simulated state."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from backend.domain.node import ServerStatus
from backend.domain.scope import Scope
from backend.drivers.errors import (
    ServerNotFound,
    ServerStateConflict,
    SnapshotNotFound,
    VolumeConflict,
    VolumeNotFound,
)
from backend.drivers.simulated.faults import Call
from backend.drivers.simulated.servers import Row, gone
from backend.drivers.simulated.state import from_micros
from backend.drivers.simulated.timeline import present
from backend.drivers.simulated.world import World
from backend.drivers.volumes import Attachment, Kind, Modification, NewVolume, OwnDisk, Snapshot, Volume, VolumeState

_ATTACHES: Final = frozenset({ServerStatus.ACTIVE, ServerStatus.STOPPED, ServerStatus.STOPPING})


class SimulatedVolumes:
    def __init__(self, world: World) -> None:
        self._world = world
        self._table = world.volumes

    def list(self, scope: Scope) -> Sequence[Volume]:
        with self._world.call(Call("volumes", scope)), self._world.state.reading() as connection:
            return [*self._table.all(connection, scope, self._world.now())]

    def create(self, scope: Scope, new: NewVolume) -> Volume:
        with self._world.call(Call("create_volume", scope)), self._world.state.writing() as connection:
            if new.snapshot_id is not None:
                self._check_snapshot(connection, scope, new.snapshot_id)
            return self._table.insert(connection, scope, new, self._world.now())

    def delete(self, scope: Scope, volume_id: str) -> None:
        with self._world.call(Call("delete_volume", scope)), self._world.state.writing() as connection:
            volume = self._standing(connection, scope, volume_id)
            if volume.attachment is not None:
                raise VolumeConflict(f"Volume {volume_id} is attached.")
            self._table.save(connection, scope, volume)  # a server that is gone let go of it
            self._table.delete(connection, volume_id)

    def attach(self, scope: Scope, volume_id: str, server_id: str, device: str) -> Attachment:
        with self._world.call(Call("attach_volume", scope, server=server_id)), self._world.state.writing() as conn:
            volume = self._standing(conn, scope, volume_id)
            row = self._server(conn, scope, server_id)
            if volume.attachment is not None:
                raise VolumeConflict(f"Volume {volume_id} is attached.")
            status = present(row.move, self._world.now()).status
            if status not in _ATTACHES:
                raise ServerStateConflict(f"Cannot 'attach_volume' instance {server_id} while it is {status}")
            made = Attachment(server_id, device, from_micros(self._world.now()), delete_on_termination=False)
            self._table.save(conn, scope, replace(volume, attachment=made, state=VolumeState.IN_USE))
            return made

    def detach(self, scope: Scope, volume_id: str, server_id: str) -> None:
        with self._world.call(Call("detach_volume", scope, server=server_id)), self._world.state.writing() as conn:
            volume = self._standing(conn, scope, volume_id)
            if volume.attachment is not None and volume.attachment.server_id == server_id:
                self._table.save(conn, scope, replace(volume, attachment=None, state=VolumeState.AVAILABLE))

    def set_goes(self, scope: Scope, volume_id: str, server_id: str, *, goes: bool) -> None:
        with self._world.call(Call("modify_volume", scope, server=server_id)), self._world.state.writing() as conn:
            volume = self._standing(conn, scope, volume_id)
            held = volume.attachment
            if held is None or held.server_id != server_id:
                raise VolumeConflict(f"Volume {volume_id} is not attached to {server_id}.")
            self._table.save(conn, scope, replace(volume, attachment=replace(held, delete_on_termination=goes)))

    def modify(self, scope: Scope, volume: Volume, size_gib: int, kind: Kind) -> Volume:
        with self._world.call(Call("modify_volume", scope)), self._world.state.writing() as connection:
            found = self._standing(connection, scope, volume.id)
            before = Modification(from_micros(self._world.now()), found.size_gib, found.kind)
            changed = replace(found, size_gib=size_gib, kind=kind, modification=before)
            return self._table.save(connection, scope, changed)

    def realize(self, scope: Scope, disk: OwnDisk) -> Volume:
        call = Call("realize_volume", scope, server=disk.server_id)
        with self._world.call(call), self._world.state.writing() as connection:
            row = self._server(connection, scope, disk.server_id)
            return self._table.realize(connection, scope, row, disk, self._world.now())

    def snapshots(self, scope: Scope) -> Sequence[Snapshot]:
        with self._world.call(Call("snapshots", scope)), self._world.state.reading() as connection:
            return self._table.snapshots(connection, scope)

    def create_snapshot(self, scope: Scope, volume_id: str, description: str) -> Snapshot:
        with self._world.call(Call("create_snapshot", scope)), self._world.state.writing() as connection:
            volume = self._standing(connection, scope, volume_id)
            return self._table.insert_snapshot(connection, scope, volume, description, self._world.now())

    def delete_snapshot(self, scope: Scope, snapshot_id: str) -> None:
        with self._world.call(Call("delete_snapshot", scope)), self._world.state.writing() as connection:
            if not self._table.delete_snapshot(connection, scope, snapshot_id):
                raise SnapshotNotFound(snapshot_id)

    def _check_snapshot(self, connection: sqlite3.Connection, scope: Scope, snapshot_id: str) -> None:
        if all(each.id != snapshot_id for each in self._table.snapshots(connection, scope)):
            raise SnapshotNotFound(snapshot_id)

    def _standing(self, connection: sqlite3.Connection, scope: Scope, volume_id: str) -> Volume:
        volume = self._table.one(connection, scope, volume_id, self._world.now())
        if volume is None:
            raise VolumeNotFound(volume_id)
        return volume

    def _server(self, connection: sqlite3.Connection, scope: Scope, server_id: str) -> Row:
        row = self._world.servers.find(connection, server_id, scope)
        if row is None or gone(row, self._world.now()):
            raise ServerNotFound(f"Instance {server_id} could not be found.")
        return row
