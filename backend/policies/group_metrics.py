"""What is counted of a cluster each minute, by AWS's names. Pure.

Source: Amazon EC2 Auto Scaling User Guide, "Amazon CloudWatch metrics for Amazon EC2 Auto Scaling".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from backend.domain.cluster import Cluster
from backend.domain.node import (
    ARRIVING,
    COOLING,
    ENDING,
    PARKED,
    PARKING,
    REBUILDING,
    SERVING,
    WARM,
    WARMING,
    NodeState,
)

NAMESPACE: Final = "AWS/AutoScaling"
DIMENSION: Final = "AutoScalingGroupName"

_COUNTED: Final[Mapping[str, frozenset[NodeState]]] = {
    "InService": SERVING,
    "Pending": ARRIVING,
    "Standby": PARKED | PARKING,
    "Terminating": ENDING,
    "TerminatingRetained": frozenset({NodeState.TERMINATING_RETAINED}),
    # Retained ones too. Source: stackd, retention_native.
    "Total": SERVING | ARRIVING | REBUILDING | ENDING | {NodeState.TERMINATING_RETAINED},
}
_WARM: Final[Mapping[str, frozenset[NodeState]]] = {
    "Warmed": WARM,
    "Pending": WARMING,
    "PendingRetained": frozenset({NodeState.WARMED_PENDING_RETAINED}),
    "Terminating": COOLING,
    "TerminatingRetained": frozenset({NodeState.WARMED_TERMINATING_RETAINED}),
    "Total": WARM | WARMING | COOLING,
}


def group_metrics(cluster: Cluster, states: Mapping[NodeState, tuple[int, int]]) -> dict[str, float]:
    """Every metric of a cluster: instances by number, capacity in units.

    Args:
        states: of each the number of nodes in it, and what they count.
    """

    def amount(among: frozenset[NodeState]) -> tuple[int, int]:
        there = [states[state] for state in among if state in states]
        return sum(nodes for nodes, _ in there), sum(units for _, units in there)

    spec, pool = cluster.spec, cluster.warm_pool
    found = {"GroupMinSize": spec.minimum, "GroupMaxSize": spec.maximum, "GroupDesiredCapacity": spec.desired}
    for word, counted in _COUNTED.items():
        found[f"Group{word}Instances"], found[f"Group{word}Capacity"] = amount(counted)
    for word, counted in _WARM.items():
        found[f"WarmPool{word}Capacity"] = amount(counted)[1]
    prepared = 0 if pool is None else pool.size(spec.maximum, spec.desired)
    found["WarmPoolDesiredCapacity"] = prepared
    found["GroupAndWarmPoolDesiredCapacity"] = spec.desired + prepared
    found["GroupAndWarmPoolTotalCapacity"] = found["GroupTotalCapacity"] + found["WarmPoolTotalCapacity"]
    return {name: float(value) for name, value in found.items()}
