"""Instances as they are asked for: described, their status, credits and firmware data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from backend.domain.node import ServerStatus
from backend.domain.profile import BlockDevice
from backend.drivers.compute import Server
from translators import arns, filters
from translators.ec2 import actions, tag_words
from translators.ec2.instance_words import (
    INTERFACE_PATHS,
    MEMBERS,
    Instance,
    Surroundings,
    credit_option,
    interface_of,
    state,
    tags_of,
)
from translators.errors import AWSError
from translators.filters import Filters, always, never
from translators.nouns import Asked, Naming, Noun, Tagging
from translators.registry import Call, Result

_MOST_STATUSES: Final = 100
_NAMINGS: Final[tuple[Naming[Instance]]] = (
    actions.by_ids("InstanceIds", actions.INSTANCE, lambda instance: instance.id),
)


def _instances(call: Call, asked: Asked) -> Iterable[Instance]:
    around = Surroundings(call)
    if ids := asked.named.get("InstanceIds"):
        found = call.backend.servers.find(call.scope, [each.removeprefix("i-") for each in ids])
        return [Instance(server, around) for server in found.values()]
    return [Instance(server, around) for server in call.backend.servers.list(call.scope)]


def _order(instance: Instance) -> list[str]:
    return [filters.instant(instance.server.created_at), instance.server.id]


def reservations(instances: Sequence[tuple[Instance, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Instances with their words, under the requests they were made by."""
    requests: dict[str, list[tuple[Instance, dict[str, Any]]]] = {}
    for instance, told in instances:
        requests.setdefault(instance.reservation, []).append((instance, told))
    return [
        {
            "ReservationId": reservation,
            "OwnerId": members[0][0].around.account,
            "Groups": [],
            "Instances": [told for _, told in sorted(members, key=lambda member: member[0].server.index)],
        }
        for reservation, members in requests.items()
    ]


_FILTERS: Final[Filters[Instance]] = {
    "architecture": "Architecture",
    "availability-zone": "Placement.AvailabilityZone",
    "availability-zone-id": "Placement.AvailabilityZoneId",
    "block-device-mapping.attach-time": "BlockDeviceMappings.Ebs.AttachTime",
    "block-device-mapping.delete-on-termination": "BlockDeviceMappings.Ebs.DeleteOnTermination",
    "block-device-mapping.device-name": "BlockDeviceMappings.DeviceName",
    "block-device-mapping.status": "BlockDeviceMappings.Ebs.Status",
    "block-device-mapping.volume-id": "BlockDeviceMappings.Ebs.VolumeId",
    "boot-mode": "BootMode",
    "capacity-reservation-specification.capacity-reservation-preference": (
        "CapacityReservationSpecification.CapacityReservationPreference"
    ),
    "client-token": lambda instance: instance.client_token or None,
    "dns-name": lambda instance: instance.public_name or None,
    "ebs-optimized": "EbsOptimized",
    "ena-support": "EnaSupport",
    "enclave-options.enabled": "EnclaveOptions.Enabled",
    "hibernation-options.configured": "HibernationOptions.Configured",
    "hypervisor": "Hypervisor",
    "iam-instance-profile.arn": "IamInstanceProfile.Arn",
    "iam-instance-profile.id": "IamInstanceProfile.Id",
    "iam-instance-profile.name": lambda instance: (instance.profile or {}).get("Arn", "").rpartition("/")[2] or None,
    "image-id": "ImageId",
    "instance-id": "InstanceId",
    "instance-lifecycle": "InstanceLifecycle",
    "instance-state-code": "State.Code",
    "instance-state-name": "State.Name",
    "instance-type": "InstanceType",
    "instance.group-id": "SecurityGroups.GroupId",
    "instance.group-name": "SecurityGroups.GroupName",
    "ip-address": "PublicIpAddress",
    "key-name": "KeyName",
    "launch-index": "AmiLaunchIndex",
    "launch-time": "LaunchTime",
    "maintenance-options.auto-recovery": "MaintenanceOptions.AutoRecovery",
    "metadata-options.http-endpoint": "MetadataOptions.HttpEndpoint",
    "metadata-options.http-protocol-ipv6": "MetadataOptions.HttpProtocolIpv6",
    "metadata-options.http-put-response-hop-limit": "MetadataOptions.HttpPutResponseHopLimit",
    "metadata-options.http-tokens": "MetadataOptions.HttpTokens",
    "metadata-options.instance-metadata-tags": "MetadataOptions.InstanceMetadataTags",
    "metadata-options.state": "MetadataOptions.State",
    "monitoring-state": "Monitoring.State",
    "owner-id": lambda instance: instance.around.account,
    "placement-group-name": lambda instance: instance.server.server_group_name,
    "placement-partition-number": "Placement.PartitionNumber",
    "platform": "Platform",
    "platform-details": "PlatformDetails",
    "private-dns-name": lambda instance: instance.private_name or None,
    "private-dns-name-options.enable-resource-name-dns-a-record": "PrivateDnsNameOptions.EnableResourceNameDnsARecord",
    "private-dns-name-options.enable-resource-name-dns-aaaa-record": (
        "PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord"
    ),
    "private-dns-name-options.hostname-type": "PrivateDnsNameOptions.HostnameType",
    "private-ip-address": "PrivateIpAddress",
    "reason": "StateTransitionReason",
    "reservation-id": lambda instance: instance.reservation,
    "root-device-name": "RootDeviceName",
    "root-device-type": "RootDeviceType",
    "source-dest-check": "SourceDestCheck",
    "state-reason-code": "StateReason.Code",
    "state-reason-message": "StateReason.Message",
    "subnet-id": "SubnetId",
    "tenancy": "Placement.Tenancy",
    "usage-operation": "UsageOperation",
    "usage-operation-update-time": "UsageOperationUpdateTime",
    "virtualization-type": "VirtualizationType",
    "vpc-id": "VpcId",
    **always(False, "operator.managed"),
    **never(
        "affinity",
        "capacity-reservation-id",
        "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id",
        "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn",
        "current-instance-boot-mode",
        "group-id",
        "group-name",
        "host-id",
        "ipv6-address",
        "kernel-id",
        "metadata-options.http-protocol-ipv4",
        "network-performance-options.bandwidth-weighting",
        "operator.principal",
        "outpost-arn",
        "product-code",
        "product-code.type",
        "ramdisk-id",
        "requester-id",
        "spot-instance-request-id",
        "tpm-support",
    ),
}


def _of_interface(value: Callable[[Instance], Any]) -> Callable[[Instance], Any]:
    """What only the list of interfaces tells of the one that an instance has."""
    return lambda instance: value(instance) if interface_of(instance) else None


_INTERFACE_FILTERS: Final[Filters[Instance]] = {
    **INTERFACE_PATHS,
    "addresses.association.ip-owner-id": "PrivateIpAddresses.Association.IpOwnerId",
    "addresses.association.public-dns-name": lambda instance: instance.public_name or None,
    "addresses.private-dns-name": "PrivateIpAddresses.PrivateDnsName",
    "association.public-dns-name": lambda instance: instance.public_name or None,
    "public-dns-name": lambda instance: instance.public_name or None,
    "attachment.instance-id": _of_interface(lambda instance: instance.id),
    "attachment.instance-owner-id": "OwnerId",
    "attachment.network-card-index": "Attachment.NetworkCardIndex",
    "availability-zone": _of_interface(lambda instance: instance.server.zone),
    "tag-key": _of_interface(lambda instance: [key for key, _ in instance.interface_tags]),
    "tag-value": _of_interface(lambda instance: [value for _, value in instance.interface_tags]),
    **always(False, "deny-all-igw-traffic", "ipv6-native", "operator.managed", "requester-managed"),
    **never(
        "addresses.association.allocation-id",
        "addresses.association.association-id",
        "addresses.association.carrier-ip",
        "addresses.association.customer-owned-ip",
        "association.allocation-id",
        "association.association-id",
        "association.carrier-ip",
        "association.customer-owned-ip",
        "ipv4-prefixes.ipv4-prefix",
        "ipv6-address",
        "ipv6-addresses.ipv6-address",
        "ipv6-addresses.is-primary-ipv6",
        "ipv6-prefixes.ipv6-prefix",
        "operator.principal",
        "outpost-arn",
        "requester-id",
    ),
}
"""Filters by its interface, named behind ``network-interface.``; paths lead into what it is told by."""


def _behind_interface(each: str | filters.Constant | filters.Field[Instance]) -> Any:
    return f"NetworkInterfaces.{each}" if isinstance(each, str) else each


INSTANCES: Final = Noun(
    answer="Reservations",
    items=_instances,
    members=MEMBERS,
    order=_order,
    filters={
        **_FILTERS,
        **{f"network-interface.{name}": _behind_interface(each) for name, each in _INTERFACE_FILTERS.items()},
    },
    namings=_NAMINGS,
    # A server's tags are the cloud's.
    tagging=Tagging(lambda _, instances: [tags_of(each.server) for each in instances], tag_words.member),
    pages=actions.pages("InstanceIds", actions.OF_INSTANCES),
    arranged=reservations,
)

actions.describes("DescribeInstances", INSTANCES)


def servers_named(call: Call, ids: Sequence[str]) -> list[Server]:
    """Servers by instance id, each once, the oldest first.

    Raises:
        AWSError: an id is malformed, or of nothing.
    """
    return [instance.server for instance in INSTANCES.of_ids(call, ids)]


def one(call: Call, instance_id: str) -> Instance:
    """The instance of an id; raises AWSError as ``servers_named`` does."""
    return INSTANCES.of_ids(call, [instance_id])[0]


def _verdict(instance: Instance) -> tuple[str, str | None]:
    """Status and reachability as the status checks would tell them."""
    if instance.server.status is ServerStatus.ACTIVE:
        return "ok", "passed"
    if instance.server.status is ServerStatus.UNKNOWN:
        return "insufficient-data", "insufficient-data"
    if instance.server.status is ServerStatus.ERROR:
        return "impaired", "failed"
    return "not-applicable", None


def _checks(instance: Instance) -> dict[str, Any]:
    status, reachability = _verdict(instance)
    details = {"Details": [{"Name": "reachability", "Status": reachability}]} if reachability else {}
    return {"Status": status, **details}


def _check_count(call: Call) -> None:
    if (count := len(call.params.get("InstanceIds") or ())) > _MOST_STATUSES:
        # The misspelling is AWS's. Source: radkawar/stackd testdata/aws/ec2/instance_status*.json.
        raise AWSError(
            "InvalidRequest",
            f"{count} exceeds the maximum number of instance IDs that can be specificied ({_MOST_STATUSES})."
            f" Please specify fewer than {_MOST_STATUSES} instance IDs.",
        )


_STATUS_FILTERS: Final[Filters[Instance]] = {
    "attached-ebs-status.status": "AttachedEbsStatus.Status",
    "availability-zone": "AvailabilityZone",
    "availability-zone-id": "AvailabilityZoneId",
    "instance-state-code": "InstanceState.Code",
    "instance-state-name": "InstanceState.Name",
    "instance-status.reachability": "InstanceStatus.Details.Status",
    "instance-status.status": "InstanceStatus.Status",
    "operator.managed": "Operator.Managed",
    "system-status.reachability": "SystemStatus.Details.Status",
    "system-status.status": "SystemStatus.Status",
    **never(
        "application-status.status",
        "event.code",
        "event.description",
        "event.instance-event-id",
        "event.not-after",
        "event.not-before",
        "event.not-before-deadline",
        "operator.principal",
    ),
}
STATUSES: Final = Noun(
    answer="InstanceStatuses",
    items=_instances,
    members={
        "AvailabilityZone": lambda instance: instance.server.zone,
        "AvailabilityZoneId": lambda instance: instance.zone_id or None,
        "InstanceId": lambda instance: instance.id,
        "InstanceState": lambda instance: state(instance.server.status),
        "InstanceStatus": _checks,
        "SystemStatus": _checks,
        "AttachedEbsStatus": _checks,
        "Events": (),
        "Operator": {"Managed": False},
    },
    order=_order,
    filters=_STATUS_FILTERS,
    namings=_NAMINGS,
    check=_check_count,
    keeps=lambda call, instance: bool(call.params.get("IncludeAllInstances")) or instance.state[1] == "running",
    pages=actions.pages("InstanceIds", actions.OF_INSTANCES),
)
"""By tags it cannot be filtered. Source: radkawar/stackd testdata/aws/ec2/instance_status*.json."""

actions.describes("DescribeInstanceStatus", STATUSES)


def burstable(instance: Instance) -> bool:
    """Whether it has CPU credits."""
    return instance.flavor is not None and instance.flavor.burstable and not instance.gone


CREDITS: Final = Noun(
    answer="InstanceCreditSpecifications",
    items=_instances,
    members={"InstanceId": lambda instance: instance.id, "CpuCredits": credit_option},
    order=_order,
    filters={"instance-id": "InstanceId"},
    namings=_NAMINGS,
    keeps=lambda _, instance: burstable(instance),
    pages=actions.pages("InstanceIds"),
)


def _describe_credits(call: Call) -> Result:
    """Burstable types are told with AWS's default; other instances are left out unless they are named."""
    named = CREDITS.named_by(call.params)
    instances = CREDITS.chosen(call, named)
    if named and (others := [each.id for each in instances if not burstable(each)]):
        # unsourced
        words = f"The instance type of '{', '.join(others)}' does not support credit specifications"
        raise AWSError("InvalidParameterValue", words)
    return CREDITS.told(call, instances)


actions.describes("DescribeInstanceCreditSpecifications", CREDITS, _describe_credits)


@actions.reads("GetInstanceUefiData")
def uefi_data(call: Call) -> Result:
    instance = one(call, call.params["InstanceId"])
    # unsourced
    raise AWSError("UnsupportedOperation", f"The instance '{instance.id}' keeps no UEFI data that could be read.")


def disk(device: BlockDevice) -> dict[str, Any]:
    """A disk in the words of a block device mapping."""
    if device.suppressed:
        return {"DeviceName": device.device, "NoDevice": ""}
    if device.ephemeral:
        return {"DeviceName": device.device, "VirtualName": device.ephemeral}
    ebs: dict[str, Any] = {"DeleteOnTermination": device.delete_on_termination}
    if device.size_gib is not None:
        ebs["VolumeSize"] = device.size_gib
    if device.volume_type:
        ebs["VolumeType"] = device.volume_type
    if device.iops is not None:
        ebs["Iops"] = device.iops
    if device.throughput is not None:
        ebs["Throughput"] = device.throughput
    if device.snapshot:
        ebs["SnapshotId"] = f"{arns.SNAPSHOT}-{device.snapshot}"
    return {"DeviceName": device.device, "Ebs": ebs}
