"""What stands in a project: everything that stacks make, asked for noun by noun, so that nothing is left unseen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.clients import client
from conformance.product import Access

_NOUNS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "autoscaling": {
        "describe_auto_scaling_groups": ("AutoScalingGroups", "AutoScalingGroupName"),
        "describe_launch_configurations": ("LaunchConfigurations", "LaunchConfigurationName"),
        "describe_policies": ("ScalingPolicies", "PolicyARN"),
    },
    "cloudwatch": {
        "describe_alarms": ("MetricAlarms", "AlarmName"),
        "list_dashboards": ("DashboardEntries", "DashboardName"),
    },
    "ec2": {
        "describe_addresses": ("Addresses", "AllocationId"),
        "describe_dhcp_options": ("DhcpOptions", "DhcpOptionsId"),
        "describe_internet_gateways": ("InternetGateways", "InternetGatewayId"),
        "describe_key_pairs": ("KeyPairs", "KeyName"),
        "describe_launch_templates": ("LaunchTemplates", "LaunchTemplateName"),
        "describe_nat_gateways": ("NatGateways", "NatGatewayId"),
        "describe_network_acls": ("NetworkAcls", "NetworkAclId"),
        "describe_network_interfaces": ("NetworkInterfaces", "NetworkInterfaceId"),
        "describe_managed_prefix_lists": ("PrefixLists", "PrefixListId"),
        "describe_placement_groups": ("PlacementGroups", "GroupName"),
        "describe_route_tables": ("RouteTables", "RouteTableId"),
        "describe_security_groups": ("SecurityGroups", "GroupId"),
        "describe_subnets": ("Subnets", "SubnetId"),
        "describe_volumes": ("Volumes", "VolumeId"),
        "describe_vpcs": ("Vpcs", "VpcId"),
    },
    "elb": {"describe_load_balancers": ("LoadBalancerDescriptions", "LoadBalancerName")},
    "elbv2": {
        "describe_load_balancers": ("LoadBalancers", "LoadBalancerArn"),
        "describe_target_groups": ("TargetGroups", "TargetGroupArn"),
    },
    "events": {"list_rules": ("Rules", "Name")},
    "iam": {
        "list_instance_profiles": ("InstanceProfiles", "InstanceProfileName"),
        "list_roles": ("Roles", "RoleName"),
    },
    "sns": {
        "list_subscriptions": ("Subscriptions", "Endpoint"),
        "list_topics": ("Topics", "TopicArn"),
    },
}
_GONE = {"deleting", "deleted"}
"""States in which AWS still shows what is gone."""


def standing(access: Access) -> dict[str, set[str]]:
    """Names of all that is there, by service and operation."""
    found: dict[str, set[str]] = {}
    for service, operations in _NOUNS.items():
        asked = client(access, service, recorded=False)
        for operation, (member, name) in operations.items():
            answer: dict[str, Any] = getattr(asked, operation)()
            assert not answer.get("NextToken"), operation
            found[f"{service} {operation}"] = {
                one[name] for one in answer[member] if str(one.get("State")) not in _GONE
            }
    composite = client(access, "cloudwatch", recorded=False).describe_alarms(AlarmTypes=["CompositeAlarm"])
    found["cloudwatch describe_alarms of others"] = {each["AlarmName"] for each in composite["CompositeAlarms"]}
    found["iam list_policies"] = {
        one["Arn"] for one in client(access, "iam", recorded=False).list_policies(Scope="Local")["Policies"]
    }
    found["sqs list_queues"] = set(client(access, "sqs", recorded=False).list_queues().get("QueueUrls", ()))
    return found
