"""Findings about volumes and their snapshots. Data, no sentences; see backend.errors."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import Finding


@dataclass(eq=False)
class NoVolumes(Finding):
    """The cloud has no block storage; ``detail`` is its own words."""

    detail: str


@dataclass(eq=False)
class VolumeNotFound(Finding):
    """``volume`` is a short id, or the cloud's."""

    volume: str


@dataclass(eq=False)
class VolumeConflict(Finding):
    """The volume is in a state that does not allow what was asked; ``detail`` is the cloud's own words."""

    volume: str
    state: str = ""
    detail: str = ""


@dataclass(eq=False)
class VolumeAttached(Finding):
    """The volume is attached to ``server`` (short ids)."""

    volume: str
    server: str


@dataclass(eq=False)
class VolumeNotAttached(Finding):
    """The volume is not attached to ``server``, or to any (short ids)."""

    volume: str
    server: str | None


@dataclass(eq=False)
class VolumeElsewhere(Finding):
    """The volume lies in another zone than the server."""

    volume: str
    zone: str
    server: str
    server_zone: str


@dataclass(eq=False)
class VolumeShrinks(Finding):
    """Volumes do not become smaller: ``size`` was asked for, ``least`` it is."""

    volume: str
    size: int
    least: int


@dataclass(eq=False)
class SnapshotNotFound(Finding):
    """``snapshot`` is a short id, or the cloud's."""

    snapshot: str


@dataclass(eq=False)
class SnapshotInUse(Finding):
    """An image (its cloud id) boots from the snapshot."""

    snapshot: str
    image: str


@dataclass(eq=False)
class VolumeTooSmall(Finding):
    """A disk of ``size`` GiB where ``least`` are needed: for a copy of the snapshot (its id), or at all."""

    size: int
    least: int
    snapshot: str | None = None
