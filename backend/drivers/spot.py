"""What Spot is on a cloud that has no market for servers."""

from __future__ import annotations

from enum import StrEnum


class Spot(StrEnum):
    """What becomes of a launch that asks for Spot."""

    REFUSE = "refuse"  # in plain words
    ON_DEMAND = "on-demand"  # it is made as any other
    PREEMPTIBLE = "preemptible"  # it is of a class of servers that the cloud may take back
