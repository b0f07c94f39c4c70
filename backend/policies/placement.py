"""Where nodes are launched so that the zones hold equally many. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from heapq import heapify, heapreplace

from backend.domain.cluster import ZoneDistribution


def spread(
    counts: Mapping[str, int],
    zones: Sequence[str],
    number: int,
    *,
    failing: Collection[str] = (),
    distribution: ZoneDistribution = ZoneDistribution.BEST_EFFORT,
) -> dict[str, int]:
    """How many of ``number`` nodes go to which zone.

    Args:
        counts: what there is, by zone, in units; zones not named have nothing.
        zones: those enabled, in the cluster's order: of equally full zones the first is taken.
        failing: zones where launches failed a short while ago. Best effort goes elsewhere meanwhile, balanced-only
            waits for them: what falls to them is left out of the answer.

    Returns:
        zone -> number > 0, together at most ``number``.

    Source: Auto Scaling User Guide, "Distribute instances across Availability Zones".
    """
    best_effort = distribution is ZoneDistribution.BEST_EFFORT
    open_zones = [zone for zone in zones if not best_effort or zone not in failing]
    if not open_zones or number <= 0:
        return {}
    heap = [(counts.get(zone, 0), position, zone) for position, zone in enumerate(open_zones)]
    heapify(heap)
    chosen: dict[str, int] = {}
    for _ in range(number):
        count, position, zone = heap[0]
        heapreplace(heap, (count + 1, position, zone))
        chosen[zone] = chosen.get(zone, 0) + 1
    return {zone: chosen[zone] for zone in zones if zone in chosen and zone not in failing}


def imbalance(counts: Mapping[str, int], zones: Sequence[str]) -> tuple[str, str, int] | None:
    """The emptiest zone, the fullest zone and how many units lie between them; None with fewer than two zones."""
    if len(zones) < 2:
        return None
    short = min(zones, key=lambda zone: counts.get(zone, 0))
    long = max(zones, key=lambda zone: counts.get(zone, 0))
    return short, long, counts.get(long, 0) - counts.get(short, 0)
