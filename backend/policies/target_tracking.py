"""Target tracking: as many nodes as bring a metric, which is an average of theirs, to its target. Pure.

Out at once by the newest period, in by the largest of all that were too little, and never while something warms up.

Source: Auto Scaling User Guide, "Target tracking scaling policies": proportional to the metric, in favour of capacity.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Final

from backend.domain.scaling import Capacity, Decision, Stay
from backend.policies.adjustment import bounded

_ALMOST: Final = 1e-9
_MOST: Final = 1e9
"""More than any bound; what is measured may be beyond all numbers."""


def needed(nodes: int, value: float, target: float) -> int:
    """How many units bring the metric to its target.

    Args:
        nodes: units that the metric is an average of.
        value: the metric.
    """
    if value <= 0:
        return 0
    wanted = min(max(nodes, 1) * value / target, _MOST)
    return max(1, ceil(wanted - _ALMOST)) if nodes == 0 else ceil(wanted - _ALMOST)


def scale_out(target: float, capacity: Capacity, points: Sequence[float], nodes: int) -> Decision:
    """The capacity where there is too much.

    Args:
        points: of the metric, oldest first; the newest counts.
        nodes: units that the newest is an average of. What has come since then may be enough already.
    """
    if not points:
        return Decision(capacity.desired, Stay.NO_DATA)
    return bounded(max(needed(nodes, points[-1], target), capacity.desired), capacity)


def scale_in(
    target: float, capacity: Capacity, points: Sequence[float], others: Sequence[tuple[float, Sequence[float]]] = ()
) -> Decision:
    """The capacity where there has been too little for long.

    Args:
        points: of the metric, oldest first; the largest counts.
        others: target and points of each other policy that takes nodes away; none of it where its metric is missing, or
            is not below its target: then nothing is taken away.
    """
    if not points:
        return Decision(capacity.desired, Stay.NO_DATA)
    if capacity.warming:
        return Decision(capacity.desired, Stay.WARMING)
    if any(not each for _, each in others):
        return Decision(capacity.desired, Stay.OTHERS)
    mine = needed(capacity.warm, max(points), target)
    theirs = max((needed(capacity.warm, max(each), goal) for goal, each in others), default=0)
    if theirs >= capacity.desired > mine:
        return Decision(capacity.desired, Stay.OTHERS)
    return bounded(min(max(mine, theirs), capacity.desired), capacity)
