"""What is counted of a cluster each minute, by AWS's names. Pure.

Source: Amazon EC2 Auto Scaling User Guide, "Amazon CloudWatch metrics for Amazon EC2 Auto Scaling".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from backend.domain.cluster import ClusterSpec
from backend.domain.node import ARRIVING, ENDING, PARKED, PARKING, SERVING, NodeState

NAMESPACE: Final = "AWS/AutoScaling"
DIMENSION: Final = "AutoScalingGroupName"

_COUNTED: Final[Mapping[str, frozenset[NodeState]]] = {
    "InService": SERVING,
    "Pending": ARRIVING,
    "Standby": PARKED | PARKING,
    "Terminating": ENDING,
    "TerminatingRetained": frozenset({NodeState.TERMINATING_RETAINED}),
    "Total": SERVING | ARRIVING | ENDING,
}
_WARM: Final = ("Desired", "Warmed", "Pending", "PendingRetained", "Terminating", "TerminatingRetained", "Total")


def group_metrics(spec: ClusterSpec, states: Mapping[NodeState, int]) -> dict[str, float]:
    """Every metric of a cluster, of whose nodes so many are in each state.

    A node counts one, in instances and in capacity; of a pool of warm ones there is none.
    """
    found = {"GroupMinSize": spec.minimum, "GroupMaxSize": spec.maximum, "GroupDesiredCapacity": spec.desired}
    for word, counted in _COUNTED.items():
        number = sum(states.get(state, 0) for state in counted)
        found |= {f"Group{word}Instances": number, f"Group{word}Capacity": number}
    found |= {f"WarmPool{word}Capacity": 0 for word in _WARM}
    found["GroupAndWarmPoolDesiredCapacity"] = spec.desired
    found["GroupAndWarmPoolTotalCapacity"] = found["GroupTotalCapacity"]
    return {name: float(value) for name, value in found.items()}
