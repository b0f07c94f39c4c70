"""Real instance types with their true figures, read from the family tables beside this module.

A family is one line ``name: maker architectures clock hypervisor threads-a-core [previous] [burstable]`` (clock in
GHz, ``-`` where AWS tells none) followed by its sizes as ``size=vcpus,memory MiB,network[,key=value...]``. A size may
differ from its family in ``arch``, ``clock`` and ``threads``; ``disk`` is its instance storage in GB. ``<10G`` reads
"Up to 10 Gigabit".

Source: the figures, and which generations are current, as EC2's DescribeInstanceTypes told in us-east-1, October 2026.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from backend.drivers.compute import Flavor
from backend.drivers.instance_types import compute, general, memory, special


@lru_cache(maxsize=32)
def flavors(zones: tuple[str, ...]) -> tuple[Flavor, ...]:
    """Every type, each offered in all of the zones, in the order of the tables."""
    tables = (general.FAMILIES, compute.FAMILIES, memory.FAMILIES, special.FAMILIES)
    return tuple(flavor for table in tables for flavor in _parse(table, zones))


@lru_cache(maxsize=32)
def flavors_by_name(zones: tuple[str, ...]) -> dict[str, Flavor]:
    return {flavor.name: flavor for flavor in flavors(zones)}


def _parse(text: str, zones: tuple[str, ...]) -> Iterator[Flavor]:
    head = ""
    for line in text.splitlines():
        if line.startswith(" "):
            for item in line.split():
                yield _flavor(head, item, zones)
        elif line:
            head = line


def _flavor(head: str, item: str, zones: tuple[str, ...]) -> Flavor:
    family, words = head.split(": ")
    processor, architectures, clock, hypervisor, threads, *marks = words.split()
    size, figures = item.split("=", 1)
    vcpus, memory_mib, network, *own = figures.split(",")
    differing = dict(pair.split("=") for pair in own)
    clock = differing.get("clock", clock)
    threads_per_core = int(differing.get("threads", threads))
    bare_metal = size.startswith("metal")
    return Flavor(
        name=f"{family}.{size}",
        vcpus=int(vcpus),
        memory_mib=int(memory_mib),
        architectures=tuple(differing.get("arch", architectures).split("+")),
        zones=zones,
        cores=int(vcpus) // threads_per_core,
        threads_per_core=threads_per_core,
        clock_ghz=None if clock == "-" else float(clock),
        burstable="burstable" in marks,
        bare_metal=bare_metal,
        current_generation="previous" not in marks,
        hypervisor="" if bare_metal else hypervisor,
        network_performance=_network(network),
        ephemeral_gib=int(differing.get("disk", "0")),
        processor=processor,
    )


def _network(code: str) -> str:
    if code.startswith("<"):
        return "Up to " + _network(code[1:])
    words = code.replace("_", " ")
    return words[:-1] + " Gigabit" if words.endswith("G") else words
