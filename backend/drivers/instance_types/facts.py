"""What a flavor, by its figures and by the family of its AWS name, is known to have."""

from __future__ import annotations

import re
from typing import Final

from backend.domain.requirements import TypeFacts
from backend.drivers.compute import Flavor

_MAKERS: Final = {"Intel": "intel", "AMD": "amd", "AWS": "amazon-web-services", "Apple": "apple"}
_GIGABITS: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) Gigabit")
_ACCELERATORS: Final = {
    "p2": ("gpu", "nvidia", "k80"),
    "p3": ("gpu", "nvidia", "v100"),
    "p3dn": ("gpu", "nvidia", "v100"),
    "p4d": ("gpu", "nvidia", "a100"),
    "p4de": ("gpu", "nvidia", "a100"),
    "p5": ("gpu", "nvidia", "h100"),
    "g3": ("gpu", "nvidia", "m60"),
    "g3s": ("gpu", "nvidia", "m60"),
    "g4dn": ("gpu", "nvidia", "t4"),
    "g4ad": ("gpu", "amd", "radeon-pro-v520"),
    "g5": ("gpu", "nvidia", "a10g"),
    "g5g": ("gpu", "nvidia", "t4g"),
    "g6": ("gpu", "nvidia", "l4"),
    "g6e": ("gpu", "nvidia", "l40s"),
    "f1": ("fpga", "xilinx", "vu9p"),
    "inf1": ("inference", "amazon-web-services", "inferentia"),
    "inf2": ("inference", "amazon-web-services", "inferentia2"),
    "trn1": ("inference", "amazon-web-services", "trainium"),
}
"""Family -> what accelerates it: kind, maker and name. Source: EC2 API Reference, InstanceRequirementsRequest."""
_ACCELERATED: Final = re.compile(r"(p|g|f|vt|dl|inf|trn)\d")


def facts_of(flavor: Flavor) -> TypeFacts:
    """What is known of an instance type; how many accelerators one has, and how much memory these, is not."""
    kind, maker, name = _ACCELERATORS.get(flavor.name.partition(".")[0], ("", "", ""))
    network = _GIGABITS.search(flavor.network_performance)
    processor = _MAKERS.get(flavor.processor)
    return TypeFacts(
        name=flavor.name,
        vcpus=flavor.vcpus,
        memory_mib=flavor.memory_mib,
        cpu_manufacturers=() if processor is None else (processor,),
        current_generation=flavor.current_generation,
        bare_metal=flavor.bare_metal,
        burstable=flavor.burstable,
        network_interfaces=1,
        network_gbps=None if network is None else float(network[1]),
        local_storage_gb=flavor.ephemeral_gib,
        local_storage_types=("ssd",) if flavor.ephemeral_gib else (),
        accelerators=None if _ACCELERATED.match(flavor.name) else 0,
        accelerator_types=(kind,) if kind else (),
        accelerator_manufacturers=(maker,) if maker else (),
        accelerator_names=(name,) if name else (),
    )
