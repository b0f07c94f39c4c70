"""The rules of minimum, maximum and desired, all in units (``domain.node.capacity``). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.domain.cluster import Cluster, ClusterSpec
from backend.domain.cluster_findings import AboveMaximum, BelowMinimum, BoundsCrossed, CapacityOutOfBounds


def check(minimum: int, maximum: int, desired: int) -> None:
    """Refuse bounds that cross and a desired capacity outside them.

    Raises:
        BoundsCrossed, CapacityOutOfBounds
    """
    if minimum > maximum:
        raise BoundsCrossed(minimum, maximum)
    check_desired(minimum, maximum, desired)


def check_desired(minimum: int, maximum: int, desired: int) -> None:
    """Refuse a desired capacity outside bounds that do not cross.

    Raises:
        CapacityOutOfBounds
    """
    if not minimum <= desired <= maximum:
        raise CapacityOutOfBounds(desired, minimum, maximum)


def changed(spec: ClusterSpec, values: Mapping[str, Any]) -> tuple[int, int, int]:
    """Minimum, maximum and desired after an update; what is not told follows.

    Raises:
        BoundsCrossed, CapacityOutOfBounds
    """
    minimum = values.get("minimum", spec.minimum)
    maximum = values.get("maximum", spec.maximum)
    desired = values.get("desired")
    if desired is None:
        desired = min(max(spec.desired, minimum), maximum) if minimum <= maximum else spec.desired
    check(minimum, maximum, desired)
    return minimum, maximum, desired


def lowered(cluster: Cluster, count: int) -> int:
    """The desired capacity after nodes that count for that many units leave with it.

    Raises:
        BelowMinimum
    """
    spec = cluster.spec
    if spec.desired - count < spec.minimum:
        raise BelowMinimum(spec.desired, spec.minimum, count, spec.maximum, cluster.name)
    return spec.desired - count


def raised(cluster: Cluster, count: int) -> int:
    """The desired capacity after nodes of that many units join.

    Raises:
        AboveMaximum
    """
    spec = cluster.spec
    if spec.desired + count > spec.maximum:
        raise AboveMaximum(spec.desired, spec.maximum, count, spec.minimum, cluster.name)
    return spec.desired + count
