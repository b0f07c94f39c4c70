"""Flavors as instance types, and where they are offered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from backend.drivers.compute import Flavor
from translators import filters
from translators.ec2 import actions
from translators.ec2.placement_groups import STRATEGIES
from translators.errors import AWSError
from translators.filters import Fields
from translators.registry import Call, Result

_BOUNDS: Final = actions.Bounds(5, 100, 100)
_OFFERING_BOUNDS: Final = actions.Bounds(5, 1000, 1000)


def _path(*names: str) -> Callable[[Mapping[str, Any]], Any]:
    """What stands at a path of an answer; lists are looked at element by element."""

    def look(told: Any) -> Any:
        for name in names:
            told = [each.get(name) for each in told] if isinstance(told, list) else (told or {}).get(name)
        return told

    return look


_UNKNOWN: Final = (
    "ebs-info.attachment-limit-type",
    "ebs-info.maximum-ebs-attachments",
    "ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps",
    "ebs-info.ebs-optimized-info.baseline-iops",
    "ebs-info.ebs-optimized-info.baseline-throughput-in-mbps",
    "ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps",
    "ebs-info.ebs-optimized-info.maximum-iops",
    "ebs-info.ebs-optimized-info.maximum-throughput-in-mbps",
    "network-info.bandwidth-weightings",
    "network-info.efa-info.maximum-efa-interfaces",
    "network-info.flexible-ena-queues-support",
    "nitro-tpm-info.supported-versions",
    "reboot-migration-support",
)
"""Filters by what no flavor tells."""


def _fields() -> Fields[dict[str, Any]]:
    """The filters of DescribeInstanceTypes: each names a member of the answer by its path in lower case."""
    direct = {
        "auto-recovery-supported": ("AutoRecoverySupported",),
        "bare-metal": ("BareMetal",),
        "burstable-performance-supported": ("BurstablePerformanceSupported",),
        "current-generation": ("CurrentGeneration",),
        "dedicated-hosts-supported": ("DedicatedHostsSupported",),
        "ebs-info.ebs-optimized-support": ("EbsInfo", "EbsOptimizedSupport"),
        "ebs-info.encryption-support": ("EbsInfo", "EncryptionSupport"),
        "ebs-info.nvme-support": ("EbsInfo", "NvmeSupport"),
        "free-tier-eligible": ("FreeTierEligible",),
        "hibernation-supported": ("HibernationSupported",),
        "hypervisor": ("Hypervisor",),
        "instance-storage-info.disk.count": ("InstanceStorageInfo", "Disks", "Count"),
        "instance-storage-info.disk.size-in-gb": ("InstanceStorageInfo", "Disks", "SizeInGB"),
        "instance-storage-info.disk.type": ("InstanceStorageInfo", "Disks", "Type"),
        "instance-storage-info.encryption-support": ("InstanceStorageInfo", "EncryptionSupport"),
        "instance-storage-info.nvme-support": ("InstanceStorageInfo", "NvmeSupport"),
        "instance-storage-info.total-size-in-gb": ("InstanceStorageInfo", "TotalSizeInGB"),
        "instance-storage-supported": ("InstanceStorageSupported",),
        "instance-type": ("InstanceType",),
        "memory-info.size-in-mib": ("MemoryInfo", "SizeInMiB"),
        "network-info.ena-support": ("NetworkInfo", "EnaSupport"),
        "network-info.efa-supported": ("NetworkInfo", "EfaSupported"),
        "network-info.encryption-in-transit-supported": ("NetworkInfo", "EncryptionInTransitSupported"),
        "network-info.ipv4-addresses-per-interface": ("NetworkInfo", "Ipv4AddressesPerInterface"),
        "network-info.ipv6-addresses-per-interface": ("NetworkInfo", "Ipv6AddressesPerInterface"),
        "network-info.ipv6-supported": ("NetworkInfo", "Ipv6Supported"),
        "network-info.maximum-network-cards": ("NetworkInfo", "MaximumNetworkCards"),
        "network-info.maximum-network-interfaces": ("NetworkInfo", "MaximumNetworkInterfaces"),
        "network-info.network-performance": ("NetworkInfo", "NetworkPerformance"),
        "nitro-enclaves-support": ("NitroEnclavesSupport",),
        "nitro-tpm-support": ("NitroTpmSupport",),
        "processor-info.supported-features": ("ProcessorInfo", "SupportedFeatures"),
        "processor-info.supported-architecture": ("ProcessorInfo", "SupportedArchitectures"),
        "processor-info.sustained-clock-speed-in-ghz": ("ProcessorInfo", "SustainedClockSpeedInGhz"),
        "supported-boot-mode": ("SupportedBootModes",),
        "supported-root-device-type": ("SupportedRootDeviceTypes",),
        "supported-usage-class": ("SupportedUsageClasses",),
        "supported-virtualization-type": ("SupportedVirtualizationTypes",),
        "vcpu-info.default-cores": ("VCpuInfo", "DefaultCores"),
        "vcpu-info.default-threads-per-core": ("VCpuInfo", "DefaultThreadsPerCore"),
        "vcpu-info.default-vcpus": ("VCpuInfo", "DefaultVCpus"),
        "vcpu-info.valid-cores": ("VCpuInfo", "ValidCores"),
        "vcpu-info.valid-threads-per-core": ("VCpuInfo", "ValidThreadsPerCore"),
    }
    return {**filters.never(*_UNKNOWN), **{name: _path(*path) for name, path in direct.items()}}


FIELDS: Final = _fields()
OFFERING_FIELDS: Final[Fields[dict[str, Any]]] = {
    "instance-type": lambda offering: offering["InstanceType"],
    "location": lambda offering: offering["Location"],
}


@actions.answers("DescribeInstanceTypes")
def describe(call: Call) -> Result:
    flavors = sorted(call.backend.catalog.flavors(call.scope), key=lambda flavor: flavor.name)
    wanted = call.params.get("InstanceTypes") or ()
    if wanted:
        known = {flavor.name for flavor in flavors}
        if missing := [name for name in wanted if name not in known]:
            raise AWSError(  # unsourced
                "InvalidInstanceType", f"The following supplied instance types do not exist: [{', '.join(missing)}]"
            )
        flavors = [flavor for flavor in flavors if flavor.name in wanted]
    found = filters.matching(map(shown, flavors), call.params.get("Filters") or (), FIELDS)
    items, token = actions.page(call, "InstanceTypes", found, lambda told: told["InstanceType"], _BOUNDS)
    return {"InstanceTypes": items, **token}


@actions.answers("DescribeInstanceTypeOfferings")
def describe_offerings(call: Call) -> Result:
    kind = call.params.get("LocationType") or "region"
    flavors = call.backend.catalog.flavors(call.scope)
    offerings = [
        {"InstanceType": flavor.name, "LocationType": kind, "Location": location}
        for flavor in flavors
        for location in _locations(call, kind, flavor)
    ]
    offerings.sort(key=_order)
    found = filters.matching(offerings, call.params.get("Filters") or (), OFFERING_FIELDS)
    items, token = actions.page(call, "", found, _order, _OFFERING_BOUNDS)
    return {"InstanceTypeOfferings": items, **token}


def _order(offering: Mapping[str, str]) -> list[str]:
    return [offering["InstanceType"], offering["Location"]]


def _locations(call: Call, kind: str, flavor: Flavor) -> Iterable[str]:
    if kind == "region":
        return (call.region,)
    if kind == "availability-zone":
        return flavor.zones
    if kind == "availability-zone-id":
        zone_ids = {zone.name: zone.zone_id for zone in call.backend.catalog.zones(call.scope)}
        return [zone_ids[zone] for zone in flavor.zones if zone in zone_ids]
    return ()  # there are no outposts


def shown(flavor: Flavor) -> dict[str, Any]:
    """An instance type as DescribeInstanceTypes tells of it."""
    nitro = flavor.hypervisor == "nitro" or flavor.bare_metal
    told: dict[str, Any] = {
        "InstanceType": flavor.name,
        "CurrentGeneration": flavor.current_generation,
        "FreeTierEligible": False,
        "SupportedUsageClasses": ["on-demand"],
        "SupportedRootDeviceTypes": ["ebs"],
        "SupportedVirtualizationTypes": ["hvm"],
        "BareMetal": flavor.bare_metal,
        "ProcessorInfo": _processor(flavor),
        "VCpuInfo": _cpus(flavor),
        "MemoryInfo": {"SizeInMiB": flavor.memory_mib},
        "InstanceStorageSupported": flavor.ephemeral_gib > 0,
        "EbsInfo": {
            "EbsOptimizedSupport": "default" if flavor.current_generation else "unsupported",
            "EncryptionSupport": "supported",
            "NvmeSupport": "required" if nitro else "unsupported",
        },
        "NetworkInfo": _network(flavor, nitro=nitro),
        "PlacementGroupInfo": {"SupportedStrategies": list(STRATEGIES.values())},
        "HibernationSupported": False,
        "BurstablePerformanceSupported": flavor.burstable,
        "DedicatedHostsSupported": False,
        "AutoRecoverySupported": False,
        "SupportedBootModes": _boot_modes(flavor),
        "NitroEnclavesSupport": "unsupported",
        "NitroTpmSupport": "unsupported",
        "PhcSupport": "unsupported",
    }
    if not flavor.bare_metal:
        told["Hypervisor"] = "nitro" if flavor.hypervisor == "nitro" else "xen"
    if flavor.ephemeral_gib:
        told["InstanceStorageInfo"] = {
            "TotalSizeInGB": flavor.ephemeral_gib,
            "Disks": [{"SizeInGB": flavor.ephemeral_gib, "Count": 1, "Type": "ssd"}],
            "NvmeSupport": "required" if nitro else "unsupported",
            "EncryptionSupport": "unsupported",
        }
    return told


def _processor(flavor: Flavor) -> dict[str, Any]:
    told: dict[str, Any] = {"SupportedArchitectures": list(flavor.architectures), "SupportedFeatures": []}
    if flavor.clock_ghz is not None:
        told["SustainedClockSpeedInGhz"] = flavor.clock_ghz
    if flavor.processor:
        told["Manufacturer"] = flavor.processor
    return told


def _cpus(flavor: Flavor) -> dict[str, Any]:
    threads = flavor.threads_per_core or 1
    cores = flavor.cores or max(1, flavor.vcpus // threads)
    # The flavor fixes both, so these are the only valid ones.
    return {
        "DefaultVCpus": flavor.vcpus,
        "DefaultCores": cores,
        "DefaultThreadsPerCore": threads,
        "ValidCores": [cores],
        "ValidThreadsPerCore": [threads],
    }


def _network(flavor: Flavor, *, nitro: bool) -> dict[str, Any]:
    performance = flavor.network_performance or "Moderate"
    return {
        "NetworkPerformance": performance,
        "MaximumNetworkInterfaces": 1,
        "MaximumNetworkCards": 1,
        "DefaultNetworkCardIndex": 0,
        "NetworkCards": [
            {"NetworkCardIndex": 0, "NetworkPerformance": performance, "MaximumNetworkInterfaces": 1},
        ],
        "Ipv4AddressesPerInterface": 1,
        "Ipv6AddressesPerInterface": 0,
        "Ipv6Supported": False,
        "EnaSupport": "required" if nitro else "unsupported",
        "EfaSupported": False,
        "EncryptionInTransitSupported": False,
        "EnaSrdSupported": False,
    }


def _boot_modes(flavor: Flavor) -> list[str]:
    return ["uefi"] if flavor.architectures == ("arm64",) else ["legacy-bios", "uefi"]
