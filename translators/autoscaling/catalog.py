"""What Auto Scaling has to offer: the Describe...Types operations and the account's limits."""

from __future__ import annotations

from typing import Final

from backend.domain.cluster import Process, TerminationRule
from backend.domain.quotas import Quota
from translators.autoscaling.group_words import GRANULARITY
from translators.autoscaling.metrics import METRICS
from translators.registry import Call, Result, operation

_EVENTS: Final = ("LAUNCH", "LAUNCH_ERROR", "TERMINATE", "TERMINATE_ERROR")


@operation("autoscaling", "DescribeAccountLimits")
def account_limits(call: Call) -> Result:
    usage = call.backend.clusters.usage(call.scope)
    clusters, most_clusters = usage[Quota.CLUSTERS]
    configurations, most_configurations = usage[Quota.CONFIGURATIONS]
    return {
        "MaxNumberOfAutoScalingGroups": most_clusters,
        "MaxNumberOfLaunchConfigurations": most_configurations,
        "NumberOfAutoScalingGroups": clusters,
        "NumberOfLaunchConfigurations": configurations,
    }


@operation("autoscaling", "DescribeAdjustmentTypes")
def adjustment_types(_: Call) -> Result:
    names = ("ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity")
    return {"AdjustmentTypes": [{"AdjustmentType": name} for name in names]}


@operation("autoscaling", "DescribeAutoScalingNotificationTypes")
def notification_types(_: Call) -> Result:
    events = [f"autoscaling:EC2_INSTANCE_{event}" for event in _EVENTS]
    return {"AutoScalingNotificationTypes": [*events, "autoscaling:TEST_NOTIFICATION"]}


@operation("autoscaling", "DescribeLifecycleHookTypes")
def lifecycle_hook_types(_: Call) -> Result:
    return {
        "LifecycleHookTypes": [
            "autoscaling:EC2_INSTANCE_LAUNCHING",
            "autoscaling:EC2_INSTANCE_TERMINATING",
        ]
    }


@operation("autoscaling", "DescribeMetricCollectionTypes")
def metric_collection_types(_: Call) -> Result:
    return {
        "Metrics": [{"Metric": metric} for metric in METRICS],
        "Granularities": [{"Granularity": GRANULARITY}],
    }


@operation("autoscaling", "DescribeScalingProcessTypes")
def scaling_process_types(_: Call) -> Result:
    return {"Processes": [{"ProcessName": str(process)} for process in sorted(Process)]}


@operation("autoscaling", "DescribeTerminationPolicyTypes")
def termination_policy_types(_: Call) -> Result:
    return {"TerminationPolicyTypes": sorted(TerminationRule)}
