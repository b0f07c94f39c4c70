"""Findings about servers and the groups that place them. Data, no sentences; see backend.errors."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import Finding


@dataclass(eq=False)
class ServerUnknown(Finding):
    """No such server in the project."""

    server: str


@dataclass(eq=False)
class ServerProtected(Finding):
    """Its owner wants the server kept, or ``kept_running``; ``stop``: it was to be stopped only."""

    server: str
    kept_running: bool
    stop: bool = False


@dataclass(eq=False)
class ServerNotAttachable(Finding):
    """``why``: ``not_running``, ``in_cluster`` (``cluster`` is its name), ``zone``, ``image`` (it is gone)."""

    server: str
    why: str
    cluster: str = ""
    state: str = ""


@dataclass(eq=False)
class ServerConflict(Finding):
    """A server's state does not allow start, stop, reboot. ``state`` is a ServerStatus value."""

    server: str
    state: str


@dataclass(eq=False)
class ServerGroupNotFound(Finding):
    """``group`` is the name, or the short id where it was not named."""

    group: str


@dataclass(eq=False)
class PartitionNotFound(Finding):
    """The server group has no partition of that number, or is no group of partitions."""

    partition: str


@dataclass(eq=False)
class ServerGroupExists(Finding):
    name: str


@dataclass(eq=False)
class ServerGroupInUse(Finding):
    """Servers are in it."""

    name: str
