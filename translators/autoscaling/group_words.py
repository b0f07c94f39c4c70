"""Groups and their instances as AWS describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from backend.domain.cluster import Cluster, ClusterSpec, ClusterStatus, ClusterView, DeletionProtection, Tag
from backend.domain.mixes import Mix
from backend.domain.node import Member
from backend.domain.profile import LaunchSource
from backend.domain.warm_pools import WarmPool
from translators import arns
from translators.autoscaling import mix_words, traffic_words

RESOURCE_TYPE: Final = "auto-scaling-group"
GRANULARITY: Final = "1Minute"
_RETENTION: Final = {
    kept: {"RetentionTriggers": {"TerminateHookAbandon": "retain" if kept else "terminate"}} for kept in (False, True)
}


ZoneIds = Mapping[str, str]


def group(
    view: ClusterView, region: str, account: str, zone_ids: ZoneIds, *, with_instances: bool = True
) -> dict[str, Any]:
    """One AutoScalingGroup: what is always told, then what is told only when set.

    Args:
        zone_ids: zone name -> its id, of the zones whose id is known.
    """
    cluster, spec = view.cluster, view.cluster.spec
    zones = sorted(spec.zones)
    wanted = [each for each in cluster.sources if each.wanted]
    arns_of_groups = [traffic_words.arn(each, region, account) for each in wanted if not each.classic]
    balancers = [each.name for each in wanted if each.classic]
    told: dict[str, Any] = {
        "AutoScalingGroupName": cluster.name,
        "AutoScalingGroupARN": arns.group(region, account, cluster.id, cluster.name),
        "MinSize": spec.minimum,
        "MaxSize": spec.maximum,
        "DesiredCapacity": spec.desired,
        "DefaultCooldown": spec.cooldown_seconds,
        # In the zones' own order, whatever order was asked for. Source: conformance/recorded create/zones-...
        "AvailabilityZones": zones,
        "AvailabilityZoneIds": [zone_ids[zone] for zone in zones if zone in zone_ids],
        "LoadBalancerNames": balancers,
        "TargetGroupARNs": arns_of_groups,
        "HealthCheckType": ",".join(spec.health_checks),
        "HealthCheckGracePeriod": spec.health_grace_seconds,
        "CreatedTime": cluster.created_at,
        "SuspendedProcesses": _suspended(cluster) if cluster.suspended else (),
        "VPCZoneIdentifier": ",".join(sorted(map(arns.subnet_id, spec.subnets))),
        "EnabledMetrics": [{"Metric": metric, "Granularity": GRANULARITY} for metric in cluster.metrics],
        "Tags": [tag(cluster.name, item) for item in view.tags],
        "TerminationPolicies": spec.termination_rules,
        "NewInstancesProtectedFromScaleIn": spec.protect_new,
        "ServiceLinkedRoleARN": spec.service_role or arns.service_linked_role(account),
        "AvailabilityZoneDistribution": {"CapacityDistributionStrategy": str(spec.zone_distribution)},
        "CapacityReservationSpecification": {
            "CapacityReservationPreference": spec.reservation_preference or "default",
        },
        "InstanceLifecyclePolicy": _RETENTION[spec.retain_abandoned],
    }
    if wanted:
        told["TrafficSources"] = [traffic_words.source(each, region, account) for each in wanted]
    if with_instances:
        told["Instances"] = [instance(member, zone_ids) for member in view.members]
    told |= launched_from(spec.source, spec.mix)
    told |= _when_set(cluster, spec)
    if cluster.warm_pool is not None:
        told["WarmPoolSize"] = view.warm
    return told


def launched_from(launched: LaunchSource, mix: Mix | None) -> dict[str, Any]:
    """What instances are made from and mixed of, by the member that names it."""
    return source(launched) if mix is None else {"MixedInstancesPolicy": mix_words.policy(mix, launched)}


def source(launched: LaunchSource) -> dict[str, Any]:
    """What a group's instances are made from, by the member that names it."""
    if launched.template_id is None:
        return {"LaunchConfigurationName": launched.configuration}
    return {"LaunchTemplate": mix_words.template(launched)}


def _when_set(cluster: Cluster, spec: ClusterSpec) -> dict[str, Any]:
    told: dict[str, Any] = {
        "CapacityRebalance": spec.capacity_rebalance,
        "MaxInstanceLifetime": spec.maximum_lifetime_seconds,
        "DefaultInstanceWarmup": spec.warmup_seconds,
        # What nobody set is not told, of a mix neither: Terraform would take it away again with every plan.
        # Source: recorded c7n/autoscaling.DescribeAutoScalingGroups: one of the two groups with a mix has it;
        # hashicorp/terraform-provider-aws issues 31521 and 37523.
        "DesiredCapacityType": spec.capacity_type,
        "Context": spec.context,
        "PlacementGroup": spec.server_group,
        "PredictedCapacity": cluster.predicted,
    }
    told = {name: value for name, value in told.items() if value is not None}
    if spec.deletion_protection is not DeletionProtection.NONE:
        told["DeletionProtection"] = str(spec.deletion_protection)
    if spec.maintenance_minimum_percent is not None:
        told["InstanceMaintenancePolicy"] = {
            "MinHealthyPercentage": spec.maintenance_minimum_percent,
            "MaxHealthyPercentage": spec.maintenance_maximum_percent,
        }
    if spec.ignore_impaired_zones is not None:
        behaviour = "IgnoreUnhealthy" if spec.ignore_impaired_zones else "ReplaceUnhealthy"
        told["AvailabilityZoneImpairmentPolicy"] = {
            "ZonalShiftEnabled": False,
            "ImpairedZoneHealthCheckBehavior": behaviour,
        }
    if spec.operator is not None:
        told["Operator"] = {"Principal": spec.operator}
    if cluster.warm_pool is not None:
        told["WarmPoolConfiguration"] = warm_pool(cluster.warm_pool)
    if cluster.status is ClusterStatus.DELETING:
        told["Status"] = "Delete in progress"
    return told


def _suspended(cluster: Cluster) -> list[dict[str, str]]:
    return [
        {
            "ProcessName": str(process),
            "SuspensionReason": f"{'Administratively' if process in cluster.given_up else 'User'} suspended at"
            f" {cluster.suspended[process].strftime('%Y-%m-%dT%H:%M:%SZ')}",
        }
        for process in sorted(cluster.suspended)
    ]


def tag(cluster_name: str, item: Tag) -> dict[str, Any]:
    """One TagDescription."""
    return {
        "ResourceId": cluster_name,
        "ResourceType": RESOURCE_TYPE,
        "Key": item.key,
        "Value": item.value,
        "PropagateAtLaunch": item.propagate,
    }


def instance(member: Member, zone_ids: ZoneIds) -> dict[str, Any]:
    """One Instance of a group; health in mixed case, as here and nowhere else."""
    server, zone, state, health, protected, instance_type, configuration, template_id, name, version, units, image = (
        member
    )
    told: dict[str, Any] = {
        "InstanceId": f"i-{server}",
        "InstanceType": instance_type,
        "AvailabilityZone": zone,
        "LifecycleState": state,
        "HealthStatus": health,
        "ProtectedFromScaleIn": protected,
    }
    if zone in zone_ids:
        told["AvailabilityZoneId"] = zone_ids[zone]
    if units is not None:
        told["WeightedCapacity"] = str(units)
    if image is not None:
        told["ImageId"] = arns.image_id(image)
    if configuration is not None:
        told["LaunchConfigurationName"] = configuration
    elif template_id is not None:
        told["LaunchTemplate"] = {
            "LaunchTemplateId": f"lt-{template_id.replace('-', '')[:17]}",
            "LaunchTemplateName": name,
            "Version": str(version),
        }
    return told


def warm_pool(pool: WarmPool) -> dict[str, Any]:
    """One WarmPoolConfiguration: what was not set is not told."""
    told: dict[str, Any] = {"MinSize": pool.minimum, "PoolState": str(pool.state)}
    if pool.prepared is not None:
        told["MaxGroupPreparedCapacity"] = pool.prepared
    if pool.reuse is not None:
        told["InstanceReusePolicy"] = {"ReuseOnScaleIn": pool.reuse}
    if pool.deleting:
        told["Status"] = "PendingDelete"
    return told


def warm_instance(member: Member, zone_ids: ZoneIds) -> dict[str, Any]:
    """One Instance of a warm pool, which knows no protection."""
    told = instance(member, zone_ids)
    del told["ProtectedFromScaleIn"]
    return told


def instance_details(pair: tuple[str, Member], zone_ids: ZoneIds) -> dict[str, Any]:
    """One AutoScalingInstanceDetails; health in upper case."""
    name, member = pair
    return instance(member, zone_ids) | {"AutoScalingGroupName": name, "HealthStatus": member.health.upper()}
