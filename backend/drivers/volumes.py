"""The block storage port: volumes, what they are attached to, and their snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from backend.domain.ids import short_id
from backend.domain.scope import Scope


class VolumeState(StrEnum):
    CREATING = "creating"
    AVAILABLE = "available"
    IN_USE = "in-use"
    DELETING = "deleting"
    ERROR = "error"


class AttachmentState(StrEnum):
    ATTACHING = "attaching"
    ATTACHED = "attached"
    DETACHING = "detaching"


class SnapshotState(StrEnum):
    PENDING = "pending"
    COMPLETED = "completed"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Attachment:
    """What a volume is attached to. ``delete_on_termination``: None where the block storage does not know."""

    server_id: str
    device: str
    attached_at: datetime
    delete_on_termination: bool | None = None
    state: AttachmentState = AttachmentState.ATTACHED


@dataclass(frozen=True, slots=True)
class Kind:
    """What a volume is in AWS's words. No more is promised by them than the cloud's own type does.

    Attributes:
        iops, throughput: as asked for; None takes the type's usual.
    """

    type: str
    iops: int | None = None
    throughput: int | None = None


@dataclass(frozen=True, slots=True)
class Modification:
    """The last change of a volume: what it was before, and since when it is otherwise."""

    started_at: datetime
    size_gib: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume as the cloud tells it.

    Attributes:
        zone: empty where the block storage has zones of its own, and anybody may attach it.
        token: mark of the request that made it, None where there was none.
        snapshot_id: of the snapshot that it was made from.
        bootable: there is a system on it.
        works: False where its server cannot use it: one that could not be made larger is in error, and works.
    """

    id: str
    size_gib: int
    zone: str
    state: VolumeState
    created_at: datetime
    kind: Kind
    name: str = ""
    snapshot_id: str | None = None
    encrypted: bool = False
    bootable: bool = False
    token: str | None = None
    attachment: Attachment | None = None
    modification: Modification | None = None
    works: bool = True

    @property
    def short_id(self) -> str:
        return short_id(self.id)


@dataclass(frozen=True, slots=True)
class NewVolume:
    """A volume to be made; ``snapshot_id`` is the cloud's."""

    size_gib: int
    zone: str
    kind: Kind
    snapshot_id: str | None = None
    name: str = ""
    token: str | None = None


@dataclass(frozen=True, slots=True)
class OwnDisk:
    """A disk that came with a server, as far as the server tells of it."""

    server_id: str
    device: str
    size_gib: int
    kind: Kind
    delete_on_termination: bool = True
    snapshot_id: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of a volume as it was; ``volume_id`` may be gone."""

    id: str
    volume_id: str
    size_gib: int
    state: SnapshotState
    created_at: datetime
    description: str = ""
    encrypted: bool = False
    progress: int = 100

    @property
    def short_id(self) -> str:
        return short_id(self.id)


class Volumes(Protocol):
    """Volumes and snapshots of a project in a region.

    Every call may raise CloudUnavailable, NotAuthorized, and NoVolumes where the cloud has no block storage; writes
    OutcomeUnknown. A volume that is not there is VolumeNotFound, one that is in the way of a call VolumeConflict.
    """

    def list(self, scope: Scope) -> Sequence[Volume]:
        """Every volume; without block storage there are none. It does not lag behind writes."""

    def create(self, scope: Scope, new: NewVolume) -> Volume:
        """Make one. Not safe to repeat: after OutcomeUnknown it is looked for by ``token``.

        Raises:
            SnapshotNotFound
            QuotaExceeded: ``volumes`` or ``gigabytes``.
        """

    def delete(self, scope: Scope, volume_id: str) -> None:
        """Delete one that is not attached. Safe to repeat."""

    def attach(self, scope: Scope, volume_id: str, server_id: str, device: str) -> Attachment:
        """Attach one to a server of its zone. Raises ServerNotFound, ServerStateConflict."""

    def detach(self, scope: Scope, volume_id: str, server_id: str) -> None:
        """Take it from the server. Safe to repeat. Raises ServerNotFound, ServerStateConflict."""

    def set_goes(self, scope: Scope, volume_id: str, server_id: str, *, goes: bool) -> None:
        """Say whether an attached one is deleted with its server. Safe to repeat. Raises Unsupported."""

    def modify(self, scope: Scope, volume: Volume, size_gib: int, kind: Kind) -> Volume:
        """Let it grow, or be of another type; ``modification`` tells of it.

        Raises:
            QuotaExceeded
            Unsupported: the cloud cannot while it is attached, or at all.
        """

    def realize(self, scope: Scope, disk: OwnDisk) -> Volume:
        """Make a volume of what was the server's own disk, so that it can be changed. Safe to repeat.

        Raises:
            Unsupported: the disk is no volume there, and cannot become one.
        """

    def snapshots(self, scope: Scope) -> Sequence[Snapshot]:
        """Every snapshot."""

    def create_snapshot(self, scope: Scope, volume_id: str, description: str) -> Snapshot:
        """Copy a volume as it is now. Not safe to repeat. Raises QuotaExceeded."""

    def delete_snapshot(self, scope: Scope, snapshot_id: str) -> None:
        """Delete one. Safe to repeat. Raises SnapshotNotFound."""
