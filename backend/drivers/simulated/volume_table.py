"""The volumes and snapshots of the state: made, found, attached, ended. Knows no faults and no calls.

A volume that is attached goes, or is free again, when its server is gone: that is seen when it is read.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from backend.domain.ids import derived_uuid
from backend.domain.scope import Scope
from backend.drivers.simulated.servers import Row, ServerTable, gone
from backend.drivers.simulated.state import add_to_counter, counter, from_micros, to_micros
from backend.drivers.volumes import (
    Attachment,
    Kind,
    Modification,
    NewVolume,
    OwnDisk,
    Snapshot,
    SnapshotState,
    Volume,
    VolumeState,
)


class VolumeTable:
    """Reads and writes of volumes; every method works within the caller's connection."""

    def __init__(self, origin: uuid.UUID, servers: ServerTable) -> None:
        self._origin = origin
        self._servers = servers

    def all(self, connection: sqlite3.Connection, scope: Scope, now: int) -> Iterator[Volume]:
        """The scope's volumes, in the order they were made."""
        rows = connection.execute(
            "SELECT id, server, document FROM volumes WHERE project = ? AND region = ? ORDER BY number",
            (scope.project_id, scope.region),
        ).fetchall()
        for volume_id, server_id, text in rows:
            volume = self._now(connection, scope, server_id, _read(volume_id, json.loads(text)), now)
            if volume is not None:
                yield volume

    def one(self, connection: sqlite3.Connection, scope: Scope, volume_id: str, now: int) -> Volume | None:
        row = connection.execute(
            "SELECT server, document FROM volumes WHERE id = ? AND project = ? AND region = ?",
            (volume_id, scope.project_id, scope.region),
        ).fetchone()
        return self._now(connection, scope, row[0], _read(volume_id, json.loads(row[1])), now) if row else None

    def insert(self, connection: sqlite3.Connection, scope: Scope, new: NewVolume, now: int) -> Volume:
        """Make one, available at once."""
        volume = Volume(
            id=str(uuid.uuid5(self._origin, f"volume/{self._number(connection)}")),
            size_gib=new.size_gib,
            zone=new.zone,
            state=VolumeState.AVAILABLE,
            created_at=from_micros(now),
            kind=new.kind,
            name=new.name,
            snapshot_id=new.snapshot_id,
            token=new.token,
        )
        self._write(connection, scope, volume)
        return volume

    def realize(self, connection: sqlite3.Connection, scope: Scope, row: Row, disk: OwnDisk, now: int) -> Volume:
        """A volume of a server's own disk; the one that was made of it before."""
        volume_id = derived_uuid(row.id, disk.device)
        found = self.one(connection, scope, volume_id, now)
        if found is not None:
            return found
        born = self._servers.server(connection, row, now)
        self._number(connection)
        volume = Volume(
            id=volume_id,
            size_gib=disk.size_gib,
            zone=row.zone,
            state=VolumeState.IN_USE,
            created_at=born.created_at,
            kind=disk.kind,
            snapshot_id=disk.snapshot_id,
            attachment=Attachment(row.id, disk.device, born.created_at, disk.delete_on_termination),
        )
        self._write(connection, scope, volume)
        self._servers.give_up_disk(connection, row, disk.device)
        self._servers.note_volume(connection, row.id, volume_id, deleted_with=disk.delete_on_termination)
        return volume

    def save(self, connection: sqlite3.Connection, scope: Scope, volume: Volume) -> Volume:
        """Keep it as it is by now, and let the servers know that had it or have it."""
        row = connection.execute("SELECT server FROM volumes WHERE id = ?", (volume.id,)).fetchone()
        before, after = row[0] if row else None, volume.attachment
        if before and (after is None or after.server_id != before):
            self._servers.note_volume(connection, before, volume.id, deleted_with=None)
        self._write(connection, scope, volume)
        if after is not None:
            self._servers.note_volume(
                connection, after.server_id, volume.id, deleted_with=bool(after.delete_on_termination)
            )
        return volume

    def everywhere(self, connection: sqlite3.Connection, now: int) -> list[tuple[Scope, Volume]]:
        """Every volume of every project, in the order they were made."""
        scopes = connection.execute("SELECT DISTINCT project, region FROM volumes").fetchall()
        return [(Scope(*each), volume) for each in scopes for volume in self.all(connection, Scope(*each), now)]

    def delete(self, connection: sqlite3.Connection, volume_id: str) -> None:
        connection.execute("DELETE FROM volumes WHERE id = ?", (volume_id,))

    def snapshots(self, connection: sqlite3.Connection, scope: Scope) -> list[Snapshot]:
        rows = connection.execute(
            "SELECT id, document FROM snapshots WHERE project = ? AND region = ? ORDER BY number",
            (scope.project_id, scope.region),
        )
        return [_snapshot(snapshot_id, json.loads(text)) for snapshot_id, text in rows]

    def insert_snapshot(
        self, connection: sqlite3.Connection, scope: Scope, volume: Volume, description: str, now: int
    ) -> Snapshot:
        number = self._number(connection)
        snapshot_id = str(uuid.uuid5(self._origin, f"snapshot/{number}"))
        document = {
            "volume_id": volume.id,
            "size_gib": volume.size_gib,
            "created_at": now,
            "description": description,
            "encrypted": volume.encrypted,
        }
        connection.execute(
            "INSERT INTO snapshots VALUES (?, ?, ?, ?, ?)",
            (snapshot_id, number, scope.project_id, scope.region, json.dumps(document)),
        )
        return _snapshot(snapshot_id, document)

    def delete_snapshot(self, connection: sqlite3.Connection, scope: Scope, snapshot_id: str) -> bool:
        """Delete one; whether there was one."""
        values = (snapshot_id, scope.project_id, scope.region)
        query = "DELETE FROM snapshots WHERE id = ? AND project = ? AND region = ?"
        return bool(connection.execute(query, values).rowcount)

    def _now(
        self, connection: sqlite3.Connection, scope: Scope, server_id: str | None, volume: Volume, now: int
    ) -> Volume | None:
        """A volume that was attached to that server, at that instant; None where it went with it."""
        if server_id is None or volume.attachment is None:
            return volume
        row = self._servers.find(connection, server_id, scope)
        if row is not None and not gone(row, now):
            return volume
        if volume.attachment.delete_on_termination:
            return None
        return replace(volume, attachment=None, state=VolumeState.AVAILABLE)

    def _write(self, connection: sqlite3.Connection, scope: Scope, volume: Volume) -> None:
        server = volume.attachment.server_id if volume.attachment else None
        connection.execute(
            "INSERT INTO volumes (id, number, project, region, server, document) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET server = excluded.server, document = excluded.document",
            (
                volume.id,
                counter(connection, "volumes"),
                scope.project_id,
                scope.region,
                server,
                json.dumps(_written(volume)),
            ),
        )

    def _number(self, connection: sqlite3.Connection) -> int:
        add_to_counter(connection, "volumes", 1)
        return counter(connection, "volumes")


def _written(volume: Volume) -> dict[str, Any]:
    attachment, modification = volume.attachment, volume.modification
    return {
        "size_gib": volume.size_gib,
        "zone": volume.zone,
        "created_at": to_micros(volume.created_at),
        "kind": _kind(volume.kind),
        "name": volume.name,
        "snapshot_id": volume.snapshot_id,
        "encrypted": volume.encrypted,
        "bootable": volume.bootable,
        "works": volume.works,
        "token": volume.token,
        "attachment": attachment
        and [
            attachment.server_id,
            attachment.device,
            to_micros(attachment.attached_at),
            attachment.delete_on_termination,
        ],
        "modification": modification
        and [to_micros(modification.started_at), modification.size_gib, _kind(modification.kind)],
    }


def _kind(kind: Kind) -> list[Any]:
    return [kind.type, kind.iops, kind.throughput]


def _read(volume_id: str, document: Mapping[str, Any]) -> Volume:
    values = dict(document)
    attached, modified = values.pop("attachment"), values.pop("modification")
    whole = VolumeState.IN_USE if attached else VolumeState.AVAILABLE
    attachment = attached and Attachment(attached[0], attached[1], from_micros(attached[2]), attached[3])
    state = whole if values.get("works", True) else VolumeState.ERROR
    return Volume(
        **{
            **values,
            "id": volume_id,
            "created_at": from_micros(values["created_at"]),
            "kind": Kind(*values["kind"]),
            "state": state,
            "attachment": attachment,
            "modification": modified and Modification(from_micros(modified[0]), modified[1], Kind(*modified[2])),
        }
    )


def _snapshot(snapshot_id: str, document: Mapping[str, Any]) -> Snapshot:
    created_at = from_micros(document["created_at"])
    return Snapshot(**{**document, "id": snapshot_id, "created_at": created_at, "state": SnapshotState.COMPLETED})
