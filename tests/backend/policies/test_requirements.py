"""Each requirement, met and not met; what is not known is not there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backend.domain.requirements import Bounds, Requirements, TypeFacts
from backend.policies.requirements import affordable, meets

ANY = Requirements(Bounds(0), Bounds(0))
PLAIN = TypeFacts("m5.large", 2, 8192, ("intel",), network_interfaces=1, network_gbps=10.0)
GPU = replace(
    PLAIN,
    name="g4dn.xlarge",
    accelerators=None,
    accelerator_types=("gpu",),
    accelerator_manufacturers=("nvidia",),
    accelerator_names=("t4",),
)


@pytest.mark.parametrize(
    ("wanted", "met", "unmet"),
    [
        ({"vcpus": Bounds(2, 2)}, PLAIN, replace(PLAIN, vcpus=4)),
        ({"memory_mib": Bounds(None, 8192)}, PLAIN, replace(PLAIN, memory_mib=8193)),
        ({"memory_gib_per_vcpu": Bounds(4, 4)}, PLAIN, replace(PLAIN, vcpus=3)),
        ({"cpu_manufacturers": ("amd", "intel")}, PLAIN, replace(PLAIN, cpu_manufacturers=())),
        ({"allowed": ("m5*",)}, replace(PLAIN, name="m5a.large"), replace(PLAIN, name="c5.large")),
        ({"allowed": ("m5a.*",)}, replace(PLAIN, name="m5a.large"), replace(PLAIN, name="m5ad.large")),
        ({"excluded": ("*metal*",)}, PLAIN, replace(PLAIN, name="m5.metal")),
        ({"generations": ("current",)}, PLAIN, replace(PLAIN, current_generation=False)),
        ({}, PLAIN, replace(PLAIN, bare_metal=True)),
        ({}, PLAIN, replace(PLAIN, burstable=True)),
        ({"bare_metal": "required"}, replace(PLAIN, bare_metal=True), PLAIN),
        ({"burstable": "included"}, replace(PLAIN, burstable=True), replace(PLAIN, bare_metal=True)),
        ({"hibernation": True}, replace(PLAIN, hibernation=True), PLAIN),
        ({"network_interfaces": Bounds(1)}, PLAIN, replace(PLAIN, network_interfaces=None)),
        ({"network_gbps": Bounds(5, 10)}, PLAIN, replace(PLAIN, network_gbps=25.0)),
        ({"ebs_mbps": Bounds(1)}, replace(PLAIN, ebs_mbps=2), PLAIN),
        ({"local_storage": "required"}, replace(PLAIN, local_storage_gb=1), PLAIN),
        ({"local_storage": "excluded"}, PLAIN, replace(PLAIN, local_storage_gb=1)),
        ({"local_storage_types": ("ssd",)}, replace(PLAIN, local_storage_types=("ssd",)), PLAIN),
        ({"local_storage_gb": Bounds(5)}, replace(PLAIN, local_storage_gb=5), PLAIN),
        ({"accelerators": Bounds(None, 0)}, PLAIN, GPU),
        ({"accelerator_types": ("gpu", "fpga")}, GPU, PLAIN),
        ({"accelerator_manufacturers": ("nvidia",)}, GPU, PLAIN),
        ({"accelerator_names": ("t4",)}, GPU, replace(GPU, accelerator_names=("k80",))),
        ({"accelerator_memory_mib": Bounds(1)}, replace(GPU, accelerator_memory_mib=2), GPU),
        ({"encryption_in_transit": True}, replace(PLAIN, encryption_in_transit=True), PLAIN),
    ],
)
def test_each_requirement(wanted: dict[str, Any], met: TypeFacts, unmet: TypeFacts) -> None:
    asked = replace(ANY, **wanted)
    assert meets(asked, met)
    assert not meets(asked, unmet)
    assert Requirements.of(asked.document()) == asked


def test_no_performance_of_a_family_is_known() -> None:
    assert not meets(replace(ANY, baseline_families=("c6i",)), PLAIN)


def test_what_is_too_dear_beside_the_cheapest() -> None:
    costs = [1.0, 1.2, 1.3, None]
    assert affordable(ANY, costs, preemptible=False) == [True, True, False, True]
    assert affordable(ANY, costs, preemptible=True) == [True] * 4
    off = replace(ANY, prices=(("OnDemandMaxPricePercentageOverLowestPrice", 999_999),))
    assert affordable(off, costs, preemptible=False) == [True] * 4
    spot = replace(ANY, prices=(("SpotMaxPricePercentageOverLowestPrice", 0),))
    assert affordable(spot, costs, preemptible=True) == [True, False, False, True]
