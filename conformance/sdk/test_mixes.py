"""boto3: groups of several types, with weights."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from conformance.clients import refused
from conformance.fleet import Fleet, unique
from conformance.product import until


def policy(fleet: Fleet, overrides: list[dict[str, Any]], **distribution: Any) -> dict[str, Any]:
    launch = {"LaunchTemplateSpecification": {"LaunchTemplateName": fleet.template}, "Overrides": overrides}
    return {"LaunchTemplate": launch, **({"InstancesDistribution": distribution} if distribution else {})}


def types(fleet: Fleet, name: str) -> Counter[str]:
    return Counter(one["InstanceType"] for one in fleet.instances(name))


def _refused(fleet: Fleet, text: str, given: dict[str, Any]) -> None:
    with refused("ValidationError", text):
        fleet.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=unique("g"),
            MinSize=0,
            MaxSize=1,
            MixedInstancesPolicy=given,
            VPCZoneIdentifier=next(iter(fleet.subnets.values())),
        )


def test_the_first_type_is_launched_and_all_is_told(fleet: Fleet) -> None:
    name = fleet.create(
        2, MixedInstancesPolicy=policy(fleet, [{"InstanceType": "t3.small"}, {"InstanceType": "t3.micro"}])
    )
    assert types(fleet, name) == {"t3.small": 2}
    assert {one["InstanceType"] for one in fleet.servers(name)} == {"t3.small"}
    group = fleet.group(name)
    assert "LaunchTemplate" not in group
    assert "DesiredCapacityType" not in group
    told = group["MixedInstancesPolicy"]
    assert told["LaunchTemplate"]["Overrides"] == [{"InstanceType": "t3.small"}, {"InstanceType": "t3.micro"}]
    assert told["LaunchTemplate"]["LaunchTemplateSpecification"]["LaunchTemplateName"] == fleet.template
    assert told["InstancesDistribution"] == {
        "OnDemandAllocationStrategy": "prioritized",
        "OnDemandBaseCapacity": 0,
        "OnDemandPercentageAboveBaseCapacity": 100,
        "SpotAllocationStrategy": "lowest-price",
        "SpotInstancePools": 2,
    }
    assert all("WeightedCapacity" not in one for one in group["Instances"])


def test_weights_make_capacity_a_sum(fleet: Fleet) -> None:
    weighted = [
        {"InstanceType": "t3.small", "WeightedCapacity": "3"},
        {"InstanceType": "t3.micro", "WeightedCapacity": "1"},
    ]
    name = unique("g")
    fleet.made.append(name)
    fleet.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=12,
        DesiredCapacity=7,
        MixedInstancesPolicy=policy(fleet, weighted),
        VPCZoneIdentifier=",".join(fleet.subnets.values()),
    )
    fleet.settle(name, 3)  # 3 + 3 + 3, as little above 7 as the type allows
    assert [one["WeightedCapacity"] for one in fleet.instances(name)] == ["3"] * 3
    details = fleet.autoscaling.describe_auto_scaling_instances(InstanceIds=fleet.ids(name))["AutoScalingInstances"]
    assert [one["WeightedCapacity"] for one in details] == ["3"] * 3
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=6)
    fleet.settle(name, 2)
    # Others from now on, and those that are there count by what is told of their type now.
    changed = [
        {"InstanceType": "t3.micro", "WeightedCapacity": "2"},
        {"InstanceType": "t3.small", "WeightedCapacity": "4"},
    ]
    fleet.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName=name, DesiredCapacity=10, MixedInstancesPolicy=policy(fleet, changed)
    )
    fleet.settle(name, 3)
    assert types(fleet, name) == {"t3.small": 2, "t3.micro": 1}
    assert {one["InstanceType"]: one["WeightedCapacity"] for one in fleet.instances(name)} == {
        "t3.small": "4",
        "t3.micro": "2",
    }


def test_a_policy_comes_and_goes_by_update_and_keeps_what_is_not_told(fleet: Fleet) -> None:
    name = fleet.create(1)
    share = {"OnDemandAllocationStrategy": "lowest-price", "OnDemandBaseCapacity": 3}
    change = fleet.autoscaling.update_auto_scaling_group
    change(AutoScalingGroupName=name, MixedInstancesPolicy=policy(fleet, [{"InstanceType": "t3.small"}], **share))
    change(AutoScalingGroupName=name, MixedInstancesPolicy={"InstancesDistribution": {"OnDemandBaseCapacity": 4}})
    told = fleet.group(name)["MixedInstancesPolicy"]
    assert told["LaunchTemplate"]["Overrides"] == [{"InstanceType": "t3.small"}]
    assert told["InstancesDistribution"] == {
        "OnDemandAllocationStrategy": "lowest-price",
        "OnDemandBaseCapacity": 4,
        "OnDemandPercentageAboveBaseCapacity": 100,
        "SpotAllocationStrategy": "lowest-price",
        "SpotInstancePools": 2,
    }
    change(AutoScalingGroupName=name, LaunchTemplate={"LaunchTemplateName": fleet.template})
    group = fleet.group(name)
    assert (group["LaunchTemplate"]["LaunchTemplateName"], "MixedInstancesPolicy" in group) == (fleet.template, False)


def test_an_override_has_a_template_of_its_own(fleet: Fleet) -> None:
    other = fleet.new_template(InstanceType="t3.medium")
    own = {"LaunchTemplateSpecification": {"LaunchTemplateName": other, "Version": "1"}}
    name = fleet.create(1, MixedInstancesPolicy=policy(fleet, [{"InstanceType": "t3.small", **own}]))
    (one,) = fleet.instances(name)
    assert (one["InstanceType"], one["LaunchTemplate"]["LaunchTemplateName"]) == ("t3.small", other)
    told = fleet.group(name)["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"][0]
    assert told["LaunchTemplateSpecification"]["LaunchTemplateName"] == other


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ([{"InstanceType": "t3.micro"}] * 2, "Cannot add same instance type override more than once"),
        (
            [{"InstanceType": f"t3.n{number}"} for number in range(41)],
            "The number of LaunchTemplateOverrides must be fewer than 40",
        ),
        (
            [{"InstanceType": "t3.micro", "WeightedCapacity": "1"}, {"InstanceType": "t3.small"}],
            "Not all instance types have a defined WeightedCapacity",
        ),
        ([{"InstanceType": "zz.unknown"}], "zz.unknown"),
    ],
)
def test_overrides_that_do_not_go_together(fleet: Fleet, overrides: list[dict[str, Any]], text: str) -> None:
    _refused(fleet, text, policy(fleet, overrides))


def test_distributions_that_are_refused(fleet: Fleet) -> None:
    _refused(
        fleet,
        "Member must have value less than or equal to 100",
        policy(fleet, [], OnDemandPercentageAboveBaseCapacity=101),
    )
    _refused(
        fleet, "SpotInstancePools", policy(fleet, [], SpotAllocationStrategy="capacity-optimized", SpotInstancePools=3)
    )
    _refused(
        fleet,
        "Valid requests must contain either launchTemplateId or LaunchTemplateName",
        {"InstancesDistribution": {"OnDemandBaseCapacity": 1}},
    )
    both = {"LaunchTemplateName": fleet.template, "LaunchTemplateId": "lt-0123456789abcdef0"}
    _refused(
        fleet,
        "Valid requests must contain either launchTemplateId or LaunchTemplateName",
        {"LaunchTemplate": {"LaunchTemplateSpecification": both}},
    )


spot = pytest.mark.embedded("the test cloud has no class of servers that it takes back")
SPOT = [{"InstanceType": "t3.small"}, {"InstanceType": "t3.micro"}, {"InstanceType": "t3.medium"}]


def lifecycles(fleet: Fleet, name: str) -> Counter[str]:
    return Counter(one.get("InstanceLifecycle", "normal") for one in fleet.servers(name))


@spot
def test_shares_of_on_demand_and_spot(fleet: Fleet) -> None:
    share = {"OnDemandBaseCapacity": 1, "OnDemandPercentageAboveBaseCapacity": 50}
    # In one zone: of several the fullest gives up a node before shares are looked at, of whichever class is left there.
    zone = next(iter(fleet.subnets.values()))
    name = fleet.create(4, MixedInstancesPolicy=policy(fleet, SPOT, **share), VPCZoneIdentifier=zone)
    assert lifecycles(fleet, name) == {"normal": 3, "spot": 1}
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=7)
    fleet.settle(name, 7)
    assert lifecycles(fleet, name) == {"normal": 4, "spot": 3}
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=3)
    fleet.settle(name, 3)
    assert lifecycles(fleet, name) == {"normal": 2, "spot": 1}


@spot
def test_spot_of_a_configuration_and_of_a_template(fleet: Fleet) -> None:
    name = fleet.create(1, LaunchConfigurationName=fleet.configuration(SpotPrice="0.05"))
    assert lifecycles(fleet, name) == {"spot": 1}
    asked = {"MarketType": "spot", "SpotOptions": {"MaxPrice": "0.05"}}
    template = fleet.new_template(InstanceMarketOptions=asked)
    name = fleet.create(1, LaunchTemplate={"LaunchTemplateName": template})
    (server,) = fleet.servers(name)
    found = fleet.ec2.describe_instances(
        InstanceIds=[server["InstanceId"]], Filters=[{"Name": "instance-lifecycle", "Values": ["spot"]}]
    )
    assert len(found["Reservations"]) == 1
    mixed = {"LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateName": template}}}
    _refused(fleet, "set to request Spot Instances", mixed)


REQUIREMENTS = {
    "VCpuCount": {"Min": 2, "Max": 4},
    "MemoryMiB": {"Min": 4096},
    "AcceleratorCount": {"Max": 0},
    "AllowedInstanceTypes": ["m*"],
}


def _meeting(ec2: Any, requirements: dict[str, Any], **more: Any) -> list[str]:
    pages = ec2.get_paginator("get_instance_types_from_instance_requirements").paginate(
        ArchitectureTypes=["x86_64"], VirtualizationTypes=["hvm"], InstanceRequirements=requirements, **more
    )
    return [one["InstanceType"] for page in pages for one in page["InstanceTypes"]]


def test_types_by_what_they_have(ec2: Any) -> None:
    found = _meeting(ec2, REQUIREMENTS)
    assert found == sorted(found)
    assert found == _meeting(ec2, REQUIREMENTS, PaginationConfig={"PageSize": 2})
    assert found
    told = {one["InstanceType"]: one for one in ec2.describe_instance_types(InstanceTypes=found)["InstanceTypes"]}
    assert all(2 <= one["VCpuInfo"]["DefaultVCpus"] <= 4 for one in told.values())
    assert all(one["MemoryInfo"]["SizeInMiB"] >= 4096 and not one["BareMetal"] for one in told.values())
    assert all(name.startswith("m") for name in found)
    least = {"VCpuCount": {"Min": 2}, "MemoryMiB": {"Min": 0}}
    assert not any(name.startswith("t3.") for name in _meeting(ec2, least))
    burstable = _meeting(ec2, {**least, "BurstablePerformance": "required", "AllowedInstanceTypes": ["t3.*"]})
    assert "t3.micro" in burstable
    assert not any(name.startswith("t3a.") for name in burstable)
    baseline = {"Cpu": {"References": [{"InstanceFamily": "c6i"}]}}
    assert _meeting(ec2, {**least, "BaselinePerformanceFactors": baseline}) == []
    with refused("InvalidParameterCombination"):
        _meeting(ec2, {**least, "AllowedInstanceTypes": ["m*"], "ExcludedInstanceTypes": ["t*"]})


def test_a_group_of_types_by_what_they_have(fleet: Fleet) -> None:
    name = fleet.create(1, MixedInstancesPolicy=policy(fleet, [{"InstanceRequirements": REQUIREMENTS}]))
    (kind,) = types(fleet, name)
    assert kind in _meeting(fleet.ec2, REQUIREMENTS)
    told = fleet.group(name)["MixedInstancesPolicy"]
    assert told["LaunchTemplate"]["Overrides"] == [{"InstanceRequirements": REQUIREMENTS}]
    assert told["InstancesDistribution"]["OnDemandAllocationStrategy"] == "lowest-price"


def test_capacity_in_vcpus(fleet: Fleet) -> None:
    wanted = {"VCpuCount": {"Min": 4, "Max": 4}, "MemoryMiB": {"Min": 0}}
    name = unique("g")
    fleet.made.append(name)
    sizes = {"MinSize": 0, "MaxSize": 20, "DesiredCapacity": 9, "DesiredCapacityType": "vcpu"}
    fleet.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MixedInstancesPolicy=policy(fleet, [{"InstanceRequirements": wanted}]),
        VPCZoneIdentifier=",".join(fleet.subnets.values()),
        **sizes,
    )
    fleet.settle(name, 3)
    assert fleet.group(name)["DesiredCapacityType"] == "vcpu"
    assert [one["WeightedCapacity"] for one in fleet.instances(name)] == ["4"] * 3
    with refused("ValidationError", "only supported with instance requirements"):
        fleet.autoscaling.update_auto_scaling_group(
            AutoScalingGroupName=name, LaunchTemplate={"LaunchTemplateName": fleet.template}
        )


def test_requirements_that_no_type_meets_fail_launches_and_say_so(fleet: Fleet) -> None:
    wanted = {"VCpuCount": {"Min": 4000}, "MemoryMiB": {"Min": 0}}
    name = fleet.create(0, MixedInstancesPolicy=policy(fleet, [{"InstanceRequirements": wanted}]))
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
    until("it is told", lambda: fleet.failures(name) != [])
    assert "No instance type meets the instance requirements" in fleet.failures(name)[0]


def test_requirements_that_do_not_go_together(fleet: Fleet) -> None:
    least: dict[str, Any] = {"VCpuCount": {"Min": 1}, "MemoryMiB": {"Min": 0}}
    every = {"InstanceRequirements": least}
    both = {**least, "AllowedInstanceTypes": ["m*"], "ExcludedInstanceTypes": ["t*"]}
    _refused(fleet, "but not both", policy(fleet, [{"InstanceRequirements": both}]))
    _refused(
        fleet, "cannot be used in a launch template override", policy(fleet, [{**every, "InstanceType": "t3.micro"}])
    )
    _refused(fleet, "at most", policy(fleet, [every] * 5))
    text = "The prioritized allocation strategy is not compatible with instance requirements"
    _refused(fleet, text, policy(fleet, [every], OnDemandAllocationStrategy="prioritized"))
    asks = fleet.new_template(InstanceType="", InstanceRequirements=least)
    mix = {"LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateName": asks}}}
    _refused(fleet, text, {**mix, "InstancesDistribution": {"OnDemandAllocationStrategy": "prioritized"}})
    with refused("InvalidParameterCombination", "InstanceType cannot be used"):
        fleet.new_template(InstanceRequirements=least)
    with refused("ValidationError", "InstanceRequirements has no meaning"):
        fleet.create(LaunchTemplate={"LaunchTemplateName": asks})
    prices = {"SpotMaxPricePercentageOverLowestPrice": 1, "MaxSpotPriceAsPercentageOfOptimalOnDemandPrice": 1}
    _refused(
        fleet, "Specify only one of these parameters", policy(fleet, [{"InstanceRequirements": {**least, **prices}}])
    )
