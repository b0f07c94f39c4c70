"""Findings about warm pools. Data, no sentences; see backend.errors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backend.errors import Finding


@dataclass(eq=False)
class WarmPoolNotFound(Finding):
    """``cluster``: the name of the one that has none."""

    cluster: str


@dataclass(eq=False)
class WarmPoolInUse(Finding):
    """It holds nodes and its deletion was not forced."""

    cluster: str


@dataclass(eq=False)
class WarmPoolBusy(Finding):
    """Its nodes are just coming or going and its deletion was not forced."""

    cluster: str


class UnfitMix(StrEnum):
    """What of a cluster's mix no warm pool goes with."""

    SPOT = "spot"
    WEIGHTS = "weights"
    CAPACITY_TYPE = "capacity_type"


@dataclass(eq=False)
class WarmPoolUnfit(Finding):
    """Its mix and a warm pool do not go together. ``joining``: the mix is the one that comes."""

    cluster: str
    why: UnfitMix
    joining: bool = False


@dataclass(eq=False)
class WarmPoolDeleting(Finding):
    cluster: str
