"""Findings about clusters and their nodes. Data, no sentences; see backend.errors."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import Finding


@dataclass(eq=False)
class ClusterNotFound(Finding):
    name: str | None


@dataclass(eq=False)
class ClusterExists(Finding):
    """``leaving``: the cluster of that name is being deleted."""

    name: str
    leaving: bool = False


@dataclass(eq=False)
class ClusterInUse(Finding):
    """It still holds nodes and deletion was not forced."""

    name: str


@dataclass(eq=False)
class ClusterBusy(Finding):
    """A scaling activity is in progress and deletion was not forced (or HonorCooldown met a cooldown: see Cooldown)."""

    name: str


@dataclass(eq=False)
class ClusterDeleting(Finding):
    name: str


@dataclass(eq=False)
class ClusterProtected(Finding):
    """Deletion protection forbids it. ``protection`` is its value."""

    name: str
    protection: str


@dataclass(eq=False)
class CoolingDown(Finding):
    """A cooldown that was to be honoured is not over; ``activity`` is the id of the activity that began it."""

    name: str
    activity: str = ""


@dataclass(eq=False)
class CapacityOutOfBounds(Finding):
    """A desired capacity outside [minimum, maximum]; also used for minimum > maximum with desired = minimum."""

    desired: int
    minimum: int
    maximum: int


@dataclass(eq=False)
class BoundsCrossed(Finding):
    minimum: int
    maximum: int


@dataclass(eq=False)
class BelowMinimum(Finding):
    """Taking nodes away with a decrement would go below the minimum."""

    desired: int
    minimum: int
    count: int
    maximum: int = 0
    cluster: str = ""


@dataclass(eq=False)
class AboveMaximum(Finding):
    """Adding nodes would go above the maximum."""

    desired: int
    maximum: int
    count: int
    minimum: int = 0
    cluster: str = ""


@dataclass(eq=False)
class NodeNotFound(Finding):
    """No node has that server. ``server`` is the id as the caller gave it (short id)."""

    server: str


@dataclass(eq=False)
class NodeNotInCluster(Finding):
    server: str
    cluster: str


@dataclass(eq=False)
class NodeStateConflict(Finding):
    """The node is not in one of the states that allow it. ``required`` are NodeState values."""

    server: str
    state: str
    required: tuple[str, ...]


@dataclass(eq=False)
class ClusterManaged(Finding):
    """Only its operator may change the cluster, and another one asks."""

    name: str
    operator: str


@dataclass(eq=False)
class ProcessSuspended(Finding):
    """The request needs a process that is suspended (Launch for attach and exit standby)."""

    name: str
    process: str


@dataclass(eq=False)
class SourceNotAttached(Finding):
    """The pool (by its short id) is no traffic source of the cluster."""

    pool: str
    cluster: str
