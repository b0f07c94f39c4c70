"""What a mix comes to with what the cloud offers: its types, and those that meet requirements. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from backend.domain.mixes import Mix, Strategy
from backend.engine.snapshot import OfferedType, Profile, Snapshot

_PRICED = frozenset({Strategy.LOWEST_PRICE, Strategy.PRICE_CAPACITY})


def asks_types(mix: Mix, snapshot: Snapshot) -> bool:
    """Whether a launch has to know what the cloud offers: prices or requirements choose."""
    if any(each.requirements is not None for each in snapshot.mixed):
        return True
    strategies = {mix.on_demand_strategy, *((mix.spot_strategy,) if mix.wants_spot else ())}
    return len(snapshot.mixed) > 1 and bool(strategies & _PRICED)


def expand(mix: Mix, snapshot: Snapshot) -> Sequence[Profile]:
    """The choices of a mix by rank, each of a type."""
    offered = {each.flavor.name: each for each in snapshot.types or ()}
    return [_known(each, offered) for each in snapshot.mixed if each.requirements is None]


def _known(profile: Profile, offered: Mapping[str, OfferedType]) -> Profile:
    """The profile with what is known of its type."""
    found = offered.get(profile.instance_type)
    if found is None:
        return profile
    flavor = found.flavor
    return replace(profile, cost=found.cost, size=(flavor.vcpus, flavor.memory_mib, flavor.disk_gib))
