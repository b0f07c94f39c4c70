"""boto3: every paginator of every answered operation gives the same list whole and in pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conformance.clients import client, refused
from conformance.fleet import Fleet, unique
from conformance.product import Access, until
from conformance.support import Support

SMALLEST = 5
"""The smallest page that all of EC2's operations allow."""


OF_ROWS = pytest.mark.embedded("its pages are of rows, no cloud's")


@pytest.fixture(scope="module")
def machines(shared_fleet: Fleet) -> Fleet:
    """More of EC2's things than fit one small page."""
    fleet = shared_fleet
    for _ in range(SMALLEST + 1):
        fleet.new_template()
        fleet.ec2.create_launch_template_version(
            LaunchTemplateName=fleet.template, SourceVersion="1", LaunchTemplateData={"EbsOptimized": False}
        )
    fleet.prefix_list(*(f"10.{number}.0.0/16" for number in range(SMALLEST + 1)))
    fleet.create(SMALLEST + 2, AutoScalingGroupName=unique("paged"))
    return fleet


@pytest.fixture(scope="module")
def enough(machines: Fleet) -> Fleet:
    """More of everything than fits one small page."""
    fleet = machines
    tag = {"Key": "paging", "Value": "yes", "PropagateAtLaunch": True}
    for _ in range(SMALLEST + 1):
        fleet.configuration()
        fleet.create(0, Tags=[tag])
    pooled = fleet.create(1, maximum=5, Tags=[tag], AutoScalingGroupName=unique("pooled"))
    fleet.autoscaling.put_warm_pool(AutoScalingGroupName=pooled, PoolState="Running")
    pool = {"AutoScalingGroupName": pooled}
    until("a pool is filled", lambda: len(fleet.autoscaling.describe_warm_pool(**pool)["Instances"]) == 4)
    for _ in range(SMALLEST + 1):
        fleet.autoscaling.put_scaling_policy(
            AutoScalingGroupName=pooled,
            PolicyName=unique("p"),
            AdjustmentType="ChangeInCapacity",
            ScalingAdjustment=1,
        )
    return fleet


def a_group(fleet: Fleet) -> dict[str, Any]:
    return {"AutoScalingGroupName": fleet.made[-1]}


def a_list(fleet: Fleet) -> dict[str, Any]:
    return {"PrefixListId": fleet.lists[-1]}


EXTRA: dict[tuple[str, str], Callable[[Fleet], dict[str, Any]]] = {
    ("ec2", "DescribeLaunchTemplateVersions"): lambda fleet: {"LaunchTemplateName": fleet.template},
    ("ec2", "GetSecurityGroupsForVpc"): lambda fleet: {"VpcId": fleet.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]},
    ("ec2", "GetInstanceTypesFromInstanceRequirements"): lambda _: {
        "ArchitectureTypes": ["x86_64"],
        "VirtualizationTypes": ["hvm"],
        "InstanceRequirements": {"VCpuCount": {"Min": 1}, "MemoryMiB": {"Min": 1}},
    },
    ("ec2", "GetManagedPrefixListAssociations"): a_list,
    ("ec2", "GetManagedPrefixListEntries"): a_list,
    ("autoscaling", "DescribeLoadBalancers"): a_group,
    ("autoscaling", "DescribeLoadBalancerTargetGroups"): a_group,
    ("autoscaling", "DescribeWarmPool"): a_group,
}
SMALL = {
    "DescribeAddressesAttribute",
    "DescribeDhcpOptions",
    "DescribeEgressOnlyInternetGateways",
    "DescribeIamInstanceProfileAssociations",
    "DescribeInternetGateways",
    "DescribeManagedPrefixLists",
    "DescribeNatGateways",
    "DescribeNetworkAcls",
    "DescribePrefixLists",
    "DescribeRouteTables",
    "DescribeScheduledActions",
    "DescribeSecurityGroupRules",
    "DescribeSecurityGroups",
    "DescribeSnapshots",
    "DescribeSubnets",
    "DescribeVolumeStatus",
    "DescribeVolumesModifications",
    "DescribeVpcEndpoints",
    "DescribeVpcPeeringConnections",
    "DescribeVpcs",
    "GetManagedPrefixListAssociations",
    "GetSecurityGroupsForVpc",
}
"""Lists that the embedded cloud, or this suite, keeps short."""
EMPTY = {
    "DescribeLoadBalancerTargetGroups",
    "DescribeLoadBalancers",
    "DescribeNotificationConfigurations",
}
"""Lists of what comes later."""


def paginators(client_: Any, answered: set[str]) -> list[str]:
    mapping = client_.meta.method_to_api_mapping
    return sorted(name for name, operation in mapping.items() if operation in answered and client_.can_paginate(name))


@OF_ROWS
def test_every_paginator_of_autoscaling(server: Access, support: Support, enough: Fleet) -> None:
    check_paginators(server, support, enough, "autoscaling", 5)


def test_every_paginator_of_ec2(server: Access, support: Support, machines: Fleet) -> None:
    check_paginators(server, support, machines, "ec2", 9)


def check_paginators(server: Access, support: Support, fleet: Fleet, service: str, least: int) -> None:
    asked = client(server, service)
    names = paginators(asked, support.answered[service])
    assert len(names) >= least, names
    for name in names:
        check_paginator(asked, name, fleet)


def members(items: list[Any]) -> list[Any]:
    """What is counted by pages: of reservations their instances, by id, since a page may end within a reservation."""
    if items and isinstance(items[0], dict) and "ReservationId" in items[0]:
        instances = [instance for reservation in items for instance in reservation["Instances"]]
        return sorted(instances, key=lambda instance: instance["InstanceId"])
    return items


def check_paginator(asked: Any, name: str, fleet: Fleet) -> None:
    service = asked.meta.service_model.service_name
    operation = asked.meta.method_to_api_mapping[name]
    given = EXTRA.get((service, operation), lambda _: {})(fleet)
    paginator = asked.get_paginator(name)
    size = SMALLEST if service == "ec2" else 3
    if operation == "DescribeInstanceTypeOfferings":
        size = 100
    if operation in {"DescribeInstanceTypes", "DescribeImages"}:
        size = 10
    keys = [expression.expression for expression in paginator.result_keys]
    pages: list[dict[str, Any]] = []

    def same() -> bool:
        """Instances that still move may do so between the two ways of asking."""
        whole = paginator.paginate(**given).build_full_result()
        pages[:] = paginator.paginate(**given, PaginationConfig={"PageSize": size})
        return all(
            members([item for page in pages for item in page.get(key, [])]) == members(whole[key]) for key in keys
        )

    until(f"{operation} is the same whole and in pages", same)
    assert all(len(page.get(key, [])) <= size for page in pages for key in keys), operation
    if operation not in SMALL | EMPTY:
        assert len(pages) > 1, operation


def test_bad_tokens(asg: Any, ec2: Any) -> None:
    for name in (
        "describe_auto_scaling_groups",
        "describe_auto_scaling_instances",
        "describe_launch_configurations",
        "describe_scaling_activities",
        "describe_tags",
    ):
        for token in ("nonsense", "eyJhIjogMX0=", "x" * 1000):
            with refused("InvalidNextToken"):
                getattr(asg, name)(NextToken=token)
    for name in ("describe_instances", "describe_launch_templates", "describe_instance_types", "describe_tags"):
        with refused("InvalidNextToken"):
            getattr(ec2, name)(NextToken="nonsense", MaxResults=5)


@OF_ROWS
def test_a_token_belongs_to_its_operation(asg: Any, enough: Fleet) -> None:
    token = asg.describe_auto_scaling_groups(MaxRecords=1)["NextToken"]
    with refused("InvalidNextToken"):
        asg.describe_launch_configurations(NextToken=token)


@OF_ROWS
def test_page_sizes_of_aws(asg: Any, enough: Fleet) -> None:
    for name, largest in (
        ("describe_auto_scaling_groups", 100),
        ("describe_auto_scaling_instances", 50),
        ("describe_launch_configurations", 100),
        ("describe_scaling_activities", 100),
        ("describe_tags", 100),
    ):
        getattr(asg, name)(MaxRecords=largest)
        with refused("ValidationError"):
            getattr(asg, name)(MaxRecords=largest + 1)
        with refused("ValidationError"):
            getattr(asg, name)(MaxRecords=0)


def test_a_page_while_the_list_changes(asg: Any, fleet: Fleet) -> None:
    tag = unique("moving")
    names = [fleet.create(Tags=[{"Key": tag, "Value": "v"}]) for _ in range(4)]
    filters = [{"Name": "tag-key", "Values": [tag]}]
    first = asg.describe_auto_scaling_groups(Filters=filters, MaxRecords=2)
    fleet.delete(names[0])
    rest = asg.describe_auto_scaling_groups(Filters=filters, MaxRecords=2, NextToken=first["NextToken"])
    seen = [group["AutoScalingGroupName"] for page in (first, rest) for group in page["AutoScalingGroups"]]
    assert seen == sorted(names), "no one is skipped or told twice because another one went"
