"""Where nodes may go: zones and subnets as asked for, looked up in the cloud."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain.cluster import ClusterSpec, PlacementRequest
from backend.domain.launch_findings import PlacementMissing, SubnetNotFound, ZoneNotFound, ZonesMismatch
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.network import Subnet
from backend.services.catalog import asking

Placement = tuple[tuple[str, ...], tuple[str, ...]]
"""Zone names, and cloud ids of subnets (empty: each zone's default subnet)."""


def place(catalog: Catalog, scope: Scope, request: PlacementRequest) -> Placement:
    """The placement of a new cluster.

    Raises:
        PlacementMissing: nothing was asked for.
        ZoneNotFound, SubnetNotFound: unknown to the cloud.
        ZonesMismatch: the subnets lie in other zones than those named.
    """
    if request.is_empty:
        raise PlacementMissing
    with asking():
        zones = _zones(catalog, scope, request)
        subnets = _subnets(catalog, scope, request.subnets or ())
    if not subnets:
        return zones, ()
    lying = tuple(dict.fromkeys(subnet.zone for subnet in subnets))
    if zones and set(zones) != set(lying):
        raise ZonesMismatch(zones)
    return lying, tuple(dict.fromkeys(subnet.id for subnet in subnets))


def merge(placed: Placement, spec: ClusterSpec) -> Placement:
    """The placement after an update that asked for ``placed``; zones alone must be those of the subnets that stay.

    Raises:
        ZonesMismatch
    """
    zones, subnets = placed
    if subnets or not spec.subnets:
        return placed
    if set(zones) != set(spec.zones):
        raise ZonesMismatch(zones)
    return spec.zones, spec.subnets


def _zones(catalog: Catalog, scope: Scope, request: PlacementRequest) -> tuple[str, ...]:
    if not request.zones and not request.zone_ids:
        return ()
    known = catalog.zones(scope)
    by_word = {zone.name: zone.name for zone in known} if request.zones else {z.zone_id: z.name for z in known}
    found = []
    for word in request.zones or request.zone_ids or ():
        if word not in by_word:
            raise ZoneNotFound(word)
        found.append(by_word[word])
    return tuple(dict.fromkeys(found))


def _subnets(catalog: Catalog, scope: Scope, wanted: Sequence[str]) -> list[Subnet]:
    found = []
    for short in wanted:
        subnet = catalog.subnet(scope, short)
        if subnet is None:
            raise SubnetNotFound(short)
        found.append(subnet)
    return found
