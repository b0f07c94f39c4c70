from __future__ import annotations

import pytest

from backend.drivers.instance_types.flavors import flavors, flavors_by_name

ZONES = ("us-east-1a", "us-east-1b")
KNOWN = [
    # name, vcpus, MiB, architectures, burstable, bare metal, network; AWS's own pages on each family
    ("t1.micro", 1, 627, ("x86_64", "i386"), False, False, "Very Low"),
    ("t2.micro", 1, 1024, ("x86_64", "i386"), True, False, "Low to Moderate"),
    ("t2.large", 2, 8192, ("x86_64",), True, False, "Low to Moderate"),
    ("t3.micro", 2, 1024, ("x86_64",), True, False, "Up to 5 Gigabit"),
    ("t4g.small", 2, 2048, ("arm64",), True, False, "Up to 5 Gigabit"),
    ("m1.small", 1, 1740, ("x86_64", "i386"), False, False, "Low"),
    ("m5.large", 2, 8192, ("x86_64",), False, False, "Up to 10 Gigabit"),
    ("m5.metal", 96, 393216, ("x86_64",), False, True, "25 Gigabit"),
    ("m7g.16xlarge", 64, 262144, ("arm64",), False, False, "30 Gigabit"),
    ("c5.xlarge", 4, 8192, ("x86_64",), False, False, "Up to 10 Gigabit"),
    ("c7g.medium", 1, 2048, ("arm64",), False, False, "Up to 12.5 Gigabit"),
    ("r5.2xlarge", 8, 65536, ("x86_64",), False, False, "Up to 10 Gigabit"),
    ("x1.32xlarge", 128, 1998848, ("x86_64",), False, False, "25 Gigabit"),
    ("g4dn.xlarge", 4, 16384, ("x86_64",), False, False, "Up to 25 Gigabit"),
]


@pytest.mark.parametrize(("name", "vcpus", "memory", "architectures", "burstable", "metal", "network"), KNOWN)
def test_figures_are_aws_s(name, vcpus, memory, architectures, burstable, metal, network):
    flavor = flavors_by_name(ZONES)[name]
    assert (flavor.vcpus, flavor.memory_mib, flavor.architectures) == (vcpus, memory, architectures)
    assert (flavor.burstable, flavor.bare_metal, flavor.network_performance) == (burstable, metal, network)
    assert flavor.zones == ZONES


def test_the_table_is_broad_and_consistent():
    table = flavors(ZONES)
    assert len({flavor.name for flavor in table}) == len(table) > 500
    families = {flavor.name.split(".")[0] for flavor in table}
    assert {"t1", "t2", "t3", "t3a", "t4g"} <= families
    assert {f"m{generation}" for generation in range(1, 6)} | {"m6i", "m6a", "m6g", "m7i", "m7a", "m7g"} <= families
    assert {"c3", "c4", "c5", "c6i", "c6g", "c7i", "c7g", "r3", "r4", "r5", "r6i", "r6g", "r7i", "r7g"} <= families
    for flavor in table:
        assert flavor.cores * flavor.threads_per_core == flavor.vcpus, flavor.name
        assert set(flavor.architectures) <= {"x86_64", "arm64", "i386"}
        assert ("arm64" in flavor.architectures) == (flavor.processor == "AWS"), flavor.name
        assert flavor.bare_metal == (flavor.hypervisor == ""), flavor.name
        assert flavor.hypervisor in ("", "nitro", "xen")
        assert flavor.memory_mib >= 512
        assert flavor.network_performance


def test_memory_follows_the_size_in_the_large_families():
    table = flavors_by_name(ZONES)
    for family, gib_a_vcpu in (("m5", 4), ("m6i", 4), ("m7a", 4), ("c6i", 2), ("c7g", 2), ("r5", 8), ("r7i", 8)):
        for name, flavor in table.items():
            if name.split(".")[0] == family:
                assert flavor.memory_mib == flavor.vcpus * gib_a_vcpu * 1024, name
