"""InstanceRequirements both ways: as a caller writes them, and as AWS tells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from backend.domain.requirements import Bounds, Requirements

_BOUNDS: Final = {
    "VCpuCount": "vcpus",
    "MemoryMiB": "memory_mib",
    "MemoryGiBPerVCpu": "memory_gib_per_vcpu",
    "NetworkInterfaceCount": "network_interfaces",
    "NetworkBandwidthGbps": "network_gbps",
    "BaselineEbsBandwidthMbps": "ebs_mbps",
    "TotalLocalStorageGB": "local_storage_gb",
    "AcceleratorCount": "accelerators",
    "AcceleratorTotalMemoryMiB": "accelerator_memory_mib",
}
_WORDS: Final = {
    "CpuManufacturers": "cpu_manufacturers",
    "AllowedInstanceTypes": "allowed",
    "ExcludedInstanceTypes": "excluded",
    "InstanceGenerations": "generations",
    "LocalStorageTypes": "local_storage_types",
    "AcceleratorTypes": "accelerator_types",
    "AcceleratorManufacturers": "accelerator_manufacturers",
    "AcceleratorNames": "accelerator_names",
}
_PLAIN: Final = {
    "BareMetal": "bare_metal",
    "BurstablePerformance": "burstable",
    "LocalStorage": "local_storage",
    "RequireHibernateSupport": "hibernation",
    "RequireEncryptionInTransit": "encryption_in_transit",
}
_SPOT_PRICES: Final = ("SpotMaxPricePercentageOverLowestPrice", "MaxSpotPriceAsPercentageOfOptimalOnDemandPrice")
_PRICES: Final = (*_SPOT_PRICES, "OnDemandMaxPricePercentageOverLowestPrice")
_BASELINE: Final = "BaselinePerformanceFactors"


class Clash(ValueError):
    """Two members of requirements do not go together; its text is AWS's."""


MEMBERS: Final = frozenset({*_BOUNDS, *_WORDS, *_PLAIN, *_PRICES, _BASELINE})
"""Every member that is understood; a test holds them against both models."""
_FRACTIONS: Final = frozenset({"MemoryGiBPerVCpu", "NetworkBandwidthGbps", "TotalLocalStorageGB"})


def read(given: Mapping[str, Any]) -> Requirements:
    """What a caller asks for.

    Raises:
        Clash: two members do not go together.
    """
    if given.get("AllowedInstanceTypes") and given.get("ExcludedInstanceTypes"):
        raise Clash("You can specify either AllowedInstanceTypes or ExcludedInstanceTypes, but not both")
    if sum(member in given for member in _SPOT_PRICES) > 1:
        raise Clash("Specify only one of these parameters")
    values: dict[str, Any] = {}
    for member, field in _BOUNDS.items():
        if member in given:
            values[field] = _bounds(member, given[member])
    for member, field in _WORDS.items():
        values[field] = tuple(given.get(member) or ())
    for member, field in _PLAIN.items():
        values[field] = given.get(member)
    values["prices"] = tuple((member, given[member]) for member in _PRICES if member in given)
    references = ((given.get(_BASELINE) or {}).get("Cpu") or {}).get("References") or ()
    values["baseline_families"] = tuple(each["InstanceFamily"] for each in references if "InstanceFamily" in each)
    return Requirements(**values)


def _bounds(member: str, given: Mapping[str, float]) -> Bounds:
    found = Bounds(given.get("Min"), given.get("Max"))
    if found.least is not None and found.most is not None and found.least > found.most:
        # unsourced
        raise Clash(f"The value for {member}.Min must not be greater than the value for {member}.Max")
    return found


def told(wanted: Requirements) -> dict[str, Any]:
    """Requirements as AWS tells them: what was given, and no more."""
    answer: dict[str, Any] = {}
    for member, field in _BOUNDS.items():
        bounds: Bounds | None = getattr(wanted, field)
        if bounds is not None:
            pairs = (("Min", bounds.least), ("Max", bounds.most))
            answer[member] = {end: _number(member, value) for end, value in pairs if value is not None}
    for member, field in _WORDS.items():
        if getattr(wanted, field):
            answer[member] = list(getattr(wanted, field))
    for member, field in _PLAIN.items():
        if getattr(wanted, field) is not None:
            answer[member] = getattr(wanted, field)
    answer |= dict(wanted.prices)
    if wanted.baseline_families:
        answer[_BASELINE] = {"Cpu": {"References": [{"InstanceFamily": each} for each in wanted.baseline_families]}}
    return answer


def _number(member: str, value: float) -> float | int:
    return float(value) if member in _FRACTIONS else int(value)
