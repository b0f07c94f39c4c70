"""Whether an instance type has what is required of it, and is not too dear beside the others that have. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final

from backend.domain.requirements import Bounds, Requirements, TypeFacts

_NO_BOUND: Final = 999_999
_ON_DEMAND_PERCENT: Final = 20
"""How much dearer than the cheapest an On-Demand type may be where nobody said: AWS's own."""
_OVER_ON_DEMAND: Final = "OnDemandMaxPricePercentageOverLowestPrice"
_OVER_SPOT: Final = "SpotMaxPricePercentageOverLowestPrice"


def meets(wanted: Requirements, facts: TypeFacts) -> bool:
    """Whether a type has all that is required; what is not known of it is not there.

    Bare metal and burstable types are left out unless they are asked for.

    Source: Amazon EC2 Auto Scaling API Reference, InstanceRequirements.
    """
    return (
        _named(wanted, facts.name)
        and _sized(wanted, facts)
        and _has_one(wanted.cpu_manufacturers, facts.cpu_manufacturers)
        and _has_one(wanted.generations, ("current" if facts.current_generation else "previous",))
        and _goes(wanted.bare_metal or "excluded", has=facts.bare_metal)
        and _goes(wanted.burstable or "excluded", has=facts.burstable)
        and _connected(wanted, facts)
        and _accelerated(wanted, facts)
        and _stores(wanted, facts)
        and not (wanted.hibernation and not facts.hibernation)
        and not (wanted.encryption_in_transit and not facts.encryption_in_transit)
        and not wanted.baseline_families  # no performance of any family is known
    )


def _named(wanted: Requirements, name: str) -> bool:
    if wanted.allowed and not any(_pattern(each).fullmatch(name) for each in wanted.allowed):
        return False
    return not any(_pattern(each).fullmatch(name) for each in wanted.excluded)


@lru_cache(maxsize=2048)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, re.sub(r"\*+", "*", text).split("*"))))


def _sized(wanted: Requirements, facts: TypeFacts) -> bool:
    each = facts.memory_mib / 1024 / facts.vcpus if facts.vcpus else None
    return (
        wanted.vcpus.hold(facts.vcpus)
        and wanted.memory_mib.hold(facts.memory_mib)
        and _holds(wanted.memory_gib_per_vcpu, each)
    )


def _connected(wanted: Requirements, facts: TypeFacts) -> bool:
    return (
        _holds(wanted.network_interfaces, facts.network_interfaces)
        and _holds(wanted.network_gbps, facts.network_gbps)
        and _holds(wanted.ebs_mbps, facts.ebs_mbps)
    )


def _accelerated(wanted: Requirements, facts: TypeFacts) -> bool:
    return (
        _holds(wanted.accelerators, facts.accelerators)
        and _holds(wanted.accelerator_memory_mib, facts.accelerator_memory_mib)
        and _has_one(wanted.accelerator_types, facts.accelerator_types)
        and _has_one(wanted.accelerator_manufacturers, facts.accelerator_manufacturers)
        and _has_one(wanted.accelerator_names, facts.accelerator_names)
    )


def _stores(wanted: Requirements, facts: TypeFacts) -> bool:
    return (
        _goes(wanted.local_storage or "included", has=facts.local_storage_gb > 0)
        and _has_one(wanted.local_storage_types, facts.local_storage_types)
        and (wanted.local_storage_gb is None or wanted.local_storage_gb.hold(facts.local_storage_gb))
    )


def _goes(word: str, *, has: bool) -> bool:
    return word == "included" or (word == "required") is has


def _has_one(wanted: Collection[str], there: Collection[str]) -> bool:
    return not wanted or any(each in there for each in wanted)


def _holds(bounds: Bounds | None, value: float | None) -> bool:
    return bounds is None or (value is not None and bounds.hold(value))


def affordable(wanted: Requirements, costs: Sequence[float | None], *, preemptible: bool) -> list[bool]:
    """Which types are not too dear beside the cheapest of them; whatever costs nobody knows what is.

    Args:
        costs: of a unit of each type; None where nobody told.
    """
    told = dict(wanted.prices)
    percent = told.get(_OVER_SPOT) if preemptible else told.get(_OVER_ON_DEMAND, _ON_DEMAND_PERCENT)
    known = [cost for cost in costs if cost is not None]
    if percent is None or percent >= _NO_BOUND or not known:
        return [True] * len(costs)
    most = min(known) * (1 + percent / 100)
    return [cost is None or cost <= most for cost in costs]
