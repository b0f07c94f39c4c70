"""A server in EC2's words: its state, disks, interface and all else that an instance is described by."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from backend.domain.addresses import MadeInterface
from backend.domain.identities import PROFILE_TAG, InstanceProfile, noted_profile
from backend.domain.names import Names
from backend.domain.node import ServerStatus
from backend.domain.profile import BlockDevice
from backend.drivers.compute import Flavor, Server
from backend.drivers.images import Image
from backend.drivers.network import Network, SecurityGroup, Subnet
from backend.drivers.volumes import Volume
from backend.errors import CloudNotReached, CloudRefused, NotPermitted
from translators import arns
from translators.ec2 import disks
from translators.ec2.disks import Disk
from translators.nouns import Members
from translators.registry import Call

T = TypeVar("T")
V = TypeVar("V")

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
ENDED: Final = frozenset({"stopping", "stopped", "shutting-down", "terminated"})


class _Once(Generic[T, V]):
    """A property that is computed once; functools' own takes a lock each time in Python 3.11, which costs more."""

    def __init__(self, function: Callable[[T], V]) -> None:
        self._function = function
        self._name = function.__name__
        self.__doc__ = function.__doc__

    def __get__(self, instance: T, _: type[T]) -> V:
        value = self._function(instance)
        instance.__dict__[self._name] = value
        return value


class Surroundings:
    """What the servers of the caller's project may refer to, each listed when it is first asked for.

    By the cloud's ids; types and zones by name.
    """

    def __init__(self, call: Call, tokens: Mapping[str, str] | None = None) -> None:
        self._backend = call.backend
        self._scope = call.scope
        self.account = call.account_id
        self.region = call.region
        self.names = call.backend.names
        if tokens is not None:
            self.tokens = tokens

    @_Once
    def images(self) -> Mapping[str, Image]:
        return {image.id: image for image in self._backend.catalog.images(self._scope)}

    @_Once
    def subnets(self) -> Mapping[str, Subnet]:
        return {subnet.id: subnet for subnet in self._backend.catalog.subnets(self._scope)}

    @property
    def networks(self) -> Sequence[Network]:
        return self._backend.catalog.networks(self._scope)

    @_Once
    def groups(self) -> Mapping[str, SecurityGroup]:
        return {group.id: group for group in self._backend.catalog.security_groups(self._scope)}

    @_Once
    def flavors(self) -> Mapping[str, Flavor]:
        return {flavor.name: flavor for flavor in self._backend.catalog.flavors(self._scope)}

    @_Once
    def zone_ids(self) -> Mapping[str, str]:
        return {zone.name: zone.zone_id for zone in self._backend.catalog.zones(self._scope)}

    @_Once
    def volumes(self) -> Mapping[str, Volume] | None:
        """The block storage's volumes; None where it cannot be asked: instances are told without their disks then."""
        try:
            return {volume.id: volume for volume in self._backend.volumes.list(self._scope)}
        except (CloudNotReached, CloudRefused, NotPermitted):
            return None

    @_Once
    def public_addresses(self) -> Mapping[str, str]:
        """The public address that leads to each server, where rows know it."""
        return self._backend.addresses.of_servers(self._scope)

    @_Once
    def interfaces(self) -> Mapping[str, Sequence[MadeInterface]]:
        """The made interfaces that servers have, by server, in the order of their indexes."""
        return self._backend.interfaces.of_servers(self._scope)

    @_Once
    def leading(self) -> Mapping[str, str]:
        """The public addresses that lead to made interfaces, by the digits of these."""
        addresses = self._backend.addresses.list(self._scope)
        return {each.interface_id: each.address for each in addresses if each.interface_id}

    @_Once
    def tokens(self) -> Mapping[str, str]:
        """The client token that servers were asked for with."""
        return self._backend.servers.tokens(self._scope)

    @_Once
    def profiles(self) -> Mapping[str, InstanceProfile]:
        """The instance profiles there are, by id."""
        return {each.id: each for each, _ in self._backend.instance_profiles.list(self._scope)}

    @_Once
    def kept_tags(self) -> Mapping[str, Mapping[str, str]]:
        """Tags of all that is no server, by its id at AWS."""
        return self._backend.resource_tags.all(self._scope)


@dataclass(frozen=True)
class Instance:
    """A server with what it refers to."""

    server: Server
    around: Surroundings

    @property
    def id(self) -> str:
        return arns.instance_id(self.server.id)

    @_Once
    def gone(self) -> bool:
        return self.server.status is ServerStatus.DELETED

    @property
    def state(self) -> tuple[int, str]:
        return STATES[self.server.status]

    @_Once
    def image(self) -> Image | None:
        return self.around.images.get(self.server.image_id or "")

    @_Once
    def flavor(self) -> Flavor | None:
        return self.around.flavors.get(self.server.flavor)

    @_Once
    def subnet(self) -> Subnet | None:
        if self.gone:
            return None
        # Of a server that is new the cloud may not tell yet where it is: the interface that it was launched with does.
        return self.around.subnets.get((self.server.subnet_id if self.made is None else self.made.subnet_id) or "")

    @_Once
    def network_id(self) -> str | None:
        if self.gone:
            return None
        return self.server.network_id or (self.subnet.network_id if self.subnet else None)

    @_Once
    def made(self) -> MadeInterface | None:
        """The interface that it was launched with, where that was made before; it has none from birth then."""
        return next((each for each in self._interfaces if each.device_index == 0), None)

    @_Once
    def attached(self) -> list[MadeInterface]:
        """Interfaces that it got later."""
        return [each for each in self._interfaces if each.device_index != 0]

    @_Once
    def _interfaces(self) -> Sequence[MadeInterface]:
        return () if self.gone else self.around.interfaces.get(self.server.id, ())

    @_Once
    def private_address(self) -> str | None:
        if self.gone:
            return None
        return self.server.private_address if self.made is None else self.made.address

    @_Once
    def private_name(self) -> str:
        """The name that EC2 gives an address of a network; whether it resolves is the operator's affair."""
        address = self.private_address
        return self.around.names.of_private(address, self.around.region) if address else ""

    @_Once
    def public_address(self) -> str | None:
        if self.gone:
            return None
        # A cloud may tell of an address long after it was led elsewhere.
        return self.around.public_addresses.get(self.server.id) or self.server.public_address

    @_Once
    def public_name(self) -> str:
        address = self.public_address
        return self.around.names.of_public(address, self.around.region) if address else ""

    @property
    def architecture(self) -> str:
        if self.image:
            return self.image.architecture
        return self.flavor.architectures[0] if self.flavor and self.flavor.architectures else "x86_64"

    @_Once
    def root_device(self) -> str:
        return self.image.root_device if self.image else _ROOT

    @property
    def zone_id(self) -> str | None:
        return self.around.zone_ids.get(self.server.zone)

    @_Once
    def interface_id(self) -> str:
        if self.made is not None:
            return f"{arns.INTERFACE}-{self.made.id}"
        return arns.derived_id(arns.INTERFACE, self.server.id, "0")

    @property
    def source_check(self) -> bool:
        return self.server.options.source_check if self.made is None else self.made.source_dest_check

    @property
    def interface_tags(self) -> list[tuple[str, str]]:
        """Those of all of its interfaces."""
        ids = [self.interface_id, *(f"{arns.INTERFACE}-{each.id}" for each in self.attached)]
        return [tag for each in ids for tag in self.around.kept_tags.get(each, {}).items()]

    @_Once
    def profile(self) -> dict[str, str] | None:
        """Its instance profile, as it was named when it got it; None where it has none, and once it is gone."""
        noted = None if self.gone else noted_profile(self.server.tags)
        if noted is None:
            return None
        profile_id, name = noted
        known = self.around.profiles.get(profile_id)
        path, name = ("/", name) if known is None else (known.path, known.name)
        return {"Arn": arns.iam(self.around.account, "instance-profile", path, name), "Id": profile_id}

    @property
    def client_token(self) -> str:
        return self.around.tokens.get(self.server.id, "")

    @property
    def reservation(self) -> str:
        given = self.server.reservation_id
        return given if _RESERVATION.fullmatch(given) else arns.derived_id(arns.RESERVATION, given or self.server.id)

    @_Once
    def groups(self) -> list[dict[str, str]]:
        """Its security groups; a terminated instance has none."""
        if self.gone:
            return []
        if self.made is not None:
            return self.groups_of(self.made)
        return [self._group(group) for group in self.server.security_group_ids]

    def groups_of(self, made: MadeInterface) -> list[dict[str, str]]:
        """Those of an interface that it has."""
        known = {group.short_id: group.id for group in self.around.groups.values()}
        return [self._group(known.get(short, short)) for short in made.groups]

    def _group(self, group_id: str) -> dict[str, str]:
        group = self.around.groups.get(group_id)
        name = {"GroupName": group.name} if group else {}
        return {"GroupId": arns.resource_id(arns.SECURITY_GROUP, group_id), **name}

    def disks(self) -> list[Disk]:
        """Its volumes, the root's first; none once it is gone."""
        if self.gone:
            return []
        if not self.server.volumes and not self.server.block_devices and not self.server.root_volume:
            return [disks.own(self.server, self.image, self.root_device, BlockDevice(self.root_device))]
        real = self._volumes()
        if real is None:
            return []
        own = {device.device: device for device in self.server.block_devices}
        root = own.pop(self.root_device, BlockDevice(self.root_device, suppressed=self.server.root_volume))
        taken = {disk.device for disk in real}
        bare = [disk for disk in (root, *own.values()) if not disk.suppressed and disk.ephemeral is None]
        still = [disk for disk in bare if disk.device not in taken]
        found = [*(disks.own(self.server, self.image, self.root_device, disk) for disk in still), *real]
        return sorted(found, key=lambda disk: disk.device != self.root_device)

    def _volumes(self) -> list[Disk] | None:
        """The block storage's volumes that it has; None where these are not told now."""
        if not self.server.volumes:
            return []
        volumes = self.around.volumes
        if volumes is None:
            return None
        found = ((volumes.get(each), goes) for each, goes in self.server.volumes.items())
        return [disks.attached(volume, self.root_device, goes=goes) for volume, goes in found if volume is not None]


def instances(call: Call) -> list[Instance]:
    """Every server of the project as an instance, the oldest first."""
    around = Surroundings(call)
    return [Instance(server, around) for server in call.backend.servers.list(call.scope)]


def tags_of(server: Server) -> Mapping[str, str]:
    """A server's tags but for what Coppice notes among them."""
    tags = server.tags
    return tags if PROFILE_TAG not in tags else {key: tags[key] for key in tags if key != PROFILE_TAG}


def state(status: ServerStatus) -> dict[str, Any]:
    """A status as EC2's ``InstanceState``."""
    code, name = STATES[status]
    return {"Code": code, "Name": name}


def interfaces_of(instance: Instance) -> list[dict[str, Any]]:
    """Its network interfaces as parts of the instance; none before it has an address and once it is gone."""
    own = interface_of(instance)
    leading = instance.around.leading if instance.attached else {}
    return [] if own is None else [own, *(_made(instance, each, leading.get(each.id)) for each in instance.attached)]


def interface_of(instance: Instance) -> dict[str, Any] | None:
    """The first of them."""
    if instance.made is not None:
        return _made(instance, instance.made, instance.public_address)
    if not instance.private_address or not instance.network_id:
        return None
    told = {
        "Attachment": _of_birth(instance),
        "Description": "",
        "Groups": instance.groups,
        "NetworkInterfaceId": instance.interface_id,
        "SourceDestCheck": instance.source_check,
        "VpcId": arns.resource_id(arns.NETWORK, instance.network_id),
    }
    if instance.server.mac_address:
        told["MacAddress"] = instance.server.mac_address
    if instance.subnet:
        told["SubnetId"] = arns.subnet_id(instance.subnet.id)
    return {**_part(instance), **told, **_addressed(instance, instance.private_address, instance.public_address)}


def _made(instance: Instance, made: MadeInterface, public: str | None) -> dict[str, Any]:
    """One that was made by itself."""
    told = {"Attachment": attachment(made), "Groups": instance.groups_of(made)}
    return {**_part(instance), **made_words(made), **told, **_addressed(instance, made.address, public)}


def made_words(made: MadeInterface) -> dict[str, Any]:
    """What is told of an interface that was made, wherever that is, but for its addresses and groups."""
    return {
        "Description": made.description,
        "MacAddress": made.mac,
        "NetworkInterfaceId": f"{arns.INTERFACE}-{made.id}",
        "SourceDestCheck": made.source_dest_check,
        "SubnetId": f"{arns.SUBNET}-{made.subnet}",
        "VpcId": f"{arns.NETWORK}-{made.vpc}",
    }


def _part(instance: Instance) -> dict[str, Any]:
    """What is told of all interfaces that an instance has."""
    return {"InterfaceType": "interface", "OwnerId": instance.around.account, "Status": "in-use"}


def _addressed(instance: Instance, private: str, public: str | None) -> dict[str, Any]:
    """The addresses of one of them."""
    names, region = instance.around.names, instance.around.region
    led = (
        {"IpOwnerId": "amazon", "PublicDnsName": names.of_public(public, region), "PublicIp": public} if public else {}
    )
    return addressed(private, names, region, {"Association": led} if led else {})


def addressed(private: str, names: Names, region: str, public: Mapping[str, Any]) -> dict[str, Any]:
    """An interface's private address, with the association of the public one that leads there."""
    own = {"PrivateDnsName": names.of_private(private, region), "PrivateIpAddress": private}
    return {**public, **own, "PrivateIpAddresses": [{**public, "Primary": True, **own}]}


def attachment(made: MadeInterface) -> dict[str, Any]:
    """How a made interface is a server's."""
    attachment_id = f"{arns.INTERFACE_ATTACHMENT}-{made.attachment_id}"
    return _attached(made.attached_at, attachment_id, goes=made.delete_on_termination, index=made.device_index)


def _of_birth(instance: Instance) -> dict[str, Any]:
    """How an instance has the interface that came with it."""
    attachment_id = arns.derived_id(arns.INTERFACE_ATTACHMENT, instance.server.id, "0")
    return _attached(instance.server.created_at, attachment_id, goes=True, index=0)


def _attached(at: datetime | None, attachment_id: str, *, goes: bool, index: int | None) -> dict[str, Any]:
    return {
        "AttachTime": at,
        "AttachmentId": attachment_id,
        "DeleteOnTermination": goes,
        "DeviceIndex": index,
        "Status": "attached",
        "NetworkCardIndex": 0,
    }


INTERFACE_PATHS: Final[Mapping[str, str]] = {
    "addresses.association.public-ip": "PrivateIpAddresses.Association.PublicIp",
    "addresses.primary": "PrivateIpAddresses.Primary",
    "addresses.private-ip-address": "PrivateIpAddresses.PrivateIpAddress",
    "association.ip-owner-id": "Association.IpOwnerId",
    "association.public-ip": "Association.PublicIp",
    "attachment.attach-time": "Attachment.AttachTime",
    "attachment.attachment-id": "Attachment.AttachmentId",
    "attachment.delete-on-termination": "Attachment.DeleteOnTermination",
    "attachment.device-index": "Attachment.DeviceIndex",
    "attachment.status": "Attachment.Status",
    "description": "Description",
    "group-id": "Groups.GroupId",
    "group-name": "Groups.GroupName",
    "mac-address": "MacAddress",
    "network-interface-id": "NetworkInterfaceId",
    "owner-id": "OwnerId",
    "private-dns-name": "PrivateDnsName",
    "private-ip-address": "PrivateIpAddress",
    "source-dest-check": "SourceDestCheck",
    "status": "Status",
    "subnet-id": "SubnetId",
    "vpc-id": "VpcId",
}
"""Filters that look at an interface in the same words, in the list of interfaces and in that of instances."""


def _windows(instance: Instance) -> bool:
    return instance.image is not None and instance.image.platform == "windows"


def _placement(instance: Instance) -> dict[str, Any]:
    server = instance.server
    told: dict[str, Any] = {
        "AvailabilityZone": server.zone,
        "GroupName": server.server_group_name or "",
        "Tenancy": "default",
    }
    if server.server_group_id:
        told["GroupId"] = arns.resource_id(arns.PLACEMENT_GROUP, server.server_group_id)
    if server.partition is not None:
        told["PartitionNumber"] = server.partition
    if instance.zone_id:
        told["AvailabilityZoneId"] = instance.zone_id
    return told


def _cpus(instance: Instance) -> dict[str, Any]:
    flavor = instance.flavor
    threads = (flavor.threads_per_core if flavor else None) or 1
    cores = (flavor.cores if flavor else None) or max(1, (flavor.vcpus if flavor else 1) // threads)
    chosen = instance.server.options
    return {"CoreCount": chosen.cores or cores, "ThreadsPerCore": chosen.threads or threads}


def _name_options(instance: Instance) -> dict[str, Any]:
    chosen = instance.server.options
    return {
        "HostnameType": chosen.hostname or "ip-name",
        "EnableResourceNameDnsARecord": chosen.a_record,
        "EnableResourceNameDnsAAAARecord": chosen.aaaa_record,
    }


def metadata_words(instance: Instance) -> dict[str, Any]:
    """Its metadata options: as they were set, else as its image makes them."""
    second = instance.image is not None and instance.image.imds_v2
    chosen = instance.server.options
    return {
        "State": "applied",
        "HttpTokens": chosen.tokens or ("required" if second else "optional"),
        "HttpPutResponseHopLimit": chosen.hops or (2 if second else 1),
        "HttpEndpoint": chosen.endpoint or "enabled",
        "HttpProtocolIpv6": chosen.ipv6 or "disabled",
        "InstanceMetadataTags": chosen.metadata_tags or "disabled",
    }


def credit_option(instance: Instance) -> str:
    """Its credits, as they were set, else as its type makes them."""
    return instance.server.options.credits or ("standard" if instance.server.flavor.startswith("t2.") else "unlimited")


def _maintenance(instance: Instance) -> dict[str, str]:
    chosen = instance.server.options
    told = {"AutoRecovery": chosen.recovery or "default"}
    return {**told, "RebootMigration": chosen.reboot_migration} if chosen.reboot_migration else told


def _transition(instance: Instance) -> str:
    ended = instance.state[1] in ENDED and instance.server.status is not ServerStatus.ERROR
    return f"User initiated ({instance.server.updated_at:%Y-%m-%d %H:%M:%S} GMT)" if ended else ""


def _reason(instance: Instance) -> dict[str, str] | None:
    """Why it does not run."""
    if instance.server.status is ServerStatus.ERROR:
        words = instance.server.fault or "Internal error on launch"
        return {"Code": "Server.InternalError", "Message": f"Server.InternalError: {words}"}
    if instance.state[1] not in ENDED:
        return None
    return {
        "Code": "Client.UserInitiatedShutdown",
        "Message": "Client.UserInitiatedShutdown: User initiated shutdown",
    }


MEMBERS: Final[Members[Instance]] = {
    "InstanceId": lambda instance: instance.id,
    "ImageId": lambda instance: arns.image_id(instance.server.image_id) if instance.server.image_id else "",
    "State": lambda instance: state(instance.server.status),
    "PrivateDnsName": lambda instance: instance.private_name,
    "PublicDnsName": lambda instance: instance.public_name,
    "StateTransitionReason": _transition,
    "StateReason": _reason,
    "KeyName": lambda instance: instance.server.key_name or None,
    "AmiLaunchIndex": lambda instance: instance.server.index,
    "ProductCodes": (),
    "InstanceType": lambda instance: instance.server.flavor,
    "InstanceLifecycle": lambda instance: "spot" if instance.server.preemptible else None,
    "LaunchTime": lambda instance: instance.server.created_at,
    "Placement": _placement,
    "Monitoring": lambda instance: {"State": "enabled" if instance.server.options.monitored else "disabled"},
    "VpcId": lambda instance: arns.resource_id(arns.NETWORK, instance.network_id) if instance.network_id else None,
    "SubnetId": lambda instance: arns.subnet_id(instance.subnet.id) if instance.subnet else None,
    "PrivateIpAddress": lambda instance: instance.private_address or None,
    "PublicIpAddress": lambda instance: instance.public_address or None,
    "Architecture": lambda instance: instance.architecture,
    "BlockDeviceMappings": lambda instance: [disks.mapping(disk) for disk in instance.disks()],
    "ClientToken": lambda instance: instance.client_token,
    "IamInstanceProfile": lambda instance: instance.profile,
    "EbsOptimized": lambda instance: instance.server.options.ebs_optimized,
    "EnaSupport": lambda instance: instance.image.ena if instance.image else True,
    "Hypervisor": "xen",
    "NetworkInterfaces": interfaces_of,
    "RootDeviceName": lambda instance: instance.root_device,
    "RootDeviceType": lambda instance: instance.image.root_device_type if instance.image else "ebs",
    "SecurityGroups": lambda instance: instance.groups,
    "SourceDestCheck": lambda instance: instance.source_check,
    "VirtualizationType": lambda instance: instance.image.virtualization if instance.image else "hvm",
    "Platform": lambda instance: "windows" if _windows(instance) else None,
    "PlatformDetails": lambda instance: instance.image.platform_details if instance.image else "Linux/UNIX",
    "UsageOperation": lambda instance: "RunInstances:0002" if _windows(instance) else "RunInstances",
    "UsageOperationUpdateTime": lambda instance: instance.server.created_at,
    "BootMode": lambda instance: (instance.image.boot_mode or None) if instance.image else None,
    "CpuOptions": _cpus,
    "CapacityReservationSpecification": {"CapacityReservationPreference": "open"},
    "HibernationOptions": {"Configured": False},
    "EnclaveOptions": {"Enabled": False},
    "MetadataOptions": metadata_words,
    "PrivateDnsNameOptions": _name_options,
    "MaintenanceOptions": _maintenance,
}
"""An instance as DescribeInstances tells of it, but for its tags."""
