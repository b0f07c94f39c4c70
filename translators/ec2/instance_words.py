"""A server in EC2's words: its state, disks, interface and all else that an instance is described by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.node import ServerStatus
from backend.domain.profile import BlockDevice
from backend.drivers.compute import Flavor, Server
from backend.drivers.images import Image
from backend.drivers.network import SecurityGroup, Subnet
from translators import arns
from translators.ec2 import tag_words
from translators.registry import Call

STATES: Final[Mapping[ServerStatus, tuple[int, str]]] = {
    ServerStatus.BUILDING: (0, "pending"),
    ServerStatus.ACTIVE: (16, "running"),
    # EC2 knows no such states: one that is unreachable or did not come up still exists and is paid for.
    ServerStatus.UNKNOWN: (16, "running"),
    ServerStatus.PAUSED: (80, "stopped"),
    ServerStatus.ERROR: (80, "stopped"),
    ServerStatus.DELETING: (32, "shutting-down"),
    ServerStatus.DELETED: (48, "terminated"),
    ServerStatus.STOPPING: (64, "stopping"),
    ServerStatus.STOPPED: (80, "stopped"),
}
_RESERVATION: Final = re.compile(r"r-[0-9a-f]{17}")
_ROOT: Final = "/dev/sda1"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What servers refer to, by the cloud's ids; types and zones by name."""

    images: Mapping[str, Image]
    subnets: Mapping[str, Subnet]
    groups: Mapping[str, SecurityGroup]
    flavors: Mapping[str, Flavor]
    zone_ids: Mapping[str, str]
    account: str
    region: str = ""


def surroundings(call: Call) -> Surroundings:
    """What the servers of the caller's project may refer to."""
    catalog, scope = call.backend.catalog, call.scope
    return Surroundings(
        {image.id: image for image in catalog.images(scope)},
        {subnet.id: subnet for subnet in catalog.subnets(scope)},
        {group.id: group for group in catalog.security_groups(scope)},
        {flavor.name: flavor for flavor in catalog.flavors(scope)},
        {zone.name: zone.zone_id for zone in catalog.zones(scope)},
        call.account_id,
        call.region,
    )


@dataclass(frozen=True, slots=True)
class Instance:
    """A server with what it refers to."""

    server: Server
    around: Surroundings

    @property
    def id(self) -> str:
        return arns.instance_id(self.server.id)

    @property
    def gone(self) -> bool:
        return self.server.status is ServerStatus.DELETED

    @property
    def state(self) -> tuple[int, str]:
        return STATES[self.server.status]

    @property
    def image(self) -> Image | None:
        return self.around.images.get(self.server.image_id or "")

    @property
    def flavor(self) -> Flavor | None:
        return self.around.flavors.get(self.server.flavor)

    @property
    def subnet(self) -> Subnet | None:
        return None if self.gone else self.around.subnets.get(self.server.subnet_id or "")

    @property
    def network_id(self) -> str | None:
        if self.gone:
            return None
        return self.server.network_id or (self.subnet.network_id if self.subnet else None)

    @property
    def private_address(self) -> str | None:
        return None if self.gone else self.server.private_address

    @property
    def private_name(self) -> str:
        """The name that EC2 gives an address of a network; nothing here resolves it, tools take it for a node's name.

        Source: Amazon VPC User Guide, "DNS hostnames".
        """
        if not self.private_address:
            return ""
        domain = "ec2.internal" if self.around.region == "us-east-1" else f"{self.around.region}.compute.internal"
        return f"ip-{self.private_address.replace('.', '-')}.{domain}"

    @property
    def public_address(self) -> str | None:
        return None if self.gone else self.server.public_address

    @property
    def architecture(self) -> str:
        if self.image:
            return self.image.architecture
        return self.flavor.architectures[0] if self.flavor and self.flavor.architectures else "x86_64"

    @property
    def root_device(self) -> str:
        return self.image.root_device if self.image else _ROOT

    @property
    def zone_id(self) -> str | None:
        return self.around.zone_ids.get(self.server.zone)

    @property
    def interface_id(self) -> str:
        return arns.derived_id(arns.INTERFACE, self.server.id, "0")

    @property
    def reservation(self) -> str:
        given = self.server.reservation_id
        return given if _RESERVATION.fullmatch(given) else arns.derived_id(arns.RESERVATION, given or self.server.id)

    @property
    def groups(self) -> list[dict[str, str]]:
        """Its security groups; a terminated instance has none."""
        return [] if self.gone else [self._group(group) for group in self.server.security_group_ids]

    def _group(self, group_id: str) -> dict[str, str]:
        group = self.around.groups.get(group_id)
        name = {"GroupName": group.name} if group else {}
        return {"GroupId": arns.resource_id(arns.SECURITY_GROUP, group_id), **name}

    def disks(self) -> Iterator[tuple[str, str, BlockDevice]]:
        """(device name, volume id, disk) of its volumes, the root's first; none once it is gone."""
        if self.gone:
            return
        own = {device.device: device for device in self.server.block_devices}
        root = own.pop(self.root_device, BlockDevice(self.root_device))
        for disk in (root, *own.values()):
            if not disk.suppressed and disk.ephemeral is None:
                yield disk.device, arns.derived_id(arns.VOLUME, self.server.id, disk.device), disk

    def size_gib(self, disk: BlockDevice) -> int:
        """The size of one of its volumes; the cloud tells it where it was asked for, else it is the image's."""
        if disk.size_gib is not None:
            return disk.size_gib
        return self.image.size_gib if self.image and disk.device == self.root_device else 1

    def volume_type(self, disk: BlockDevice) -> str:
        return disk.volume_type or (self.image.volume_type if self.image else "gp2")


def state(status: ServerStatus) -> dict[str, Any]:
    """A status as EC2's ``InstanceState``."""
    code, name = STATES[status]
    return {"Code": code, "Name": name}


def shown(instance: Instance) -> dict[str, Any]:
    """An instance as DescribeInstances tells of it."""
    server, image = instance.server, instance.image
    told: dict[str, Any] = {
        "InstanceId": instance.id,
        "ImageId": arns.image_id(server.image_id) if server.image_id else "",
        "State": state(server.status),
        "PrivateDnsName": instance.private_name,
        "PublicDnsName": "",
        "StateTransitionReason": "",
        "AmiLaunchIndex": server.index,
        "ProductCodes": [],
        "InstanceType": server.flavor,
        "LaunchTime": server.created_at,
        "Placement": _placement(instance),
        "Monitoring": {"State": "disabled"},
        "Architecture": instance.architecture,
        "BlockDeviceMappings": [_attached(instance, *disk) for disk in instance.disks()],
        "ClientToken": "",
        "EbsOptimized": False,
        "EnaSupport": image.ena if image else True,
        "Hypervisor": "xen",
        "NetworkInterfaces": [],
        "RootDeviceName": instance.root_device,
        "RootDeviceType": image.root_device_type if image else "ebs",
        "SecurityGroups": instance.groups,
        "SourceDestCheck": True,
        **tag_words.member(server.tags),
        "VirtualizationType": image.virtualization if image else "hvm",
        **_options(instance),
    }
    if server.key_name:
        told["KeyName"] = server.key_name
    if image and image.platform == "windows":
        told["Platform"] = "windows"
    return {**told, **_end(instance), **_network(instance)}


def _placement(instance: Instance) -> dict[str, Any]:
    server = instance.server
    told = {"AvailabilityZone": server.zone, "GroupName": server.server_group_name or "", "Tenancy": "default"}
    if server.server_group_id:
        told["GroupId"] = arns.resource_id(arns.PLACEMENT_GROUP, server.server_group_id)
    if instance.zone_id:
        told["AvailabilityZoneId"] = instance.zone_id
    return told


def _options(instance: Instance) -> dict[str, Any]:
    flavor, image = instance.flavor, instance.image
    threads = (flavor.threads_per_core if flavor else None) or 1
    cores = (flavor.cores if flavor else None) or max(1, (flavor.vcpus if flavor else 1) // threads)
    told: dict[str, Any] = {
        "CpuOptions": {"CoreCount": cores, "ThreadsPerCore": threads},
        "CapacityReservationSpecification": {"CapacityReservationPreference": "open"},
        "HibernationOptions": {"Configured": False},
        "EnclaveOptions": {"Enabled": False},
        "MetadataOptions": {
            "State": "applied",
            "HttpTokens": "required" if image and image.imds_v2 else "optional",
            "HttpPutResponseHopLimit": 2 if image and image.imds_v2 else 1,
            "HttpEndpoint": "enabled",
            "HttpProtocolIpv6": "disabled",
            "InstanceMetadataTags": "disabled",
        },
        "PlatformDetails": image.platform_details if image else "Linux/UNIX",
        "UsageOperation": "RunInstances:0002" if image and image.platform == "windows" else "RunInstances",
        "UsageOperationUpdateTime": instance.server.created_at,
        "PrivateDnsNameOptions": {
            "HostnameType": "ip-name",
            "EnableResourceNameDnsARecord": False,
            "EnableResourceNameDnsAAAARecord": False,
        },
        "MaintenanceOptions": {"AutoRecovery": "default"},
    }
    if image and image.boot_mode:
        told["BootMode"] = image.boot_mode
    return told


def _end(instance: Instance) -> dict[str, Any]:
    """Why it does not run, in the two forms EC2 has for it."""
    server = instance.server
    if server.status is ServerStatus.ERROR:
        words = server.fault or "Internal error on launch"
        return {"StateReason": {"Code": "Server.InternalError", "Message": f"Server.InternalError: {words}"}}
    if instance.state[1] not in {"stopping", "stopped", "shutting-down", "terminated"}:
        return {}
    return {
        "StateTransitionReason": f"User initiated ({server.updated_at:%Y-%m-%d %H:%M:%S} GMT)",
        "StateReason": {
            "Code": "Client.UserInitiatedShutdown",
            "Message": "Client.UserInitiatedShutdown: User initiated shutdown",
        },
    }


def _network(instance: Instance) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if instance.network_id:
        told["VpcId"] = arns.resource_id(arns.NETWORK, instance.network_id)
    if instance.subnet:
        told["SubnetId"] = arns.subnet_id(instance.subnet.id)
    if instance.private_address:
        told["PrivateIpAddress"] = instance.private_address
    if instance.public_address:
        told["PublicIpAddress"] = instance.public_address
    if interface := interface_of(instance):
        told["NetworkInterfaces"] = [interface]
    return told


def interface_of(instance: Instance) -> dict[str, Any] | None:
    """Its network interface as part of the instance; None before it has an address and once it is gone."""
    if not instance.private_address or not instance.network_id:
        return None
    association = {}
    if instance.public_address:
        association = {"Association": {"IpOwnerId": "amazon", "PublicDnsName": "", "PublicIp": instance.public_address}}
    told: dict[str, Any] = {
        **association,
        "Attachment": {
            "AttachTime": instance.server.created_at,
            "AttachmentId": arns.derived_id(arns.INTERFACE_ATTACHMENT, instance.server.id, "0"),
            "DeleteOnTermination": True,
            "DeviceIndex": 0,
            "Status": "attached",
            "NetworkCardIndex": 0,
        },
        "Description": "",
        "Groups": instance.groups,
        "NetworkInterfaceId": instance.interface_id,
        "OwnerId": instance.around.account,
        "PrivateDnsName": instance.private_name,
        "PrivateIpAddress": instance.private_address,
        "PrivateIpAddresses": [
            {
                **association,
                "Primary": True,
                "PrivateDnsName": instance.private_name,
                "PrivateIpAddress": instance.private_address,
            }
        ],
        "SourceDestCheck": True,
        "Status": "in-use",
        "VpcId": arns.resource_id(arns.NETWORK, instance.network_id),
        "InterfaceType": "interface",
    }
    if instance.server.mac_address:
        told["MacAddress"] = instance.server.mac_address
    if instance.subnet:
        told["SubnetId"] = arns.subnet_id(instance.subnet.id)
    return told


def _attached(instance: Instance, device: str, volume: str, disk: BlockDevice) -> dict[str, Any]:
    return {
        "DeviceName": device,
        "Ebs": {
            "AttachTime": instance.server.created_at,
            "DeleteOnTermination": disk.delete_on_termination,
            "Status": "attached",
            "VolumeId": volume,
        },
    }
