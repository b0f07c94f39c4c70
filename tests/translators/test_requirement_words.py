"""Every member of both models' requirements is understood, and told again as it was given."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from translators import requirement_words

GIVEN: dict[str, Any] = {
    "VCpuCount": {"Min": 2, "Max": 4},
    "MemoryMiB": {"Min": 4096},
    "CpuManufacturers": ["intel"],
    "MemoryGiBPerVCpu": {"Max": 8.5},
    "ExcludedInstanceTypes": ["t*"],
    "InstanceGenerations": ["current"],
    "OnDemandMaxPricePercentageOverLowestPrice": 50,
    "SpotMaxPricePercentageOverLowestPrice": 60,
    "BareMetal": "included",
    "BurstablePerformance": "required",
    "RequireHibernateSupport": False,
    "NetworkInterfaceCount": {"Min": 1},
    "LocalStorage": "required",
    "LocalStorageTypes": ["ssd"],
    "TotalLocalStorageGB": {"Min": 1.5},
    "BaselineEbsBandwidthMbps": {"Min": 10},
    "AcceleratorTypes": ["gpu"],
    "AcceleratorCount": {"Min": 1, "Max": 2},
    "AcceleratorManufacturers": ["nvidia"],
    "AcceleratorNames": ["t4"],
    "AcceleratorTotalMemoryMiB": {"Max": 100},
    "NetworkBandwidthGbps": {"Min": 0.5},
    "BaselinePerformanceFactors": {"Cpu": {"References": [{"InstanceFamily": "c6i"}]}},
}


@pytest.mark.parametrize(
    ("service", "shape"), [("autoscaling", "InstanceRequirements"), ("ec2", "InstanceRequirementsRequest")]
)
def test_every_member_is_understood(service: str, shape: str) -> None:
    model = botocore.session.get_session().get_service_model(service)
    members = set(model.shape_for(shape).members)  # type: ignore[attr-defined]
    assert members <= requirement_words.MEMBERS
    assert requirement_words.MEMBERS - members <= {"RequireEncryptionInTransit"}


def test_what_was_given_is_told() -> None:
    assert requirement_words.told(requirement_words.read(GIVEN)) == GIVEN


def test_bounds_that_cross() -> None:
    with pytest.raises(requirement_words.Clash, match=r"VCpuCount\.Min"):
        requirement_words.read({**GIVEN, "VCpuCount": {"Min": 5, "Max": 4}})
