"""What a mix comes to with what the cloud offers: its types, and those that meet requirements. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from backend.domain.mixes import Mix, Strategy
from backend.domain.requirements import Requirements
from backend.drivers.compute import Flavor
from backend.drivers.instance_types.facts import facts_of
from backend.engine.snapshot import Offer, Profile, Snapshot
from backend.policies.requirements import affordable, meets

_PRICED = frozenset({Strategy.LOWEST_PRICE, Strategy.PRICE_CAPACITY})


def asks_types(mix: Mix, snapshot: Snapshot) -> bool:
    """Whether a launch has to know what the cloud offers: prices or requirements choose."""
    if any(each.requirements is not None for each in snapshot.mixed):
        return True
    strategies = {mix.on_demand_strategy, *((mix.spot_strategy,) if mix.wants_spot else ())}
    return len(snapshot.mixed) > 1 and bool(strategies & _PRICED)


def expand(snapshot: Snapshot) -> Sequence[Profile]:
    """The choices of a mix by rank, each of a type; those with requirements as far as the cloud's offer is known."""
    offer = snapshot.types
    known = {} if offer is None else {flavor.name: flavor for flavor in offer.flavors}
    found: dict[tuple[str, str], Profile] = {}
    for profile in snapshot.mixed:
        fitting = [_known(profile, known)]
        if profile.requirements is not None:
            fitting = [] if offer is None else _fitting(profile, profile.requirements, offer, snapshot)
        for each in fitting:
            found.setdefault((each.ref.key, each.instance_type), each)
    return list(found.values())


def _known(profile: Profile, offered: Mapping[str, Flavor]) -> Profile:
    """The profile with what is known of its type."""
    flavor = offered.get(profile.instance_type)
    return profile if flavor is None else _of(profile, flavor)


def _of(profile: Profile, flavor: Flavor) -> Profile:
    size = (flavor.vcpus, flavor.memory_mib, flavor.disk_gib)
    return replace(profile, cost=flavor.cost, size=size, zones=flavor.zones)


def _fitting(profile: Profile, wanted: Requirements, offer: Offer, snapshot: Snapshot) -> list[Profile]:
    """The profile with each type that meets its requirements and runs its image, by name."""
    architecture = offer.architectures.get(profile.spec.image or "")
    flavors = sorted(
        (each for each in offer.flavors if architecture in each.architectures and meets(wanted, facts_of(each))),
        key=lambda flavor: flavor.name,
    )
    kind = snapshot.cluster.spec.capacity_type
    found = [
        replace(
            _of(profile, flavor),
            spec=replace(profile.spec, instance_type=flavor.name),
            units=_units(flavor, kind, profile.units),
            requirements=None,
        )
        for flavor in flavors
    ]
    costs = [None if each.cost is None else each.cost / each.weight for each in found]
    dear = [affordable(wanted, costs, preemptible=side) for side in (False, True)]
    return [
        replace(each, barred=tuple(side for side in (False, True) if not dear[side][number]))
        for number, each in enumerate(found)
    ]


def _units(flavor: Flavor, kind: str | None, told: int | None) -> int | None:
    """What a node of it counts, where capacity is in vCPUs or in MiB of memory."""
    return {"vcpu": flavor.vcpus, "memory-mib": flavor.memory_mib}.get(kind or "", told)
