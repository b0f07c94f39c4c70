"""Instances as they are asked for: described, their status and attributes, credits and firmware data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from backend.domain.node import ServerStatus
from backend.domain.profile import BlockDevice
from backend.drivers.compute import Server
from translators import arns, filters
from translators.ec2 import actions
from translators.ec2.instance_words import Instance, shown, state, surroundings
from translators.errors import AWSError
from translators.filters import Fields
from translators.registry import Call, Result

_VPC: Final = arns.NETWORK
_MOST_STATUSES: Final = 100


def _image(pick: Callable[[Any], Any]) -> Callable[[Instance], Any]:
    return lambda instance: pick(instance.image) if instance.image else None


def _interface(value: Callable[[Instance], Any]) -> Callable[[Instance], Any]:
    return lambda instance: value(instance) if instance.private_address else None


def _network(instance: Instance) -> str | None:
    return arns.resource_id(_VPC, instance.network_id) if instance.network_id else None


def _subnet(instance: Instance) -> str | None:
    return arns.subnet_id(instance.subnet.id) if instance.subnet else None


_PATHS: Final[Mapping[str, str]] = {
    "capacity-reservation-specification.capacity-reservation-preference": (
        "CapacityReservationSpecification.CapacityReservationPreference"
    ),
    "current-instance-boot-mode": "CurrentInstanceBootMode",
    "ebs-optimized": "EbsOptimized",
    "ena-support": "EnaSupport",
    "enclave-options.enabled": "EnclaveOptions.Enabled",
    "hibernation-options.configured": "HibernationOptions.Configured",
    "maintenance-options.auto-recovery": "MaintenanceOptions.AutoRecovery",
    "metadata-options.http-protocol-ipv6": "MetadataOptions.HttpProtocolIpv6",
    "metadata-options.http-put-response-hop-limit": "MetadataOptions.HttpPutResponseHopLimit",
    "metadata-options.instance-metadata-tags": "MetadataOptions.InstanceMetadataTags",
    "metadata-options.state": "MetadataOptions.State",
    "network-interface.addresses.association.ip-owner-id": "NetworkInterfaces.PrivateIpAddresses.Association.IpOwnerId",
    "network-interface.addresses.primary": "NetworkInterfaces.PrivateIpAddresses.Primary",
    "network-interface.addresses.private-dns-name": "NetworkInterfaces.PrivateIpAddresses.PrivateDnsName",
    "network-interface.association.ip-owner-id": "NetworkInterfaces.Association.IpOwnerId",
    "network-interface.attachment.attach-time": "NetworkInterfaces.Attachment.AttachTime",
    "network-interface.attachment.attachment-id": "NetworkInterfaces.Attachment.AttachmentId",
    "network-interface.attachment.delete-on-termination": "NetworkInterfaces.Attachment.DeleteOnTermination",
    "network-interface.attachment.device-index": "NetworkInterfaces.Attachment.DeviceIndex",
    "network-interface.attachment.instance-owner-id": "NetworkInterfaces.OwnerId",
    "network-interface.attachment.network-card-index": "NetworkInterfaces.Attachment.NetworkCardIndex",
    "network-interface.attachment.status": "NetworkInterfaces.Attachment.Status",
    "network-interface.description": "NetworkInterfaces.Description",
    "network-interface.group-name": "NetworkInterfaces.Groups.GroupName",
    "network-interface.private-dns-name": "NetworkInterfaces.PrivateDnsName",
    "network-interface.private-ip-address": "NetworkInterfaces.PrivateIpAddress",
    "network-interface.source-dest-check": "NetworkInterfaces.SourceDestCheck",
    "private-dns-name-options.enable-resource-name-dns-a-record": "PrivateDnsNameOptions.EnableResourceNameDnsARecord",
    "private-dns-name-options.enable-resource-name-dns-aaaa-record": (
        "PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord"
    ),
    "private-dns-name-options.hostname-type": "PrivateDnsNameOptions.HostnameType",
    "usage-operation": "UsageOperation",
    "usage-operation-update-time": "UsageOperationUpdateTime",
}
"""Filters by what stands at a path of the instance's own answer."""


def _at(path: str) -> Callable[[Instance], Any]:
    look = filters.looking(path)
    return lambda instance: look(shown(instance))


FIELDS: Final[Fields[Instance]] = {
    **filters.never(
        "capacity-reservation-id",
        "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id",
        "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn",
        "ipv6-address",
        "metadata-options.http-protocol-ipv4",
        "network-interface.addresses.association.allocation-id",
        "network-interface.addresses.association.association-id",
        "network-interface.addresses.association.carrier-ip",
        "network-interface.addresses.association.customer-owned-ip",
        "network-interface.addresses.association.public-dns-name",
        "network-interface.association.allocation-id",
        "network-interface.association.association-id",
        "network-interface.association.carrier-ip",
        "network-interface.association.customer-owned-ip",
        "network-interface.association.public-dns-name",
        "network-interface.ipv4-prefixes.ipv4-prefix",
        "network-interface.ipv6-address",
        "network-interface.ipv6-addresses.ipv6-address",
        "network-interface.ipv6-addresses.is-primary-ipv6",
        "network-interface.ipv6-prefixes.ipv6-prefix",
        "network-interface.operator.principal",
        "network-interface.outpost-arn",
        "network-interface.public-dns-name",
        "network-interface.requester-id",
        "network-interface.tag-key",
        "network-interface.tag-value",
        "network-performance-options.bandwidth-weighting",
        "operator.principal",
        "outpost-arn",
        "placement-partition-number",
        "product-code.type",
        "tpm-support",
    ),
    **{name: _at(path) for name, path in _PATHS.items()},
    "operator.managed": lambda _: False,
    "network-interface.operator.managed": lambda _: False,
    "network-interface.requester-managed": lambda _: False,
    "network-interface.ipv6-native": lambda _: False,
    "network-interface.deny-all-igw-traffic": lambda _: False,
    "affinity": lambda _: None,
    "architecture": lambda instance: instance.architecture,
    "availability-zone": lambda instance: instance.server.zone,
    "availability-zone-id": lambda instance: instance.zone_id,
    "block-device-mapping.attach-time": lambda instance: instance.server.created_at,
    "block-device-mapping.delete-on-termination": lambda instance: [
        disk.delete_on_termination for _, _, disk in instance.disks()
    ],
    "block-device-mapping.device-name": lambda instance: [device for device, _, _ in instance.disks()],
    "block-device-mapping.status": lambda instance: ["attached" for _ in instance.disks()],
    "block-device-mapping.volume-id": lambda instance: [volume for _, volume, _ in instance.disks()],
    "boot-mode": _image(lambda image: image.boot_mode),
    "client-token": lambda _: None,
    "dns-name": lambda _: None,
    "group-id": lambda _: None,
    "group-name": lambda _: None,
    "host-id": lambda _: None,
    "hypervisor": lambda _: "xen",
    "iam-instance-profile.arn": lambda _: None,
    "iam-instance-profile.id": lambda _: None,
    "iam-instance-profile.name": lambda _: None,
    "image-id": lambda instance: arns.image_id(instance.server.image_id) if instance.server.image_id else None,
    "instance-id": lambda instance: instance.id,
    "instance-lifecycle": lambda _: None,
    "instance-state-code": lambda instance: instance.state[0],
    "instance-state-name": lambda instance: instance.state[1],
    "instance-type": lambda instance: instance.server.flavor,
    "instance.group-id": lambda instance: [group["GroupId"] for group in instance.groups],
    "instance.group-name": lambda instance: [group.get("GroupName") for group in instance.groups],
    "ip-address": lambda instance: instance.public_address,
    "kernel-id": lambda _: None,
    "key-name": lambda instance: instance.server.key_name,
    "launch-index": lambda instance: instance.server.index,
    "launch-time": lambda instance: instance.server.created_at,
    "metadata-options.http-endpoint": lambda _: "enabled",
    "metadata-options.http-tokens": lambda instance: (
        "required" if instance.image and instance.image.imds_v2 else "optional"
    ),
    "monitoring-state": lambda _: "disabled",
    "network-interface.addresses.private-ip-address": lambda instance: instance.private_address,
    "network-interface.addresses.association.public-ip": lambda instance: instance.public_address,
    "network-interface.association.public-ip": lambda instance: instance.public_address,
    "network-interface.attachment.instance-id": _interface(lambda instance: instance.id),
    "network-interface.availability-zone": _interface(lambda instance: instance.server.zone),
    "network-interface.group-id": _interface(lambda instance: [group["GroupId"] for group in instance.groups]),
    "network-interface.mac-address": _interface(lambda instance: instance.server.mac_address),
    "network-interface.network-interface-id": _interface(lambda instance: instance.interface_id),
    "network-interface.owner-id": _interface(lambda instance: instance.around.account),
    "network-interface.status": _interface(lambda _: "in-use"),
    "network-interface.subnet-id": _interface(_subnet),
    "network-interface.vpc-id": _interface(_network),
    "owner-id": lambda instance: instance.around.account,
    "placement-group-name": lambda instance: instance.server.server_group_name,
    "platform": _image(lambda image: "windows" if image.platform == "windows" else None),
    "platform-details": _image(lambda image: image.platform_details),
    "private-dns-name": lambda instance: instance.private_name or None,
    "private-ip-address": lambda instance: instance.private_address,
    "product-code": lambda _: None,
    "ramdisk-id": lambda _: None,
    "reason": lambda instance: shown(instance)["StateTransitionReason"],
    "requester-id": lambda _: None,
    "reservation-id": lambda instance: instance.reservation,
    "root-device-name": lambda instance: instance.root_device,
    "root-device-type": lambda instance: instance.image.root_device_type if instance.image else "ebs",
    "source-dest-check": lambda _: True,
    "spot-instance-request-id": lambda _: None,
    "state-reason-code": lambda instance: (shown(instance).get("StateReason") or {}).get("Code"),
    "state-reason-message": lambda instance: (shown(instance).get("StateReason") or {}).get("Message"),
    "subnet-id": _subnet,
    "tenancy": lambda _: "default",
    "virtualization-type": lambda instance: instance.image.virtualization if instance.image else "hvm",
    "vpc-id": _network,
}

_STATUS_FIELDS: Final[Fields[Instance]] = {
    **filters.never("application-status.status", "operator.principal"),
    "operator.managed": lambda _: False,
    "attached-ebs-status.status": lambda instance: _verdict(instance)[0],
    "availability-zone": lambda instance: instance.server.zone,
    "availability-zone-id": lambda instance: instance.zone_id,
    "event.code": lambda _: None,
    "event.description": lambda _: None,
    "event.instance-event-id": lambda _: None,
    "event.not-after": lambda _: None,
    "event.not-before": lambda _: None,
    "event.not-before-deadline": lambda _: None,
    "instance-state-code": lambda instance: instance.state[0],
    "instance-state-name": lambda instance: instance.state[1],
    "instance-status.reachability": lambda instance: _verdict(instance)[1],
    "instance-status.status": lambda instance: _verdict(instance)[0],
    "system-status.reachability": lambda instance: _verdict(instance)[1],
    "system-status.status": lambda instance: _verdict(instance)[0],
}


def chosen(call: Call, ids: Sequence[str] | None) -> list[Server]:
    """Servers by instance id, all where none are named; each once, the oldest first.

    Raises:
        AWSError: an id is malformed, or of nothing.
    """
    if ids:
        actions.check_forms(actions.INSTANCE, ids)
        found = call.backend.servers.find(call.scope, [each.removeprefix("i-") for each in ids])
        return actions.named(actions.INSTANCE, ids, found.values(), _id)
    return actions.named(actions.INSTANCE, ids, call.backend.servers.list(call.scope), _id)


def one(call: Call, instance_id: str) -> Server:
    """The server of an instance id; raises AWSError as ``chosen`` does."""
    return chosen(call, [instance_id])[0]


def _id(server: Server) -> str:
    return arns.instance_id(server.id)


def _order(instance: Instance) -> list[str]:
    return [filters.instant(instance.server.created_at), instance.server.id]


@actions.answers("DescribeInstances")
def describe(call: Call) -> Result:
    around = surroundings(call)
    instances = [Instance(server, around) for server in chosen(call, call.params.get("InstanceIds"))]
    instances.sort(key=_order)
    tokens = {arns.instance_id(server): token for server, token in call.backend.servers.tokens(call.scope).items()}
    fields = {**FIELDS, "client-token": lambda each: tokens.get(each.id)}
    found = filters.matching(instances, call.params.get("Filters") or (), fields, lambda each: each.server.tags)
    items, token = actions.page(call, "InstanceIds", found, _order, actions.OF_INSTANCES)
    told = reservations(items)
    for reservation in told:
        for each in reservation["Instances"]:
            each["ClientToken"] = tokens.get(each["InstanceId"], "")
    return {"Reservations": told, **token}


def reservations(instances: Iterable[Instance]) -> list[dict[str, Any]]:
    """Instances under the requests they were made by."""
    requests: dict[str, list[Instance]] = {}
    for instance in instances:
        requests.setdefault(instance.reservation, []).append(instance)
    return [
        {
            "ReservationId": reservation,
            "OwnerId": members[0].around.account,
            "Groups": [],
            "Instances": [shown(member) for member in sorted(members, key=lambda member: member.server.index)],
        }
        for reservation, members in requests.items()
    ]


@actions.answers("DescribeInstanceStatus")
def describe_status(call: Call) -> Result:
    if (count := len(call.params.get("InstanceIds") or ())) > _MOST_STATUSES:
        # The misspelling is AWS's. Source: radkawar/stackd testdata/aws/ec2/instance_status*.json.
        raise AWSError(
            "InvalidRequest",
            f"{count} exceeds the maximum number of instance IDs that can be specificied ({_MOST_STATUSES})."
            f" Please specify fewer than {_MOST_STATUSES} instance IDs.",
        )
    around = surroundings(call)
    instances = [Instance(server, around) for server in chosen(call, call.params.get("InstanceIds"))]
    instances.sort(key=_order)
    if not call.params.get("IncludeAllInstances"):
        instances = [instance for instance in instances if instance.state[1] == "running"]
    # By tags it cannot be filtered. Source: as above.
    found = filters.matching(instances, call.params.get("Filters") or (), _STATUS_FIELDS)
    items, token = actions.page(call, "InstanceIds", found, _order, actions.OF_INSTANCES)
    return {"InstanceStatuses": [_status(instance) for instance in items], **token}


def _verdict(instance: Instance) -> tuple[str, str | None]:
    """Status and reachability as the status checks would tell them."""
    if instance.server.status is ServerStatus.ACTIVE:
        return "ok", "passed"
    if instance.server.status is ServerStatus.UNKNOWN:
        return "insufficient-data", "insufficient-data"
    if instance.server.status is ServerStatus.ERROR:
        return "impaired", "failed"
    return "not-applicable", None


def _status(instance: Instance) -> dict[str, Any]:
    status, reachability = _verdict(instance)
    summary: dict[str, Any] = {"Status": status}
    if reachability:
        summary["Details"] = [{"Name": "reachability", "Status": reachability}]
    told = {
        "AvailabilityZone": instance.server.zone,
        "InstanceId": instance.id,
        "InstanceState": state(instance.server.status),
        "InstanceStatus": summary,
        "SystemStatus": summary,
        "AttachedEbsStatus": summary,
        "Events": [],
        "Operator": {"Managed": False},
    }
    if instance.zone_id:
        told["AvailabilityZoneId"] = instance.zone_id
    return told


_ATTRIBUTES: Final[Mapping[str, Callable[[Instance], dict[str, Any]]]] = {
    "instanceType": lambda instance: {"InstanceType": {"Value": instance.server.flavor}},
    "kernel": lambda _: {"KernelId": {}},
    "ramdisk": lambda _: {"RamdiskId": {}},
    "userData": lambda instance: {
        "UserData": {"Value": instance.server.user_data} if instance.server.user_data else {}
    },
    "disableApiTermination": lambda _: {"DisableApiTermination": {"Value": False}},
    "disableApiStop": lambda _: {"DisableApiStop": {"Value": False}},
    "instanceInitiatedShutdownBehavior": lambda _: {"InstanceInitiatedShutdownBehavior": {"Value": "stop"}},
    "rootDeviceName": lambda instance: {"RootDeviceName": {"Value": instance.root_device}},
    "blockDeviceMapping": lambda instance: {"BlockDeviceMappings": shown(instance)["BlockDeviceMappings"]},
    "productCodes": lambda _: {"ProductCodes": []},
    "sourceDestCheck": lambda _: {"SourceDestCheck": {"Value": True}},
    "groupSet": lambda instance: {"Groups": instance.groups},
    "ebsOptimized": lambda _: {"EbsOptimized": {"Value": False}},
    "sriovNetSupport": lambda _: {"SriovNetSupport": {}},
    "enaSupport": lambda instance: {"EnaSupport": {"Value": instance.image.ena if instance.image else True}},
    "enclaveOptions": lambda _: {"EnclaveOptions": {"Enabled": False}},
}


@actions.answers("DescribeInstanceAttribute")
def describe_attribute(call: Call) -> Result:
    instance = Instance(one(call, call.params["InstanceId"]), surroundings(call))
    return {"InstanceId": instance.id, **_ATTRIBUTES[call.params["Attribute"]](instance)}


@actions.answers("DescribeInstanceCreditSpecifications")
def describe_credits(call: Call) -> Result:
    """Burstable types are told with AWS's default; other instances are left out unless they are named."""
    around = surroundings(call)
    instances = [Instance(server, around) for server in chosen(call, call.params.get("InstanceIds"))]
    burstable = [each for each in instances if each.flavor and each.flavor.burstable and not each.gone]
    if call.params.get("InstanceIds") and len(burstable) < len(instances):
        ids = ", ".join(each.id for each in instances if each not in burstable)
        # unsourced
        raise AWSError("InvalidParameterValue", f"The instance type of '{ids}' does not support credit specifications")
    burstable.sort(key=_order)
    fields: Fields[Instance] = {"instance-id": lambda instance: instance.id}
    found = filters.matching(burstable, call.params.get("Filters") or (), fields)
    items, token = actions.page(call, "InstanceIds", found, _order)
    credit = [{"InstanceId": each.id, "CpuCredits": _credits(each.server.flavor)} for each in items]
    return {"InstanceCreditSpecifications": credit, **token}


def _credits(instance_type: str) -> str:
    return "standard" if instance_type.startswith("t2.") else "unlimited"


@actions.answers("GetInstanceUefiData")
def uefi_data(call: Call) -> Result:
    instance = Instance(one(call, call.params["InstanceId"]), surroundings(call))
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
    if device.snapshot:
        ebs["SnapshotId"] = f"{arns.SNAPSHOT}-{device.snapshot}"
    return {"DeviceName": device.device, "Ebs": ebs}
