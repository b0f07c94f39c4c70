"""Flavors as instance types, and where they are offered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from backend.drivers.compute import Flavor, GroupPolicy
from translators.ec2 import actions
from translators.ec2.placement_groups import STRATEGIES
from translators.filters import Filters, never
from translators.nouns import Asked, Members, Noun
from translators.registry import Call


@dataclass(frozen=True, slots=True)
class _Offering:
    type: str
    kind: str
    location: str


def _offerings(call: Call, _: Asked) -> Iterable[_Offering]:
    kind = call.params.get("LocationType") or "region"
    return (
        _Offering(flavor.name, kind, location)
        for flavor in call.backend.catalog.flavors(call.scope)
        for location in _locations(call, kind, flavor)
    )


_OFFERING: Final[Members[_Offering]] = {
    "InstanceType": lambda offering: offering.type,
    "LocationType": lambda offering: offering.kind,
    "Location": lambda offering: offering.location,
}


def _locations(call: Call, kind: str, flavor: Flavor) -> Iterable[str]:
    if kind == "region":
        return (call.region,)
    if kind == "availability-zone":
        return flavor.zones
    if kind == "availability-zone-id":
        zone_ids = {zone.name: zone.zone_id for zone in call.backend.catalog.zones(call.scope)}
        return [zone_ids[zone] for zone in flavor.zones if zone in zone_ids]
    return ()  # there are no outposts


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


def _network(flavor: Flavor) -> dict[str, Any]:
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
        "EnaSupport": _by_nitro(flavor),
        "EfaSupported": False,
        "EncryptionInTransitSupported": False,
        "EnaSrdSupported": False,
    }


def _boot_modes(flavor: Flavor) -> list[str]:
    return ["uefi"] if flavor.architectures == ("arm64",) else ["legacy-bios", "uefi"]


def _nitro(flavor: Flavor) -> bool:
    return flavor.hypervisor == "nitro" or flavor.bare_metal


def _by_nitro(flavor: Flavor) -> str:
    return "required" if _nitro(flavor) else "unsupported"


def _storage(flavor: Flavor) -> dict[str, Any] | None:
    if not flavor.ephemeral_gib:
        return None
    return {
        "TotalSizeInGB": flavor.ephemeral_gib,
        "Disks": [{"SizeInGB": flavor.ephemeral_gib, "Count": 1, "Type": "ssd"}],
        "NvmeSupport": _by_nitro(flavor),
        "EncryptionSupport": "unsupported",
    }


def _hypervisor(flavor: Flavor) -> str | None:
    if flavor.bare_metal:
        return None
    return "nitro" if flavor.hypervisor == "nitro" else "xen"


_STRATEGIES: Final = tuple(each for policy, each in STRATEGIES.items() if policy is not GroupPolicy.PARTITION)
"""Those that every cloud has; partitions are told by none of its types."""

_MEMBERS: Final[Members[Flavor]] = {
    "InstanceType": lambda flavor: flavor.name,
    "CurrentGeneration": lambda flavor: flavor.current_generation,
    "FreeTierEligible": False,
    "SupportedUsageClasses": ("on-demand",),
    "SupportedRootDeviceTypes": ("ebs",),
    "SupportedVirtualizationTypes": ("hvm",),
    "BareMetal": lambda flavor: flavor.bare_metal,
    "Hypervisor": _hypervisor,
    "ProcessorInfo": _processor,
    "VCpuInfo": _cpus,
    "MemoryInfo": lambda flavor: {"SizeInMiB": flavor.memory_mib},
    "InstanceStorageSupported": lambda flavor: flavor.ephemeral_gib > 0,
    "InstanceStorageInfo": _storage,
    "EbsInfo": lambda flavor: {
        "EbsOptimizedSupport": "default" if flavor.current_generation else "unsupported",
        "EncryptionSupport": "supported",
        "NvmeSupport": _by_nitro(flavor),
    },
    "NetworkInfo": _network,
    "PlacementGroupInfo": {"SupportedStrategies": _STRATEGIES},
    "HibernationSupported": False,
    "BurstablePerformanceSupported": lambda flavor: flavor.burstable,
    "DedicatedHostsSupported": False,
    "AutoRecoverySupported": False,
    "SupportedBootModes": _boot_modes,
    "NitroEnclavesSupport": "unsupported",
    "NitroTpmSupport": "unsupported",
    "PhcSupport": "unsupported",
}
_FILTERS: Final[Filters[Flavor]] = {
    "auto-recovery-supported": "AutoRecoverySupported",
    "bare-metal": "BareMetal",
    "burstable-performance-supported": "BurstablePerformanceSupported",
    "current-generation": "CurrentGeneration",
    "dedicated-hosts-supported": "DedicatedHostsSupported",
    "ebs-info.ebs-optimized-support": "EbsInfo.EbsOptimizedSupport",
    "ebs-info.encryption-support": "EbsInfo.EncryptionSupport",
    "ebs-info.nvme-support": "EbsInfo.NvmeSupport",
    "free-tier-eligible": "FreeTierEligible",
    "hibernation-supported": "HibernationSupported",
    "hypervisor": "Hypervisor",
    "instance-storage-info.disk.count": "InstanceStorageInfo.Disks.Count",
    "instance-storage-info.disk.size-in-gb": "InstanceStorageInfo.Disks.SizeInGB",
    "instance-storage-info.disk.type": "InstanceStorageInfo.Disks.Type",
    "instance-storage-info.encryption-support": "InstanceStorageInfo.EncryptionSupport",
    "instance-storage-info.nvme-support": "InstanceStorageInfo.NvmeSupport",
    "instance-storage-info.total-size-in-gb": "InstanceStorageInfo.TotalSizeInGB",
    "instance-storage-supported": "InstanceStorageSupported",
    "instance-type": "InstanceType",
    "memory-info.size-in-mib": "MemoryInfo.SizeInMiB",
    "network-info.ena-support": "NetworkInfo.EnaSupport",
    "network-info.efa-supported": "NetworkInfo.EfaSupported",
    "network-info.encryption-in-transit-supported": "NetworkInfo.EncryptionInTransitSupported",
    "network-info.ipv4-addresses-per-interface": "NetworkInfo.Ipv4AddressesPerInterface",
    "network-info.ipv6-addresses-per-interface": "NetworkInfo.Ipv6AddressesPerInterface",
    "network-info.ipv6-supported": "NetworkInfo.Ipv6Supported",
    "network-info.maximum-network-cards": "NetworkInfo.MaximumNetworkCards",
    "network-info.maximum-network-interfaces": "NetworkInfo.MaximumNetworkInterfaces",
    "network-info.network-performance": "NetworkInfo.NetworkPerformance",
    "nitro-enclaves-support": "NitroEnclavesSupport",
    "nitro-tpm-support": "NitroTpmSupport",
    "processor-info.supported-features": "ProcessorInfo.SupportedFeatures",
    "processor-info.supported-architecture": "ProcessorInfo.SupportedArchitectures",
    "processor-info.sustained-clock-speed-in-ghz": "ProcessorInfo.SustainedClockSpeedInGhz",
    "supported-boot-mode": "SupportedBootModes",
    "supported-root-device-type": "SupportedRootDeviceTypes",
    "supported-usage-class": "SupportedUsageClasses",
    "supported-virtualization-type": "SupportedVirtualizationTypes",
    "vcpu-info.default-cores": "VCpuInfo.DefaultCores",
    "vcpu-info.default-threads-per-core": "VCpuInfo.DefaultThreadsPerCore",
    "vcpu-info.default-vcpus": "VCpuInfo.DefaultVCpus",
    "vcpu-info.valid-cores": "VCpuInfo.ValidCores",
    "vcpu-info.valid-threads-per-core": "VCpuInfo.ValidThreadsPerCore",
    **never(
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
    ),
}
TYPES: Final = Noun(
    answer="InstanceTypes",
    items=lambda call, asked: call.backend.catalog.flavors(call.scope, fresh=asked.fresh),
    members=_MEMBERS,
    order=lambda flavor: flavor.name,
    filters=_FILTERS,
    namings=(
        actions.by_names(
            "InstanceTypes",
            lambda flavor: flavor.name,
            "InvalidInstanceType",
            "The following supplied instance types do not exist: [{}]",  # unsourced
            "The following supplied instance types do not exist: [{}]",
        ),
    ),
    aging=True,
    pages=actions.pages("InstanceTypes", actions.Bounds(5, 100, 100)),
)
OFFERINGS: Final = Noun(
    answer="InstanceTypeOfferings",
    items=_offerings,
    members=_OFFERING,
    order=lambda offering: [offering.type, offering.location],
    filters={"instance-type": "InstanceType", "location": "Location"},
    pages=actions.pages("", actions.Bounds(5, 1000, 1000)),
)

actions.describes("DescribeInstanceTypes", TYPES)
actions.describes("DescribeInstanceTypeOfferings", OFFERINGS)
