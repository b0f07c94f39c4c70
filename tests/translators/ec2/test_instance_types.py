from __future__ import annotations

import pytest

from tests.translators.ec2.wire import Asking, filtered


def every(aws: Asking, operation: str, member: str, **params: object) -> list[dict]:
    found: list[dict] = []
    token: dict = {}
    while True:
        page = aws(operation, **params, **token)
        found += page[member]
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


def names(aws: Asking, **params: object) -> set[str]:
    return {each["InstanceType"] for each in every(aws, "DescribeInstanceTypes", "InstanceTypes", **params)}


def test_a_type_with_its_figures(aws: Asking) -> None:
    told = aws("DescribeInstanceTypes", InstanceTypes=["m5.large"])["InstanceTypes"][0]
    assert told["VCpuInfo"]["DefaultVCpus"] == 2
    assert told["MemoryInfo"]["SizeInMiB"] == 8192
    assert told["ProcessorInfo"]["SupportedArchitectures"] == ["x86_64"]
    assert told["BurstablePerformanceSupported"] is False
    assert told["Hypervisor"] == "nitro"


@pytest.mark.parametrize(
    ("name", "value", "inside", "outside"),
    [
        ("instance-type", "t3.*", "t3.micro", "t2.micro"),
        ("processor-info.supported-architecture", "arm64", "t4g.micro", "t3.micro"),
        ("current-generation", "true", "t3.micro", "m1.small"),
        ("vcpu-info.default-vcpus", "2", "m5.large", "t2.micro"),
        ("memory-info.size-in-mib", "1024", "t3.micro", "t3.small"),
        ("burstable-performance-supported", "true", "t3.micro", "m5.large"),
        ("hypervisor", "nitro", "m5.large", "t2.micro"),
        ("supported-usage-class", "on-demand", "m5.large", ""),
    ],
)
def test_filters(aws: Asking, name: str, value: str, inside: str, outside: str) -> None:
    found = names(aws, Filters=filtered(name, value))
    assert inside in found
    assert outside not in found


def test_types_are_paged_and_checked(aws: Asking) -> None:
    assert len(aws("DescribeInstanceTypes")["InstanceTypes"]) == 100
    assert len(names(aws)) > 200
    assert names(aws, MaxResults=100) == names(aws)
    assert aws.code("DescribeInstanceTypes", MaxResults=101) == "InvalidParameterValue"
    refused = aws.refused("DescribeInstanceTypes", InstanceTypes=["t3.micro", "t9.nano"])
    assert refused.code == "InvalidInstanceType"
    assert refused.message == "The following supplied instance types do not exist: [t9.nano]"
    assert aws.code("DescribeInstanceTypes", Filters=filtered("vcpus", "2")) == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("kind", "locations"),
    [
        (None, ["us-east-1"]),
        ("region", ["us-east-1"]),
        ("availability-zone", ["us-east-1a", "us-east-1b", "us-east-1c"]),
        ("availability-zone-id", ["use1-az1", "use1-az2", "use1-az3"]),
        ("outpost", []),
    ],
)
def test_offerings(aws: Asking, kind: str | None, locations: list[str]) -> None:
    params = {"LocationType": kind} if kind else {}
    told = aws("DescribeInstanceTypeOfferings", **params, Filters=filtered("instance-type", "t3.micro"))
    assert [each["Location"] for each in told["InstanceTypeOfferings"]] == locations
    assert {each["LocationType"] for each in told["InstanceTypeOfferings"]} <= {kind or "region"}


def test_offerings_are_filtered_by_place_and_paged(aws: Asking) -> None:
    here = {"LocationType": "availability-zone", "Filters": filtered("location", "us-east-1b")}
    found = every(aws, "DescribeInstanceTypeOfferings", "InstanceTypeOfferings", MaxResults=50, **here)
    assert {each["InstanceType"] for each in found} == names(aws)
